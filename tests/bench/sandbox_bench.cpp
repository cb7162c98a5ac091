// What the sandbox costs beside the program itself.
//
//     sandbox_bench [ROUNDS [start|rate|busy]]
//
// A line of JSON each. "start": median milliseconds of one empty program, bare and in the sandbox,
// taken in turns. "rate": empty programs a minute on all cores. "busy": the share of all cores'
// time that a batch of CPU-bound programs gets for itself.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "runner/sandbox/sandbox.h"

namespace peira::runner {
namespace {

using Clock = std::chrono::steady_clock;
using evals::CodeRequest;
using evals::CodeResult;

double milliseconds_of(const std::function<void()>& deed) {
  const auto start = Clock::now();
  deed();
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void run_bare(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t process = 0;
  int status = 0;
  if (::posix_spawnp(&process, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0 ||
      ::waitpid(process, &status, 0) < 0 || status != 0) {
    throw Error(ErrorCode::kUnavailable, words[0] + ": does not run");
  }
}

void expect_ok(const CodeResult& result) {
  if (!result.ok()) throw Error(ErrorCode::kInternal, result.detail + result.err);
}

CodeRequest empty_python(bool warm) {
  CodeRequest request;
  request.argv = {"/usr/bin/python3", "main.py"};
  request.files = {{"main.py", "pass\n"}};
  if (warm) request.preload = {"json"};
  return request;
}

void print_line(const OrderedJson& line) {
  std::printf("%s\n", dump_json(line).c_str());
  std::fflush(stdout);
}

void bench_start(evals::CodeRunner& runner, int rounds) {
  CodeRequest nothing;
  nothing.argv = {"/bin/true"};
  const CodeRequest cold = empty_python(false);
  const CodeRequest warm = empty_python(true);
  std::vector<double> bare_true, boxed_true, bare_python, boxed_python, warm_python;
  for (int round = -2; round < rounds; ++round) {
    const double times[] = {milliseconds_of([] { run_bare({"/bin/true"}); }),
                            milliseconds_of([&] { expect_ok(runner.run(nothing)); }),
                            milliseconds_of([] {
                              run_bare({"/usr/bin/python3", "-c", "pass"});
                            }),
                            milliseconds_of([&] { expect_ok(runner.run(cold)); }),
                            milliseconds_of([&] { expect_ok(runner.run(warm)); })};
    if (round < 0) continue;  // cells start
    bare_true.push_back(times[0]);
    boxed_true.push_back(times[1]);
    bare_python.push_back(times[2]);
    boxed_python.push_back(times[3]);
    warm_python.push_back(times[4]);
  }
  const auto line = [&](const char* statistic, const auto& of) {
    print_line({{"bench", "start"},
                {"rounds", rounds},
                {"statistic", statistic},
                {"bare_true_ms", of(bare_true)},
                {"sandbox_true_ms", of(boxed_true)},
                {"bare_python_ms", of(bare_python)},
                {"sandbox_python_ms", of(boxed_python)},
                {"warm_python_ms", of(warm_python)},
                {"added_ms", of(boxed_python) - of(bare_python)}});
  };
  line("median", median);
  // The least is what it takes when nothing else runs on the machine.
  line("least", [](const std::vector<double>& values) {
    return *std::min_element(values.begin(), values.end());
  });
}

void bench_rate(evals::CodeRunner& runner, bool warm) {
  const std::int64_t count = warm ? 1000 : 300;
  const auto make = [warm](std::int64_t) { return empty_python(warm); };
  const auto take = [](std::int64_t, const CodeResult& result) { expect_ok(result); };
  runner.run_many(8, make, take);
  const double ms = milliseconds_of([&] { runner.run_many(count, make, take); });
  print_line({{"bench", "rate"},
              {"interpreter", warm ? "warm" : "started for each"},
              {"workers", runner.num_workers()},
              {"programs_per_minute", static_cast<double>(count) / ms * 60'000}});
}

// CPU-bound programs of 50 to 350 ms, in an order that repeats.
CodeRequest working_python(std::int64_t i, bool warm) {
  CodeRequest request = empty_python(warm);
  request.files[0].bytes =
      "x = 0\nfor i in range(" + std::to_string(600'000 * (1 + i % 7)) + "):\n    x += i * i % 7\n";
  return request;
}

struct Batch {
  double wall_ms = 0, cpu_ms = 0;

  void run(evals::CodeRunner& runner, bool warm) {
    wall_ms += milliseconds_of([&] {
      runner.run_many(
          40, [warm](std::int64_t i) { return working_python(i, warm); },
          [&](std::int64_t, const CodeResult& result) {
            expect_ok(result);
            cpu_ms += static_cast<double>(result.usage.cpu_time.count()) / 1000;
          });
    });
  }
  OrderedJson line(const char* name, int workers) const {
    return {{"bench", "busy"},           {"programs", name},
            {"workers", workers},        {"wall_ms", wall_ms},
            {"programs_cpu_ms", cpu_ms}, {"busy", cpu_ms / wall_ms / workers}};
  }
};

// In turns, so that what else runs on the machine meets all alike.
void bench_busy(evals::CodeRunner& runner) {
  const int workers = runner.num_workers();
  const auto bare_runner = open_code_runner({.num_workers = workers, .unsafe_no_sandbox = true});
  Batch bare, cold, warm;
  for (int round = 0; round < 2; ++round) {
    bare.run(*bare_runner, false);
    cold.run(runner, false);
    warm.run(runner, true);
  }
  print_line(bare.line("bare", workers));
  print_line(cold.line("sandbox", workers));
  print_line(warm.line("sandbox, warm interpreter", workers));
  print_line({{"bench", "busy"},
              {"sandbox_to_bare_wall", cold.wall_ms / bare.wall_ms},
              {"warm_to_bare_wall", warm.wall_ms / bare.wall_ms}});
}

int bench(int rounds, const std::string& only) {
  const auto runner = open_code_runner();
  std::printf("# %s\n", runner->isolation().c_str());
  const auto wanted = [&](const char* part) { return only.empty() || only == part; };
  if (wanted("start")) bench_start(*runner, rounds);
  if (wanted("rate")) {
    bench_rate(*runner, false);
    bench_rate(*runner, true);
  }
  if (wanted("busy")) bench_busy(*runner);
  return 0;
}

}  // namespace
}  // namespace peira::runner

int main(int argc, char** argv) {
  try {
    const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 60;
    return peira::runner::bench(rounds, argc > 2 ? argv[2] : "");
  } catch (const peira::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return error.exit_status();
  }
}
