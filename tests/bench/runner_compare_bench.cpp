// peira compare on two runs of a million samples: BM_CompareRuns/samples:1000000.
#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/sqlite.h"
#include "runner/manifest.h"
#include "runner/store.h"
#include "runner/summary.h"

namespace peira::runner {
namespace {

// A store with two runs, "a" and "b", of as many samples, about 70 % right; written by SQL alone,
// which is how a million rows come about in seconds.
std::filesystem::path store_of(std::int64_t num_samples) {
  static std::map<std::int64_t, std::filesystem::path> made;
  std::filesystem::path& path = made[num_samples];
  if (!path.empty()) return path;
  path = std::filesystem::temp_directory_path() /
         ("peira-compare-bench-" + std::to_string(getpid()) + "-" + std::to_string(num_samples));
  std::filesystem::create_directories(path);
  path /= "peira.sqlite";
  Store store(path);
  Database database(path, Database::Mode::kReadWriteCreate);
  for (const std::string name : {"a", "b"}) {
    RunInfo info;
    info.id = name;
    info.suite = "bench";
    info.manifest = make_manifest({{"weights", name}});
    info.identity = manifest_identity(info.manifest);
    info.num_rows = info.expected_answers = num_samples;
    const Store::OpenedRun run = store.create_run(info);
    const std::string key = std::to_string(run.info.key);
    const std::string rows =
        "WITH RECURSIVE n(row) AS (SELECT 0 UNION ALL SELECT row + 1 FROM n "
        "WHERE row + 1 < " +
        std::to_string(num_samples) + ") ";
    database.execute("BEGIN");
    database.execute("INSERT INTO samples " + rows + "SELECT " + key +
                     ", row, printf('rec%014d', row * 7919), printf('rec%014d', row * 7919), "
                     "printf('%064x', row), '{\"domain\":\"Physics\"}' FROM n");
    database.execute("INSERT INTO answers " + rows + "SELECT " + key +
                     ", row, 0, 'scored', (row * 2654435761 + " + key +
                     " * 97) % 1000 < 700, 'B', 'answer-letter', 'said B; gold is C', 0, 0, '', "
                     "'C', '[2,0,1,3]', 'stop', '', 200, 40, 0.5, 1, 0 FROM n");
    database.execute("COMMIT");
    store.finish_run(run.info, true, "", {});
  }
  return path;
}

void BM_CompareRuns(benchmark::State& state) {
  const Store store(store_of(state.range(0)), Store::Access::kReadOnly);
  for (auto _ : state) {
    const evals::Comparison comparison = compare_runs(store, "a", "b", {"all"});
    benchmark::DoNotOptimize(comparison.difference);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["resident_MiB"] = static_cast<double>(usage.ru_maxrss) / 1024;
}
BENCHMARK(BM_CompareRuns)
    ->ArgName("samples")
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace peira::runner
