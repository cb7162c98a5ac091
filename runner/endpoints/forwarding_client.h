// A model client that hands everything on to another: what wraps one overrides what it watches.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runner/endpoints/model_client.h"

namespace peira::runner {

// threads: as ModelClient.
class ForwardingClient : public ModelClient {
 public:
  // inner  must outlive it.
  explicit ForwardingClient(ModelClient& inner) : inner_(inner) {}

  std::string name() const override { return inner_.name(); }
  Json identity() const override { return inner_.identity(); }
  std::vector<std::string> notes() const override { return inner_.notes(); }
  int preferred_in_flight() const override { return inner_.preferred_in_flight(); }
  model::SamplingParams default_sampling() const override { return inner_.default_sampling(); }
  void prepare(const ResponseFormat& format) override { inner_.prepare(format); }
  std::string opening_date() const override { return inner_.opening_date(); }
  void set_date(const std::string& date) override { inner_.set_date(date); }
  Json video_settings() const override { return inner_.video_settings(); }
  std::optional<std::vector<std::int64_t>> frames_shown(std::int64_t total,
                                                        double fps) const override {
    return inner_.frames_shown(total, fps);
  }
  std::int64_t submit(ModelRequest request) override { return inner_.submit(std::move(request)); }
  std::vector<Finished> poll() override { return inner_.poll(); }
  void cancel(std::int64_t ticket) override { inner_.cancel(ticket); }

 protected:
  ModelClient& inner_;
};

}  // namespace peira::runner
