#include "model/memory_plan.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "model/kv_cache.h"
#include "model/layers/decoder.h"

namespace peira::model {
namespace {

// Of what a device can give, the part that is planned with: a library's own workspaces and other
// processes need some too.
constexpr double kUsableShare = 0.92;
// On the host, where the mapped weights and everything else live beside it, the cache with its
// buffers gets half.
constexpr double kHostCacheShare = 0.5;
constexpr std::int64_t kMostSnapshots = 64;

// A plan, and whether the device's memory is enough for it.
struct Division {
  MemoryPlan plan;
  std::int64_t usable = 0;
  std::int64_t affordable_pages = 0;  // what is left for the key-value cache
  bool fits = false;
};

// Mapped files take no memory: their pages come and go as the system likes.
std::int64_t planned_weights(const MemoryRequest& request) {
  if (request.copies_weights) return request.weight_count.bytes(request.weights);
  const std::int64_t copies = request.weight_count.copied_bytes(request.weights);
  return request.weights == WeightPrecision::kStored ? std::min(copies, request.most_copied_bytes)
                                                     : copies;
}

// What encoding one medium takes, and the embeddings that are kept; neither is taken ahead.
std::int64_t towers_bytes(const ModelConfig& config, const MemoryRequest& request) {
  if (!config.has_towers()) return 0;
  // A picture of four megapixels at a patch size of 16; larger ones find room where there is some.
  constexpr std::int64_t kPlannedPatches = 16'384;
  constexpr std::int64_t kPlannedFrames = 12'000;  // two minutes of sound
  std::int64_t most = 0;
  if (config.vision_config) {
    const std::int64_t patches =
        std::min(kPlannedPatches,
                 std::int64_t{config.max_position_embeddings} * config.vision_config->merge_unit());
    most = VisionTower::working_bytes(config, patches);
  }
  if (config.audio_config) {
    most = std::max(most, AudioTower::working_bytes(config, kPlannedFrames));
  }
  return most + request.max_encoder_bytes;
}

Division divide(const ModelConfig& config, const MemoryRequest& request) {
  const auto rows = std::int64_t{request.max_batch} + request.prefill_chunk;
  Division out;
  MemoryPlan& plan = out.plan;
  plan.weights_bytes = planned_weights(request);
  plan.buffers_bytes = Decoder::buffers_bytes(config, rows) + towers_bytes(config, request);
  if (request.working_bytes != nullptr) {
    plan.working_bytes = request.working_bytes(Decoder::work_sizes(config, rows));
  }
  plan.page_bytes = KvCache::page_bytes(config, request.kv_dtype);
  plan.slot_bytes = KvCache::slot_bytes(config);

  const auto share_of_memory = [&](double share) {
    return static_cast<std::int64_t>(share * static_cast<double>(request.memory_bytes));
  };
  out.usable = share_of_memory(kUsableShare);
  if (!request.copies_weights) {
    out.usable = std::min(out.usable, plan.weights_bytes + share_of_memory(kHostCacheShare));
  }
  const std::int64_t rest = out.usable - plan.total_bytes();
  if (plan.slot_bytes > 0) {
    if (request.prefix_cache) {
      const std::int64_t spare = std::max<std::int64_t>(0, rest) / 8;
      plan.num_snapshots = std::clamp<std::int64_t>(spare / plan.slot_bytes, 1, kMostSnapshots);
    }
    plan.num_slots = request.max_batch + plan.num_snapshots;
  }
  const std::int64_t left = rest - plan.num_slots * plan.slot_bytes;

  // A model of linear attention alone caches no keys: its pages only count tokens.
  out.affordable_pages = std::numeric_limits<std::int32_t>::max();
  if (left < 0) out.affordable_pages = 0;
  if (plan.page_bytes > 0) {
    out.affordable_pages =
        std::min(out.affordable_pages, std::max<std::int64_t>(left, 0) / plan.page_bytes);
  }
  const std::int64_t most =
      KvCache::pages_for(config.max_position_embeddings) * std::int64_t{request.max_batch};
  plan.num_pages = request.max_kv_tokens > 0 ? KvCache::pages_for(request.max_kv_tokens)
                                             : std::min(most, out.affordable_pages);
  out.fits = left >= 0 && plan.num_pages > 0 && plan.num_pages <= out.affordable_pages;
  return out;
}

// Options that would make the request fit, each alone where one is enough.
std::vector<std::string> what_would_fit(const ModelConfig& config, const MemoryRequest& request,
                                        const Division& division) {
  std::vector<std::string> out;
  if (division.affordable_pages > 0) {
    out.push_back("--max-kv-tokens " + std::to_string(division.affordable_pages * kKvPageTokens));
  }
  const auto fits = [&](const MemoryRequest& other) { return divide(config, other).fits; };
  MemoryRequest smaller = request;
  while (smaller.max_batch > 1 && !fits(smaller)) smaller.max_batch /= 2;
  if (smaller.max_batch < request.max_batch && fits(smaller)) {
    out.push_back("--batch " + std::to_string(smaller.max_batch));
  }
  constexpr int kSmallestChunk = 16;
  if (!fits(smaller)) {
    while (smaller.prefill_chunk > kSmallestChunk && !fits(smaller)) smaller.prefill_chunk /= 2;
    if (smaller.prefill_chunk < request.prefill_chunk && fits(smaller)) {
      out.push_back("--batch " + std::to_string(smaller.max_batch) + " --prefill-chunk " +
                    std::to_string(smaller.prefill_chunk));
    }
  }
  for (const auto& [precision, name] : {std::pair(WeightPrecision::kInt8, "--weights int8"),
                                        std::pair(WeightPrecision::kInt4, "--weights int4")}) {
    MemoryRequest quantised = request;
    quantised.weights = precision;
    if (planned_weights(quantised) >= division.plan.weights_bytes) continue;
    if (fits(quantised)) {
      out.emplace_back(name);
      break;
    }
    // Together with the smallest batch.
    quantised.max_batch = smaller.max_batch;
    quantised.prefill_chunk = smaller.prefill_chunk;
    if (out.empty() && fits(quantised)) {
      out.push_back(std::string(name) + " --batch " + std::to_string(smaller.max_batch) +
                    " --prefill-chunk " + std::to_string(smaller.prefill_chunk));
    }
  }
  return out;
}

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
  const Division division = divide(config, request);
  MemoryPlan plan = division.plan;
  if (division.fits) return plan;

  plan.num_pages = std::max<std::int64_t>(plan.num_pages, 1);
  std::string parts;
  const auto add = [&](const char* what, std::int64_t bytes) {
    if (bytes > 0) parts += (parts.empty() ? "" : ", ") + std::string(what) + shown_bytes(bytes);
  };
  add("weights ", plan.weights_bytes);
  add("buffers ", plan.buffers_bytes);
  add("scratch and recordings ", plan.working_bytes);
  add("recurrent states ", plan.num_slots * plan.slot_bytes);
  add("key-value cache at least ", plan.num_pages * plan.page_bytes);
  const std::vector<std::string> ways = what_would_fit(config, request, division);
  std::string way_out;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    way_out += (i == 0 ? "" : i + 1 == ways.size() ? " or " : ", ") + ways[i];
  }
  way_out += ways.empty() ? "a larger device, or another --device" : ", which would fit";
  throw Error(ErrorCode::kUnavailable,
              "device " + device + ": the model needs " + shown_bytes(plan.total_bytes()) + " (" +
                  parts + "), but " + shown_bytes(division.usable) + " of " +
                  shown_bytes(request.memory_bytes) + " can be used\n  try: " + way_out);
}

}  // namespace peira::model
