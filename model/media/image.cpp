#include "model/media/image.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "model/media/image_codecs.h"

namespace peira::model {

namespace {

struct Format {
  std::string_view name;
  DecodedImage (*decode)(const DecodeInput&);
};

bool starts(std::string_view bytes, std::string_view prefix) {
  return bytes.substr(0, prefix.size()) == prefix;
}

const Format* format_of(std::string_view bytes) {
  static constexpr Format kJpeg{"jpeg", decode_jpeg}, kPng{"png", decode_png},
      kWebp{"webp", decode_webp}, kGif{"gif", decode_gif};
  if (starts(bytes, "\xff\xd8\xff")) return &kJpeg;
  if (starts(bytes, "\x89PNG\r\n\x1a\n")) return &kPng;
  if (starts(bytes, "RIFF") && bytes.size() >= 12 && bytes.substr(8, 4) == "WEBP") return &kWebp;
  if (starts(bytes, "GIF87a") || starts(bytes, "GIF89a")) return &kGif;
  return nullptr;
}

// Other formats by name, so that the error says what it was given rather than four bytes.
std::string looks_like(std::string_view bytes) {
  if (bytes.empty()) return "the file is empty";
  if (starts(bytes, "BM")) return "this looks like BMP";
  if (starts(bytes, "II*") || starts(bytes, std::string_view("MM\0*", 4)))
    return "this looks like TIFF";
  if (starts(bytes, "%PDF")) return "this looks like PDF";
  if (bytes.size() >= 12 && bytes.substr(4, 4) == "ftyp")
    return "this looks like AVIF, HEIC or MP4";
  if (starts(bytes, "<svg") || starts(bytes, "<?xml")) return "this looks like SVG or XML";
  if (starts(bytes, "<")) return "this looks like a web page";
  if (starts(bytes, "version https://git-lfs"))
    return "this is a Git LFS pointer, the picture itself was not fetched";
  std::string text = "it starts with";
  for (const char c : bytes.substr(0, 8)) {
    std::array<char, 8> hex{};
    std::snprintf(hex.data(), hex.size(), " %02x",
                  static_cast<unsigned>(static_cast<unsigned char>(c)));
    text += hex.data();
  }
  return text;
}

// RGB of `image`, alpha dropped or laid on white with Pillow's rounding of a paste through a mask.
Buffer<std::uint8_t> without_alpha(const DecodedImage& image, Alpha alpha) {
  const std::size_t num_pixels =
      static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width);
  Buffer<std::uint8_t> rgb(num_pixels * 3);
  for (std::size_t pixel = 0; pixel < num_pixels; ++pixel) {
    const std::uint8_t* in = &image.pixels[pixel * 4];
    std::uint8_t* out = &rgb[pixel * 3];
    if (alpha == Alpha::kDrop) {
      std::memcpy(out, in, 3);
      continue;
    }
    for (int channel = 0; channel < 3; ++channel) {
      const unsigned sum =
          255U * (255U - in[3]) + static_cast<unsigned>(in[channel]) * in[3] + 128U;
      out[channel] = static_cast<std::uint8_t>((sum + (sum >> 8)) >> 8);
    }
  }
  return rgb;
}

// `image` turned and mirrored as `orientation` (EXIF 2-8) asks.
RgbImage upright(RgbImage image, int orientation) {
  if (orientation < 2 || orientation > 8) return image;
  const bool swaps_axes = orientation >= 5;
  RgbImage out;
  out.height = swaps_axes ? image.width : image.height;
  out.width = swaps_axes ? image.height : image.width;
  out.pixels.resize(image.pixels.size());
  const bool mirror_x =
      orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const bool mirror_y =
      orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  std::uint8_t* to = out.pixels.data();
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x, to += 3) {
      int from_x = mirror_x ? out.width - 1 - x : x;
      int from_y = mirror_y ? out.height - 1 - y : y;
      if (swaps_axes) std::swap(from_x, from_y);
      const std::size_t from =
          static_cast<std::size_t>(from_y) * static_cast<std::size_t>(image.width) +
          static_cast<std::size_t>(from_x);
      std::memcpy(to, &image.pixels[from * 3], 3);
    }
  }
  return out;
}

}  // namespace

void refuse_image(const DecodeInput& input, const std::string& problem) {
  throw Error(ErrorCode::kData, input.name + ": " + problem);
}

void check_image_size(const DecodeInput& input, std::int64_t height, std::int64_t width) {
  const std::string size = std::to_string(width) + "x" + std::to_string(height) + " pixels";
  if (height <= 0 || width <= 0) refuse_image(input, "a picture of " + size + ": nothing to see");
  if (height > input.options.max_pixels / width) {
    refuse_image(input, "a picture of " + size + ", more than the limit of " +
                            std::to_string(input.options.max_pixels) +
                            "\n  try: a smaller copy of it");
  }
}

std::string_view image_format(std::string_view bytes) {
  const Format* const format = format_of(bytes);
  return format == nullptr ? std::string_view() : format->name;
}

RgbImage decode_image(std::string_view bytes, const std::string& name,
                      const DecodeOptions& options) {
  const DecodeInput input{bytes, name, options};
  const Format* const format = format_of(bytes);
  if (format == nullptr) {
    refuse_image(input, "not a picture that can be read: " + looks_like(bytes) +
                            "\n  supported: JPEG, PNG, WebP, GIF (first frame)");
  }
  DecodedImage decoded = format->decode(input);
  RgbImage image;
  image.height = decoded.height;
  image.width = decoded.width;
  image.pixels =
      decoded.channels == 4 ? without_alpha(decoded, options.alpha) : std::move(decoded.pixels);
  return upright(std::move(image), decoded.orientation);
}

}  // namespace peira::model
