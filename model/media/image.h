// Pictures: from the bytes of a file to rows of 8-bit RGB, as the reference implementation reads
// them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/media/buffer.h"

namespace peira::model {

// pixels  [height, width, 3], row by row, red first.
struct RgbImage {
  int height = 0;
  int width = 0;
  Buffer<std::uint8_t> pixels = {};
};

// What becomes of an alpha channel. transformers drops it (PIL's conversion to RGB); the vendors'
// own preparation of prompts (qwen-vl-utils) lays RGBA pictures on white first.
enum class Alpha { kDrop, kOnWhite };

// What becomes of grey of 16 bits. Pillow's conversion to RGB cuts every value off at 255, so that
// such a picture is nearly white; a model under test is shown what it was shown elsewhere, so that
// is the default. The high byte is the picture as it was meant.
enum class Grey16 { kClip, kHighByte };

struct DecodeOptions {
  Alpha alpha = Alpha::kDrop;
  Grey16 grey16 = Grey16::kClip;
  // Pictures of more pixels are refused before a byte of them is unpacked. The default is where
  // Pillow calls a file a decompression bomb.
  std::int64_t max_pixels = 178'956'970;
};

// The names of the formats that decode_image reads, by their first bytes; empty for anything else.
// "jpeg", "png", "webp", "gif".
std::string_view image_format(std::string_view bytes);

// Decodes a picture, turned upright as its EXIF orientation says. Colours of 16 bits keep their
// high byte, grey is repeated, CMYK is multiplied out, palettes are looked up, of an animation the
// first frame is taken: in each the pixels that Pillow's `convert("RGB")` gives.
//
// bytes  the file.
// name   what the picture is called in errors: a path, or a sample and its part.
// throws Error(kData): no format that is read here (says what the bytes look like), truncated or
// corrupt
//        data (a picture is whole or refused, never grey or black below the break), no pixels, too
//        many.
RgbImage decode_image(std::string_view bytes, const std::string& name,
                      const DecodeOptions& options = {});

// `image` as a PNG file. throws Error(kData): no pixels, or too many for one.
std::string encode_png(const RgbImage& image);

// `image` as a JPEG file of `quality` (1 to 100), chroma at half the resolution as libjpeg has it.
// throws Error(kData): no pixels, or a side over 65,500.
std::string encode_jpeg(const RgbImage& image, int quality);

}  // namespace peira::model
