#include "model/towers/vision_tower.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "base/error.h"

namespace peira::model {
namespace {

constexpr float kNormEps = 1e-6F;
// The row and column of each patch of a frame, in the order of the features: merge blocks row by
// row, inside each its patches row by row.
template <typename Body>
void for_patches(int grid_h, int grid_w, int merge, const Body& body) {
  for (int block_y = 0; block_y < grid_h; block_y += merge) {
    for (int block_x = 0; block_x < grid_w; block_x += merge) {
      for (int y = block_y; y < block_y + merge; ++y) {
        for (int x = block_x; x < block_x + merge; ++x) body(y, x);
      }
    }
  }
}

// Where index `at` of `size` lies on a side of the learned grid: between two entries.
// source  transformers vision_utils.py, bilinear with aligned corners, in float32 as there.
struct Taps {
  std::array<int, 2> index;
  std::array<float, 2> weight;
};
Taps taps_at(int at, int size, int side) {
  const float source = static_cast<float>(at) * static_cast<float>(side - 1) /
                       static_cast<float>(std::max(size - 1, 1));
  const float floor = std::floor(source);
  const auto first = static_cast<int>(floor);
  Taps out{};
  for (int tap = 0; tap < 2; ++tap) {
    const auto i = static_cast<std::size_t>(tap);
    out.index[i] = std::clamp(first + tap, 0, side - 1);
    out.weight[i] = std::max(0.0F, 1.0F - std::abs((source - floor) - static_cast<float>(tap)));
  }
  return out;
}

std::vector<float> widened(const Weight& table) {
  const std::int64_t columns = table.shape()[1];
  std::vector<float> out(static_cast<std::size_t>(table.shape().num_elements()));
  for (std::int64_t row = 0; row < table.shape()[0]; ++row) {
    widen_row(table, row, out.data() + row * columns);
  }
  return out;
}

void place(Backend& backend, VisionMergerWeights& weights) {
  for (ConstTensorView* vector : {&weights.norm_weight, &weights.norm_bias,
                                  &weights.linear_fc1_bias, &weights.linear_fc2_bias}) {
    *vector = backend.place_vector(*vector);
  }
  for (Weight* matrix : {&weights.linear_fc1, &weights.linear_fc2}) {
    *matrix = backend.place_matrix(*matrix);
  }
}

EncoderShape shape_of(const VisionConfig& config) {
  return {.hidden_size = config.hidden_size,
          .num_heads = config.num_heads,
          .intermediate_size = config.intermediate_size,
          .activation = config.hidden_act,
          .norm_eps = kNormEps};
}

}  // namespace

VisionTower::VisionTower(Backend& backend, const ModelConfig& config, VisionWeights weights)
    : backend_(backend),
      config_(*config.vision_config),
      tokens_(config.media_tokens),
      video_layout_(config.video_layout),
      seconds_to_position_(static_cast<float>(config.position_id_per_seconds)),
      out_size_(config.hidden_size),
      weights_(std::move(weights)),
      pos_embed_(widened(weights_.pos_embed)) {
  RopeParameters rope;
  rope.rope_theta = config_.rope_theta;
  const std::vector<float> frequencies = rope_frequencies(rope, config_.head_dim() / 2).inv_freq;
  for (const std::uint8_t axis : {std::uint8_t{0}, std::uint8_t{1}}) {
    inv_freq_.insert(inv_freq_.end(), frequencies.begin(), frequencies.end());
    axes_.insert(axes_.end(), frequencies.size(), axis);
  }
  weights_.pos_embed = {};
  weights_.patch_embed = backend.place_matrix(weights_.patch_embed);
  weights_.patch_embed_bias = backend.place_vector(weights_.patch_embed_bias);
  for (EncoderLayerWeights& block : weights_.blocks) place(backend, block);
  place(backend, weights_.merger);
  for (VisionMergerWeights& merger : weights_.deepstack) place(backend, merger);
}

bool VisionTower::takes(Modality modality) const {
  return (modality == Modality::kImage && tokens_.image_token_id >= 0) ||
         (modality == Modality::kVideo && tokens_.video_token_id >= 0);
}

void VisionTower::check(const Medium& medium) const {
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorCode::kUsage, medium.name + ": " + what);
  };
  const std::string grid = std::to_string(medium.grid_t) + "x" + std::to_string(medium.grid_h) +
                           "x" + std::to_string(medium.grid_w) + " patches";
  constexpr std::int32_t kMostPatches = 1 << 20;  // along one axis: products then fit 64 bits
  for (const std::int32_t size : {medium.grid_t, medium.grid_h, medium.grid_w}) {
    if (size < 1 || size > kMostPatches) fail("a grid of " + grid);
  }
  if (medium.grid_h % config_.spatial_merge_size != 0 ||
      medium.grid_w % config_.spatial_merge_size != 0) {
    fail("a grid of " + grid + " does not divide into blocks of " +
         std::to_string(config_.spatial_merge_size) + " by " +
         std::to_string(config_.spatial_merge_size) + ", as spatial_merge_size asks");
  }
  const std::int64_t frame = std::int64_t{medium.grid_h} * medium.grid_w;
  const auto num_features = static_cast<std::int64_t>(medium.features.size());
  const std::int64_t row = config_.patch_features();
  if (num_features % row != 0 || num_features / row % frame != 0 ||
      num_features / row / frame != medium.grid_t) {
    fail(std::to_string(num_features) + " features for a grid of " + grid + ", each of " +
         std::to_string(row) + "\n  the checkpoint's processor and its vision_config disagree");
  }
}

std::vector<PlaceholderRun> VisionTower::runs(const Medium& medium) const {
  check(medium);
  const int rows = medium.grid_h / config_.spatial_merge_size;
  const int columns = medium.grid_w / config_.spatial_merge_size;
  const bool is_video = medium.modality == Modality::kVideo;
  const bool is_one_block = is_video && video_layout_ == VideoLayout::kOneBlock;
  const auto seconds = static_cast<float>(medium.seconds_per_grid);
  std::vector<PlaceholderRun> out;
  for (int t = 0; t < medium.grid_t; ++t) {
    if (t == 0 || !is_one_block) out.emplace_back();
    PlaceholderRun& run = out.back();
    run.token = is_video ? tokens_.video_token_id : tokens_.image_token_id;
    const float time = is_one_block ? static_cast<float>(t) * seconds * seconds_to_position_ : 0.0F;
    for (int y = 0; y < rows; ++y) {
      for (int x = 0; x < columns; ++x) {
        run.positions.push_back({time, static_cast<float>(y), static_cast<float>(x)});
      }
    }
    run.advance = std::max(time + 1.0F, static_cast<float>(std::max(rows, columns)));
  }
  return out;
}

std::int64_t VisionTower::working_bytes(const ModelConfig& config, std::int64_t num_patches) {
  const VisionConfig& vision = *config.vision_config;
  const auto num_outputs = 1 + static_cast<std::int64_t>(vision.deepstack_visual_indexes.size());
  const std::int64_t tokens = num_patches / vision.merge_unit();
  const std::int64_t floats =
      num_patches * (vision.patch_features() + vision.hidden_size + vision.head_dim()) +
      tokens * num_outputs * config.hidden_size;
  return EncoderWork::bytes(shape_of(vision), num_patches) + bytes_of(DType::kF32, floats);
}

std::vector<float> VisionTower::position_embeddings(int grid_h, int grid_w) const {
  const int side = static_cast<int>(std::lround(std::sqrt(config_.num_position_embeddings)));
  const auto size = static_cast<std::size_t>(config_.hidden_size);
  std::vector<float> out;
  out.reserve(static_cast<std::size_t>(grid_h) * static_cast<std::size_t>(grid_w) * size);
  for_patches(grid_h, grid_w, config_.spatial_merge_size, [&](int y, int x) {
    const Taps row = taps_at(y, grid_h, side);
    const Taps column = taps_at(x, grid_w, side);
    std::array<const float*, 4> from{};
    std::array<float, 4> weight{};
    for (std::size_t tap = 0; tap < 4; ++tap) {
      const int index = row.index[tap / 2] * side + column.index[tap % 2];
      from[tap] = pos_embed_.data() + static_cast<std::size_t>(index) * size;
      weight[tap] = row.weight[tap / 2] * column.weight[tap % 2];
    }
    for (std::size_t i = 0; i < size; ++i) {
      float sum = from[0][i] * weight[0];
      for (std::size_t tap = 1; tap < 4; ++tap) sum += from[tap][i] * weight[tap];
      out.push_back(sum);
    }
  });
  return out;
}

void VisionTower::add_positions(const Medium& medium, const TensorView& hidden) {
  const std::int64_t frame = std::int64_t{medium.grid_h} * medium.grid_w;
  const Tensor positions =
      backend_.allocate(DType::kF32, {frame, std::int64_t{config_.hidden_size}});
  backend_.write(positions.view(), position_embeddings(medium.grid_h, medium.grid_w));
  for (std::int64_t t = 0; t < medium.grid_t; ++t) {
    backend_.add(hidden.slice(t * frame, frame), positions);
  }
}

void VisionTower::rotary_angles(const Medium& medium, const TensorView& cos_sin) {
  std::vector<float> host;
  for (int t = 0; t < medium.grid_t; ++t) {
    for_patches(medium.grid_h, medium.grid_w, config_.spatial_merge_size, [&](int y, int x) {
      host.push_back(static_cast<float>(y));
      host.push_back(static_cast<float>(x));
    });
  }
  const Tensor positions = backend_.allocate(DType::kF32, {cos_sin.rows(), 2});
  backend_.write(positions.view(), host);
  backend_.axial_rope_angles(positions, inv_freq_, axes_, 1, cos_sin);
}

Tensor VisionTower::merge(const VisionMergerWeights& weights, bool norms_joined,
                          const TensorView& hidden) {
  const std::int64_t unit = config_.merge_unit();
  const std::int64_t joined = unit * config_.hidden_size;
  const std::int64_t num_tokens = hidden.rows() / unit;
  Tensor out = backend_.allocate(DType::kF32, {num_tokens, std::int64_t{out_size_}});
  const std::int64_t piece =
      std::min(num_tokens, std::max<std::int64_t>(kEncoderRowsAtOnce / unit, 1));
  const Tensor normed = backend_.allocate(DType::kF32, {piece, joined});
  const Tensor inner = backend_.allocate(DType::kF32, {piece, joined});
  in_pieces(num_tokens, piece, [&](std::int64_t first, std::int64_t count) {
    const TensorView patches = hidden.slice(first * unit, count * unit);
    const TensorView x = normed.slice(0, count);
    const Shape shape = norms_joined ? x.shape : patches.shape;
    backend_.layer_norm(patches.reshape(shape), weights.norm_weight, weights.norm_bias, kNormEps,
                        x.reshape(shape));
    const TensorView y = inner.slice(0, count);
    backend_.linear(x, std::array{LinearPart{weights.linear_fc1, weights.linear_fc1_bias, y}});
    backend_.activate(Activation::kGelu, y);
    backend_.linear(y, std::array{LinearPart{weights.linear_fc2, weights.linear_fc2_bias,
                                             out.slice(first, count)}});
  });
  return out;
}

EncodedMedium VisionTower::encode(const Medium& medium) {
  check(medium);
  const std::int64_t frame = std::int64_t{medium.grid_h} * medium.grid_w;
  const std::int64_t num_patches = frame * medium.grid_t;
  const EncoderShape shape = shape_of(config_);
  EncoderWork work(backend_, shape, num_patches);
  const Tensor cos_sin =
      backend_.allocate(DType::kF32, {num_patches, std::int64_t{config_.head_dim()}});
  {
    const std::int64_t row = config_.patch_features();
    const Tensor patches =
        backend_.allocate(DType::kF32, {std::min(num_patches, kEncoderRowsAtOnce), row});
    in_pieces(num_patches, kEncoderRowsAtOnce, [&](std::int64_t first, std::int64_t count) {
      const TensorView piece = patches.slice(0, count);
      const std::span<const float> features(medium.features.data(), medium.features.size());
      backend_.write(piece, features.subspan(static_cast<std::size_t>(first * row),
                                             static_cast<std::size_t>(count * row)));
      backend_.linear(piece, std::array{LinearPart{weights_.patch_embed, weights_.patch_embed_bias,
                                                   work.hidden.slice(first, count)}});
    });
  }
  add_positions(medium, work.hidden);
  rotary_angles(medium, cos_sin.view());
  EncodedMedium out;
  const std::vector<int>& indexes = config_.deepstack_visual_indexes;
  for (std::size_t i = 0; i < weights_.blocks.size(); ++i) {
    encoder_layer(backend_, shape, weights_.blocks[i], frame, cos_sin, work);
    const auto found = std::find(indexes.begin(), indexes.end(), static_cast<int>(i));
    if (found == indexes.end()) continue;
    const VisionMergerWeights& merger =
        weights_.deepstack[static_cast<std::size_t>(found - indexes.begin())];
    out.deepstack.push_back(merge(merger, true, work.hidden));
  }
  out.embeddings = merge(weights_.merger, false, work.hidden);
  return out;
}

}  // namespace peira::model
