// log_mel (audio.h): the Fourier transforms are kissfft's, in float64.
#include <kissfft/kissfft.hh>

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <numbers>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/media/audio.h"

namespace peira::model {

namespace {

// Slaney's scale (Auditory Toolbox, 1998): linear to 1 kHz, logarithmic above.
constexpr double kLinearHz = 200.0 / 3.0;  // a mel
constexpr double kBreakHz = 1000.0;
constexpr double kBreakMel = kBreakHz / kLinearHz;
const double kLogStep = std::log(6.4) / 27.0;

double mel_of(double hertz) {
  return hertz < kBreakHz ? hertz / kLinearHz : kBreakMel + std::log(hertz / kBreakHz) / kLogStep;
}

double hertz_of(double mel) {
  return mel < kBreakMel ? mel * kLinearHz : kBreakHz * std::exp(kLogStep * (mel - kBreakMel));
}

// One band: the bins it reaches and their weights, which the reference keeps in float32.
struct Band {
  int first = 0;
  std::vector<float> weights = {};
};

std::vector<Band> mel_bands(const MelConfig& config) {
  constexpr double kTopHz = 8000;
  const int num_bins = config.n_fft / 2 + 1;
  std::vector<double> edges;
  for (int i = 0; i < config.feature_size + 2; ++i) {
    edges.push_back(hertz_of(mel_of(kTopHz) * i / (config.feature_size + 1)));
  }
  std::vector<Band> bands;
  for (int band = 0; band < config.feature_size; ++band) {
    const auto at = static_cast<std::size_t>(band);
    const double low = edges[at], middle = edges[at + 1], high = edges[at + 2];
    Band made;
    for (int bin = 0; bin < num_bins; ++bin) {
      const double hertz = static_cast<double>(config.sampling_rate / 2) * bin / (num_bins - 1);
      const double weight =
          std::min((hertz - low) / (middle - low), (high - hertz) / (high - middle));
      if (weight <= 0) {
        if (!made.weights.empty()) break;
        continue;
      }
      if (made.weights.empty()) made.first = bin;
      made.weights.push_back(static_cast<float>(weight * 2.0 / (high - low)));
    }
    bands.push_back(std::move(made));
  }
  return bands;
}

// x[i] of the samples mirrored at both ends, the end samples once: numpy's "reflect".
double reflected(const Buffer<float>& samples, std::int64_t index) {
  const auto size = static_cast<std::int64_t>(samples.size());
  if (index < 0) index = -index;
  if (index >= size) index = 2 * (size - 1) - index;
  return samples[static_cast<std::size_t>(index)];
}

}  // namespace

MelFeatures log_mel(const AudioClip& clip, const MelConfig& config, const std::string& name) {
  const auto num_samples = static_cast<std::int64_t>(clip.samples.size());
  const int half = config.n_fft / 2;
  if (num_samples <= half || num_samples < config.hop_length) {
    throw Error(ErrorCode::kData, name + ": sound of " + std::to_string(num_samples) +
                                      " samples at " + std::to_string(clip.sample_rate) +
                                      " Hz: too short, the least is " +
                                      std::to_string(std::max(half + 1, config.hop_length)));
  }
  const std::vector<Band> bands = mel_bands(config);
  std::vector<double> window;
  for (int i = 0; i < config.n_fft; ++i) {
    window.push_back(0.5 - 0.5 * std::cos(2.0 * std::numbers::pi * i / config.n_fft));
  }
  MelFeatures mel;
  mel.num_bands = config.feature_size;
  mel.num_frames = num_samples / config.hop_length;
  mel.values.resize(static_cast<std::size_t>(mel.num_bands * mel.num_frames));

  kissfft<double> transform(static_cast<std::size_t>(half), false);
  std::vector<double> frame(static_cast<std::size_t>(config.n_fft));
  std::vector<std::complex<double>> spectrum(static_cast<std::size_t>(half) + 1);
  std::vector<double> power(static_cast<std::size_t>(half) + 1);
  double peak = -10;
  for (std::int64_t t = 0; t < mel.num_frames; ++t) {
    const std::int64_t start = t * config.hop_length - half;
    for (int i = 0; i < config.n_fft; ++i) {
      frame[static_cast<std::size_t>(i)] =
          window[static_cast<std::size_t>(i)] * reflected(clip.samples, start + i);
    }
    transform.transform_real(frame.data(), spectrum.data());
    // kissfft packs the highest bin, real as the lowest is, into its imaginary part.
    power[0] = spectrum[0].real() * spectrum[0].real();
    power[static_cast<std::size_t>(half)] = spectrum[0].imag() * spectrum[0].imag();
    for (std::size_t bin = 1; bin < static_cast<std::size_t>(half); ++bin)
      power[bin] = std::norm(spectrum[bin]);
    for (int band = 0; band < mel.num_bands; ++band) {
      const Band& weights = bands[static_cast<std::size_t>(band)];
      double sum = 0;
      for (std::size_t i = 0; i < weights.weights.size(); ++i) {
        sum += static_cast<double>(weights.weights[i]) *
               power[static_cast<std::size_t>(weights.first) + i];
      }
      const double value = std::log10(std::max(sum, 1e-10));
      peak = std::max(peak, value);
      mel.values[static_cast<std::size_t>(band * mel.num_frames + t)] = static_cast<float>(value);
    }
  }
  const auto floor = static_cast<float>(peak - 8.0);
  for (float& value : mel.values) value = (std::max(value, floor) + 4.0F) / 4.0F;
  return mel;
}

std::int64_t num_audio_tokens(std::int64_t num_frames) {
  std::int64_t left = num_frames % 100;
  for (int halving = 0; halving < 3; ++halving) left = (left + 1) / 2;
  return num_frames / 100 * 13 + left;
}

}  // namespace peira::model
