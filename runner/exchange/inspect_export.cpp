#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "runner/exchange/archive.h"
#include "runner/exchange/columns.h"
#include "runner/exchange/fields.h"
#include "runner/exchange/inspect_log.h"
#include "runner/exchange/output_file.h"

namespace peira::runner::exchange {
namespace {

constexpr const char* kWithheld = "(withheld: gated data)";

// Columns that the log's own fields hold exactly.
constexpr std::array<std::string_view, 6> kTold{"run",   "suite",   "profile",
                                                "model", "dataset", "response"};

const char* stop_reason(std::string_view finish_reason) {
  if (finish_reason == "stop" || finish_reason == "eos") return "stop";
  if (finish_reason == "length") return "max_tokens";
  if (finish_reason == "content_filter" || finish_reason == "refusal") return "content_filter";
  return "unknown";
}

// The prompt as chat messages; `exact` tells whether the stored text comes back from them.
OrderedJson chat_messages(const std::string& stored, bool& exact) {
  OrderedJson messages = OrderedJson::array();
  Json rebuilt = Json::array();
  exact = false;
  if (stored.empty()) return messages;
  const Json list = parse_json(stored, "store");
  for (const Json& message : list) {
    const Json& content = member(message, "content");
    std::string role = text_at(message, "role", "store");
    const std::string text = content.is_string() ? content.get<std::string>() : dump_json(content);
    rebuilt.push_back({{"role", role}, {"content", text}});
    if (role != "system" && role != "assistant") role = "user";
    messages.push_back({{"role", role}, {"content", text}});
  }
  exact = dump_json(rebuilt) == stored;
  return messages;
}

OrderedJson usage_json(std::int64_t prompt_tokens, std::int64_t completion_tokens) {
  return {{"input_tokens", prompt_tokens},
          {"output_tokens", completion_tokens},
          {"total_tokens", prompt_tokens + completion_tokens}};
}

OrderedJson score_json(const RunInfo& info, const AnswerRecord& answer) {
  const evals::Score& score = answer.score;
  return {{info.profile,
           {{"value", score.value},
            {"answer", score.answer.empty() ? OrderedJson(nullptr) : OrderedJson(score.answer)},
            {"explanation", score.why},
            {"metadata", {{"state", evals::to_string(score.state)}, {"rule", score.rule}}}}}};
}

OrderedJson sample_json(const RunInfo& info, const SampleStory& story, bool withheld) {
  const AnswerRecord& answer = story.answer;
  bool exact = false;
  OrderedJson input = chat_messages(story.transcript.messages, exact);
  OrderedJson messages = input;
  OrderedJson reply{{"role", "assistant"},
                    {"content", withheld ? std::string(kWithheld) : story.transcript.response},
                    {"source", "generate"},
                    {"model", info.model}};
  const bool failed = answer.score.state == evals::AnswerState::kFailed;
  OrderedJson choices = OrderedJson::array();
  if (!failed) {
    messages.push_back(reply);
    choices.push_back({{"message", reply}, {"stop_reason", stop_reason(answer.finish_reason)}});
  }
  std::vector<std::string_view> told(kTold.begin(), kTold.end());
  if (exact) told.push_back("messages");
  OrderedJson metadata = OrderedJson::object();
  for (const auto& [key, value] : story.sample.metadata) metadata[key] = value;
  metadata["peira"] = object_of(info, story, told);

  OrderedJson sample{
      {"id", story.sample.id},
      {"epoch", answer.epoch + 1},
      {"input", withheld || input.empty() ? OrderedJson(withheld ? kWithheld : "") : input},
      {"target", withheld ? std::string(kWithheld) : answer.gold},
      {"messages", messages},
      {"output",
       {{"model", info.model},
        {"choices", choices},
        {"usage", usage_json(answer.prompt_tokens, answer.completion_tokens)},
        {"time", answer.latency_s}}},
      {"scores", failed ? OrderedJson::object() : score_json(info, answer)},
      {"metadata", metadata},
      {"store", OrderedJson::object()},
      {"events", OrderedJson::array()},
      {"model_usage", {{info.model, usage_json(answer.prompt_tokens, answer.completion_tokens)}}},
      {"total_time", answer.latency_s},
      {"attachments", OrderedJson::object()}};
  if (failed) {
    sample["error"] = {{"message", answer.failure}, {"traceback", ""}, {"traceback_ansi", ""}};
  }
  return sample;
}

OrderedJson summary_json(const RunInfo& info, const SampleStory& story, bool withheld) {
  const AnswerRecord& answer = story.answer;
  OrderedJson summary{{"id", story.sample.id},
                      {"epoch", answer.epoch + 1},
                      {"input", ""},
                      {"target", withheld ? std::string(kWithheld) : answer.gold},
                      {"total_time", answer.latency_s},
                      {"completed", true}};
  if (answer.score.state == evals::AnswerState::kFailed) {
    summary["error"] = answer.failure;
  } else {
    summary["scores"] = score_json(info, answer);
  }
  return summary;
}

// Everything but the samples.
OrderedJson header_json(const RunInfo& info, const evals::RunRecord& summary, bool withheld) {
  OrderedJson metrics = OrderedJson::object();
  for (const evals::Metric& metric : summary.metrics) {
    metrics[metric.name] = {{"name", metric.name}, {"value", metric.value}};
    if (metric.std_error && !metrics.contains("stderr")) {
      metrics["stderr"] = {{"name", "stderr"}, {"value", *metric.std_error}};
    }
  }
  const Json sampling = member(member(info.manifest, "values"), "sampling");
  OrderedJson config = OrderedJson::object();
  for (const char* const key : {"temperature", "top_p", "max_tokens"}) {
    if (member(sampling, key).is_number()) config[key] = member(sampling, key);
  }
  // Inspect's ids are short; ours of the same run are equal whenever it is exported.
  const auto short_id = [&](const char* what) {
    return sha256_hex(std::string(what) + info.id).substr(0, 22);
  };
  const std::string created = info.started_at.empty() ? "1970-01-01T00:00:00Z" : info.started_at;
  OrderedJson eval{{"eval_id", short_id("eval")},
                   {"run_id", short_id("run")},
                   {"created", created},
                   {"task", info.suite},
                   {"task_id", short_id("task")},
                   {"task_version", 0},
                   {"task_attribs", OrderedJson::object()},
                   {"task_args", {{"profile", info.profile}, {"prompt", info.variant}}},
                   {"scorers", OrderedJson::array({OrderedJson{{"name", info.profile}}})},
                   {"dataset",
                    {{"name", info.dataset},
                     {"samples", info.expected_answers / std::max(info.epochs, 1)},
                     {"shuffled", false}}},
                   {"model", info.model},
                   {"model_args", OrderedJson::object()},
                   {"config", {{"epochs", info.epochs}}},
                   {"packages", {{"peira", PEIRA_VERSION}}},
                   {"metadata", {{"peira", run_record(info, withheld, false)}}}};
  return {
      {"version", 2},
      {"status", info.running    ? "started"
                 : info.complete ? "success"
                                 : "cancelled"},
      {"eval", std::move(eval)},
      {"plan",
       {{"name", "peira"},
        {"steps", OrderedJson::array({OrderedJson{{"solver", "peira/" + info.variant},
                                                  {"params", OrderedJson::object()}}})},
        {"config", std::move(config)}}},
      {"results",
       {{"total_samples", info.expected_answers},
        {"completed_samples", info.answers - info.failures},
        {"scores", OrderedJson::array({OrderedJson{{"name", info.profile},
                                                   {"scorer", info.profile},
                                                   {"params", OrderedJson::object()},
                                                   {"metrics", std::move(metrics)}}})}}},
      {"stats",
       {{"started_at", info.started_at},
        {"completed_at", info.finished_at},
        {"model_usage", {{info.model, usage_json(info.prompt_tokens, info.completion_tokens)}}}}}};
}

}  // namespace

std::int64_t write_inspect_log(const Store& store, const RunInfo& info,
                               const evals::RunRecord& summary, const std::filesystem::path& out,
                               bool withheld) {
  std::int64_t num_answers = 0;
  const auto each = [&](const std::function<void(const SampleStory&)>& visit) {
    StoryReader stories = store.stories(info.id);
    while (std::optional<SampleStory> story = stories.next()) {
      if (withheld) withhold(*story);
      visit(*story);
    }
  };
  const OrderedJson header = header_json(info, summary, withheld);
  if (out.extension() == ".json") {
    OutputFile file(out);
    std::string text = dump_json(header);
    text.pop_back();  // the closing brace: samples follow
    file.write(text + ",\"samples\":[\n");
    each([&](const SampleStory& story) {
      file.write((num_answers++ == 0 ? "" : ",\n") + dump_json(sample_json(info, story, withheld)));
    });
    file.write("\n]}\n");
    file.commit();
    return num_answers;
  }
  ZipWriter zip(out);
  zip.add("_journal/start.json",
          dump_json(OrderedJson{
              {"version", header["version"]}, {"eval", header["eval"]}, {"plan", header["plan"]}}));
  each([&](const SampleStory& story) {
    zip.add(
        "samples/" + story.sample.id + "_epoch_" + std::to_string(story.answer.epoch + 1) + ".json",
        dump_json(sample_json(info, story, withheld)));
    ++num_answers;
  });
  zip.begin("summaries.json");
  const char* separator = "[";
  each([&](const SampleStory& story) {
    zip.write(separator + dump_json(summary_json(info, story, withheld)));
    separator = ",\n";
  });
  zip.write("]");
  zip.add("header.json", dump_json(header));
  zip.commit();
  return num_answers;
}

}  // namespace peira::runner::exchange
