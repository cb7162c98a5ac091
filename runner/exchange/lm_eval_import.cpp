// Result and sample files of lm-evaluation-harness as runs, one a task.

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "runner/durations.h"
#include "runner/exchange/columns.h"
#include "runner/exchange/fields.h"
#include "runner/exchange/run_source.h"
#include "runner/manifest.h"

namespace peira::runner::exchange {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMostResultBytes = std::uintmax_t{256} << 20U;

Json read_results(const fs::path& path) {
  const MappedFile file(path);
  if (file.bytes().size() > kMostResultBytes) {
    throw Error(ErrorCode::kData, path.string() + ": more than 256 MiB for a file of results");
  }
  Json results = parse_python_json(file.text(), path.string());
  if (!member(results, "results").is_object()) {
    throw Error(ErrorCode::kData,
                path.string() + ": has no \"results\": not a result file of lm_eval");
  }
  return results;
}

// "samples_TASK_DATE.jsonl" apart; empty texts for another name.
std::pair<std::string, std::string> task_and_date(const fs::path& samples) {
  const std::string name = samples.stem().string();
  constexpr std::string_view kPrefix = "samples_";
  const std::size_t last = name.rfind('_');
  if (!name.starts_with(kPrefix) || last == std::string::npos || last <= kPrefix.size()) return {};
  return {name.substr(kPrefix.size(), last - kPrefix.size()), name.substr(last + 1)};
}

std::string utc_text(double seconds) {
  if (!(seconds > 0 && seconds < 4e11)) return {};
  return utc_text_of(static_cast<std::int64_t>(seconds) * 1000);
}

// The first text inside nested lists, as replies are kept.
const Json& innermost(const Json& value) {
  const Json* at = &value;
  for (int depth = 0; depth < 8 && at->is_array() && !at->empty(); ++depth) at = &(*at)[0];
  return *at;
}

class LmEvalRun final : public RunSource {
 public:
  LmEvalRun(fs::path samples, const std::optional<fs::path>& results_path, const Json& results,
            std::string task, const ImportOptions& options)
      : samples_(std::move(samples)), task_(std::move(task)), scale_(options.scale) {
    files = {samples_.string()};
    if (results_path) files.push_back(results_path->string());
    const std::string where = results_path ? results_path->string() : samples_.string();
    const Json& ours = member(member(results, "peira"), task_);
    if (ours.is_object()) {
      info_ = run_from_record(ours, where + ": peira." + task_);
      info_.rescored_from = text_at(ours, "rescored_from", where);
      withheld_ = bool_at(ours, "withheld", where);
      is_ours_ = true;
      format = "peira lm-eval";
      if (withheld_) {
        notes.emplace_back("questions and replies were withheld when the file was written");
      }
      return;
    }
    choose_metric(options.scorer);
    read_results_of(results, where);
  }

  RunInfo info() override { return info_; }

  void visit(const std::function<void(FinishedAnswer&&)>& take) override {
    each_line([&](const Json& line, const std::string& where) {
      if (is_ours_) {
        FinishedAnswer finished =
            answer_from(lookup_in(object_at(line, "peira", where)), where + ": peira");
        const Json& reply = innermost(list_at(line, "resps", where));
        const bool chose = !finished.transcript.continuations.empty();
        if (!withheld_ && !chose && reply.is_string()) {
          finished.transcript.response = reply.get<std::string>();
        }
        take(std::move(finished));
      } else if (text_at(line, "filter", where) == filter_) {
        take(answer_of(line, where));
      }
      return true;
    });
  }

 private:
  // Calls `take(line, where)` for each line until it returns false.
  void each_line(const std::function<bool(const Json&, const std::string&)>& take) const {
    constexpr std::size_t kLongest = std::size_t{256} << 20U;
    const MappedFile file(samples_);
    std::string_view rest = file.text();
    for (std::int64_t number = 1; !rest.empty(); ++number) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      const std::string where = samples_.string() + ":" + std::to_string(number);
      if (line.size() > kLongest) throw Error(ErrorCode::kData, where + ": longer than 256 MiB");
      const Json value = parse_python_json(line, where);
      if (!value.is_object()) throw Error(ErrorCode::kData, where + ": not an object");
      if (!take(value, where)) return;
    }
  }

  // "filter/metric", a metric or a filter; else the first of the file.
  void choose_metric(const std::string& wanted) {
    std::vector<std::string> choices;
    std::vector<std::pair<std::string, std::string>> pairs;
    each_line([&](const Json& line, const std::string& where) {
      const std::string filter = text_at(line, "filter", where);
      const bool seen = std::any_of(pairs.begin(), pairs.end(),
                                    [&](const auto& pair) { return pair.first == filter; });
      // All filters of the first document come before long, all of one filter first in new files.
      if (!seen) {
        for (const Json& metric : list_at(line, "metrics", where)) {
          if (metric.is_string()) pairs.emplace_back(filter, metric.get<std::string>());
        }
      }
      return true;
    });
    std::string list;
    for (const auto& [filter, metric] : pairs) {
      list += (list.empty() ? "" : ", ") + one_line(filter + "/" + metric);
      const bool fits =
          wanted.empty() || wanted == filter + "/" + metric || wanted == metric || wanted == filter;
      if (fits && metric_.empty()) {
        filter_ = filter;
        metric_ = metric;
      }
    }
    if (metric_.empty()) {
      if (pairs.empty()) {
        throw Error(ErrorCode::kData,
                    samples_.string() + ": no line has \"metrics\": not a sample file of lm_eval");
      }
      throw Error(ErrorCode::kUsage, "--scorer " + wanted + ": " + samples_.string() +
                                         " has no such filter or metric\n  one of: " + list);
    }
    if (pairs.size() > 1) {
      notes.push_back("scores are those of " + filter_ + "/" + metric_ + "; the file has " + list +
                      " (--scorer chooses)");
    }
  }

  void read_results_of(const Json& results, const std::string& where) {
    const Json& config = object_at(results, "config", where);
    const Json& task = object_at(object_at(results, "configs", where), task_, where);
    const std::string version = text_at(results, "lm_eval_version", where);
    format = "lm_eval" + (version.empty() ? std::string() : " " + version);
    std::string model = text_at(results, "model_name", where);
    if (model.empty()) model = text_at(config, "model", where);
    info_.suite = task_;
    info_.profile = filter_ + "/" + metric_;
    info_.variant = "lm_eval";
    info_.model = model.empty() ? "unknown" : model;
    info_.dataset = text_at(task, "dataset_path", where);
    if (info_.dataset.empty()) info_.dataset = task_;
    const std::string kind = text_at(task, "output_type", where);
    info_.method =
        kind == "multiple_choice" || kind == "loglikelihood" ? "loglikelihood" : "generate";
    info_.epochs = 1;
    info_.complete = true;
    const Json& seed = member(config, "random_seed");
    if (seed.is_number_unsigned()) info_.seed = seed.get<std::uint64_t>();
    info_.limited = !member(config, "limit").is_null();
    info_.started_at = utc_text(real_at(results, "date", where));
    Json values = Json::object();
    if (!results.is_null()) {
      values["weights"] = {{"model", member(config, "model")},
                           {"name", model},
                           {"args", member(config, "model_args")}};
      values["engine"] = {{"tool", format}};
      values["template"] = member(results, "chat_template_sha");
      Json prompt{{"task", task_},
                  {"version", member(object_at(results, "versions", where), task_)},
                  {"shots", member(object_at(results, "n-shot", where), task_)}};
      for (const char* const key : {"doc_to_text", "description", "fewshot_delimiter",
                                    "target_delimiter", "fewshot_split"}) {
        if (!member(task, key).is_null()) prompt[key] = member(task, key);
      }
      values["prompt"] = std::move(prompt);
      values["sampling"] = {{"run", member(config, "gen_kwargs")},
                            {"task", member(task, "generation_kwargs")}};
      values["seed"] = seed;
      values["limit"] = member(config, "limit");
    }
    values["scorer"] = {{"tool", "lm_eval"}, {"filter", filter_}, {"metric", metric_}};
    values["epochs"] = 1;
    values["method"] = info_.method;
    info_.manifest = make_manifest(values);
  }

  FinishedAnswer answer_of(const Json& line, const std::string& where) const {
    FinishedAnswer finished;
    SampleRecord& sample = finished.sample;
    AnswerRecord& answer = finished.answer;
    Transcript& transcript = finished.transcript;
    sample.row = integer_at(line, "doc_id", where, -1);
    if (sample.row < 0) {
      throw Error(ErrorCode::kData, where + ": field \"doc_id\" is missing or below 0");
    }
    sample.id = std::to_string(sample.row);
    const Json& doc = member(line, "doc");
    for (const char* const key : {"id", "Record ID"}) {
      const Json& id = member(doc, key);
      if (!id.is_string() && !id.is_number_integer()) continue;
      sample.id = id.is_string() ? id.get<std::string>() : dump_json(id);
      break;
    }
    sample.cluster = sample.id;
    const Json& target = member(line, "target");
    answer.gold = target.is_string() ? target.get<std::string>() : dump_json(target);
    sample.digest = text_at(line, "doc_hash", where);
    if (sample.digest.empty()) sample.digest = content_digest({dump_json(doc), answer.gold});

    // One request each option, or one in all; a list of lists in older files.
    const Json& arguments = member(line, "arguments");
    std::string prompt;
    std::int64_t num_requests = 0;
    for (const Json& request : arguments) {
      const Json& context =
          request.is_array() && !request.empty() ? request[0] : member(request, "arg_0");
      const Json& rest =
          request.is_array() && request.size() > 1 ? request[1] : member(request, "arg_1");
      if (num_requests++ == 0 && context.is_string()) prompt = context.get<std::string>();
      if (rest.is_string()) transcript.continuations.push_back(rest.get<std::string>());
    }
    transcript.prompt_text = prompt;
    transcript.messages = dump_json(Json::array({{{"role", "user"}, {"content", prompt}}}));
    const Json& replies = list_at(line, "resps", where);
    if (transcript.continuations.empty()) {
      const Json& reply = innermost(replies);
      if (reply.is_string()) transcript.response = reply.get<std::string>();
      const Json& filtered = innermost(list_at(line, "filtered_resps", where));
      if (filtered.is_string()) answer.score.answer = filtered.get<std::string>();
    } else {
      for (const Json& reply : replies) {
        const Json& value = innermost(reply);
        if (value.is_number()) {
          transcript.continuation_logprobs.push_back(value.get<double>());
        } else if (value.is_string()) {
          transcript.continuation_logprobs.push_back(
              to_real(value.get<std::string>(), "resps", where));
        }
      }
    }

    const Json& value = member(line, metric_);
    if (!value.is_number() && !value.is_boolean()) {
      throw Error(ErrorCode::kData, where + ": field \"" + metric_ +
                                        "\": " + one_line(dump_json(value)) +
                                        " is no number between 0 and 1\n  try: --scorer "
                                        "FILTER/METRIC with another metric of the file");
    }
    evals::Score& score = answer.score;
    score.value =
        (value.is_boolean() ? (value.get<bool>() ? 1.0 : 0.0) : value.get<double>()) / scale_;
    if (!(score.value >= 0 && score.value <= 1)) {
      throw Error(ErrorCode::kData, where + ": field \"" + metric_ +
                                        "\": " + one_line(dump_json(value)) +
                                        " is outside [0, 1]\n  try: --scale MAX, which divides it");
    }
    score.state = evals::AnswerState::kScored;
    score.rule = filter_ + "/" + metric_;
    return finished;
  }

  fs::path samples_;
  std::string task_;
  double scale_;
  std::string filter_, metric_;
  RunInfo info_;
  bool is_ours_ = false, withheld_ = false;
};

}  // namespace

std::vector<std::unique_ptr<RunSource>> open_lm_eval(const fs::path& file,
                                                     const ImportOptions& options) {
  std::vector<std::unique_ptr<RunSource>> runs;
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  if (file.extension() == ".jsonl") {
    const auto [task, date] = task_and_date(file);
    const fs::path results_path = folder / ("results_" + date + ".json");
    std::error_code error;
    const bool has_results = !task.empty() && fs::is_regular_file(results_path, error);
    const Json results = has_results ? read_results(results_path) : Json(nullptr);
    runs.push_back(std::make_unique<LmEvalRun>(
        file, has_results ? std::optional<fs::path>(results_path) : std::nullopt, results,
        task.empty() ? file.stem().string() : task, options));
    return runs;
  }
  const Json results = read_results(file);
  const std::string stem = file.stem().string();
  const std::string date = stem.substr(std::min(stem.find('_'), stem.size() - 1) + 1);
  std::string missing;
  for (const auto& item : results["results"].items()) {
    const std::string name = "samples_" + item.key() + "_" + date + ".jsonl";
    // A task's name that is a path leads nowhere else.
    if (item.key().find('/') != std::string::npos) continue;
    const fs::path samples = folder / name;
    std::error_code error;
    if (!fs::is_regular_file(samples, error)) {
      missing = name;
      continue;
    }
    runs.push_back(std::make_unique<LmEvalRun>(samples, file, results, item.key(), options));
  }
  if (runs.empty()) {
    throw Error(ErrorCode::kData, file.string() + ": no file of samples beside it (" +
                                      one_line(missing) +
                                      ")\n  totals alone cannot be compared question by "
                                      "question: run lm_eval with --log_samples");
  }
  return runs;
}

}  // namespace peira::runner::exchange
