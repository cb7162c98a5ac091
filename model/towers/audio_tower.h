// The audio tower of Qwen3-Omni: log-mel frames of a sound to embeddings of the decoder's width, 13
// a second. Three convolutions in chunks of a second, then an encoder whose rows see their window
// of seconds.
// source  transformers models/qwen3_omni_moe (Qwen3OmniMoeAudioEncoder); arXiv:2509.17765.
#pragma once

#include <vector>

#include "model/backend/backend.h"
#include "model/config.h"
#include "model/towers/encoder_layer.h"
#include "model/towers/media_encoder.h"

namespace peira::model {

// D d_model, C downsample_hidden_size, F rows of the mel bands after three halvings, all of the
// tower; H the decoder's hidden_size.
//
// Convolutions are products with their kernels laid flat, of 3 x 3 neighbours: band by frame, and
// inside of each the channels.
struct AudioWeights {
  Weight conv1;                                        // [C, 9]
  Weight conv2, conv3;                                 // [C, 9 * C]
  ConstTensorView conv1_bias, conv2_bias, conv3_bias;  // [C]
  Weight conv_out;                                     // [D, F * C]: band, then channel
  std::vector<EncoderLayerWeights> layers;             // [encoder_layers]
  ConstTensorView ln_post_weight, ln_post_bias;        // [D]
  Weight proj1;                                        // [D, D]
  ConstTensorView proj1_bias;                          // [D]
  Weight proj2;                                        // [H, D]
  ConstTensorView proj2_bias;                          // [H]
};

class AudioTower final : public MediaEncoder {
 public:
  // weights  in host memory, which they do not need afterwards where the backend copies.
  AudioTower(Backend& backend, const ModelConfig& config, AudioWeights weights);

  bool takes(Modality modality) const override { return modality == Modality::kAudio; }
  std::vector<PlaceholderRun> runs(const Medium& medium) const override;
  // A sound alone: transformers pads the last chunk of a sound to a whole one only where a chunk of
  // the same call is whole, so that there a sound shorter than a second depends on its company.
  EncodedMedium encode(const Medium& medium) override;

  // Bytes of device memory that encode() takes for so many frames, its result included.
  static std::int64_t working_bytes(const ModelConfig& config, std::int64_t num_frames);

 private:
  struct Stem;
  void check(const Medium& medium) const;
  // The chunk of `width` frames from `first`, of which there are `num_frames`: its tokens into
  // `out` [tokens, D].
  void convolve(const Medium& medium, std::int64_t first, std::int64_t num_frames, Stem& stem,
                const TensorView& out);

  Backend& backend_;
  const AudioConfig& config_;
  std::int32_t token_;
  int out_size_;
  AudioWeights weights_;
  Tensor positions_;  // [kTokensPerAudioChunk, D]
};

}  // namespace peira::model
