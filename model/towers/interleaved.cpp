#include "model/towers/interleaved.h"

#include "base/error.h"

namespace peira::model {

std::vector<PlaceholderRun> interleaved(const std::vector<PlaceholderRun>& video,
                                        const std::vector<PlaceholderRun>& sound,
                                        const std::string& name) {
  if (video.size() != 1 || sound.size() != 1) {
    throw Error(ErrorCode::kUsage, name + ": this model takes no video together with its sound");
  }
  std::vector<PlaceholderRun> out;
  const PlaceholderRun* last = nullptr;
  const auto take = [&](const PlaceholderRun& from, std::size_t& at) {
    if (last != &from) {
      out.emplace_back();
      out.back().token = from.token;
      last = &from;
    }
    out.back().positions.push_back(from.positions[at++]);
  };
  const PlaceholderRun& frames = video.front();
  const PlaceholderRun& heard = sound.front();
  std::size_t v = 0, a = 0;
  while (v < frames.positions.size() && a < heard.positions.size()) {
    if (frames.positions[v][0] <= heard.positions[a][0]) {
      take(frames, v);
    } else {
      take(heard, a);
    }
  }
  while (v < frames.positions.size()) take(frames, v);
  while (a < heard.positions.size()) take(heard, a);
  // What follows counts from the one that ends last, even where the other's rows and columns reach
  // further.
  out.back().advance = last->advance;
  return out;
}

EncodedMedium joined(Backend& backend, const EncodedMedium& video, const EncodedMedium& sound,
                     const std::vector<PlaceholderRun>& runs, std::int32_t video_token) {
  const std::int64_t num_video = video.num_tokens();
  const std::int64_t num_sound = sound.num_tokens();
  const std::int64_t size = video.embeddings.shape()[1];
  std::vector<std::int32_t> order;
  auto next_video = std::int32_t{0};
  auto next_sound = static_cast<std::int32_t>(num_video);
  for (const PlaceholderRun& run : runs) {
    std::int32_t& next = run.token == video_token ? next_video : next_sound;
    for (std::size_t i = 0; i < run.positions.size(); ++i) order.push_back(next++);
  }
  const auto num_tokens = static_cast<std::int64_t>(order.size());
  const Tensor device_order = backend.allocate(DType::kI32, {num_tokens});
  backend.write(device_order.view(), order);
  const Tensor both = backend.allocate(DType::kF32, {num_video + num_sound, size});
  EncodedMedium out;
  const auto gather = [&](const Tensor& of_video) {
    backend.copy(of_video, both.slice(0, num_video));
    Tensor to = backend.allocate(DType::kF32, {num_tokens, size});
    backend.gather_rows(both, device_order, to.view());
    return to;
  };
  // The rows of sound are zeros until the embeddings come.
  for (const Tensor& features : video.deepstack) out.deepstack.push_back(gather(features));
  backend.copy(sound.embeddings, both.slice(num_video, num_sound));
  out.embeddings = gather(video.embeddings);
  return out;
}

}  // namespace peira::model
