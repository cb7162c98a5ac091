#include "model/media/audio.h"
#include "model/media/processor_json.h"

namespace peira::model {

MelConfig mel_config(std::string_view text, const std::string& where) {
  constexpr std::int64_t kMost = 1 << 20;
  MelConfig config;
  const ProcessorJson json(text, where);
  json.read("sampling_rate", kMost, config.sampling_rate);
  json.read("n_fft", kMost, config.n_fft);
  json.read("hop_length", kMost, config.hop_length);
  json.read("feature_size", kMost, config.feature_size);
  if (config.hop_length > config.n_fft) {
    json.refuse("hop_length is " + std::to_string(config.hop_length) + " but n_fft only " +
                std::to_string(config.n_fft));
  }
  return config;
}

}  // namespace peira::model
