// The host's side of a running program's pipes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "runner/sandbox/descriptor.h"

namespace peira::runner {

// A stream that a program writes and how much of it is kept.
struct CapturedStream {
  Descriptor from;  // closed at its end
  std::string* into = nullptr;
};

// Feeds `input` to a program and reads what it writes, while it runs.
class ProgramStreams {
 public:
  // input must outlive this. Streams beyond `output_bytes` are cut there and the rest is thrown
  // away.
  ProgramStreams(Descriptor to, const std::string& input, CapturedStream out, CapturedStream err,
                 CapturedStream result, std::int64_t output_bytes);

  // Moves bytes until `event` has something to read, a stream first exceeds the limit, or the time
  // is up.
  enum class Stop { kEvent, kOutputLimit, kTime };
  Stop pump(int event, std::chrono::steady_clock::time_point until);

  // Reads what is left once every writer is dead; at most a second.
  // returns  whether a stream exceeded the limit, now or before.
  bool drain();

 private:
  bool read_some(CapturedStream& stream);  // whether it went beyond the limit
  void write_some();

  Descriptor to_;
  const std::string& input_;
  std::size_t written_ = 0;
  CapturedStream streams_[3];
  std::int64_t output_bytes_;
  bool over_ = false;
};

}  // namespace peira::runner
