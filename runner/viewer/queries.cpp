#include "runner/viewer/queries.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "runner/storage/side_tables.h"
#include "runner/tags.h"

namespace peira::runner::viewer {
namespace {

constexpr std::size_t kQuestionBytes = 240;

// So much of a prompt is looked at for what its list has in common.
constexpr std::size_t kPromptBytes = 4000;
// An opening that is shared is left out when it is at least this long.
constexpr std::size_t kLeastOpening = 40;

// Steps over this many answers cost less than finding a place anew.
constexpr std::int64_t kNearRows = 24;

Database::Mode mode_for(const std::filesystem::path& path) {
  // As the store itself decides: where nobody writes and SQLite may put no file beside it, the file
  // is read as it lies. Store has opened the same path just before, so failures were its to tell.
  std::error_code error;
  const bool at_rest = !std::filesystem::exists(path.string() + "-wal", error) &&
                       !std::filesystem::exists(path.string() + "-shm", error);
  if (!at_rest) return Database::Mode::kReadOnly;
  try {
    Database probe(path, Database::Mode::kReadOnly);
    Statement statement = probe.prepare("SELECT count(*) FROM sqlite_master");
    statement.step();
    return Database::Mode::kReadOnly;
  } catch (const Error&) {
    return Database::Mode::kImmutable;
  }
}

constexpr const char* kLineColumns =
    "a.row, a.epoch, s.id, a.state, a.value, a.answer, a.gold, a.rule, a.why, a.finish_reason, "
    "a.failure, a.latency_s, a.completion_tokens";
constexpr int kNumLineColumns = 13;

template <typename List>
List list_from(const std::string& text) {
  return text.empty() ? List() : parse_json(text, "store").get<List>();
}

// Little-endian bytes, as the store writes them.
template <typename Number>
std::vector<Number> numbers_from(const std::string& bytes) {
  std::vector<Number> numbers(bytes.size() / sizeof(Number));
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(Number));
  return numbers;
}

// Bytes that all questions begin with, up to a word's end; 0 when too few, or for a single line.
std::size_t shared_opening(const std::vector<AnswerLine>& lines) {
  if (lines.size() < 2) return 0;
  const std::string& first = lines.front().question;
  std::size_t size = first.size();
  for (const AnswerLine& line : lines) {
    const std::size_t most = std::min(size, line.question.size());
    size = 0;
    while (size < most && line.question[size] == first[size]) ++size;
  }
  if (size == first.size()) return 0;  // epochs of one sample
  const std::size_t space = first.rfind(' ', size);
  return space == std::string::npos || space < kLeastOpening ? 0 : space + 1;
}

void fold_case(std::string_view text, std::string& out) {
  out.resize(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    out[i] = static_cast<char>(c + ((c >= 'A' && c <= 'Z') ? 32 : 0));
  }
}

}  // namespace

std::string snippet(std::string_view text, std::size_t max_bytes) {
  std::string out;
  bool gap = false;
  // A little more than asked is read, so that cutting never splits a character unseen.
  for (std::size_t i = 0; i < text.size() && out.size() <= max_bytes + 4; ++i) {
    const char c = text[i];
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
      gap = !out.empty();
      continue;
    }
    if (gap) out += ' ';
    gap = false;
    out += c;
  }
  if (out.size() > max_bytes) {
    std::size_t end = max_bytes;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0U) == 0x80U) --end;
    out.resize(end);
    out += "…";
  }
  return to_valid_utf8(out);
}

std::string last_question(const std::string& messages) {
  if (messages.empty()) return {};
  const Json list = parse_json(messages, "stored messages");
  if (!list.is_array() || list.empty() || !list.back().is_object()) return {};
  const Json content = list.back().value("content", Json(""));
  if (content.is_string()) return content.get<std::string>();
  std::string text;
  if (!content.is_array()) return text;
  for (const Json& part : content) {
    if (!part.is_object()) continue;
    const Json words = part.value("text", Json());
    const Json type = part.value("type", Json());
    if (!text.empty()) text += ' ';
    text += words.is_string()  ? words.get<std::string>()
            : type.is_string() ? "[" + type.get<std::string>() + "]"
                               : std::string();
  }
  return text;
}

Queries::Queries(const std::filesystem::path& path)
    : store_(path, Store::Access::kReadOnly), database_(path, mode_for(path)) {
  database_.execute("PRAGMA busy_timeout = 2000");
  database_.execute("PRAGMA query_only = ON");
  database_.execute("PRAGMA cache_size = -32000");
}

std::vector<RunRow> Queries::runs() {
  const bool decided = has_table(database_, "decisions");
  Statement statement = database_.prepare(
      std::string("SELECT r.id, r.suite, r.profile, r.variant, r.model, r.dataset, r.method, "
                  "r.complete, r.why_stopped, r.started_at, r.finished_at, r.rescored_from, "
                  "r.answers, r.expected_answers, r.failures, r.value_sum, r.epochs, r.wall_s, "
                  "r.owner, r.prompt_tokens, r.completion_tokens, ") +
      (decided ? "(SELECT d.decision FROM decisions d WHERE d.run = r.key)" : "NULL") +
      " FROM runs r ORDER BY r.key DESC");
  std::vector<RunRow> rows;
  while (statement.step()) {
    RunRow row;
    int column = 0;
    for (std::string* text :
         {&row.id, &row.suite, &row.profile, &row.variant, &row.model, &row.dataset, &row.method}) {
      *text = statement.text(column++);
    }
    const bool complete = statement.integer(column++) != 0;
    for (std::string* text :
         {&row.why_stopped, &row.started_at, &row.finished_at, &row.rescored_from}) {
      *text = statement.text(column++);
    }
    row.answers = statement.integer(12);
    row.expected_answers = statement.integer(13);
    row.failures = statement.integer(14);
    if (row.answers > row.failures) {
      row.mean_score = statement.real(15) / static_cast<double>(row.answers - row.failures);
    }
    row.epochs = static_cast<int>(statement.integer(16));
    row.wall_s = statement.real(17);
    row.prompt_tokens = statement.integer(19);
    row.completion_tokens = statement.integer(20);
    // A run without an owner is at its end; the others are asked of their lock, and so are those
    // that a decision may have stopped.
    const bool at_end = statement.text(18).empty() && statement.is_null(21);
    row.status = at_end ? (complete ? "complete" : "incomplete") : store_.run(row.id).status();
    rows.push_back(std::move(row));
  }
  std::map<std::string, std::vector<std::string>> tags;
  for (auto& [name, run] : Tags(store_.path(), Tags::Access::kReadOnly).list()) {
    tags[run].push_back(std::move(name));
  }
  for (RunRow& row : rows) {
    if (const auto own = tags.find(row.id); own != tags.end()) row.tags = std::move(own->second);
  }
  return rows;
}

std::optional<RunStamp> Queries::stamp(const std::string& run_id) {
  Statement statement = database_.prepare(
      "SELECT answers, failures, value_sum, complete, finished_at FROM runs WHERE id = ?");
  statement.bind(1, std::string_view(run_id));
  if (!statement.step()) return std::nullopt;
  return RunStamp{statement.integer(0), statement.integer(1), statement.real(2),
                  statement.integer(3) != 0, statement.text(4)};
}

AnswerLine Queries::line_from(const Statement& statement) const {
  AnswerLine line;
  line.key = {statement.integer(0), static_cast<int>(statement.integer(1))};
  line.sample_id = statement.text(2);
  line.state = statement.text(3);
  line.value = statement.real(4);
  line.answer = statement.text(5);
  line.gold = statement.text(6);
  line.rule = statement.text(7);
  line.why = statement.text(8);
  line.finish_reason = statement.text(9);
  line.failure = statement.text(10);
  line.latency_s = statement.real(11);
  line.completion_tokens = statement.integer(12);
  return line;
}

std::vector<AnswerLine> Queries::lines(const RunInfo& run, const std::vector<AnswerKey>& keys) {
  Statement statement = database_.prepare(
      std::string("SELECT ") + kLineColumns +
      ", t.messages FROM answers a CROSS JOIN samples s ON s.run = a.run AND s.row = a.row LEFT "
      "JOIN transcripts t ON t.run = ?4 AND t.row = a.row AND t.epoch = a.epoch WHERE a.run = ?1 "
      "AND a.row = ?2 AND a.epoch = ?3");
  std::vector<AnswerLine> lines;
  for (const AnswerKey key : keys) {
    statement.bind_all(run.key, key.row, key.epoch, run.transcript_key);
    if (statement.step()) {
      AnswerLine line = line_from(statement);
      line.question = snippet(last_question(statement.text(kNumLineColumns)), kPromptBytes);
      lines.push_back(std::move(line));
    }
    statement.reset();
  }
  const std::size_t opening = shared_opening(lines);
  for (AnswerLine& line : lines) {
    const std::string_view rest = std::string_view(line.question).substr(opening);
    line.question = (opening > 0 ? "… " : "") + snippet(rest, kQuestionBytes);
  }
  return lines;
}

std::vector<AnswerLine> Queries::epochs(const RunInfo& run, std::int64_t row) {
  Statement statement = database_.prepare(
      std::string("SELECT ") + kLineColumns +
      " FROM answers a CROSS JOIN samples s ON s.run = a.run AND s.row = a.row WHERE a.run = ?1 "
      "AND a.row = ?2 ORDER BY a.epoch");
  statement.bind_all(run.key, row);
  std::vector<AnswerLine> lines;
  while (statement.step()) lines.push_back(line_from(statement));
  return lines;
}

std::optional<SampleStory> Queries::story(const RunInfo& run, AnswerKey key) {
  Statement statement = database_.prepare(
      "SELECT a.state, a.value, a.answer, a.rule, a.why, a.guessed, a.parse_flag, a.notes, a.gold, "
      "a.permutation, a.finish_reason, a.failure, a.prompt_tokens, a.completion_tokens, "
      "a.latency_s, a.attempts, a.cached, s.id, s.cluster, s.digest, s.metadata, t.seed, t.shots, "
      "t.messages, t.prompt_text, t.prompt_tokens, t.response, t.reasoning, t.tokens, "
      "t.continuations, t.continuation_logprobs FROM answers a CROSS JOIN samples s ON s.run = "
      "a.run AND s.row = a.row LEFT JOIN transcripts t ON t.run = ?4 AND t.row = a.row AND t.epoch "
      "= a.epoch WHERE a.run = ?1 AND a.row = ?2 AND a.epoch = ?3");
  statement.bind_all(run.key, key.row, key.epoch, run.transcript_key);
  if (!statement.step()) return std::nullopt;
  int column = 0;
  const auto text = [&] { return statement.text(column++); };
  const auto number = [&] { return statement.integer(column++); };
  SampleStory story;
  AnswerRecord& answer = story.answer;
  answer.row = story.sample.row = key.row;
  answer.epoch = key.epoch;
  const std::string state = text();
  const auto known = evals::answer_state_from(state);
  if (!known) throw Error(ErrorCode::kData, "store: unknown answer state '" + state + "'");
  answer.score.state = *known;
  answer.score.value = statement.real(column++);
  answer.score.answer = text();
  answer.score.rule = text();
  answer.score.why = text();
  answer.score.guessed = number() != 0;
  answer.score.parse_flag = static_cast<int>(number());
  answer.score.notes = list_from<std::vector<std::string>>(text());
  answer.gold = text();
  answer.permutation = list_from<std::vector<int>>(text());
  answer.finish_reason = text();
  answer.failure = text();
  answer.prompt_tokens = number();
  answer.completion_tokens = number();
  answer.latency_s = statement.real(column++);
  answer.attempts = static_cast<int>(number());
  answer.cached = number() != 0;
  story.sample.id = text();
  story.sample.cluster = text();
  story.sample.digest = text();
  story.sample.metadata = list_from<std::map<std::string, std::string>>(text());
  Transcript& transcript = story.transcript;
  transcript.seed = std::strtoull(text().c_str(), nullptr, 10);
  transcript.shots = list_from<std::vector<std::string>>(text());
  transcript.messages = text();
  transcript.prompt_text = text();
  transcript.prompt_tokens = numbers_from<std::int32_t>(text());
  transcript.response = text();
  transcript.reasoning = text();
  transcript.tokens = numbers_from<std::int32_t>(text());
  transcript.continuations = list_from<std::vector<std::string>>(text());
  transcript.continuation_logprobs = numbers_from<double>(text());
  return story;
}

// ---- text search ----

namespace {

std::string search_sql(bool backward) {
  const std::string order = backward ? " DESC" : "";
  return "SELECT a.row, a.epoch, t.messages, t.response, t.reasoning, a.answer, a.gold, "
         "a.failure, s.id FROM answers a CROSS JOIN samples s ON s.run = a.run AND s.row = a.row "
         "LEFT JOIN transcripts t ON t.run = ?2 AND t.row = a.row AND t.epoch = a.epoch "
         "WHERE a.run = ?1 AND (a.row, a.epoch) " +
         std::string(backward ? "<=" : ">=") + " (?3, ?4) ORDER BY a.row" + order + ", a.epoch" +
         order;
}

}  // namespace

TextSearch::TextSearch(Queries& queries, const RunInfo& run, std::string_view text, bool backward)
    : statement_(queries.database_.prepare(search_sql(backward))),
      run_(run.key),
      transcripts_(run.transcript_key),
      backward_(backward) {
  fold_case(text, needle_);
  const std::string quoted = dump_json(Json(needle_));
  json_needle_ = quoted.substr(1, quoted.size() - 2);
}

bool TextSearch::in_text(std::string_view text) {
  if (text.size() < needle_.size()) return false;
  fold_case(text, folded_);
  return memmem(folded_.data(), folded_.size(), needle_.data(), needle_.size()) != nullptr;
}

bool TextSearch::in_messages(const std::string& messages) {
  // Most texts do not hold it, which their JSON tells at once; roles and keys are no text, so a hit
  // is looked up in the contents.
  fold_case(messages, folded_);
  if (memmem(folded_.data(), folded_.size(), json_needle_.data(), json_needle_.size()) == nullptr) {
    return false;
  }
  for (const Json& message : parse_json(messages, "stored messages")) {
    if (!message.is_object()) continue;
    const Json content = message.value("content", Json());
    if (content.is_string()) {
      if (in_text(content.get_ref<const std::string&>())) return true;
    } else if (content.is_array()) {
      for (const Json& part : content) {
        const Json words = part.is_object() ? part.value("text", Json()) : Json();
        if (words.is_string() && in_text(words.get_ref<const std::string&>())) return true;
      }
    }
  }
  return false;
}

bool TextSearch::row_matches() {
  if (in_messages(statement_.text(2))) return true;
  for (const int column : {3, 4, 5, 6, 7, 8}) {
    if (in_text(statement_.text(column))) return true;
  }
  return false;
}

bool TextSearch::holds(AnswerKey key) {
  if (needle_.empty()) return true;
  const auto is_before = [&](AnswerKey a, AnswerKey b) { return backward_ ? b < a : a < b; };
  const auto step = [&] {
    if (!statement_.step()) {
      at_.reset();
      return;
    }
    at_ = AnswerKey{statement_.integer(0), static_cast<int>(statement_.integer(1))};
  };
  const bool far = positioned_ && at_ && std::abs(key.row - at_->row) > kNearRows;
  if (!positioned_ || far) {
    statement_.reset();
    statement_.bind_all(run_, transcripts_, key.row, key.epoch);
    positioned_ = true;
    step();
  }
  while (at_ && is_before(*at_, key)) step();
  return at_ && *at_ == key && row_matches();
}

}  // namespace peira::runner::viewer
