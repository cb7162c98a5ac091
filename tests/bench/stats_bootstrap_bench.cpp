// 10,000 resamples of 100,000 values on one core: the goal is 2 s. Beside it a plain loop over
// std::mt19937_64, timed in turns with it so that both see the same machine.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "stats/bootstrap.h"
#include "stats/random.h"

namespace peira::stats {
namespace {

constexpr std::size_t kValues = 100'000;
constexpr std::int64_t kResamples = 10'000;
constexpr int kTurns = 10;
constexpr std::int64_t kPlainResamples = 20;  // a turn

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void BM_BootstrapMean(benchmark::State& state) {
  std::vector<double> values(kValues);
  Random random(1);
  for (double& value : values) value = random.uniform();
  for (auto _ : state) {
    double ours = 0;
    double plain = 0;
    for (int turn = 0; turn < kTurns; ++turn) {
      auto start = std::chrono::steady_clock::now();
      benchmark::DoNotOptimize(bootstrap(
          values, SampleStatistic::kMean,
          {.num_resamples = kResamples / kTurns, .seed = static_cast<std::uint64_t>(turn)}));
      ours += seconds_since(start);
      start = std::chrono::steady_clock::now();
      Random draws(static_cast<std::uint64_t>(turn));
      for (std::int64_t resample = 0; resample < kPlainResamples; ++resample) {
        double sum = 0;
        for (std::size_t i = 0; i < kValues; ++i) sum += values[draws.below(kValues)];
        benchmark::DoNotOptimize(sum);
      }
      plain += seconds_since(start);
    }
    plain *= static_cast<double>(kResamples) / (kTurns * kPlainResamples);
    state.SetIterationTime(ours);
    state.counters["seconds"] = ours;
    state.counters["of_2s_goal"] = ours / 2;
    state.counters["plain_loop_s"] = plain;
    state.counters["times_plain"] = plain / ours;
  }
}
BENCHMARK(BM_BootstrapMean)->UseManualTime()->Iterations(3)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace peira::stats
