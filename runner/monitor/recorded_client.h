// A model client whose requests are recorded: what `peira run` asked of an endpoint.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runner/endpoints/forwarding_client.h"
#include "runner/monitor/request_log.h"

namespace peira::runner {

// Forwards everything to `inner`, which must outlive it as must `log`. Each attempt is a request.
// threads: as ModelClient.
class RecordedClient : public ForwardingClient {
 public:
  RecordedClient(ModelClient& inner, RequestLog& log) : ForwardingClient(inner), log_(log) {}

  std::int64_t submit(ModelRequest request) override;
  std::vector<Finished> poll() override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Flight {
    Clock::time_point began;
    RequestRecord record;  // what is known of it before the answer
  };

  RequestLog& log_;
  std::map<std::int64_t, Flight> flights_;
};

// How a request to an endpoint ended: outcome, HTTP status, class and request id, read from what
// the endpoint's client says of a failure. Quotes none of it but the id.
void take_outcome(const ModelResponse& response, RequestRecord& record);

}  // namespace peira::runner
