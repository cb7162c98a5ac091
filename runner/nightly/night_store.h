// What the store keeps of nights: what each was to do, what became of it, what was said.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/sqlite.h"
#include "evals/gate/gate.h"
#include "evals/series.h"
#include "runner/nightly/schedule.h"

namespace peira::runner {

enum class EntryState {
  kWaiting,     // decided, not begun or not finished
  kComplete,    // has a complete run, of tonight or repeated
  kSkipped,     // not due
  kIncomplete,  // begun, and ended without all answers
  kLeftOut,     // the budget did not do for it
  kFailed       // could not be run at all
};
std::string_view to_string(EntryState state);

// One suite x model x prompt of one night.
struct NightEntry {
  std::string name;  // NightlyEntry::name
  EntryAction action = EntryAction::kRun;
  std::string why;
  EntryState state = EntryState::kWaiting;
  std::string run;   // "" before it is begun
  std::string note;  // what became of it, when that needs saying
  // What the run held before this night, so that a night counts what it spent itself.
  std::int64_t tokens_before = 0;
  double wall_before_s = 0;
};

// What the gates of one policy came to for one model and prompt.
struct NightGateVerdict {
  std::string name;  // "smoke/bundled/official"
  evals::GateStatus status = evals::GateStatus::kUndecided;
  std::string headline;
  std::vector<std::string> failed_entries;  // whose own gates failed
  Json report = nullptr;  // as `peira gate --json`; null where it could not be judged
};
Json to_json(const NightGateVerdict& gates);
// throws Error(kData) naming `where`.
NightGateVerdict night_gate_verdict_from(const Json& value, const std::string& where);

struct NightRecord {
  std::int64_t key = 0;
  std::string plan, night;
  std::string plan_digest;  // of what the plan asked for
  bool finished = false;
  std::string started_at, finished_at;
  std::vector<NightEntry> entries;      // in the plan's order
  std::vector<NightGateVerdict> gates;  // of a finished night, in the plan's order
  // After a finished night: the tests of all series so far, and the night they began with.
  std::string stream, stream_begun;
  Json outcome = nullptr;  // what `peira nightly --json` said
};

// A series' name and what was said of it.
using SeriesJudgement = std::pair<std::string, evals::NightJudgement>;

// Somebody took a worse level for the new reference.
struct Acceptance {
  std::string series;       // name; "" means all of the plan
  std::string from;         // first night of the new reference
  std::string after_night;  // newest night judged at the time: it speaks of those after it
  std::string note;
};

// Tables of their own in the store's file, made when absent.
// threads: one at a time.
class NightStore {
 public:
  enum class Access { kReadWrite, kReadOnly };
  // The file must be a Store's already. kReadOnly: without tables there are simply no nights.
  explicit NightStore(const std::filesystem::path& store, Access access = Access::kReadWrite);

  std::optional<NightRecord> find(const std::string& plan, const std::string& night) const;
  // All nights of a plan, oldest first.
  std::vector<NightRecord> nights(const std::string& plan) const;
  // Names of plans that have nights.
  std::vector<std::string> plans() const;

  // Begins a night. throws Error(kUsage): it is there.
  NightRecord begin(NightRecord night);
  void update(std::int64_t night_key, const NightEntry& entry);
  // Ends a night, or replaces what was said of it, in one transaction.
  void finish(const NightRecord& night, std::span<const SeriesJudgement> judgements);
  // Forgets a night, not its runs.
  void forget(const std::string& plan, const std::string& night);

  // What was said of one night, in the plan's order.
  std::vector<SeriesJudgement> judgements(std::int64_t night_key) const;
  // What was said of each series on the nights before `night` ("" for all), oldest first.
  std::map<std::string, std::vector<evals::NightJudgement>> history(const std::string& plan,
                                                                    const std::string& night) const;

  void accept(const std::string& plan, const Acceptance& acceptance);
  std::vector<Acceptance> acceptances(const std::string& plan) const;

  // Tokens read and written by the asked answers of a run, and its wall time.
  std::pair<std::int64_t, double> spent_by(const std::string& run_id) const;

 private:
  NightRecord record_from(const Statement& statement) const;

  std::unique_ptr<Database> database_;
  bool has_tables_ = true, has_gates_ = true;
};

// The right to carry out a plan's nights on a store, held by one process at a time; the kernel
// gives it up when the holder dies. Move-only.
class NightLock {
 public:
  // throws Error(kUnavailable): another process holds it (names it).
  NightLock(const std::filesystem::path& store, const std::string& plan);
  ~NightLock();
  NightLock(NightLock&& other) noexcept;
  NightLock& operator=(NightLock&&) = delete;
  NightLock(const NightLock&) = delete;
  NightLock& operator=(const NightLock&) = delete;

  // "process 12 on HOST since ..." of whoever holds the lock; "" when nobody does.
  static std::string holder(const std::filesystem::path& store, const std::string& plan);

 private:
  int file_ = -1;
};

}  // namespace peira::runner
