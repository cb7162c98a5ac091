// Any bytes are pages or an error, within the limits, and this process lives on.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "model/media/pdf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peira::model;
  const PdfOptions options{.dpi = 36,
                           .max_pages = 3,
                           .max_pixels = 1 << 20,
                           .time_limit = std::chrono::milliseconds(2000),
                           .memory_bytes = std::int64_t{256} << 20U};
  try {
    const std::string bytes = "%PDF-" + std::string(reinterpret_cast<const char*>(data), size);
    read_pdf(bytes, "input", {}, options, [](const RgbImage& page) {
      if (page.pixels.size() !=
          static_cast<std::size_t>(page.height) * static_cast<std::size_t>(page.width) * 3) {
        __builtin_trap();
      }
    });
  } catch (const peira::Error& error) {
    if (error.code() == peira::ErrorCode::kInternal) __builtin_trap();
  }
  return 0;
}
