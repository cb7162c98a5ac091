#include "runner/endpoints/shared_client.h"

#include <algorithm>
#include <string>
#include <utility>

#include "runner/endpoints/forwarding_client.h"

namespace peira::runner {

class SharedClient::Share : public ForwardingClient {
 public:
  Share(SharedClient& owner, std::size_t index)
      : ForwardingClient(owner.model_), owner_(owner), index_(index) {}

  int preferred_in_flight() const override {
    return std::max(1, inner_.preferred_in_flight() / static_cast<int>(kShares));
  }
  std::int64_t submit(ModelRequest request) override {
    const std::int64_t ticket = inner_.submit(std::move(request));
    owner_.owners_[ticket] = index_;
    return ticket;
  }
  std::vector<Finished> poll() override {
    // What the other's turn brought in comes first, without waiting for more.
    if (owner_.finished_[index_].empty()) owner_.poll();
    return std::exchange(owner_.finished_[index_], {});
  }

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
