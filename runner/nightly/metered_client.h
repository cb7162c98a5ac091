// A model client that counts what it is asked and stops a run when a budget is spent.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runner/endpoints/forwarding_client.h"
#include "runner/nightly/plan.h"

namespace peira::runner {

// What a night has spent, and when that is enough.
class NightMeter {
 public:
  NightMeter(const NightlyBudget& budget, const std::atomic<bool>* interrupt)
      : budget_(budget), interrupt_(interrupt), began_(std::chrono::steady_clock::now()) {}

  // Counts what earlier sittings of the night spent.
  void add_earlier(std::int64_t tokens, double cost, double seconds);
  void add(std::int64_t prompt_tokens, std::int64_t completion_tokens, const NightlyModel& model);

  // Looks at clock and signals; true once the night must stop. Cheap.
  bool must_stop();
  // What the executor watches.
  const std::atomic<bool>& stop() const { return stop_; }

  bool interrupted() const { return interrupt_ != nullptr && interrupt_->load(); }
  // "the token budget (10000) is spent"; "" while it lasts.
  std::string spent() const;

  std::int64_t tokens() const { return tokens_; }
  double cost() const { return cost_; }
  double seconds() const;

 private:
  NightlyBudget budget_;
  const std::atomic<bool>* interrupt_;
  std::chrono::steady_clock::time_point began_;
  std::int64_t tokens_ = 0;
  double cost_ = 0, earlier_s_ = 0;
  std::atomic<bool> stop_{false};
};

// Forwards everything to `inner`, which must outlive it.
// threads: as ModelClient.
class MeteredClient : public ForwardingClient {
 public:
  MeteredClient(ModelClient& inner, const NightlyModel& model, NightMeter& meter)
      : ForwardingClient(inner), model_(model), meter_(meter) {}

  std::int64_t submit(ModelRequest request) override;
  std::vector<Finished> poll() override;

 private:
  const NightlyModel& model_;
  NightMeter& meter_;
};

}  // namespace peira::runner
