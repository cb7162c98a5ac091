#include "runner/tags.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "runner/revision.h"
#include "runner/storage/side_tables.h"

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

}  // namespace

Tags::Tags(const std::filesystem::path& store, Access access)
    : database_(open_side_tables(store, access == Access::kReadWrite, kSchema)),
      has_tables_(has_table(*database_, "gate_outcomes")) {}

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

std::vector<std::string> Tags::judged(const std::string& suite, const std::string& branch,
                                      const std::string& status) const {
  std::vector<std::string> runs;
  if (!has_tables_) return runs;
  Statement statement = database_->prepare(
      "SELECT run, status FROM gate_outcomes WHERE suite=? AND branch=? ORDER BY key DESC");
  statement.bind_all(std::string_view(suite), std::string_view(branch));
  std::set<std::string> seen;
  while (statement.step()) {
    std::string run = statement.text(0);
    if (!seen.insert(run).second) continue;
    if (statement.text(1) == status) runs.push_back(std::move(run));
  }
  return runs;
}

bool Tags::has_failed(const std::string& run_id) const {
  if (!has_tables_) return false;
  Statement statement =
      database_->prepare("SELECT status FROM gate_outcomes WHERE run=? ORDER BY key DESC LIMIT 1");
  statement.bind(1, std::string_view(run_id));
  return statement.step() && statement.text(0) == "fail";
}

namespace {

std::optional<std::string> last_green(const Store& store, const Tags& tags,
                                      const std::string& branch, const BaselineQuery& query) {
  std::optional<std::string> other;
  for (const std::string& id : tags.judged(query.suite, branch, "pass")) {
    if (query.excluded.contains(id)) continue;
    const RunInfo run = store.run(id);
    if (query.belongs && !query.belongs(run)) continue;
    if (!query.comparable || query.comparable(run)) return id;
    if (!other) other = id;
  }
  // Whoever asks says what it differs in.
  if (other) return other;
  const std::vector<std::string> undecided = tags.judged(query.suite, branch, "undecided");
  for (const RunInfo& run : store.runs()) {  // newest first
    if (run.suite != query.suite || !run.complete || query.excluded.contains(run.id) ||
        tags.has_failed(run.id)) {
      continue;
    }
    const bool is_there = revision_from(run.manifest).branch == branch ||
                          std::find(undecided.begin(), undecided.end(), run.id) != undecided.end();
    if (!is_there) continue;
    const bool fits =
        (!query.belongs || query.belongs(run)) && (!query.comparable || query.comparable(run));
    if (fits) return run.id;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> resolve_baseline(const Store& store, const Tags& tags,
                                            const std::string& reference,
                                            const BaselineQuery& query) {
  constexpr std::string_view kLastGreen = "last-green@";
  if (reference.starts_with(kLastGreen)) {
    return last_green(store, tags, reference.substr(kLastGreen.size()), query);
  }
  std::optional<std::string> run = tags.find(reference + "/" + query.suite);
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
  if (store.run(*run).suite != query.suite) return std::nullopt;
  return run;
}

}  // namespace peira::runner
