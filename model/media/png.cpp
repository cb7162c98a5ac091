// libpng behind decode_png.
#include <png.h>

#include <csetjmp>
#include <cstring>
#include <utility>

#include "model/media/image_codecs.h"

namespace peira::model {

namespace {

struct Reader {
  std::string_view left;
  std::string problem = {};
};

void read_bytes(png_structp png, png_bytep out, std::size_t size) {
  auto* const reader = static_cast<Reader*>(png_get_io_ptr(png));
  if (reader->left.size() < size) png_error(png, "the file ends early");
  std::memcpy(out, reader->left.data(), size);
  reader->left.remove_prefix(size);
}

void keep_problem_and_leave(png_structp png, png_const_charp message) {
  static_cast<Reader*>(png_get_error_ptr(png))->problem = message;
  png_longjmp(png, 1);
}

void ignore_warning(png_structp, png_const_charp) {}

// Two bytes a pixel, the higher first, to grey of 8 bits in three channels.
void clip_grey16(DecodedImage& image) {
  Buffer<std::uint8_t> rgb(image.pixels.size() / 2 * 3);
  for (std::size_t pixel = 0; pixel * 2 < image.pixels.size(); ++pixel) {
    const std::uint8_t grey = image.pixels[pixel * 2] != 0 ? 255 : image.pixels[pixel * 2 + 1];
    std::memset(&rgb[pixel * 3], grey, 3);
  }
  image.channels = 3;
  image.pixels = std::move(rgb);
}

class Png {
 public:
  explicit Png(std::string_view bytes) : reader_{bytes} {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader_, keep_problem_and_leave,
                                  ignore_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
  }
  ~Png() { png_destroy_read_struct(&png_, &info_, nullptr); }
  Png(const Png&) = delete;
  Png& operator=(const Png&) = delete;

  const std::string& problem() const { return reader_.problem; }

  // The header, up to the first pixel. False: problem() says why not.
  bool read_header(DecodedImage& image) {
    if (info_ == nullptr) return false;
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    // A corrupt checksum is corrupt data also where libpng would only warn.
    png_set_crc_action(png_, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
    png_set_read_fn(png_, &reader_, read_bytes);
    png_read_info(png_, info_);
    image.height = static_cast<int>(png_get_image_height(png_, info_));
    image.width = static_cast<int>(png_get_image_width(png_, info_));
    return true;
  }

  // The pixels. A transparent colour or palette entry (tRNS) is no alpha channel here, as in
  // Pillow.
  bool read_pixels(DecodedImage& image, Grey16 grey16) {
    png_bytepp rows = nullptr;
    if (setjmp(png_jmpbuf(png_)) != 0) {
      row_pointers_.clear();
      return false;
    }
    const int color = png_get_color_type(png_, info_);
    const int depth = png_get_bit_depth(png_, info_);
    if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
    if (color == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(png_);
    const bool clips = depth == 16 && color == PNG_COLOR_TYPE_GRAY && grey16 == Grey16::kClip;
    if (depth == 16 && !clips) png_set_strip_16(png_);
    if ((color & PNG_COLOR_MASK_COLOR) == 0 && !clips) png_set_gray_to_rgb(png_);
    if (color == PNG_COLOR_TYPE_PALETTE) png_set_strip_alpha(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    image.channels = png_get_channels(png_, info_);
    const std::size_t row_bytes = png_get_rowbytes(png_, info_);
    image.pixels.resize(row_bytes * static_cast<std::size_t>(image.height));
    row_pointers_.resize(static_cast<std::size_t>(image.height));
    for (std::size_t row = 0; row < row_pointers_.size(); ++row)
      row_pointers_[row] = &image.pixels[row * row_bytes];
    rows = row_pointers_.data();
    png_read_image(png_, rows);
    png_read_end(png_, info_);
    if (clips) clip_grey16(image);
    return true;
  }

  int orientation() {
    png_bytep exif = nullptr;
    png_uint_32 size = 0;
    if (png_get_eXIf_1(png_, info_, &size, &exif) == 0 || exif == nullptr) return 1;
    std::string block("Exif\0\0", 6);  // a PNG chunk holds the TIFF part alone
    block.append(reinterpret_cast<const char*>(exif), size);
    return exif_orientation(block);
  }

 private:
  Reader reader_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::vector<png_bytep> row_pointers_ = {};
};

}  // namespace

DecodedImage decode_png(const DecodeInput& input) {
  DecodedImage image;
  Png png(input.bytes);
  if (!png.read_header(image)) refuse_image(input, "corrupt PNG: " + png.problem());
  check_image_size(input, image.height, image.width);
  if (!png.read_pixels(image, input.options.grey16))
    refuse_image(input, "corrupt or truncated PNG: " + png.problem());
  image.orientation = png.orientation();
  return image;
}

}  // namespace peira::model
