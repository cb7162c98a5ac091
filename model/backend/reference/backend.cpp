// The reference backend: host memory, one thread, the plain loops of this folder.
#include "model/backend/backend.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "model/backend/reference/kernels.h"
#include "model/quantization/groups.h"

namespace peira::model {
namespace {

class ReferenceBackend final : public Backend {
 public:
  ReferenceBackend(const std::string& name, WeightPrecision precision)
      : Backend(name), precision_(precision) {}

  std::int64_t memory_bytes() const override { return host_memory_bytes(); }
  Tensor allocate(DType dtype, const Shape& shape) override { return host_tensor(dtype, shape); }
  Weight place_matrix(const Weight& host) override {
    if (!is_quantized_by(precision_, host)) return host;
    const DType dtype = group_type(precision_);
    const std::int64_t row_size = row_bytes(dtype, host.shape()[1]);
    const Tensor& blocks =
        quantized_.emplace_back(host_tensor(DType::kU8, {host.shape()[0], row_size}));
    auto* const bytes = static_cast<std::byte*>(blocks.view().data);
    for (std::int64_t row = 0; row < host.shape()[0]; ++row) {
      quantize_row(dtype, host, row, bytes + row * row_size);
    }
    return ConstTensorView{bytes, dtype, host.shape()};
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
  void do_embedding(const ConstTensorView& tokens, const Weight& table, float scale,
                    const TensorView& out) override {
    reference::embedding(tokens, table, scale, out);
  }
  void do_rms_norm(const ConstTensorView& x, const ConstTensorView& weight, float eps,
                   const TensorView& out) override {
    reference::rms_norm(x, weight, eps, out);
  }
  void do_layer_norm(const ConstTensorView& x, const ConstTensorView& weight,
                     const ConstTensorView& bias, float eps, const TensorView& out) override {
    reference::layer_norm(x, weight, bias, eps, out);
  }
  void do_linear(const ConstTensorView& x, std::span<const LinearPart> parts) override {
    for (const LinearPart& part : parts) reference::linear(x, part);
  }
  void do_rope_angles(const ConstTensorView& positions, std::span<const float> inv_freq,
                      float scaling, const TensorView& out) override {
    reference::rope_angles(positions, inv_freq, scaling, out);
  }
  void do_axial_rope_angles(const ConstTensorView& positions, std::span<const float> inv_freq,
                            std::span<const std::uint8_t> axes, float scaling,
                            const TensorView& out) override {
    reference::axial_rope_angles(positions, inv_freq, axes, scaling, out);
  }
  void do_rope(const TensorView& x, const ConstTensorView& cos_sin) override {
    reference::rope(x, cos_sin);
  }
  void do_store_kv(const ConstTensorView& k, const ConstTensorView& v, const BatchRows& rows,
                   const KvLayer& layer) override {
    reference::store_kv(k, v, rows, layer);
  }
  void do_attention(const ConstTensorView& q, const BatchRows& rows, const KvLayer& layer,
                    const AttentionOptions& options, const TensorView& out) override {
    reference::attention(q, rows, layer, options, out);
  }
  void do_segment_attention(const ConstTensorView& q, const ConstTensorView& k,
                            const ConstTensorView& v, std::int64_t segment_rows, float scale,
                            const TensorView& out) override {
    reference::segment_attention(q, k, v, segment_rows, scale, out);
  }
  void do_causal_conv(const ConstTensorView& x, const ConstTensorView& weight,
                      const BatchRows& rows, const TensorView& state,
                      const TensorView& out) override {
    reference::causal_conv(x, weight, rows, state, out);
  }
  void do_gated_delta_rule(const ConstTensorView& qkv, const ConstTensorView& a,
                           const ConstTensorView& b, const ConstTensorView& a_log,
                           const ConstTensorView& dt_bias, int num_key_heads, const BatchRows& rows,
                           const TensorView& state, const TensorView& out) override {
    reference::gated_delta_rule(qkv, a, b, a_log, dt_bias, num_key_heads, rows, state, out);
  }
  void do_route(const ConstTensorView& logits, bool norm_topk_prob, const TensorView& expert_ids,
                const TensorView& expert_weights) override {
    reference::route(logits, norm_topk_prob, expert_ids, expert_weights);
  }
  void do_experts(const ConstTensorView& x, const ConstTensorView& expert_ids,
                  const ConstTensorView& expert_weights, const ExpertWeights& weights,
                  const TensorView& out) override {
    reference::experts(x, expert_ids, expert_weights, weights, out);
  }
  void do_gated_activation(const GatedActivation& activation, const ConstTensorView& gate,
                           const ConstTensorView& up, const TensorView& out) override {
    reference::gated_activation(activation, gate, up, out);
  }
  void do_activate(Activation activation, const TensorView& x) override {
    reference::activate(activation, x);
  }
  void do_multiply_sigmoid(const TensorView& x, const ConstTensorView& gate) override {
    reference::multiply_sigmoid(x, gate);
  }
  void do_clamp(const TensorView& x, float limit) override { reference::clamp(x, limit); }
  void do_softcap(const TensorView& x, float cap) override { reference::softcap(x, cap); }
  void do_add(const TensorView& x, const ConstTensorView& y) override { reference::add(x, y); }
  void do_gather_rows(const ConstTensorView& x, const ConstTensorView& rows,
                      const TensorView& out) override {
    reference::gather_rows(x, rows, out);
  }
  void do_log_sum_exp(const ConstTensorView& logits, const TensorView& out) override {
    reference::log_sum_exp(logits, out);
  }
  void do_arg_max(const ConstTensorView& x, const TensorView& index,
                  const TensorView& value) override {
    reference::arg_max(x, index, value);
  }
  void do_pick(const ConstTensorView& x, const ConstTensorView& columns,
               const TensorView& out) override {
    reference::pick(x, columns, out);
  }

  WeightPrecision precision_;
  std::vector<Tensor> quantized_;  // what placed weights point into
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend(const std::string& name, WeightPrecision weights) {
  return std::make_unique<ReferenceBackend>(name, weights);
}

}  // namespace peira::model
