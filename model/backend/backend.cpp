#include "model/backend/backend.h"

#include <charconv>
#include <iterator>
#include <string_view>

#include "base/error.h"

namespace peira::model {
namespace {

[[noreturn]] void mismatch(const char* operation, const char* what, const Shape& shape) {
  throw Error(ErrorCode::kInternal, std::string(operation) + ": " + what + " is " + shape.text());
}

void expect(bool holds, const char* operation, const char* what, const Shape& shape) {
  if (!holds) mismatch(operation, what, shape);
}

void expect_f32(const char* operation, const char* what, const ConstTensorView& x, int rank) {
  expect(x.dtype == DType::kF32 && x.shape.rank() == rank, operation, what, x.shape);
}

void expect_i32(const char* operation, const char* what, const ConstTensorView& x, int rank) {
  expect(x.dtype == DType::kI32 && x.shape.rank() == rank, operation, what, x.shape);
}

void expect_vector(const char* operation, const char* what, const ConstTensorView& x,
                   const Shape& shape) {
  const bool is_plain = x.dtype == DType::kF32 || x.dtype == DType::kBF16 || x.dtype == DType::kF16;
  expect(x && is_plain && x.shape == shape, operation, what, x.shape);
}

void expect_matrix(const char* operation, const char* what, const Weight& x, const Shape& shape) {
  expect(x && x.dtype() != DType::kI32 && x.shape() == shape, operation, what, x.shape());
}

void expect_rows(const char* operation, const BatchRows& rows, std::int64_t num_rows) {
  const auto num_sequences = static_cast<std::int64_t>(rows.sequences.size());
  expect_i32(operation, "positions", rows.positions, 1);
  expect(rows.positions.shape[0] == num_rows, operation, "positions", rows.positions.shape);
  expect(rows.row_sequence.shape == Shape({num_rows}), operation, "row_sequence",
         rows.row_sequence.shape);
  expect(rows.first_rows.shape.rank() == 1 && rows.first_rows.shape[0] > num_sequences, operation,
         "first_rows", rows.first_rows.shape);
  std::int64_t covered = 0;
  for (const SequenceRows& sequence : rows.sequences) {
    const bool fits =
        sequence.first_row == covered && sequence.num_rows > 0 && sequence.first_position >= 0;
    if (!fits)
      mismatch(operation, "a sequence's rows", Shape({sequence.first_row, sequence.num_rows}));
    covered += sequence.num_rows;
  }
  // What is left is padding.
  if (covered > num_rows) mismatch(operation, "rows in sequences", Shape({covered, num_rows}));
}

void expect_pages(const char* operation, const BatchRows& rows, const KvLayer& layer,
                  std::int64_t head_dim) {
  const Shape& keys = layer.keys.shape;
  expect(keys.rank() == 4 && keys[2] == head_dim && keys[3] == kKvPageTokens, operation, "keys",
         keys);
  expect(layer.values.shape == Shape({keys[0], keys[1], kKvPageTokens, head_dim}) &&
             layer.values.dtype == layer.keys.dtype,
         operation, "values", layer.values.shape);
  if (layer.keys.dtype == DType::kI8) {
    const Shape scales{keys[0], keys[1], kKvPageTokens};
    expect(layer.key_scales.shape == scales, operation, "key_scales", layer.key_scales.shape);
    expect(layer.value_scales.shape == scales, operation, "value_scales", layer.value_scales.shape);
  } else {
    expect(layer.keys.dtype == DType::kF32 || layer.keys.dtype == DType::kBF16, operation,
           "keys' type", keys);
  }
  for (const SequenceRows& sequence : rows.sequences) {
    const std::int64_t end = std::int64_t{sequence.first_position} + sequence.num_rows;
    if (end > static_cast<std::int64_t>(sequence.pages.size()) * kKvPageTokens) {
      mismatch(operation, "pages", Shape({static_cast<std::int64_t>(sequence.pages.size())}));
    }
  }
}

void expect_states(const char* operation, const BatchRows& rows, const TensorView& state) {
  for (const SequenceRows& sequence : rows.sequences) {
    expect(sequence.state_slot >= 0 && sequence.state_slot < state.shape[0], operation, "state",
           state.shape);
  }
}

}  // namespace

void Backend::embedding(const ConstTensorView& tokens, const Weight& table, float scale,
                        const TensorView& out) {
  expect_i32("embedding", "tokens", tokens, 1);
  expect_f32("embedding", "out", out, 2);
  expect(out.shape[0] == tokens.shape[0], "embedding", "out", out.shape);
  expect(table.shape().rank() == 2 && table.shape()[1] == out.shape[1], "embedding", "table",
         table.shape());
  do_embedding(tokens, table, scale, out);
}

void Backend::rms_norm(const ConstTensorView& x, const ConstTensorView& weight, float eps,
                       const TensorView& out) {
  expect_f32("rms_norm", "x", x, 2);
  expect_f32("rms_norm", "out", out, 2);
  expect(out.shape == x.shape, "rms_norm", "out", out.shape);
  expect_vector("rms_norm", "weight", weight, Shape({x.shape[1]}));
  do_rms_norm(x, weight, eps, out);
}

void Backend::layer_norm(const ConstTensorView& x, const ConstTensorView& weight,
                         const ConstTensorView& bias, float eps, const TensorView& out) {
  expect_f32("layer_norm", "x", x, 2);
  expect_f32("layer_norm", "out", out, 2);
  expect(out.shape == x.shape, "layer_norm", "out", out.shape);
  expect_vector("layer_norm", "weight", weight, Shape({x.shape[1]}));
  expect_vector("layer_norm", "bias", bias, Shape({x.shape[1]}));
  do_layer_norm(x, weight, bias, eps, out);
}

void Backend::linear(const ConstTensorView& x, std::span<const LinearPart> parts) {
  expect_f32("linear", "x", x, 2);
  for (const LinearPart& part : parts) {
    expect_f32("linear", "out", part.out, 2);
    expect(part.out.shape[0] == x.shape[0], "linear", "out", part.out.shape);
    expect_matrix("linear", "weight", part.weight, Shape({part.out.shape[1], x.shape[1]}));
    if (part.bias) expect_vector("linear", "bias", part.bias, Shape({part.out.shape[1]}));
  }
  do_linear(x, parts);
}

void Backend::rope_angles(const ConstTensorView& positions, std::span<const float> inv_freq,
                          float scaling, const TensorView& out) {
  expect_i32("rope_angles", "positions", positions, 1);
  expect_f32("rope_angles", "out", out, 2);
  expect(out.shape == Shape({positions.shape[0], 2 * static_cast<std::int64_t>(inv_freq.size())}),
         "rope_angles", "out", out.shape);
  do_rope_angles(positions, inv_freq, scaling, out);
}

void Backend::axial_rope_angles(const ConstTensorView& positions, std::span<const float> inv_freq,
                                std::span<const std::uint8_t> axes, float scaling,
                                const TensorView& out) {
  expect_f32("axial_rope_angles", "positions", positions, 2);
  expect_f32("axial_rope_angles", "out", out, 2);
  expect(out.shape == Shape({positions.shape[0], 2 * std::ssize(inv_freq)}), "axial_rope_angles",
         "out", out.shape);
  expect(std::ssize(axes) == std::ssize(inv_freq), "axial_rope_angles", "number of axes",
         Shape({std::ssize(axes)}));
  for (const std::uint8_t axis : axes) {
    expect(axis < positions.shape[1], "axial_rope_angles", "an axis", Shape({axis}));
  }
  do_axial_rope_angles(positions, inv_freq, axes, scaling, out);
}

void Backend::rope(const TensorView& x, const ConstTensorView& cos_sin) {
  expect_f32("rope", "x", x, 3);
  expect_f32("rope", "cos_sin", cos_sin, 2);
  expect(
      cos_sin.shape[0] == x.shape[0] && cos_sin.shape[1] <= x.shape[2] && cos_sin.shape[1] % 2 == 0,
      "rope", "cos_sin", cos_sin.shape);
  do_rope(x, cos_sin);
}

void Backend::store_kv(const ConstTensorView& k, const ConstTensorView& v, const BatchRows& rows,
                       const KvLayer& layer) {
  expect_f32("store_kv", "k", k, 3);
  expect_f32("store_kv", "v", v, 3);
  expect(v.shape == k.shape, "store_kv", "v", v.shape);
  expect_rows("store_kv", rows, k.shape[0]);
  expect_pages("store_kv", rows, layer, k.shape[2]);
  expect(layer.keys.shape[1] == k.shape[1], "store_kv", "keys", layer.keys.shape);
  do_store_kv(k, v, rows, layer);
}

void Backend::attention(const ConstTensorView& q, const BatchRows& rows, const KvLayer& layer,
                        const AttentionOptions& options, const TensorView& out) {
  expect_f32("attention", "q", q, 3);
  expect_f32("attention", "out", out, 2);
  expect(out.shape == Shape({q.shape[0], q.shape[1] * q.shape[2]}), "attention", "out", out.shape);
  expect_rows("attention", rows, q.shape[0]);
  expect_pages("attention", rows, layer, q.shape[2]);
  expect(q.shape[1] % layer.keys.shape[1] == 0, "attention", "q", q.shape);
  expect(options.sliding_window >= 0, "attention", "sliding_window",
         Shape({options.sliding_window}));
  if (options.sinks) expect_vector("attention", "sinks", options.sinks, Shape({q.shape[1]}));
  do_attention(q, rows, layer, options, out);
}

void Backend::segment_attention(const ConstTensorView& q, const ConstTensorView& k,
                                const ConstTensorView& v, std::int64_t segment_rows, float scale,
                                const TensorView& out) {
  expect_f32("segment_attention", "q", q, 3);
  expect_f32("segment_attention", "k", k, 3);
  expect_f32("segment_attention", "v", v, 3);
  expect_f32("segment_attention", "out", out, 2);
  expect(k.shape == q.shape, "segment_attention", "k", k.shape);
  expect(v.shape == q.shape, "segment_attention", "v", v.shape);
  expect(q.shape[2] <= kMostSegmentHeadDim, "segment_attention", "q", q.shape);
  expect(out.shape == Shape({q.shape[0], q.shape[1] * q.shape[2]}), "segment_attention", "out",
         out.shape);
  expect(segment_rows >= 1, "segment_attention", "segment_rows", Shape({segment_rows}));
  do_segment_attention(q, k, v, segment_rows, scale, out);
}

void Backend::causal_conv(const ConstTensorView& x, const ConstTensorView& weight,
                          const BatchRows& rows, const TensorView& state, const TensorView& out) {
  expect_f32("causal_conv", "x", x, 2);
  expect_f32("causal_conv", "out", out, 2);
  expect(out.shape == x.shape && out.data != x.data, "causal_conv", "out", out.shape);
  expect(weight.shape.rank() == 2, "causal_conv", "weight", weight.shape);
  expect_vector("causal_conv", "weight", weight, Shape({x.shape[1], weight.shape[1]}));
  expect_f32("causal_conv", "state", state, 3);
  expect(state.shape == Shape({state.shape[0], x.shape[1], weight.shape[1] - 1}), "causal_conv",
         "state", state.shape);
  expect_rows("causal_conv", rows, x.shape[0]);
  expect_states("causal_conv", rows, state);
  do_causal_conv(x, weight, rows, state, out);
}

void Backend::gated_delta_rule(const ConstTensorView& qkv, const ConstTensorView& a,
                               const ConstTensorView& b, const ConstTensorView& a_log,
                               const ConstTensorView& dt_bias, int num_key_heads,
                               const BatchRows& rows, const TensorView& state,
                               const TensorView& out) {
  constexpr const char* kName = "gated_delta_rule";
  expect_f32(kName, "qkv", qkv, 2);
  expect_f32(kName, "state", state, 4);
  expect_f32(kName, "out", out, 2);
  const std::int64_t num_rows = qkv.shape[0];
  const std::int64_t value_heads = state.shape[1];
  const std::int64_t key_dim = state.shape[2];
  const std::int64_t value_dim = state.shape[3];
  expect(num_key_heads > 0 && value_heads % num_key_heads == 0, kName, "state", state.shape);
  expect(qkv.shape[1] == 2 * num_key_heads * key_dim + value_heads * value_dim, kName, "qkv",
         qkv.shape);
  const Shape gates{num_rows, value_heads};
  expect_f32(kName, "a", a, 2);
  expect_f32(kName, "b", b, 2);
  expect(a.shape == gates, kName, "a", a.shape);
  expect(b.shape == gates, kName, "b", b.shape);
  expect_vector(kName, "a_log", a_log, Shape({value_heads}));
  expect_vector(kName, "dt_bias", dt_bias, Shape({value_heads}));
  expect(out.shape == Shape({num_rows, value_heads * value_dim}), kName, "out", out.shape);
  expect_rows(kName, rows, num_rows);
  expect_states(kName, rows, state);
  do_gated_delta_rule(qkv, a, b, a_log, dt_bias, num_key_heads, rows, state, out);
}

void Backend::route(const ConstTensorView& logits, bool norm_topk_prob,
                    const TensorView& expert_ids, const TensorView& expert_weights) {
  expect_f32("route", "logits", logits, 2);
  expect_i32("route", "expert_ids", expert_ids, 2);
  expect_f32("route", "expert_weights", expert_weights, 2);
  expect(expert_ids.shape[0] == logits.shape[0] && expert_ids.shape[1] <= logits.shape[1], "route",
         "expert_ids", expert_ids.shape);
  expect(expert_weights.shape == expert_ids.shape, "route", "expert_weights", expert_weights.shape);
  do_route(logits, norm_topk_prob, expert_ids, expert_weights);
}

void Backend::experts(const ConstTensorView& x, const ConstTensorView& expert_ids,
                      const ConstTensorView& expert_weights, const ExpertWeights& weights,
                      const TensorView& out) {
  expect_f32("experts", "x", x, 2);
  expect_f32("experts", "out", out, 2);
  expect(out.shape == x.shape && out.data != x.data, "experts", "out", out.shape);
  expect_i32("experts", "expert_ids", expert_ids, 2);
  expect_f32("experts", "expert_weights", expert_weights, 2);
  expect(expert_ids.shape[0] == x.shape[0], "experts", "expert_ids", expert_ids.shape);
  expect(expert_weights.shape == expert_ids.shape, "experts", "expert_weights",
         expert_weights.shape);
  const auto num_experts = static_cast<std::int64_t>(weights.gate_proj.size());
  expect(num_experts > 0 && weights.up_proj.size() == weights.gate_proj.size() &&
             weights.down_proj.size() == weights.gate_proj.size(),
         "experts", "number of weights", Shape({num_experts}));
  const Shape inner = weights.gate_proj.front().shape();
  expect(inner.rank() == 2 && inner[1] == x.shape[1], "experts", "gate_proj", inner);
  for (std::size_t e = 0; e < weights.gate_proj.size(); ++e) {
    expect_matrix("experts", "gate_proj", weights.gate_proj[e], inner);
    expect_matrix("experts", "up_proj", weights.up_proj[e], inner);
    expect_matrix("experts", "down_proj", weights.down_proj[e], Shape({inner[1], inner[0]}));
  }
  const auto expect_bias = [&](const char* what, const ConstTensorView& bias, std::int64_t size) {
    if (bias) expect_vector("experts", what, bias, Shape({num_experts, size}));
  };
  expect_bias("gate_bias", weights.gate_bias, inner[0]);
  expect_bias("up_bias", weights.up_bias, inner[0]);
  expect_bias("down_bias", weights.down_bias, inner[1]);
  do_experts(x, expert_ids, expert_weights, weights, out);
}

void Backend::gated_activation(const GatedActivation& activation, const ConstTensorView& gate,
                               const ConstTensorView& up, const TensorView& out) {
  expect_f32("gated_activation", "gate", gate, 2);
  expect_f32("gated_activation", "up", up, 2);
  expect_f32("gated_activation", "out", out, 2);
  expect(up.shape == gate.shape, "gated_activation", "up", up.shape);
  expect(out.shape == gate.shape, "gated_activation", "out", out.shape);
  do_gated_activation(activation, gate, up, out);
}

void Backend::activate(Activation activation, const TensorView& x) {
  expect_f32("activate", "x", x, 2);
  do_activate(activation, x);
}

void Backend::multiply_sigmoid(const TensorView& x, const ConstTensorView& gate) {
  expect_f32("multiply_sigmoid", "x", x, 2);
  expect_f32("multiply_sigmoid", "gate", gate, 2);
  expect(gate.shape[0] == x.shape[0] && gate.shape[1] > 0 && x.shape[1] % gate.shape[1] == 0,
         "multiply_sigmoid", "gate", gate.shape);
  do_multiply_sigmoid(x, gate);
}

void Backend::clamp(const TensorView& x, float limit) {
  expect_f32("clamp", "x", x, 2);
  do_clamp(x, limit);
}

void Backend::softcap(const TensorView& x, float cap) {
  expect_f32("softcap", "x", x, 2);
  do_softcap(x, cap);
}

void Backend::add(const TensorView& x, const ConstTensorView& y) {
  expect_f32("add", "x", x, 2);
  expect_f32("add", "y", y, 2);
  expect(y.shape == x.shape, "add", "y", y.shape);
  do_add(x, y);
}

void Backend::gather_rows(const ConstTensorView& x, const ConstTensorView& rows,
                          const TensorView& out) {
  expect_f32("gather_rows", "x", x, 2);
  expect_i32("gather_rows", "rows", rows, 1);
  expect_f32("gather_rows", "out", out, 2);
  expect(out.shape == Shape({rows.shape[0], x.shape[1]}), "gather_rows", "out", out.shape);
  do_gather_rows(x, rows, out);
}

void Backend::log_sum_exp(const ConstTensorView& logits, const TensorView& out) {
  expect_f32("log_sum_exp", "logits", logits, 2);
  expect_f32("log_sum_exp", "out", out, 1);
  expect(out.shape[0] == logits.shape[0] && logits.shape[1] > 0, "log_sum_exp", "out", out.shape);
  do_log_sum_exp(logits, out);
}

void Backend::arg_max(const ConstTensorView& x, const TensorView& index, const TensorView& value) {
  expect_f32("arg_max", "x", x, 2);
  expect_i32("arg_max", "index", index, 1);
  expect_f32("arg_max", "value", value, 1);
  expect(index.shape[0] == x.shape[0] && x.shape[1] > 0, "arg_max", "index", index.shape);
  expect(value.shape == index.shape, "arg_max", "value", value.shape);
  do_arg_max(x, index, value);
}

void Backend::pick(const ConstTensorView& x, const ConstTensorView& columns,
                   const TensorView& out) {
  expect_f32("pick", "x", x, 2);
  expect_i32("pick", "columns", columns, 1);
  expect_f32("pick", "out", out, 1);
  expect(columns.shape[0] == x.shape[0], "pick", "columns", columns.shape);
  expect(out.shape == columns.shape, "pick", "out", out.shape);
  do_pick(x, columns, out);
}

std::unique_ptr<Backend> make_backend(const BackendOptions& options) {
  const std::string& device = options.device;
  if (device == "cpu") return make_cpu_backend(options);
  if (device == "reference") return make_reference_backend("reference", options.weights);
  if (device == "cuda") return make_cuda_backend(0, options);
  constexpr std::string_view kCuda = "cuda:";
  if (device.starts_with(kCuda)) {
    int index = -1;
    const char* const end = device.data() + device.size();
    const auto [stop, error] = std::from_chars(device.data() + kCuda.size(), end, index);
    if (error == std::errc() && stop == end && index >= 0) return make_cuda_backend(index, options);
  }
  throw Error(ErrorCode::kUsage,
              "unknown device \"" + device + "\"\n  try: cpu, cuda, cuda:N, auto or reference");
}

}  // namespace peira::model
