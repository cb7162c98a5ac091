#include "runner/subtitles.h"

#include <optional>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "model/media/video.h"

namespace peira::runner {
namespace {

constexpr std::uintmax_t kMostBytes = std::uintmax_t{16} << 20U;  // an hour's speech is 0.1 MiB

using Rule = datasets::SubtitleSelection::Rule;

std::string read_subtitles(const datasets::SubtitleFile& file) {
  if (!file.bytes.empty()) return std::string(file.bytes);
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file.path, error);
  if (!error && size > kMostBytes) {
    throw Error(ErrorCode::kData, file.path.string() + ": subtitles of " + std::to_string(size) +
                                      " bytes, the limit is " + std::to_string(kMostBytes));
  }
  return read_file(file.path);
}

const Part& video_of(const datasets::Sample& sample) {
  for (const Part& part : sample.parts) {
    if (part.kind == PartKind::kVideo) return part;
  }
  throw Error(ErrorCode::kData, "subtitles of a question that has no video");
}

model::VideoInfo info_of(const Part& video, const std::string& name) {
  const std::string bytes = video.bytes.empty() ? read_file(video.path) : std::string();
  return model::Video(video.bytes.empty() ? bytes : video.bytes,
                      video.path.empty() ? name : video.path.string())
      .info();
}

}  // namespace

std::string SubtitleDesk::lines_of(const datasets::Sample& sample) {
  const datasets::SubtitleFile& file = *sample.subtitle_file;
  if (file.is_missing) return std::string(datasets::kNoSubtitles);
  const std::string bytes = read_subtitles(file);
  const std::vector<datasets::SubtitleCue> cues = datasets::read_srt(bytes, file.path.string());
  const bool reads_markup =
      selection_.rule != Rule::kUniformInterior && selection_.rule != Rule::kFps;
  if (reads_markup && !datasets::has_official_markup(cues) && num_without_markup_++ == 0) {
    first_without_markup_ = file.path.string();
  }
  if (selection_.rule == Rule::kAll) return datasets::all_lines(bytes);
  const model::VideoInfo info = info_of(video_of(sample), "the video of sample " + sample.id);
  const auto amount = static_cast<std::int64_t>(selection_.amount);
  switch (selection_.rule) {
    case Rule::kShown: {
      const auto frames = model_.frames_shown(info.num_frames, info.fps);
      return frames ? datasets::lines_at_frames(cues, *frames, info.fps)
                    : datasets::all_lines(bytes);
    }
    case Rule::kUniformInclusive:
      return datasets::lines_at_frames(
          cues, datasets::uniform_inclusive_frames(info.num_frames, amount), info.fps);
    case Rule::kUniformInterior:
      return datasets::lines_frame_by_frame(
          cues, datasets::uniform_interior_frames(info.num_frames, amount), info.fps);
    case Rule::kFps:
      return datasets::lines_frame_by_frame(
          cues, datasets::frames_per_second(info.num_frames, info.fps, selection_.amount),
          info.fps);
    case Rule::kAll:
      break;
  }
  throw Error(ErrorCode::kInternal, "a selection of subtitles that there is not");
}

void SubtitleDesk::choose(datasets::Sample& sample) {
  if (sample.subtitle_file == nullptr) return;
  const std::string key = sample.subtitle_file->path.string();
  if (key != last_key_) {
    try {
      last_lines_ = lines_of(sample);
    } catch (const Error& failure) {
      last_key_.clear();
      throw Error(failure.code(), "sample " + sample.id + ": " + failure.what());
    }
    last_key_ = key;
  }
  sample.subtitles = last_lines_;
}

Json SubtitleDesk::value() const {
  Json value{{"selection", selection_.text()}};
  if (selection_.rule == Rule::kShown) {
    constexpr std::int64_t kAnyVideo = 100;
    value["frames"] = model_.frames_shown(kAnyVideo, 25) ? "model" : "unknown";
  }
  return value;
}

std::vector<std::string> SubtitleDesk::notes() const {
  if (num_without_markup_ == 0) return {};
  return {std::to_string(num_without_markup_) +
          " files of subtitles have no line in the official markup (<font color=\"white\" "
          "size=\".72c\">), so their prompts show none; the first: " +
          first_without_markup_ + "; --subtitles fps:X reads plain lines"};
}

}  // namespace peira::runner
