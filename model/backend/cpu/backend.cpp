// The CPU backend: host memory, SIMD kernels, work split over a pool of threads.
#include "model/backend/backend.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/threads.h"
#include "model/backend/cpu/amx_matmul.h"
#include "model/backend/cpu/kernels.h"
#include "model/backend/cpu/linear_attention.h"
#include "model/backend/cpu/packed.h"
#include "model/backend/cpu/paged_attention.h"
#include "model/backend/cpu/quantized_rows.h"
#include "model/backend/cpu/segment_attention.h"
#include "model/backend/cpu/split_rows.h"
#include "model/backend/reference/kernels.h"

namespace peira::model {
namespace {

// Work below this runs on the calling thread: handing a loop to the pool costs microseconds.
// A guess from the cost of a wake-up (2-5 us) and the speed of a core (20-60 multiply-adds a ns).
constexpr std::int64_t kMinParallelWork = 100'000;

// In the same unit: an element converted by plain code; an exponential.
constexpr std::int64_t kWorkPerElement = 50;
constexpr std::int64_t kWorkPerExp = 20;

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(const BackendOptions& options)
      : CpuBackend(options, cpu::tiles_of_environment()) {}

  std::int64_t memory_bytes() const override { return host_memory_bytes(); }
  Tensor allocate(DType dtype, const Shape& shape) override {
    Tensor out = host_tensor(dtype, shape);
    cpu::prefer_large_pages(out.view().data, bytes_of(dtype, shape.num_elements()));
    return out;
  }
  Weight place_matrix(const Weight& host) override {
    Weight out = host;
    if (precision_ != WeightPrecision::kStored && !host.keep_stored && is_plain(host)) {
      constexpr std::int64_t kWorkPerWeight = 100;  // a guess: seven trials of some nanoseconds
      const cpu::ForRows for_panels =
          rows_runner(kWorkPerWeight * cpu::IntegerPanels::kRows * host.shape()[1]);
      if (precision_ == WeightPrecision::kInt8) {
        set_packed(out, std::make_shared<cpu::Int8Panels>(host, arena_, for_panels));
      } else {
        set_packed(out, std::make_shared<cpu::Int4Panels>(host, arena_, for_panels));
      }
      return out;
    }
    // The same values in large pages, as long as the mapped file's own fit beside them.
    const bool is_bf16 = host.dtype() == DType::kBF16;
    const bool gets_tiles = is_bf16 && tiles_ && cpu::AmxPanels::suits(host.shape());
    const std::int64_t size = gets_tiles ? cpu::AmxPanels::size_bytes(host.shape())
                              : is_bf16  ? cpu::PanelMatrix::size_bytes(host.shape())
                                         : bytes_of(host.dtype(), host.values.num_elements());
    const bool is_copied = arena_.used_bytes() + size <= most_copied_bytes_;
    if (gets_tiles) {
      // Copied or not, the same products: the memory of a machine is no part of a result.
      if (!is_copied) {
        out.packed = std::make_shared<cpu::AmxPanels>(host, *tiles_);
        return out;
      }
      set_packed(out,
                 std::make_shared<cpu::AmxPanels>(
                     host, *tiles_, arena_, rows_runner(cpu::AmxPanels::kRows * host.shape()[1])));
      return out;
    }
    if (!is_copied) return out;
    if (is_bf16) {
      set_packed(out, std::make_shared<cpu::PanelMatrix>(
                          host, arena_, rows_runner(cpu::PanelMatrix::kRows * host.shape()[1])));
      return out;
    }
    std::byte* const copy = arena_.allocate(size);
    const auto* const from = static_cast<const std::byte*>(host.values.data);
    constexpr std::int64_t kBytesAtOnce = 1 << 16;
    for_blocks(size, 1, kBytesAtOnce, [&](std::int64_t first, std::int64_t last) {
      std::copy(from + first, from + last, copy + first);
    });
    out.values.data = copy;
    return out;
  }
  Weight place_table(const Weight& host) override { return host; }
  ConstTensorView place_vector(const ConstTensorView& host) override { return host; }
  ExpertWeights place_experts(const ExpertWeights& host) override {
    ExpertWeights out = host;
    for (auto* const weights : {&out.gate_proj, &out.up_proj, &out.down_proj}) {
      for (Weight& weight : *weights) weight = place_matrix(weight);
    }
    return out;
  }
  bool copies_weights() const override { return false; }
  std::int64_t most_copied_bytes() const override { return most_copied_bytes_; }
  void write(const TensorView& out, std::span<const std::int32_t> host) override {
    std::copy(host.begin(), host.end(), out.i32());
  }
  void write(const TensorView& out, std::span<const float> host) override {
    std::copy(host.begin(), host.end(), out.f32());
  }
  void copy(const ConstTensorView& from, const TensorView& out) override {
    std::memcpy(out.data, from.data,
                static_cast<std::size_t>(bytes_of(from.dtype, from.num_elements())));
  }
  std::span<const float> host_view(const ConstTensorView& x, std::vector<float>&) override {
    return {x.f32(), static_cast<std::size_t>(x.num_elements())};
  }
  void read(const ConstTensorView& from, std::span<std::int32_t> host) override {
    std::copy_n(from.i32(), host.size(), host.begin());
  }

 private:
  CpuBackend(const BackendOptions& options, std::optional<cpu::Tiles> tiles)
      : Backend(std::string("cpu/") + cpu::instruction_set() + suffix_of(tiles)),
        precision_(options.weights),
        tiles_(tiles),
        pool_(options.num_threads) {}

  static const char* suffix_of(std::optional<cpu::Tiles> tiles) {
    if (!tiles) return "";
    return *tiles == cpu::Tiles::kProcessor ? "+AMX" : "+AMX(emulated)";
  }

  static void set_packed(Weight& weight, std::shared_ptr<const cpu::PlacedMatrix> packed) {
    weight.packed = std::move(packed);
    weight.values.data = nullptr;
  }

  // for_blocks() over rows of `work` each.
  cpu::ForRows rows_runner(std::int64_t work) {
    return [this, work](std::int64_t count,
                        const std::function<void(std::int64_t, std::int64_t)>& body) {
      for_blocks(count, work, 1, body);
    };
  }

  // body(first, last) over blocks of [0, count). work: multiply-adds, or as long, of one index.
  // align: blocks start at its multiples.
  void for_blocks(std::int64_t count, std::int64_t work, std::int64_t align,
                  const std::function<void(std::int64_t, std::int64_t)>& body) {
    if (count == 0) return;
    const std::int64_t num_threads = pool_.num_threads();
    if (num_threads == 1 || count * work < kMinParallelWork) return body(0, count);
    // Several blocks a thread even out the load, unless they become too small.
    const std::int64_t wanted =
        std::max((count + num_threads * 4 - 1) / (num_threads * 4), kMinParallelWork / 4 / work);
    const std::int64_t block = std::max<std::int64_t>((wanted + align - 1) / align, 1) * align;
    pool_.parallel_for((count + block - 1) / block,
                       [&](std::int64_t i) { body(i * block, std::min(count, (i + 1) * block)); });
  }

  // for_blocks() for kernels in other files.
  cpu::ForBlocks blocks_runner() {
    return [this](std::int64_t count, std::int64_t work, std::int64_t align,
                  const std::function<void(std::int64_t, std::int64_t)>& body) {
      for_blocks(count, work, align, body);
    };
  }

  // body(row) for each of `count` rows of `work` each.
  template <typename Body>
  void for_rows(std::int64_t count, std::int64_t work, const Body& body) {
    for_blocks(count, work, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first; row < last; ++row) body(row);
    });
  }

  void do_embedding(const ConstTensorView& tokens, const Weight& table, float scale,
                    const TensorView& out) override {
    for_blocks(tokens.shape[0], kWorkPerElement * out.shape[1], 1,
               [&](std::int64_t first, std::int64_t last) {
                 reference::embedding(tokens.slice(first, last - first), table, scale,
                                      out.slice(first, last - first));
               });
  }

  void do_gather_rows(const ConstTensorView& x, const ConstTensorView& rows,
                      const TensorView& out) override {
    for_blocks(rows.shape[0], x.shape[1], 1, [&](std::int64_t first, std::int64_t last) {
      reference::gather_rows(x, rows.slice(first, last - first), out.slice(first, last - first));
    });
  }

  void do_add(const TensorView& x, const ConstTensorView& y) override {
    const std::int64_t size = x.shape[1];
    for_rows(x.rows(), size, [&](std::int64_t row) {
      cpu::add_row(x.f32() + row * size, y.f32() + row * size, size);
    });
  }

  void do_rms_norm(const ConstTensorView& x, const ConstTensorView& weight, float eps,
                   const TensorView& out) override {
    const std::int64_t size = x.shape[1];
    for_rows(x.rows(), size, [&](std::int64_t row) {
      cpu::rms_norm_row(x.f32() + row * size, weight, eps, size, out.f32() + row * size);
    });
  }

  void do_layer_norm(const ConstTensorView& x, const ConstTensorView& weight,
                     const ConstTensorView& bias, float eps, const TensorView& out) override {
    const std::int64_t size = x.shape[1];
    for_rows(x.rows(), 2 * size, [&](std::int64_t row) {
      cpu::layer_norm_row(x.f32() + row * size, weight, bias, eps, size, out.f32() + row * size);
    });
  }

  static bool is_plain(const Weight& weight) {
    return weight.dtype() == DType::kF32 || weight.dtype() == DType::kBF16 ||
           weight.dtype() == DType::kF16;
  }

  void do_linear(const ConstTensorView& x, std::span<const LinearPart> parts) override {
    const std::int64_t size = x.shape[1];
    const std::int64_t num_rows = x.rows();
    const bool quantizes = std::any_of(parts.begin(), parts.end(), [](const LinearPart& part) {
      return cpu::has_integers(part.weight);
    });
    const bool splits = std::any_of(parts.begin(), parts.end(), [](const LinearPart& part) {
      return cpu::has_tiles(part.weight);
    });
    if (quantizes) quantize(x);
    if (splits) split(x);
    // The outputs of all parts in one loop, each part starting at a multiple of `least`.
    const std::int64_t least = splits      ? cpu::kTileOutputs
                               : quantizes ? cpu::kIntegerOutputs
                                           : cpu::kMatmulOutputs;
    std::vector<std::int64_t> starts{0};
    for (const LinearPart& part : parts) {
      const std::int64_t outputs = part.out.shape[1];
      starts.push_back(starts.back() + (outputs + least - 1) / least * least);
    }
    // Where there is enough for every thread, in blocks whose weights are one stream.
    const std::int64_t align = starts.back() >= cpu::kStreamOutputs * pool_.num_threads() * 4
                                   ? cpu::kStreamOutputs
                                   : least;
    const auto multiply = [&](std::int64_t first, std::int64_t last, std::int64_t first_row,
                              std::int64_t last_row) {
      thread_local std::vector<cpu::MatmulPart> blocks;
      blocks.clear();
      for (std::size_t p = 0; p < parts.size(); ++p) {
        const std::int64_t stride = parts[p].out.shape[1];
        const std::int64_t from = std::max<std::int64_t>(first - starts[p], 0);
        const std::int64_t to = std::min(last - starts[p], stride);
        if (from >= to) continue;
        blocks.push_back(
            {&parts[p].weight, from, to, parts[p].bias, parts[p].out.f32() + from, stride});
      }
      linear_block(x, first_row, last_row, quantizes, splits, blocks);
    };
    if (splits && num_rows > cpu::kMaxMatmulRows) {
      return for_tile_blocks(starts.back(), num_rows, size, multiply);
    }
    for_blocks(starts.back(), size * num_rows, align,
               [&](std::int64_t first, std::int64_t last) { multiply(first, last, 0, num_rows); });
  }

  // body(first output, last, first row, last) over blocks of many rows. Tiles multiply faster than
  // memory gives either side: the weights of a block stay in the second-level cache for all its
  // rows, and rows are read again for as few blocks of outputs as leave every thread some blocks.
  template <typename Body>
  void for_tile_blocks(std::int64_t num_outputs, std::int64_t num_rows, std::int64_t size,
                       const Body& body) {
    constexpr std::int64_t kCachedBytes = 1 << 20;
    constexpr std::int64_t kBlocksAThread = 3;
    constexpr std::int64_t kFewRows = 4 * cpu::kMaxMatmulRows;
    constexpr std::int64_t kFewOutputs = 2 * cpu::kTileOutputs;
    const auto num_blocks = [](std::int64_t count, std::int64_t block) {
      return (count + block - 1) / block;
    };
    std::int64_t outputs = std::max(kCachedBytes / 2 / size / cpu::kTileOutputs * cpu::kTileOutputs,
                                    cpu::kTileOutputs);
    std::int64_t rows = num_blocks(num_rows, cpu::kMaxMatmulRows) * cpu::kMaxMatmulRows;
    const auto has_enough = [&] {
      return num_blocks(num_outputs, outputs) * num_blocks(num_rows, rows) >=
             pool_.num_threads() * kBlocksAThread;
    };
    while (!has_enough() && rows > kFewRows) {
      rows = num_blocks(rows / 2, cpu::kMaxMatmulRows) * cpu::kMaxMatmulRows;
    }
    while (!has_enough() && outputs > kFewOutputs) {
      outputs = num_blocks(outputs / 2, cpu::kTileOutputs) * cpu::kTileOutputs;
    }
    const std::int64_t row_blocks = num_blocks(num_rows, rows);
    for_rows(
        num_blocks(num_outputs, outputs) * row_blocks, size * outputs * rows, [&](std::int64_t i) {
          const std::int64_t first = i / row_blocks * outputs;
          const std::int64_t row = i % row_blocks * rows;
          body(first, std::min(num_outputs, first + outputs), row, std::min(num_rows, row + rows));
        });
  }

  void linear_block(const ConstTensorView& x, std::int64_t first_row, std::int64_t last_row,
                    bool quantizes, bool splits, std::vector<cpu::MatmulPart>& parts) const {
    const std::int64_t size = x.shape[1];
    std::array<const float*, cpu::kMaxMatmulRows> rows;
    for (cpu::MatmulPart& part : parts) part.out += first_row * part.out_stride;
    for (std::int64_t row = first_row; row < last_row; row += cpu::kMaxMatmulRows) {
      const auto count =
          static_cast<std::size_t>(std::min<std::int64_t>(cpu::kMaxMatmulRows, last_row - row));
      for (std::size_t i = 0; i < count; ++i) {
        rows[i] = x.f32() + (row + static_cast<std::int64_t>(i)) * size;
      }
      cpu::MatmulRows call{.rows = std::span(rows.data(), count)};
      if (splits) call.split = split_x_.rows(static_cast<std::size_t>(row), count);
      if (quantizes) call.quantized = quantized_x_.rows(static_cast<std::size_t>(row), count);
      cpu::matmul(call, parts);
      for (cpu::MatmulPart& part : parts) part.out += cpu::kMaxMatmulRows * part.out_stride;
    }
  }

  // x into quantized_x_.
  void quantize(const ConstTensorView& x) {
    const std::int64_t size = x.shape[1];
    quantized_x_.resize(x.rows(), size);
    for_rows(x.rows(), size,
             [&](std::int64_t row) { quantized_x_.set(row, 0, x.f32() + row * size, size); });
  }

  // x into split_x_.
  void split(const ConstTensorView& x) {
    const std::int64_t size = x.shape[1];
    split_x_.begin(x.rows(), size);
    split_x_.add(x.rows());
    for_rows(x.rows(), size,
             [&](std::int64_t row) { split_x_.set(row, 0, x.f32() + row * size, size); });
  }

  void do_rope_angles(const ConstTensorView& positions, std::span<const float> inv_freq,
                      float scaling, const TensorView& out) override {
    constexpr std::int64_t kWorkPerAngle = 400;  // a sine and a cosine: about 20 ns
    for_blocks(positions.shape[0], kWorkPerAngle * static_cast<std::int64_t>(inv_freq.size()), 1,
               [&](std::int64_t first, std::int64_t last) {
                 reference::rope_angles(
                     ConstTensorView{positions.i32() + first, DType::kI32, {last - first}},
                     inv_freq, scaling, out.slice(first, last - first));
               });
  }

  void do_axial_rope_angles(const ConstTensorView& positions, std::span<const float> inv_freq,
                            std::span<const std::uint8_t> axes, float scaling,
                            const TensorView& out) override {
    constexpr std::int64_t kWorkPerAngle = 400;  // as in do_rope_angles()
    for_blocks(positions.shape[0], kWorkPerAngle * static_cast<std::int64_t>(inv_freq.size()), 1,
               [&](std::int64_t first, std::int64_t last) {
                 reference::axial_rope_angles(positions.slice(first, last - first), inv_freq, axes,
                                              scaling, out.slice(first, last - first));
               });
  }

  void do_rope(const TensorView& x, const ConstTensorView& cos_sin) override {
    const std::int64_t num_heads = x.shape[1];
    const std::int64_t head_dim = x.shape[2];
    const std::int64_t rotary_dim = cos_sin.shape[1];
    for_rows(x.rows(), num_heads * head_dim, [&](std::int64_t row) {
      for (std::int64_t head = 0; head < num_heads; ++head) {
        cpu::rope_head(x.f32() + (row * num_heads + head) * head_dim,
                       cos_sin.f32() + row * rotary_dim, rotary_dim);
      }
    });
  }

  void do_store_kv(const ConstTensorView& k, const ConstTensorView& v, const BatchRows& rows,
                   const KvLayer& layer) override {
    constexpr std::int64_t kRowsAtOnce = 8;
    for (const SequenceRows& sequence : rows.sequences) {
      for_blocks(sequence.num_rows, kWorkPerElement * 2 * k.shape[1] * k.shape[2], kRowsAtOnce,
                 [&](std::int64_t first, std::int64_t last) {
                   SequenceRows part = sequence;
                   part.first_row = 0;
                   part.num_rows = static_cast<int>(last - first);
                   part.first_position += static_cast<int>(first);
                   BatchRows part_rows;
                   part_rows.sequences = std::span(&part, 1);
                   reference::store_kv(k.slice(sequence.first_row + first, last - first),
                                       v.slice(sequence.first_row + first, last - first), part_rows,
                                       layer);
                 });
    }
  }

  void do_segment_attention(const ConstTensorView& q, const ConstTensorView& k,
                            const ConstTensorView& v, std::int64_t segment_rows, float scale,
                            const TensorView& out) override {
    cpu::segment_attention(blocks_runner(), q, k, v, segment_rows, scale, out);
  }

  void do_causal_conv(const ConstTensorView& x, const ConstTensorView& weight,
                      const BatchRows& rows, const TensorView& state,
                      const TensorView& out) override {
    cpu::causal_conv(blocks_runner(), x, weight, rows, state, out);
  }

  void do_gated_delta_rule(const ConstTensorView& qkv, const ConstTensorView& a,
                           const ConstTensorView& b, const ConstTensorView& a_log,
                           const ConstTensorView& dt_bias, int num_key_heads, const BatchRows& rows,
                           const TensorView& state, const TensorView& out) override {
    cpu::gated_delta_rule(blocks_runner(), qkv, a, b, a_log, dt_bias, num_key_heads, rows, state,
                          out);
  }

  void do_attention(const ConstTensorView& q, const BatchRows& rows, const KvLayer& layer,
                    const AttentionOptions& options, const TensorView& out) override {
    attention_.run(blocks_runner(), pool_.num_threads(), q, rows, layer, options, out);
  }

  void do_route(const ConstTensorView& logits, bool norm_topk_prob, const TensorView& expert_ids,
                const TensorView& expert_weights) override {
    constexpr std::int64_t kWorkPerExpert = 200;  // an exponential and top_k comparisons
    for_blocks(logits.rows(), kWorkPerExpert * logits.shape[1], 1,
               [&](std::int64_t first, std::int64_t last) {
                 reference::route(logits.slice(first, last - first), norm_topk_prob,
                                  expert_ids.slice(first, last - first),
                                  expert_weights.slice(first, last - first));
               });
  }

  void do_gated_activation(const GatedActivation& activation, const ConstTensorView& gate,
                           const ConstTensorView& up, const TensorView& out) override {
    const std::int64_t size = gate.shape[1];
    for_rows(gate.rows(), kWorkPerExp * size, [&](std::int64_t row) {
      cpu::gated_activation_row(activation, gate.f32() + row * size, up.f32() + row * size, size,
                                out.f32() + row * size);
    });
  }

  void do_activate(Activation activation, const TensorView& x) override {
    const std::int64_t size = x.shape[1];
    for_rows(x.rows(), kWorkPerExp * size, [&](std::int64_t row) {
      const TensorView one = x.slice(row, 1);
      if (activation == Activation::kGelu) return reference::activate(activation, one);
      cpu::activate_row(activation, one.f32(), size);
    });
  }

  void do_multiply_sigmoid(const TensorView& x, const ConstTensorView& gate) override {
    const std::int64_t size = x.shape[1];
    const std::int64_t num_gates = gate.shape[1];
    const std::int64_t per_gate = size / num_gates;
    for_rows(x.rows(), kWorkPerExp * size, [&](std::int64_t row) {
      float* const values = x.f32() + row * size;
      const float* const gates = gate.f32() + row * num_gates;
      if (per_gate == 1) return cpu::multiply_sigmoid_row(values, gates, false, size);
      for (std::int64_t i = 0; i < num_gates; ++i) {
        cpu::multiply_sigmoid_row(values + i * per_gate, gates + i, true, per_gate);
      }
    });
  }

  void do_clamp(const TensorView& x, float limit) override {
    const std::int64_t size = x.shape[1];
    for_rows(x.rows(), size,
             [&](std::int64_t row) { cpu::clamp_row(x.f32() + row * size, limit, size); });
  }

  void do_softcap(const TensorView& x, float cap) override {
    const std::int64_t size = x.shape[1];
    for_rows(x.rows(), kWorkPerExp * size,
             [&](std::int64_t row) { cpu::softcap_row(x.f32() + row * size, cap, size); });
  }

  // Tokens sorted by expert, so that each expert's weights are read once for all its tokens: gate,
  // up and activation as one task per block of I, then down per block of H, then each token's sum.
  void do_experts(const ConstTensorView& x, const ConstTensorView& expert_ids,
                  const ConstTensorView& expert_weights, const ExpertWeights& weights,
                  const TensorView& out) override {
    const std::int64_t num_rows = x.rows();
    const std::int64_t hidden = x.shape[1];
    const std::int64_t top_k = expert_ids.shape[1];
    const std::int64_t inner = weights.gate_proj.front().shape()[0];
    if (num_rows == 0) return;
    const auto bias_of = [](const ConstTensorView& bias, std::size_t expert) {
      return bias ? bias.at(static_cast<std::int64_t>(expert)) : ConstTensorView{};
    };
    sort_by_expert(expert_ids, weights.gate_proj.size());
    const auto num_slots = static_cast<std::size_t>(num_rows * top_k);
    const auto at_least = [](Tensor& tensor, std::int64_t size) {
      if (tensor.view().num_elements() < size) tensor = host_tensor(DType::kF32, {size});
    };
    at_least(inner_, static_cast<std::int64_t>(num_slots) * inner);
    at_least(expert_out_, static_cast<std::int64_t>(num_slots) * hidden);
    float* const inner_values = inner_.view().f32();
    float* const expert_out = expert_out_.view().f32();
    const bool quantizes =
        meets(weights.gate_proj, cpu::has_integers) || meets(weights.up_proj, cpu::has_integers);
    const bool quantizes_inner = meets(weights.down_proj, cpu::has_integers);
    if (quantizes) quantize(x);
    if (quantizes_inner) quantized_inner_.resize(static_cast<std::int64_t>(num_slots), inner);
    const bool splits =
        meets(weights.gate_proj, cpu::has_tiles) || meets(weights.up_proj, cpu::has_tiles);
    const bool splits_inner = meets(weights.down_proj, cpu::has_tiles);
    if (splits_inner) begin_slots(split_inner_, inner);
    x_rows_.resize(num_slots);
    quantized_slots_.resize(quantizes ? num_slots : 0);
    for (std::size_t i = 0; i < num_slots; ++i) {
      const std::size_t row = i / static_cast<std::size_t>(top_k);
      x_rows_[slot_place_[i]] = x.f32() + static_cast<std::int64_t>(row) * hidden;
      if (quantizes) quantized_slots_[slot_place_[i]] = quantized_x_.rows(row, 1).front();
    }
    if (splits) {
      begin_slots(split_slots_, hidden);
      for_rows(static_cast<std::int64_t>(num_slots), hidden, [&](std::int64_t slot) {
        split_slots_.set(slot, 0, x_rows_[static_cast<std::size_t>(slot)], hidden);
      });
    }
    // Those of a block's slots, where there are any.
    const auto rows_of = [](std::span<const float* const> rows, bool is_quantized,
                            std::span<const cpu::QuantizedRow> quantized, bool is_split,
                            const cpu::SplitRows& split, const ExpertBlock& block) {
      cpu::MatmulRows call{.rows = rows};
      if (is_quantized) call.quantized = quantized.subspan(block.first_slot, block.num_slots);
      if (is_split) call.split = split.rows(block.first_slot, block.num_slots);
      return call;
    };

    constexpr std::int64_t kInnerBlock = 256;  // the most, of few rows
    const auto gate_of = [&](const ExpertBlock& block, float* to) {
      return cpu::MatmulPart{&weights.gate_proj[block.expert],         block.first, block.last,
                             bias_of(weights.gate_bias, block.expert), to,          kInnerBlock};
    };
    for_expert_blocks(inner, {splits ? 128 : 64, kInnerBlock}, 2 * hidden, [&](std::size_t index) {
      const ExpertBlock& block = blocks_[index];
      alignas(64) std::array<float, kInnerBlock * cpu::kMaxMatmulRows> gate;
      alignas(64) std::array<float, kInnerBlock * cpu::kMaxMatmulRows> up;
      const std::array parts{
          gate_of(block, gate.data()),
          cpu::MatmulPart{&weights.up_proj[block.expert], block.first, block.last,
                          bias_of(weights.up_bias, block.expert), up.data(), kInnerBlock}};
      std::optional<cpu::MatmulPart> next;
      if (index + 1 < blocks_.size()) next = gate_of(blocks_[index + 1], gate.data());
      cpu::matmul(rows_of(std::span(x_rows_.data() + block.first_slot, block.num_slots), quantizes,
                          quantized_slots_, splits, split_slots_, block),
                  parts, next ? &*next : nullptr);
      for (std::size_t i = 0; i < block.num_slots; ++i) {
        const auto slot = static_cast<std::int64_t>(block.first_slot + i);
        float* const to = inner_values + slot * inner + block.first;
        cpu::gated_activation_row(weights.activation, gate.data() + i * kInnerBlock,
                                  up.data() + i * kInnerBlock, block.last - block.first, to);
        if (quantizes_inner) quantized_inner_.set(slot, block.first, to, block.last - block.first);
        if (splits_inner) split_inner_.set(slot, block.first, to, block.last - block.first);
      }
    });

    const auto down_of = [&](const ExpertBlock& block) {
      return cpu::MatmulPart{
          &weights.down_proj[block.expert],
          block.first,
          block.last,
          bias_of(weights.down_bias, block.expert),
          expert_out + static_cast<std::int64_t>(block.first_slot) * hidden + block.first,
          hidden};
    };
    for_expert_blocks(hidden, {128, 512}, inner, [&](std::size_t index) {
      const ExpertBlock& block = blocks_[index];
      std::array<const float*, cpu::kMaxMatmulRows> rows;
      for (std::size_t i = 0; i < block.num_slots; ++i) {
        rows[i] = inner_values + static_cast<std::int64_t>(block.first_slot + i) * inner;
      }
      std::optional<cpu::MatmulPart> next;
      if (index + 1 < blocks_.size()) next = down_of(blocks_[index + 1]);
      cpu::matmul(rows_of(std::span(rows.data(), block.num_slots), quantizes_inner,
                          quantized_inner_.rows(0, num_slots), splits_inner, split_inner_, block),
                  std::array{down_of(block)}, next ? &*next : nullptr);
    });

    for_rows(num_rows, top_k * hidden, [&](std::int64_t row) {
      thread_local std::vector<const float*> rows;
      rows.resize(static_cast<std::size_t>(top_k));
      for (std::int64_t k = 0; k < top_k; ++k) {
        const auto place =
            static_cast<std::int64_t>(slot_place_[static_cast<std::size_t>(row * top_k + k)]);
        rows[static_cast<std::size_t>(k)] = expert_out + place * hidden;
      }
      cpu::weighted_sum(rows, expert_weights.f32() + row * top_k, hidden, out.f32() + row * hidden);
    });
  }

  void do_log_sum_exp(const ConstTensorView& logits, const TensorView& out) override {
    const std::int64_t size = logits.shape[1];
    for_rows(logits.rows(), kWorkPerExp * size, [&](std::int64_t row) {
      out.f32()[row] = cpu::log_sum_exp_row(logits.f32() + row * size, size);
    });
  }

  void do_arg_max(const ConstTensorView& x, const TensorView& index,
                  const TensorView& value) override {
    for_rows(x.rows(), x.shape[1], [&](std::int64_t row) {
      reference::arg_max(x.slice(row, 1), index.slice(row, 1), value.slice(row, 1));
    });
  }

  void do_pick(const ConstTensorView& x, const ConstTensorView& columns,
               const TensorView& out) override {
    reference::pick(x, columns, out);
  }

  // Whether an expert that has slots has such a matrix.
  bool meets(const std::vector<Weight>& matrices, bool (*is_such)(const Weight&)) const {
    for (std::size_t expert = 0; expert < matrices.size(); ++expert) {
      if (expert_start_[expert + 1] > expert_start_[expert] && is_such(matrices[expert])) {
        return true;
      }
    }
    return false;
  }

  // `rows` for all slots in the order by expert, those of an expert together.
  void begin_slots(cpu::SplitRows& rows, std::int64_t size) const {
    rows.begin(static_cast<std::int64_t>(expert_start_.back()), size);
    for (std::size_t expert = 0; expert + 1 < expert_start_.size(); ++expert) {
      rows.add(static_cast<std::int64_t>(expert_start_[expert + 1] - expert_start_[expert]));
    }
  }

  // Counting sort: slot_place_[t * K + k] is where (token, slot) stands among all, by expert.
  void sort_by_expert(const ConstTensorView& expert_ids, std::size_t num_experts) {
    const auto num_slots = static_cast<std::size_t>(expert_ids.num_elements());
    const std::span<const std::int32_t> ids(expert_ids.i32(), num_slots);
    expert_start_.assign(num_experts + 1, 0);
    for (const std::int32_t id : ids) ++expert_start_[static_cast<std::size_t>(id) + 1];
    for (std::size_t e = 0; e < num_experts; ++e) expert_start_[e + 1] += expert_start_[e];
    slot_place_.resize(num_slots);
    std::vector<std::size_t>& next = expert_next_;
    next.assign(expert_start_.begin(), expert_start_.end() - 1);
    for (std::size_t i = 0; i < num_slots; ++i) {
      slot_place_[i] = next[static_cast<std::size_t>(ids[i])]++;
    }
  }

  // Some outputs of one expert for some of its slots.
  struct ExpertBlock {
    std::size_t expert;
    std::size_t first_slot;  // in the order by expert
    std::size_t num_slots;   // at most kMaxMatmulRows
    std::int64_t first;      // output
    std::int64_t last;
  };

  // Outputs of a block: as few as keep many rows' sums in the cache, and as many as let few rows
  // read a long way without a stop (a tenth of a decode step at batch 1).
  struct BlockOutputs {
    std::int64_t least, most;
  };

  // body(index into blocks_) for blocks that together cover all outputs of all slots. work:
  // multiply-adds per output.
  void for_expert_blocks(std::int64_t num_outputs, BlockOutputs sizes, std::int64_t work,
                         const std::function<void(std::size_t)>& body) {
    blocks_.clear();
    std::int64_t met = 0;
    std::size_t most_slots = 0;
    for (std::size_t expert = 0; expert + 1 < expert_start_.size(); ++expert) {
      const std::size_t slots = expert_start_[expert + 1] - expert_start_[expert];
      met += slots > 0 ? 1 : 0;
      most_slots = std::max(most_slots, slots);
    }
    constexpr std::size_t kFewSlots = 16;
    constexpr std::int64_t kBlocksAThread = 4;
    const std::int64_t wanted = met * num_outputs / (pool_.num_threads() * kBlocksAThread);
    const std::int64_t block_outputs =
        most_slots > kFewSlots
            ? sizes.least
            : std::clamp(wanted / sizes.least * sizes.least, sizes.least, sizes.most);
    std::int64_t total_work = 0;
    for (std::size_t expert = 0; expert + 1 < expert_start_.size(); ++expert) {
      const std::size_t end = expert_start_[expert + 1];
      for (std::int64_t first = 0; first < num_outputs; first += block_outputs) {
        const std::int64_t last = std::min(num_outputs, first + block_outputs);
        for (std::size_t slot = expert_start_[expert]; slot < end; slot += cpu::kMaxMatmulRows) {
          const std::size_t count = std::min<std::size_t>(cpu::kMaxMatmulRows, end - slot);
          blocks_.push_back({expert, slot, count, first, last});
          total_work += static_cast<std::int64_t>(count) * (last - first) * work;
        }
      }
    }
    const auto count = static_cast<std::int64_t>(blocks_.size());
    for_rows(count, total_work / std::max<std::int64_t>(count, 1),
             [&](std::int64_t i) { body(static_cast<std::size_t>(i)); });
  }

  WeightPrecision precision_;
  std::optional<cpu::Tiles> tiles_;  // what bfloat16 matrices are multiplied with
  ThreadPool pool_;
  cpu::Arena arena_;
  // Half of the memory may be the cache's (memory_plan.h), and something has to be left.
  std::int64_t most_copied_bytes_ = host_memory_bytes() / 5 * 2;
  // Reused between calls.
  cpu::PagedAttention attention_;
  std::vector<std::size_t> expert_start_;  // [E + 1]
  std::vector<std::size_t> expert_next_;
  std::vector<std::size_t> slot_place_;
  std::vector<ExpertBlock> blocks_;
  std::vector<const float*> x_rows_;
  cpu::QuantizedRows quantized_x_;
  cpu::QuantizedRows quantized_inner_;              // [slots, I]
  std::vector<cpu::QuantizedRow> quantized_slots_;  // of x, in the order by expert
  cpu::SplitRows split_x_;
  cpu::SplitRows split_slots_;  // of x, in the order by expert
  cpu::SplitRows split_inner_;  // [slots, I]
  Tensor inner_;                // [slots, I], in cache lines of its own
  Tensor expert_out_;           // [slots, H]
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(const BackendOptions& options) {
  return std::make_unique<CpuBackend>(options);
}

}  // namespace peira::model
