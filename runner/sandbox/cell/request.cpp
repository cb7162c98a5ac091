#include "runner/sandbox/cell/request.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <initializer_list>

namespace peira::cell {

Reader::Bytes Reader::next() {
  std::uint64_t size = 0;
  if (static_cast<std::size_t>(end_ - at_) < sizeof(size)) ::_exit(1);
  std::memcpy(&size, at_, sizeof(size));
  at_ += sizeof(size);
  if (static_cast<std::size_t>(end_ - at_) < size) ::_exit(1);
  const Bytes bytes{at_, size};
  at_ += size;
  return bytes;
}

void ProgramDescriptors::close() const {
  for (const int descriptor : {in, out, err, result}) {
    if (descriptor >= 0) ::close(descriptor);
  }
}

Request map_request(int control, int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) fail(control, "fstat", errno);
  const auto size = static_cast<std::size_t>(status.st_size);
  void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (mapped == MAP_FAILED) fail(control, "mmap", errno);
  ::close(descriptor);
  if (size < sizeof(RequestHead)) fail(control, "request", EINVAL);
  const auto* const first = static_cast<const char*>(mapped);
  return {static_cast<const RequestHead*>(mapped), first + sizeof(RequestHead), first + size};
}

void send(int control, const Report& report) {
  while (::send(control, &report, sizeof(report), MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

void fail(int control, const char* step, int error) {
  Report report;
  report.kind = ReportKind::kSetupFailed;
  report.error = error;
  std::snprintf(report.text, sizeof(report.text), "%s", step);
  send(control, report);
  ::_exit(0);
}

}  // namespace peira::cell
