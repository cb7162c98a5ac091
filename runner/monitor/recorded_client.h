// A model client whose requests are recorded: what `peira run` asked of an endpoint.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runner/endpoints/model_client.h"
#include "runner/monitor/request_log.h"

namespace peira::runner {

// Forwards everything to `inner`, which must outlive it as must `log`. Each attempt is a request.
// threads: as ModelClient.
class RecordedClient : public ModelClient {
 public:
  RecordedClient(ModelClient& inner, RequestLog& log) : inner_(inner), log_(log) {}

  std::string name() const override { return inner_.name(); }
  Json identity() const override { return inner_.identity(); }
  std::vector<std::string> notes() const override { return inner_.notes(); }
  int preferred_in_flight() const override { return inner_.preferred_in_flight(); }
  model::SamplingParams default_sampling() const override { return inner_.default_sampling(); }
  void prepare(const ResponseFormat& format) override { inner_.prepare(format); }
  std::string opening_date() const override { return inner_.opening_date(); }
  void set_date(const std::string& date) override { inner_.set_date(date); }
  std::int64_t submit(ModelRequest request) override;
  std::vector<Finished> poll() override;
  void cancel(std::int64_t ticket) override { inner_.cancel(ticket); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Flight {
    Clock::time_point began;
    RequestRecord record;  // what is known of it before the answer
  };

  ModelClient& inner_;
  RequestLog& log_;
  std::map<std::int64_t, Flight> flights_;
};

// How a request to an endpoint ended: outcome, HTTP status, class and request id, read from what
// the endpoint's client says of a failure. Quotes none of it but the id.
void take_outcome(const ModelResponse& response, RequestRecord& record);

}  // namespace peira::runner
