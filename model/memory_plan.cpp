#include "model/memory_plan.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>

#include "base/error.h"
#include "model/kv_cache.h"
#include "model/layers/decoder.h"

namespace peira::model {
namespace {

// Of what a device can give, the part that is planned with: a library's own workspaces and other
// processes need some too.
constexpr double kUsableShare = 0.92;
// On the host, where the mapped weights and everything else live beside it, the cache gets half.
constexpr double kHostCacheShare = 0.5;
constexpr std::int64_t kMostSnapshots = 64;

}  // namespace

std::string shown_bytes(std::int64_t bytes) {
  constexpr double kMiB = 1024.0 * 1024.0;
  const double mib = static_cast<double>(bytes) / kMiB;
  std::array<char, 32> text{};
  if (mib >= 1024) {
    std::snprintf(text.data(), text.size(), "%.1f GiB", mib / 1024);
  } else if (mib >= 1) {
    std::snprintf(text.data(), text.size(), mib < 10 ? "%.1f MiB" : "%.0f MiB", mib);
  } else {
    std::snprintf(text.data(), text.size(), "%.0f KiB", mib * 1024);
  }
  return text.data();
}

MemoryPlan plan_memory(const ModelConfig& config, const MemoryRequest& request,
                       const std::string& device) {
  const auto rows = std::int64_t{request.max_batch} + request.prefill_chunk;
  MemoryPlan plan;
  plan.weights_bytes = request.weights_bytes;
  plan.buffers_bytes = Decoder::buffers_bytes(config, rows);
  plan.page_bytes = KvCache::page_bytes(config, request.kv_dtype);
  plan.slot_bytes = KvCache::slot_bytes(config);

  const double share = request.copies_weights ? kUsableShare : kHostCacheShare;
  const auto usable = static_cast<std::int64_t>(share * static_cast<double>(request.memory_bytes));
  const std::int64_t fixed = plan.buffers_bytes + (request.copies_weights ? plan.weights_bytes : 0);
  if (plan.slot_bytes > 0) {
    if (request.prefix_cache) {
      const std::int64_t spare = std::max<std::int64_t>(0, usable - fixed) / 8;
      plan.num_snapshots = std::clamp<std::int64_t>(spare / plan.slot_bytes, 1, kMostSnapshots);
    }
    plan.num_slots = request.max_batch + plan.num_snapshots;
  }
  const std::int64_t left = usable - fixed - plan.num_slots * plan.slot_bytes;

  // A model of linear attention alone caches no keys: its pages only count tokens.
  std::int64_t affordable = std::numeric_limits<std::int32_t>::max();
  if (plan.page_bytes > 0) affordable = std::min(affordable, left / plan.page_bytes);
  const std::int64_t most =
      KvCache::pages_for(config.max_position_embeddings) * std::int64_t{request.max_batch};
  plan.num_pages = request.max_kv_tokens > 0 ? KvCache::pages_for(request.max_kv_tokens)
                                             : std::min(most, affordable);
  if (left >= 0 && plan.num_pages > 0 && plan.num_pages <= affordable) return plan;

  const std::string needs =
      std::string(request.copies_weights ? "weights " + shown_bytes(plan.weights_bytes) + ", "
                                         : "") +
      "buffers " + shown_bytes(plan.buffers_bytes) +
      (plan.num_slots > 0 ? ", recurrent states " + shown_bytes(plan.num_slots * plan.slot_bytes)
                          : "") +
      ", key-value cache " +
      shown_bytes(std::max<std::int64_t>(plan.num_pages, 1) * plan.page_bytes);
  std::string way_out = "a larger device, another --device, or fewer sequences at once (--batch)";
  if (left > 0 && affordable > 0) {
    way_out = "--max-kv-tokens " + std::to_string(affordable * kKvPageTokens) +
              ", which would fit, or a smaller --batch";
  }
  throw Error(ErrorCode::kUnavailable,
              "device " + device + ": the model needs " + needs + ", but " + shown_bytes(usable) +
                  " of " + shown_bytes(request.memory_bytes) + " can be used\n  try: " + way_out);
}

}  // namespace peira::model
