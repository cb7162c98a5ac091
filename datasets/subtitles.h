// Subtitles of videos: reading SubRip files, and which of their lines a prompt shows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace peira::datasets {

// Where a sample's subtitles lie.
struct SubtitleFile {
  std::filesystem::path path;  // of an embedded set: its name alone, and the bytes are in `bytes`
  std::string_view bytes;
  bool is_missing = false;
};

struct SubtitleCue {
  double start_s = 0, end_s = 0;
  std::string text;  // its lines joined with a blank, markup and all
};

// The cues of a SubRip file, in its order: pieces between empty lines, of a number, a line of times
// and lines of text. As lmms-eval reads them: pieces of fewer than three lines are passed over.
//
// bytes   untrusted. name    in front of errors.
// source  lmms-eval, tasks/videomme/utils.py, load_subtitles.
// throws  Error(kData), "name:line: ...": no UTF-8, or a piece whose second line has no times.
std::vector<SubtitleCue> read_srt(std::string_view bytes, const std::string& name);

// Frames at equal steps from the first to the last, both among them. source lmms-eval (numpy's
// linspace, floored).
std::vector<std::int64_t> uniform_inclusive_frames(std::int64_t total, std::int64_t count);
// Frames at equal steps inside, neither the first nor the last. source VLMEvalKit, --nframe.
std::vector<std::int64_t> uniform_interior_frames(std::int64_t total, std::int64_t count);
// `per_s` frames for each second. source VLMEvalKit, --fps.
std::vector<std::int64_t> frames_per_second(std::int64_t total, double fps, double per_s);

// What a person gives as --subtitles: which lines of its subtitles a video's prompt shows.
//
//   shown                those that stand while a frame is shown that the model sees; all of them
//                        where the frames are not known, as of an endpoint that samples itself
//   all                  every line
//   uniform-inclusive:N  those at N frames, whatever the model sees, as lmms-eval has it
//   uniform-interior:N   those at N frames, as VLMEvalKit has it
//   fps:X                those at X frames a second, as VLMEvalKit has it
struct SubtitleSelection {
  enum class Rule { kShown, kAll, kUniformInclusive, kUniformInterior, kFps };
  Rule rule = Rule::kShown;
  double amount = 0;  // N or X

  // throws Error(kUsage): none of these.
  static SubtitleSelection parse(const std::string& text);
  std::string text() const;
};

// The lines of the cues that stand at any of `frames`: int(start * fps) <= frame < int(end * fps),
// each once, in the order of the file. A cue's line is what stands in its first
// <font color="white" size=".72c"> element; cues without one have none.
// Of cues with the very same times the last one's text stands where the first stood.
// source  lmms-eval, tasks/videomme/utils.py; its order there is that of a set of small integers.
std::string lines_at_frames(std::span<const SubtitleCue> cues, std::span<const std::int64_t> frames,
                            double fps);

// Frame by frame (`frames` ascending) the first cue that begins before it and ends behind it (in
// whole milliseconds), without markup: a line that stays is repeated. source  VLMEvalKit,
// dataset/videomme.py and pysubs2: lines of a cue are joined with a blank.
std::string lines_frame_by_frame(std::span<const SubtitleCue> cues,
                                 std::span<const std::int64_t> frames, double fps);

// Of every line of the file what stands in its first such element. source  lmms-eval, the "full
// subtitle" of models that take whole videos.
std::string all_lines(std::string_view bytes);

// Whether any cue has an element that the official selection reads.
bool has_official_markup(std::span<const SubtitleCue> cues);

// What stands for the lines of a video without a file of them, as lmms-eval has it.
inline constexpr std::string_view kNoSubtitles = "No subtitles available";

}  // namespace peira::datasets
