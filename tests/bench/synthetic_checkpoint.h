// A qwen3_moe checkpoint of any size with random bf16 weights, in memory.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/embedded.h"
#include "base/json.h"
#include "model/checkpoint_files.h"

namespace peira::bench {

class SyntheticCheckpoint {
 public:
  struct Sizes {
    int hidden_size;
    int num_hidden_layers;
    int num_attention_heads;
    int num_key_value_heads;
    int head_dim;
    int num_experts;
    int num_experts_per_tok;
    int moe_intermediate_size;
    int vocab_size;
  };
  explicit SyntheticCheckpoint(const Sizes& sizes);

  // Valid as long as this object.
  model::CheckpointFiles files() const {
    return model::CheckpointFiles::embedded("synthetic", table_);
  }

  // As a folder, which is made. throws Error: it cannot be written.
  void write_to(const std::filesystem::path& folder) const;

 private:
  std::string config_;
  std::vector<std::byte> weights_;
  std::vector<EmbeddedFile> table_;
};

}  // namespace peira::bench
