#include "runner/revision.h"

#include <array>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <system_error>

#include "base/utf8.h"

namespace peira::runner {
namespace {

constexpr const char* kKey = "revision";
constexpr std::size_t kLongestLine = 4096;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : to_valid_utf8(value);
}

// The next line as git writes them; false at the end, and at one that is longer than any of git's.
bool next_line(std::ifstream& in, std::string& line) {
  std::array<char, kLongestLine> text{};
  if (!in.getline(text.data(), static_cast<std::streamsize>(text.size()))) return false;
  line = text.data();
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return true;
}

std::string first_line(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  return next_line(in, line) ? to_valid_utf8(line) : "";
}

// The git folder of the work tree around `folder`; empty when there is none.
std::filesystem::path git_folder(std::filesystem::path folder) {
  std::error_code error;
  folder = std::filesystem::absolute(folder, error);
  while (!folder.empty()) {
    const std::filesystem::path git = folder / ".git";
    if (std::filesystem::is_directory(git, error)) return git;
    if (std::filesystem::is_regular_file(git, error)) {  // a further work tree
      const std::string line = first_line(git);
      if (line.starts_with("gitdir: ")) return folder / line.substr(8);
    }
    if (folder == folder.parent_path()) break;
    folder = folder.parent_path();
  }
  return {};
}

// The commit that `reference` names: in a file of its own, or among those that were packed.
std::string commit_of(const std::filesystem::path& common, const std::string& reference) {
  if (std::string commit = first_line(common / reference); !commit.empty()) return commit;
  std::ifstream packed(common / "packed-refs");
  std::string line;
  while (next_line(packed, line)) {
    const std::size_t space = line.find(' ');
    if (space != std::string::npos && line.substr(space + 1) == reference) {
      return to_valid_utf8(line.substr(0, space));
    }
  }
  return "";
}

}  // namespace

Revision revision_of(const std::filesystem::path& folder) {
  Revision revision;
  revision.branch = environment("GITHUB_HEAD_REF");
  if (revision.branch.empty()) revision.branch = environment("GITHUB_REF_NAME");
  revision.commit = environment("GITHUB_SHA");
  if (!revision.branch.empty() && !revision.commit.empty()) return revision;
  const std::filesystem::path git = git_folder(folder);
  if (git.empty()) return revision;
  const std::string head = first_line(git / "HEAD");
  constexpr std::string_view kBranch = "ref: refs/heads/";
  if (!head.starts_with(kBranch)) {
    if (revision.commit.empty() && !head.starts_with("ref:")) revision.commit = head;
    return revision;
  }
  if (revision.branch.empty()) revision.branch = head.substr(kBranch.size());
  if (revision.commit.empty()) {
    std::filesystem::path common = git;
    if (const std::string other = first_line(git / "commondir"); !other.empty()) {
      common = git / other;
    }
    revision.commit = commit_of(common, head.substr(5));
  }
  return revision;
}

void put_revision(const Revision& revision, Json& manifest) {
  if (revision.branch.empty() && revision.commit.empty()) return;
  manifest[kKey] = {{"branch", revision.branch}, {"commit", revision.commit}};
}

Revision revision_from(const Json& manifest) {
  Revision revision;
  if (!manifest.is_object()) return revision;
  const auto found = manifest.find(kKey);
  if (found == manifest.end() || !found->is_object()) return revision;
  const auto text = [&](const char* key) {
    const auto value = found->find(key);
    return value != found->end() && value->is_string() ? value->get<std::string>() : std::string();
  };
  return {text("branch"), text("commit")};
}

}  // namespace peira::runner
