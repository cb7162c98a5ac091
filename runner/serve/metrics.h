// What a server counts, for Prometheus to read.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "runner/serve/media_parts.h"

namespace peira::runner {

// A served request, as it ended.
struct ServedRequest {
  std::string id;       // as the client was told it
  double began_at = 0;  // seconds since 1970
  std::string api;      // "chat", "completions"
  bool is_streamed = false;
  int status = 200;         // of HTTP; 499: the client went away
  std::string outcome;      // "ok", "client_error", "rejected", "cancelled", "failed"
  std::string error;        // one line, of all but "ok"; may quote what was asked
  std::string error_class;  // the same in a few words that quote nothing: "queue_full"
  double total_s = 0;
  std::optional<double> queue_s, first_token_s;  // empty: it did not come so far
  std::int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  NumMedia media = {};                                                // in the request
  std::int64_t image_tokens = 0, audio_tokens = 0, video_tokens = 0;  // of prompt_tokens
};

// threads: any.
class ServerMetrics {
 public:
  void record(const ServedRequest& request);
  // Requests that the monitor had no room for: told from here on, from zero.
  void watch_drops(std::function<std::int64_t()> num_dropped);
  // In Prometheus' text format. running, waiting: requests at this moment.
  // source  prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4.
  std::string text(int running, int waiting) const;

 private:
  struct Histogram {
    static constexpr std::array<double, 14> kBounds{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
                                                    2.5,  5,     10,   30,  60,   120, 300};
    std::array<std::int64_t, kBounds.size() + 1> counts{};  // the last: beyond all bounds
    double sum = 0;
    void add(double value);
    void write(const std::string& name, const std::string& help, std::string& out) const;
  };
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::int64_t> requests_;  // by api and status
  std::int64_t prompt_tokens_ = 0, cached_tokens_ = 0, completion_tokens_ = 0;
  Histogram queue_, first_token_, total_;
  std::function<std::int64_t()> num_dropped_;
};

}  // namespace peira::runner
