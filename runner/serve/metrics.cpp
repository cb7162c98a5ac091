#include "runner/serve/metrics.h"

#include <algorithm>
#include <cstdio>

namespace peira::runner {
namespace {

std::string number(double value) {
  char text[32];
  const int size = std::snprintf(text, sizeof text, "%.17g", value);
  return {text, static_cast<std::size_t>(size)};
}

void write_head(const std::string& name, const std::string& help, const std::string& type,
                std::string& out) {
  out += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
}

}  // namespace

void ServerMetrics::Histogram::add(double value) {
  const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), value) - kBounds.begin();
  ++counts[static_cast<std::size_t>(bucket)];
  sum += value;
}

void ServerMetrics::Histogram::write(const std::string& name, const std::string& help,
                                     std::string& out) const {
  write_head(name, help, "histogram", out);
  std::int64_t total = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    const std::string bound = i < kBounds.size() ? number(kBounds[i]) : "+Inf";
    out += name + "_bucket{le=\"" + bound + "\"} " + std::to_string(total) + "\n";
  }
  out += name + "_sum " + number(sum) + "\n";
  out += name + "_count " + std::to_string(total) + "\n";
}

void ServerMetrics::record(const ServedRequest& request) {
  const std::lock_guard lock(mutex_);
  ++requests_[{request.api, request.status}];
  prompt_tokens_ += request.prompt_tokens;
  cached_tokens_ += request.cached_tokens;
  completion_tokens_ += request.completion_tokens;
  if (request.outcome != "ok") return;
  queue_.add(request.queue_s.value_or(0));
  first_token_.add(request.first_token_s.value_or(0));
  total_.add(request.total_s);
}

void ServerMetrics::watch_drops(std::function<std::int64_t()> num_dropped) {
  const std::lock_guard lock(mutex_);
  num_dropped_ = std::move(num_dropped);
}

std::string ServerMetrics::text(int running, int waiting) const {
  const std::lock_guard lock(mutex_);
  std::string out;
  write_head("peira_requests_total", "Requests that ended, by protocol and HTTP status.", "counter",
             out);
  for (const auto& [key, count] : requests_) {
    out += "peira_requests_total{api=\"" + key.first + "\",status=\"" + std::to_string(key.second) +
           "\"} " + std::to_string(count) + "\n";
  }
  const auto single = [&](const std::string& name, const std::string& help, const std::string& type,
                          std::int64_t value) {
    write_head(name, help, type, out);
    out += name + " " + std::to_string(value) + "\n";
  };
  single("peira_prompt_tokens_total", "Tokens of prompts.", "counter", prompt_tokens_);
  single("peira_prompt_cached_tokens_total", "Of those, found in the prefix cache.", "counter",
         cached_tokens_);
  single("peira_completion_tokens_total", "Tokens generated.", "counter", completion_tokens_);
  single("peira_requests_running", "Requests that the engine works on.", "gauge", running);
  single("peira_requests_waiting", "Requests that wait for the engine.", "gauge", waiting);
  if (num_dropped_) {
    single("peira_monitor_dropped_total", "Requests that the monitor had no room for.", "counter",
           num_dropped_());
  }
  queue_.write("peira_queue_seconds", "From arrival to the engine, of answered requests.", out);
  first_token_.write("peira_first_token_seconds",
                     "From arrival to the first token, of answered requests.", out);
  total_.write("peira_request_seconds", "From arrival to the end, of answered requests.", out);
  return out;
}

}  // namespace peira::runner
