#include "runner/endpoints/video_sending.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "datasets/subtitles.h"
#include "model/media/resize.h"
#include "model/media/video.h"

namespace peira::runner {
namespace {

constexpr std::int64_t kFramesByDefault = 32;
constexpr int kMostFrames = 2048;
constexpr int kMostSide = 16'384;

// A whole number from 1 to `most` that is all of `text`; 0 for anything else.
int number_of(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  return is_whole && value >= 1 && value <= most ? value : 0;
}

model::RgbImage within(model::RgbImage image, int longest_side) {
  const int side = std::max(image.height, image.width);
  if (longest_side == 0 || side <= longest_side) return image;
  const auto scaled = [&](int length) {
    const double exact = static_cast<double>(length) * longest_side / side;
    return std::max(1, static_cast<int>(exact + 0.5));
  };
  return model::resize_bicubic(image, scaled(image.height), scaled(image.width),
                               model::Resampler::kPillow);
}

}  // namespace

VideoSending VideoSending::parse(const std::string& text, const std::string& host) {
  VideoSending out;
  if (text == "part") return out;
  if (text == "auto") {
    if (host == "api.openai.com") out.num_frames = kFramesByDefault;
    return out;
  }
  constexpr std::string_view kFrames = "frames:";
  if (text.starts_with(kFrames)) {
    const std::string_view rest = std::string_view(text).substr(kFrames.size());
    const std::size_t at = rest.find('@');
    out.num_frames = number_of(rest.substr(0, at), kMostFrames);
    const bool has_side = at != std::string_view::npos;
    if (has_side) out.longest_side = number_of(rest.substr(at + 1), kMostSide);
    if (out.num_frames > 0 && (!has_side || out.longest_side > 0)) return out;
  }
  throw Error(ErrorCode::kUsage, "--endpoint-video " + text +
                                     ": one of auto, part, frames:N, frames:N@SIDE (1 to " +
                                     std::to_string(kMostFrames) + " frames)");
}

std::string VideoSending::text() const {
  if (num_frames == 0) return "part";
  return "frames:" + std::to_string(num_frames) +
         (longest_side == 0 ? "" : "@" + std::to_string(longest_side));
}

std::vector<std::int64_t> VideoSending::frames(std::int64_t total) const {
  return datasets::uniform_inclusive_frames(total, std::min(num_frames, total));
}

std::vector<Message> FrameMaker::sendable(const std::vector<Message>& messages) {
  if (sending_.num_frames == 0) return messages;
  std::vector<Message> out;
  for (const Message& message : messages) {
    Message& sent = out.emplace_back();
    sent.role = message.role;
    for (const Part& part : message.parts) {
      if (part.kind != PartKind::kVideo) {
        sent.parts.push_back(part);
        continue;
      }
      const std::vector<Part>& frames = frames_of(part);
      sent.parts.insert(sent.parts.end(), frames.begin(), frames.end());
    }
  }
  return out;
}

const std::vector<Part>& FrameMaker::frames_of(const Part& video) {
  const std::string read = video.bytes.empty() ? read_file(video.path) : std::string();
  const std::string_view bytes = video.bytes.empty() ? read : video.bytes;
  const std::string key = sha256_hex(bytes);
  if (key == last_key_) return last_frames_;
  last_key_.clear();
  last_frames_.clear();
  model::Video film(bytes, video.path.empty() ? "the video of the prompt" : video.path.string());
  film.read(sending_.frames(film.info().num_frames), [&](model::RgbImage image) {
    Part frame;
    frame.kind = PartKind::kImage;
    frame.bytes =
        model::encode_jpeg(within(std::move(image), sending_.longest_side), kFrameQuality);
    last_frames_.push_back(std::move(frame));
  });
  last_key_ = key;
  return last_frames_;
}

}  // namespace peira::runner
