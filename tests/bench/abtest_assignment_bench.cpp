// Assignment against the hashes it is made of: a raw single-block MD5 of OpenSSL's a unit, a plain
// FNV-1a loop a unit. "ratio" is this work's rate over that one's, measured in the same run.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <benchmark/benchmark.h>
#include <openssl/md5.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "abtest/assigner.h"
#include "abtest/batch_assigner.h"

namespace {

using namespace peira::abtest;

constexpr std::size_t kUnits = 100'000;

const std::vector<std::string>& names() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> made;
    for (std::size_t i = 0; i < kUnits; ++i) made.push_back("user_" + std::to_string(i));
    return made;
  }();
  return all;
}

Experiment experiment(HashMode mode, int coverage) {
  Experiment out;
  out.id = "prompt_v2_test";
  out.salt = "prompt_v2_test";
  out.variants = {{.key = "control", .share = 5000}, {.key = "new", .share = 5000}};
  out.metrics = {{.name = "m"}};
  out.mode = mode;
  out.coverage = coverage;
  out.status = Status::kRunning;
  return out;
}

// Joined keys, hashed one after another: the least that any MD5 scheme has to do.
std::uint32_t raw_md5() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> made;
    for (const std::string& name : names()) made.push_back(name + ":prompt_v2_test");
    return made;
  }();
  std::uint32_t sum = 0;
  for (const std::string& key : keys) {
    MD5_CTX context;
    std::array<unsigned char, 16> digest;
    MD5_Init(&context);
    MD5_Update(&context, key.data(), key.size());
    MD5_Final(digest.data(), &context);
    sum += digest[0];
  }
  return sum;
}

std::uint32_t fnv(std::string_view text) {
  std::uint32_t state = 0x811C9DC5;
  for (const char c : text) state = (state ^ static_cast<unsigned char>(c)) * 0x01000193;
  return state;
}

// Version 1's hash, or version 2's two, of joined keys.
std::uint32_t raw_fnv(int version) {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> made;
    for (const std::string& name : names()) made.push_back(name + "prompt_v2_test");
    return made;
  }();
  std::uint32_t sum = 0;
  for (const std::string& key : keys) {
    std::uint32_t hash = fnv(key);
    if (version == 2) {
      std::array<char, 10> digits;
      const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), hash).ptr;
      hash = fnv({digits.data(), static_cast<std::size_t>(end - digits.data())});
    }
    sum += hash;
  }
  return sum;
}

template <typename Work>
double seconds(Work work) {
  const auto start = std::chrono::steady_clock::now();
  benchmark::DoNotOptimize(work());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Turn and turn about, the best of each: what else the machine does hits both alike.
void run(benchmark::State& state, HashMode mode, int coverage) {
  BatchAssigner assigner(experiment(mode, coverage));
  const std::vector<std::string_view> units(names().begin(), names().end());
  std::vector<int> variants(units.size());
  const auto baseline = [mode] {
    if (mode == HashMode::kFnv1aV1) return raw_fnv(1);
    if (mode == HashMode::kFnv1aV2) return raw_fnv(2);
    return raw_md5();
  };
  double best_raw = 1e9, best = 1e9;
  for (auto _ : state) {
    best_raw = std::min(best_raw, seconds(baseline));
    best = std::min(best, seconds([&] {
                      assigner.assign(units, variants);
                      return static_cast<std::uint32_t>(variants[7]);
                    }));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(units.size()));
  state.counters["ratio"] = best_raw / best;
  state.counters["ns_a_unit"] = 1e9 * best / static_cast<double>(units.size());
}

BENCHMARK_CAPTURE(run, md5_10000, HashMode::kMd5_10000, 10'000);
BENCHMARK_CAPTURE(run, md5_10000_partial_traffic, HashMode::kMd5_10000, 2000);
BENCHMARK_CAPTURE(run, md5_100, HashMode::kMd5_100, 10'000);
BENCHMARK_CAPTURE(run, fnv1a_v1, HashMode::kFnv1aV1, 10'000);
BENCHMARK_CAPTURE(run, fnv1a_v2, HashMode::kFnv1aV2, 10'000);

void BM_OneUnitWithReason(benchmark::State& state) {
  const Experiment one = experiment(HashMode::kMd5_10000, 2000);
  for (auto _ : state) benchmark::DoNotOptimize(decide_unit(one, "user_123456"));
}
BENCHMARK(BM_OneUnitWithReason);

}  // namespace
