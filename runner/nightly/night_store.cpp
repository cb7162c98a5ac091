#include "runner/nightly/night_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/error.h"
#include "runner/durations.h"
#include "runner/storage/side_tables.h"

namespace peira::runner {
namespace {

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS nights(
  key INTEGER PRIMARY KEY, plan TEXT NOT NULL, night TEXT NOT NULL, plan_digest TEXT NOT NULL,
  finished INTEGER NOT NULL DEFAULT 0, started_at TEXT NOT NULL, finished_at TEXT NOT NULL DEFAULT '',
  stream TEXT NOT NULL DEFAULT '', stream_begun TEXT NOT NULL DEFAULT '',
  outcome TEXT NOT NULL DEFAULT 'null', UNIQUE(plan, night));
CREATE TABLE IF NOT EXISTS night_entries(
  night INTEGER NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, action TEXT NOT NULL,
  why TEXT NOT NULL, state TEXT NOT NULL, run TEXT NOT NULL, note TEXT NOT NULL,
  tokens_before INTEGER NOT NULL, wall_before_s REAL NOT NULL,
  PRIMARY KEY(night, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS night_judgements(
  night INTEGER NOT NULL, position INTEGER NOT NULL, series TEXT NOT NULL, judgement TEXT NOT NULL,
  PRIMARY KEY(night, series)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS night_acceptances(
  key INTEGER PRIMARY KEY, plan TEXT NOT NULL, series TEXT NOT NULL, from_night TEXT NOT NULL,
  after_night TEXT NOT NULL, note TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS night_gates(
  night INTEGER NOT NULL, position INTEGER NOT NULL, verdict TEXT NOT NULL,
  PRIMARY KEY(night, position)) WITHOUT ROWID;
)sql";

constexpr const char* kNightColumns =
    "SELECT key, plan, night, plan_digest, finished, started_at, finished_at, stream, "
    "stream_begun, outcome FROM nights ";

constexpr std::array<std::string_view, 6> kStates{"waiting",    "complete", "skipped",
                                                  "incomplete", "left out", "failed"};

EntryState state_from(const std::string& name) {
  for (std::size_t i = 0; i < kStates.size(); ++i) {
    if (kStates[i] == name) return static_cast<EntryState>(i);
  }
  throw Error(ErrorCode::kData, "store: unknown state of a night's entry '" + name + "'");
}

std::filesystem::path lock_path(const std::filesystem::path& store, const std::string& plan) {
  return store.string() + ".nightly-" + plan + ".lock";
}

std::string read_holder(int file) {
  std::array<char, 512> text{};
  const ssize_t size = pread(file, text.data(), text.size(), 0);
  return size > 0 ? std::string(text.data(), static_cast<std::size_t>(size)) : std::string();
}

}  // namespace

Json to_json(const NightGateVerdict& gates) {
  return {{"name", gates.name},
          {"status", evals::to_string(gates.status)},
          {"headline", gates.headline},
          {"failed_entries", gates.failed_entries},
          {"report", gates.report}};
}

NightGateVerdict night_gate_verdict_from(const Json& value, const std::string& where) {
  const auto text = [&](const char* key) {
    const Json& found = require(value, key, where);
    if (!found.is_string()) throw Error(ErrorCode::kData, where + ": " + key + " is no text");
    return found.get<std::string>();
  };
  NightGateVerdict gates;
  gates.name = text("name");
  const std::string status = text("status");
  for (const auto one : {evals::GateStatus::kPass, evals::GateStatus::kFail}) {
    if (status == evals::to_string(one)) gates.status = one;
  }
  gates.headline = text("headline");
  const Json& failed = require(value, "failed_entries", where);
  for (const Json& entry : failed) {
    if (!entry.is_string()) throw Error(ErrorCode::kData, where + ": failed_entries: no text");
    gates.failed_entries.push_back(entry.get<std::string>());
  }
  gates.report = require(value, "report", where);
  return gates;
}

std::string_view to_string(EntryState state) { return kStates[static_cast<std::size_t>(state)]; }

NightStore::NightStore(const std::filesystem::path& store, Access access)
    : database_(open_side_tables(store, access == Access::kReadWrite, kSchema)),
      has_tables_(has_table(*database_, "night_acceptances")),
      has_gates_(has_table(*database_, "night_gates")) {}

NightRecord NightStore::record_from(const Statement& statement) const {
  NightRecord night;
  night.key = statement.integer(0);
  night.plan = statement.text(1);
  night.night = statement.text(2);
  night.plan_digest = statement.text(3);
  night.finished = statement.integer(4) != 0;
  night.started_at = statement.text(5);
  night.finished_at = statement.text(6);
  night.stream = statement.text(7);
  night.stream_begun = statement.text(8);
  night.outcome = parse_json(statement.text(9), "store: night " + night.night);
  Statement entries = database_->prepare(
      "SELECT name, action, why, state, run, note, tokens_before, wall_before_s FROM night_entries "
      "WHERE night = ? ORDER BY position");
  entries.bind(1, night.key);
  while (entries.step()) {
    NightEntry entry;
    entry.name = entries.text(0);
    entry.action = entry_action_from(entries.text(1));
    entry.why = entries.text(2);
    entry.state = state_from(entries.text(3));
    entry.run = entries.text(4);
    entry.note = entries.text(5);
    entry.tokens_before = entries.integer(6);
    entry.wall_before_s = entries.real(7);
    night.entries.push_back(std::move(entry));
  }
  if (!has_gates_) return night;
  Statement gates =
      database_->prepare("SELECT verdict FROM night_gates WHERE night = ? ORDER BY position");
  gates.bind(1, night.key);
  while (gates.step()) {
    const std::string where = "store: night_gates of " + night.night;
    night.gates.push_back(night_gate_verdict_from(parse_json(gates.text(0), where), where));
  }
  return night;
}

std::optional<NightRecord> NightStore::find(const std::string& plan,
                                            const std::string& night) const {
  if (!has_tables_) return std::nullopt;
  Statement statement =
      database_->prepare(std::string(kNightColumns) + "WHERE plan = ? AND night = ?");
  statement.bind(1, std::string_view(plan));
  statement.bind(2, std::string_view(night));
  if (!statement.step()) return std::nullopt;
  return record_from(statement);
}

std::vector<NightRecord> NightStore::nights(const std::string& plan) const {
  std::vector<NightRecord> list;
  if (!has_tables_) return list;
  Statement statement =
      database_->prepare(std::string(kNightColumns) + "WHERE plan = ? ORDER BY night");
  statement.bind(1, std::string_view(plan));
  while (statement.step()) list.push_back(record_from(statement));
  return list;
}

std::vector<std::string> NightStore::plans() const {
  std::vector<std::string> list;
  if (!has_tables_) return list;
  Statement statement = database_->prepare("SELECT DISTINCT plan FROM nights ORDER BY plan");
  while (statement.step()) list.push_back(statement.text(0));
  return list;
}

NightRecord NightStore::begin(NightRecord night) {
  Transaction transaction(*database_);
  if (find(night.plan, night.night)) {
    throw Error(ErrorCode::kUsage, "night " + night.night + " of plan " + night.plan + " is there");
  }
  night.started_at = utc_now();
  Statement insert = database_->prepare(
      "INSERT INTO nights(plan, night, plan_digest, started_at) VALUES(?,?,?,?)");
  insert.bind(1, std::string_view(night.plan));
  insert.bind(2, std::string_view(night.night));
  insert.bind(3, std::string_view(night.plan_digest));
  insert.bind(4, std::string_view(night.started_at));
  insert.run();
  night.key = database_->last_insert_rowid();
  Statement put = database_->prepare("INSERT INTO night_entries VALUES(?,?,?,?,?,?,?,?,?,?)");
  std::int64_t position = 0;
  for (const NightEntry& entry : night.entries) {
    put.bind(1, night.key);
    put.bind(2, position++);
    put.bind(3, std::string_view(entry.name));
    put.bind(4, to_string(entry.action));
    put.bind(5, std::string_view(entry.why));
    put.bind(6, to_string(entry.state));
    put.bind(7, std::string_view(entry.run));
    put.bind(8, std::string_view(entry.note));
    put.bind(9, entry.tokens_before);
    put.bind(10, entry.wall_before_s);
    put.run();
  }
  transaction.commit();
  return night;
}

void NightStore::update(std::int64_t night_key, const NightEntry& entry) {
  Statement put = database_->prepare(
      "UPDATE night_entries SET state = ?, run = ?, note = ?, tokens_before = ?, wall_before_s = ? "
      "WHERE night = ? AND name = ?");
  put.bind(1, to_string(entry.state));
  put.bind(2, std::string_view(entry.run));
  put.bind(3, std::string_view(entry.note));
  put.bind(4, entry.tokens_before);
  put.bind(5, entry.wall_before_s);
  put.bind(6, night_key);
  put.bind(7, std::string_view(entry.name));
  put.run();
}

void NightStore::finish(const NightRecord& night, std::span<const SeriesJudgement> judgements) {
  Transaction transaction(*database_);
  Statement end = database_->prepare(
      "UPDATE nights SET finished = 1, finished_at = ?, stream = ?, stream_begun = ?, outcome = ? "
      "WHERE key = ?");
  end.bind(1, std::string_view(night.finished_at));
  end.bind(2, std::string_view(night.stream));
  end.bind(3, std::string_view(night.stream_begun));
  const std::string outcome = dump_json(night.outcome);
  end.bind(4, std::string_view(outcome));
  end.bind(5, night.key);
  end.run();
  for (const char* table : {"night_judgements", "night_gates"}) {
    Statement clear = database_->prepare("DELETE FROM " + std::string(table) + " WHERE night = ?");
    clear.bind(1, night.key);
    clear.run();
  }
  Statement put_gates = database_->prepare("INSERT INTO night_gates VALUES(?,?,?)");
  std::int64_t position = 0;
  for (const NightGateVerdict& gates : night.gates) {
    const std::string text = dump_json(to_json(gates));
    put_gates.bind(1, night.key);
    put_gates.bind(2, position++);
    put_gates.bind(3, std::string_view(text));
    put_gates.run();
  }
  Statement put = database_->prepare("INSERT INTO night_judgements VALUES(?,?,?,?)");
  position = 0;
  for (const auto& [series, judgement] : judgements) {
    const std::string text = dump_json(evals::to_json(judgement));
    put.bind(1, night.key);
    put.bind(2, position++);
    put.bind(3, std::string_view(series));
    put.bind(4, std::string_view(text));
    put.run();
  }
  transaction.commit();
}

void NightStore::forget(const std::string& plan, const std::string& night) {
  Transaction transaction(*database_);
  for (const char* table : {"night_judgements", "night_entries", "night_gates"}) {
    Statement clear =
        database_->prepare("DELETE FROM " + std::string(table) +
                           " WHERE night IN (SELECT key FROM nights WHERE plan = ? AND night = ?)");
    clear.bind(1, std::string_view(plan));
    clear.bind(2, std::string_view(night));
    clear.run();
  }
  Statement clear = database_->prepare("DELETE FROM nights WHERE plan = ? AND night = ?");
  clear.bind(1, std::string_view(plan));
  clear.bind(2, std::string_view(night));
  clear.run();
  transaction.commit();
}

std::vector<SeriesJudgement> NightStore::judgements(std::int64_t night_key) const {
  std::vector<SeriesJudgement> list;
  if (!has_tables_) return list;
  Statement statement = database_->prepare(
      "SELECT series, judgement FROM night_judgements WHERE night = ? ORDER BY position");
  statement.bind(1, night_key);
  while (statement.step()) {
    const std::string where = "store: night_judgements of " + statement.text(0);
    list.emplace_back(statement.text(0),
                      evals::night_judgement_from(parse_json(statement.text(1), where), where));
  }
  return list;
}

std::map<std::string, std::vector<evals::NightJudgement>> NightStore::history(
    const std::string& plan, const std::string& night) const {
  std::map<std::string, std::vector<evals::NightJudgement>> all;
  if (!has_tables_) return all;
  Statement statement = database_->prepare(
      "SELECT j.series, j.judgement FROM night_judgements j JOIN nights n ON n.key = j.night WHERE "
      "n.plan = ?1 AND (?2 = '' OR n.night < ?2) ORDER BY n.night");
  statement.bind(1, std::string_view(plan));
  statement.bind(2, std::string_view(night));
  while (statement.step()) {
    const std::string series = statement.text(0);
    const std::string where = "store: night_judgements of " + series;
    all[series].push_back(evals::night_judgement_from(parse_json(statement.text(1), where), where));
  }
  return all;
}

void NightStore::accept(const std::string& plan, const Acceptance& acceptance) {
  Statement put = database_->prepare(
      "INSERT INTO night_acceptances(plan, series, from_night, after_night, note, at) "
      "VALUES(?,?,?,?,?,?)");
  const std::string now = utc_now();
  put.bind(1, std::string_view(plan));
  put.bind(2, std::string_view(acceptance.series));
  put.bind(3, std::string_view(acceptance.from));
  put.bind(4, std::string_view(acceptance.after_night));
  put.bind(5, std::string_view(acceptance.note));
  put.bind(6, std::string_view(now));
  put.run();
}

std::vector<Acceptance> NightStore::acceptances(const std::string& plan) const {
  std::vector<Acceptance> list;
  if (!has_tables_) return list;
  Statement statement = database_->prepare(
      "SELECT series, from_night, after_night, note FROM night_acceptances WHERE plan = ? ORDER BY "
      "key");
  statement.bind(1, std::string_view(plan));
  while (statement.step()) {
    list.push_back({statement.text(0), statement.text(1), statement.text(2), statement.text(3)});
  }
  return list;
}

std::pair<std::int64_t, double> NightStore::spent_by(const std::string& run_id) const {
  Statement statement = database_->prepare(
      "SELECT coalesce((SELECT sum(a.prompt_tokens + a.completion_tokens) FROM answers a WHERE "
      "a.run = r.key AND a.cached = 0), 0), r.wall_s FROM runs r WHERE r.id = ?");
  statement.bind(1, std::string_view(run_id));
  if (!statement.step()) return {0, 0.0};
  return {statement.integer(0), statement.real(1)};
}

NightLock::NightLock(const std::filesystem::path& store, const std::string& plan) {
  const std::filesystem::path path = lock_path(store, plan);
  file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file_ < 0) throw system_error(path.string(), errno);
  if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    const std::string who = read_holder(file_);
    close(std::exchange(file_, -1));
    if (reason != EWOULDBLOCK) throw system_error(path.string(), reason);
    throw Error(ErrorCode::kUnavailable,
                "a night of plan " + plan + " is being carried out by " +
                    (who.empty() ? "another process" : who) +
                    "\n  try: peira nightly status shows how far it is; wait for it to end");
  }
  // For people only: the lock itself is the kernel's.
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  const std::string text =
      "process " + std::to_string(getpid()) + " on " + host.data() + " since " + utc_now();
  if (ftruncate(file_, 0) != 0 || pwrite(file_, text.data(), text.size(), 0) < 0) {
    const int reason = errno;
    close(std::exchange(file_, -1));
    throw system_error(path.string(), reason);
  }
}

NightLock::~NightLock() {
  if (file_ < 0) return;
  // Emptied, not removed: another process may have it open already.
  static_cast<void>(!ftruncate(file_, 0));
  close(file_);
}

NightLock::NightLock(NightLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

std::string NightLock::holder(const std::filesystem::path& store, const std::string& plan) {
  const int file = open(lock_path(store, plan).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  std::string who;
  if (flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    who = read_holder(file);
    if (who.empty()) who = "another process";
  }
  close(file);
  return who;
}

}  // namespace peira::runner
