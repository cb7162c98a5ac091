// What recording costs a server, and what a report of a million requests takes.
//   build/release/bench/runner_monitor_bench [ROUNDS]
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "runner/durations.h"
#include "runner/endpoints/open_model.h"
#include "runner/endpoints/openai_client.h"
#include "runner/monitor/monitor_report.h"
#include "runner/monitor/request_log.h"
#include "runner/monitor/served_requests.h"
#include "runner/serve/server.h"

namespace peira::runner {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Answers of one token each, 8 at a time, through the endpoint's client; requests a second.
double rate_of(OpenAiClient& client, int requests) {
  constexpr int kInFlight = 8;
  const Clock::time_point began = Clock::now();
  int sent = 0, done = 0;
  while (done < requests) {
    for (; sent < requests && sent - done < kInFlight; ++sent) {
      ModelRequest request;
      request.messages = {Message::from_text("user", "What is 17 + 25?")};
      request.max_tokens = 1;
      client.submit(std::move(request));
    }
    done += static_cast<int>(client.poll().size());
  }
  return requests / seconds_since(began);
}

// Rounds with and without recording in turn, so that both see the same machine.
void print_server_rates(const std::filesystem::path& folder, int rounds) {
  const model::CheckpointFiles files = open_checkpoint("bundled");
  model::LanguageModel model(files, {.num_threads = 1, .max_batch = 8});
  RequestLog log(folder / "served", {.model = "mini"});
  std::atomic<bool> records{false};
  ServerOptions options;
  options.port = 0;
  options.model_name = "mini";
  options.on_request = [&](const ServedRequest& request) {
    if (records) log.record(request_record_of(request));
  };
  Server server(model, options);
  std::thread serving([&] { server.serve(); });
  EndpointOptions endpoint;
  endpoint.extra = {{"ignore_eos", true}};
  OpenAiClient client("mini@http://127.0.0.1:" + std::to_string(server.port()) + "/v1", endpoint);
  constexpr int kRequests = 200;
  rate_of(client, kRequests);
  std::vector<double> with, without;
  for (int round = 0; round < rounds; ++round) {
    for (const bool record : {round % 2 == 0, round % 2 != 0}) {
      records = record;
      (record ? with : without).push_back(rate_of(client, kRequests));
    }
  }
  server.finish(5);
  serving.join();
  const auto median = [](std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
    return values[values.size() / 2];
  };
  std::printf(
      "{\"requests_per_s\": {\"recorded\": %.1f, \"not_recorded\": %.1f, \"ratio\": %.4f}}\n",
      median(with), median(without), median(with) / median(without));
}

RequestRecord made_up(std::int64_t i, std::int64_t ended_ms) {
  RequestRecord request;
  request.id = "chatcmpl-1a2b3c4d-" + std::to_string(i);
  request.route = "chat";
  request.ended_ms = ended_ms;
  request.total_s = 0.1 + 0.001 * static_cast<double>(i * 7919 % 5000);
  request.queue_s = 0.001;
  request.first_token_s = 0.05;
  request.status = 200;
  request.prompt_tokens = 120;
  request.cached_tokens = 40;
  request.completion_tokens = 64;
  return request;
}

void print_log_rates(const std::filesystem::path& folder) {
  constexpr int kThreads = 4, kEach = 250'000;
  const std::filesystem::path store = folder / "million";
  const std::int64_t now = wall_clock_ms();
  double recorded_s = 0, written_s = 0;
  std::int64_t dropped = 0;
  {
    RequestLog log(store, {.model = "mini", .capacity = 1 << 21});
    const Clock::time_point began = Clock::now();
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          log.record(made_up(t * kEach + i, now - (t * kEach + i) * std::int64_t{80}));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    recorded_s = seconds_since(began);
    log.flush(std::chrono::minutes(5));
    written_s = seconds_since(began);
    dropped = log.num_dropped();
  }
  const double count = kThreads * kEach;
  std::printf(
      "{\"record_us\": %.2f, \"written_per_s\": %.0f, \"dropped\": %lld, \"bytes_a_request\": "
      "%.0f}\n",
      1e6 * recorded_s / kEach, count / written_s, static_cast<long long>(dropped),
      static_cast<double>(std::filesystem::file_size(store)) / count);
  const Clock::time_point began = Clock::now();
  const MonitorReport report =
      make_monitor_report(store, now, {86'400'000, 3'600'000, 300'000, 60'000}, {});
  std::printf("{\"report_s\": %.2f, \"requests\": %lld}\n", seconds_since(began),
              static_cast<long long>(report.window.num_requests()));
}

}  // namespace
}  // namespace peira::runner

int main(int argc, char** argv) {
  using namespace peira::runner;
  const int rounds = argc > 1 && argv[1][0] != '-' ? std::max(1, std::atoi(argv[1])) : 10;
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("peira-monitor-bench-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  print_log_rates(folder);
  print_server_rates(folder, rounds);
  std::filesystem::remove_all(folder);
  return 0;
}
