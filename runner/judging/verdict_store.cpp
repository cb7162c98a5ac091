#include "runner/judging/verdict_store.h"

#include <string_view>

#include "evals/judge.h"
#include "runner/storage/side_tables.h"

namespace peira::runner {
namespace {

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS judge_replies(
  key TEXT PRIMARY KEY, reply TEXT NOT NULL, attempts INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS judgements(
  run INTEGER NOT NULL, row INTEGER NOT NULL, epoch INTEGER NOT NULL, how TEXT NOT NULL,
  PRIMARY KEY(run, row, epoch)) WITHOUT ROWID;
)sql";

}  // namespace

VerdictStore::VerdictStore(const std::filesystem::path& store, Access access)
    : database_(store, access == Access::kReadWrite ? Database::Mode::kReadWriteCreate
                                                    : Database::Mode::kReadOnly) {
  // The run's own connection writes beside this one: they take turns.
  database_.execute("PRAGMA busy_timeout = 60000");
  if (access == Access::kReadWrite) {
    database_.execute(kSchema);
    return;
  }
  has_tables_ = has_table(database_, "judgements");
}

std::optional<JudgeReply> VerdictStore::find(const std::string& key) const {
  if (!has_tables_) return std::nullopt;
  Statement statement = database_.prepare("SELECT reply, attempts FROM judge_replies WHERE key=?");
  statement.bind(1, std::string_view(key));
  if (!statement.step()) return std::nullopt;
  return JudgeReply{key, statement.text(0), static_cast<int>(statement.integer(1))};
}

void VerdictStore::put(const std::vector<JudgeReply>& replies) {
  if (replies.empty()) return;
  Transaction transaction(database_);
  Statement statement = database_.prepare("INSERT OR REPLACE INTO judge_replies VALUES(?, ?, ?)");
  for (const JudgeReply& reply : replies) {
    statement.bind_all(std::string_view(reply.key), std::string_view(reply.text), reply.attempts)
        .run();
  }
  transaction.commit();
}

void VerdictStore::put(std::int64_t run_key, const std::vector<Judgement>& judgements) {
  if (judgements.empty()) return;
  Transaction transaction(database_);
  Statement statement = database_.prepare("INSERT OR REPLACE INTO judgements VALUES(?, ?, ?, ?)");
  for (const Judgement& judgement : judgements) {
    const std::string how = dump_json(judgement.how);
    statement.bind_all(run_key, judgement.row, judgement.epoch, std::string_view(how)).run();
  }
  transaction.commit();
}

std::optional<Json> VerdictStore::judgement(std::int64_t run_key, std::int64_t row,
                                            int epoch) const {
  if (!has_tables_) return std::nullopt;
  Statement statement =
      database_.prepare("SELECT how FROM judgements WHERE run=? AND row=? AND epoch=?");
  statement.bind_all(run_key, row, epoch);
  if (!statement.step()) return std::nullopt;
  return parse_json(statement.text(0), "store: judgement");
}

std::set<std::pair<std::int64_t, int>> VerdictStore::failures(std::int64_t run_key) const {
  std::set<std::pair<std::int64_t, int>> found;
  Statement statement =
      database_.prepare("SELECT row, epoch, failure FROM answers WHERE run=? AND state='failed'");
  statement.bind(1, run_key);
  while (statement.step()) {
    if (!evals::is_judge_failure(statement.text(2))) continue;
    found.emplace(statement.integer(0), static_cast<int>(statement.integer(1)));
  }
  return found;
}

}  // namespace peira::runner
