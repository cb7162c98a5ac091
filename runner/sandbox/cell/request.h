// A request as the cell reads it, and how the cell reports.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runner/sandbox/cell/wire.h"

namespace peira::cell {

struct Request {
  const RequestHead* head = nullptr;
  const char* body = nullptr;  // after the head
  const char* end = nullptr;
};

// Reads strings one after another. What does not fit ends the process: the host wrote it.
class Reader {
 public:
  explicit Reader(const Request& request) : at_(request.body), end_(request.end) {}
  struct Bytes {
    const char* data;
    std::size_t size;
  };
  Bytes next();

 private:
  const char* at_;
  const char* end_;
};

// The descriptors a program gets as 0, 1, 2 and, unless -1, 3.
struct ProgramDescriptors {
  int in, out, err, result;
  void close() const;
};

// Maps the request that lies in `descriptor` and closes it.
Request map_request(int control, int descriptor);

// Sends `report` to the host; a host that is gone is noticed by the next read.
void send(int control, const Report& report);

// Reports that setting up failed at `step`, and ends this process.
[[noreturn]] void fail(int control, const char* step, int error);

}  // namespace peira::cell
