// peira bench: what the harness costs on this machine, and what quantisation costs a model.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "reports/terminal_table.h"
#include "runner/bench.h"
#include "runner/cli/command.h"
#include "runner/cli/model_options.h"
#include "runner/cli/tables.h"
#include "runner/endpoints/open_model.h"
#include "runner/quality.h"

namespace peira::runner::cli {
namespace {

struct BenchFlags {
  std::vector<std::int64_t> samples{10'000, 100'000};
  std::string folder;
  bool json = false;
};

int bench_harness(const BenchFlags& flags) {
  const std::filesystem::path folder = flags.folder.empty() ? std::filesystem::temp_directory_path()
                                                            : std::filesystem::path(flags.folder);
  using reports::Align;
  reports::Table table{
      .headers = {"samples", "ms/sample", "memory before", "after", "resume", "list", "store"},
      .rows = {},
      .alignments = std::vector<Align>(7, Align::kRight)};
  OrderedJson rows = OrderedJson::array();
  const auto megabytes = [](std::int64_t bytes) {
    return fixed(static_cast<double>(bytes) / 1e6, 0) + " MB";
  };
  for (const std::int64_t samples : flags.samples) {
    note("harness with a model that answers at once: " + std::to_string(samples) + " samples ...");
    const HarnessCost cost = measure_harness(samples, folder);
    rows.push_back({{"num_samples", cost.num_samples},
                    {"ms_per_sample", cost.ms_per_sample},
                    {"rss_before", cost.rss_before},
                    {"rss_after", cost.rss_after},
                    {"resume_s", cost.resume_s},
                    {"list_s", cost.list_s},
                    {"store_bytes", cost.store_bytes}});
    table.rows.push_back({std::to_string(cost.num_samples), fixed(cost.ms_per_sample, 3),
                          megabytes(cost.rss_before), megabytes(cost.rss_after),
                          fixed(cost.resume_s, 3) + " s", fixed(cost.list_s, 3) + " s",
                          megabytes(cost.store_bytes)});
  }
  if (flags.json) {
    print_json(OrderedJson{{"harness", std::move(rows)}});
  } else {
    print(draw(table));
  }
  return kPassed;
}

struct QualityFlags {
  ModelFlags model;
  std::string text_file;
  bool json = false;
};

int bench_quality(const QualityFlags& flags) {
  const std::string text =
      flags.text_file.empty() ? std::string(quality_text()) : read_file(flags.text_file);
  const Quality quality =
      measure_quality(open_checkpoint(flags.model.model), flags.model.engine, text, note);
  if (flags.json) {
    OrderedJson rows = OrderedJson::array();
    for (const QualityRow& row : quality.rows) {
      rows.push_back({{"weights", row.weights},
                      {"kv_dtype", row.kv_dtype},
                      {"mean_kl", row.mean_kl},
                      {"p99_kl", row.p99_kl},
                      {"top1_agreement", row.top1_agreement},
                      {"perplexity", row.perplexity}});
    }
    print_json(OrderedJson{{"model", flags.model.model},
                           {"text", flags.text_file.empty() ? "built in" : flags.text_file},
                           {"num_positions", quality.num_positions},
                           {"baseline_perplexity", quality.baseline_perplexity},
                           {"rows", std::move(rows)}});
    return kPassed;
  }
  using reports::Align;
  reports::Table table{
      .headers = {"weights", "kv", "mean KL (nats)", "p99 KL", "same top-1", "perplexity"},
      .rows = {},
      .alignments = {Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kRight,
                     Align::kRight}};
  table.rows.push_back(
      {"stored", "f32", "baseline", "", "", fixed(quality.baseline_perplexity, 3)});
  for (const QualityRow& row : quality.rows) {
    table.rows.push_back({row.weights, row.kv_dtype, fixed(row.mean_kl, 6), fixed(row.p99_kl, 6),
                          fixed(100 * row.top1_agreement, 2) + " %", fixed(row.perplexity, 3)});
  }
  print(draw(table));
  note(std::to_string(quality.num_positions) + " positions");
  return kPassed;
}

CLI::App* add_quality(CLI::App& bench, QualityFlags& flags) {
  CLI::App* app = add_subcommand(
      bench, "quality", "Measure how far quantised weights and caches move a model's predictions",
      R"(Examples  peira bench quality
          peira bench quality --model ./Qwen3-30B-A3B --text report.txt --json
Each row's distance is KL(stored weights and float32 cache || row) over the tokens of the text, in
nats: 0.01 is a change of about 1 % in the probabilities that matter. --weights and --kv-dtype are
not looked at: all are measured.)");
  add_model_flags(*app, flags.model);
  app->add_option("--text", flags.text_file,
                  "UTF-8 file to predict [questions generated for this project]")
      ->type_name("FILE");
  app->add_flag("--json", flags.json, "one JSON object");
  return app;
}

}  // namespace

Command add_bench(CLI::App& root) {
  CLI::App* app = add_subcommand(root, "bench", "Measure what the harness costs, and quantisation",
                                 R"(Examples  peira bench
          peira bench quality --model ./Qwen3-30B-A3B
          peira bench --samples 200000 --json
The engine's own benchmarks (tokens/s, share of the memory and arithmetic limits) are built with the
tests: ./dev bench.)");
  const auto flags = std::make_shared<BenchFlags>();
  app->add_option("--samples", flags->samples, "run sizes to measure")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{100}, std::int64_t{100'000'000}));
  app->add_option("--folder", flags->folder, "where the measured store is made [the temp folder]");
  app->add_flag("--json", flags->json, "one JSON object");
  const auto quality = std::make_shared<QualityFlags>();
  const CLI::App* const quality_app = add_quality(*app, *quality);
  return {app, [flags, quality, quality_app] {
            return quality_app->parsed() ? bench_quality(*quality) : bench_harness(*flags);
          }};
}

}  // namespace peira::runner::cli
