// Any bytes as subtitles: cues or an Error, and selections that do not depend on how often they are
// made.
#include <cstdlib>
#include <vector>

#include "base/error.h"
#include "datasets/subtitles.h"

namespace {

std::string read_all(std::string_view bytes) {
  using namespace peira::datasets;
  std::string out = all_lines(bytes);
  try {
    const std::vector<SubtitleCue> cues = read_srt(bytes, "f");
    for (const SubtitleCue& cue : cues) {
      if (!(cue.start_s >= 0) || !(cue.end_s >= 0)) std::abort();
    }
    out += lines_at_frames(cues, uniform_inclusive_frames(500, 7), 25);
    out += lines_frame_by_frame(cues, frames_per_second(500, 29.97, 2), 29.97);
  } catch (const peira::Error& error) {
    if (error.code() != peira::ErrorCode::kData) std::abort();
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (read_all(bytes) != read_all(bytes)) std::abort();
  return 0;
}
