#include "model/media/image_features.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/files.h"
#include "model/media/pixel_kernels.h"
#include "model/media/processor_json.h"

namespace peira::model {

namespace {

constexpr double kMaxAspect = 200;

// Python's round(): halves to even.
double round_half_even(double value) { return std::nearbyint(value); }

PixelScale pixel_scale(const ImageProcessorConfig& config) {
  PixelScale scale;
  // As the reference folds rescaling into normalisation: the inverse in double, the product in
  // float32.
  const auto inverse = static_cast<float>(1.0 / config.rescale_factor);
  for (std::size_t c = 0; c < 3; ++c) {
    scale.mean[c] = config.image_mean[c] * inverse;
    scale.std[c] = config.image_std[c] * inverse;
  }
  return scale;
}

}  // namespace

ImageProcessorConfig read_image_processor_config(const std::filesystem::path& file) {
  return image_processor_config(read_file(file), file.string());
}

ImageProcessorConfig image_processor_config(std::string_view text, const std::string& where) {
  ImageProcessorConfig config;
  const ProcessorJson json(text, where);
  json.read_shared(config);
  json.read_pixel_limits(config.min_pixels, config.max_pixels);
  return config;
}

ImageSize smart_resize(ImageSize size, int factor, std::int64_t min_pixels, std::int64_t max_pixels,
                       const std::string& name) {
  const double height = size.height;
  const double width = size.width;
  if (std::max(height, width) / std::min(height, width) > kMaxAspect) {
    throw Error(ErrorCode::kData, name + ": a picture of " + std::to_string(size.width) + "x" +
                                      std::to_string(size.height) +
                                      " pixels: one side is over 200 times the other");
  }
  double h = round_half_even(height / factor) * factor;
  double w = round_half_even(width / factor) * factor;
  if (h * w > static_cast<double>(max_pixels)) {
    const double beta = std::sqrt(height * width / static_cast<double>(max_pixels));
    h = std::max<double>(factor, std::floor(height / beta / factor) * factor);
    w = std::max<double>(factor, std::floor(width / beta / factor) * factor);
  } else if (h * w < static_cast<double>(min_pixels)) {
    const double beta = std::sqrt(static_cast<double>(min_pixels) / (height * width));
    h = std::ceil(height * beta / factor) * factor;
    w = std::ceil(width * beta / factor) * factor;
  }
  return {static_cast<int>(h), static_cast<int>(w)};
}

VisionFeatures patchify(const std::vector<RgbImage>& frames, const ImageProcessorConfig& config) {
  const int patch = config.patch_size;
  const int merge = config.merge_size;
  const int step = config.temporal_patch_size;
  const RgbImage& first = frames.at(0);
  if (first.height % (patch * merge) != 0 || first.width % (patch * merge) != 0) {
    throw Error(ErrorCode::kInternal, "patchify: sides are not multiples of a merge block");
  }
  VisionFeatures features;
  features.grid_t = (static_cast<int>(frames.size()) + step - 1) / step;
  features.grid_h = first.height / patch;
  features.grid_w = first.width / patch;
  const std::int64_t area = std::int64_t{patch} * patch;
  const std::int64_t plane = area * step;  // from one channel to the next
  const std::int64_t row_size = 3 * plane;
  features.patches.resize(static_cast<std::size_t>(std::int64_t{features.grid_t} * features.grid_h *
                                                   features.grid_w * row_size));
  const PixelScale scale = pixel_scale(config);

  float* row = features.patches.data();
  for (int t = 0; t < features.grid_t; ++t) {
    for (int block_y = 0; block_y < features.grid_h; block_y += merge) {
      for (int block_x = 0; block_x < features.grid_w; block_x += merge) {
        for (int inside = 0; inside < merge * merge; ++inside, row += row_size) {
          const int y0 = (block_y + inside / merge) * patch;
          const int x0 = (block_x + inside % merge) * patch;
          for (int time = 0; time < step; ++time) {
            const std::size_t wanted = static_cast<std::size_t>(t * step + time);
            float* const to = row + time * area;
            if (wanted >= frames.size()) {  // a repeated frame: its patch stands already
              for (int c = 0; c < 3; ++c) {
                std::memcpy(to + c * plane, to + c * plane - area,
                            static_cast<std::size_t>(area) * sizeof(float));
              }
              continue;
            }
            const RgbImage& frame = frames[wanted];
            for (int y = 0; y < patch; ++y) {
              const std::size_t from =
                  (static_cast<std::size_t>(y0 + y) * static_cast<std::size_t>(frame.width) +
                   static_cast<std::size_t>(x0)) *
                  3;
              normalize_pixels(&frame.pixels[from], patch, scale, plane,
                               to + std::int64_t{y} * patch);
            }
          }
        }
      }
    }
  }
  return features;
}

VisionFeatures image_features(const RgbImage& image, const ImageProcessorConfig& config,
                              const std::string& name) {
  const ImageSize size =
      smart_resize({image.height, image.width}, config.patch_size * config.merge_size,
                   config.min_pixels, config.max_pixels, name);
  return patchify({resize_bicubic(image, size.height, size.width, config.resampler)}, config);
}

}  // namespace peira::model
