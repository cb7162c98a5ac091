// Poppler behind draw_pdf.
#include <poppler-document.h>
#include <poppler-global.h>
#include <poppler-image.h>
#include <poppler-page-renderer.h>
#include <poppler-page.h>

#include <algorithm>
#include <climits>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>

#include "base/error.h"
#include "model/media/pdf_renderer.h"

namespace peira::model {

namespace {

constexpr double kPointsPerInch = 72;

// Poppler tells of every fault that it mends; what it cannot mend shows in what it returns.
void say_nothing(const std::string&, void*) {}

std::string shown(double value) {
  char text[32];
  const int size = std::snprintf(text, sizeof text, "%.0f", value);
  return {text, static_cast<std::size_t>(size)};
}

struct PageSize {
  double width, height;
};

PageSize size_of(const poppler::page& page, const std::string& place, const PdfOptions& options) {
  const poppler::rectf box = page.page_rect(poppler::crop_box);
  const double scale = options.dpi / kPointsPerInch;
  const double width = std::ceil(std::abs(box.width()) * scale);
  const double height = std::ceil(std::abs(box.height()) * scale);
  if (!(width >= 1) || !(height >= 1)) throw Error(ErrorCode::kData, place + ": a page of no size");
  if (width * height > static_cast<double>(options.max_pixels)) {
    throw Error(ErrorCode::kData, place + ": " + shown(width) + "x" + shown(height) +
                                      " pixels at " + shown(options.dpi) +
                                      " dots per inch, the limit is " +
                                      std::to_string(options.max_pixels) + " pixels");
  }
  return {width, height};
}

// Poppler gives a picture of one pixel where the memory for a page is not to be had.
bool has_size(const poppler::image& image, const PageSize& size) {
  const auto agree = [&](double width, double height) {
    return std::abs(image.width() - width) <= 1 && std::abs(image.height() - height) <= 1;
  };
  return agree(size.width, size.height) || agree(size.height, size.width);  // turned
}

RgbImage packed(const poppler::image& image, const PageSize& size, const std::string& place) {
  if (!image.is_valid() || image.format() != poppler::image::format_rgb24 || image.width() < 1 ||
      image.height() < 1) {
    throw Error(ErrorCode::kData, place + ": the page cannot be drawn");
  }
  if (!has_size(image, size)) throw std::bad_alloc();
  RgbImage out;
  out.height = image.height();
  out.width = image.width();
  const auto row = static_cast<std::size_t>(out.width) * 3;
  out.pixels.resize(row * static_cast<std::size_t>(out.height));
  for (int y = 0; y < out.height; ++y) {
    std::memcpy(out.pixels.data() + static_cast<std::size_t>(y) * row,
                image.const_data() + static_cast<std::ptrdiff_t>(y) * image.bytes_per_row(), row);
  }
  return out;
}

}  // namespace

void require_pdf_renderer(const std::string&) {}

void draw_pdf(std::string_view bytes, const std::string& name, PageRange range,
              const PdfOptions& options, const std::function<void(RgbImage)>& take) {
  poppler::set_debug_error_function(say_nothing, nullptr);
  if (bytes.size() > INT_MAX) throw Error(ErrorCode::kData, name + ": a PDF file of over 2 GiB");
  const std::unique_ptr<poppler::document> document(
      poppler::document::load_from_raw_data(bytes.data(), static_cast<int>(bytes.size())));
  if (document == nullptr) {
    throw Error(ErrorCode::kData, name + ": a damaged PDF file: nothing in it can be read");
  }
  if (document->is_locked()) {
    throw Error(ErrorCode::kData, name + ": a PDF file that only opens with a password");
  }
  const int total = document->pages();
  if (total < 1) throw Error(ErrorCode::kData, name + ": a PDF file without pages");
  const int last = range.last == 0 ? total : range.last;
  if (range.first < 1 || last > total || range.first > last) {
    throw Error(ErrorCode::kData, name + ": pages " + std::to_string(range.first) + " to " +
                                      std::to_string(last) + " were asked for, and there are " +
                                      std::to_string(total));
  }
  if (last - range.first >= options.max_pages) {
    throw Error(ErrorCode::kData, name + ": " + std::to_string(last - range.first + 1) +
                                      " pages, the limit is " + std::to_string(options.max_pages) +
                                      " at once\n  try: #page=" + std::to_string(range.first) +
                                      "-" + std::to_string(range.first + options.max_pages - 1) +
                                      " behind its name");
  }
  poppler::page_renderer renderer;
  renderer.set_image_format(poppler::image::format_rgb24);
  renderer.set_render_hint(poppler::page_renderer::antialiasing);
  renderer.set_render_hint(poppler::page_renderer::text_antialiasing);
  for (int number = range.first; number <= last; ++number) {
    const std::string place = name + "#page=" + std::to_string(number);
    const std::unique_ptr<poppler::page> page(document->create_page(number - 1));
    if (page == nullptr) throw Error(ErrorCode::kData, place + ": the page cannot be read");
    const PageSize size = size_of(*page, place, options);
    take(packed(renderer.render_page(page.get(), options.dpi, options.dpi), size, place));
  }
}

}  // namespace peira::model
