// The files of an exercise while a model edits them: kept in memory, so that no reply, whatever it
// names, reaches the machine's own files.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace peira::evals::edits {

// Why a file cannot be read or written, in the classes that the official tool tells apart.
enum class PathFault {
  kNone,
  kNul,        // a NUL in the name: no system call takes it
  kTooLong,    // a component of more than 255 bytes, or more than 4095 in all
  kDirectory,  // it is a folder
  kNotFolder   // a component before the last is a file
};

// Names are relative to the workspace; "../x" and "/x" are kept apart as such and are never part of
// what is run.
class Workspace {
 public:
  // Sets a file and, when `in_chat`, makes it one of those that the model is shown.
  void put(const std::string& name, std::string bytes, bool in_chat);

  // The canonical name: relative, without "." and "..", where it lies inside; "." for the workspace
  // itself, "../..." for what lies outside, as os.path.relpath has it.
  static std::string resolve(std::string_view name);

  // The absolute path of `name`, the workspace being /workspace.
  static std::string full_path(std::string_view name);

  PathFault fault(std::string_view name) const;  // of reading or writing a file at `name`
  bool exists(std::string_view name) const;      // a file or a folder
  // The text as Python reads it: strict UTF-8, "\r\n" and "\r" as "\n". Empty for what is no such
  // file.
  std::optional<std::string> read(std::string_view name) const;
  // An empty file, folders on the way made. Whether that could be done.
  bool touch(std::string_view name);
  // Overwrites or makes a file; its folder must exist. Whether that could be done.
  bool write(std::string_view name, std::string text);

  void add_to_chat(std::string_view name) { chat_.insert(resolve(name)); }
  void drop_from_chat(std::string_view name) { chat_.erase(resolve(name)); }
  bool in_chat(std::string_view name) const { return chat_.contains(resolve(name)); }
  // Canonical names of the files shown, sorted by code point.
  std::vector<std::string> chat_files() const { return {chat_.begin(), chat_.end()}; }

  // Every file that lies inside: name to bytes.
  std::map<std::string, std::string> files_inside() const;

 private:
  bool has_folder(std::string_view canonical) const;
  bool parent_is_folder(std::string_view canonical) const;

  std::map<std::string, std::string> files_;  // canonical name to bytes
  std::set<std::string> folders_;             // made without a file in them
  std::set<std::string> chat_;
};

}  // namespace peira::evals::edits
