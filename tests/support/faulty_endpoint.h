// An OpenAI endpoint in a process of its own that does sums, and while it is told to, everything
// wrong that an endpoint can do.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace peira::test {

enum Fault {
  kLate,         // up to 0.3 s
  kReset,        // RST instead of a reply
  kClosed,       // closed without a byte
  kThrottled,    // 429 with Retry-After
  kServerError,  // 500
  kUnavailable,  // 503 that is an HTML page
  kHalf,         // closed in the middle of the body
  kHalfHead,     // closed in the middle of the headers
  kMalformed,    // JSON cut short, its length right
  kTwice,        // delivered twice at once
  kTwiceLater,   // and again when the next question may be on its way
  kDrip,         // a few bytes at a time
  kLengthLess,   // Content-Length too small
  kLengthMore,   // too large, and the connection stays open
  kEmpty,        // 200 with an object that holds no choices
  kNumFaults
};

// What the server's process and those that ask it all see.
struct FaultCounters {
  std::atomic<bool> faults{false};
  std::atomic<std::int64_t> requests{0};
  std::array<std::atomic<std::int64_t>, kNumFaults> served{};

  // In memory that forked processes share; it stays until the process ends.
  static FaultCounters& make();
};

// Answers "what is N plus N?" with 2 N after `delay_ms`; while there are faults, 3 of 8 requests
// get one, drawn from a fixed seed.
class FaultyEndpoint {
 public:
  FaultyEndpoint(FaultCounters& counters, int delay_ms);
  ~FaultyEndpoint();
  FaultyEndpoint(const FaultyEndpoint&) = delete;
  FaultyEndpoint& operator=(const FaultyEndpoint&) = delete;
  std::string spec() const { return "m@http://127.0.0.1:" + std::to_string(port_) + "/v1"; }

 private:
  pid_t child_ = -1;
  int port_ = 0;
};

}  // namespace peira::test
