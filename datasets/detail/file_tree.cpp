#include "datasets/detail/file_tree.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "datasets/formats/byte_source.h"

namespace peira::datasets {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 200'000;
constexpr std::uintmax_t kLongestFile = std::uintmax_t{64} << 20;

void check_count(const std::vector<TreeFile>& files, const std::string& name) {
  if (files.size() > kMostFiles) {
    throw Error(ErrorCode::kData, name + ": holds more than " + std::to_string(kMostFiles) +
                                      " files\n  try: the folder of the exercises alone");
  }
}

std::string read_bounded(const fs::path& path) {
  const std::uintmax_t size = fs::file_size(path);
  if (size > kLongestFile) {
    throw Error(ErrorCode::kData, path.string() + ": " + std::to_string(size) +
                                      " bytes are more than an exercise's file may have (" +
                                      std::to_string(kLongestFile) + ")");
  }
  return read_file(path);
}

// Links are left out: an exercise is its own files.
std::vector<TreeFile> list_folder(const fs::path& root,
                                  const std::function<bool(const std::string&)>& wanted) {
  std::vector<TreeFile> files;
  std::vector<std::string> open{""};
  while (!open.empty()) {
    const std::string folder = std::move(open.back());
    open.pop_back();
    std::error_code failure;
    fs::directory_iterator entries(root / folder, failure);
    if (failure) {
      throw Error(ErrorCode::kUnavailable,
                  (root / folder).string() + ": cannot be read: " + failure.message());
    }
    for (const fs::directory_entry& entry : entries) {
      std::string path = folder + entry.path().filename().string();
      const fs::file_status status = entry.symlink_status(failure);
      if (failure) continue;  // gone meanwhile
      if (fs::is_directory(status)) {
        if (wanted(path + "/")) open.push_back(path + "/");
      } else if (fs::is_regular_file(status) && wanted(path)) {
        const bool executable = (status.permissions() & fs::perms::owner_exec) != fs::perms::none;
        files.push_back({path, executable, [place = entry.path()] { return read_bounded(place); }});
        check_count(files, root.string());
      }
    }
  }
  return files;
}

bool all_wanted(const std::string& path, const std::function<bool(const std::string&)>& wanted) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    if (!wanted(path.substr(0, slash + 1))) return false;
  }
  return wanted(path);
}

std::vector<TreeFile> list_packed(std::string_view text, const std::string& name,
                                  const std::function<bool(const std::string&)>& wanted) {
  std::vector<TreeFile> files;
  std::int64_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string where = name + ":" + std::to_string(number);
    const Json json = parse_json(line, where);
    const Json path = json.is_object() ? json.value("path", Json()) : Json();
    const Json content = json.is_object() ? json.value("text", Json()) : Json();
    const Json executable = json.is_object() ? json.value("executable", Json(false)) : Json();
    if (!path.is_string() || !content.is_string() || !executable.is_boolean()) {
      throw Error(ErrorCode::kData, where +
                                        ": not a packed file: {\"path\": TEXT, \"text\": TEXT, "
                                        "\"executable\": true or false}");
    }
    TreeFile file;
    file.path = path.get<std::string>();
    if (!is_inside(file.path)) {
      throw Error(ErrorCode::kData, where + ": the path \"" + file.path + "\" leads out");
    }
    if (!all_wanted(file.path, wanted)) continue;
    file.executable = executable.get<bool>();
    file.read = [bytes = content.get<std::string>()] { return bytes; };
    files.push_back(std::move(file));
    check_count(files, name);
  }
  return files;
}

}  // namespace

bool is_inside(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos) return false;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string component = path.substr(start, end - start);
    if (component.empty() || component == "." || component == "..") return false;
    start = end + 1;
  }
  return true;
}

std::vector<TreeFile> list_tree(const DatasetFile& file,
                                const std::function<bool(const std::string& path)>& wanted) {
  std::vector<TreeFile> files;
  if (!file.path.empty() && fs::is_directory(file.path)) {
    files = list_folder(file.path, wanted);
  } else if (!file.path.empty()) {
    files = list_packed(ByteSource::from_file(file.path).text(), file.path.string(), wanted);
  } else {
    files = list_packed(file.embedded, file.name, wanted);
  }
  std::sort(files.begin(), files.end(),
            [](const TreeFile& a, const TreeFile& b) { return a.path < b.path; });
  const auto twice =
      std::adjacent_find(files.begin(), files.end(),
                         [](const TreeFile& a, const TreeFile& b) { return a.path == b.path; });
  if (twice != files.end()) {
    throw Error(ErrorCode::kData, file.name + ": has the path " + twice->path + " twice");
  }
  return files;
}

}  // namespace peira::datasets
