// The towers of a checkpoint on one device, and what they have made so far: a medium that many
// requests show is encoded once.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/backend/backend.h"
#include "model/config.h"
#include "model/towers/media_encoder.h"
#include "model/towers/tower_weights.h"

namespace peira::model {

// How often media were encoded, and how often what was there served again.
struct EncoderCounts {
  std::int64_t num_encoded = 0;
  std::int64_t num_reused = 0;
};

// threads: one at a time.
class MediaEncoders {
 public:
  // weights         of all towers, in host memory; placed here.
  // max_kept_bytes  of embeddings that no request holds; the longest unused go first.
  MediaEncoders(Backend& backend, const ModelConfig& config, TowerWeights weights,
                std::int64_t max_kept_bytes);

  bool takes(Modality modality) const;
  // throws  Error(kUsage): no tower takes this modality, or MediaEncoder::runs().
  std::vector<PlaceholderRun> runs(const Medium& medium) const;
  // throws  as MediaEncoder::encode().
  std::shared_ptr<const EncodedMedium> encode(const Medium& medium);
  const EncoderCounts& counts() const { return counts_; }

 private:
  struct Kept {
    std::string digest;
    std::shared_ptr<const EncodedMedium> medium;
  };
  MediaEncoder* find(Modality modality) const;
  std::shared_ptr<const EncodedMedium> keep(const std::string& digest, EncodedMedium made);

  Backend& backend_;
  std::vector<std::unique_ptr<MediaEncoder>> encoders_;
  std::int64_t max_kept_bytes_;
  std::int64_t kept_bytes_ = 0;
  std::list<Kept> kept_;  // the last used first
  std::map<std::string, std::list<Kept>::iterator> by_digest_;
  EncoderCounts counts_;
};

// Tokens of a prompt whose embeddings a tower makes, one after the other.
struct MediaSpan {
  std::size_t medium = 0;  // of the request's
  std::int64_t first_token = 0;
  std::int64_t num_tokens = 0;
  std::int64_t first_embedding = 0;  // row of EncodedMedium
};

// Where the media of a prompt stand, and what positions its tokens have.
struct PromptMedia {
  std::vector<MediaSpan> spans;         // in order
  std::vector<AxisPosition> positions;  // [prompt]; behind it a token at i has i + delta
  float delta = 0;
};

// tokens  the prompt, placeholders repeated as often as each medium has tokens.
// media   in the order of their placeholders.
// throws  Error(kUsage): placeholders and media disagree (says where, how many stand there and how
//         many the medium has), or no tower takes a medium.
PromptMedia place_media(std::span<const std::int32_t> tokens,
                        std::span<const std::shared_ptr<const Medium>> media,
                        const MediaTokens& ids, const MediaEncoders& encoders);

}  // namespace peira::model
