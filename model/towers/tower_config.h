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

// Tokens that the audio tower makes of a whole chunk of frames.
constexpr std::int64_t kTokensPerAudioChunk = 13;

// audio_config of Qwen3-Omni.
struct AudioConfig {
  int d_model = 0;
  int encoder_layers = 0;
  int encoder_attention_heads = 0;
  int encoder_ffn_dim = 0;
  int num_mel_bins = 0;
  int downsample_hidden_size = 0;
  int n_window = 0;        // half a chunk, in frames
  int n_window_infer = 0;  // frames of a window: its rows see each other
  int output_dim = 0;      // the decoder's hidden_size
  Activation activation_function = Activation::kGelu;

  std::int64_t chunk_frames() const { return 2 * std::int64_t{n_window}; }
  // Rows of the mel bands after the three convolutions.
  std::int64_t downsampled_bands() const { return halved_thrice(num_mel_bins); }
  std::int64_t window_tokens() const {
    return n_window_infer / chunk_frames() * kTokensPerAudioChunk;
  }
  // Three halvings, each rounded up, of every chunk.
  std::int64_t num_tokens(std::int64_t num_frames) const {
    return num_frames / chunk_frames() * kTokensPerAudioChunk +
           halved_thrice(num_frames % chunk_frames());
  }
  static std::int64_t halved_thrice(std::int64_t size) {
    for (int i = 0; i < 3; ++i) size = (size + 1) / 2;
    return size;
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
  std::int32_t audio_start_token_id = -1;
  std::int32_t audio_end_token_id = -1;
};

}  // namespace peira::model
