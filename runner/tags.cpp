#include "runner/tags.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "base/error.h"

namespace peira::runner {
namespace {

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS tags(name TEXT PRIMARY KEY, run TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gate_outcomes(
  key INTEGER PRIMARY KEY, run TEXT NOT NULL, suite TEXT NOT NULL, branch TEXT NOT NULL,
  "commit" TEXT NOT NULL, status TEXT NOT NULL, judged_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS gate_outcomes_by_branch ON gate_outcomes(suite, branch, key);
)sql";

bool is_tag_name(const std::string& name) {
  constexpr std::size_t kMostChars = 100;
  const bool fits = !name.empty() && name.size() <= kMostChars && name[0] != '-' &&
                    !name.starts_with("latest") && !name.starts_with("last-green");
  return fits && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-' || c == '/';
         });
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string first_line(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
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

}  // namespace

Tags::Tags(const std::filesystem::path& store, Access access)
    : database_(std::make_unique<Database>(store, access == Access::kReadWrite
                                                      ? Database::Mode::kReadWriteCreate
                                                      : Database::Mode::kReadOnly)) {
  if (access == Access::kReadWrite) {
    database_->execute(kSchema);
    return;
  }
  Statement found =
      database_->prepare("SELECT 1 FROM sqlite_master WHERE type='table' AND name='gate_outcomes'");
  has_tables_ = found.step();
}

void Tags::set(const std::string& name, const std::string& run_id) {
  if (!is_tag_name(name)) {
    throw Error(ErrorCode::kUsage,
                "\"" + name.substr(0, 100) +
                    "\" is no name for a tag: letters, digits, . _ - and /, at most 100, not "
                    "beginning with latest or last-green");
  }
  database_->prepare("INSERT OR REPLACE INTO tags(name, run) VALUES(?, ?)")
      .bind_all(std::string_view(name), std::string_view(run_id))
      .run();
}

void Tags::remove(const std::string& name) {
  Statement statement = database_->prepare("DELETE FROM tags WHERE name=?");
  statement.bind(1, std::string_view(name));
  statement.run();
  if (database_->changes() == 0) {
    throw Error(ErrorCode::kUsage, "there is no tag \"" + name + "\"\n  try: peira tag --list");
  }
}

std::optional<std::string> Tags::find(const std::string& name) const {
  if (!has_tables_) return std::nullopt;
  Statement statement = database_->prepare("SELECT run FROM tags WHERE name=?");
  statement.bind(1, std::string_view(name));
  if (!statement.step()) return std::nullopt;
  return statement.text(0);
}

std::vector<std::pair<std::string, std::string>> Tags::list() const {
  std::vector<std::pair<std::string, std::string>> tags;
  if (!has_tables_) return tags;
  Statement statement = database_->prepare("SELECT name, run FROM tags ORDER BY name");
  while (statement.step()) tags.emplace_back(statement.text(0), statement.text(1));
  return tags;
}

void Tags::record(const GateOutcome& outcome) {
  database_
      ->prepare(
          "INSERT INTO gate_outcomes(run, suite, branch, \"commit\", status, judged_at) "
          "VALUES(?, ?, ?, ?, ?, ?)")
      .bind_all(std::string_view(outcome.run_id), std::string_view(outcome.suite),
                std::string_view(outcome.branch), std::string_view(outcome.commit),
                std::string_view(outcome.status), std::string_view(outcome.judged_at))
      .run();
}

std::optional<std::string> Tags::last_green(const std::string& suite, const std::string& branch,
                                            const std::set<std::string>& excluded) const {
  if (!has_tables_) return std::nullopt;
  // A run that was judged again and failed since is green no more: its newest outcome counts.
  Statement statement = database_->prepare(
      "SELECT run, status FROM gate_outcomes WHERE suite=? AND branch=? ORDER BY key DESC");
  statement.bind_all(std::string_view(suite), std::string_view(branch));
  std::set<std::string> seen;
  while (statement.step()) {
    std::string run = statement.text(0);
    if (!seen.insert(run).second || excluded.contains(run)) continue;
    if (statement.text(1) == "pass") return run;
  }
  return std::nullopt;
}

std::optional<std::string> resolve_baseline(const Store& store, const Tags& tags,
                                            const std::string& reference, const std::string& suite,
                                            const std::set<std::string>& excluded) {
  constexpr std::string_view kLastGreen = "last-green@";
  if (reference.starts_with(kLastGreen)) {
    return tags.last_green(suite, reference.substr(kLastGreen.size()), excluded);
  }
  std::optional<std::string> run = tags.find(reference + "/" + suite);
  if (!run) run = tags.find(reference);
  if (!run) {
    try {
      run = store.resolve_run(reference);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUsage) throw;
      throw Error(ErrorCode::kUsage,
                  "baseline \"" + reference + "\" is neither a tag nor a run: " + error.what() +
                      "\n  try: peira tag RUN " + reference + ", or last-green@BRANCH");
    }
  }
  if (store.run(*run).suite != suite) return std::nullopt;
  return run;
}

std::pair<std::string, std::string> branch_and_commit(const std::filesystem::path& folder) {
  std::string branch = environment("GITHUB_HEAD_REF");
  if (branch.empty()) branch = environment("GITHUB_REF_NAME");
  std::string commit = environment("GITHUB_SHA");
  const std::filesystem::path git = git_folder(folder);
  if (git.empty()) return {branch, commit};
  const std::string head = first_line(git / "HEAD");
  constexpr std::string_view kBranch = "ref: refs/heads/";
  if (!head.starts_with(kBranch)) return {branch, commit.empty() ? head : commit};
  if (branch.empty()) branch = head.substr(kBranch.size());
  if (commit.empty()) {
    std::filesystem::path common = git;
    if (const std::string other = first_line(git / "commondir"); !other.empty())
      common = git / other;
    commit = first_line(common / head.substr(5));
  }
  return {branch, commit};
}

}  // namespace peira::runner
