#include <algorithm>
#include <array>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "runner/exchange/columns.h"
#include "runner/exchange/fields.h"
#include "runner/exchange/lm_eval.h"
#include "runner/exchange/output_file.h"

namespace peira::runner::exchange {
namespace {

// Columns that the line's own fields hold exactly.
constexpr std::array<std::string_view, 5> kTold{"run", "suite", "profile", "model", "dataset"};

std::string file_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '.' || c == '-';
    name += plain ? c : '_';
  }
  return name.empty() || name.front() == '.' ? "_" + name : name;
}

// "2026-11-26T14-15-03.000000": lm_eval takes the time from the file's name.
std::string date_of(const RunInfo& info) {
  std::string date = info.started_at.substr(0, 19);
  std::replace(date.begin(), date.end(), ':', '-');
  return (date.size() == 19 ? date : "1970-01-01T00-00-00") + ".000000";
}

double unix_time(const std::string& iso) {
  std::tm parts{};
  if (strptime(iso.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return 0;
  return static_cast<double>(timegm(&parts));
}

OrderedJson line_of(const RunInfo& info, const SampleStory& story, bool withheld) {
  const AnswerRecord& answer = story.answer;
  const Transcript& transcript = story.transcript;
  OrderedJson arguments = OrderedJson::object();
  OrderedJson resps = OrderedJson::array();
  OrderedJson filtered = OrderedJson::array();
  if (!transcript.continuations.empty()) {
    for (std::size_t i = 0; i < transcript.continuations.size(); ++i) {
      arguments["gen_args_" + std::to_string(i)] = {{"arg_0", transcript.prompt_text},
                                                    {"arg_1", transcript.continuations[i]}};
      const OrderedJson pair =
          OrderedJson::array({i < transcript.continuation_logprobs.size()
                                  ? OrderedJson(transcript.continuation_logprobs[i])
                                  : OrderedJson(nullptr),
                              OrderedJson(false)});
      resps.push_back(OrderedJson::array({pair}));
      filtered.push_back(pair);
    }
  } else {
    arguments["gen_args_0"] = {
        {"arg_0", transcript.prompt_text.empty() ? transcript.messages : transcript.prompt_text},
        {"arg_1", OrderedJson::object()}};
    resps.push_back(OrderedJson::array({OrderedJson(transcript.response)}));
    filtered.push_back(answer.score.answer);
  }
  std::vector<std::string_view> told(kTold.begin(), kTold.end());
  if (transcript.continuations.empty()) told.push_back("response");
  const std::string digest =
      story.sample.digest.empty() ? sha256_hex(story.sample.id) : story.sample.digest;
  return {{"doc_id", answer.row},
          {"doc", {{"id", story.sample.id}}},
          {"target", answer.gold},
          {"arguments", std::move(arguments)},
          {"resps", std::move(resps)},
          {"filtered_resps", std::move(filtered)},
          {"filter", "none"},
          {"metrics", OrderedJson::array({OrderedJson("acc")})},
          {"doc_hash", digest},
          {"prompt_hash", withheld ? sha256_hex("") : sha256_hex(transcript.messages)},
          {"target_hash", withheld ? sha256_hex("") : sha256_hex(answer.gold)},
          {"acc", answer.score.value},
          {"peira", object_of(info, story, told)}};
}

OrderedJson results_of(const RunInfo& info, const evals::RunRecord& summary, bool withheld) {
  const std::string& task = info.suite;
  OrderedJson result{{"alias", task}, {"sample_len", info.answers}};
  if (!summary.metrics.empty()) {
    const evals::Metric& headline = summary.metrics.front();
    result["acc,none"] = headline.value;
    result["acc_stderr,none"] =
        headline.std_error ? OrderedJson(*headline.std_error) : OrderedJson("N/A");
  }
  const std::int64_t num_samples = info.expected_answers / std::max(info.epochs, 1);
  const std::string kind = info.method == "loglikelihood" ? "multiple_choice" : "generate_until";
  const auto for_task = [&](OrderedJson value) { return OrderedJson{{task, std::move(value)}}; };
  const Json& prompt = member(member(info.manifest, "values"), "prompt");
  const Json& shots = member(member(prompt, "shots"), "num");
  return {{"results", for_task(std::move(result))},
          {"group_subtasks", for_task(OrderedJson::array())},
          {"configs", for_task({{"task", task},
                                {"dataset_path", info.dataset},
                                {"output_type", kind},
                                {"num_fewshot", shots.is_number() ? shots.get<int>() : 0},
                                {"repeats", info.epochs},
                                {"metadata", {{"version", 1}}}})},
          {"versions", for_task(1)},
          {"n-shot", for_task(shots.is_number() ? shots.get<int>() : 0)},
          {"higher_is_better", for_task({{"acc", true}})},
          {"n-samples", for_task({{"original", info.num_rows}, {"effective", num_samples}})},
          {"config",
           {{"model", info.model},
            {"model_args", OrderedJson::object()},
            {"batch_size", nullptr},
            {"device", nullptr},
            {"limit", info.limited ? OrderedJson(num_samples) : OrderedJson(nullptr)},
            {"gen_kwargs", member(member(info.manifest, "values"), "sampling")},
            {"random_seed", info.seed}}},
          {"git_hash", nullptr},
          {"date", unix_time(info.started_at)},
          {"model_source", "peira"},
          {"model_name", info.model},
          {"model_name_sanitized", file_name(info.model)},
          {"total_evaluation_time_seconds", std::to_string(info.wall_s)},
          {"peira", for_task(run_record(info, withheld, false))}};
}

}  // namespace

std::int64_t write_lm_eval(const Store& store, const RunInfo& info, const evals::RunRecord& summary,
                           const std::filesystem::path& out, bool withheld,
                           std::vector<std::filesystem::path>& files) {
  const std::filesystem::path folder = out / file_name(info.model);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw system_error(folder.string(), error.value());
  std::string date = date_of(info);
  // Two runs of one second: the second one's microseconds tell them apart.
  for (int i = 1;
       std::find(files.begin(), files.end(), folder / ("results_" + date + ".json")) != files.end();
       ++i) {
    const std::string digits = std::to_string(i);
    date.replace(20, 6, std::string(6 - std::min<std::size_t>(digits.size(), 6), '0') + digits);
  }
  const std::filesystem::path samples =
      folder / ("samples_" + file_name(info.suite) + "_" + date + ".jsonl");
  OutputFile file(samples);
  std::int64_t num_answers = 0;
  StoryReader stories = store.stories(info.id);
  while (std::optional<SampleStory> story = stories.next()) {
    if (withheld) withhold(*story);
    file.write(dump_json(line_of(info, *story, withheld)) + "\n");
    ++num_answers;
  }
  file.commit();
  const std::filesystem::path results = folder / ("results_" + date + ".json");
  write_file_atomic(
      results,
      results_of(info, summary, withheld).dump(2, ' ', false, Json::error_handler_t::replace) +
          "\n");
  files.push_back(results);
  files.push_back(samples);
  return num_answers;
}

}  // namespace peira::runner::exchange
