// Weights of all towers of a checkpoint.
#pragma once

#include <optional>

#include "model/towers/audio_tower.h"
#include "model/towers/vision_tower.h"

namespace peira::model {

// In host memory until MediaEncoders places them.
struct TowerWeights {
  std::optional<VisionWeights> vision;
  std::optional<AudioWeights> audio;
};

}  // namespace peira::model
