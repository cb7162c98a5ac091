// Names for runs, and what gates said of them on which branch: what a baseline may be called.
#pragma once

#include <filesystem>
#include <functional>
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
  // Runs of `suite` of which `status` was said when they were judged last on `branch`, the newest
  // judged first.
  std::vector<std::string> judged(const std::string& suite, const std::string& branch,
                                  const std::string& status) const;
  // Whether the run failed when it was judged last.
  bool has_failed(const std::string& run_id) const;

 private:
  std::unique_ptr<Database> database_;
  bool has_tables_ = true;
};

// Which runs may be a baseline.
struct BaselineQuery {
  std::string suite;
  std::set<std::string> excluded;  // those that are judged
  // Of last-green alone: runs that never are its baseline, and those that are only where there is
  // no other, to be refused with what they differ in. Empty: all are.
  std::function<bool(const RunInfo&)> belongs = {}, comparable = {};
};

// The run that `reference` means as a baseline: "last-green@BRANCH", a tag, or a run as
// Store::resolve_run() takes it. Empty: there is none, or a tag's is of another suite. A tag
// "NAME/SUITE" stands before one called NAME, so that one name covers several suites.
//
// Last green is the newest run that passed its gates on the branch. Until one has, it is the newest
// complete run made on the branch (its manifest says so) or judged there that did not fail them.
// throws  Error(kUsage): neither tag nor run.
std::optional<std::string> resolve_baseline(const Store& store, const Tags& tags,
                                            const std::string& reference,
                                            const BaselineQuery& query);

}  // namespace peira::runner
