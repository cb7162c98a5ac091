// Reading outcomes for analysis against plain reading and parsing of the same bytes: lines, cells,
// numbers, a sum. "ratio" is this work's rate over that one's, measured in the same run.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <string>
#include <string_view>

#include "abtest/outcome_table.h"
#include "stats/random.h"

namespace {

using namespace peira::abtest;

constexpr int kRows = 400'000;

const std::string& table() {
  static const std::string text = [] {
    peira::stats::Random random(5);
    std::string made = "unit,variant,solved,quality,tokens,tokens:denominator\n";
    for (int i = 0; i < kRows; ++i) {
      char line[120];
      std::snprintf(line, sizeof line, "u%09d,%s,%d,%.4f,%d,%d\n", i,
                    random.below(2) == 0 ? "control" : "treatment",
                    static_cast<int>(random.below(2)), random.uniform(),
                    static_cast<int>(random.below(5000)), 1 + static_cast<int>(random.below(9)));
      made += line;
    }
    return made;
  }();
  return text;
}

double plain() {
  std::string_view text = table();
  double sum = 0;
  while (!text.empty()) {
    const auto* end = static_cast<const char*>(std::memchr(text.data(), '\n', text.size()));
    const char* begin = text.data();
    for (const char* p = begin; p <= end; ++p) {
      if (p != end && *p != ',') continue;
      double value = 0;
      if (std::from_chars(begin, p, value).ec == std::errc{}) sum += value;
      begin = p + 1;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  }
  return sum;
}

double ours() {
  OutcomeTable reader({{.key = "control"}, {.key = "treatment"}},
                      {{.name = "solved", .type = MetricType::kProportion},
                       {.name = "quality"},
                       {.name = "tokens", .type = MetricType::kRatio}},
                      "bench");
  std::string_view text = table();
  constexpr std::size_t kPiece = 1 << 20;
  for (std::size_t at = 0; at < text.size(); at += kPiece) reader.add(text.substr(at, kPiece));
  return *reader.finish().arms[0].metrics.at("quality").estimate();
}

template <typename Work>
double seconds(Work work) {
  const auto start = std::chrono::steady_clock::now();
  benchmark::DoNotOptimize(work());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void BM_OutcomeTable(benchmark::State& state) {
  double best_plain = 1e9, best = 1e9;
  for (auto _ : state) {
    best_plain = std::min(best_plain, seconds(plain));
    best = std::min(best, seconds(ours));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(table().size()));
  state.counters["ratio"] = best_plain / best;
  state.counters["rows_a_s"] = kRows / best;
}
BENCHMARK(BM_OutcomeTable)->Unit(benchmark::kMillisecond);

}  // namespace
