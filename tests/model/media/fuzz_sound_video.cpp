// Any bytes are sound, video or an error.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "model/media/audio.h"
#include "model/media/video.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peira::model;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    Video video(bytes, "input", 1 << 16);
    video_features(video, {.max_frames = 8}, "input");
  } catch (const peira::Error&) {
  }
  try {
    decode_audio(bytes, "input", {.max_seconds = 20});
  } catch (const peira::Error&) {
  }
  return 0;
}
