// What a checkpoint is and needs, found out without running it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/layers/decoder.h"

namespace peira::model {

struct WeightCount {
  std::int64_t parameters = 0;         // logical ones: scales of quantised weights do not count
  std::int64_t active_parameters = 0;  // those one token passes through
  std::int64_t stored_bytes = 0;
  // With matrices quantised as place_matrix() does it on request. A tied embedding is there twice:
  // its rows are read as stored.
  std::int64_t int8_bytes = 0;
  std::int64_t int4_bytes = 0;
  // Of each of these: tables and vectors, which a backend that maps files reads from there.
  std::int64_t uncopied_bytes = 0;
  // What the matrix of a tied embedding takes once more as a copy, as stored.
  std::int64_t tied_bytes = 0;

  std::int64_t bytes(WeightPrecision precision) const;
  // Of bytes(), what a backend that maps files copies when it lays out every matrix anew.
  std::int64_t copied_bytes(WeightPrecision precision) const;
};

// Counts every weight of the decoder once, tied ones too; of a layer's experts
// num_experts_per_tok are active.
WeightCount count_weights(const ModelConfig& config, const DecoderWeights& weights);

struct Inspection {
  std::optional<ModelConfig> config;
  std::optional<WeightCount> weights;
  std::string config_problem;      // why the configuration cannot be used; empty when it can
  std::string weights_problem;     // why the weights cannot be loaded
  std::vector<std::string> notes;  // what of the checkpoint does not run
};

// Reads the configuration and takes every tensor as loading does, onto no device.
Inspection inspect(const CheckpointFiles& files);

}  // namespace peira::model
