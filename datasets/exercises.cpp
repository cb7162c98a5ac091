#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/utf8.h"
#include "datasets/detail/file_tree.h"
#include "datasets/detail/readers.h"
#include "datasets/exercise.h"

namespace peira::datasets {
namespace {

constexpr std::array<std::string_view, 6> kLanguages = {"cpp",        "go",     "java",
                                                        "javascript", "python", "rust"};
constexpr std::string_view kPractice = "/exercises/practice/";
// Of a folder in which tests were run by hand: none of these is the exercise's own.
constexpr std::array<std::string_view, 6> kLeftovers = {
    ".git", ".gradle", "__pycache__", ".pytest_cache", "node_modules", "target"};
constexpr std::size_t kLongestExercise = std::size_t{64} << 20;

bool is_language(std::string_view name) {
  return std::find(kLanguages.begin(), kLanguages.end(), name) != kLanguages.end();
}

// LANGUAGE/exercises/practice/NAME/REST, taken apart; empty for another path.
struct Place {
  std::string language, name, rest;
};
std::optional<Place> place_of(const std::string& path) {
  const std::size_t slash = path.find('/');
  if (slash == std::string::npos || path.compare(slash, kPractice.size(), kPractice) != 0) {
    return std::nullopt;
  }
  const std::size_t name = slash + kPractice.size();
  const std::size_t end = path.find('/', name);
  if (end == std::string::npos) return std::nullopt;
  return Place{path.substr(0, slash), path.substr(name, end - name), path.substr(end + 1)};
}

// Whether a file, or a folder (with "/" at its end), is part of an exercise.
bool is_wanted(const std::string& path) {
  const std::size_t slash = path.find('/');
  if (slash == std::string::npos || !is_language(std::string_view(path).substr(0, slash))) {
    return false;
  }
  const std::string_view below = std::string_view(path).substr(slash);
  if (below.size() < kPractice.size()) return kPractice.starts_with(below);
  if (!below.starts_with(kPractice)) return false;
  if (!path.ends_with('/')) return true;
  const std::string_view folder = std::string_view(path).substr(0, path.size() - 1);
  const std::string_view last = folder.substr(folder.rfind('/') + 1);
  return std::find(kLeftovers.begin(), kLeftovers.end(), last) == kLeftovers.end();
}

// Text as Python reads it: UTF-8, line ends as "\n".
std::string document(const TreeFile& file, const std::string& where) {
  const std::string bytes = file.read();
  if (!is_valid_utf8(bytes)) throw Error(ErrorCode::kData, where + ": is not UTF-8");
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == '\r') {
      text += '\n';
      if (i + 1 < bytes.size() && bytes[i + 1] == '\n') ++i;
    } else {
      text += bytes[i];
    }
  }
  return text;
}

std::vector<std::string> paths_in(const Json& config, const char* key, const std::string& where) {
  std::vector<std::string> paths;
  const Json files = config.is_object() ? config.value("files", Json::object()) : Json();
  const Json list = files.is_object() ? files.value(key, Json::array()) : Json();
  const std::string field = where + ": files." + key;
  if (!list.is_array()) throw Error(ErrorCode::kData, field + ": must be a list of paths");
  for (const Json& item : list) {
    if (!item.is_string() || !is_inside(item.get<std::string>())) {
      throw Error(ErrorCode::kData,
                  field + ": " + dump_json(item) + " is no path inside the exercise's folder");
    }
    paths.push_back(item.get<std::string>());
  }
  return paths;
}

class ExerciseReader : public SampleReader {
 public:
  explicit ExerciseReader(const DatasetFile& file)
      : name_(file.path.empty() ? file.name : file.path.string()),
        files_(list_tree(file, is_wanted)) {
    if (files_.empty()) {
      throw Error(ErrorCode::kData,
                  name_ +
                      ": holds no exercises: LANGUAGE/exercises/practice/NAME of cpp, go, java, "
                      "javascript, python or rust\n  try: the root of a checkout of "
                      "https://github.com/Aider-AI/polyglot-benchmark");
    }
  }

  std::optional<Sample> next() override {
    while (position_ < files_.size()) {
      const std::optional<Place> first = place_of(files_[position_].path);
      if (!first) {  // a file beside the exercises
        ++position_;
        continue;
      }
      std::map<std::string, const TreeFile*> files;
      for (; position_ < files_.size(); ++position_) {
        std::optional<Place> place = place_of(files_[position_].path);
        if (!place || place->language != first->language || place->name != first->name) break;
        files.emplace(place->rest, &files_[position_]);
      }
      return make(*first, files);
    }
    return std::nullopt;
  }

  std::vector<std::string> warnings() const override { return warnings_; }

 private:
  Sample make(const Place& place, const std::map<std::string, const TreeFile*>& files) {
    const std::string id = place.language + "/" + place.name;
    const std::string folder =
        name_ + "/" + place.language + std::string(kPractice) + place.name + "/";
    const auto find = [&](const std::string& path) -> const TreeFile* {
      const auto found = files.find(path);
      return found == files.end() ? nullptr : found->second;
    };
    const TreeFile* const config_file = find(".meta/config.json");
    if (config_file == nullptr) {
      throw Error(ErrorCode::kData, folder + ".meta/config.json: is missing");
    }
    const std::string where = folder + ".meta/config.json";
    const Json config = parse_json(config_file->read(), where);
    const std::vector<std::string> solution = paths_in(config, "solution", where);
    const std::vector<std::string> examples = paths_in(config, "example", where);

    auto exercise = std::make_shared<Exercise>();
    exercise->language = place.language;
    exercise->name = place.name;
    exercise->tests = paths_in(config, "test", where);
    const auto in = [](const std::vector<std::string>& list, const std::string& path) {
      return std::find(list.begin(), list.end(), path) != list.end();
    };
    const auto is_kept_away = [](const std::string& path) {
      return path.starts_with(".meta/") || path.starts_with(".docs/");
    };
    for (const std::string& path : solution) {
      if (path == "CMakeLists.txt" || path == "Cargo.toml" || is_kept_away(path) ||
          in(exercise->tests, path) || in(examples, path) || in(exercise->editable, path)) {
        continue;
      }
      if (find(path) == nullptr) {
        warnings_.push_back(where + ": files.solution: " + path + " is not there");
        continue;
      }
      exercise->editable.push_back(path);
    }
    if (exercise->tests.empty()) {
      throw Error(ErrorCode::kData, where + ": files.test: names no tests");
    }
    std::size_t size = 0;
    for (const auto& [path, file] : files) {
      if (is_kept_away(path) || in(examples, path)) continue;
      exercise->files.push_back({path, file->read(), file->executable});
      size += exercise->files.back().bytes.size();
      if (size > kLongestExercise) {
        throw Error(ErrorCode::kData, folder + ": its files are more than " +
                                          std::to_string(kLongestExercise) + " bytes");
      }
    }

    Sample sample;
    sample.id = id;
    sample.row = row_++;
    std::string question;
    for (const char* name : {"introduction.md", "instructions.md", "instructions.append.md"}) {
      const std::string path = std::string(".docs/") + name;
      if (const TreeFile* const file = find(path)) question += document(*file, folder + path);
    }
    if (find(".docs/instructions.md") == nullptr) {
      throw Error(ErrorCode::kData, folder + ".docs/instructions.md: is missing");
    }
    sample.parts.push_back(Part::from_text(std::move(question)));
    sample.target = "tests pass";
    sample.metadata = {{"language", place.language}};
    // The same exercise in several languages is not several independent ones.
    sample.cluster = place.name;
    sample.exercise = std::move(exercise);
    return sample;
  }

  std::string name_;
  std::vector<TreeFile> files_;
  std::size_t position_ = 0;
  std::int64_t row_ = 0;
  std::vector<std::string> warnings_;
};

}  // namespace

const ExerciseFile* find_file(const Exercise& exercise, const std::string& path) {
  for (const ExerciseFile& file : exercise.files) {
    if (file.path == path) return &file;
  }
  return nullptr;
}

bool holds_exercises(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (std::filesystem::directory_iterator entry(folder, ignored), end; entry != end;
       entry.increment(ignored)) {
    if (ignored) return false;
    if (std::filesystem::is_directory(entry->path() / "exercises" / "practice", ignored)) {
      return true;
    }
  }
  return false;
}

std::unique_ptr<SampleReader> open_exercises(const DatasetFile& file) {
  return std::make_unique<ExerciseReader>(file);
}

std::string digest_of_exercises(const DatasetFile& file) {
  Sha256 digest;
  const auto add = [&](std::string_view text) {
    digest.update(std::to_string(text.size()) + ":");
    digest.update(text);
  };
  for (const TreeFile& entry : list_tree(file, is_wanted)) {
    add(entry.path);
    add(entry.executable ? "x" : "-");
    add(entry.read());
  }
  return digest.hex();
}

}  // namespace peira::datasets
