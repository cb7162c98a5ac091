#include "model/media/pdf.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <utility>

#include "base/error.h"
#include "model/media/pdf_renderer.h"

namespace peira::model {

namespace {

using Clock = std::chrono::steady_clock;

// What the drawing process writes: a head, then as many bytes as it says.
struct Head {
  enum Kind : std::int32_t { kPage = 1, kError, kUnavailable, kEnd };
  std::int32_t kind;
  std::int32_t width, height;  // of a page
  std::int32_t size;           // of an error's text
};

constexpr std::size_t kMostErrorBytes = 4096;

void write_all(int file, const void* data, std::size_t size) {
  const char* from = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(file, from, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) ::_exit(1);  // nobody reads any more
    from += written;
    size -= static_cast<std::size_t>(written);
  }
}

void write_error(int file, Head::Kind kind, const char* text) {
  const std::size_t size = std::min(std::strlen(text), kMostErrorBytes);
  const Head head{kind, 0, 0, static_cast<std::int32_t>(size)};
  write_all(file, &head, sizeof head);
  write_all(file, text, size);
}

void limit(int resource, rlim_t value) {
  rlimit limits{value, value};
  rlimit before{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &before) == 0 &&
      before.rlim_max < value) {
    limits = {before.rlim_max, before.rlim_max};
  }
  ::setrlimit(static_cast<__rlimit_resource>(resource), &limits);
}

// Bytes of addresses that this process has taken.
rlim_t addresses_held() {
  unsigned long pages = 0;
  if (std::FILE* const file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%lu", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return static_cast<rlim_t>(pages) * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

// The drawing process. Returns never.
[[noreturn]] void draw(int out, std::string_view bytes, const std::string& name, PageRange range,
                       const PdfOptions& options) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_DFL);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_AS, addresses_held() + static_cast<rlim_t>(options.memory_bytes));
  const int silent = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (silent >= 0) ::dup2(silent, STDERR_FILENO);
  try {
    draw_pdf(bytes, name, range, options, [&](const RgbImage& image) {
      const Head head{Head::kPage, image.width, image.height, 0};
      write_all(out, &head, sizeof head);
      write_all(out, image.pixels.data(), image.pixels.size());
    });
    const Head head{Head::kEnd, 0, 0, 0};
    write_all(out, &head, sizeof head);
  } catch (const Error& error) {
    const bool is_data = error.code() == ErrorCode::kData;
    write_error(out, is_data ? Head::kError : Head::kUnavailable, error.what());
  } catch (const std::bad_alloc&) {
    const std::string text = name + ": the page needs more memory than the " +
                             std::to_string(options.memory_bytes >> 20U) + " MiB allowed";
    write_error(out, Head::kError, text.c_str());
  } catch (const std::exception& error) {
    const std::string text = name + ": the page cannot be drawn: " + error.what();
    write_error(out, Head::kError, text.c_str());
  }
  ::_exit(0);
}

// The drawing process as seen from here: ends with this object.
class Drawer {
 public:
  Drawer(std::string_view bytes, const std::string& name, PageRange range,
         const PdfOptions& options)
      : name_(name), options_(options) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail_to_start();
    process_ = ::fork();
    if (process_ == 0) {
      ::close(ends[0]);
      draw(ends[1], bytes, name, range, options);
    }
    ::close(ends[1]);
    file_ = ends[0];
    if (process_ < 0) fail_to_start();
    deadline_ = Clock::now() + options.time_limit;
  }
  ~Drawer() {
    if (file_ >= 0) ::close(file_);
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  }
  Drawer(const Drawer&) = delete;
  Drawer& operator=(const Drawer&) = delete;

  // The next page; empty at the end.
  std::optional<RgbImage> next() {
    Head head{};
    read(&head, sizeof head);
    if (head.kind == Head::kEnd) return std::nullopt;
    if (head.kind == Head::kError || head.kind == Head::kUnavailable) {
      if (head.size < 0 || static_cast<std::size_t>(head.size) > kMostErrorBytes) broke();
      std::string text(static_cast<std::size_t>(head.size), ' ');
      read(text.data(), text.size());
      throw Error(head.kind == Head::kError ? ErrorCode::kData : ErrorCode::kUnavailable, text);
    }
    // Trusted no more than the file: a picture of the size that was allowed, and a row more each
    // way for rounding.
    if (head.kind != Head::kPage || head.width < 1 || head.height < 1) broke();
    const std::int64_t pixels = std::int64_t{head.width} * head.height;
    if (pixels > options_.max_pixels + head.width + std::int64_t{head.height} + 1) broke();
    RgbImage page;
    page.width = head.width;
    page.height = head.height;
    page.pixels.resize(static_cast<std::size_t>(pixels) * 3);
    read(page.pixels.data(), page.pixels.size());
    deadline_ = Clock::now() + options_.time_limit;
    return page;
  }

 private:
  [[noreturn]] void fail_to_start() const {
    throw Error(ErrorCode::kUnavailable, name_ +
                                             ": no process for reading PDF files can be "
                                             "started: " +
                                             std::strerror(errno));
  }

  void read(void* data, std::size_t size) {
    char* to = static_cast<char*>(data);
    while (size > 0) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
      pollfd wanted{file_, POLLIN, 0};
      const int ready =
          left <= 0 ? 0
                    : ::poll(&wanted, 1, static_cast<int>(std::min<std::int64_t>(left, INT_MAX)));
      if (ready < 0 && errno == EINTR) continue;
      if (ready == 0) {
        throw Error(ErrorCode::kData, name_ + ": a page took longer than the " +
                                          std::to_string(options_.time_limit.count()) +
                                          " ms allowed");
      }
      const ssize_t got = ::read(file_, to, size);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) broke();
      to += got;
      size -= static_cast<std::size_t>(got);
    }
  }

  // The process went away, or wrote what it never should.
  [[noreturn]] void broke() const {
    throw Error(ErrorCode::kData,
                name_ + ": the PDF file broke its reader, or needs more than the " +
                    std::to_string(options_.memory_bytes >> 20U) + " MiB allowed");
  }

  std::string name_;
  PdfOptions options_;
  pid_t process_ = -1;
  int file_ = -1;
  Clock::time_point deadline_;
};

}  // namespace

bool is_pdf(std::string_view bytes) { return bytes.starts_with("%PDF-"); }

void read_pdf(std::string_view bytes, const std::string& name, PageRange range,
              const PdfOptions& options, const std::function<void(RgbImage)>& take) {
  if (!is_pdf(bytes)) throw Error(ErrorCode::kData, name + ": no PDF file");
  require_pdf_renderer(name);
  Drawer drawer(bytes, name, range, options);
  while (std::optional<RgbImage> page = drawer.next()) take(std::move(*page));
}

}  // namespace peira::model
