// Any bytes are a picture or an error, within the memory that the limit of pixels allows.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "model/media/image_features.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peira::model;
  try {
    const DecodeOptions options{.max_pixels = 1 << 20};
    const RgbImage image =
        decode_image({reinterpret_cast<const char*>(data), size}, "input", options);
    if (image.pixels.size() !=
        static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width) * 3) {
      __builtin_trap();
    }
  } catch (const peira::Error&) {
  }
  return 0;
}
