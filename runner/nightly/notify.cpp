#include "runner/nightly/notify.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>

#include "base/error.h"

extern char** environ;

namespace peira::runner {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLimit{60};

[[noreturn]] void unavailable(const std::string& message) {
  throw Error(ErrorCode::kUnavailable, message);
}

class Pipe {
 public:
  Pipe() {
    if (pipe2(ends_.data(), O_CLOEXEC) != 0) throw system_error("pipe", errno);
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void close_end(std::size_t which) {
    if (ends_[which] >= 0) close(std::exchange(ends_[which], -1));
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

// Keeps a reader that goes away from ending this process, whatever it does about SIGPIPE.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~WithoutSigpipe() {
    const timespec no_time{};
    if (sigismember(&before_, SIGPIPE) == 0) sigtimedwait(&pipe_, nullptr, &no_time);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

 private:
  sigset_t pipe_{}, before_{};
};

// Writes until all is taken, the reader goes away, or the time is over.
void feed(int file, const std::string& text, Clock::time_point deadline) {
  const WithoutSigpipe quiet;
  fcntl(file, F_SETFL, O_NONBLOCK);
  std::size_t done = 0;
  while (done < text.size() && Clock::now() < deadline) {
    pollfd ready{file, POLLOUT, 0};
    if (poll(&ready, 1, 100) <= 0) continue;
    const ssize_t size = write(file, text.data() + done, text.size() - done);
    if (size > 0) {
      done += static_cast<std::size_t>(size);
    } else if (size < 0 && errno != EAGAIN && errno != EINTR) {
      return;  // it does not read: its exit status says whether that is well
    }
  }
}

std::size_t ignore_body(char*, std::size_t size, std::size_t count, void*) { return size * count; }

std::string host_of(const std::string& url) {
  const std::size_t begin = url.find("://");
  if (begin == std::string::npos) return "the webhook";
  std::string rest = url.substr(begin + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  return "webhook at " + rest.substr(rest.find('@') == std::string::npos ? 0 : rest.find('@') + 1);
}

}  // namespace

void run_command_with_input(const std::vector<std::string>& command, const std::string& input,
                            std::chrono::seconds limit) {
  Pipe pipe;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe.read_end(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A group of its own, so that what it starts ends with it; and SIGPIPE as usual.
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  sigaddset(&defaults, SIGINT);
  sigaddset(&defaults, SIGTERM);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int result =
      posix_spawnp(&child, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (result != 0) unavailable(command.front() + ": " + std::strerror(result));
  pipe.close_end(0);

  const Clock::time_point deadline = Clock::now() + limit;
  feed(pipe.write_end(), input, deadline);
  pipe.close_end(1);
  int status = 0;
  for (;;) {
    const pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child) break;
    if (ended < 0 && errno != EINTR) throw system_error("waitpid", errno);
    if (Clock::now() >= deadline) {
      kill(-child, SIGKILL);
      waitpid(child, &status, 0);
      unavailable(command.front() + ": did not end within " + std::to_string(limit.count()) + " s");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (WIFSIGNALED(status)) {
    unavailable(command.front() + ": ended by signal " + std::to_string(WTERMSIG(status)));
  }
  if (WEXITSTATUS(status) != 0) {
    unavailable(command.front() + ": exit status " + std::to_string(WEXITSTATUS(status)));
  }
}

void post_json(const std::string& url, const std::string& body, std::chrono::seconds limit) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) unavailable("libcurl does not start");
  struct Cleanup {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  const std::unique_ptr<CURL, Cleanup> handle(curl_easy_init());
  if (handle == nullptr) unavailable("libcurl does not start");
  const std::unique_ptr<curl_slist, Cleanup> headers(
      curl_slist_append(nullptr, "Content-Type: application/json"));
  curl_easy_setopt(handle.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDS, body.c_str());
  curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, ignore_body);
  curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT, static_cast<long>(limit.count()));
  curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
  const CURLcode result = curl_easy_perform(handle.get());
  if (result != CURLE_OK) unavailable(host_of(url) + ": " + curl_easy_strerror(result));
  long status = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status < 200 || status > 299) {
    unavailable(host_of(url) + ": answered with status " + std::to_string(status));
  }
}

std::vector<std::string> notify(const NightlyNotify& whom, const Json& night, bool alarm,
                                bool changed) {
  if (whom.on == "alarm" && !alarm) return {};
  if (whom.on == "change" && !changed) return {};
  const std::string text = dump_json(night) + "\n";
  std::vector<std::string> failures;
  const auto attempt = [&](const auto& deed) {
    try {
      deed();
    } catch (const Error& error) {
      failures.push_back(std::string("not notified: ") + error.what());
    }
  };
  if (!whom.command.empty()) {
    attempt([&] { run_command_with_input(whom.command, text, kLimit); });
  }
  if (!whom.webhook.empty()) {
    attempt([&] {
      std::string url = whom.webhook;
      if (url.starts_with("env:")) {
        const char* const value = std::getenv(url.c_str() + 4);
        if (value == nullptr) unavailable("the variable " + url.substr(4) + " is not set");
        url = value;
      }
      post_json(url, text, kLimit);
    });
  }
  return failures;
}

}  // namespace peira::runner
