// What judges said, kept in the store: by the content of what they were asked, so that nothing is
// asked of a judge twice, and by answer, so that a verdict can be read back with its reasons.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/sqlite.h"

namespace peira::runner {

// One reply of a judge, without defect.
struct JudgeReply {
  std::string key;  // 64 hex digits: SHA-256 of judge, wording, sampling and question
  std::string text;
  int attempts = 1;  // how often it was asked until a reply held a verdict
};

// How one answer of a run was judged: {"judge", "replies": [{"name", "key", "text", "attempts",
// "cached"}]}, or {"judge", "failure"}.
struct Judgement {
  std::int64_t row = 0;
  int epoch = 0;
  Json how;
};

// Tables of their own in the store's file, through a connection of their own.
//
// threads: one at a time.
class VerdictStore {
 public:
  enum class Access { kReadWrite, kReadOnly };

  // throws  Error(kUnavailable), Error(kData): as Store.
  VerdictStore(const std::filesystem::path& store, Access access);

  std::optional<JudgeReply> find(const std::string& key) const;
  // Commits all of `replies` in one transaction.
  void put(const std::vector<JudgeReply>& replies);

  // Commits how answers of a run were judged; what is there already is replaced.
  void put(std::int64_t run_key, const std::vector<Judgement>& judgements);
  std::optional<Json> judgement(std::int64_t run_key, std::int64_t row, int epoch) const;

  // (row, epoch) of the run's answers that have a reply and no verdict: the judge's failures.
  std::set<std::pair<std::int64_t, int>> failures(std::int64_t run_key) const;

 private:
  Database database_;
  bool has_tables_ = true;
};

}  // namespace peira::runner
