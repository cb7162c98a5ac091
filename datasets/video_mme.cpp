#include <array>
#include <utility>

#include "datasets/detail/readers.h"
#include "datasets/detail/sample_ids.h"

namespace peira::datasets {
namespace {

constexpr std::array kRequired{"video_id", "duration", "videoID", "question_id",
                               "question", "options",  "answer"};
constexpr std::array kMetadata{"duration", "domain", "sub_category", "task_type"};
enum Column : std::size_t { kVideo, kDuration, kFile, kId, kQuestion, kOptions, kAnswer };

// The archives make "data" where they are unpacked: in the repository's folder, whose tables lie in
// a folder of their own.
std::filesystem::path folder_of_videos(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return path / "data";
  const std::filesystem::path beside = path.parent_path() / "data";
  const std::filesystem::path above = path.parent_path().parent_path() / "data";
  return !std::filesystem::is_directory(beside, ignored) &&
                 std::filesystem::is_directory(above, ignored)
             ? above
             : beside;
}

class VideoMmeReader final : public SampleReader {
 public:
  VideoMmeReader(std::unique_ptr<TableReader> table, const std::filesystem::path& path,
                 bool with_subtitles)
      : table_(std::move(table)), with_subtitles_(with_subtitles) {
    is_embedded_ = path.empty();
    videos_ = folder_of_videos(path);
    std::vector<std::size_t> wanted;
    std::vector<std::string> missing;
    for (std::size_t i = 0; i < kRequired.size(); ++i) {
      if (const auto column = table_->find_column(kRequired[i])) {
        wanted.push_back(required_[i] = *column);
      } else {
        missing.emplace_back(kRequired[i]);
      }
    }
    if (!missing.empty()) {
      throw_missing_columns(
          *table_, "not a Video-MME file: the columns missing are " + join_names(missing), "");
    }
    for (std::size_t i = 0; i < kMetadata.size(); ++i) {
      metadata_[i] = table_->find_column(kMetadata[i]);
      if (metadata_[i]) wanted.push_back(*metadata_[i]);
    }
    table_->select(wanted);
  }

  std::optional<Sample> next() override {
    if (!table_->next(row_)) return std::nullopt;
    Sample sample;
    sample.row = row_.number;
    sample.id = text(kId);
    if (sample.id.empty()) refuse(sample, "\"question_id\" is empty");
    if (const auto first = seen_.add(sample.id, row_.position); first >= 0) {
      throw duplicate_error(*table_, row_, first, sample.id, false);
    }
    sample.cluster = text(kVideo);
    sample.parts = {video_of(sample), Part::from_text(text(kQuestion))};
    if (with_subtitles_) sample.subtitle_file = subtitles_of(sample);
    add_options(sample);
    for (std::size_t i = 0; i < kMetadata.size(); ++i) {
      if (metadata_[i])
        sample.metadata.emplace(kMetadata[i], plain_text(row_.cells[*metadata_[i]]));
    }
    return sample;
  }

  std::vector<std::string> warnings() const override {
    if (num_without_ == 0) return {};
    return {std::to_string(num_without_) +
            " questions are on videos without subtitles, and their prompts say \"" +
            std::string(kNoSubtitles) + "\"; the first: " + first_without_};
  }

 private:
  const std::string& text(Column column) const { return row_.cells[required_[column]].text; }

  [[noreturn]] void refuse(const Sample& sample, const std::string& problem) const {
    throw Error(ErrorCode::kData,
                table_->place(row_.position) + ": sample " + sample.id + ": " + problem);
  }

  Part video_of(const Sample& sample) const {
    Part video;
    video.kind = PartKind::kVideo;
    // A name from the file must not lead out of the folder.
    const std::string& stem = text(kFile);
    if (stem.empty() || stem.find('/') != std::string::npos || stem.front() == '.')
      refuse(sample, "\"videoID\" is \"" + stem + "\"");
    if (is_embedded_) {
      const auto bytes = embedded_sample_file(stem + ".mp4");
      if (!bytes) refuse(sample, "its video is missing in the binary: " + stem + ".mp4");
      video.bytes = *bytes;
      return video;
    }
    video.path = videos_ / (stem + ".mp4");
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(video.path, ignored)) {
      refuse(sample, "its video is missing: " + video.path.string() +
                         "\n  try: unzip videos_chunked_*.zip beside the table, which makes the "
                         "folder \"data\"");
    }
    return video;
  }

  // Videos without speech have no file, so one that is missing is none that is lost; no folder is.
  std::shared_ptr<const SubtitleFile> subtitles_of(const Sample& sample) {
    SubtitleFile file;
    const std::string name = text(kFile) + ".srt";
    if (is_embedded_) {
      const auto bytes = embedded_sample_file(name);
      file.path = name;
      file.is_missing = !bytes;
      file.bytes = bytes.value_or("");
    } else {
      const std::filesystem::path folder = videos_.parent_path() / "subtitle";
      file.path = folder / name;
      std::error_code ignored;
      file.is_missing = !std::filesystem::is_regular_file(file.path, ignored);
      if (file.is_missing && !std::filesystem::is_directory(folder, ignored)) {
        refuse(sample,
               "its subtitles are missing: " + file.path.string() +
                   "\n  try: unzip subtitle.zip beside the folder \"data\", which makes the "
                   "folder \"subtitle\"");
      }
    }
    if (file.is_missing && num_without_++ == 0) {
      first_without_ = "sample " + sample.id + ", " + file.path.string();
    }
    return std::make_shared<const SubtitleFile>(std::move(file));
  }

  void add_options(Sample& sample) const {
    const std::string place = table_->place(row_.position) + ": \"options\"";
    sample.choices = list_items(text(kOptions), place);
    for (std::size_t i = 0; i < sample.choices.size(); ++i) {
      const std::string prefix = std::string(1, static_cast<char>('A' + i)) + ". ";
      if (!sample.choices[i].starts_with(prefix))
        refuse(sample,
               "option " + std::to_string(i + 1) + " does not begin with \"" + prefix + "\"");
      sample.choices[i].erase(0, prefix.size());
    }
    const std::string& gold = text(kAnswer);
    const std::size_t option = gold.size() == 1 && gold[0] >= 'A'
                                   ? static_cast<std::size_t>(gold[0] - 'A')
                                   : sample.choices.size();
    if (option >= sample.choices.size()) {
      refuse(sample, "the answer is \"" + gold + "\", but there are " +
                         std::to_string(sample.choices.size()) + " options");
    }
    sample.correct_choice = static_cast<int>(option);
    sample.target = sample.choices[option];
  }

  std::unique_ptr<TableReader> table_;
  std::filesystem::path videos_;
  bool is_embedded_ = false;
  bool with_subtitles_ = false;
  std::int64_t num_without_ = 0;
  std::string first_without_;
  std::array<std::size_t, kRequired.size()> required_{};
  std::array<std::optional<std::size_t>, kMetadata.size()> metadata_;
  SeenIds seen_;
  Row row_;
};

}  // namespace

std::unique_ptr<SampleReader> open_video_mme(std::unique_ptr<TableReader> table,
                                             const std::filesystem::path& path,
                                             bool with_subtitles) {
  return std::make_unique<VideoMmeReader>(std::move(table), path, with_subtitles);
}

}  // namespace peira::datasets
