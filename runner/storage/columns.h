// How records lie in the store's columns: what reads them and what writes them agree here.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/sqlite.h"
#include "runner/store.h"

namespace peira::runner::columns {

// Columns of answers "a", in the order that answer_from() reads.
inline constexpr const char* kAnswerColumns =
    "a.row, a.epoch, a.state, a.value, a.answer, a.rule, a.why, a.guessed, a.parse_flag, a.notes, "
    "a.gold, a.permutation, a.finish_reason, a.failure, a.prompt_tokens, a.completion_tokens, "
    "a.latency_s, a.attempts, a.cached";
inline constexpr int kNumAnswerColumns = 19;

// Columns of transcripts "t", in the order that transcript_from() reads.
inline constexpr const char* kTranscriptColumns =
    "t.seed, t.shots, t.messages, t.prompt_text, t.prompt_tokens, t.response, t.reasoning, "
    "t.tokens, t.continuations, t.continuation_logprobs";

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
std::string key_bytes(std::string_view hex);

// From columns 2 on. throws Error(kData): no such state.
evals::AnswerState state_from(const Statement& statement);
evals::Score score_from(const Statement& statement);
AnswerRecord answer_from(const Statement& statement);
// From `column` on; empty where there is none.
Transcript transcript_from(const Statement& statement, int column);
std::map<std::string, std::string> metadata_from(const std::string& text);

}  // namespace peira::runner::columns
