#include "tests/support/faulty_endpoint.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <new>
#include <random>
#include <utility>

#include "base/json.h"
#include "tests/support/scripted_server.h"

namespace peira::test {
namespace {

std::string completion(std::int64_t number, const std::string& text) {
  return dump_json(Json{{"id", "c" + std::to_string(number)},
                        {"choices",
                         {{{"index", 0},
                           {"message", {{"role", "assistant"}, {"content", text}}},
                           {"finish_reason", "stop"}}}},
                        {"usage", {{"prompt_tokens", 9}, {"completion_tokens", 1}}}});
}

ServedReply with_length(ServedReply reply, const std::string& length) {
  const std::string name = "Content-Length: ";
  const std::size_t from = reply.bytes.find(name) + name.size();
  reply.bytes.replace(from, reply.bytes.find('\r', from) - from, length);
  return reply;
}

ServedReply faulty(Fault fault, ServedReply reply, std::mt19937& random) {
  switch (fault) {
    case kLate:
      reply.delay_ms += static_cast<int>(random() % 300);
      break;
    case kReset:
      reply.reset = true;
      break;
    case kClosed:
      reply.bytes.clear();
      reply.close = true;
      break;
    case kThrottled:
      return ServedReply::of(429, R"({"error": {"message": "slow down"}})", "application/json",
                             "Retry-After: 0.1\r\n");
    case kServerError:
      return ServedReply::of(500, "oops");
    case kUnavailable:
      return ServedReply::of(503, "<html>Service Unavailable</html>", "text/html");
    case kHalf:
      reply.bytes.resize(reply.bytes.size() - 30);
      reply.close = true;
      break;
    case kHalfHead:
      reply.bytes.resize(40);
      reply.close = true;
      break;
    case kMalformed:
      return ServedReply::of(200, R"({"id": "c", "choices": [{"mess)");
    case kTwice:
      reply.bytes += reply.bytes;
      break;
    case kTwiceLater:
      reply.drip_bytes = static_cast<int>(reply.bytes.size());
      reply.drip_ms = 10;
      reply.bytes += reply.bytes;
      break;
    case kDrip:
      reply.drip_bytes = 7;
      reply.drip_ms = 1;
      break;
    case kLengthLess:
      return with_length(std::move(reply), "12");
    case kLengthMore:
      return with_length(std::move(reply), "5000");
    case kEmpty:
      return ServedReply::of(200, R"({"id": "c", "object": "chat.completion"})");
    case kNumFaults:
      break;
  }
  return reply;
}

}  // namespace

FaultCounters& FaultCounters::make() {
  void* memory = ::mmap(nullptr, sizeof(FaultCounters), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  return *new (memory) FaultCounters();
}

FaultyEndpoint::FaultyEndpoint(FaultCounters& counters, int delay_ms) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  child_ = ::fork();
  if (child_ < 0) std::abort();
  if (child_ == 0) {
    std::mt19937 random(20261127);
    const ScriptedServer server([&](const ServedRequest& request) {
      const Json body = parse_json(request.body, "request");
      const std::string question = body["messages"][0]["content"].get<std::string>();
      ServedReply reply = ServedReply::of(
          200, completion(counters.requests++, std::to_string(2 * std::stoi(question.substr(8)))));
      reply.delay_ms = delay_ms;
      if (!counters.faults || random() % 8 >= 3) return reply;
      const auto fault = static_cast<Fault>(random() % kNumFaults);
      ++counters.served[fault];
      return faulty(fault, std::move(reply), random);
    });
    const int port = server.port();
    if (::write(ends[1], &port, sizeof port) != sizeof port) ::_exit(1);
    while (true) ::pause();
  }
  if (::read(ends[0], &port_, sizeof port_) != sizeof port_) std::abort();
  ::close(ends[0]);
  ::close(ends[1]);
}

FaultyEndpoint::~FaultyEndpoint() {
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
}

}  // namespace peira::test
