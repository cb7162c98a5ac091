#include "model/text/media_reader.h"

#include <array>
#include <bit>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/json.h"

namespace peira::model {
namespace {

struct ProcessorFile {
  std::string text;
  std::string where;
};

// The text of `file`, else of the member `member` of processor_config.json, which transformers 5
// writes.
std::optional<ProcessorFile> processor_file(const CheckpointFiles& files, const char* file,
                                            const char* member) {
  if (const auto text = files.open_text(file)) {
    return ProcessorFile{std::string(*text), files.where(file)};
  }
  constexpr const char* kJoint = "processor_config.json";
  const auto text = files.open_text(kJoint);
  if (!text) return std::nullopt;
  const Json joint = parse_json(*text, files.where(kJoint));
  if (!joint.is_object() || !joint.contains(member)) return std::nullopt;
  return ProcessorFile{dump_json(joint[member]), files.where(kJoint) + ": " + member};
}

void take_patch_sizes(const ModelConfig& config, ImageProcessorConfig& out) {
  if (!config.vision_config) return;
  out.patch_size = config.vision_config->patch_size;
  out.temporal_patch_size = config.vision_config->temporal_patch_size;
  out.merge_size = config.vision_config->spatial_merge_size;
}

Json settings_of(const ImageProcessorConfig& config) {
  return {{"patch_size", config.patch_size}, {"temporal_patch_size", config.temporal_patch_size},
          {"merge_size", config.merge_size}, {"min_pixels", config.min_pixels},
          {"max_pixels", config.max_pixels}, {"image_mean", config.image_mean},
          {"image_std", config.image_std},   {"rescale_factor", config.rescale_factor}};
}

Medium medium_of(Modality modality, VisionFeatures features, const std::string& name) {
  Medium medium;
  medium.modality = modality;
  medium.grid_t = features.grid_t;
  medium.grid_h = features.grid_h;
  medium.grid_w = features.grid_w;
  medium.features = std::move(features.patches);
  medium.name = name;
  return medium;
}

}  // namespace

Modality modality_of(PartKind kind) {
  switch (kind) {
    case PartKind::kImage:
      return Modality::kImage;
    case PartKind::kVideo:
      return Modality::kVideo;
    case PartKind::kAudio:
      return Modality::kAudio;
    case PartKind::kText:
      break;
  }
  throw Error(ErrorCode::kInternal, "text is no medium");
}

std::string digest_of(const Medium& medium) {
  const std::array<std::int64_t, 5> sizes{static_cast<std::int64_t>(medium.modality), medium.grid_t,
                                          medium.grid_h, medium.grid_w,
                                          std::bit_cast<std::int64_t>(medium.seconds_per_grid)};
  Sha256 hash;
  hash.update(std::as_bytes(std::span(sizes)));
  hash.update(std::as_bytes(std::span(medium.features.data(), medium.features.size())));
  if (medium.sound != nullptr) hash.update(medium.sound->digest);
  return hash.hex();
}

MediaReader::MediaReader(const CheckpointFiles& files, const ModelConfig& config,
                         std::int64_t max_kept_bytes)
    : follows_clock_(config.video_layout == VideoLayout::kOneBlock),
      hears_(config.audio_config.has_value()),
      max_kept_bytes_(max_kept_bytes) {
  take_patch_sizes(config, image_);
  take_patch_sizes(config, video_.image);
  if (follows_clock_) {
    // As the processor of Qwen3-Omni has it: of one frame, 128 to 768 tokens.
    const std::int64_t side = std::int64_t{video_.image.patch_size} * video_.image.merge_size;
    video_.per_frame = true;
    video_.min_pixels = 128 * side * side;
    video_.max_pixels = 768 * side * side;
    video_.max_video_tokens = 128'000;
  }
  if (const auto file = processor_file(files, "preprocessor_config.json", "image_processor")) {
    image_ = image_processor_config(file->text, file->where);
  }
  if (const auto file =
          processor_file(files, "video_preprocessor_config.json", "video_processor")) {
    video_ = video_processor_config(file->text, file->where, video_);
  }
  if (!hears_) return;
  mel_.feature_size = config.audio_config->num_mel_bins;
  if (const auto file = processor_file(files, "preprocessor_config.json", "feature_extractor")) {
    mel_ = mel_config(file->text, file->where);
  }
}

std::string MediaReader::settings() const {
  Json video = settings_of(video_.image);
  video["fps"] = video_.fps;
  video["num_frames"] = video_.num_frames;
  video["min_frames"] = video_.min_frames;
  video["max_frames"] = video_.max_frames;
  video["min_pixels"] = video_.min_pixels;
  video["max_pixels"] = video_.max_pixels;
  video["cap_pixels_per_frame"] = video_.cap_pixels_per_frame;
  video["max_video_tokens"] = video_.max_video_tokens;
  video["per_frame"] = video_.per_frame;
  Json out{{"image", settings_of(image_)}, {"video", std::move(video)}};
  if (hears_) {
    out["audio"] = {{"sampling_rate", mel_.sampling_rate},
                    {"n_fft", mel_.n_fft},
                    {"hop_length", mel_.hop_length},
                    {"feature_size", mel_.feature_size}};
  }
  return dump_json(out);
}

std::shared_ptr<const Medium> MediaReader::decode_sound(std::string_view bytes,
                                                        const std::string& name) const {
  const AudioClip clip = decode_audio(bytes, name, {.sample_rate = mel_.sampling_rate});
  MelFeatures features = log_mel(clip, mel_, name);
  Medium medium;
  medium.modality = Modality::kAudio;
  medium.grid_t = static_cast<std::int32_t>(features.num_frames);
  medium.features = std::move(features.values);
  medium.name = name;
  medium.digest = digest_of(medium);
  return std::make_shared<const Medium>(std::move(medium));
}

ReadMedium MediaReader::decode(PartKind kind, std::string_view bytes, const std::string& name,
                               bool with_sound) const {
  ReadMedium out;
  if (kind == PartKind::kAudio) {
    out.medium = decode_sound(bytes, name);
    return out;
  }
  Medium medium;
  if (kind == PartKind::kImage) {
    DecodeOptions options;
    options.alpha = image_.alpha;
    medium = medium_of(Modality::kImage,
                       image_features(decode_image(bytes, name, options), image_, name), name);
  } else {
    Video video(bytes, name);
    VideoFeatures features = video_features(video, video_, name);
    const auto num_frames = static_cast<double>(features.frames.size());
    medium = medium_of(Modality::kVideo, std::move(features.vision), name);
    out.timestamps_s = std::move(features.timestamps_s);
    if (follows_clock_) {
      // What the reference makes of the rate that frames were asked for, also where limits gave
      // more or fewer.
      const double fps =
          video_.num_frames > 0 ? num_frames / video.info().duration_s() : video_.fps;
      medium.seconds_per_grid = video_.image.temporal_patch_size / fps;
    }
    if (with_sound && hears_ && video.info().has_sound) medium.sound = decode_sound(bytes, name);
  }
  medium.digest = digest_of(medium);
  out.medium = std::make_shared<const Medium>(std::move(medium));
  return out;
}

ReadMedium MediaReader::read(const Part& part, const std::string& name, bool with_sound) {
  const std::string shown = part.path.empty() ? name : part.path.string();
  const bool is_file = part.bytes.empty() && !part.path.empty();
  const std::string file = is_file ? read_file(part.path) : std::string();
  const std::string_view bytes = is_file ? file : part.bytes;
  const std::string key = std::string(name_of(modality_of(part.kind))) +
                          (with_sound ? " with sound " : " ") + sha256_hex(bytes);
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    kept_.splice(kept_.begin(), kept_, found->second);
    return found->second->medium;
  }
  ReadMedium medium = decode(part.kind, bytes, shown, with_sound);
  ++num_read_;
  const auto size_of = [](const ReadMedium& one) {
    std::size_t count = one.medium->features.size();
    if (one.medium->sound != nullptr) count += one.medium->sound->features.size();
    return static_cast<std::int64_t>(count * sizeof(float));
  };
  if (size_of(medium) > max_kept_bytes_) return medium;
  kept_.push_front({key, medium});
  by_key_.emplace(key, kept_.begin());
  kept_bytes_ += size_of(medium);
  while (kept_bytes_ > max_kept_bytes_) {
    kept_bytes_ -= size_of(kept_.back().medium);
    by_key_.erase(kept_.back().key);
    kept_.pop_back();
  }
  return medium;
}

}  // namespace peira::model
