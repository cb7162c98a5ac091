#include "runner/monitor/alert_sinks.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/error.h"
#include "runner/durations.h"
#include "runner/nightly/notify.h"

namespace peira::runner {
namespace {

void append_line(const std::string& file, const std::string& line) {
  if (file.empty()) {
    std::fprintf(stderr, "%s\n", line.c_str());
    return;
  }
  // Opened each time: the file may be rotated meanwhile.
  std::FILE* const out = std::fopen(file.c_str(), "a");
  if (out == nullptr) throw system_error(file, errno);
  const bool written = std::fprintf(out, "%s\n", line.c_str()) > 0;
  if (std::fclose(out) != 0 || !written) throw system_error(file, errno);
}

}  // namespace

std::string alert_line(const AlertEvent& event) {
  return utc_text_of(event.at_ms) + (event.has_fired ? " ALERT " : " resolved ") + event.rule +
         ": " + event.text;
}

OrderedJson alert_json(const AlertEvent& event) {
  return {{"event", event.has_fired ? "fired" : "resolved"},
          {"rule", event.rule},
          {"metric", event.metric},
          {"at", utc_text_of(event.at_ms)},
          {"filter", event.filter},
          {"text", event.text}};
}

struct AlertSinks::Webhook {
  Webhook(AlertSink given, const AlertSinksOptions& how) : sink(std::move(given)), options(how) {
    if (sink.url.starts_with("env:")) {
      const std::string name = sink.url.substr(4);
      const char* const value = std::getenv(name.c_str());
      if (value == nullptr || *value == '\0') {
        throw Error(ErrorCode::kUnavailable,
                    "the variable " + name + ", which a webhook's address is in, is not set");
      }
      sink.url = value;
    }
    thread = std::thread([this] { run(); });
  }
  ~Webhook() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
      deadline = std::chrono::steady_clock::now() + options.patience;
    }
    changed.notify_all();
    thread.join();
  }
  Webhook(const Webhook&) = delete;
  Webhook& operator=(const Webhook&) = delete;

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [&] { return stopping || !waiting.empty(); });
      if (waiting.empty()) return;
      const std::string body = waiting.front();
      waiting.pop_front();
      deliver(body, lock);
    }
  }

  // With the lock released while it posts.
  void deliver(const std::string& body, std::unique_lock<std::mutex>& lock) {
    std::chrono::milliseconds wait = options.first_wait;
    std::string failure;
    for (int attempt = 0; attempt <= sink.retries; ++attempt, wait *= 2) {
      if (attempt > 0) {
        const auto until = std::chrono::steady_clock::now() + wait;
        changed.wait_until(lock, until, [&] { return stopping; });
      }
      std::chrono::milliseconds limit(sink.timeout_ms);
      if (stopping) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (left <= std::chrono::milliseconds(0)) {
          if (failure.empty()) failure = "no time was left";
          break;
        }
        limit = std::min(limit, left);
      }
      lock.unlock();
      try {
        post_json(sink.url, body, std::chrono::ceil<std::chrono::seconds>(limit));
        lock.lock();
        return;
      } catch (const Error& error) {
        failure = error.what();
      }
      lock.lock();
    }
    ++num_undelivered;
    const std::string note = "alert not delivered: " + failure;
    lock.unlock();
    if (options.on_note) {
      options.on_note(note);
    } else {
      std::fprintf(stderr, "%s\n", note.c_str());
    }
    lock.lock();
  }

  AlertSink sink;
  AlertSinksOptions options;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> waiting;
  bool stopping = false;
  std::chrono::steady_clock::time_point deadline;
  int num_undelivered = 0;
  std::thread thread;
};

AlertSinks::AlertSinks(const std::vector<AlertSink>& sinks, AlertSinksOptions options)
    : options_(std::move(options)) {
  for (const AlertSink& sink : sinks) {
    if (sink.kind == AlertSink::Kind::kWebhook) {
      webhooks_.push_back(std::make_unique<Webhook>(sink, options_));
      continue;
    }
    if (!sink.file.empty()) {
      // Told now that it cannot be written, not when the first alert is lost.
      std::FILE* const file = std::fopen(sink.file.c_str(), "a");
      if (file == nullptr) throw system_error(sink.file, errno);
      std::fclose(file);
    }
    files_.push_back(sink.file);
  }
}

AlertSinks::~AlertSinks() = default;

void AlertSinks::send(const AlertEvent& event) {
  for (const std::string& file : files_) {
    try {
      append_line(file, alert_line(event));
    } catch (const Error& error) {
      // The alert itself still goes where somebody may see it.
      std::fprintf(stderr, "%s\n%s\n", error.what(), alert_line(event).c_str());
    }
  }
  // Kept bounded: what a webhook that is down for days misses is in the store.
  constexpr std::size_t kMostWaiting = 1000;
  const std::string body = dump_json(alert_json(event)) + "\n";
  for (const std::unique_ptr<Webhook>& webhook : webhooks_) {
    const std::lock_guard lock(webhook->mutex);
    if (webhook->waiting.size() >= kMostWaiting) {
      webhook->waiting.pop_front();
      ++webhook->num_undelivered;
    }
    webhook->waiting.push_back(body);
    webhook->changed.notify_all();
  }
}

int AlertSinks::num_undelivered() const {
  int sum = 0;
  for (const std::unique_ptr<Webhook>& webhook : webhooks_) {
    const std::lock_guard lock(webhook->mutex);
    sum += webhook->num_undelivered;
  }
  return sum;
}

}  // namespace peira::runner
