#include "runner/store.h"

#include <unistd.h>

#include <chrono>
#include <system_error>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "runner/storage/statements.h"

namespace peira::runner {
namespace {

constexpr std::int64_t kApplicationId = 0x50656972;  // "Peir", in the file's header
constexpr std::int64_t kSchemaVersion = 1;

// answers and samples are clustered by their keys, so that a run's columns lie together on disk;
// transcripts are long and have a table of their own. A rescored run has answers and samples but
// reads the transcripts of `transcript_key`.
constexpr const char* kSchema = R"sql(
CREATE TABLE runs(
  key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, identity TEXT NOT NULL,
  suite TEXT NOT NULL, profile TEXT NOT NULL, variant TEXT NOT NULL, model TEXT NOT NULL,
  dataset TEXT NOT NULL, method TEXT NOT NULL, manifest TEXT NOT NULL,
  epochs INTEGER NOT NULL, seed TEXT NOT NULL, num_rows INTEGER NOT NULL,
  expected_answers INTEGER NOT NULL, limited INTEGER NOT NULL, restricted INTEGER NOT NULL,
  complete INTEGER NOT NULL DEFAULT 0, why_stopped TEXT NOT NULL DEFAULT '',
  started_at TEXT NOT NULL, finished_at TEXT NOT NULL DEFAULT '', wall_s REAL NOT NULL DEFAULT 0,
  answers INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
  cached INTEGER NOT NULL DEFAULT 0, value_sum REAL NOT NULL DEFAULT 0,
  prompt_tokens INTEGER NOT NULL DEFAULT 0, completion_tokens INTEGER NOT NULL DEFAULT 0,
  warnings TEXT NOT NULL DEFAULT '', breakdowns TEXT NOT NULL DEFAULT '', rescored_from TEXT NOT NULL DEFAULT '',
  transcript_key INTEGER NOT NULL, owner TEXT NOT NULL DEFAULT '');
CREATE INDEX runs_by_identity ON runs(identity);
CREATE TABLE samples(
  run INTEGER NOT NULL, row INTEGER NOT NULL, id TEXT NOT NULL, cluster TEXT NOT NULL,
  digest TEXT NOT NULL, metadata TEXT NOT NULL, PRIMARY KEY(run, row)) WITHOUT ROWID;
CREATE TABLE answers(
  run INTEGER NOT NULL, row INTEGER NOT NULL, epoch INTEGER NOT NULL,
  state TEXT NOT NULL, value REAL NOT NULL, answer TEXT NOT NULL, rule TEXT NOT NULL,
  why TEXT NOT NULL, guessed INTEGER NOT NULL, parse_flag INTEGER NOT NULL, notes TEXT NOT NULL,
  gold TEXT NOT NULL, permutation TEXT NOT NULL, finish_reason TEXT NOT NULL,
  failure TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
  latency_s REAL NOT NULL, attempts INTEGER NOT NULL, cached INTEGER NOT NULL,
  PRIMARY KEY(run, row, epoch)) WITHOUT ROWID;
CREATE TABLE transcripts(
  run INTEGER NOT NULL, row INTEGER NOT NULL, epoch INTEGER NOT NULL,
  seed TEXT NOT NULL, shots TEXT NOT NULL, messages TEXT NOT NULL, prompt_text TEXT NOT NULL,
  prompt_tokens BLOB NOT NULL, response TEXT NOT NULL, reasoning TEXT NOT NULL,
  tokens BLOB NOT NULL, continuations TEXT NOT NULL, continuation_logprobs BLOB NOT NULL,
  UNIQUE(run, row, epoch));
CREATE TABLE response_cache(
  key BLOB PRIMARY KEY, run INTEGER NOT NULL, row INTEGER NOT NULL, epoch INTEGER NOT NULL
  ) WITHOUT ROWID;
)sql";

// Made when absent, so that older stores go on being read and written.
constexpr const char* kDecisionsSchema =
    "CREATE TABLE IF NOT EXISTS decisions(run INTEGER PRIMARY KEY, decision TEXT NOT NULL)";

}  // namespace

std::string RunInfo::status() const {
  if (running) return "running";
  if (complete && decision && decision->stopped_early()) return "stopped";
  return complete ? "complete" : "incomplete";
}

std::filesystem::path Store::default_path() { return user_data_dir() / "peira.sqlite"; }

Store::Store(const std::filesystem::path& path, Access access) : path_(path), access_(access) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (access == Access::kReadOnly) {
    if (!fs::exists(path, error)) {
      throw Error(ErrorCode::kUnavailable,
                  path.string() +
                      ": there is no store here yet\n  try: peira run SUITE --model "
                      "MODEL, or --store FILE for another place");
    }
  } else if (path.has_parent_path()) {
    fs::create_directories(path.parent_path(), error);
    if (error) {
      throw Error(ErrorCode::kUnavailable,
                  path.parent_path().string() + ": cannot make the store's folder: " +
                      error.message() + "\n  try: --store FILE for another place");
    }
  }
  if (fs::is_directory(path, error)) {
    throw Error(ErrorCode::kUsage,
                path.string() + ": the store must be a file, this is a folder\n  try: --store " +
                    (path / "peira.sqlite").string());
  }

  try {
    Database::Mode mode = Database::Mode::kReadWriteCreate;
    if (access == Access::kReadOnly) {
      // Where nobody writes (no log beside it) and SQLite may not put its shared memory, the file
      // is read as it lies.
      const bool at_rest = !fs::exists(path.string() + "-wal", error);
      const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
      mode = at_rest && ::access(folder.c_str(), W_OK) != 0 ? Database::Mode::kImmutable
                                                            : Database::Mode::kReadOnly;
    }
    database_ = std::make_unique<Database>(path, mode);
    // Long enough for another run's batch on a slow disk; locks are never held between batches.
    database_->execute("PRAGMA busy_timeout = 60000");
  } catch (const Error& failure) {
    throw Error(failure.code(), std::string("cannot open the store ") + failure.what() +
                                    "\n  try: --store FILE for another place");
  }

  const auto number = [&](const char* sql) {
    Statement statement = database_->prepare(sql);
    return statement.step() ? statement.integer(0) : 0;
  };
  // Looks before it writes: another program's database must stay as it is.
  const auto is_new = [&] {
    const std::int64_t application = number("PRAGMA application_id");
    const std::int64_t version = number("PRAGMA user_version");
    if (application == 0 && version == 0 && number("SELECT count(*) FROM sqlite_master") == 0) {
      return true;
    }
    if (application != kApplicationId) {
      throw Error(ErrorCode::kData,
                  path.string() +
                      ": this is another program's database, not a Peira store\n  "
                      "try: --store FILE for another place");
    }
    if (version != kSchemaVersion) {
      const bool newer = version > kSchemaVersion;
      throw Error(ErrorCode::kData,
                  path.string() + ": store format " + std::to_string(version) + ", this peira " +
                      (newer ? "knows up to " : "needs ") + std::to_string(kSchemaVersion) +
                      (newer ? "\n  try: a newer peira, or --store FILE for another place"
                             : "\n  try: --store FILE for another place"));
    }
    return false;
  };

  try {
    // In one transaction: between two reads another process may make the store.
    database_->execute("BEGIN");
    const bool must_create = is_new();
    database_->execute("COMMIT");
    if (must_create && access == Access::kReadOnly) {
      throw Error(ErrorCode::kUnavailable,
                  path.string() +
                      ": the store is empty: no run was begun in it\n  try: peira run "
                      "SUITE --model MODEL");
    }
    if (access == Access::kReadWrite) {
      // Switching to WAL does not wait for locks by itself, and two first runs may race here.
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      for (;;) {
        try {
          database_->execute("PRAGMA journal_mode = WAL");
          break;
        } catch (const Error&) {
          if (std::chrono::steady_clock::now() > deadline || access_ == Access::kReadOnly) throw;
          if (::access(path.c_str(), W_OK) != 0) throw;
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
      }
      database_->execute("PRAGMA synchronous = FULL");
      // Pages written by several batches (the index of the cache) then reach the file once.
      database_->execute("PRAGMA wal_autocheckpoint = 8000");
      if (must_create) {
        Transaction transaction(*database_);
        if (is_new()) {
          database_->execute(kSchema);
          database_->execute("PRAGMA application_id = " + std::to_string(kApplicationId));
          database_->execute("PRAGMA user_version = " + std::to_string(kSchemaVersion));
        }
        transaction.commit();
      }
      database_->execute(kDecisionsSchema);
      statements_ = std::make_unique<Statements>(*database_);
    }
    database_->execute("PRAGMA cache_size = -16000");
    has_decisions_ = number("SELECT count(*) FROM sqlite_master WHERE name = 'decisions'") > 0;
  } catch (const Error& failure) {
    const std::string text = failure.what();
    if (text.find("\n  try:") != std::string::npos) throw;
    throw Error(failure.code(),
                "cannot use the store " + text + "\n  try: --store FILE for another place");
  }
}

Store::~Store() = default;

void Store::limit_pages(std::int64_t pages) {
  database_->execute("PRAGMA max_page_count = " + std::to_string(pages));
}

}  // namespace peira::runner
