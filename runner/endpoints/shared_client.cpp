#include "runner/endpoints/shared_client.h"

#include <algorithm>
#include <string>
#include <utility>

namespace peira::runner {

class SharedClient::Share : public ModelClient {
 public:
  Share(SharedClient& owner, std::size_t index) : owner_(owner), index_(index) {}

  std::string name() const override { return owner_.model_.name(); }
  Json identity() const override { return owner_.model_.identity(); }
  std::vector<std::string> notes() const override { return owner_.model_.notes(); }
  int preferred_in_flight() const override {
    return std::max(1, owner_.model_.preferred_in_flight() / static_cast<int>(kShares));
  }
  model::SamplingParams default_sampling() const override {
    return owner_.model_.default_sampling();
  }
  void prepare(const ResponseFormat& format) override { owner_.model_.prepare(format); }

  std::string opening_date() const override { return owner_.model_.opening_date(); }
  void set_date(const std::string& date) override { owner_.model_.set_date(date); }

  std::int64_t submit(ModelRequest request) override {
    const std::int64_t ticket = owner_.model_.submit(std::move(request));
    owner_.owners_[ticket] = index_;
    return ticket;
  }
  std::vector<Finished> poll() override {
    // What the other's turn brought in comes first, without waiting for more.
    if (owner_.finished_[index_].empty()) owner_.poll();
    return std::exchange(owner_.finished_[index_], {});
  }
  void cancel(std::int64_t ticket) override { owner_.model_.cancel(ticket); }

 private:
  SharedClient& owner_;
  std::size_t index_;
};

SharedClient::SharedClient(ModelClient& model) : model_(model) {
  for (std::size_t i = 0; i < kShares; ++i) shares_[i] = std::make_unique<Share>(*this, i);
}

SharedClient::~SharedClient() = default;

void SharedClient::poll() {
  for (ModelClient::Finished& finished : model_.poll()) {
    const auto found = owners_.find(finished.ticket);
    if (found == owners_.end()) continue;
    finished_[found->second].push_back(std::move(finished));
    owners_.erase(found);
  }
}

}  // namespace peira::runner
