// The CUDA backend: device memory, one stream, the kernels of this folder.
#include "model/backend/backend.h"

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/threads.h"
#include "model/backend/cuda/check.h"
#include "model/backend/cuda/kernels.h"
#include "model/backend/cuda/memory.h"
#include "model/backend/cuda/stream.h"
#include "model/backend/cuda/working_memory.h"
#include "model/backend/device.h"
#include "model/quantization/groups.h"

namespace peira::model {
namespace {

using cuda::check;

std::int64_t bytes_of(const ConstTensorView& x) {
  return model::bytes_of(x.dtype, x.num_elements());
}

// Makes the device current for as long as members that were built before it need it; a base of
// everything that allocates.
struct CurrentDevice {
  explicit CurrentDevice(int device_index) : index(device_index) { use(); }
  void use() const { check(cudaSetDevice(index)); }
  int index;
};

class CudaBackend final : public Backend {
 public:
  CudaBackend(const CudaDevice& device, const BackendOptions& options)
      : Backend("cuda/" + device.architecture + " " + device.name),
        device_(device.index),
        precision_(options.weights),
        pool_(options.weights == WeightPrecision::kStored ? 1 : options.num_threads) {}

  // What is queued may still write to memory that members give back.
  ~CudaBackend() override {
    cudaSetDevice(device_.index);
    cudaStreamSynchronize(stream_);
  }

  std::int64_t memory_bytes() const override {
    device_.use();
    std::size_t free_bytes = 0;
    std::size_t total_bytes = 0;
    check(cudaMemGetInfo(&free_bytes, &total_bytes));
    return static_cast<std::int64_t>(free_bytes);
  }

  Tensor allocate(DType dtype, const Shape& shape) override {
    device_.use();
    const std::int64_t size_bytes = model::bytes_of(dtype, shape.num_elements());
    Tensor out(cuda::device_memory(size_bytes), &cuda::release_device_memory, dtype, shape);
    if (size_bytes > 0) {
      check(cudaMemsetAsync(out.view().data, 0, static_cast<std::size_t>(size_bytes), stream_));
    }
    return out;
  }

  Weight place_matrix(const Weight& host) override {
    device_.use();
    return is_quantized_by(precision_, host) ? quantized(host) : stored(host);
  }
  Weight place_table(const Weight& host) override {
    device_.use();
    return stored(host);
  }
  ConstTensorView place_vector(const ConstTensorView& host) override {
    device_.use();
    return placed(host);
  }

  ExpertWeights place_experts(const ExpertWeights& host) override {
    ExpertWeights out = host;
    auto tables = std::make_shared<cuda::PlacedExperts>();
    device_.use();
    tables->gate = place_all(out.gate_proj, "gate_proj");
    tables->up = place_all(out.up_proj, "up_proj");
    tables->down = place_all(out.down_proj, "down_proj");
    for (ConstTensorView* bias : {&out.gate_bias, &out.up_bias, &out.down_bias}) {
      if (*bias) *bias = place_vector(*bias);
    }
    out.placed = std::move(tables);
    return out;
  }

  void reserve(const WorkSizes& sizes) override {
    device_.use();
    if (const std::int64_t needed = cuda::scratch_bytes(sizes); needed > 0) stream_.scratch(needed);
  }

  bool copies_weights() const override { return true; }
  bool records() const override { return true; }

  void write(const TensorView& out, std::span<const std::int32_t> host) override {
    device_.use();
    staging_.copy(out.data, std::as_bytes(host), stream_);
  }

  void write(const TensorView& out, std::span<const float> host) override {
    device_.use();
    constexpr std::size_t kMostStaged = std::size_t{1} << 20U;
    if (host.size_bytes() <= kMostStaged) {
      staging_.copy(out.data, std::as_bytes(host), stream_);
    } else {  // from memory that is not pinned, this returns when the source has been read
      check(cudaMemcpyAsync(out.data, host.data(), host.size_bytes(), cudaMemcpyHostToDevice,
                            stream_));
    }
  }

  void copy(const ConstTensorView& from, const TensorView& out) override {
    if (from.num_elements() == 0) return;
    device_.use();
    check(cudaMemcpyAsync(out.data, from.data, static_cast<std::size_t>(bytes_of(from)),
                          cudaMemcpyDeviceToDevice, stream_));
  }

  std::span<const float> host_view(const ConstTensorView& x, std::vector<float>& scratch) override {
    device_.use();
    const auto size = static_cast<std::size_t>(x.num_elements());
    if (scratch.size() < size) scratch.resize(size);
    if (size > 0) {
      check(cudaMemcpyAsync(scratch.data(), x.data, size * sizeof(float), cudaMemcpyDeviceToHost,
                            stream_));
    }
    wait_for_copy(static_cast<std::int64_t>(size * sizeof(float)));
    return {scratch.data(), size};
  }

  void read(const ConstTensorView& from, std::span<std::int32_t> host) override {
    if (host.empty()) return;
    device_.use();
    check(cudaMemcpyAsync(host.data(), from.data, host.size_bytes(), cudaMemcpyDeviceToHost,
                          stream_));
    wait_for_copy(static_cast<std::int64_t>(host.size_bytes()));
  }

  std::int64_t bytes_copied_to_host() const override { return bytes_copied_to_host_; }

  void recorded(std::uint64_t key, const std::function<void()>& operations) override {
    device_.use();
    stream_.recorded(key, operations);
  }

 private:
  void wait_for_copy(std::int64_t size_bytes) {
    stream_.wait();
    staging_.drained();
    bytes_copied_to_host_ += size_bytes;
  }

  void* placed(std::span<const std::byte> host) {
    void* const data = weights_.take(static_cast<std::int64_t>(host.size()));
    if (!host.empty()) {
      // From memory that is not pinned, this returns when the source has been read.
      check(cudaMemcpyAsync(data, host.data(), host.size(), cudaMemcpyHostToDevice, stream_));
    }
    return data;
  }

  ConstTensorView placed(const ConstTensorView& host) {
    const std::span bytes(static_cast<const std::byte*>(host.data),
                          static_cast<std::size_t>(bytes_of(host)));
    return {placed(bytes), host.dtype, host.shape};
  }

  Weight stored(const Weight& host) {
    Weight out;
    out.values = placed(host.values);
    if (host.scales) out.scales = placed(host.scales);
    return out;
  }

  Weight quantized(const Weight& host) {
    const DType dtype = group_type(precision_);
    const std::int64_t num_rows = host.shape()[0];
    const std::int64_t row_size = row_bytes(dtype, host.shape()[1]);
    std::vector<std::byte> blocks(static_cast<std::size_t>(num_rows * row_size));
    constexpr std::int64_t kRowsAtOnce = 16;
    pool_.parallel_for((num_rows + kRowsAtOnce - 1) / kRowsAtOnce, [&](std::int64_t part) {
      const std::int64_t end = std::min(num_rows, (part + 1) * kRowsAtOnce);
      for (std::int64_t row = part * kRowsAtOnce; row < end; ++row) {
        quantize_row(dtype, host, row, blocks.data() + row * row_size);
      }
    });
    return ConstTensorView{placed(blocks), dtype, host.shape()};
  }

  // The few rows of frequencies and of axes a model has, copied once, also so that they are there
  // for a graph.
  template <typename Value>
  const Value* kept(std::span<const Value> host) {
    const std::string key(reinterpret_cast<const char*>(host.data()), host.size_bytes());
    auto found = constants_.find(key);
    if (found == constants_.end()) {
      found = constants_.emplace(key, placed(std::as_bytes(host))).first;
    }
    return static_cast<const Value*>(found->second);
  }

  // Replaces `weights` by copies on the device and lists where they lie.
  cuda::MatrixRef place_all(std::vector<Weight>& weights, const char* what) {
    std::vector<const void*> values;
    std::vector<const void*> scales;
    cuda::MatrixRef out;
    for (Weight& weight : weights) weight = place_matrix(weight);
    out.dtype = weights.front().dtype();
    out.num_outputs = static_cast<int>(weights.front().shape()[0]);
    for (const Weight& weight : weights) {
      if (weight.dtype() != out.dtype) {
        throw Error(ErrorCode::kData, std::string("device cuda: experts' ") + what + " are of " +
                                          name_of(out.dtype) + " and of " +
                                          name_of(weight.dtype()) +
                                          "\n  a layer's experts have to be of one type");
      }
      values.push_back(weight.values.data);
      scales.push_back(weight.scales.data);
    }
    out.expert_values = static_cast<const void* const*>(table(values));
    if (weights.front().scales) {
      out.expert_scales = static_cast<const float* const*>(table(scales));
    }
    return out;
  }

  const void* table(const std::vector<const void*>& addresses) {
    return placed(std::as_bytes(std::span(addresses)));
  }

  void do_embedding(const ConstTensorView& tokens, const Weight& weight_table, float scale,
                    const TensorView& out) override {
    device_.use();
    cuda::embedding(tokens, weight_table, scale, out, stream_);
  }
  void do_rms_norm(const ConstTensorView& x, const ConstTensorView& weight, float eps,
                   const TensorView& out) override {
    device_.use();
    cuda::rms_norm(x, weight, eps, out, stream_);
  }
  void do_layer_norm(const ConstTensorView& x, const ConstTensorView& weight,
                     const ConstTensorView& bias, float eps, const TensorView& out) override {
    device_.use();
    cuda::layer_norm(x, weight, bias, eps, out, stream_);
  }
  void do_linear(const ConstTensorView& x, std::span<const LinearPart> parts) override {
    device_.use();
    cuda::linear(x, parts, stream_);
  }
  void do_rope_angles(const ConstTensorView& positions, std::span<const float> inv_freq,
                      float scaling, const TensorView& out) override {
    device_.use();
    cuda::rope_angles(positions, kept(inv_freq), scaling, out, stream_);
  }
  void do_axial_rope_angles(const ConstTensorView& positions, std::span<const float> inv_freq,
                            std::span<const std::uint8_t> axes, float scaling,
                            const TensorView& out) override {
    device_.use();
    cuda::axial_rope_angles(positions, kept(inv_freq), kept(axes), scaling, out, stream_);
  }
  void do_rope(const TensorView& x, const ConstTensorView& cos_sin) override {
    device_.use();
    cuda::rope(x, cos_sin, stream_);
  }
  void do_store_kv(const ConstTensorView& k, const ConstTensorView& v, const BatchRows& rows,
                   const KvLayer& layer) override {
    device_.use();
    cuda::store_kv(k, v, rows, layer, stream_);
  }
  void do_attention(const ConstTensorView& q, const BatchRows& rows, const KvLayer& layer,
                    const AttentionOptions& options, const TensorView& out) override {
    device_.use();
    cuda::attention(q, rows, layer, options, out, stream_);
  }
  void do_segment_attention(const ConstTensorView& q, const ConstTensorView& k,
                            const ConstTensorView& v, std::int64_t segment_rows, float scale,
                            const TensorView& out) override {
    device_.use();
    cuda::segment_attention(q, k, v, segment_rows, scale, out, stream_);
  }
  void do_causal_conv(const ConstTensorView& x, const ConstTensorView& weight,
                      const BatchRows& rows, const TensorView& state,
                      const TensorView& out) override {
    device_.use();
    cuda::causal_conv(x, weight, rows, state, out, stream_);
  }
  void do_gated_delta_rule(const ConstTensorView& qkv, const ConstTensorView& a,
                           const ConstTensorView& b, const ConstTensorView& a_log,
                           const ConstTensorView& dt_bias, int num_key_heads, const BatchRows& rows,
                           const TensorView& state, const TensorView& out) override {
    device_.use();
    cuda::gated_delta_rule(qkv, a, b, a_log, dt_bias, num_key_heads, rows, state, out, stream_);
  }
  void do_route(const ConstTensorView& logits, bool norm_topk_prob, const TensorView& expert_ids,
                const TensorView& expert_weights) override {
    device_.use();
    cuda::route(logits, norm_topk_prob, expert_ids, expert_weights, stream_);
  }
  void do_experts(const ConstTensorView& x, const ConstTensorView& expert_ids,
                  const ConstTensorView& expert_weights, const ExpertWeights& weights,
                  const TensorView& out) override {
    if (weights.placed == nullptr) {
      throw Error(ErrorCode::kInternal, "cuda: experts that place_experts() did not place");
    }
    device_.use();
    cuda::experts(x, expert_ids, expert_weights, weights,
                  *static_cast<const cuda::PlacedExperts*>(weights.placed.get()), out, stream_);
  }
  void do_gated_activation(const GatedActivation& activation, const ConstTensorView& gate,
                           const ConstTensorView& up, const TensorView& out) override {
    device_.use();
    cuda::gated_activation(activation, gate.f32(), up.f32(), out.f32(), gate.num_elements(),
                           stream_);
  }
  void do_activate(Activation activation, const TensorView& x) override {
    device_.use();
    cuda::activate(activation, x, stream_);
  }
  void do_multiply_sigmoid(const TensorView& x, const ConstTensorView& gate) override {
    device_.use();
    cuda::multiply_sigmoid(x, gate, stream_);
  }
  void do_clamp(const TensorView& x, float limit) override {
    device_.use();
    cuda::clamp(x, limit, stream_);
  }
  void do_softcap(const TensorView& x, float cap) override {
    device_.use();
    cuda::softcap(x, cap, stream_);
  }
  void do_add(const TensorView& x, const ConstTensorView& y) override {
    device_.use();
    cuda::add(x, y, stream_);
  }
  void do_gather_rows(const ConstTensorView& x, const ConstTensorView& rows,
                      const TensorView& out) override {
    device_.use();
    cuda::gather_rows(x, rows, out, stream_);
  }
  void do_log_sum_exp(const ConstTensorView& logits, const TensorView& out) override {
    device_.use();
    cuda::log_sum_exp(logits, out, stream_);
  }
  void do_arg_max(const ConstTensorView& x, const TensorView& index,
                  const TensorView& value) override {
    device_.use();
    cuda::arg_max(x, index, value, stream_);
  }
  void do_pick(const ConstTensorView& x, const ConstTensorView& columns,
               const TensorView& out) override {
    device_.use();
    cuda::pick(x, columns, out, stream_);
  }

  CurrentDevice device_;  // first: the members below allocate
  WeightPrecision precision_;
  ThreadPool pool_;  // for quantising
  cuda::Stream stream_;
  cuda::Staging staging_;
  cuda::Arena weights_;
  std::map<std::string, const void*> constants_;  // by their bytes
  std::int64_t bytes_copied_to_host_ = 0;
};

}  // namespace

std::unique_ptr<Backend> make_cuda_backend(int device_index, const BackendOptions& options) {
  const std::string name = "device cuda:" + std::to_string(device_index);
  const CudaDevices found = find_cuda_devices();
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::kUnavailable, name + ": " + why + "\n  try: --device cpu");
  };
  if (found.devices.empty()) refuse(found.problem);
  if (static_cast<std::size_t>(device_index) >= found.devices.size()) {
    refuse("there are " + std::to_string(found.devices.size()) +
           ", the last is cuda:" + std::to_string(found.devices.size() - 1));
  }
  const CudaDevice& device = found.devices[static_cast<std::size_t>(device_index)];
  if (!device.is_supported) {
    refuse(device.name + " is " + device.architecture + ", sm_80 or newer is needed");
  }
  return std::make_unique<CudaBackend>(device, options);
}

}  // namespace peira::model
