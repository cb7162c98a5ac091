// The device operations of the engine: what a matrix product, an attention, a router *do*. Layers
// are written once against this interface; reference/, cpu/ and cuda/ implement it.
//
// Rules all implementations keep:
// - Activations are float32, row-major, one token per row; sums run in float32 or wider. Weights
//   are read as their format defines them and widened exactly.
// - Tensors are the device's: no operation reads a host pointer but the sequences of BatchRows and
//   spans said to be the host's. Operations run in the order of their calls; none waits for the
//   device except host_view() and read(), so that a backend may queue them, or record them
//   (recorded()).
// - An element of a result is computed in an order that depends on the operation's inner sizes and
//   on absolute positions only: never on how many rows come with it, on how rows are split over
//   calls, or on threads. Equal requests then give equal bytes, whatever they are batched with.
//   Implementations may differ from each other in the last bits.
// - Legend of shapes: T rows (tokens of the batch), V vocab_size, H hidden_size, N query heads,
//   G key-value heads, D head_dim, E experts, K experts per token, I intermediate size.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/backend/device.h"
#include "model/tensor.h"
#include "model/weight.h"

namespace peira::model {

// Tokens in one page of the key-value cache.
constexpr int kKvPageTokens = 32;

// The widest head of segment_attention(): a device keeps tiles of keys and values close.
constexpr std::int64_t kMostSegmentHeadDim = 128;

// One product of a linear(): out = x weight^T (+ bias).
struct LinearPart {
  Weight weight;         // [out_features, in_features], as place_matrix() gave it
  ConstTensorView bias;  // [out_features], or absent
  TensorView out;        // [T, out_features]
};

// The cached keys and values of one layer, in float32, bfloat16 or int8. Keys lie transposed within
// a page, so that the scores of a page's tokens are computed side by side.
struct KvLayer {
  TensorView keys;    // [num_pages, G, D, kKvPageTokens]
  TensorView values;  // [num_pages, G, kKvPageTokens, D]
  // For kI8: each token's and head's vector is stored as round(x / scale), ties to even, with
  // scale = max|x| / 127 (0 for a zero vector). Else absent.
  TensorView key_scales = {};    // f32 [num_pages, G, kKvPageTokens]
  TensorView value_scales = {};  // likewise
};

// The recurrent state of one linear-attention layer: a slot a sequence.
struct RecurrentLayer {
  TensorView conv;   // [num_slots, C, W - 1]: the last inputs of the convolution, oldest first
  TensorView delta;  // [num_slots, Nv, Dk, Dv]
};

// Consecutive rows of a batch that are new tokens of one sequence, as the host knows them.
struct SequenceRows {
  int first_row = 0;
  int num_rows = 0;
  int first_position = 0;               // of the first row in its sequence
  std::span<const std::int32_t> pages;  // page p holds positions from p * kKvPageTokens
  int state_slot = -1;                  // in each RecurrentLayer; -1 where the model has none
};

// The rows of one forward pass: which row is which position of which sequence, and where the
// sequences' pages and states are. The tensors hold on the device what `sequences` says on the
// host; recorded operations may depend on the tensors and on their shapes only.
//
// Rows past those of `sequences` are padding: rows of no sequence. They are in the shapes, so that
// batches of different sizes can be the same recorded operations; operations on sequences keep
// nothing of them, and what they compute for them is finite and without meaning.
struct BatchRows {
  std::span<const SequenceRows> sequences;  // cover the rows before the padding once, in order
  ConstTensorView positions;                // [T] int32
  ConstTensorView row_sequence;             // [T] int32, index of the row's sequence; -1: padding
  ConstTensorView first_rows;   // [S + 1] int32, first row of each sequence, then their end
  ConstTensorView page_table;   // [S, P] int32: page p of sequence s; unused ones are 0
  ConstTensorView state_slots;  // [S] int32; -1: none
};

// What attention() computes beyond softmax(q K^T * scale) V.
struct AttentionOptions {
  float scale = 1;
  int sliding_window = 0;      // a row sees the last so many positions, its own included; 0: all
  ConstTensorView sinks = {};  // [N]: joins each head's softmax as one more score without a value
};

// How a feed-forward block joins its two branches: out = act(gate) * up.
struct GatedActivation {
  enum class Kind : std::uint8_t {
    kSwiGlu,         // silu(gate) * up, silu(z) = z / (1 + exp(-z))
    kGeGluTanh,      // gelu(gate) * up with the tanh approximation
    kClampedSwiGlu,  // g = min(gate, limit), u = clamp(up, -limit, limit):
                     // g / (1 + exp(-alpha g)) * (u + 1)                (gpt-oss)
  };
  Kind kind = Kind::kSwiGlu;
  float limit = 7;
  float alpha = 1.702F;
};

// What stands between two products of an encoder's feed-forward block, element by element.
enum class Activation : std::uint8_t {
  kGelu,      // 0.5 x (1 + erf(x / sqrt(2)))
  kGeluTanh,  // its tanh approximation
  kSilu,      // x / (1 + exp(-x))
};

// Experts: down(activation(gate(x) + gate_bias, up(x) + up_bias)) + down_bias.
struct ExpertWeights {
  std::vector<Weight> gate_proj;   // E times [I, H]
  std::vector<Weight> up_proj;     // E times [I, H]
  std::vector<Weight> down_proj;   // E times [H, I]
  ConstTensorView gate_bias = {};  // [E, I], or absent
  ConstTensorView up_bias = {};    // [E, I], or absent
  ConstTensorView down_bias = {};  // [E, H], or absent
  GatedActivation activation = {};
  std::shared_ptr<const void> placed = nullptr;  // what place_experts() made of them; the backend's
};

// One device. Public members check shapes once, in front of every implementation.
// threads: one caller at a time; an implementation may run threads of its own inside.
class Backend {
 public:
  explicit Backend(std::string name) : name_(std::move(name)) {}
  virtual ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  const std::string& name() const { return name_; }

  // Bytes of memory this device could still give, for planning ahead: all of it, used or not yet.
  virtual std::int64_t memory_bytes() const = 0;
  // Zeroed memory of this device. throws Error(kUnavailable): there is not that much.
  virtual Tensor allocate(DType dtype, const Shape& shape) = 0;
  // Takes now what operations on such sizes will need beside their tensors, so that nothing is
  // missing later. throws Error(kUnavailable): there is not that much.
  virtual void reserve(const WorkSizes& /*sizes*/) {}

  // Weights that lie in host memory, row-major, as this device reads them: the same bytes, or a
  // copy that lives as long as the result and this backend. What may still be read from the host
  // after these calls has to stay there unless copies_weights().
  //
  // place_matrix   for linear(). May repack, and quantise where the backend was asked to.
  // place_table    for embedding(): stays row-major.
  // place_vector   norms, biases, sinks and the like: elements stay as they are.
  // place_experts  for experts().
  virtual Weight place_matrix(const Weight& host) = 0;
  virtual Weight place_table(const Weight& host) = 0;
  virtual ConstTensorView place_vector(const ConstTensorView& host) = 0;
  virtual ExpertWeights place_experts(const ExpertWeights& host) = 0;
  // True when placed weights never point into host memory, which may then go.
  virtual bool copies_weights() const = 0;
  // Where they may: the bytes that place_matrix() copies at most of what it does not quantise.
  virtual std::int64_t most_copied_bytes() const { return 0; }

  // Copies host integers, or floats, into `out`.
  virtual void write(const TensorView& out, std::span<const std::int32_t> host) = 0;
  virtual void write(const TensorView& out, std::span<const float> host) = 0;
  // Copies `from` into `out`, both this device's, of equal dtype and size.
  virtual void copy(const ConstTensorView& from, const TensorView& out) = 0;
  // The floats of `x` for the host: the tensor's own memory where the host can read it, else a copy
  // in `scratch`. Valid until either changes. Waits for the operations before it.
  virtual std::span<const float> host_view(const ConstTensorView& x,
                                           std::vector<float>& scratch) = 0;
  // Copies integers of this device to the host. Waits likewise.
  virtual void read(const ConstTensorView& from, std::span<std::int32_t> host) = 0;
  // Bytes that host_view() and read() have copied so far; 0 where the host reads the memory itself.
  virtual std::int64_t bytes_copied_to_host() const { return 0; }
  // Runs `operations`, which call this backend only. A backend may record them under `key` and
  // replay the record at later calls with an equal key instead of calling `operations` again: equal
  // keys promise the same operations on the same tensors (their contents may differ).
  virtual void recorded(std::uint64_t /*key*/, const std::function<void()>& operations) {
    operations();
  }
  // True when recorded() does more than call: batches of few different shapes then cost less.
  virtual bool records() const { return false; }

  // out[t] = table[tokens[t]] * scale.
  //
  // tokens  [T] int32, in [0, V).
  // table   [V, H], as place_table() gave it.
  // out     [T, H].
  void embedding(const ConstTensorView& tokens, const Weight& table, float scale,
                 const TensorView& out);

  // out[r] = x[r] / sqrt(mean(x[r]^2) + eps) * weight.
  //
  // x       [rows, size]; out may be x.
  // weight  [size].
  // source  Zhang and Sennrich 2019, arXiv:1910.07467.
  void rms_norm(const ConstTensorView& x, const ConstTensorView& weight, float eps,
                const TensorView& out);

  // out[r] = (x[r] - mean(x[r])) / sqrt(var(x[r]) + eps) * weight + bias, the variance over `size`.
  //
  // x             [rows, size]; out may be x.
  // weight, bias  [size].
  // source        Ba, Kiros and Hinton 2016, arXiv:1607.06450.
  void layer_norm(const ConstTensorView& x, const ConstTensorView& weight,
                  const ConstTensorView& bias, float eps, const TensorView& out);

  // part.out = x part.weight^T + part.bias for each part; several parts read x once.
  //
  // x      [T, in_features].
  // parts  see LinearPart; the outputs do not overlap x or each other.
  void linear(const ConstTensorView& x, std::span<const LinearPart> parts);

  // The cosines and sines of the rotary angles: out[t] = (cos(a_0) .. cos(a_{R/2-1}), sin(a_0) ..)
  // * scaling with a_i = float32(positions[t]) * inv_freq[i], one float32 product as in
  // transformers.
  //
  // positions  [T] int32.
  // inv_freq   [R / 2], the host's; R <= D is how much of a head turns.
  // out        [T, R].
  void rope_angles(const ConstTensorView& positions, std::span<const float> inv_freq, float scaling,
                   const TensorView& out);

  // The same where a token has a position on each of several axes: a_i = positions[t, axes[i]] *
  // inv_freq[i].
  //
  // positions  [T, A] float32; a fraction is a position too.
  // inv_freq   [R / 2], the host's.
  // axes       [R / 2], the host's, each below A.
  // out        [T, R].
  // source     M-RoPE: Wang et al. 2024, arXiv:2409.12191.
  void axial_rope_angles(const ConstTensorView& positions, std::span<const float> inv_freq,
                         std::span<const std::uint8_t> axes, float scaling, const TensorView& out);

  // Rotates the first R elements of each head in place, pairing element i with i + R/2:
  // (x_i, x_j) <- (x_i cos - x_j sin, x_j cos + x_i sin).
  //
  // x        [T, heads, D].
  // cos_sin  [T, R] from rope_angles(), R even and at most D.
  // source   Su et al. 2021, arXiv:2104.09864, in the half-split form of transformers.
  void rope(const TensorView& x, const ConstTensorView& cos_sin);

  // Puts the new keys and values of each sequence into its pages.
  //
  // k, v  [T, G, D].
  // rows  pages reach each sequence's last position.
  void store_kv(const ConstTensorView& k, const ConstTensorView& v, const BatchRows& rows,
                const KvLayer& layer);

  // Causal attention over the cache: row at position p attends to positions 0..p of its sequence
  // (with a window: max(0, p - window + 1)..p), whose keys and values (its own too) lie in the
  // pages. Query head n reads kv head n / (N / G). out = softmax(q K^T * scale, sink) V.
  //
  // q    [T, N, D].
  // out  [T, N * D].
  void attention(const ConstTensorView& q, const BatchRows& rows, const KvLayer& layer,
                 const AttentionOptions& options, const TensorView& out);

  // Attention of an encoder: rows attend to all rows of their segment, before and behind them.
  // Segments are consecutive rows, segment_rows each; the last may have fewer. out = softmax(q K^T
  // * scale) V.
  //
  // q, k, v       [T, N, D]; D at most kMostSegmentHeadDim.
  // segment_rows  at least 1.
  // out           [T, N * D]; none of the others.
  void segment_attention(const ConstTensorView& q, const ConstTensorView& k,
                         const ConstTensorView& v, std::int64_t segment_rows, float scale,
                         const TensorView& out);

  // Depthwise causal convolution over each sequence, then silu:
  // out[t, c] = silu(sum_w weight[c, w] * x[t - (W - 1) + w, c]), where rows before a call come
  // from the state and rows before position 0 are zero. The state becomes the last W - 1 rows.
  //
  // x       [T, C]; weight [C, W]; out [T, C], not x.
  // state   conv [num_slots, C, W - 1] of a RecurrentLayer.
  // source  Qwen3-Next, transformers models/qwen3_next (causal_conv1d).
  void causal_conv(const ConstTensorView& x, const ConstTensorView& weight, const BatchRows& rows,
                   const TensorView& state, const TensorView& out);

  // The gated delta rule, token by token; S is the sequence's state, zero before position 0. With
  // q, k scaled to unit length (x / sqrt(sum x^2 + 1e-6)) and q times Dk^-1/2, for value head h and
  // key head h / (Nv / Nk):
  //   S <- exp(-exp(a_log) softplus(a + dt_bias)) S
  //   S <- S + k (sigmoid(b) (v - S^T k))^T
  //   out = S^T q
  //
  // qkv      [T, 2 Nk Dk + Nv Dv]: q of all key heads, k of all key heads, v of all value heads.
  // a, b     [T, Nv]; a_log, dt_bias [Nv].
  // state    delta [num_slots, Nv, Dk, Dv] of a RecurrentLayer.
  // out      [T, Nv * Dv].
  // source   Yang et al. 2024, arXiv:2412.06464; transformers models/qwen3_next
  //          (torch_recurrent_gated_delta_rule).
  void gated_delta_rule(const ConstTensorView& qkv, const ConstTensorView& a,
                        const ConstTensorView& b, const ConstTensorView& a_log,
                        const ConstTensorView& dt_bias, int num_key_heads, const BatchRows& rows,
                        const TensorView& state, const TensorView& out);

  // softmax over all experts, then the K largest (on a tie the lowest id), best first.
  //
  // logits          [T, E].
  // norm_topk_prob  divide the K weights by their sum.
  // expert_ids      [T, K] int32.
  // expert_weights  [T, K].
  void route(const ConstTensorView& logits, bool norm_topk_prob, const TensorView& expert_ids,
             const TensorView& expert_weights);

  // out[t] = sum over slots k in order of expert_weights[t, k] * expert_{expert_ids[t, k]}(x[t]).
  //
  // x    [T, H].
  // out  [T, H]; not x.
  void experts(const ConstTensorView& x, const ConstTensorView& expert_ids,
               const ConstTensorView& expert_weights, const ExpertWeights& weights,
               const TensorView& out);

  // out = activation(gate, up), element by element; see GatedActivation.
  //
  // gate, up, out  [T, I]; out may be gate or up.
  void gated_activation(const GatedActivation& activation, const ConstTensorView& gate,
                        const ConstTensorView& up, const TensorView& out);

  // x = activation(x), element by element. x [T, n].
  void activate(Activation activation, const TensorView& x);

  // x[t, i] *= sigmoid(gate[t, i / (n / m)]).
  //
  // x     [T, n].
  // gate  [T, m], m dividing n.
  void multiply_sigmoid(const TensorView& x, const ConstTensorView& gate);

  // x = min(max(x, -limit), limit), element by element. x [T, n].
  void clamp(const TensorView& x, float limit);

  // x = cap * tanh(x / cap), element by element. x [T, n].
  void softcap(const TensorView& x, float cap);

  // x += y, element by element. x, y  [T, H].
  void add(const TensorView& x, const ConstTensorView& y);

  // out[i] = x[rows[i]].
  //
  // rows  [R] int32, in [0, T).
  // x     [T, H].
  // out   [R, H].
  void gather_rows(const ConstTensorView& x, const ConstTensorView& rows, const TensorView& out);

  // out[t] = log(sum_v exp(logits[t, v])).
  //
  // logits  [T, V].
  // out     [T].
  void log_sum_exp(const ConstTensorView& logits, const TensorView& out);

  // The largest of each row and where it is, the first on a tie; NaN only where a row has nothing
  // else.
  //
  // x       [T, V].
  // index   [T] int32.
  // value   [T].
  void arg_max(const ConstTensorView& x, const TensorView& index, const TensorView& value);

  // out[t] = x[t, columns[t]].
  //
  // x        [T, V].
  // columns  [T] int32, in [0, V).
  // out      [T].
  void pick(const ConstTensorView& x, const ConstTensorView& columns, const TensorView& out);

 private:
  virtual void do_embedding(const ConstTensorView& tokens, const Weight& table, float scale,
                            const TensorView& out) = 0;
  virtual void do_rms_norm(const ConstTensorView& x, const ConstTensorView& weight, float eps,
                           const TensorView& out) = 0;
  virtual void do_layer_norm(const ConstTensorView& x, const ConstTensorView& weight,
                             const ConstTensorView& bias, float eps, const TensorView& out) = 0;
  virtual void do_linear(const ConstTensorView& x, std::span<const LinearPart> parts) = 0;
  virtual void do_rope_angles(const ConstTensorView& positions, std::span<const float> inv_freq,
                              float scaling, const TensorView& out) = 0;
  virtual void do_axial_rope_angles(const ConstTensorView& positions,
                                    std::span<const float> inv_freq,
                                    std::span<const std::uint8_t> axes, float scaling,
                                    const TensorView& out) = 0;
  virtual void do_rope(const TensorView& x, const ConstTensorView& cos_sin) = 0;
  virtual void do_store_kv(const ConstTensorView& k, const ConstTensorView& v,
                           const BatchRows& rows, const KvLayer& layer) = 0;
  virtual void do_attention(const ConstTensorView& q, const BatchRows& rows, const KvLayer& layer,
                            const AttentionOptions& options, const TensorView& out) = 0;
  virtual void do_segment_attention(const ConstTensorView& q, const ConstTensorView& k,
                                    const ConstTensorView& v, std::int64_t segment_rows,
                                    float scale, const TensorView& out) = 0;
  virtual void do_causal_conv(const ConstTensorView& x, const ConstTensorView& weight,
                              const BatchRows& rows, const TensorView& state,
                              const TensorView& out) = 0;
  virtual void do_gated_delta_rule(const ConstTensorView& qkv, const ConstTensorView& a,
                                   const ConstTensorView& b, const ConstTensorView& a_log,
                                   const ConstTensorView& dt_bias, int num_key_heads,
                                   const BatchRows& rows, const TensorView& state,
                                   const TensorView& out) = 0;
  virtual void do_route(const ConstTensorView& logits, bool norm_topk_prob,
                        const TensorView& expert_ids, const TensorView& expert_weights) = 0;
  virtual void do_experts(const ConstTensorView& x, const ConstTensorView& expert_ids,
                          const ConstTensorView& expert_weights, const ExpertWeights& weights,
                          const TensorView& out) = 0;
  virtual void do_gated_activation(const GatedActivation& activation, const ConstTensorView& gate,
                                   const ConstTensorView& up, const TensorView& out) = 0;
  virtual void do_activate(Activation activation, const TensorView& x) = 0;
  virtual void do_multiply_sigmoid(const TensorView& x, const ConstTensorView& gate) = 0;
  virtual void do_clamp(const TensorView& x, float limit) = 0;
  virtual void do_softcap(const TensorView& x, float cap) = 0;
  virtual void do_add(const TensorView& x, const ConstTensorView& y) = 0;
  virtual void do_gather_rows(const ConstTensorView& x, const ConstTensorView& rows,
                              const TensorView& out) = 0;
  virtual void do_log_sum_exp(const ConstTensorView& logits, const TensorView& out) = 0;
  virtual void do_arg_max(const ConstTensorView& x, const TensorView& index,
                          const TensorView& value) = 0;
  virtual void do_pick(const ConstTensorView& x, const ConstTensorView& columns,
                       const TensorView& out) = 0;

  std::string name_;
};

struct BackendOptions {
  std::string device = "cpu";  // "cpu" (SIMD where Highway was built in, else the reference),
                               // "reference", "cuda", "cuda:N"
  int num_threads = 0;         // 0: all cores this process may use
  WeightPrecision weights = WeightPrecision::kStored;
};

// throws  Error(kUsage): unknown device (lists them); Error(kUnavailable): it is not there.
std::unique_ptr<Backend> make_backend(const BackendOptions& options);

// The factories behind make_backend, one a folder.
std::unique_ptr<Backend> make_reference_backend(const std::string& name, WeightPrecision weights);
std::unique_ptr<Backend> make_cpu_backend(const BackendOptions& options);
std::unique_ptr<Backend> make_cuda_backend(int device_index, const BackendOptions& options);

}  // namespace peira::model
