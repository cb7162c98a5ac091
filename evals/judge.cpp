#include "evals/judge.h"

#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/hash.h"
#include "evals/python_text.h"
#include "evals/scorers/judgement.h"

namespace peira::evals {
namespace {

constexpr std::string_view kFailure = "judge failure: ";
constexpr std::string_view kConfidence = "confidence ";

std::optional<Json> object_in(std::string_view text) {
  text = python::strip(text);
  if (!text.starts_with('{')) return std::nullopt;
  try {
    Json value = parse_json(text, "judge");
    if (value.is_object()) return value;
  } catch (const Error&) {
    // Not JSON: no verdict.
  }
  return std::nullopt;
}

}  // namespace

Json judge_value(const ModelJudge& judge) {
  return {{"name", judge.name},
          {"version", judge.version},
          {"sha256", sha256_hex(judge.wording)},
          {"source", judge.source},
          {"max_tokens", judge.max_tokens},
          {"format", canonical_json(judge.format)}};
}

std::optional<Json> judge_object(std::string_view reply) {
  if (std::optional<Json> whole = object_in(reply)) return whole;
  constexpr std::string_view kFence = "```";
  const std::size_t open = reply.find(kFence);
  if (open == std::string_view::npos) return std::nullopt;
  const std::size_t line_end = reply.find('\n', open);
  if (line_end == std::string_view::npos) return std::nullopt;
  const std::size_t close = reply.find(kFence, line_end);
  if (close == std::string_view::npos) return std::nullopt;
  return object_in(reply.substr(line_end, close - line_end));
}

Score judge_failure(std::string_view why) {
  Score score;
  score.state = AnswerState::kFailed;
  score.why = std::string(kFailure) + excerpt(why, 300);
  return score;
}

bool is_judge_failure(std::string_view failure) { return failure.starts_with(kFailure); }

void note_confidence(Score& score, double confidence) {
  std::string number(32, '\0');
  const auto [end, error] = std::to_chars(number.data(), number.data() + number.size(), confidence);
  if (error != std::errc()) return;
  number.resize(static_cast<std::size_t>(end - number.data()));
  score.notes.push_back(std::string(kConfidence) + number);
}

std::optional<double> noted_confidence(const Score& score) {
  for (const std::string& note : score.notes) {
    if (!note.starts_with(kConfidence)) continue;
    double value = 0;
    const char* const end = note.data() + note.size();
    const auto [at, error] = std::from_chars(note.data() + kConfidence.size(), end, value);
    if (error == std::errc() && at == end && std::isfinite(value)) return value;
  }
  return std::nullopt;
}

}  // namespace peira::evals
