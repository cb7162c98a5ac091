#include "runner/sandbox/program_streams.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/error.h"

namespace peira::runner {
namespace {

// write() to a pipe without readers raises SIGPIPE; here it is an ordinary failure, whatever the
// process has made of the signal.
class NoSigpipe {
 public:
  NoSigpipe() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigpipe() {
    const timespec none{0, 0};
    if (!was_pending_) {
      while (::sigtimedwait(&pipe_, nullptr, &none) < 0 && errno == EINTR) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t pipe_;
  sigset_t before_;
  bool was_pending_ = false;
};

void set_nonblocking(const Descriptor& descriptor) {
  if (descriptor.is_open()) ::fcntl(descriptor.get(), F_SETFL, O_NONBLOCK);
}

}  // namespace

Pipe open_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error("sandbox: pipe", errno);
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

Descriptor file_in_memory(const char* name, const void* bytes, std::size_t size) {
  const Descriptor file(::memfd_create(name, MFD_CLOEXEC));
  if (!file.is_open()) throw system_error("sandbox: memfd_create", errno);
  const auto* at = static_cast<const char*>(bytes);
  for (std::size_t done = 0; done < size;) {
    const ssize_t written = ::write(file.get(), at + done, size - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw system_error("sandbox: memfd", errno);
    done += static_cast<std::size_t>(written);
  }
  // A file open for writing cannot be executed (ETXTBSY).
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  Descriptor readable(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!readable.is_open()) throw system_error("sandbox: " + path, errno);
  return readable;
}

ProgramStreams::ProgramStreams(Descriptor to, const std::string& input, CapturedStream out,
                               CapturedStream err, CapturedStream result, std::int64_t output_bytes)
    : to_(std::move(to)),
      input_(input),
      streams_{std::move(out), std::move(err), std::move(result)},
      output_bytes_(output_bytes) {
  set_nonblocking(to_);
  for (const CapturedStream& stream : streams_) set_nonblocking(stream.from);
  if (input_.empty()) to_.reset();
}

ProgramStreams::Stop ProgramStreams::pump(int event, std::chrono::steady_clock::time_point until) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return Stop::kTime;
    // poll() skips negative descriptors.
    pollfd events[5] = {{event, POLLIN, 0},
                        {to_.get(), POLLOUT, 0},
                        {streams_[0].from.get(), POLLIN, 0},
                        {streams_[1].from.get(), POLLIN, 0},
                        {streams_[2].from.get(), POLLIN, 0}};
    const int timeout = static_cast<int>(std::min<std::int64_t>(left.count(), 60'000));
    if (::poll(events, 5, timeout) < 0 && errno != EINTR)
      throw system_error("sandbox: poll", errno);
    if (events[1].revents != 0) write_some();
    bool over_now = false;
    for (int i = 0; i < 3; ++i) {
      if (events[2 + i].revents != 0 && read_some(streams_[i])) over_now = true;
    }
    if (over_now && !std::exchange(over_, true)) return Stop::kOutputLimit;
    if (events[0].revents != 0) return Stop::kEvent;
  }
}

bool ProgramStreams::read_some(CapturedStream& stream) {
  char buffer[65536];
  const ssize_t got = ::read(stream.from.get(), buffer, sizeof(buffer));
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got <= 0) {
    stream.from.reset();
    return false;
  }
  const auto room = static_cast<std::size_t>(output_bytes_) - stream.into->size();
  stream.into->append(buffer, std::min(room, static_cast<std::size_t>(got)));
  return static_cast<std::size_t>(got) > room;
}

void ProgramStreams::write_some() {
  const NoSigpipe no_sigpipe;
  const ssize_t put = ::write(to_.get(), input_.data() + written_, input_.size() - written_);
  if (put < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (put > 0) written_ += static_cast<std::size_t>(put);
  // Done, or the program has closed its stdin: what it does not read is its own affair.
  if (put <= 0 || written_ == input_.size()) to_.reset();
}

bool ProgramStreams::drain() {
  to_.reset();
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (std::any_of(std::begin(streams_), std::end(streams_),
                     [](const CapturedStream& stream) { return stream.from.is_open(); })) {
    // No event to wait for: the streams' own ends are.
    pollfd events[3];
    for (int i = 0; i < 3; ++i) events[i] = {streams_[i].from.get(), POLLIN, 0};
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) break;
    ::poll(events, 3, static_cast<int>(left.count()));
    for (int i = 0; i < 3; ++i) {
      if (events[i].revents != 0 && read_some(streams_[i])) over_ = true;
    }
  }
  return over_;
}

}  // namespace peira::runner
