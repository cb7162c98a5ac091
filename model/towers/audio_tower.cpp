#include "model/towers/audio_tower.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "base/error.h"

namespace peira::model {
namespace {

constexpr float kNormEps = 1e-5F;
constexpr std::int64_t kNeighbours = 9;  // of a 3 x 3 kernel
// A day of frames at 100 a second.
constexpr std::int32_t kMostFrames = 8'640'000;

std::int64_t halved(std::int64_t size) { return (size + 1) / 2; }
std::int64_t halved_thrice(std::int64_t size) { return halved(halved(halved(size))); }

// The neighbours of each output of a convolution with stride 2 and padding 1, over a plane whose
// element (frame, band) is row frame * bands + band; `outside` where there is none. Outputs are
// ordered likewise, their neighbours band by frame. [outputs, 9]
std::vector<std::int32_t> neighbours(std::int64_t frames, std::int64_t bands,
                                     std::int32_t outside) {
  std::vector<std::int32_t> out;
  for (std::int64_t frame = 0; frame < halved(frames); ++frame) {
    for (std::int64_t band = 0; band < halved(bands); ++band) {
      for (std::int64_t y = 2 * band - 1; y <= 2 * band + 1; ++y) {
        for (std::int64_t x = 2 * frame - 1; x <= 2 * frame + 1; ++x) {
          const bool is_inside = x >= 0 && x < frames && y >= 0 && y < bands;
          out.push_back(is_inside ? static_cast<std::int32_t>(x * bands + y) : outside);
        }
      }
    }
  }
  return out;
}

// sin of the first half of the channels, cos of the second. [count, size]
// source  transformers, SinusoidsPositionEmbedding, in float32 as there.
std::vector<float> sinusoids(std::int64_t count, std::int64_t size) {
  const std::int64_t half = size / 2;
  const auto step = static_cast<float>(-std::log(10000.0) / static_cast<double>(half - 1));
  std::vector<float> out(static_cast<std::size_t>(count * size));
  for (std::int64_t i = 0; i < half; ++i) {
    const float frequency = std::exp(step * static_cast<float>(i));
    for (std::int64_t t = 0; t < count; ++t) {
      const float angle = static_cast<float>(t) * frequency;
      out[static_cast<std::size_t>(t * size + i)] = std::sin(angle);
      out[static_cast<std::size_t>(t * size + half + i)] = std::cos(angle);
    }
  }
  return out;
}

EncoderShape shape_of(const AudioConfig& config) {
  return {.hidden_size = config.d_model,
          .num_heads = config.encoder_attention_heads,
          .intermediate_size = config.encoder_ffn_dim,
          .activation = config.activation_function,
          .norm_eps = kNormEps};
}

}  // namespace

// One convolution of the stem: where its inputs lie, and what it gives.
struct AudioTower::Stem {
  // A plane of activations, one row of channels an element, behind them a row of zeros: what lies
  // outside.
  struct Plane {
    std::int64_t frames, bands;
    Tensor rows;        // [frames * bands + 1, C]
    Tensor neighbours;  // [9 * outputs] int32, of the next plane's elements; the last has none

    std::int64_t size() const { return frames * bands; }
  };

  Stem(Backend& backend, const AudioConfig& config, std::int64_t width)
      : chunk_frames(width), bands(config.num_mel_bins) {
    std::int64_t frames = width, mels = bands;
    for (Plane& plane : planes) {
      frames = halved(frames);
      mels = halved(mels);
      plane.frames = frames;
      plane.bands = mels;
      plane.rows = backend.allocate(
          DType::kF32, {plane.size() + 1, std::int64_t{config.downsample_hidden_size}});
    }
    std::int64_t most_outputs = 0;
    for (std::size_t i = 0; i + 1 < planes.size(); ++i) {
      Plane& plane = planes[i];
      const std::vector<std::int32_t> host =
          model::neighbours(plane.frames, plane.bands, static_cast<std::int32_t>(plane.size()));
      plane.neighbours = backend.allocate(DType::kI32, {static_cast<std::int64_t>(host.size())});
      backend.write(plane.neighbours.view(), host);
      most_outputs = std::max(most_outputs, planes[i + 1].size());
    }
    input = backend.allocate(DType::kF32, {planes[0].size(), kNeighbours});
    gathered = backend.allocate(
        DType::kF32, {kNeighbours * most_outputs, std::int64_t{config.downsample_hidden_size}});
  }

  std::int64_t chunk_frames, bands;
  std::array<Plane, 3> planes;
  Tensor input;     // [planes[0].size(), 9]
  Tensor gathered;  // [9 * outputs, C]
  std::vector<float> host_input;
};

AudioTower::AudioTower(Backend& backend, const ModelConfig& config, AudioWeights weights)
    : backend_(backend),
      config_(*config.audio_config),
      token_(config.media_tokens.audio_token_id),
      out_size_(config.hidden_size),
      weights_(std::move(weights)),
      positions_(backend.allocate(DType::kF32, {kTokensPerAudioChunk, config_.d_model})) {
  for (ConstTensorView* vector :
       {&weights_.conv1_bias, &weights_.conv2_bias, &weights_.conv3_bias, &weights_.ln_post_weight,
        &weights_.ln_post_bias, &weights_.proj1_bias, &weights_.proj2_bias}) {
    *vector = backend.place_vector(*vector);
  }
  for (Weight* matrix : {&weights_.conv1, &weights_.conv2, &weights_.conv3, &weights_.conv_out,
                         &weights_.proj1, &weights_.proj2}) {
    *matrix = backend.place_matrix(*matrix);
  }
  for (EncoderLayerWeights& layer : weights_.layers) place(backend, layer);
  backend.write(positions_.view(), sinusoids(kTokensPerAudioChunk, config_.d_model));
}

void AudioTower::check(const Medium& medium) const {
  const auto num_features = static_cast<std::int64_t>(medium.features.size());
  if (medium.grid_t >= 1 && medium.grid_t <= kMostFrames &&
      num_features == std::int64_t{config_.num_mel_bins} * medium.grid_t) {
    return;
  }
  throw Error(ErrorCode::kUsage,
              medium.name + ": " + std::to_string(num_features) + " features for " +
                  std::to_string(medium.grid_t) + " frames of " +
                  std::to_string(config_.num_mel_bins) +
                  " mel bands\n  the checkpoint's processor and its audio_config disagree");
}

std::vector<PlaceholderRun> AudioTower::runs(const Medium& medium) const {
  check(medium);
  const std::int64_t num_tokens = config_.num_tokens(medium.grid_t);
  PlaceholderRun run;
  run.token = token_;
  for (std::int64_t i = 0; i < num_tokens; ++i) {
    const auto position = static_cast<float>(i);
    run.positions.push_back({position, position, position});
  }
  run.advance = static_cast<float>(num_tokens);
  return {std::move(run)};
}

std::int64_t AudioTower::working_bytes(const ModelConfig& config, std::int64_t num_frames) {
  const AudioConfig& audio = *config.audio_config;
  const std::int64_t tokens = audio.num_tokens(num_frames);
  const std::int64_t channels = audio.downsample_hidden_size;
  std::int64_t frames = std::min<std::int64_t>(num_frames, audio.chunk_frames());
  std::int64_t bands = audio.num_mel_bins, floats = 0;
  for (int i = 0; i < 3; ++i) {
    frames = halved(frames);
    bands = halved(bands);
    floats += (frames * bands + 1) * channels;
    if (i == 0) floats += frames * bands * kNeighbours;
    // The widest: the second convolution's neighbours, and their numbers.
    if (i == 1) floats += frames * bands * kNeighbours * (channels + 2);
  }
  floats += tokens * config.hidden_size;
  return EncoderWork::bytes(shape_of(audio), tokens) + bytes_of(DType::kF32, floats);
}

void AudioTower::convolve(const Medium& medium, std::int64_t first, std::int64_t num_frames,
                          Stem& stem, const TensorView& out) {
  // Frames behind the sound's end, up to the chunk's, are silence as padding has it: zeros.
  const std::int64_t total = medium.grid_t;
  stem.host_input.clear();
  for (const std::int32_t neighbour : model::neighbours(stem.chunk_frames, stem.bands, -1)) {
    const std::int64_t frame = neighbour < 0 ? num_frames : neighbour / stem.bands;
    const std::int64_t band = neighbour < 0 ? 0 : neighbour % stem.bands;
    stem.host_input.push_back(
        frame < num_frames
            ? medium.features.data()[static_cast<std::size_t>(band * total + first + frame)]
            : 0.0F);
  }
  backend_.write(stem.input.view(), stem.host_input);
  const std::array<std::pair<const Weight*, const ConstTensorView*>, 3> convolutions{
      {{&weights_.conv1, &weights_.conv1_bias},
       {&weights_.conv2, &weights_.conv2_bias},
       {&weights_.conv3, &weights_.conv3_bias}}};
  for (std::size_t i = 0; i < stem.planes.size(); ++i) {
    const std::int64_t outputs = stem.planes[i].size();
    ConstTensorView x = stem.input;
    if (i > 0) {
      const Stem::Plane& from = stem.planes[i - 1];
      const TensorView gathered = stem.gathered.slice(0, kNeighbours * outputs);
      backend_.gather_rows(from.rows, from.neighbours, gathered);
      x = gathered.reshape({outputs, gathered.num_elements() / outputs});
    }
    const TensorView y = stem.planes[i].rows.slice(0, outputs);
    backend_.linear(x, std::array{LinearPart{*convolutions[i].first, *convolutions[i].second, y}});
    backend_.activate(Activation::kGelu, y);
  }
  const Stem::Plane& last = stem.planes.back();
  const TensorView rows = last.rows.slice(0, last.size());
  const TensorView joined = rows.reshape({last.frames, rows.num_elements() / last.frames});
  const std::int64_t tokens = out.rows();
  backend_.linear(joined.slice(0, tokens), std::array{LinearPart{weights_.conv_out, {}, out}});
  backend_.add(out, positions_.slice(0, tokens));
}

EncodedMedium AudioTower::encode(const Medium& medium) {
  check(medium);
  const std::int64_t num_frames = medium.grid_t;
  const std::int64_t num_tokens = config_.num_tokens(num_frames);
  const EncoderShape shape = shape_of(config_);
  EncoderWork work(backend_, shape, num_tokens);
  {
    const std::int64_t chunk = config_.chunk_frames();
    Stem stem(backend_, config_, std::min(num_frames, chunk));
    std::int64_t token = 0;
    for (std::int64_t first = 0; first < num_frames; first += chunk) {
      const std::int64_t frames = std::min(chunk, num_frames - first);
      const std::int64_t tokens = halved_thrice(frames);
      convolve(medium, first, frames, stem, work.hidden.slice(token, tokens));
      token += tokens;
    }
  }
  for (const EncoderLayerWeights& weights : weights_.layers) {
    encoder_layer(backend_, shape, weights, config_.window_tokens(), {}, work);
  }
  EncodedMedium out;
  out.embeddings = backend_.allocate(DType::kF32, {num_tokens, std::int64_t{out_size_}});
  const Tensor projected = backend_.allocate(DType::kF32, work.normed.shape());
  in_pieces(num_tokens, kEncoderRowsAtOnce, [&](std::int64_t first, std::int64_t count) {
    const TensorView normed = work.normed.slice(0, count);
    const TensorView inner = projected.slice(0, count);
    backend_.layer_norm(work.hidden.slice(first, count), weights_.ln_post_weight,
                        weights_.ln_post_bias, kNormEps, normed);
    backend_.linear(normed, std::array{LinearPart{weights_.proj1, weights_.proj1_bias, inner}});
    backend_.activate(config_.activation_function, inner);
    backend_.linear(inner, std::array{LinearPart{weights_.proj2, weights_.proj2_bias,
                                                 out.embeddings.slice(first, count)}});
  });
  return out;
}

}  // namespace peira::model
