// Sound: from the bytes of a file to mono samples, and from those to the log-mel frames an audio
// tower reads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/media/buffer.h"

namespace peira::model {

// samples  mono, nominally in [-1, 1].
struct AudioClip {
  int sample_rate = 0;
  Buffer<float> samples = {};
  double duration_s() const { return static_cast<double>(samples.size()) / sample_rate; }
};

struct AudioOptions {
  int sample_rate = 16'000;
  // Longer clips are refused while they are decoded, whatever their header says: 10 hours.
  double max_seconds = 36'000;
};

// Decodes the main sound of a file, its own or a video's: anything FFmpeg reads. Channels are
// averaged, then resampled by libswresample.
//
// throws Error(kData): not a media file, no sound in it, no samples, corrupt data, longer than the
// limit.
AudioClip decode_audio(std::string_view bytes, const std::string& name,
                       const AudioOptions& options = {});

// preprocessor_config.json of WhisperFeatureExtractor, under its own names.
struct MelConfig {
  int sampling_rate = 16'000;
  int n_fft = 400;
  int hop_length = 160;
  int feature_size = 128;  // mel bands
};

// The settings of WhisperFeatureExtractor in the text of preprocessor_config.json, which may hold
// those of other processors beside them; absent keys keep the defaults above.
// throws Error(kData), beginning with `where`: no JSON object, or a key is not what it should be.
MelConfig mel_config(std::string_view text, const std::string& where);

// values  [num_bands, num_frames].
struct MelFeatures {
  int num_bands = 0;
  std::int64_t num_frames = 0;
  Buffer<float> values = {};
};

// Log-mel frames of a clip: periodic Hann window, frames centred with reflected ends, power
// spectrum, Slaney mel bands of equal area up to 8 kHz, log10 floored at 1e-10 and at 8 below the
// clip's peak, (x + 4) / 4. The last frame is dropped: num_frames = samples / hop_length.
//
// throws Error(kData): fewer samples than half a window (its reflection is undefined) or than one
// hop. source transformers, models/whisper/feature_extraction_whisper.py, with float64 inside.
MelFeatures log_mel(const AudioClip& clip, const MelConfig& config, const std::string& name);

// Tokens that the Qwen3-Omni audio tower makes of `num_frames` frames: 13 a hundred frames, and
// three halvings, each rounded up, of what is left.
std::int64_t num_audio_tokens(std::int64_t num_frames);

}  // namespace peira::model
