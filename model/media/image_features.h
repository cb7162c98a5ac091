// From a picture to what the vision tower reads: resized, normalised, cut into patches.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "model/media/image.h"
#include "model/media/resize.h"

namespace peira::model {

// preprocessor_config.json of the Qwen-VL family, under its own names. The defaults are those of
// Qwen2VLImageProcessor as the Qwen3-VL checkpoints set them.
struct ImageProcessorConfig {
  int patch_size = 16;
  int temporal_patch_size = 2;
  int merge_size = 2;
  std::int64_t min_pixels = 65'536;      // size.shortest_edge
  std::int64_t max_pixels = 16'777'216;  // size.longest_edge
  std::array<float, 3> image_mean = {0.5F, 0.5F, 0.5F};
  std::array<float, 3> image_std = {0.5F, 0.5F, 0.5F};
  double rescale_factor = 1.0 / 255.0;
  Resampler resampler = Resampler::kTorchvision;
  Alpha alpha = Alpha::kDrop;
};

// Reads preprocessor_config.json; keys that are absent keep the defaults above.
//
// throws Error(kData): no JSON object, a value of the wrong kind or out of range (names the key), a
// resampling
//        filter other than bicubic.
ImageProcessorConfig read_image_processor_config(const std::filesystem::path& file);
// The same from its text; where: named in errors.
ImageProcessorConfig image_processor_config(std::string_view text, const std::string& where);

struct ImageSize {
  int height = 0;
  int width = 0;
  bool operator==(const ImageSize&) const = default;
};

// The size a picture is resized to: both sides multiples of `factor`, the number of pixels within
// the limits, the shape kept as nearly as that allows.
//
// throws Error(kData): one side is over 200 times the other.
// source transformers, models/qwen2_vl/image_processing_qwen2_vl.py, smart_resize; in double,
// halves to even.
ImageSize smart_resize(ImageSize size, int factor, std::int64_t min_pixels, std::int64_t max_pixels,
                       const std::string& name);

// One picture (or video) as the tower takes it.
//
// patches   [grid_t * grid_h * grid_w, 3 * temporal_patch_size * patch_size * patch_size]: merge
// blocks row by
//           row, inside each its patches row by row; a row is channel, time, y, x.
// num_tokens  placeholders the language model sees: the patches over merge_size squared.
struct VisionFeatures {
  int grid_t = 0;
  int grid_h = 0;
  int grid_w = 0;
  Buffer<float> patches = {};
  std::int64_t num_tokens(int merge_size) const {
    return std::int64_t{grid_t} * grid_h * grid_w / (std::int64_t{merge_size} * merge_size);
  }
};

// Patches of frames that have one size, a multiple of patch_size * merge_size. Frames are taken by
// groups of temporal_patch_size; the last is repeated where the group is short, as is a still
// picture.
VisionFeatures patchify(const std::vector<RgbImage>& frames, const ImageProcessorConfig& config);

// `image` resized and cut.
//
// name    used in errors.
// throws  as smart_resize.
VisionFeatures image_features(const RgbImage& image, const ImageProcessorConfig& config,
                              const std::string& name);

}  // namespace peira::model
