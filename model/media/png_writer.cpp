// libpng behind encode_png.
#include <png.h>

#include <string>

#include "base/error.h"
#include "model/media/image.h"

namespace peira::model {

std::string encode_png(const RgbImage& image) {
  png_image info = {};
  info.version = PNG_IMAGE_VERSION;
  info.width = static_cast<png_uint_32>(image.width);
  info.height = static_cast<png_uint_32>(image.height);
  info.format = PNG_FORMAT_RGB;
  info.flags = PNG_IMAGE_FLAG_FAST;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(info);
  std::string out;
  bool is_written = image.width > 0 && image.height > 0;
  if (is_written) {
    out.resize(size);
    is_written = png_image_write_to_memory(&info, out.data(), &size, 0, image.pixels.data(), 0,
                                           nullptr) != 0;
  }
  if (!is_written) {
    throw Error(ErrorCode::kData, "a picture of " + std::to_string(image.width) + "x" +
                                      std::to_string(image.height) +
                                      " pixels cannot be written as PNG");
  }
  out.resize(size);
  return out;
}

}  // namespace peira::model
