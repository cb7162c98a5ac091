// peira report: what to show others, as HTML, Markdown or JSON.

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "reports/experiment_report.h"
#include "reports/gate.h"
#include "reports/html.h"
#include "reports/json.h"
#include "reports/markdown.h"
#include "reports/report.h"
#include "runner/cli/command.h"
#include "runner/cli/experiment/common.h"
#include "runner/durations.h"
#include "runner/experiment_content.h"
#include "runner/gate/gate_runs.h"
#include "runner/nightly/night.h"
#include "runner/report_content.h"
#include "runner/run_cost.h"
#include "runner/store.h"
#include "runner/summary.h"
#include "runner/tags.h"

namespace peira::runner::cli {
namespace {

struct ReportFlags {
  std::vector<std::string> runs, compare, vary;
  std::vector<std::string> gates;
  std::string experiment, experiments, segment;
  std::string out, format, title = "Evaluation report", store, samples, prices;
  std::optional<std::size_t> max_samples;
};

std::string format_of(const ReportFlags& flags) {
  if (!flags.format.empty()) return flags.format;
  const std::string suffix = std::filesystem::path(flags.out).extension();
  if (suffix == ".html" || suffix == ".htm") return "html";
  if (suffix == ".json") return "json";
  if (suffix == ".md" || flags.out.empty()) return "markdown";
  throw Error(ErrorCode::kUsage, flags.out + ": the suffix names no format\n  try: --format html");
}

// The command as typed, but for the store.
std::string command_of(const ReportFlags& flags) {
  std::string command = "peira report";
  const auto add = [&command](const std::string& word) {
    command += " " + reports::shell_quoted(word);
  };
  for (const std::string& run : flags.runs) add(run);
  for (const std::string& pair : flags.compare) {
    add("--compare");
    add(pair);
  }
  for (const std::string& word : flags.vary) {
    add("--vary");
    add(word);
  }
  if (!flags.experiment.empty()) {
    add("--experiment");
    add(flags.experiment);
  }
  if (!flags.segment.empty()) {
    add("--segment");
    add(flags.segment);
  }
  for (const std::string& gate : flags.gates) {
    add("--gate");
    add(gate);
  }
  if (!flags.prices.empty()) {
    add("--prices");
    add(flags.prices);
  }
  if (!flags.samples.empty()) {
    add("--samples");
    add(flags.samples);
  }
  if (flags.max_samples) {
    add("--max-samples");
    add(std::to_string(*flags.max_samples));
  }
  if (!flags.out.empty()) {
    add("-o");
    add(flags.out);
  }
  return command;
}

int deliver(const ReportFlags& flags, const std::string& text) {
  if (flags.out.empty()) {
    print(text);
    return kPassed;
  }
  write_file_atomic(flags.out, text);
  note("report: " + std::filesystem::absolute(flags.out).lexically_normal().string());
  return kPassed;
}

// A verdict that `peira gate --json` printed, or a policy that is judged on `runs` now.
reports::GateSection gate_section(const Store& store, const std::string& file,
                                  const std::vector<std::string>& runs, const PriceTable& prices) {
  const std::string text = read_file(file);
  const Json given = parse_json(text, file);
  reports::GateSection section;
  if (given.is_object() && given.contains("status")) {
    section.report = reports::gate_report_from(given, file);
    return section;
  }
  const Tags tags(store.path(), Tags::Access::kReadOnly);
  const GatePlan plan = parse_gate_plan(text, file);
  section.report = gate_runs(store, tags, plan, runs, gate_sources(plan, prices));
  return section;
}

// As `peira experiment analyze --by-day --report`.
int report_experiment(const ReportFlags& flags) {
  const std::string format = format_of(flags);
  ExperimentFlags where;
  where.store = flags.experiments;
  const abtest::ExperimentStore store =
      open_experiments(where, abtest::ExperimentStore::Access::kReadOnly);
  reports::ExperimentReport report =
      experiment_report(store, flags.experiment, {.segment = flags.segment, .by_day = true});
  report.version = PEIRA_VERSION;
  report.generated_at = utc_now().substr(0, 10);
  report.commands = {command_of(flags)};
  return deliver(flags, format == "html"   ? reports::render_html(report)
                        : format == "json" ? reports::to_json(report).dump(2) + "\n"
                                           : reports::render_markdown(report));
}

int report(const ReportFlags& flags) {
  const std::string format = format_of(flags);
  const Store store(
      flags.store.empty() ? Store::default_path() : std::filesystem::path(flags.store),
      Store::Access::kReadOnly);
  reports::Report report;
  report.title = flags.title;
  report.version = PEIRA_VERSION;
  report.generated_at = utc_now();
  report.commands = {command_of(flags)};
  SampleLimits limits;
  if (flags.max_samples) {
    limits.samples = *flags.max_samples;
  } else if (format == "markdown") {
    limits.samples = 20;
  }
  std::vector<std::string> ids, compared;
  const PriceTable prices = prices_for(store, flags.prices);
  const auto add_run = [&](const std::string& reference) {
    const std::string id = store.resolve_run(reference);
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) {
      ids.push_back(id);
      report.runs.push_back(summarize(store, id));
      report.details.push_back(run_details(store, id));
      report.details.back().cost = report_cost(run_cost(store, store.run(id), prices));
    }
    return id;
  };
  for (const std::string& run : flags.runs) add_run(run);
  for (const std::string& pair : flags.compare) {
    const std::size_t comma = pair.find(',');
    if (comma == std::string::npos) {
      throw Error(ErrorCode::kUsage, "--compare " + pair + ": expected two runs, RUN_A,RUN_B");
    }
    const std::string a = add_run(pair.substr(0, comma));
    const std::string b = add_run(pair.substr(comma + 1));
    report.comparisons.push_back(compare_runs(store, a, b, flags.vary));
    compared.insert(compared.end(), {a, b});
    const SampleChoice choice = sample_choice(flags.samples.empty() ? "flipped" : flags.samples);
    if (choice != SampleChoice::kNone) {
      report.samples.push_back(sample_section(store, {a, b}, choice, limits));
    }
  }
  for (const std::string& gate : flags.gates) {
    const std::vector<std::string> named = ids;  // before the verdict's own join them
    report.gates.push_back(gate_section(store, gate, named, prices));
    if (flags.gates.size() > 1) report.gates.back().title = gate;
    for (const evals::GateResult& result : report.gates.back().report.gates) {
      if (result.run_id.empty() || !find_run(store, result.run_id)) continue;
      add_run(result.run_id);
    }
  }
  const SampleChoice choice = sample_choice(flags.samples.empty() ? "wrong" : flags.samples);
  for (const std::string& id : ids) {
    const bool is_shown = std::find(compared.begin(), compared.end(), id) != compared.end();
    if (is_shown || choice == SampleChoice::kNone || choice == SampleChoice::kFlipped) continue;
    report.samples.push_back(sample_section(store, {id}, choice, limits));
  }
  const std::string text = format == "html"   ? reports::render_html(report)
                           : format == "json" ? reports::render_json(report)
                                              : reports::render_markdown(report);
  return deliver(flags, text);
}

}  // namespace

Command add_report(CLI::App& root) {
  CLI::App* app = add_subcommand(
      root, "report", "Write a report on runs and comparisons",
      R"(Examples  peira report latest                                  Markdown to the terminal
          peira report RUN_A RUN_B -o report.html
          peira report --compare RUN_A,RUN_B --vary prompt -o report.html
          peira report latest --samples all --max-samples 500 -o report.html
          peira report RUN --gate gates.json -o report.html    judged now by a policy
          peira report --gate verdict.json -o report.html      what peira gate --json printed
          peira report --experiment prompt_v2 -o report.html   as peira experiment analyze --report
An HTML report is one file that loads nothing: samples lie in it with prompt, replies and verdict, and
are shown on demand. Markdown and JSON say the same.
Reports on gated data hold ids, verdicts and numbers only.)");
  const auto flags = std::make_shared<ReportFlags>();
  app->add_option("RUN", flags->runs, "runs to report (ids, their starts, latest, latest~1)");
  app->add_option("--compare", flags->compare, "RUN_A,RUN_B: a paired comparison; repeatable")
      ->allow_extra_args(false);
  app->add_option("--vary", flags->vary, "what is meant to differ in the comparisons; repeatable")
      ->delimiter(',')
      ->allow_extra_args(false);
  app->add_option("--gate", flags->gates,
                  "a policy to judge the runs by, or a verdict of peira gate --json; repeatable")
      ->allow_extra_args(false)
      ->type_name("FILE");
  CLI::Option* experiment = app->add_option("--experiment", flags->experiment,
                                            "an experiment instead of runs, day by day");
  app->add_option("--segment", flags->segment, "of an experiment: also by this attribute")
      ->needs(experiment);
  app->add_option(
         "--experiments", flags->experiments,
         "the file experiments are kept in [$PEIRA_EXPERIMENTS, or the user's data folder]")
      ->needs(experiment);
  app->add_option("--prices", flags->prices,
                  "what models' tokens cost, for what runs cost [prices.json beside the store]")
      ->type_name("FILE");
  app->add_option("-o,--out", flags->out, "file to write [standard output]");
  app->add_option("--format", flags->format, "html, markdown or json [by the file's suffix]")
      ->check(CLI::IsMember({"html", "markdown", "json"}));
  app->add_option("--samples", flags->samples,
                  "all, flipped, wrong or none [flipped of comparisons, wrong of other runs]")
      ->check(CLI::IsMember({"all", "flipped", "wrong", "none"}));
  app->add_option("--max-samples", flags->max_samples,
                  "most of them, each comparison or run [10000; 20 in Markdown]");
  app->add_option("--title", flags->title, "the report's heading")->capture_default_str();
  app->add_option("--store", flags->store, "the file runs are kept in [the user's data folder]");
  return {app, [flags] {
            if (!flags->experiment.empty()) {
              if (!flags->runs.empty() || !flags->compare.empty() || !flags->gates.empty()) {
                throw Error(ErrorCode::kUsage,
                            "--experiment makes a report of its own, without "
                            "runs, --compare or --gate");
              }
              return report_experiment(*flags);
            }
            if (flags->runs.empty() && flags->compare.empty() && flags->gates.empty()) {
              throw Error(ErrorCode::kUsage, "name the runs to report\n  try: peira report latest");
            }
            return report(*flags);
          }};
}

}  // namespace peira::runner::cli
