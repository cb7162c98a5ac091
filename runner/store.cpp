#include "runner/store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "evals/stop_rule.h"
#include "runner/manifest.h"

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

constexpr const char* kRunColumns =
    "key, id, identity, suite, profile, variant, model, dataset, method, manifest, epochs, seed, "
    "num_rows, expected_answers, limited, restricted, complete, why_stopped, started_at, "
    "finished_at, wall_s, answers, failures, cached, value_sum, prompt_tokens, completion_tokens, "
    "warnings, breakdowns, rescored_from, transcript_key";

constexpr const char* kAnswerColumns =
    "a.row, a.epoch, a.state, a.value, a.answer, a.rule, a.why, a.guessed, a.parse_flag, a.notes, "
    "a.gold, a.permutation, a.finish_reason, a.failure, a.prompt_tokens, a.completion_tokens, "
    "a.latency_s, a.attempts, a.cached";
constexpr int kNumAnswerColumns = 19;

constexpr const char* kTranscriptColumns =
    "t.seed, t.shots, t.messages, t.prompt_text, t.prompt_tokens, t.response, t.reasoning, "
    "t.tokens, t.continuations, t.continuation_logprobs";

// Numbers as little-endian bytes; every machine we build for is one.
template <typename Number>
std::string to_bytes(const std::vector<Number>& numbers) {
  if (numbers.empty()) return {};
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(Number)};
}

template <typename Number>
std::vector<Number> from_bytes(const std::string& bytes) {
  std::vector<Number> numbers(bytes.size() / sizeof(Number));
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(Number));
  return numbers;
}

// Lists are mostly empty: "" saves parsing them.
template <typename List>
std::string list_text(const List& list) {
  return list.empty() ? std::string() : dump_json(Json(list));
}

template <typename List>
List list_from(const std::string& text) {
  return text.empty() ? List() : parse_json(text, "store").get<List>();
}

// The bytes behind hexadecimal digits: half as long in an index.
std::string key_bytes(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  }
  return bytes;
}

std::string utc_text(const char* format) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 64> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), format, &parts);
  return {text.data(), size};
}

std::string this_process() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) return "process " + std::to_string(getpid());
  return "process " + std::to_string(getpid()) + " on " + host.data();
}

std::string new_run_id(const RunInfo& info) {
  std::string name;
  for (const char c : info.suite) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '.';
    name += plain ? c : '_';
  }
  const std::int64_t ticks = std::chrono::steady_clock::now().time_since_epoch().count();
  const std::string salt =
      info.identity + " " + std::to_string(getpid()) + " " + std::to_string(ticks);
  return name + "-" + utc_text("%Y%m%d-%H%M%S") + "-" + sha256_hex(salt).substr(0, 4);
}

// Names must not be taken for references ("latest~1") or for paths.
void check_run_name(const std::string& name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  });
  if (!plain || name == "latest") {
    throw Error(ErrorCode::kUsage, "a run cannot be called \"" + name +
                                       "\": letters, digits, \".\", \"_\" and \"-\" only, and not "
                                       "\"latest\"");
  }
}

evals::AnswerState state_from(const Statement& statement) {
  const std::optional<evals::AnswerState> state = evals::answer_state_from(statement.text(2));
  if (!state) {
    throw Error(ErrorCode::kData, "store: unknown answer state '" + statement.text(2) + "'");
  }
  return *state;
}

evals::Score score_from(const Statement& statement) {
  evals::Score score;
  score.state = state_from(statement);
  score.value = statement.real(3);
  score.answer = statement.text(4);
  score.rule = statement.text(5);
  score.why = statement.text(6);
  score.guessed = statement.integer(7) != 0;
  score.parse_flag = static_cast<int>(statement.integer(8));
  score.notes = list_from<std::vector<std::string>>(statement.text(9));
  return score;
}

AnswerRecord answer_from(const Statement& statement) {
  AnswerRecord answer;
  answer.row = statement.integer(0);
  answer.epoch = static_cast<int>(statement.integer(1));
  answer.score = score_from(statement);
  answer.gold = statement.text(10);
  answer.permutation = list_from<std::vector<int>>(statement.text(11));
  answer.finish_reason = statement.text(12);
  answer.failure = statement.text(13);
  answer.prompt_tokens = statement.integer(14);
  answer.completion_tokens = statement.integer(15);
  answer.latency_s = statement.real(16);
  answer.attempts = static_cast<int>(statement.integer(17));
  answer.cached = statement.integer(18) != 0;
  return answer;
}

Transcript transcript_from(const Statement& statement, int column) {
  Transcript transcript;
  if (statement.is_null(column)) return transcript;
  transcript.seed = std::strtoull(statement.text(column).c_str(), nullptr, 10);
  transcript.shots = list_from<std::vector<std::string>>(statement.text(column + 1));
  transcript.messages = statement.text(column + 2);
  transcript.prompt_text = statement.text(column + 3);
  transcript.prompt_tokens = from_bytes<std::int32_t>(statement.text(column + 4));
  transcript.response = statement.text(column + 5);
  transcript.reasoning = statement.text(column + 6);
  transcript.tokens = from_bytes<std::int32_t>(statement.text(column + 7));
  transcript.continuations = list_from<std::vector<std::string>>(statement.text(column + 8));
  transcript.continuation_logprobs = from_bytes<double>(statement.text(column + 9));
  return transcript;
}

std::map<std::string, std::string> metadata_from(const std::string& text) {
  return list_from<std::map<std::string, std::string>>(text);
}

int set_lock(int file, int command, std::int64_t run_key, short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = run_key;
  range.l_len = 1;
  const int result = fcntl(file, command, &range);
  if (result != 0) return -1;
  return command == F_OFD_GETLK ? static_cast<int>(range.l_type != F_UNLCK) : 0;
}

}  // namespace

std::string RunInfo::status() const {
  if (running) return "running";
  if (complete && decision && decision->stopped_early()) return "stopped";
  return complete ? "complete" : "incomplete";
}

std::optional<evals::SampleOutcome> OutcomeReader::next() {
  if (done_ || !statement_.step()) {
    done_ = true;
    return std::nullopt;
  }
  evals::SampleOutcome outcome;
  outcome.row = statement_.integer(0);
  outcome.epoch = static_cast<int>(statement_.integer(1));
  if (scores_only_) {
    outcome.score.state = state_from(statement_);
    outcome.score.value = statement_.real(3);
    outcome.score.answer = statement_.text(4);
    outcome.gold = statement_.text(5);
    outcome.sample_id = statement_.text(6);
    outcome.cluster = statement_.text(7);
    return outcome;
  }
  outcome.score = score_from(statement_);
  outcome.gold = statement_.text(10);
  outcome.finish_reason = statement_.text(12);
  outcome.failure = statement_.text(13);
  outcome.prompt_tokens = statement_.integer(14);
  outcome.completion_tokens = statement_.integer(15);
  outcome.latency_s = statement_.real(16);
  outcome.sample_id = statement_.text(kNumAnswerColumns);
  outcome.cluster = statement_.text(kNumAnswerColumns + 1);
  if (outcome.row != metadata_row_) {  // epochs of one row follow each other
    metadata_ = metadata_from(statement_.text(kNumAnswerColumns + 2));
    metadata_row_ = outcome.row;
  }
  outcome.metadata = metadata_;
  // Options may be shown in another order in each epoch: votes are counted by the file's own.
  const std::string& answer = outcome.score.answer;
  if (answer.size() == 1 && answer[0] >= 'A' && answer[0] <= 'Z') {
    const auto permutation = list_from<std::vector<int>>(statement_.text(11));
    const auto shown = static_cast<std::size_t>(answer[0] - 'A');
    if (shown < permutation.size()) outcome.vote = "option " + std::to_string(permutation[shown]);
  }
  return outcome;
}

std::optional<SampleStory> StoryReader::next() {
  if (done_ || !statement_.step()) {
    done_ = true;
    return std::nullopt;
  }
  SampleStory story;
  story.answer = answer_from(statement_);
  story.sample.row = story.answer.row;
  story.sample.id = statement_.text(kNumAnswerColumns);
  story.sample.cluster = statement_.text(kNumAnswerColumns + 1);
  story.sample.metadata = metadata_from(statement_.text(kNumAnswerColumns + 2));
  story.sample.digest = statement_.text(kNumAnswerColumns + 3);
  story.transcript = transcript_from(statement_, kNumAnswerColumns + 4);
  return story;
}

RunLock::~RunLock() {
  if (file_ >= 0) close(file_);
}
RunLock::RunLock(RunLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
RunLock& RunLock::operator=(RunLock&& other) noexcept {
  std::swap(file_, other.file_);
  return *this;
}

struct Store::Statements {
  explicit Statements(const Database& database)
      : find_answer(database.prepare("SELECT state, value, prompt_tokens, completion_tokens, "
                                     "cached FROM answers WHERE run = ?1 AND row "
                                     "= ?2 AND epoch = ?3")),
        put_sample(database.prepare("INSERT OR IGNORE INTO samples VALUES(?,?,?,?,?,?)")),
        put_answer(database.prepare(
            "INSERT OR REPLACE INTO answers VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")),
        put_transcript(database.prepare(
            "INSERT OR REPLACE INTO transcripts(run, row, epoch, seed, shots, messages, "
            "prompt_text, prompt_tokens, response, reasoning, tokens, continuations, "
            "continuation_logprobs) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)")),
        find_reply(database.prepare(
            std::string(
                "SELECT a.finish_reason, a.prompt_tokens, a.completion_tokens, a.latency_s, ") +
            kTranscriptColumns +
            " FROM response_cache c CROSS JOIN answers a ON a.run = c.run AND a.row = c.row AND "
            "a.epoch = c.epoch CROSS JOIN transcripts t ON t.run = c.run AND t.row = c.row AND "
            "t.epoch = c.epoch WHERE c.key = ? AND (a.state <> 'failed' OR "
            "a.failure LIKE 'judge failure: %')")),
        put_cache_key(database.prepare("INSERT OR REPLACE INTO response_cache VALUES(?,?,?,?)")),
        add_counts(database.prepare(
            "UPDATE runs SET answers = answers + ?, failures = failures + ?, cached = cached + ?, "
            "value_sum = value_sum + ?, prompt_tokens = prompt_tokens + ?, completion_tokens = "
            "completion_tokens + ?, wall_s = wall_s + ? WHERE key = ?")) {}

  Statement find_answer, put_sample, put_answer, put_transcript, find_reply, put_cache_key,
      add_counts;
};

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

// ---- reading ----

std::string Store::run_columns() const {
  return std::string(kRunColumns) +
         (has_decisions_ ? ", (SELECT decision FROM decisions WHERE decisions.run = runs.key)"
                         : ", NULL");
}

RunInfo Store::run_from(const Statement& statement) const {
  RunInfo info;
  int column = 0;
  const auto text = [&] { return statement.text(column++); };
  const auto number = [&] { return statement.integer(column++); };
  info.key = number();
  info.id = text();
  info.identity = text();
  info.suite = text();
  info.profile = text();
  info.variant = text();
  info.model = text();
  info.dataset = text();
  info.method = text();
  info.manifest = parse_json(text(), path_.string() + ": manifest of " + info.id);
  info.epochs = static_cast<int>(number());
  info.seed = std::strtoull(text().c_str(), nullptr, 10);
  info.num_rows = number();
  info.expected_answers = number();
  info.limited = number() != 0;
  info.restricted = number() != 0;
  info.complete = number() != 0;
  info.why_stopped = text();
  info.started_at = text();
  info.finished_at = text();
  info.wall_s = statement.real(column++);
  info.answers = number();
  info.failures = number();
  info.cached = number();
  info.value_sum = statement.real(column++);
  info.prompt_tokens = number();
  info.completion_tokens = number();
  info.warnings = list_from<std::vector<std::string>>(text());
  info.breakdowns = list_from<std::vector<std::string>>(text());
  info.rescored_from = text();
  info.transcript_key = number();
  if (!statement.is_null(column)) {
    const std::string where = path_.string() + ": decision of " + info.id;
    info.decision = evals::decision_from_json(parse_json(statement.text(column), where), where);
  }
  info.running = is_running(info.key);
  return info;
}

std::vector<RunInfo> Store::runs() const {
  Statement statement =
      database_->prepare("SELECT " + run_columns() + " FROM runs ORDER BY key DESC");
  std::vector<RunInfo> infos;
  while (statement.step()) infos.push_back(run_from(statement));
  return infos;
}

RunInfo Store::run(const std::string& id) const {
  Statement statement = database_->prepare("SELECT " + run_columns() + " FROM runs WHERE id = ?");
  statement.bind(1, std::string_view(id));
  if (!statement.step()) {
    throw Error(ErrorCode::kUsage,
                path_.string() + ": there is no run '" + id + "'\n  try: peira list");
  }
  return run_from(statement);
}

std::string Store::resolve_run(const std::string& reference) const {
  Statement newest = database_->prepare("SELECT id FROM runs ORDER BY key DESC LIMIT 1 OFFSET ?");
  const auto nth = [&](std::int64_t offset) -> std::optional<std::string> {
    newest.bind(1, offset);
    if (!newest.step()) return std::nullopt;
    std::string id = newest.text(0);
    newest.reset();
    return id;
  };
  constexpr std::string_view kLatest = "latest";
  if (reference == kLatest || reference.starts_with("latest~")) {
    std::int64_t offset = 0;
    if (reference.size() > kLatest.size()) {
      const std::string digits = reference.substr(kLatest.size() + 1);
      const bool is_number = !digits.empty() && digits.size() < 10 &&
                             digits.find_first_not_of("0123456789") == std::string::npos;
      if (!is_number) {
        throw Error(ErrorCode::kUsage,
                    "'" + reference + "' names no run\n  try: latest, latest~1, latest~2, ...");
      }
      offset = std::stoll(digits);
    }
    if (std::optional<std::string> id = nth(offset)) return *id;
    Statement count = database_->prepare("SELECT count(*) FROM runs");
    count.step();
    const std::int64_t num_runs = count.integer(0);
    throw Error(ErrorCode::kUsage,
                num_runs == 0 ? path_.string() +
                                    ": the store holds no runs yet\n  try: peira run SUITE "
                                    "--model MODEL"
                              : "'" + reference + "' names no run: the store holds " +
                                    std::to_string(num_runs) + "\n  try: peira list");
  }

  Statement matches = database_->prepare(
      "SELECT id FROM runs WHERE substr(id, 1, length(?1)) = ?1 ORDER BY id = ?1 DESC, key DESC");
  matches.bind(1, std::string_view(reference));
  std::vector<std::string> candidates;
  while (matches.step()) {
    candidates.push_back(matches.text(0));
    if (candidates.front() == reference && !reference.empty()) return reference;
  }
  if (candidates.size() == 1 && !reference.empty()) return candidates.front();

  const bool several = !candidates.empty();
  if (!several) {
    for (std::int64_t offset = 0; offset < 5; ++offset) {
      if (std::optional<std::string> id = nth(offset)) candidates.push_back(*id);
    }
  }
  std::string list;
  for (std::size_t i = 0; i < std::min<std::size_t>(candidates.size(), 8); ++i) {
    list += (i == 0 ? "" : ", ") + candidates[i];
  }
  if (candidates.size() > 8) list += ", ...";
  throw Error(ErrorCode::kUsage,
              "'" + reference + "' " +
                  (several ? "could be several runs" : "names no run in " + path_.string()) +
                  (list.empty() ? std::string("\n  the store holds no runs yet")
                                : (several ? "\n  one of: " : "\n  the newest are: ") + list));
}

std::optional<std::int64_t> Store::known_num_rows(const std::string& dataset_digest) const {
  Statement statement = database_->prepare(
      "SELECT num_rows FROM runs WHERE json_extract(manifest, '$.digests.dataset') = ? LIMIT 1");
  statement.bind(1, std::string_view(dataset_digest));
  if (!statement.step()) return std::nullopt;
  return statement.integer(0);
}

OutcomeReader Store::outcomes(const std::string& run_id) const {
  const RunInfo info = run(run_id);
  // CROSS JOIN keeps the order of the loops: answers by key, then each one's sample.
  Statement statement = database_->prepare(
      std::string("SELECT ") + kAnswerColumns +
      ", s.id, s.cluster, s.metadata FROM answers a CROSS JOIN samples s ON s.run = a.run AND "
      "s.row = a.row WHERE a.run = ? ORDER BY a.row, a.epoch");
  statement.bind(1, info.key);
  return OutcomeReader(std::move(statement));
}

OutcomeReader Store::scores(const std::string& run_id) const {
  const RunInfo info = run(run_id);
  Statement statement = database_->prepare(
      "SELECT a.row, a.epoch, a.state, a.value, a.answer, a.gold, s.id, s.cluster FROM answers a "
      "CROSS JOIN samples s ON s.run = a.run AND s.row = a.row WHERE a.run = ? ORDER BY a.row, "
      "a.epoch");
  statement.bind(1, info.key);
  return OutcomeReader(std::move(statement), true);
}

namespace {

std::string story_sql(const std::string& where) {
  return std::string("SELECT ") + kAnswerColumns + ", s.id, s.cluster, s.metadata, s.digest, " +
         kTranscriptColumns +
         " FROM answers a CROSS JOIN samples s ON s.run = a.run AND s.row = a.row LEFT JOIN "
         "transcripts t ON t.run = ?2 AND t.row = a.row AND t.epoch = a.epoch WHERE a.run = ?1 " +
         where + " ORDER BY a.row, a.epoch";
}

}  // namespace

StoryReader Store::stories(const std::string& run_id) const {
  const RunInfo info = run(run_id);
  Statement statement = database_->prepare(story_sql(""));
  statement.bind(1, info.key);
  statement.bind(2, info.transcript_key);
  return StoryReader(std::move(statement));
}

std::vector<SampleStory> Store::story(const std::string& run_id, const std::string& sample) const {
  const RunInfo info = run(run_id);
  std::vector<std::pair<std::int64_t, std::string>> found;
  const auto collect = [&](Statement statement) {
    while (statement.step() && found.size() < 9) {
      found.emplace_back(statement.integer(0), statement.text(1));
    }
  };
  Statement by_id =
      database_->prepare("SELECT row, id FROM samples WHERE run = ?1 AND id = ?2 LIMIT 2");
  by_id.bind(1, info.key);
  by_id.bind(2, std::string_view(sample));
  collect(std::move(by_id));
  if (found.empty() && sample.size() > 1 && sample.size() < 19 && sample.front() == '#' &&
      sample.find_first_not_of("0123456789", 1) == std::string::npos) {
    Statement by_row =
        database_->prepare("SELECT row, id FROM samples WHERE run = ?1 AND row = ?2");
    by_row.bind(1, info.key);
    by_row.bind(2, static_cast<std::int64_t>(std::stoll(sample.substr(1))));
    collect(std::move(by_row));
  }
  if (found.empty() && !sample.empty()) {
    Statement by_prefix = database_->prepare(
        "SELECT row, id FROM samples WHERE run = ?1 AND substr(id, 1, length(?2)) = ?2 LIMIT 9");
    by_prefix.bind(1, info.key);
    by_prefix.bind(2, std::string_view(sample));
    collect(std::move(by_prefix));
  }
  if (found.size() != 1) {
    std::string list;
    if (found.empty()) {
      Statement first =
          database_->prepare("SELECT row, id FROM samples WHERE run = ? ORDER BY row LIMIT 5");
      first.bind(1, info.key);
      while (first.step()) list += (list.empty() ? "" : ", ") + first.text(1);
      throw Error(ErrorCode::kUsage,
                  "run " + info.id + " has no sample '" + sample + "'" +
                      (list.empty() ? std::string("\n  it has no samples yet")
                                    : "\n  its first are: " + list + "; #N takes row N"));
    }
    for (const auto& [row, id] : found) list += (list.empty() ? "" : ", ") + id;
    throw Error(ErrorCode::kUsage, "'" + sample + "' could be several samples\n  one of: " + list);
  }
  Statement statement = database_->prepare(story_sql("AND a.row = ?3"));
  statement.bind(1, info.key);
  statement.bind(2, info.transcript_key);
  statement.bind(3, found.front().first);
  StoryReader reader(std::move(statement));
  std::vector<SampleStory> epochs;
  while (std::optional<SampleStory> story = reader.next()) epochs.push_back(std::move(*story));
  return epochs;
}

// ---- locks ----

bool Store::is_running(std::int64_t run_key) const {
  const int file = open((path_.string() + "-lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const int locked = set_lock(file, F_OFD_GETLK, run_key, F_WRLCK);
  close(file);
  return locked == 1;
}

RunLock Store::lock_run(std::int64_t run_key, const std::string& id) {
  const std::string lock_path = path_.string() + "-lock";
  RunLock lock(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!lock) throw system_error(lock_path, errno);
  if (set_lock(lock.file_, F_OFD_SETLK, run_key, F_WRLCK) == 0) return lock;
  if (errno != EAGAIN && errno != EACCES) throw system_error(lock_path + ": cannot lock", errno);
  Statement statement = database_->prepare("SELECT owner FROM runs WHERE key = ?");
  statement.bind(1, run_key);
  const std::string owner = statement.step() ? statement.text(0) : "";
  throw Error(ErrorCode::kUnavailable,
              "run " + id + " is being written by " + (owner.empty() ? "another process" : owner) +
                  "\n  try: wait for it to end, or --new for a second run beside it");
}

// ---- writing ----

RunInfo Store::insert_run(RunInfo info) {
  Statement taken = database_->prepare("SELECT 1 FROM runs WHERE id = ?");
  const auto is_taken = [&](const std::string& id) {
    taken.reset();
    taken.bind(1, std::string_view(id));
    return taken.step();
  };
  if (info.id.empty()) {
    do {
      info.id = new_run_id(info);
    } while (is_taken(info.id));
  } else {
    check_run_name(info.id);
    if (is_taken(info.id)) {
      throw Error(ErrorCode::kUsage,
                  "there is a run called " + info.id + " already\n  try: another --name");
    }
  }
  if (info.started_at.empty()) info.started_at = utc_text("%Y-%m-%dT%H:%M:%SZ");
  Statement insert = database_->prepare(
      "INSERT INTO runs(id, identity, suite, profile, variant, model, dataset, method, manifest, "
      "epochs, seed, num_rows, expected_answers, limited, restricted, why_stopped, started_at, "
      "warnings, breakdowns, rescored_from, transcript_key) "
      "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  using Text = std::string_view;
  insert.bind_all(Text(info.id), Text(info.identity), Text(info.suite), Text(info.profile),
                  Text(info.variant), Text(info.model), Text(info.dataset), Text(info.method),
                  Text(dump_json(info.manifest)), info.epochs, Text(std::to_string(info.seed)),
                  info.num_rows, info.expected_answers, int{info.limited}, int{info.restricted},
                  Text("interrupted"), Text(info.started_at), Text(list_text(info.warnings)),
                  Text(list_text(info.breakdowns)), Text(info.rescored_from), info.transcript_key);
  insert.run();
  info.key = database_->last_insert_rowid();
  info.why_stopped = "interrupted";
  if (info.transcript_key == 0) {
    info.transcript_key = info.key;
    Statement own = database_->prepare("UPDATE runs SET transcript_key = key WHERE key = ?");
    own.bind(1, info.key);
    own.run();
  }
  return info;
}

namespace {

// Says who writes, and that the run ends as interrupted unless finish_run says otherwise.
void take_over(Database& database, std::int64_t run_key) {
  Statement statement = database.prepare(
      "UPDATE runs SET owner = ?, complete = 0, why_stopped = 'interrupted' WHERE key = ?");
  const std::string owner = this_process();
  statement.bind(1, std::string_view(owner));
  statement.bind(2, run_key);
  statement.run();
}

}  // namespace

Store::OpenedRun Store::create_run(RunInfo info) {
  Transaction transaction(*database_);
  OpenedRun opened;
  opened.info = insert_run(std::move(info));
  opened.lock = lock_run(opened.info.key, opened.info.id);
  take_over(*database_, opened.info.key);
  transaction.commit();
  return opened;
}

Store::OpenedRun Store::resume_or_create_run(RunInfo info) {
  // One transaction around looking and creating: two equal commands at once make one run.
  Transaction transaction(*database_);
  Statement find = database_->prepare(
      "SELECT " + run_columns() +
      " FROM runs WHERE identity = ? AND complete = 0 AND rescored_from = '' ORDER BY key DESC "
      "LIMIT 1");
  find.bind(1, std::string_view(info.identity));
  OpenedRun opened;
  if (find.step()) {
    opened.info = run_from(find);
    opened.resumed = true;
    find.reset();
  } else {
    opened.info = insert_run(std::move(info));
  }
  opened.lock = lock_run(opened.info.key, opened.info.id);
  take_over(*database_, opened.info.key);
  transaction.commit();
  return opened;
}

Store::OpenedRun Store::resume_or_create_named(RunInfo info) {
  // One transaction around looking and creating: two equal commands at once make one run.
  Transaction transaction(*database_);
  Statement find = database_->prepare("SELECT 1 FROM runs WHERE id = ?");
  find.bind(1, std::string_view(info.id));
  if (find.step()) {
    find.reset();
    transaction.commit();
    return resume_run(info.id, info);
  }
  OpenedRun opened;
  opened.info = insert_run(std::move(info));
  opened.lock = lock_run(opened.info.key, opened.info.id);
  take_over(*database_, opened.info.key);
  transaction.commit();
  return opened;
}

Store::OpenedRun Store::resume_run(const std::string& id, const RunInfo& info) {
  OpenedRun opened;
  opened.info = run(id);
  opened.resumed = true;
  if (!opened.info.rescored_from.empty()) {
    throw Error(ErrorCode::kUsage, "run " + id + " is run " + opened.info.rescored_from +
                                       " scored again: there is nothing to ask in it");
  }
  if (opened.info.manifest.contains("imported")) {
    throw Error(ErrorCode::kUsage, "run " + id + " was imported: it was asked elsewhere");
  }
  const std::vector<std::string> differences =
      explain_differences(opened.info.manifest, info.manifest, "the run", "this command");
  if (!differences.empty()) {
    std::string lines;
    for (const std::string& line : differences) lines += "\n  " + line;
    throw Error(ErrorCode::kUsage,
                "run " + id + " cannot continue: its manifest differs from this command's" + lines +
                    "\n  try: the options it was begun with, or --new for a new run");
  }
  opened.lock = lock_run(opened.info.key, id);
  if (!opened.info.complete) {
    Transaction transaction(*database_);
    take_over(*database_, opened.info.key);
    transaction.commit();
  }
  return opened;
}

void Store::visit_finished(std::int64_t run_key,
                           const std::function<void(std::int64_t, int, bool)>& visit) const {
  Statement statement = database_->prepare(
      "SELECT row, epoch, state = 'failed' FROM answers WHERE run = ? ORDER BY row, epoch");
  statement.bind(1, run_key);
  while (statement.step()) {
    visit(statement.integer(0), static_cast<int>(statement.integer(1)), statement.integer(2) != 0);
  }
}

void Store::commit(const RunInfo& run, std::span<const FinishedAnswer> batch, double add_wall_s) {
  using Text = std::string_view;
  Statements& prepared = *statements_;
  Transaction transaction(*database_);
  std::int64_t answers = 0, failures = 0, cached = 0, prompt_tokens = 0, completion_tokens = 0;
  double value_sum = 0;
  for (const FinishedAnswer& finished : batch) {
    const SampleRecord& sample = finished.sample;
    const AnswerRecord& answer = finished.answer;
    const Transcript& transcript = finished.transcript;
    const bool failed = answer.score.state == evals::AnswerState::kFailed;

    prepared.find_answer.bind_all(run.key, answer.row, answer.epoch);
    if (prepared.find_answer.step()) {  // a failed one, asked again
      answers -= 1;
      failures -= prepared.find_answer.text(0) == "failed" ? 1 : 0;
      value_sum -= prepared.find_answer.real(1);
      prompt_tokens -= prepared.find_answer.integer(2);
      completion_tokens -= prepared.find_answer.integer(3);
      cached -= prepared.find_answer.integer(4);
      prepared.find_answer.reset();
    }
    answers += 1;
    failures += failed ? 1 : 0;
    value_sum += answer.score.value;
    prompt_tokens += answer.prompt_tokens;
    completion_tokens += answer.completion_tokens;
    cached += answer.cached ? 1 : 0;

    prepared.put_sample.bind_all(run.key, sample.row, Text(sample.id), Text(sample.cluster),
                                 Text(sample.digest), Text(list_text(sample.metadata)));
    prepared.put_sample.run();

    prepared.put_answer.bind_all(
        run.key, answer.row, answer.epoch, evals::to_string(answer.score.state), answer.score.value,
        Text(answer.score.answer), Text(answer.score.rule), Text(answer.score.why),
        int{answer.score.guessed}, answer.score.parse_flag, Text(list_text(answer.score.notes)),
        Text(answer.gold), Text(list_text(answer.permutation)), Text(answer.finish_reason),
        Text(answer.failure), answer.prompt_tokens, answer.completion_tokens, answer.latency_s,
        answer.attempts, int{answer.cached});
    prepared.put_answer.run();

    if (run.transcript_key == run.key) {
      Statement& put = prepared.put_transcript;
      put.bind(1, run.key);
      put.bind(2, answer.row);
      put.bind(3, answer.epoch);
      put.bind(4, Text(std::to_string(transcript.seed)));
      put.bind(5, Text(list_text(transcript.shots)));
      put.bind(6, Text(transcript.messages));
      put.bind(7, Text(transcript.prompt_text));
      put.bind_blob(8, to_bytes(transcript.prompt_tokens));
      put.bind(9, Text(transcript.response));
      put.bind(10, Text(transcript.reasoning));
      put.bind_blob(11, to_bytes(transcript.tokens));
      put.bind(12, Text(list_text(transcript.continuations)));
      put.bind_blob(13, to_bytes(transcript.continuation_logprobs));
      put.run();
    }
    if (!finished.cache_key.empty()) {
      Statement& put = prepared.put_cache_key;
      put.bind_blob(1, key_bytes(finished.cache_key));
      put.bind(2, run.key);
      put.bind(3, answer.row);
      put.bind(4, answer.epoch);
      put.run();
    }
  }
  prepared.add_counts.bind_all(answers, failures, cached, value_sum, prompt_tokens,
                               completion_tokens, add_wall_s, run.key);
  prepared.add_counts.run();
  transaction.commit();
}

void Store::finish_run(const RunInfo& run, bool complete, const std::string& why_stopped,
                       const std::vector<std::string>& warnings) {
  finish_runs(std::vector<Ending>{{run, complete, why_stopped, warnings}});
}

void Store::finish_runs(std::span<const Ending> endings) {
  using Text = std::string_view;
  Transaction transaction(*database_);
  for (const Ending& ending : endings) {
    Statement statement = database_->prepare(
        "UPDATE runs SET complete = ?, why_stopped = ?, finished_at = ?, warnings = ?, owner = '' "
        "WHERE key = ?");
    statement.bind_all(
        int{ending.complete}, Text(ending.why_stopped),
        Text(ending.finished_at.empty() ? utc_text("%Y-%m-%dT%H:%M:%SZ") : ending.finished_at),
        Text(list_text(ending.warnings)), ending.run.key);
    statement.run();
    // Batches added up in the order of arrival; the sum that stays is that of the stored order.
    Statement sum = database_->prepare(
        "UPDATE runs SET value_sum = (SELECT coalesce(sum(value), 0) FROM (SELECT value FROM "
        "answers WHERE run = ?1 ORDER BY row, epoch)) WHERE key = ?1");
    sum.bind(1, ending.run.key);
    sum.run();
    if (ending.decision) {
      Statement put = database_->prepare("INSERT OR REPLACE INTO decisions VALUES(?, ?)");
      put.bind_all(ending.run.key, Text(dump_json(evals::to_json(*ending.decision))));
      put.run();
    }
  }
  transaction.commit();
}

// ---- response cache ----

std::optional<ModelResponse> Store::find_cached(const std::string& key) const {
  Statement& statement = statements_->find_reply;
  statement.reset();
  statement.bind_blob(1, key_bytes(key));
  if (!statement.step()) return std::nullopt;
  const Transcript transcript = transcript_from(statement, 4);
  ModelResponse response;
  response.finish_reason = statement.text(0);
  response.num_prompt_tokens = statement.integer(1);
  response.num_completion_tokens = statement.integer(2);
  response.latency_s = statement.real(3);
  response.text = transcript.response;
  response.reasoning = transcript.reasoning;
  response.prompt_text = transcript.prompt_text;
  response.prompt_tokens = transcript.prompt_tokens;
  response.tokens = transcript.tokens;
  response.continuation_logprobs = transcript.continuation_logprobs;
  statement.reset();  // an open read would keep other processes' batches out of sight
  return response;
}

void Store::limit_pages(std::int64_t pages) {
  database_->execute("PRAGMA max_page_count = " + std::to_string(pages));
}

}  // namespace peira::runner
