// The turns of conversations, kept as they come: what was asked or run, and what came of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/sqlite.h"

namespace peira::runner {

struct Turn {
  int number = 0;      // from 0, within one conversation
  std::string kind;    // "ask" or "run"
  std::string digest;  // SHA-256 of what was asked or run, hex: a turn answers only the same again
  std::string asked;   // "ask": the messages; "run": toolchain and command; JSON
  Json result;         // "ask": text, reasoning, finish_reason, tokens ...; "run": cause, out ...
  double seconds = 0;  // it took; 0 when taken from an earlier run
  bool cached = false;
  std::string
      cache_key;  // of an "ask": what decides the reply, 64 hex digits; "" keeps it to itself
};

// A table of its own in the store's file, made when absent. Every turn is on disk before the next
// begins.
// threads: one at a time.
class TurnStore {
 public:
  enum class Access { kReadWrite, kReadOnly };
  // The file must be a Store's already. kReadOnly: without the table there are simply no turns.
  explicit TurnStore(const std::filesystem::path& store, Access access = Access::kReadWrite);

  // Adds a turn, and drops those that stood in its place or behind it.
  void put(std::int64_t run_key, std::int64_t row, int epoch, const Turn& turn);
  // In their order.
  std::vector<Turn> turns(std::int64_t run_key, std::int64_t row, int epoch) const;
  // The result of a turn of any run with this cache key.
  std::optional<Json> find_cached(const std::string& cache_key) const;

 private:
  std::unique_ptr<Database> database_;
  bool has_table_ = true;
};

}  // namespace peira::runner
