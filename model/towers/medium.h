// One picture, video or sound as an encoder reads it: decoded and cut by whoever made it
// (model/media for files), numbers here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "model/media/buffer.h"

namespace peira::model {

enum class Modality : std::uint8_t { kImage, kVideo, kAudio };

// "image", "video", "audio".
const char* name_of(Modality modality);

// kImage, kVideo  features [grid_t * grid_h * grid_w, channels * temporal_patch_size *
// patch_size^2],
//                 rows in the order of VisionFeatures (model/media/image_features.h).
// kAudio          features [num_mel_bins, grid_t]: log-mel frames.
//
// A kVideo may carry its soundtrack, a kAudio: its tokens then stand among the video's, by time.
struct Medium {
  Modality modality = Modality::kImage;
  std::int32_t grid_t = 0;  // audio: frames
  std::int32_t grid_h = 1;
  std::int32_t grid_w = 1;
  // Seconds from one temporal patch to the next, for models whose positions follow the clock; else
  // 0.
  double seconds_per_grid = 0;
  Buffer<float> features = {};
  std::shared_ptr<const Medium> sound = nullptr;
  std::string name = {};  // in errors: a path, or a sample and its part
  // Names all above but the name: equal for equal media only, a SHA-256 of them, say. Not empty. It
  // is the key under which a medium's embeddings and cached keys and values are found again.
  std::string digest = {};
};

}  // namespace peira::model
