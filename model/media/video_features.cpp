#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "model/media/processor_json.h"
#include "model/media/video.h"

namespace peira::model {

namespace {

constexpr double kMaxAspect = 200;

}  // namespace

VideoProcessorConfig read_video_processor_config(const std::filesystem::path& file) {
  return video_processor_config(read_file(file), file.string());
}

VideoProcessorConfig video_processor_config(std::string_view text, const std::string& where,
                                            const VideoProcessorConfig& defaults) {
  VideoProcessorConfig config = defaults;
  const ProcessorJson json(text, where);
  json.read_shared(config.image);
  json.read_pixel_limits(config.min_pixels, config.max_pixels);
  json.read("min_frames", 1 << 20, config.min_frames);
  json.read("max_frames", 1 << 20, config.max_frames);
  json.read("num_frames", 1 << 20, config.num_frames);
  json.read("max_video_tokens", 1 << 20, config.max_video_tokens);
  json.read_positive("fps", config.fps);
  json.read("cap_pixels_per_frame", config.cap_pixels_per_frame);
  if (config.min_frames > config.max_frames) {
    json.refuse("min_frames is " + std::to_string(config.min_frames) + " but max_frames is " +
                std::to_string(config.max_frames));
  }
  return config;
}

namespace {

// A whole number of temporal patches, at equal steps.
std::vector<std::int64_t> stepped_frames(std::int64_t total, double fps,
                                         const VideoProcessorConfig& config) {
  const auto step = static_cast<double>(config.image.temporal_patch_size);
  double count = 0;
  if (config.num_frames > 0) {
    count = std::nearbyint(static_cast<double>(config.num_frames) / step) * step;
  } else {
    const auto frames = static_cast<double>(total);
    const double most =
        std::floor(std::min(static_cast<double>(config.max_frames), frames) / step) * step;
    const double wanted =
        std::min({std::max(frames / fps * config.fps, static_cast<double>(config.min_frames)), most,
                  frames});
    count = std::floor(wanted / step) * step;
  }
  std::vector<std::int64_t> indices;
  if (count < 1 || count > static_cast<double>(total)) return indices;  // told by the resize
  // torch.arange in float32, of which the whole part counts.
  const double stride = static_cast<double>(total) / count;
  for (std::int64_t i = 0; static_cast<double>(i) * stride < static_cast<double>(total); ++i) {
    const auto at = static_cast<float>(static_cast<double>(i) * stride);
    indices.push_back(std::min(static_cast<std::int64_t>(at), total - 1));
  }
  return indices;
}

}  // namespace

std::vector<std::int64_t> sample_frames(std::int64_t total, double fps,
                                        const VideoProcessorConfig& config) {
  if (config.per_frame) return stepped_frames(total, fps, config);
  std::int64_t count = config.num_frames;
  if (count == 0) {
    // Clamped before it is cast: a video of hours at a rate of thousands stays a number.
    const double wanted = std::min(static_cast<double>(total) / fps * config.fps, 1e15);
    count = std::min(
        {std::max(static_cast<std::int64_t>(wanted), config.min_frames), config.max_frames, total});
  }
  count = std::clamp<std::int64_t>(count, 1, total);
  std::vector<std::int64_t> indices;
  const double last = static_cast<double>(total - 1);
  // numpy.linspace: start + i * step, the last value exact.
  const double step = count > 1 ? last / static_cast<double>(count - 1) : 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double at = i + 1 == count && count > 1 ? last : static_cast<double>(i) * step;
    indices.push_back(static_cast<std::int64_t>(std::nearbyint(at)));
  }
  return indices;
}

ImageSize smart_resize_video(ImageSize size, std::int64_t num_frames,
                             const VideoProcessorConfig& config, const std::string& name) {
  const int factor = config.image.patch_size * config.image.merge_size;
  const int step = config.image.temporal_patch_size;
  if (num_frames < step) {
    throw Error(ErrorCode::kData,
                name + ": " + std::to_string(num_frames) + " frame shown, at least " +
                    std::to_string(step) +
                    " are needed\n  try: a higher frame rate, or send it as a picture");
  }
  if (config.per_frame) {
    std::int64_t most = config.max_pixels;
    if (config.cap_pixels_per_frame) {
      const auto budget = static_cast<std::int64_t>(
          static_cast<double>(config.max_video_tokens * factor * factor) * 0.9);
      most = std::max(std::min(most, budget * step / num_frames),
                      static_cast<std::int64_t>(static_cast<double>(config.min_pixels) * 1.05));
    }
    return smart_resize(size, factor, config.min_pixels, most, name);
  }
  double max_pixels = static_cast<double>(config.max_pixels);
  if (config.cap_pixels_per_frame) {
    const std::int64_t cap = config.max_video_tokens * factor * factor;
    const auto least = static_cast<std::int64_t>(static_cast<double>(config.min_pixels) * 1.05);
    max_pixels = static_cast<double>(
        std::max(std::min(cap, config.max_pixels / num_frames), least) * num_frames);
  }
  double height = size.height;
  double width = size.width;
  if (height < factor || width < factor) {
    const double scale = std::max(factor / height, factor / width);
    height = std::trunc(height * scale);
    width = std::trunc(width * scale);
  }
  if (std::max(height, width) / std::min(height, width) > kMaxAspect) {
    throw Error(ErrorCode::kData, name + ": frames of " + std::to_string(size.width) + "x" +
                                      std::to_string(size.height) +
                                      " pixels: one side is over 200 times the other");
  }
  const double frames = static_cast<double>(num_frames);
  double h = std::nearbyint(height / factor) * factor;
  double w = std::nearbyint(width / factor) * factor;
  const double t = std::nearbyint(frames / step) * step;
  if (t * h * w > max_pixels) {
    const double beta = std::sqrt(frames * height * width / max_pixels);
    h = std::max<double>(factor, std::floor(height / beta / factor) * factor);
    w = std::max<double>(factor, std::floor(width / beta / factor) * factor);
  } else if (t * h * w < static_cast<double>(config.min_pixels)) {
    const double beta =
        std::sqrt(static_cast<double>(config.min_pixels) / (frames * height * width));
    h = std::ceil(height * beta / factor) * factor;
    w = std::ceil(width * beta / factor) * factor;
  }
  return {static_cast<int>(h), static_cast<int>(w)};
}

VideoFeatures video_features(Video& video, const VideoProcessorConfig& config,
                             const std::string& name) {
  const VideoInfo& info = video.info();
  VideoFeatures features;
  features.frames = sample_frames(info.num_frames, info.fps, config);
  const ImageSize size = smart_resize_video(
      {info.height, info.width}, static_cast<std::int64_t>(features.frames.size()), config, name);
  std::vector<RgbImage> frames;
  // Resized as they come: a full frame is held only once.
  video.read(features.frames, [&](RgbImage frame) {
    frames.push_back(resize_bicubic(frame, size.height, size.width, config.image.resampler));
  });
  features.vision = patchify(frames, config.image);
  const auto step = static_cast<std::size_t>(config.image.temporal_patch_size);
  for (std::size_t first = 0; first < features.frames.size(); first += step) {
    const std::size_t last = std::min(first + step, features.frames.size()) - 1;
    const double from = static_cast<double>(features.frames[first]) / info.fps;
    const double to = static_cast<double>(features.frames[last]) / info.fps;
    features.timestamps_s.push_back((from + to) / 2);
  }
  return features;
}

}  // namespace peira::model
