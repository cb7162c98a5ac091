// peira report: what to show others, as HTML, Markdown or JSON.

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "reports/html.h"
#include "reports/json.h"
#include "reports/markdown.h"
#include "reports/report.h"
#include "runner/cli/command.h"
#include "runner/report_content.h"
#include "runner/store.h"
#include "runner/summary.h"

namespace peira::runner::cli {
namespace {

struct ReportFlags {
  std::vector<std::string> runs, compare, vary;
  std::string out, format, title = "Evaluation report", store, samples;
  std::optional<std::size_t> max_samples;
};

// ISO 8601, to the second.
std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

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
  const auto add_run = [&](const std::string& reference) {
    const std::string id = store.resolve_run(reference);
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) {
      ids.push_back(id);
      report.runs.push_back(summarize(store, id));
      report.details.push_back(run_details(store, id));
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
  const SampleChoice choice = sample_choice(flags.samples.empty() ? "wrong" : flags.samples);
  for (const std::string& id : ids) {
    const bool is_shown = std::find(compared.begin(), compared.end(), id) != compared.end();
    if (is_shown || choice == SampleChoice::kNone || choice == SampleChoice::kFlipped) continue;
    report.samples.push_back(sample_section(store, {id}, choice, limits));
  }
  const std::string text = format == "html"   ? reports::render_html(report)
                           : format == "json" ? reports::render_json(report)
                                              : reports::render_markdown(report);
  if (flags.out.empty()) {
    print(text);
    return kPassed;
  }
  write_file_atomic(flags.out, text);
  note("report: " + std::filesystem::absolute(flags.out).lexically_normal().string());
  return kPassed;
}

}  // namespace

Command add_report(CLI::App& root) {
  CLI::App* app = add_subcommand(
      root, "report", "Write a report on runs and comparisons",
      R"(Examples  peira report latest                                  Markdown to the terminal
          peira report RUN_A RUN_B -o report.html
          peira report --compare RUN_A,RUN_B --vary prompt -o report.html
          peira report latest --samples all --max-samples 500 -o report.html
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
            if (flags->runs.empty() && flags->compare.empty()) {
              throw Error(ErrorCode::kUsage, "name the runs to report\n  try: peira report latest");
            }
            return report(*flags);
          }};
}

}  // namespace peira::runner::cli
