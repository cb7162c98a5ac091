// What config.json says of the towers beside the decoder, under its own field names.
#pragma once

#include <cstdint>
#include <vector>

#include "model/backend/backend.h"

namespace peira::model {

// vision_config of Qwen3-VL and Qwen3-Omni.
struct VisionConfig {
  int depth = 0;
  int hidden_size = 0;
  int intermediate_size = 0;
  int num_heads = 0;
  int in_channels = 3;
  int patch_size = 0;
  int temporal_patch_size = 0;
  int spatial_merge_size = 0;
  int out_hidden_size = 0;                    // the decoder's hidden_size
  int num_position_embeddings = 0;            // a square: as many a side of the learned grid
  std::vector<int> deepstack_visual_indexes;  // blocks whose output goes to decoder layers 0, 1, ..
  Activation hidden_act = Activation::kGeluTanh;
  double rope_theta = 10000;

  int head_dim() const { return hidden_size / num_heads; }
  int merge_unit() const { return spatial_merge_size * spatial_merge_size; }  // patches of a token
  std::int64_t patch_features() const {
    return std::int64_t{in_channels} * temporal_patch_size * patch_size * patch_size;
  }
};

// How a video's placeholders stand in the prompt.
enum class VideoLayout : std::uint8_t {
  kTimestamps,  // a run for each temporal patch, its time written in front (Qwen3-VL)
  kOneBlock,    // one run; positions on the time axis follow the clock (Qwen3-Omni)
};

// Ids of special tokens of media; -1 where the model has none.
struct MediaTokens {
  std::int32_t image_token_id = -1;
  std::int32_t video_token_id = -1;
  std::int32_t audio_token_id = -1;
  std::int32_t vision_start_token_id = -1;
  std::int32_t vision_end_token_id = -1;
};

}  // namespace peira::model
