// Streams of requests that never were, at times of one's choosing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runner/monitor/monitor_store.h"

namespace peira::runner::testing {

constexpr std::int64_t kNoon = 1'795'780'800'000;  // 2026-11-27T12:00:00Z

inline RequestRecord answered(std::int64_t ended_ms, double total_s) {
  RequestRecord request;
  request.id = "chatcmpl-" + std::to_string(ended_ms);
  request.route = "chat";
  request.ended_ms = ended_ms;
  request.total_s = total_s;
  request.queue_s = total_s / 100;
  request.first_token_s = total_s / 10;
  request.status = 200;
  request.prompt_tokens = 20;
  request.cached_tokens = 5;
  request.completion_tokens = 10;
  return request;
}

inline RequestRecord failed(std::int64_t ended_ms, RequestOutcome outcome,
                            const std::string& error_class) {
  RequestRecord request = answered(ended_ms, 0.01);
  request.outcome = outcome;
  request.error_class = error_class;
  request.first_token_s.reset();
  request.prompt_tokens.reset();
  request.cached_tokens.reset();
  request.completion_tokens.reset();
  return request;
}

// A store in which one recorder was alive from `began_ms` to `alive_ms` and wrote `requests`.
inline void record_stream(const std::filesystem::path& path, std::int64_t began_ms,
                          std::int64_t alive_ms, const std::vector<RequestRecord>& requests,
                          const std::string& model = "mini") {
  MonitorStore store(path, MonitorStore::Access::kReadWrite);
  const std::int64_t session = store.begin_session("serve", model, began_ms);
  store.write(session, requests, 0, alive_ms, true);
}

}  // namespace peira::runner::testing
