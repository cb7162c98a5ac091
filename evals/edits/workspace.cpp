#include "evals/edits/workspace.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace peira::evals::edits {
namespace {

// Where the workspace lies for names that lead out of it. Deep enough that a few ".." show.
constexpr std::string_view kRoot = "/workspace";

std::vector<std::string_view> components_of(std::string_view path) {
  std::vector<std::string_view> components;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) components.push_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return components;
}

std::string folder_of(std::string_view canonical) {
  const std::size_t slash = canonical.rfind('/');
  return slash == std::string_view::npos ? "." : std::string(canonical.substr(0, slash));
}

std::string universal_newlines(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != '\r') {
      text += bytes[i];
    } else {
      text += '\n';
      if (i + 1 < bytes.size() && bytes[i + 1] == '\n') ++i;
    }
  }
  return text;
}

}  // namespace

std::string Workspace::resolve(std::string_view name) {
  std::vector<std::string_view> path;
  if (!name.starts_with('/')) path = components_of(kRoot);
  for (const std::string_view component : components_of(name)) {
    if (component == ".") continue;
    if (component != "..") {
      path.push_back(component);
    } else if (!path.empty()) {
      path.pop_back();
    }
  }
  const std::vector<std::string_view> root = components_of(kRoot);
  std::size_t common = 0;
  while (common < std::min(path.size(), root.size()) && path[common] == root[common]) ++common;
  std::string canonical;
  for (std::size_t i = common; i < root.size(); ++i) canonical += canonical.empty() ? ".." : "/..";
  for (std::size_t i = common; i < path.size(); ++i) {
    if (!canonical.empty()) canonical += '/';
    canonical += path[i];
  }
  return canonical.empty() ? "." : canonical;
}

std::string Workspace::full_path(std::string_view name) {
  const std::string canonical = resolve(name);
  if (canonical == ".") return std::string(kRoot);
  if (canonical == "..") return "/";
  return canonical.starts_with("../") ? canonical.substr(2) : std::string(kRoot) + "/" + canonical;
}

void Workspace::put(const std::string& name, std::string bytes, bool in_chat) {
  const std::string canonical = resolve(name);
  files_[canonical] = std::move(bytes);
  if (in_chat) chat_.insert(canonical);
}

bool Workspace::has_folder(std::string_view canonical) const {
  if (canonical == "." || canonical == "..") return true;
  const std::string folder(canonical);
  if (folders_.contains(folder)) return true;
  const auto below = files_.lower_bound(folder + "/");
  return below != files_.end() && below->first.starts_with(folder + "/");
}

bool Workspace::parent_is_folder(std::string_view canonical) const {
  return has_folder(folder_of(canonical));
}

PathFault Workspace::fault(std::string_view name) const {
  if (name.find('\0') != std::string_view::npos) return PathFault::kNul;
  const std::string canonical = resolve(name);
  if (canonical.size() + kRoot.size() + 1 > 4095) return PathFault::kTooLong;
  for (const std::string_view component : components_of(canonical)) {
    if (component.size() > 255) return PathFault::kTooLong;
  }
  for (std::string folder = folder_of(canonical); folder != "." && folder != "..";
       folder = folder_of(folder)) {
    if (files_.contains(folder)) return PathFault::kNotFolder;
  }
  return has_folder(canonical) ? PathFault::kDirectory : PathFault::kNone;
}

bool Workspace::exists(std::string_view name) const {
  const std::string canonical = resolve(name);
  return files_.contains(canonical) || has_folder(canonical);
}

std::optional<std::string> Workspace::read(std::string_view name) const {
  const auto found = files_.find(resolve(name));
  if (found == files_.end() || !is_valid_utf8(found->second)) return std::nullopt;
  return universal_newlines(found->second);
}

bool Workspace::touch(std::string_view name) {
  const PathFault fault = this->fault(name);
  if (fault == PathFault::kDirectory) return true;
  if (fault != PathFault::kNone) return false;
  const std::string canonical = resolve(name);
  for (std::string folder = folder_of(canonical); folder != "." && folder != "..";
       folder = folder_of(folder)) {
    folders_.insert(folder);
  }
  files_.try_emplace(canonical);
  return true;
}

bool Workspace::write(std::string_view name, std::string text) {
  if (fault(name) != PathFault::kNone) return false;
  const std::string canonical = resolve(name);
  if (!parent_is_folder(canonical)) return false;
  files_[canonical] = std::move(text);
  return true;
}

std::map<std::string, std::string> Workspace::files_inside() const {
  std::map<std::string, std::string> inside;
  for (const auto& [name, bytes] : files_) {
    if (name != ".." && !name.starts_with("../")) inside.emplace(name, bytes);
  }
  return inside;
}

}  // namespace peira::evals::edits
