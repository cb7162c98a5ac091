// What asking an endpoint costs this side, through executor and store, and how fast it asks again
// once faults have stopped. The server is a process of its own, answers after 200 ms, and as many
// at once as are asked.
//
//     endpoint_bench [SAMPLES [ROUNDS]]
//
// A line of JSON each: a run of twice as many samples with 1,000 in flight; then runs of at most
// 200 in flight, by turns without faults and with every fault that FaultyEndpoint knows over their
// first two fifths. Their rate counts from three seconds after that on. Runs by turns and medians,
// because a machine that others use is fast and slow by turns too.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "runner/endpoints/openai_client.h"
#include "tests/runner/support.h"
#include "tests/support/faulty_endpoint.h"

namespace peira::runner {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kFaultsUntil = 0.4;  // of a run
constexpr double kSettled_s = 3;
constexpr double kCountedUntil = 0.95;  // the last find the pipe half empty

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Measured {
  double rate = 0;         // answers/s of the part that counts
  double cpu_ms = 0;       // of ours, a request
  double resident_mb = 0;  // the most
  std::int64_t most_in_flight = 0;
  std::int64_t requests = 0;
  std::int64_t right = 0;  // rows with their own answer, each counted once
};

Measured run(int samples, int max_in_flight, bool with_faults, double settled_s = kSettled_s) {
  static test::FaultCounters& counters = test::FaultCounters::make();
  counters.faults = with_faults;
  counters.requests = 0;
  const test::FaultyEndpoint server(counters, 200);
  const testing::TempFolder folder;
  Store store(folder / "store.sqlite");
  EndpointOptions endpoint;
  endpoint.max_in_flight = max_in_flight;
  endpoint.idle_timeout_s = 1;  // for the replies that never become as long as they say
  OpenAiClient client(server.spec(), endpoint);
  RunOptions options = testing::sums_options(samples);
  options.retries = 60;
  options.retry_wait_s = 0.02;
  Measured out;
  std::int64_t from = 0;
  Clock::time_point stopped_at = Clock::now(), from_at;
  options.on_progress = [&](const RunProgress& progress) {
    out.most_in_flight = std::max(out.most_in_flight, progress.in_flight);
    const double share = static_cast<double>(progress.done) / samples;
    const Clock::time_point now = Clock::now();
    if (share < kFaultsUntil) {
      stopped_at = now;
      return;
    }
    counters.faults = false;
    if (from == 0) {
      if (now - stopped_at < std::chrono::duration<double>(settled_s)) return;
      from = progress.done;
      from_at = now;
    } else if (share <= kCountedUntil) {
      out.rate = static_cast<double>(progress.done - from) /
                 std::chrono::duration<double>(now - from_at).count();
    }
  };
  const double before = cpu_seconds();
  const RunOutcome outcome = execute_run(store, client, options);
  out.requests = counters.requests;
  out.cpu_ms = 1e3 * (cpu_seconds() - before) / static_cast<double>(out.requests);
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  out.resident_mb = static_cast<double>(usage.ru_maxrss) / 1024;
  std::int64_t last_row = -1;
  OutcomeReader reader = store.outcomes(outcome.run_id);
  while (const auto answered = reader.next()) {
    if (answered->row != last_row && answered->score.value == 1) ++out.right;
    last_row = answered->row;
  }
  return out;
}

void print(const char* name, int samples, const Measured& measured) {
  std::printf(
      "{\"case\": \"%s\", \"samples\": %d, \"right\": %ld, \"requests\": %ld, \"per_s\": %.0f, "
      "\"cpu_ms_a_request\": %.3f, \"most_in_flight\": %ld, \"resident_mb\": %.0f}\n",
      name, samples, static_cast<long>(measured.right), static_cast<long>(measured.requests),
      measured.rate, measured.cpu_ms, static_cast<long>(measured.most_in_flight),
      measured.resident_mb);
  std::fflush(stdout);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

}  // namespace
}  // namespace peira::runner

int main(int argc, char** argv) {
  using namespace peira::runner;
  const int samples = argc > 1 && argv[1][0] != '-' ? std::max(100, std::atoi(argv[1])) : 10'000;
  const int rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 5;
  print("1,000 in flight", 2 * samples, run(2 * samples, 1000, false, 0));
  std::vector<double> healthy, after_faults;
  for (int round = 0; round < rounds; ++round) {
    const Measured without = run(samples, 200, false);
    print("healthy", samples, without);
    const Measured with = run(samples, 200, true);
    print("faults over two fifths", samples, with);
    healthy.push_back(without.rate);
    after_faults.push_back(with.rate);
  }
  std::printf("{\"rate_after_faults_over_healthy\": %.3f, \"of_the_best_of_each\": %.3f}\n",
              median(after_faults) / median(healthy),
              *std::max_element(after_faults.begin(), after_faults.end()) /
                  *std::max_element(healthy.begin(), healthy.end()));
  return 0;
}
