// One decoder a format. All keep the contract of decode_image (image.h), but leave the picture as
// it lies in the file and its alpha channel where it is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/media/image.h"

namespace peira::model {

// channels     3 (RGB) or 4 (RGB and alpha).
// pixels       [height, width, channels].
// orientation  1-8, the EXIF tag 0x0112; 1 is upright.
struct DecodedImage {
  int height = 0;
  int width = 0;
  int channels = 3;
  int orientation = 1;
  Buffer<std::uint8_t> pixels = {};
};

// What a decoder needs besides the bytes. `name` is used in errors.
struct DecodeInput {
  std::string_view bytes;
  const std::string& name;
  const DecodeOptions& options;
};

DecodedImage decode_jpeg(const DecodeInput& input);
DecodedImage decode_png(const DecodeInput& input);
DecodedImage decode_webp(const DecodeInput& input);
DecodedImage decode_gif(const DecodeInput& input);

// The EXIF orientation in `exif`, a block that starts with "Exif\0\0"; 1 where there is none or it
// is nonsense: a picture is not refused for a bad note about it.
int exif_orientation(std::string_view exif);

// throws Error(kData): no pixels, or more than options.max_pixels.
void check_image_size(const DecodeInput& input, std::int64_t height, std::int64_t width);

// throws Error(kData) that says what is wrong with input.name.
[[noreturn]] void refuse_image(const DecodeInput& input, const std::string& problem);

}  // namespace peira::model
