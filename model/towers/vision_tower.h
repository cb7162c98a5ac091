// The vision tower of Qwen3-VL and Qwen3-Omni: patches of a picture or video to embeddings of the
// decoder's width, one for each merged block of patches, and deepstack features beside them.
// source  transformers models/qwen3_vl (Qwen3VLVisionModel); arXiv:2511.21631.
#pragma once

#include <vector>

#include "model/backend/backend.h"
#include "model/config.h"
#include "model/towers/encoder_layer.h"
#include "model/towers/media_encoder.h"

namespace peira::model {

// D hidden_size, M merge_unit(), both of the tower; H the decoder's hidden_size.

// M patches to one token: norm, two products with a GELU between. The main one norms each patch
// ([D]), those of deepstack what was joined ([M * D]).
struct VisionMergerWeights {
  ConstTensorView norm_weight, norm_bias;
  Weight linear_fc1;                // [M * D, M * D]
  ConstTensorView linear_fc1_bias;  // [M * D]
  Weight linear_fc2;                // [H, M * D]
  ConstTensorView linear_fc2_bias;  // [H]
};

struct VisionWeights {
  Weight patch_embed;                       // [D, patch_features()]: the convolution's kernel
  ConstTensorView patch_embed_bias;         // [D]
  Weight pos_embed;                         // [num_position_embeddings, D]
  std::vector<EncoderLayerWeights> blocks;  // [depth]
  VisionMergerWeights merger;
  std::vector<VisionMergerWeights> deepstack;  // [deepstack_visual_indexes]
};

class VisionTower final : public MediaEncoder {
 public:
  // weights  in host memory, which they do not need afterwards where the backend copies.
  VisionTower(Backend& backend, const ModelConfig& config, VisionWeights weights);

  bool takes(Modality modality) const override;
  std::vector<PlaceholderRun> runs(const Medium& medium) const override;
  EncodedMedium encode(const Medium& medium) override;

  // Bytes of device memory that encode() takes for so many patches, its result included.
  static std::int64_t working_bytes(const ModelConfig& config, std::int64_t num_patches);

 private:
  void check(const Medium& medium) const;
  // The learned position of each patch of a frame, interpolated. [grid_h * grid_w, D]
  std::vector<float> position_embeddings(int grid_h, int grid_w) const;
  // hidden += position, for every frame alike.
  void add_positions(const Medium& medium, const TensorView& hidden);
  void rotary_angles(const Medium& medium, const TensorView& cos_sin);
  Tensor merge(const VisionMergerWeights& weights, bool norms_joined, const TensorView& hidden);

  Backend& backend_;
  const VisionConfig& config_;
  MediaTokens tokens_;
  VideoLayout video_layout_;
  float seconds_to_position_;
  int out_size_;
  VisionWeights weights_;
  std::vector<float> pos_embed_;  // [num_position_embeddings, D], widened
  std::vector<float> inv_freq_;   // [head_dim / 4], twice: for rows, then for columns
  std::vector<std::uint8_t> axes_;
};

}  // namespace peira::model
