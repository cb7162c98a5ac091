// What asking an endpoint costs this side, through executor and store: a scripted server in a
// process of its own answers after 200 ms, as many at once as are asked.
//
//     endpoint_bench [REQUESTS]
//
// A line of JSON each: with 1,000 in flight; and with faults in the first half (resets, 429, 500,
// half replies, malformed JSON, doubled deliveries), the rate of the second half beside a run
// without faults.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "runner/endpoints/openai_client.h"
#include "tests/runner/support.h"
#include "tests/support/scripted_server.h"

namespace peira::runner {
namespace {

using test::ScriptedServer;
using test::ServedReply;
using test::ServedRequest;
using Clock = std::chrono::steady_clock;

ServedReply answer(const ServedRequest& request, std::int64_t faults_until) {
  const Json body = parse_json(request.body, "request");
  const int number = std::stoi(body["messages"][0]["content"].get<std::string>().substr(8));
  ServedReply reply = ServedReply::of(
      200, R"({"id":"c)" + std::to_string(request.number) +
               R"(","choices":[{"index":0,"message":{"role":"assistant","content":")" +
               std::to_string(2 * number) +
               R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1}})");
  if (request.number < faults_until) {
    switch (request.number % 20) {
      case 0:
        reply.reset = true;
        break;
      case 1:
        reply = ServedReply::of(429, "{}", "application/json", "Retry-After: 0.1\r\n");
        break;
      case 2:
        reply = ServedReply::of(500, "oops");
        break;
      case 3:
        reply.bytes.resize(reply.bytes.size() / 2);
        reply.close = true;
        break;
      case 4:
        reply = ServedReply::of(200, "{\"choices\": [{");
        break;
      case 5:
        reply.bytes += reply.bytes;
        break;
      default:
        break;
    }
  }
  reply.delay_ms = 200;
  return reply;
}

// A server in a child process, so that its work is not counted as ours.
class ServerProcess {
 public:
  explicit ServerProcess(std::int64_t faults_until) {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    child_ = ::fork();
    if (child_ == 0) {
      const ScriptedServer server(
          [=](const ServedRequest& request) { return answer(request, faults_until); });
      const int port = server.port();
      if (::write(ends[1], &port, sizeof port) != sizeof port) ::_exit(1);
      ::pause();
    }
    if (::read(ends[0], &port_, sizeof port_) != sizeof port_) std::abort();
    ::close(ends[0]);
    ::close(ends[1]);
  }
  ~ServerProcess() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  std::string spec() const { return "m@http://127.0.0.1:" + std::to_string(port_) + "/v1"; }

 private:
  pid_t child_ = -1;
  int port_ = 0;
};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Measured {
  double rate = 0;         // answers/s over the second half
  double cpu_ms = 0;       // of ours, a request
  double resident_mb = 0;  // the most
  std::int64_t most_in_flight = 0;
  std::int64_t right = 0;
};

Measured run(int requests, std::int64_t faults_until) {
  const ServerProcess server(faults_until);
  testing::TempFolder folder;
  Store store(folder / "store.sqlite");
  EndpointOptions endpoint;
  endpoint.max_in_flight = 1000;
  OpenAiClient client(server.spec(), endpoint);
  RunOptions options = testing::sums_options(requests);
  options.retries = 20;
  options.retry_wait_s = 0.05;
  Measured out;
  std::int64_t half_done = 0;
  Clock::time_point half_at;
  options.on_progress = [&](const RunProgress& progress) {
    out.most_in_flight = std::max(out.most_in_flight, progress.in_flight);
    if (half_done == 0 && progress.done >= requests / 2) {
      half_done = progress.done;
      half_at = Clock::now();
    } else if (half_done != 0 && progress.done > half_done && progress.in_flight >= 500) {
      // The last requests find the pipe half empty, faults or not.
      out.rate = static_cast<double>(progress.done - half_done) /
                 std::chrono::duration<double>(Clock::now() - half_at).count();
    }
  };
  const double before = cpu_seconds();
  const RunOutcome outcome = execute_run(store, client, options);
  out.cpu_ms = 1e3 * (cpu_seconds() - before) / requests;
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  out.resident_mb = static_cast<double>(usage.ru_maxrss) / 1024;
  OutcomeReader reader = store.outcomes(outcome.run_id);
  while (const auto answered = reader.next()) out.right += answered->score.value == 1 ? 1 : 0;
  return out;
}

void print(const char* name, int requests, const Measured& measured) {
  std::printf(
      "{\"case\": \"%s\", \"samples\": %d, \"right\": %ld, \"per_s\": %.0f, \"cpu_ms_a_request\": "
      "%.3f, \"most_in_flight\": %ld, \"resident_mb\": %.0f}\n",
      name, requests, static_cast<long>(measured.right), measured.rate, measured.cpu_ms,
      static_cast<long>(measured.most_in_flight), measured.resident_mb);
  std::fflush(stdout);
}

}  // namespace
}  // namespace peira::runner

int main(int argc, char** argv) {
  using namespace peira::runner;
  const int requests = argc > 1 && argv[1][0] != '-' ? std::max(100, std::atoi(argv[1])) : 20'000;
  const Measured healthy = run(requests, 0);
  print("healthy", requests, healthy);
  const Measured faults = run(requests, requests / 2);
  print("faults in the first half", requests, faults);
  std::printf("{\"rate_after_faults_over_healthy\": %.3f}\n", faults.rate / healthy.rate);
  return 0;
}
