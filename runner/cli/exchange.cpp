// peira export and peira import: runs out to other tools' files, and their files in.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "runner/cli/command.h"
#include "runner/exchange/exchange.h"
#include "runner/store.h"

namespace peira::runner::cli {
namespace {

using exchange::Format;

struct ExportFlags {
  std::vector<std::string> runs;
  std::string out, format, store;
  bool include_restricted = false, no_formula_guard = false, json = false;
};

struct ImportFlags {
  std::vector<std::string> files;
  std::string format = "auto", scorer, name, store;
  double scale = 1;
  bool again = false, json = false;
};

const std::vector<std::string> kFormatNames{"csv", "parquet", "jsonl", "inspect", "lm-eval"};

Format format_of(const ExportFlags& flags) {
  if (!flags.format.empty()) return *exchange::format_from(flags.format);
  const std::string suffix = std::filesystem::path(flags.out).extension().string();
  if (suffix == ".eval") return Format::kInspect;
  if (suffix == ".ndjson") return Format::kJsonl;
  if (const auto format = exchange::format_from(suffix.empty() ? suffix : suffix.substr(1))) {
    return *format;
  }
  throw Error(ErrorCode::kUsage,
              flags.out +
                  ": the suffix names no format\n  try: --format csv, parquet, jsonl, "
                  "inspect or lm-eval");
}

int export_command(const ExportFlags& flags) {
  const Format format = format_of(flags);
  const Store store(
      flags.store.empty() ? Store::default_path() : std::filesystem::path(flags.store),
      Store::Access::kReadOnly);
  std::vector<std::string> ids;
  for (const std::string& run : flags.runs) ids.push_back(store.resolve_run(run));
  const exchange::ExportResult result = exchange::export_runs(
      store, ids, format, flags.out,
      {.include_restricted = flags.include_restricted, .guard_formulas = !flags.no_formula_guard});
  if (result.withheld) {
    note("gated data: questions, replies, answers and keys are left out (--include-restricted)");
  }
  if (flags.json) {
    OrderedJson files = OrderedJson::array();
    for (const auto& file : result.files) files.push_back(file.string());
    print_json(OrderedJson{{"files", std::move(files)},
                           {"runs", ids},
                           {"answers", result.num_answers},
                           {"withheld", result.withheld}});
  } else {
    std::string text;
    for (const auto& file : result.files) text += file.string() + "\n";
    print(text);
    note(std::to_string(result.num_answers) + " answers of " + std::to_string(ids.size()) +
         (ids.size() == 1 ? " run" : " runs"));
  }
  return kPassed;
}

int import_command(const ImportFlags& flags) {
  Store store(flags.store.empty() ? Store::default_path() : std::filesystem::path(flags.store));
  if (!(flags.scale > 0)) throw Error(ErrorCode::kUsage, "--scale must be above 0");
  if (!flags.name.empty() && flags.files.size() > 1) {
    throw Error(ErrorCode::kUsage, "--name is for one file");
  }
  exchange::ImportOptions options;
  if (flags.format != "auto") options.format = exchange::format_from(flags.format);
  options.scorer = flags.scorer;
  options.scale = flags.scale;
  options.name = flags.name;
  options.again = flags.again;
  OrderedJson list = OrderedJson::array();
  std::string ids;
  for (const std::string& file : flags.files) {
    for (const exchange::ImportedRun& run : exchange::import_file(store, file, options)) {
      for (const std::string& line : run.notes) note(file + ": " + line);
      if (run.was_there)
        note(file + ": is there already as " + run.id + " (--again imports it anew)");
      list.push_back({{"file", file},
                      {"run", run.id},
                      {"answers", run.num_answers},
                      {"was_there", run.was_there}});
      ids += run.id + "\n";
    }
  }
  if (flags.json) {
    print_json(OrderedJson{{"runs", std::move(list)}});
  } else {
    print(ids);
    note("next: peira show " + ids.substr(0, ids.find('\n')));
  }
  return kPassed;
}

}  // namespace

Command add_export(CLI::App& root) {
  CLI::App* app = add_subcommand(root, "export", "Write runs as files that other tools read",
                                 R"(Examples  peira export latest -o samples.csv
          peira export RUN_A RUN_B -o samples.parquet
          peira export latest -o log.eval                    Inspect: inspect view, read_eval_log
          peira export latest --format lm-eval -o results/   results_*.json and samples_*.jsonl
Every file carries the run's whole record: peira import makes the same run of it again.
CSV is RFC 4180. A text cell that a spreadsheet would run as a formula (it begins with = + - @, a tab or
a line end) is written after an apostrophe, as are cells that begin with one; peira import takes it off.)");
  const auto flags = std::make_shared<ExportFlags>();
  app->add_option("RUN", flags->runs, "runs to export (ids, their starts, latest, latest~1)")
      ->required();
  app->add_option("-o,--out", flags->out, "file to write; for lm-eval a folder")->required();
  app->add_option("--format", flags->format,
                  "csv, parquet, jsonl, inspect or lm-eval [by the file's suffix]")
      ->check(CLI::IsMember(kFormatNames));
  app->add_flag("--include-restricted", flags->include_restricted,
                "gated data too: questions, replies, answers and keys");
  app->add_flag("--no-formula-guard", flags->no_formula_guard,
                "CSV cells as they are, for programs only");
  app->add_option("--store", flags->store, "the file runs are kept in [the user's data folder]");
  app->add_flag("--json", flags->json, "what was written, as one JSON object");
  return {app, [flags] { return export_command(*flags); }};
}

Command add_import(CLI::App& root) {
  CLI::App* app =
      add_subcommand(root, "import", "Store runs from Inspect logs, lm-eval files and tables",
                     R"(Examples  peira import logs/2026-11-26_gpqa.eval
          peira import results_2026-11-26T14-15-03.json      each task with samples beside it
          peira import samples_gsm8k_*.jsonl --scorer flexible-extract/exact_match
          peira import answers.csv                           columns id and score; also model, response, ...
          peira compare MINE IMPORTED --vary all             paired by sample id
Files written by peira export give the same run again. Of others' files only what they say is kept:
unknown parts of the manifest are null, and its "imported" names the files and their digests. A sample
without a score counts as failed, with the reason. A file that was imported before adds nothing.)");
  const auto flags = std::make_shared<ImportFlags>();
  app->add_option("FILE", flags->files, "files to import")->required();
  std::vector<std::string> names = kFormatNames;
  names.insert(names.begin(), "auto");
  app->add_option("--format", flags->format, "auto, csv, parquet, jsonl, inspect or lm-eval")
      ->capture_default_str()
      ->check(CLI::IsMember(names));
  app->add_option(
      "--scorer", flags->scorer,
      "whose scores count: a scorer, SCORER.KEY, a metric or FILTER/METRIC [the first]");
  app->add_option("--scale", flags->scale, "the best score, where that is not 1")
      ->capture_default_str();
  app->add_option("--name", flags->name, "what to call the run [the file's own name for it]");
  app->add_flag("--again", flags->again, "also what was imported before");
  app->add_option("--store", flags->store, "the file runs are kept in [the user's data folder]");
  app->add_flag("--json", flags->json, "the runs as one JSON object");
  return {app, [flags] { return import_command(*flags); }};
}

}  // namespace peira::runner::cli
