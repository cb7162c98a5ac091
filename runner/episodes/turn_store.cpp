#include "runner/episodes/turn_store.h"

#include "runner/storage/side_tables.h"

namespace peira::runner {
namespace {

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS turns(
  run INTEGER NOT NULL, row INTEGER NOT NULL, epoch INTEGER NOT NULL, turn INTEGER NOT NULL,
  kind TEXT NOT NULL, digest TEXT NOT NULL, asked TEXT NOT NULL, result TEXT NOT NULL,
  seconds REAL NOT NULL, cached INTEGER NOT NULL, cache_key TEXT,
  UNIQUE(run, row, epoch, turn));
CREATE INDEX IF NOT EXISTS turns_by_cache_key ON turns(cache_key) WHERE cache_key IS NOT NULL;
)sql";

}  // namespace

TurnStore::TurnStore(const std::filesystem::path& store, Access access)
    : database_(open_side_tables(store, access == Access::kReadWrite, kSchema)),
      has_table_(has_table(*database_, "turns")) {}

void TurnStore::put(std::int64_t run_key, std::int64_t row, int epoch, const Turn& turn) {
  Transaction transaction(*database_);
  database_->prepare("DELETE FROM turns WHERE run = ? AND row = ? AND epoch = ? AND turn >= ?")
      .bind_all(run_key, row, epoch, turn.number)
      .run();
  Statement insert = database_->prepare("INSERT INTO turns VALUES(?,?,?,?,?,?,?,?,?,?,?)");
  insert.bind_all(run_key, row, epoch, turn.number, std::string_view(turn.kind),
                  std::string_view(turn.digest), std::string_view(turn.asked),
                  std::string_view(dump_json(turn.result)), turn.seconds, turn.cached ? 1 : 0);
  if (turn.cache_key.empty()) {
    insert.bind_null(11);
  } else {
    insert.bind(11, std::string_view(turn.cache_key));
  }
  insert.run();
  transaction.commit();
}

std::vector<Turn> TurnStore::turns(std::int64_t run_key, std::int64_t row, int epoch) const {
  std::vector<Turn> turns;
  if (!has_table_) return turns;
  Statement read = database_->prepare(
      "SELECT turn, kind, digest, asked, result, seconds, cached FROM turns WHERE run = ? AND row "
      "= ? AND epoch = ? ORDER BY turn");
  read.bind_all(run_key, row, epoch);
  while (read.step()) {
    Turn turn;
    turn.number = static_cast<int>(read.integer(0));
    turn.kind = read.text(1);
    turn.digest = read.text(2);
    turn.asked = read.text(3);
    turn.result = parse_json(read.text(4), database_->name() + ": a stored turn");
    turn.seconds = read.real(5);
    turn.cached = read.integer(6) != 0;
    turns.push_back(std::move(turn));
  }
  return turns;
}

std::optional<Json> TurnStore::find_cached(const std::string& cache_key) const {
  if (!has_table_) return std::nullopt;
  Statement read = database_->prepare("SELECT result FROM turns WHERE cache_key = ? LIMIT 1");
  read.bind(1, std::string_view(cache_key));
  if (!read.step()) return std::nullopt;
  return parse_json(read.text(0), database_->name() + ": a stored turn");
}

}  // namespace peira::runner
