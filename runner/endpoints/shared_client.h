// One model asked by two callers in turn: each gets the answers to its own requests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "runner/endpoints/model_client.h"

namespace peira::runner {

// threads: one at a time, both shares together. The model must outlive it.
class SharedClient {
 public:
  static constexpr std::size_t kShares = 2;

  explicit SharedClient(ModelClient& model);
  ~SharedClient();
  SharedClient(const SharedClient&) = delete;
  SharedClient& operator=(const SharedClient&) = delete;

  // Share 0 or 1: the model, holding half as many requests.
  ModelClient& share(std::size_t index) { return *shares_.at(index); }

 private:
  class Share;
  void poll();

  ModelClient& model_;
  std::array<std::unique_ptr<ModelClient>, kShares> shares_;
  std::unordered_map<std::int64_t, std::size_t> owners_;  // ticket -> share
  std::array<std::vector<ModelClient::Finished>, kShares> finished_;
};

}  // namespace peira::runner
