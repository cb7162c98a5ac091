// libjpeg-turbo behind encode_jpeg.
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs FILE

#include <jpeglib.h>

#include <cstdlib>
#include <string>

#include "base/error.h"
#include "model/media/image.h"

namespace peira::model {

namespace {

struct WriterErrors {
  jpeg_error_mgr manager = {};
  std::jmp_buf leave = {};
};

void leave(j_common_ptr info) {
  std::longjmp(reinterpret_cast<WriterErrors*>(info->err)->leave, 1);
}

// Between setjmp and the calls that may jump nothing has a destructor.
bool write(const RgbImage& image, int quality, WriterErrors& errors, unsigned char** out,
           unsigned long* size) {
  jpeg_compress_struct info = {};
  info.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = leave;
  if (setjmp(errors.leave) != 0) {
    jpeg_destroy_compress(&info);
    return false;
  }
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, out, size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  jpeg_start_compress(&info, TRUE);
  const std::size_t stride = static_cast<std::size_t>(image.width) * 3;
  while (info.next_scanline < info.image_height) {
    // libjpeg does not write to its input.
    JSAMPROW row = const_cast<JSAMPROW>(image.pixels.data() + info.next_scanline * stride);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  return true;
}

}  // namespace

std::string encode_jpeg(const RgbImage& image, int quality) {
  WriterErrors errors;
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const bool is_written = image.width > 0 && image.height > 0 &&
                          image.width <= JPEG_MAX_DIMENSION && image.height <= JPEG_MAX_DIMENSION &&
                          write(image, quality, errors, &bytes, &size);
  std::string out;
  if (is_written) out.assign(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  if (!is_written) {
    throw Error(ErrorCode::kData, "a picture of " + std::to_string(image.width) + "x" +
                                      std::to_string(image.height) +
                                      " pixels cannot be written as JPEG");
  }
  return out;
}

}  // namespace peira::model
