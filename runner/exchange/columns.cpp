#include "runner/exchange/columns.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "evals/stop_rule.h"
#include "runner/exchange/fields.h"
#include "runner/manifest.h"

namespace peira::runner::exchange {
namespace {

constexpr Column kColumns[] = {
    {"run", ColumnKind::kText},
    {"suite", ColumnKind::kText},
    {"profile", ColumnKind::kText},
    {"variant", ColumnKind::kText},
    {"model", ColumnKind::kText},
    {"dataset", ColumnKind::kText},
    {"id", ColumnKind::kText},
    {"row", ColumnKind::kInteger},
    {"epoch", ColumnKind::kInteger},
    {"cluster", ColumnKind::kText},
    {"state", ColumnKind::kText},
    {"score", ColumnKind::kReal},
    {"answer", ColumnKind::kText},
    {"gold", ColumnKind::kText},
    {"rule", ColumnKind::kText},
    {"why", ColumnKind::kText},
    {"finish_reason", ColumnKind::kText},
    {"failure", ColumnKind::kText},
    {"prompt_tokens", ColumnKind::kInteger},
    {"completion_tokens", ColumnKind::kInteger},
    {"latency_s", ColumnKind::kReal},
    {"attempts", ColumnKind::kInteger},
    {"cached", ColumnKind::kBool},
    {"guessed", ColumnKind::kBool},
    {"parse_flag", ColumnKind::kInteger},
    {"notes", ColumnKind::kJson},
    {"permutation", ColumnKind::kJson},
    {"metadata", ColumnKind::kJson},
    {"digest", ColumnKind::kText},
    {"messages", ColumnKind::kJson},
    {"prompt", ColumnKind::kText},
    {"response", ColumnKind::kText},
    {"reasoning", ColumnKind::kText},
    {"prompt_token_ids", ColumnKind::kJson},
    {"token_ids", ColumnKind::kJson},
    {"continuations", ColumnKind::kJson},
    {"continuation_logprobs", ColumnKind::kJson},
    {"shots", ColumnKind::kJson},
    {"seed", ColumnKind::kText},
    {"run_record", ColumnKind::kJson},
};

// JSON has no word for infinities; log-probabilities know them.
Json reals_json(const std::vector<double>& reals) {
  Json list = Json::array();
  for (const double real : reals) {
    list.push_back(std::isfinite(real) ? Json(real)
                   : std::isnan(real)  ? Json("NaN")
                   : real > 0          ? Json("Infinity")
                                       : Json("-Infinity"));
  }
  return list;
}

template <typename List>
Value list_cell(const List& list) {
  return list.empty() ? Value() : Value(dump_json(Json(list)));
}

[[noreturn]] void bad_list(std::string_view name, const Json& value, const std::string& where) {
  throw Error(ErrorCode::kData, where + ": field \"" + std::string(name) +
                                    "\": cannot be read: " + one_line(dump_json(value)));
}

// The list in a kJson cell; empty where there is none.
Json list_in(const Lookup& lookup, std::string_view name, const std::string& where) {
  const std::optional<std::string> text = lookup(name);
  if (!text || text->empty()) return Json::array();
  Json list = parse_json(*text, where + ": field \"" + std::string(name) + "\"");
  if (!list.is_array()) bad_list(name, list, where);
  return list;
}

template <typename Number>
std::vector<Number> integers_in(const Lookup& lookup, std::string_view name,
                                const std::string& where) {
  std::vector<Number> numbers;
  for (const Json& item : list_in(lookup, name, where)) {
    const bool fits =
        item.is_number_integer() &&
        (!item.is_number_unsigned() || item.get<std::uint64_t>() <= std::uint64_t{INT32_MAX}) &&
        item.get<std::int64_t>() >= std::numeric_limits<Number>::min() &&
        item.get<std::int64_t>() <= std::numeric_limits<Number>::max();
    if (!fits) bad_list(name, item, where);
    numbers.push_back(item.get<Number>());
  }
  return numbers;
}

std::vector<std::string> texts_in(const Lookup& lookup, std::string_view name,
                                  const std::string& where) {
  std::vector<std::string> texts;
  for (const Json& item : list_in(lookup, name, where)) {
    if (!item.is_string()) bad_list(name, item, where);
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

std::vector<double> reals_in(const Lookup& lookup, std::string_view name,
                             const std::string& where) {
  std::vector<double> reals;
  for (const Json& item : list_in(lookup, name, where)) {
    if (item.is_number()) {
      reals.push_back(item.get<double>());
    } else if (item == "-Infinity") {
      reals.push_back(-std::numeric_limits<double>::infinity());
    } else if (item == "Infinity") {
      reals.push_back(std::numeric_limits<double>::infinity());
    } else if (item == "NaN") {
      reals.push_back(std::numeric_limits<double>::quiet_NaN());
    } else {
      bad_list(name, item, where);
    }
  }
  return reals;
}

std::map<std::string, std::string> map_in(const Lookup& lookup, std::string_view name,
                                          const std::string& where) {
  std::map<std::string, std::string> map;
  const std::optional<std::string> text = lookup(name);
  if (!text || text->empty()) return map;
  const Json object = parse_json(*text, where + ": field \"" + std::string(name) + "\"");
  if (!object.is_object()) bad_list(name, object, where);
  for (const auto& item : object.items()) {
    map[item.key()] =
        item.value().is_string() ? item.value().get<std::string>() : dump_json(item.value());
  }
  return map;
}

int small_integer(const Lookup& lookup, std::string_view name, int absent, int lowest,
                  const std::string& where) {
  const std::optional<std::string> text = lookup(name);
  if (!text || text->empty()) return absent;
  const std::int64_t value = to_integer(*text, name, where);
  if (value < lowest || value > 1'000'000'000) {
    throw Error(ErrorCode::kData, where + ": field \"" + std::string(name) + "\": " + *text +
                                      " is not in [" + std::to_string(lowest) + ", 1000000000]");
  }
  return static_cast<int>(value);
}

}  // namespace

std::span<const Column> columns() { return kColumns; }

std::vector<Value> row_of(const RunInfo& info, const SampleStory& story,
                          const std::string& record) {
  const AnswerRecord& answer = story.answer;
  const Transcript& transcript = story.transcript;
  return {info.id,
          info.suite,
          info.profile,
          info.variant,
          info.model,
          info.dataset,
          story.sample.id,
          answer.row,
          std::int64_t{answer.epoch},
          story.sample.cluster,
          std::string(evals::to_string(answer.score.state)),
          answer.score.value,
          answer.score.answer,
          answer.gold,
          answer.score.rule,
          answer.score.why,
          answer.finish_reason,
          answer.failure,
          answer.prompt_tokens,
          answer.completion_tokens,
          answer.latency_s,
          std::int64_t{answer.attempts},
          answer.cached,
          answer.score.guessed,
          std::int64_t{answer.score.parse_flag},
          list_cell(answer.score.notes),
          list_cell(answer.permutation),
          list_cell(story.sample.metadata),
          story.sample.digest,
          transcript.messages.empty() ? Value() : Value(transcript.messages),
          transcript.prompt_text,
          transcript.response,
          transcript.reasoning,
          list_cell(transcript.prompt_tokens),
          list_cell(transcript.tokens),
          list_cell(transcript.continuations),
          transcript.continuation_logprobs.empty()
              ? Value()
              : Value(dump_json(reals_json(transcript.continuation_logprobs))),
          list_cell(transcript.shots),
          std::to_string(transcript.seed),
          record.empty() ? Value() : Value(record)};
}

Json object_of(const RunInfo& info, const SampleStory& story,
               std::span<const std::string_view> without) {
  Json object = Json::object();
  const std::vector<Value> row = row_of(info, story, {});
  for (std::size_t i = 0; i < row.size(); ++i) {
    const Column& column = kColumns[i];
    const bool left_out =
        std::find(without.begin(), without.end(), std::string_view(column.name)) != without.end();
    if (left_out || std::string_view(column.name) == "run_record") continue;
    Json& cell = object[column.name];
    std::visit(
        [&](const auto& value) {
          using Type = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<Type, std::monostate>) {
            cell = nullptr;
          } else if constexpr (std::is_same_v<Type, std::string>) {
            cell = column.kind == ColumnKind::kJson ? parse_json(value, "store") : Json(value);
          } else {
            cell = value;
          }
        },
        row[i]);
  }
  return object;
}

Lookup lookup_in(const Json& object) {
  return [&object](std::string_view name) -> std::optional<std::string> {
    const Json& value = member(object, name);
    if (value.is_null()) return std::nullopt;
    return value.is_string() ? value.get<std::string>() : dump_json(value);
  };
}

FinishedAnswer answer_from(const Lookup& lookup, const std::string& where) {
  const auto text = [&](std::string_view name) { return lookup(name).value_or(std::string()); };
  const auto integer = [&](std::string_view name) {
    const std::string value = text(name);
    return value.empty() ? std::int64_t{0} : to_integer(value, name, where);
  };
  const auto truth = [&](std::string_view name) {
    const std::string value = text(name);
    return !value.empty() && to_bool(value, name, where);
  };
  FinishedAnswer finished;
  SampleRecord& sample = finished.sample;
  AnswerRecord& answer = finished.answer;
  Transcript& transcript = finished.transcript;

  sample.id = text("id");
  if (sample.id.empty()) throw Error(ErrorCode::kData, where + ": field \"id\" is empty");
  const std::optional<std::string> row = lookup("row");
  sample.row = row && !row->empty() ? to_integer(*row, "row", where) : -1;
  if (sample.row < -1) {
    throw Error(ErrorCode::kData, where + ": field \"row\": " + *row + " is below 0");
  }
  sample.cluster = lookup("cluster").value_or(sample.id);
  sample.digest = text("digest");
  sample.metadata = map_in(lookup, "metadata", where);

  answer.row = sample.row;
  answer.epoch = small_integer(lookup, "epoch", 0, 0, where);
  const std::string state = text("state");
  const std::string score = text("score");
  const std::optional<evals::AnswerState> known =
      evals::answer_state_from(state.empty() ? "scored" : state);
  if (!known) {
    throw Error(ErrorCode::kData, where + ": field \"state\": \"" + one_line(state) +
                                      "\" is none of scored, unparsed, truncated, empty, refused, "
                                      "failed");
  }
  answer.score.state = *known;
  if (score.empty()) throw Error(ErrorCode::kData, where + ": field \"score\" is empty");
  const bool is_truth = score == "true" || score == "True" || score == "false" || score == "False";
  answer.score.value =
      is_truth ? (to_bool(score, "score", where) ? 1 : 0) : to_real(score, "score", where);
  answer.score.answer = text("answer");
  answer.score.rule = text("rule");
  answer.score.why = text("why");
  answer.score.guessed = truth("guessed");
  answer.score.parse_flag = small_integer(lookup, "parse_flag", 0, 0, where);
  answer.score.notes = texts_in(lookup, "notes", where);
  answer.gold = text("gold");
  answer.permutation = integers_in<int>(lookup, "permutation", where);
  answer.finish_reason = text("finish_reason");
  answer.failure = text("failure");
  answer.prompt_tokens = integer("prompt_tokens");
  answer.completion_tokens = integer("completion_tokens");
  const std::string latency = text("latency_s");
  answer.latency_s = latency.empty() ? 0 : to_real(latency, "latency_s", where);
  answer.attempts = small_integer(lookup, "attempts", 1, 0, where);
  answer.cached = truth("cached");

  transcript.messages = text("messages");
  if (!transcript.messages.empty()) {
    static_cast<void>(list_in(lookup, "messages", where));
  }
  transcript.prompt_text = text("prompt");
  transcript.response = text("response");
  transcript.reasoning = text("reasoning");
  transcript.prompt_tokens = integers_in<std::int32_t>(lookup, "prompt_token_ids", where);
  transcript.tokens = integers_in<std::int32_t>(lookup, "token_ids", where);
  transcript.continuations = texts_in(lookup, "continuations", where);
  transcript.continuation_logprobs = reals_in(lookup, "continuation_logprobs", where);
  transcript.shots = texts_in(lookup, "shots", where);
  const std::string seed = text("seed");
  transcript.seed = seed.empty() ? 0 : to_unsigned(seed, "seed", where);
  return finished;
}

void withhold(SampleStory& story) {
  AnswerRecord& answer = story.answer;
  answer.score.answer.clear();
  answer.score.why.clear();
  answer.score.notes.clear();
  answer.gold.clear();
  answer.permutation.clear();  // tells the key together with the verdict
  if (!answer.failure.empty()) answer.failure = "withheld: gated data";
  story.sample.metadata.clear();
  const std::uint64_t seed = story.transcript.seed;
  story.transcript = {};
  story.transcript.seed = seed;
}

Json run_record(const RunInfo& info, bool withheld, bool guarded_cells) {
  Json record{{"format", "peira-run"},
              {"version", 1},
              {"id", info.id},
              {"suite", info.suite},
              {"profile", info.profile},
              {"variant", info.variant},
              {"model", info.model},
              {"dataset", info.dataset},
              {"method", info.method},
              {"manifest", info.manifest},
              {"epochs", info.epochs},
              {"seed", std::to_string(info.seed)},
              {"num_rows", info.num_rows},
              {"expected_answers", info.expected_answers},
              {"limited", info.limited},
              {"restricted", info.restricted},
              {"complete", info.complete},
              {"why_stopped", info.why_stopped},
              {"started_at", info.started_at},
              {"finished_at", info.finished_at},
              {"wall_s", info.wall_s},
              {"warnings", info.warnings},
              {"breakdowns", info.breakdowns},
              {"rescored_from", info.rescored_from},
              {"withheld", withheld}};
  if (info.decision) record["decision"] = evals::to_json(*info.decision);
  if (guarded_cells) record["formula_guard"] = "'";
  return record;
}

RunInfo run_from_record(const Json& record, const std::string& where) {
  if (member(record, "format") != "peira-run") {
    throw Error(ErrorCode::kData, where + ": not the record of a run");
  }
  if (const std::int64_t version = integer_at(record, "version", where); version != 1) {
    throw Error(ErrorCode::kData, where + ": version " + std::to_string(version) +
                                      " of run records is not known here, only 1");
  }
  const auto texts = [&](std::string_view key) {
    std::vector<std::string> list;
    for (const Json& item : list_at(record, key, where)) {
      if (!item.is_string()) bad_list(key, item, where);
      list.push_back(item.get<std::string>());
    }
    return list;
  };
  RunInfo info;
  info.id = text_at(record, "id", where);
  info.suite = text_at(record, "suite", where);
  info.profile = text_at(record, "profile", where);
  info.variant = text_at(record, "variant", where);
  info.model = text_at(record, "model", where);
  info.dataset = text_at(record, "dataset", where);
  info.method = text_at(record, "method", where);
  const std::int64_t epochs = integer_at(record, "epochs", where, 1);
  if (epochs < 1 || epochs > 1'000'000'000) {
    throw Error(ErrorCode::kData,
                where + ": field \"epochs\": " + std::to_string(epochs) + " is not from 1");
  }
  info.epochs = static_cast<int>(epochs);
  info.seed = to_unsigned(text_at(record, "seed", where), "seed", where);
  info.num_rows = integer_at(record, "num_rows", where);
  info.expected_answers = integer_at(record, "expected_answers", where);
  if (info.num_rows < 0 || info.expected_answers < 0) {
    throw Error(ErrorCode::kData, where + ": counts below 0");
  }
  info.limited = bool_at(record, "limited", where);
  info.restricted = bool_at(record, "restricted", where);
  info.complete = bool_at(record, "complete", where);
  info.why_stopped = text_at(record, "why_stopped", where);
  info.started_at = text_at(record, "started_at", where);
  info.finished_at = text_at(record, "finished_at", where);
  info.wall_s = real_at(record, "wall_s", where);
  info.warnings = texts("warnings");
  info.breakdowns = texts("breakdowns");
  if (const Json& decision = member(record, "decision"); !decision.is_null()) {
    info.decision = evals::decision_from_json(decision, where);
  }

  const Json& manifest = object_at(record, "manifest", where);
  info.manifest = make_manifest(object_at(manifest, "values", where));
  if (info.manifest["digests"] != member(manifest, "digests")) {
    throw Error(ErrorCode::kData,
                where +
                    ": field \"manifest\": its digests do not fit its values: the file was "
                    "changed after it was written");
  }
  if (manifest.contains("imported")) info.manifest["imported"] = manifest["imported"];
  return info;
}

}  // namespace peira::runner::exchange
