#include "runner/monitor/monitor_store.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/error.h"
#include "runner/store.h"

namespace peira::runner {
namespace {

constexpr std::array<std::string_view, kNumRequestOutcomes> kOutcomes{
    "ok", "client_error", "rejected", "timeout", "cancelled", "failed"};

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS monitor_sessions(
  key INTEGER PRIMARY KEY, source TEXT NOT NULL, model TEXT NOT NULL, began_ms INTEGER NOT NULL,
  alive_ms INTEGER NOT NULL, has_ended INTEGER NOT NULL DEFAULT 0,
  num_recorded INTEGER NOT NULL DEFAULT 0, num_dropped INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS monitor_requests(
  key INTEGER PRIMARY KEY, session INTEGER NOT NULL, ended_ms INTEGER NOT NULL,
  route TEXT NOT NULL, is_streamed INTEGER NOT NULL, total_s REAL NOT NULL, queue_s REAL,
  first_token_s REAL, outcome INTEGER NOT NULL, status INTEGER NOT NULL, prompt_tokens INTEGER,
  cached_tokens INTEGER, completion_tokens INTEGER, num_images INTEGER NOT NULL,
  num_audios INTEGER NOT NULL, num_videos INTEGER NOT NULL, image_tokens INTEGER,
  audio_tokens INTEGER, video_tokens INTEGER, error_class TEXT NOT NULL, id TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS monitor_requests_by_end ON monitor_requests(ended_ms);
CREATE TABLE IF NOT EXISTS monitor_drops(
  session INTEGER NOT NULL, at_ms INTEGER NOT NULL, num INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS monitor_alerts(
  key INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, rule TEXT NOT NULL, metric TEXT NOT NULL,
  filter TEXT NOT NULL, has_fired INTEGER NOT NULL, text TEXT NOT NULL);
)sql";

constexpr const char* kSessionColumns =
    "key, source, model, began_ms, alive_ms, has_ended, num_recorded, num_dropped";

MonitorSession session_from(const Statement& row) {
  return {row.integer(0), row.text(1),        row.text(2),    row.integer(3),
          row.integer(4), row.integer(5) > 0, row.integer(6), row.integer(7)};
}

template <typename Value>
void bind_optional(Statement& statement, int index, const std::optional<Value>& value) {
  if (value) {
    statement.bind(index, *value);
  } else {
    statement.bind_null(index);
  }
}

std::optional<std::int64_t> optional_integer(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.integer(column);
}

bool fits(const MonitorSession& session, const RequestFilter& filter) {
  return (filter.model.empty() || session.model == filter.model) &&
         (filter.source.empty() || session.source == filter.source);
}

}  // namespace

std::string_view to_string(RequestOutcome outcome) {
  return kOutcomes[static_cast<std::size_t>(outcome)];
}

std::optional<RequestOutcome> request_outcome_from(std::string_view name) {
  const auto found = std::find(kOutcomes.begin(), kOutcomes.end(), name);
  if (found == kOutcomes.end()) return std::nullopt;
  return static_cast<RequestOutcome>(found - kOutcomes.begin());
}

struct MonitorStore::Statements {
  explicit Statements(const Database& database)
      : put_request(database.prepare(
            "INSERT INTO monitor_requests(session, ended_ms, route, is_streamed, total_s, queue_s, "
            "first_token_s, outcome, status, prompt_tokens, cached_tokens, completion_tokens, "
            "num_images, num_audios, num_videos, image_tokens, audio_tokens, video_tokens, "
            "error_class, id) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")),
        put_drops(database.prepare("INSERT INTO monitor_drops VALUES(?,?,?)")),
        see_alive(database.prepare(
            "UPDATE monitor_sessions SET alive_ms = max(alive_ms, ?), has_ended = ?, num_recorded "
            "= num_recorded + ?, num_dropped = num_dropped + ? WHERE key = ?")) {}
  Statement put_request, put_drops, see_alive;
};

MonitorStore::MonitorStore(const std::filesystem::path& store, Access access) {
  const bool writes = access == Access::kReadWrite;
  // Checks that the file is a store, and makes it one if it is new.
  static_cast<void>(Store(store, writes ? Store::Access::kReadWrite : Store::Access::kReadOnly));
  database_ = std::make_unique<Database>(
      store, writes ? Database::Mode::kReadWriteCreate : Database::Mode::kReadOnly);
  database_->execute("PRAGMA busy_timeout = 10000");
  if (writes) {
    // What a power cut takes is a few requests of a record that never decides a score; a sync a
    // batch would be waited for by runs that write to the same file.
    database_->execute("PRAGMA synchronous = NORMAL");
    database_->execute(kSchema);
    statements_ = std::make_unique<Statements>(*database_);
    return;
  }
  Statement found = database_->prepare(
      "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'monitor_alerts'");
  if (!found.step()) {
    throw Error(ErrorCode::kUnavailable, store.string() +
                                             ": no requests were recorded there yet\n  try: peira "
                                             "serve, or peira run SUITE --model openai:MODEL@URL");
  }
}

MonitorStore::~MonitorStore() = default;

std::int64_t MonitorStore::begin_session(const std::string& source, const std::string& model,
                                         std::int64_t now_ms) {
  database_
      ->prepare(
          "INSERT INTO monitor_sessions(source, model, began_ms, alive_ms) VALUES(?, ?, ?, ?)")
      .bind_all(std::string_view(source), std::string_view(model), now_ms, now_ms)
      .run();
  return database_->last_insert_rowid();
}

void MonitorStore::write(std::int64_t session, std::span<const RequestRecord> requests,
                         std::int64_t num_dropped, std::int64_t now_ms, bool has_ended) {
  Transaction transaction(*database_);
  Statement& put = statements_->put_request;
  for (const RequestRecord& request : requests) {
    put.bind_all(session, request.ended_ms, std::string_view(request.route),
                 static_cast<int>(request.is_streamed), request.total_s);
    bind_optional(put, 6, request.queue_s);
    bind_optional(put, 7, request.first_token_s);
    put.bind(8, static_cast<int>(request.outcome));
    put.bind(9, request.status);
    bind_optional(put, 10, request.prompt_tokens);
    bind_optional(put, 11, request.cached_tokens);
    bind_optional(put, 12, request.completion_tokens);
    put.bind(13, request.num_images);
    put.bind(14, request.num_audios);
    put.bind(15, request.num_videos);
    bind_optional(put, 16, request.media_tokens.image);
    bind_optional(put, 17, request.media_tokens.audio);
    bind_optional(put, 18, request.media_tokens.video);
    put.bind(19, std::string_view(request.error_class));
    put.bind(20, std::string_view(request.id));
    put.run();
  }
  if (num_dropped > 0) {
    statements_->put_drops.bind_all(session, now_ms, num_dropped).run();
  }
  statements_->see_alive
      .bind_all(now_ms, static_cast<int>(has_ended), static_cast<std::int64_t>(requests.size()),
                num_dropped, session)
      .run();
  transaction.commit();
}

void MonitorStore::add_alert(const AlertEvent& event) {
  database_
      ->prepare(
          "INSERT INTO monitor_alerts(at_ms, rule, metric, filter, has_fired, text) VALUES(?, ?, "
          "?, ?, ?, ?)")
      .bind_all(event.at_ms, std::string_view(event.rule), std::string_view(event.metric),
                std::string_view(event.filter), static_cast<int>(event.has_fired),
                std::string_view(event.text))
      .run();
}

std::int64_t MonitorStore::prune(std::int64_t before_ms) {
  // A piece takes some 20 ms; a recorder's batch fits between two.
  constexpr std::int64_t kPiece = 10'000;
  std::int64_t removed = 0;
  Statement remove = database_->prepare(
      "DELETE FROM monitor_requests WHERE key IN (SELECT key FROM monitor_requests WHERE ended_ms "
      "< ? LIMIT ?)");
  for (;;) {
    remove.bind_all(before_ms, kPiece).run();
    const std::int64_t piece = database_->changes();
    removed += piece;
    if (piece < kPiece) break;
  }
  Transaction transaction(*database_);
  for (const char* const sql :
       {"DELETE FROM monitor_drops WHERE at_ms < ?", "DELETE FROM monitor_alerts WHERE at_ms < ?",
        "DELETE FROM monitor_sessions WHERE alive_ms < ?"}) {
    database_->prepare(sql).bind_all(before_ms).run();
  }
  transaction.commit();
  return removed;
}

void MonitorStore::visit(
    std::int64_t from_ms, std::int64_t to_ms, const RequestFilter& filter,
    const std::function<void(const RequestRecord&, const MonitorSession&)>& visit) const {
  std::map<std::int64_t, MonitorSession> sessions;
  Statement all =
      database_->prepare(std::string("SELECT ") + kSessionColumns + " FROM monitor_sessions");
  while (all.step()) {
    MonitorSession session = session_from(all);
    sessions.emplace(session.key, std::move(session));
  }
  Statement rows = database_->prepare(
      "SELECT session, ended_ms, route, is_streamed, total_s, queue_s, first_token_s, outcome, "
      "status, prompt_tokens, cached_tokens, completion_tokens, num_images, num_audios, "
      "num_videos, image_tokens, audio_tokens, video_tokens, error_class, id FROM "
      "monitor_requests WHERE ended_ms > ? AND ended_ms <= ? ORDER BY ended_ms, key");
  rows.bind_all(from_ms, to_ms);
  const MonitorSession unknown;
  RequestRecord request;
  while (rows.step()) {
    const auto found = sessions.find(rows.integer(0));
    const MonitorSession& session = found == sessions.end() ? unknown : found->second;
    if (!fits(session, filter)) continue;
    request.route = rows.text(2);
    if (!filter.route.empty() && request.route != filter.route) continue;
    request.ended_ms = rows.integer(1);
    request.is_streamed = rows.integer(3) != 0;
    request.total_s = rows.real(4);
    request.queue_s = rows.optional_real(5);
    request.first_token_s = rows.optional_real(6);
    request.outcome = static_cast<RequestOutcome>(
        std::clamp<std::int64_t>(rows.integer(7), 0, kNumRequestOutcomes - 1));
    request.status = static_cast<int>(rows.integer(8));
    request.prompt_tokens = optional_integer(rows, 9);
    request.cached_tokens = optional_integer(rows, 10);
    request.completion_tokens = optional_integer(rows, 11);
    request.num_images = rows.integer(12);
    request.num_audios = rows.integer(13);
    request.num_videos = rows.integer(14);
    request.media_tokens = {optional_integer(rows, 15), optional_integer(rows, 16),
                            optional_integer(rows, 17)};
    request.error_class = rows.text(18);
    request.id = rows.text(19);
    visit(request, session);
  }
}

std::vector<MonitorSession> MonitorStore::sessions(std::int64_t from_ms, std::int64_t to_ms,
                                                   const RequestFilter& filter) const {
  std::vector<MonitorSession> out;
  Statement rows = database_->prepare(std::string("SELECT ") + kSessionColumns +
                                      " FROM monitor_sessions WHERE alive_ms > ? AND began_ms <= ? "
                                      "ORDER BY began_ms, key");
  rows.bind_all(from_ms, to_ms);
  while (rows.step()) {
    MonitorSession session = session_from(rows);
    if (fits(session, filter)) out.push_back(std::move(session));
  }
  return out;
}

std::int64_t MonitorStore::num_dropped(std::int64_t from_ms, std::int64_t to_ms,
                                       const RequestFilter& filter) const {
  Statement sum = database_->prepare(
      "SELECT coalesce(sum(num), 0) FROM monitor_drops d JOIN monitor_sessions s ON s.key = "
      "d.session WHERE at_ms > ?1 AND at_ms <= ?2 AND (?3 = '' OR s.model = ?3) AND (?4 = '' OR "
      "s.source = ?4)");
  sum.bind_all(from_ms, to_ms, std::string_view(filter.model), std::string_view(filter.source));
  return sum.step() ? sum.integer(0) : 0;
}

std::vector<AlertEvent> MonitorStore::alerts(std::int64_t from_ms, std::int64_t to_ms) const {
  std::vector<AlertEvent> out;
  Statement rows = database_->prepare(
      "SELECT at_ms, rule, metric, filter, has_fired, text FROM monitor_alerts WHERE at_ms > ? AND "
      "at_ms <= ? ORDER BY at_ms, key");
  rows.bind_all(from_ms, to_ms);
  while (rows.step()) {
    out.push_back({rows.integer(0), rows.text(1), rows.text(2), rows.text(3), rows.integer(4) != 0,
                   rows.text(5)});
  }
  return out;
}

std::optional<std::int64_t> MonitorStore::last_ended_ms() const {
  Statement last = database_->prepare("SELECT max(ended_ms) FROM monitor_requests");
  if (!last.step() || last.is_null(0)) return std::nullopt;
  return last.integer(0);
}

}  // namespace peira::runner
