// giflib behind decode_gif: the first frame on its screen.
#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "model/media/image_codecs.h"

namespace peira::model {

namespace {

int read_bytes(GifFileType* gif, GifByteType* out, int size) {
  auto* const left = static_cast<std::string_view*>(gif->UserData);
  const std::size_t count = std::min(left->size(), static_cast<std::size_t>(std::max(size, 0)));
  std::memcpy(out, left->data(), count);
  left->remove_prefix(count);
  return static_cast<int>(count);
}

struct CloseGif {
  void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};

std::string problem_of(int code) {
  const char* const text = GifErrorString(code);
  return text == nullptr ? "unknown" : text;
}

// Rows of an interlaced frame arrive in four passes.
struct Pass {
  int first;
  int step;
};
constexpr std::array<Pass, 4> kPasses{{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};

class Gif {
 public:
  explicit Gif(const DecodeInput& input) : input_(input), left_(input.bytes) {
    int error = 0;
    gif_.reset(DGifOpen(&left_, read_bytes, &error));
    if (gif_ == nullptr) refuse_image(input_, "corrupt GIF: " + problem_of(error));
  }

  DecodedImage first_frame() {
    for (;;) {
      GifRecordType type = UNDEFINED_RECORD_TYPE;
      check(DGifGetRecordType(gif_.get(), &type));
      if (type == EXTENSION_RECORD_TYPE) {
        read_extension();
      } else if (type == IMAGE_DESC_RECORD_TYPE) {
        return read_frame();
      } else {
        refuse_image(input_, "a GIF without a frame: nothing to see");
      }
    }
  }

 private:
  void check(int status) const {
    if (status != GIF_OK)
      refuse_image(input_, "corrupt or truncated GIF: " + problem_of(gif_->Error));
  }

  void read_extension() {
    int code = 0;
    GifByteType* block = nullptr;
    check(DGifGetExtension(gif_.get(), &code, &block));
    while (block != nullptr) {
      // The first byte counts those that follow.
      if (code == GRAPHICS_EXT_FUNC_CODE && block[0] >= 4 && (block[1] & 1) != 0)
        transparent_ = block[4];
      check(DGifGetExtensionNext(gif_.get(), &block));
    }
  }

  DecodedImage read_frame() {
    check(DGifGetImageDesc(gif_.get()));
    const GifImageDesc& frame = gif_->Image;
    // A screen smaller than its first frame grows to hold it, as in Pillow.
    const int width = std::max(gif_->SWidth, frame.Left + frame.Width);
    const int height = std::max(gif_->SHeight, frame.Top + frame.Height);
    check_image_size(input_, height, width);
    if (frame.Width <= 0 || frame.Height <= 0)
      refuse_image(input_, "a GIF with an empty frame: nothing to see");

    Buffer<GifPixelType> indices(static_cast<std::size_t>(width) * static_cast<std::size_t>(height),
                                 static_cast<GifPixelType>(std::max(transparent_, 0)));
    const auto read_row = [&](int row) {
      GifPixelType* const to =
          &indices[static_cast<std::size_t>(frame.Top + row) * static_cast<std::size_t>(width) +
                   static_cast<std::size_t>(frame.Left)];
      check(DGifGetLine(gif_.get(), to, frame.Width));
    };
    if (frame.Interlace) {
      for (const Pass& pass : kPasses) {
        for (int row = pass.first; row < frame.Height; row += pass.step) read_row(row);
      }
    } else {
      for (int row = 0; row < frame.Height; ++row) read_row(row);
    }
    return coloured(indices, height, width,
                    frame.ColorMap != nullptr ? frame.ColorMap : gif_->SColorMap);
  }

  static DecodedImage coloured(const Buffer<GifPixelType>& indices, int height, int width,
                               const ColorMapObject* colors) {
    std::array<std::array<std::uint8_t, 3>, 256> palette{};
    for (int index = 0; index < 256; ++index) {
      auto& color = palette[static_cast<std::size_t>(index)];
      if (colors == nullptr) {
        color.fill(static_cast<std::uint8_t>(index));  // a file without a palette is grey
      } else if (index < colors->ColorCount) {
        const GifColorType& entry = colors->Colors[index];
        color = {entry.Red, entry.Green, entry.Blue};
      }
    }
    DecodedImage image;
    image.height = height;
    image.width = width;
    image.pixels.resize(indices.size() * 3);
    for (std::size_t pixel = 0; pixel < indices.size(); ++pixel) {
      std::memcpy(&image.pixels[pixel * 3], palette[indices[pixel]].data(), 3);
    }
    return image;
  }

  const DecodeInput& input_;
  std::string_view left_;
  std::unique_ptr<GifFileType, CloseGif> gif_ = nullptr;
  int transparent_ = -1;
};

}  // namespace

DecodedImage decode_gif(const DecodeInput& input) { return Gif(input).first_frame(); }

}  // namespace peira::model
