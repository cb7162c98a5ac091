// libjpeg-turbo behind decode_jpeg: exact integer DCT and smooth chroma, its defaults and Pillow's.
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs FILE

#include <jpeglib.h>
// After jpeglib.h, which says what is built in.
#include <jerror.h>

#include <algorithm>
#include <array>

#include "model/media/image_codecs.h"

namespace peira::model {

namespace {

// libjpeg reports by callbacks and leaves by longjmp: nothing with a destructor lives between.
struct ErrorState {
  jpeg_error_mgr manager = {};
  std::jmp_buf leave = {};
  std::array<char, JMSG_LENGTH_MAX> message = {};
};

void keep_message_and_leave(j_common_ptr info) {
  auto* const state = reinterpret_cast<ErrorState*>(info->err);
  state->manager.format_message(info, state->message.data());
  std::longjmp(state->leave, 1);
}

// Warnings are data that is missing or broken: libjpeg would go on with grey. What only looks odd
// (bytes between segments, an unknown Adobe transform) is let pass, as the reference does.
void refuse_broken_data(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_BOGUS_PROGRESSION:
    case JWRN_MUST_RESYNC:
      keep_message_and_leave(info);
      break;
    default:
      break;
  }
}

class Decompressor {
 public:
  explicit Decompressor(std::string_view bytes) {
    info_.err = jpeg_std_error(&errors_.manager);
    errors_.manager.error_exit = keep_message_and_leave;
    errors_.manager.emit_message = refuse_broken_data;
    if (setjmp(errors_.leave) != 0) return;
    jpeg_create_decompress(&info_);
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_save_markers(&info_, JPEG_APP0 + 1, 0xffff);
    ok_ = jpeg_read_header(&info_, TRUE) == JPEG_HEADER_OK;
  }
  ~Decompressor() { jpeg_destroy_decompress(&info_); }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  bool ok() const { return ok_; }
  std::string problem() const { return errors_.message.data(); }
  int height() const { return static_cast<int>(info_.image_height); }
  int width() const { return static_cast<int>(info_.image_width); }
  bool is_cmyk() const {
    return info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
  }

  // Decodes into `out`, [height, width, 3] or, of CMYK, 4 channels. False: problem() says why not.
  bool read(std::uint8_t* out) {
    if (setjmp(errors_.leave) != 0) return false;
    info_.out_color_space = is_cmyk() ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&info_);
    const std::size_t row_bytes = std::size_t{info_.output_width} * (is_cmyk() ? 4 : 3);
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = out + std::size_t{info_.output_scanline} * row_bytes;
      jpeg_read_scanlines(&info_, &row, 1);
    }
    jpeg_finish_decompress(&info_);
    return true;
  }

  int orientation() const {
    for (const jpeg_marker_struct* marker = info_.marker_list; marker != nullptr;
         marker = marker->next) {
      const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
      if (data.substr(0, 6) == std::string_view("Exif\0\0", 6)) return exif_orientation(data);
    }
    return 1;
  }

 private:
  ErrorState errors_ = {};
  jpeg_decompress_struct info_ = {};
  bool ok_ = false;
};

// Adobe's CMYK is stored inverted; then red = (255 - black) * (255 - cyan) / 255, with Pillow's
// rounding.
Buffer<std::uint8_t> rgb_of_inverted_cmyk(const Buffer<std::uint8_t>& cmyk) {
  Buffer<std::uint8_t> rgb(cmyk.size() / 4 * 3);
  for (std::size_t in = 0, out = 0; in < cmyk.size(); in += 4) {
    const int white = cmyk[in + 3];
    for (std::size_t channel = 0; channel < 3; ++channel) {
      const int product = (255 - cmyk[in + channel]) * white + 128;
      rgb[out++] =
          static_cast<std::uint8_t>(std::clamp(white - ((product + (product >> 8)) >> 8), 0, 255));
    }
  }
  return rgb;
}

}  // namespace

DecodedImage decode_jpeg(const DecodeInput& input) {
  Decompressor jpeg(input.bytes);
  if (!jpeg.ok()) refuse_image(input, "corrupt JPEG: " + jpeg.problem());
  check_image_size(input, jpeg.height(), jpeg.width());
  DecodedImage image;
  image.height = jpeg.height();
  image.width = jpeg.width();
  image.orientation = jpeg.orientation();
  const std::size_t channels = jpeg.is_cmyk() ? 4 : 3;
  image.pixels.resize(static_cast<std::size_t>(image.height) *
                      static_cast<std::size_t>(image.width) * channels);
  if (!jpeg.read(image.pixels.data()))
    refuse_image(input, "corrupt or truncated JPEG: " + jpeg.problem());
  if (jpeg.is_cmyk()) image.pixels = rgb_of_inverted_cmyk(image.pixels);
  return image;
}

}  // namespace peira::model
