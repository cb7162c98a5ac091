#include "runner/sandbox/cell/serve.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "runner/sandbox/cell/isolate.h"
#include "runner/sandbox/cell/request.h"
#include "runner/sandbox/cell/supervise.h"

namespace peira::cell {
namespace {

// Descriptors of a request, above those that a program gets.
constexpr int kFirstFree = 10;
constexpr int kMostDescriptors = 5;

// Waits for the next request. Returns the number of descriptors; 0 once the host is gone.
int receive(int control, int (&descriptors)[kMostDescriptors]) {
  for (;;) {
    char byte = 0;
    iovec part{&byte, 1};
    alignas(cmsghdr) char ancillary[CMSG_SPACE(sizeof(descriptors))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = ancillary;
    message.msg_controllen = sizeof(ancillary);
    const ssize_t got = ::recvmsg(control, &message, MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return 0;
    // The last program may have ended just before the host told its supervisor to kill it.
    if (byte != kRun) continue;
    const cmsghdr* head = CMSG_FIRSTHDR(&message);
    if (head == nullptr || head->cmsg_type != SCM_RIGHTS) return 0;
    const int count = static_cast<int>((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(descriptors, CMSG_DATA(head), static_cast<std::size_t>(count) * sizeof(int));
    return count;
  }
}

// The process between server and supervisor: unshare() moves a caller's children, not itself, into
// the new pid namespace. Returns only in the program's process.
Program isolate_and_run(int control, const Request& request,
                        const ProgramDescriptors& descriptors) {
  enter_namespaces(control);
  const pid_t supervisor = ::fork();
  if (supervisor < 0) fail(control, "fork", errno);
  if (supervisor == 0) return supervise(control, request, descriptors);
  descriptors.close();
  int status = 0;
  while (::waitpid(supervisor, &status, 0) < 0 && errno == EINTR) {
  }
  ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

}  // namespace

Program serve(int control) {
  Report ready;
  ready.kind = ReportKind::kReady;
  send(control, ready);
  for (;;) {
    int received[kMostDescriptors];
    const int count = receive(control, received);
    if (count < 4) ::_exit(0);
    int high[kMostDescriptors];
    for (int i = 0; i < count; ++i) {
      high[i] = ::fcntl(received[i], F_DUPFD_CLOEXEC, kFirstFree);
      ::close(received[i]);
    }
    const ProgramDescriptors descriptors{high[1], high[2], high[3], count > 4 ? high[4] : -1};
    const pid_t child = ::fork();
    if (child == 0) {
      const Request request = map_request(control, high[0]);
      return isolate_and_run(control, request, descriptors);
    }
    ::close(high[0]);
    descriptors.close();
    int status = 0;
    while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child < 0 || status != 0) {
      Report failed;
      failed.kind = ReportKind::kSetupFailed;
      failed.error = child < 0 ? EAGAIN : 0;
      std::snprintf(failed.text, sizeof(failed.text), "supervisor ended with status %d", status);
      send(control, failed);
    }
  }
}

}  // namespace peira::cell

namespace {
peira::cell::Program g_program;  // set once, in the program's process, before anything else runs
}

extern "C" int peira_cell_serve(int control) {
  g_program = peira::cell::serve(control);
  return 0;
}

extern "C" const char* peira_cell_argument(int index) { return g_program.arguments[index]; }

extern "C" void peira_cell_started() {
  ::close(g_program.start_pipe);
  g_program.start_pipe = -1;
}
