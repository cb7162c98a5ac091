#include "runner/exchange/exchange.h"

#include <fstream>
#include <string>
#include <utility>

#include "base/error.h"
#include "runner/exchange/columns.h"
#include "runner/exchange/inspect_log.h"
#include "runner/exchange/lm_eval.h"
#include "runner/exchange/run_source.h"
#include "runner/exchange/table_writer.h"
#include "runner/summary.h"

namespace peira::runner::exchange {
namespace {

struct NamedFormat {
  std::string_view name;
  Format format;
};
constexpr NamedFormat kFormats[] = {{"csv", Format::kCsv},
                                    {"parquet", Format::kParquet},
                                    {"jsonl", Format::kJsonl},
                                    {"inspect", Format::kInspect},
                                    {"lm-eval", Format::kLmEval}};

std::unique_ptr<TableWriter> make_writer(Format format, const std::filesystem::path& out,
                                         const ExportOptions& options) {
  if (format == Format::kParquet) return make_parquet_writer(out);
  if (format == Format::kJsonl) return make_jsonl_writer(out);
  return make_csv_writer(out, options.guard_formulas);
}

// What a file is by its name and, where that leaves it open, its first bytes.
Format detect(const std::filesystem::path& file) {
  const std::string suffix = file.extension().string();
  const std::string name = file.filename().string();
  if (suffix == ".eval") return Format::kInspect;
  if (suffix == ".csv") return Format::kCsv;
  if (suffix == ".parquet") return Format::kParquet;
  std::ifstream stream(file, std::ios::binary);
  std::string head(65536, '\0');
  stream.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(stream.gcount()));
  if (suffix == ".jsonl" || suffix == ".ndjson") {
    const std::string line = head.substr(0, head.find('\n'));
    const bool is_lm_eval =
        line.find("\"doc_id\"") != std::string::npos && line.find("\"resps\"") != std::string::npos;
    return is_lm_eval || name.starts_with("samples_") ? Format::kLmEval : Format::kJsonl;
  }
  if (suffix == ".json") {
    if (name.starts_with("results")) return Format::kLmEval;
    return head.find("\"eval\"") != std::string::npos ? Format::kInspect : Format::kLmEval;
  }
  throw Error(ErrorCode::kUsage,
              file.string() +
                  ": the name does not say what it is\n  try: --format csv, parquet, jsonl, "
                  "inspect or lm-eval");
}

}  // namespace

std::optional<Format> format_from(std::string_view name) {
  for (const NamedFormat& named : kFormats) {
    if (named.name == name) return named.format;
  }
  return std::nullopt;
}

std::string_view to_string(Format format) {
  for (const NamedFormat& named : kFormats) {
    if (named.format == format) return named.name;
  }
  return "?";
}

ExportResult export_runs(const Store& store, const std::vector<std::string>& ids, Format format,
                         const std::filesystem::path& out, const ExportOptions& options) {
  ExportResult result;
  std::vector<RunInfo> runs;
  for (const std::string& id : ids) {
    runs.push_back(store.run(id));
    if (runs.back().answers == 0) {
      throw Error(ErrorCode::kData, "run " + id + " has no answers to export");
    }
  }
  const auto is_withheld = [&](const RunInfo& run) {
    return run.restricted && !options.include_restricted;
  };
  for (const RunInfo& run : runs) result.withheld = result.withheld || is_withheld(run);

  if (format == Format::kInspect) {
    if (runs.size() != 1) {
      throw Error(ErrorCode::kUsage, "an Inspect log holds one run, not " +
                                         std::to_string(runs.size()) +
                                         "\n  try: one peira export a run");
    }
    if (out.extension() != ".eval" && out.extension() != ".json") {
      throw Error(ErrorCode::kUsage, out.string() +
                                         ": Inspect logs end in .eval or .json\n  try: -o " +
                                         out.stem().string() + ".eval");
    }
    result.num_answers = write_inspect_log(store, runs.front(), summarize(store, ids.front()), out,
                                           is_withheld(runs.front()));
    result.files = {out};
    return result;
  }
  if (format == Format::kLmEval) {
    for (const RunInfo& run : runs) {
      result.num_answers +=
          write_lm_eval(store, run, summarize(store, run.id), out, is_withheld(run), result.files);
    }
    return result;
  }
  const std::unique_ptr<TableWriter> writer = make_writer(format, out, options);
  for (const RunInfo& run : runs) {
    const bool withheld = is_withheld(run);
    const bool guarded = format == Format::kCsv && options.guard_formulas;
    std::string record = dump_json(run_record(run, withheld, guarded));
    StoryReader stories = store.stories(run.id);
    while (std::optional<SampleStory> story = stories.next()) {
      if (withheld) withhold(*story);
      writer->add(row_of(run, *story, record));
      record.clear();
      ++result.num_answers;
    }
  }
  writer->commit();
  result.files = {out};
  return result;
}

std::vector<ImportedRun> import_file(Store& store, const std::filesystem::path& file,
                                     const ImportOptions& options) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) {
    throw Error(ErrorCode::kUnavailable, file.string() + ": no such file");
  }
  const Format format = options.format.value_or(detect(file));
  std::vector<std::unique_ptr<RunSource>> sources;
  if (format == Format::kInspect) {
    sources = open_inspect_log(file, options);
  } else if (format == Format::kLmEval) {
    sources = open_lm_eval(file, options);
  } else {
    sources = open_table_runs(file, format);
  }
  if (!options.name.empty() && sources.size() > 1) {
    throw Error(ErrorCode::kUsage, file.string() + " holds " + std::to_string(sources.size()) +
                                       " runs: --name is for one");
  }
  std::vector<ImportedRun> imported;
  for (const std::unique_ptr<RunSource>& source : sources) {
    imported.push_back(store_run(store, *source, options));
  }
  return imported;
}

}  // namespace peira::runner::exchange
