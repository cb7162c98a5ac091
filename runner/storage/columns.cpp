#include "runner/storage/columns.h"

#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/error.h"

namespace peira::runner::columns {
namespace {

// Numbers as little-endian bytes; every machine we build for is one.
template <typename Number>
std::vector<Number> from_bytes(const std::string& bytes) {
  std::vector<Number> numbers(bytes.size() / sizeof(Number));
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(Number));
  return numbers;
}

}  // namespace

// The bytes behind hexadecimal digits: half as long in an index.
std::string key_bytes(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  }
  return bytes;
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

}  // namespace peira::runner::columns
