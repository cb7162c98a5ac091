// Names for runs, and what gates said of them on which branch: what a baseline may be called.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/sqlite.h"
#include "runner/store.h"

namespace peira::runner {

// What the gates of one policy came to for one run.
struct GateOutcome {
  std::string run_id, suite;
  std::string branch, commit;  // of the work judged; "" when unknown
  std::string status;          // "pass", "fail", "undecided": of the whole policy
  std::string judged_at;       // UTC, ISO 8601
};

// Tables of their own in the store's file, made when absent.
// threads: one at a time.
class Tags {
 public:
  enum class Access { kReadWrite, kReadOnly };
  // The file must be a Store's already. kReadOnly: without tables there are simply no tags.
  explicit Tags(const std::filesystem::path& store, Access access = Access::kReadWrite);

  // Names `run_id`; a tag that was another run's moves. throws Error(kUsage): not a tag's name
  // (letters, digits, ".", "_", "-" and "/", at most 100; not "latest" nor "last-green").
  void set(const std::string& name, const std::string& run_id);
  // throws Error(kUsage): no such tag.
  void remove(const std::string& name);
  std::optional<std::string> find(const std::string& name) const;
  std::vector<std::pair<std::string, std::string>> list() const;  // name, run; by name

  void record(const GateOutcome& outcome);
  // The run of `suite` that passed its gates last on `branch`, but for `excluded` ones.
  std::optional<std::string> last_green(const std::string& suite, const std::string& branch,
                                        const std::set<std::string>& excluded) const;

 private:
  std::unique_ptr<Database> database_;
  bool has_tables_ = true;
};

// The run that `reference` means as a baseline of `suite`: "last-green@BRANCH", a tag, or a run as
// Store::resolve_run() takes it. Empty: no run passed on that branch, or a tag's is of another
// suite. A tag "NAME/SUITE" stands before one called NAME, so that one name covers several suites.
// throws  Error(kUsage): neither tag nor run.
std::optional<std::string> resolve_baseline(const Store& store, const Tags& tags,
                                            const std::string& reference, const std::string& suite,
                                            const std::set<std::string>& excluded);

// Branch and commit being worked on: GITHUB_HEAD_REF or GITHUB_REF_NAME and GITHUB_SHA, else those
// of the git folder that holds `folder`. "" where unknown.
std::pair<std::string, std::string> branch_and_commit(const std::filesystem::path& folder);

}  // namespace peira::runner
