// libwebp behind decode_webp. Its animation decoder reads still pictures too, and is what Pillow
// uses.
#include <webp/decode.h>
#include <webp/demux.h>

#include <cstring>
#include <memory>

#include "model/media/image_codecs.h"

namespace peira::model {

namespace {

int orientation_of(const WebPDemuxer* demuxer) {
  WebPChunkIterator chunk;
  if (WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk) == 0) return 1;
  std::string block(reinterpret_cast<const char*>(chunk.chunk.bytes), chunk.chunk.size);
  WebPDemuxReleaseChunkIterator(&chunk);
  if (block.compare(0, 6, std::string("Exif\0\0", 6)) != 0) block.insert(0, "Exif\0\0", 6);
  return exif_orientation(block);
}

}  // namespace

DecodedImage decode_webp(const DecodeInput& input) {
  const auto* const data = reinterpret_cast<const std::uint8_t*>(input.bytes.data());
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data, input.bytes.size(), &features) != VP8_STATUS_OK)
    refuse_image(input, "corrupt WebP header");
  check_image_size(input, features.height, features.width);

  const WebPData file{data, input.bytes.size()};
  WebPAnimDecoderOptions options;
  WebPAnimDecoderOptionsInit(&options);
  options.color_mode = MODE_RGBA;
  const std::unique_ptr<WebPAnimDecoder, decltype(&WebPAnimDecoderDelete)> decoder(
      WebPAnimDecoderNew(&file, &options), &WebPAnimDecoderDelete);
  if (decoder == nullptr) refuse_image(input, "corrupt or truncated WebP");
  std::uint8_t* canvas = nullptr;  // the decoder's own
  int timestamp_ms = 0;
  if (WebPAnimDecoderGetNext(decoder.get(), &canvas, &timestamp_ms) == 0)
    refuse_image(input, "corrupt or truncated WebP");

  DecodedImage image;
  image.height = features.height;
  image.width = features.width;
  image.channels = features.has_alpha != 0 ? 4 : 3;
  image.orientation = orientation_of(WebPAnimDecoderGetDemuxer(decoder.get()));
  const std::size_t num_pixels =
      static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width);
  if (image.channels == 4) {
    image.pixels.assign(canvas, canvas + num_pixels * 4);
    return image;
  }
  image.pixels.resize(num_pixels * 3);
  for (std::size_t pixel = 0; pixel < num_pixels; ++pixel)
    std::memcpy(&image.pixels[pixel * 3], canvas + pixel * 4, 3);
  return image;
}

}  // namespace peira::model
