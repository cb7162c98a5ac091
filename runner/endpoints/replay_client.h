// Responses made elsewhere, replayed as if a model said them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "runner/endpoints/model_client.h"

namespace peira::runner {

// JSON lines {"id": ..., "response": ...} or {"row": ..., "response": ...}; optional "epoch",
// "finish_reason" (default "stop"), "reasoning". Without "epoch" the lines of one sample are its
// epochs in the order of the file. The file stays on disk: only places of lines are kept.
//
// threads: one caller at a time.
class ReplayClient : public ModelClient {
 public:
  // throws Error(kUnavailable): unreadable; Error(kData) "file:line: ...": not such lines, or the
  //        same sample and epoch twice.
  explicit ReplayClient(const std::filesystem::path& path);

  std::string name() const override { return name_; }
  Json identity() const override;
  int preferred_in_flight() const override { return 64; }
  model::SamplingParams default_sampling() const override { return {}; }
  // Stored responses are what they are: a form is taken as the one they were once asked for.
  void prepare(const ResponseFormat&) override {}
  // A sample without a stored response finishes with finish_reason "error".
  std::int64_t submit(ModelRequest request) override;
  std::vector<Finished> poll() override;
  void cancel(std::int64_t) override {}

 private:
  struct Line {
    std::size_t begin, size;
    std::int64_t number;
  };
  using Key = std::pair<std::string, int>;  // "i" + id or "r" + row, epoch

  MappedFile file_;
  std::string path_, name_, digest_;
  std::map<Key, Line> lines_;
  std::int64_t next_ticket_ = 1;
  std::vector<Finished> ready_;
};

}  // namespace peira::runner
