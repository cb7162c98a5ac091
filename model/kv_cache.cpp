#include "model/kv_cache.h"

#include "base/error.h"

namespace peira::model {

KvCache::KvCache(Backend& backend, const ModelConfig& config, std::int64_t num_pages,
                 std::int64_t num_slots, DType dtype)
    : backend_(backend), num_pages_(num_pages) {
  const std::int64_t heads = config.num_key_value_heads;
  for (const LayerType type : config.layer_types) {
    Layer& layer = layers_.emplace_back();
    const auto allocate = [&](DType of, const Shape& shape) {
      layer.owned.push_back(backend.allocate(of, shape));
      return layer.owned.back().view();
    };
    if (type == LayerType::kLinearAttention) {
      has_states_ = true;
      layer.recurrent.conv = allocate(
          DType::kF32, {num_slots, config.conv_channels(), config.linear_conv_kernel_dim - 1});
      layer.recurrent.delta =
          allocate(DType::kF32, {num_slots, config.linear_num_value_heads,
                                 config.linear_key_head_dim, config.linear_value_head_dim});
      continue;
    }
    layer.kv.keys = allocate(dtype, {num_pages, heads, config.head_dim, kKvPageTokens});
    layer.kv.values = allocate(dtype, {num_pages, heads, kKvPageTokens, config.head_dim});
    if (dtype == DType::kI8) {
      layer.kv.key_scales = allocate(DType::kF32, {num_pages, heads, kKvPageTokens});
      layer.kv.value_scales = allocate(DType::kF32, {num_pages, heads, kKvPageTokens});
    }
  }
  free_.reserve(static_cast<std::size_t>(num_pages));
  // The lowest page is taken first, so that little memory is touched when little is used.
  for (std::int64_t page = num_pages; page-- > 0;) free_.push_back(static_cast<std::int32_t>(page));
  for (std::int64_t slot = has_states_ ? num_slots : 0; slot-- > 0;) {
    free_slots_.push_back(static_cast<int>(slot));
  }
}

std::int32_t KvCache::take_page() {
  if (free_.empty()) throw Error(ErrorCode::kInternal, "no page of the key-value cache is free");
  const std::int32_t page = free_.back();
  free_.pop_back();
  return page;
}

int KvCache::take_slot() {
  if (free_slots_.empty()) return -1;
  const int slot = free_slots_.back();
  free_slots_.pop_back();
  return slot;
}

void KvCache::copy_slot(int from, int to) {
  for (const Layer& layer : layers_) {
    for (const TensorView& state : {layer.recurrent.conv, layer.recurrent.delta}) {
      if (state.num_elements() > 0) backend_.copy(state.slice(from, 1), state.slice(to, 1));
    }
  }
}

std::int64_t KvCache::page_bytes(const ModelConfig& config, DType dtype) {
  std::int64_t bytes = 0;
  for (const LayerType type : config.layer_types) {
    if (type == LayerType::kLinearAttention) continue;
    const std::int64_t vectors = std::int64_t{2} * config.num_key_value_heads * kKvPageTokens;
    bytes += vectors * config.head_dim * block_bytes(dtype);
    if (dtype == DType::kI8) bytes += vectors * block_bytes(DType::kF32);
  }
  return bytes;
}

std::int64_t KvCache::slot_bytes(const ModelConfig& config) {
  std::int64_t floats = 0;
  for (const LayerType type : config.layer_types) {
    if (type != LayerType::kLinearAttention) continue;
    floats += std::int64_t{config.conv_channels()} * (config.linear_conv_kernel_dim - 1);
    floats += std::int64_t{config.linear_num_value_heads} * config.linear_key_head_dim *
              config.linear_value_head_dim;
  }
  return floats * block_bytes(DType::kF32);
}

}  // namespace peira::model
