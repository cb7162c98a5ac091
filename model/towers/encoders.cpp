#include "model/towers/encoders.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "model/towers/interleaved.h"

namespace peira::model {

MediaEncoders::MediaEncoders(Backend& backend, const ModelConfig& config, TowerWeights weights,
                             std::int64_t max_kept_bytes)
    : backend_(backend), max_kept_bytes_(max_kept_bytes) {
  if (weights.vision) {
    encoders_.push_back(std::make_unique<VisionTower>(backend, config, std::move(*weights.vision)));
  }
  if (weights.audio) {
    encoders_.push_back(std::make_unique<AudioTower>(backend, config, std::move(*weights.audio)));
  }
}

MediaEncoder* MediaEncoders::find(Modality modality) const {
  for (const auto& encoder : encoders_) {
    if (encoder->takes(modality)) return encoder.get();
  }
  return nullptr;
}

bool MediaEncoders::takes(Modality modality) const { return find(modality) != nullptr; }

std::vector<PlaceholderRun> MediaEncoders::runs(const Medium& medium) const {
  const MediaEncoder* const encoder = find(medium.modality);
  if (encoder == nullptr) {
    throw Error(ErrorCode::kUsage, medium.name + ": this model has no tower for " +
                                       name_of(medium.modality) + " input");
  }
  if (medium.sound == nullptr) return encoder->runs(medium);
  return interleaved(encoder->runs(medium), runs(*medium.sound), medium.name);
}

std::shared_ptr<const EncodedMedium> MediaEncoders::encode(const Medium& medium) {
  if (const auto found = by_digest_.find(medium.digest); found != by_digest_.end()) {
    ++counts_.num_reused;
    kept_.splice(kept_.begin(), kept_, found->second);
    return found->second->medium;
  }
  MediaEncoder* const encoder = find(medium.modality);
  if (encoder == nullptr) throw Error(ErrorCode::kInternal, "a medium that no tower takes");
  if (medium.sound == nullptr) {
    ++counts_.num_encoded;
    return keep(medium.digest, encoder->encode(medium));
  }
  const std::shared_ptr<const EncodedMedium> sound = encode(*medium.sound);
  ++counts_.num_encoded;
  return keep(medium.digest, joined(backend_, encoder->encode(medium), *sound, runs(medium),
                                    encoder->runs(medium).front().token));
}

std::shared_ptr<const EncodedMedium> MediaEncoders::keep(const std::string& digest,
                                                         EncodedMedium made) {
  auto encoded = std::make_shared<const EncodedMedium>(std::move(made));
  if (encoded->num_bytes() > max_kept_bytes_) return encoded;
  kept_.push_front({digest, encoded});
  by_digest_.emplace(digest, kept_.begin());
  kept_bytes_ += encoded->num_bytes();
  while (kept_bytes_ > max_kept_bytes_) {
    kept_bytes_ -= kept_.back().medium->num_bytes();
    by_digest_.erase(kept_.back().digest);
    kept_.pop_back();
  }
  return encoded;
}

PromptMedia place_media(std::span<const std::int32_t> tokens,
                        std::span<const std::shared_ptr<const Medium>> media,
                        const MediaTokens& ids, const MediaEncoders& encoders) {
  const auto is_placeholder = [&](std::int32_t token) {
    return token >= 0 && (token == ids.image_token_id || token == ids.video_token_id ||
                          token == ids.audio_token_id);
  };
  PromptMedia out;
  out.positions.reserve(tokens.size());
  float next = 0;
  std::size_t at = 0;
  // Text up to the next placeholder.
  const auto skip_text = [&] {
    for (; at < tokens.size() && !is_placeholder(tokens[at]); ++at) {
      out.positions.push_back({next, next, next});
      next += 1;
    }
  };
  for (std::size_t m = 0; m < media.size(); ++m) {
    const Medium& medium = *media[m];
    if (medium.digest.empty()) throw Error(ErrorCode::kInternal, medium.name + ": no digest");
    std::int64_t first_embedding = 0;
    for (const PlaceholderRun& run : encoders.runs(medium)) {
      skip_text();
      std::size_t end = at;
      while (end < tokens.size() && end - at < run.positions.size() && tokens[end] == run.token) {
        ++end;
      }
      if (end - at < run.positions.size()) {
        throw Error(ErrorCode::kUsage,
                    medium.name + ": needs " + std::to_string(run.positions.size()) +
                        " placeholders of id " + std::to_string(run.token) + " at position " +
                        std::to_string(at) + " of the prompt, where " + std::to_string(end - at) +
                        " stand");
      }
      out.spans.push_back(
          {m, static_cast<std::int64_t>(at), static_cast<std::int64_t>(end - at), first_embedding});
      first_embedding += static_cast<std::int64_t>(end - at);
      for (const AxisPosition& position : run.positions) {
        out.positions.push_back({next + position[0], next + position[1], next + position[2]});
      }
      next += run.advance;
      at = end;
    }
  }
  skip_text();
  if (at < tokens.size()) {
    throw Error(ErrorCode::kUsage, "the prompt has a placeholder (id " +
                                       std::to_string(tokens[at]) + ") at position " +
                                       std::to_string(at) + " behind those of its " +
                                       std::to_string(media.size()) + " media");
  }
  out.delta = next - static_cast<float>(tokens.size());
  return out;
}

}  // namespace peira::model
