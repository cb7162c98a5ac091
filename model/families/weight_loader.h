// Takes a checkpoint's tensors by name, and the parts that most families have under equal names.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "model/config.h"
#include "model/layers/decoder.h"
#include "model/safetensors.h"

namespace peira::model {

// Everything it returns lies in host memory: the mapped files, or tensors it owns until
// take_owned(). A tensor that is not there comes back empty and is named by
// CheckpointTensors::finish(); rearranging has to let empty weights pass.
// throws  Error(kData), from all members: another shape or type than asked for.
class WeightLoader {
 public:
  WeightLoader(const ModelConfig& config, CheckpointTensors& tensors)
      : config_(config), tensors_(tensors) {}

  // throws Error(kData): "checkpoint: what".
  [[noreturn]] void fail(const std::string& what) const;
  bool has(const std::string& name) const { return tensors_.has(name); }
  // A norm, bias or the like.
  ConstTensorView vector(const std::string& name, const Shape& shape) {
    return tensors_.take(name, shape);
  }
  // Packed values or their scales: U8.
  ConstTensorView bytes(const std::string& name, const Shape& shape) {
    return tensors_.take_bytes(name, shape);
  }
  // As vector(), plus `offset` unless it is 0, then in float32: norms stored as their difference
  // from one.
  ConstTensorView shifted_vector(const std::string& name, const Shape& shape, float offset);
  // A weight matrix: plain, or FP8 with the scales in {name}_scale_inv.
  Weight matrix(const std::string& name, const Shape& shape);
  // Consecutive rows of a stored matrix.
  struct RowRange {
    std::int64_t first;
    std::int64_t count;
  };
  // The rows of `stored` that `ranges` name, in their order, as a matrix of its own: the stored one
  // where they are consecutive, else a copy. `what` is named in errors.
  Weight rows(const Weight& stored, std::span<const RowRange> ranges, const std::string& what);
  // The same of a vector: elements.
  ConstTensorView elements(const ConstTensorView& stored, std::span<const RowRange> ranges);
  // Tensors whose names start with `prefix` are no part of what runs; `why` follows their number
  // in notes().
  void leave_out(const std::string& prefix, const std::string& why);
  // What was left out, for people: "15 tensors mtp.*: ...".
  std::vector<std::string> take_notes() { return std::move(notes_); }
  // Memory for a rearranged weight.
  TensorView own(DType dtype, const Shape& shape);
  std::vector<Tensor> take_owned() { return std::move(owned_); }

  // {q,k,v,o}_proj of `prefix` ("model.layers.0.self_attn."), with biases if attention_bias; the
  // output projection of some families has none even so.
  enum class OutputBias : std::uint8_t { kAsOthers, kNever };
  AttentionWeights attention(const std::string& prefix,
                             OutputBias output_bias = OutputBias::kAsOthers);
  // {gate,up,down}_proj of `prefix`, with biases if mlp_bias.
  DenseMlpWeights dense_mlp(const std::string& prefix, std::int64_t inner);
  // The sparse block of `prefix` ("model.layers.0.mlp."): gate (the router), experts and, if
  // shared_expert_intermediate_size is not 0, shared_expert and shared_expert_gate.
  MoeWeights sparse_mlp(const std::string& prefix);
  // Whichever of the two is_moe_layer(index) says.
  std::variant<DenseMlpWeights, MoeWeights> mlp(int index, const std::string& prefix);
  // Experts of `prefix` ("model.layers.0.mlp.experts."): one by one ({e}.gate_proj.weight, or the
  // family's own names), or fused as gate_up_proj [E, 2I, H] (gate rows first) and down_proj
  // [E, H, I], or both of these input-major, [E, H, 2I] and [E, I, H]: their shapes tell.
  struct ExpertNames {
    std::string_view gate = "gate_proj";
    std::string_view up = "up_proj";
    std::string_view down = "down_proj";
  };
  ExpertWeights experts(const std::string& prefix, const ExpertNames& names);
  ExpertWeights experts(const std::string& prefix) { return experts(prefix, {}); }
  // The fused input-major tensors of `prefix`, whose 2I outputs of gate_up_proj are all gates, then
  // all ups, or take turns.
  enum class GateUpOrder : std::uint8_t { kGatesFirst, kTakeTurns };
  ExpertWeights input_major_experts(const std::string& prefix, GateUpOrder order);
  // Every second element of each row of `stored`, [rows, 2n], from `first` on: [rows, n].
  ConstTensorView every_second(const ConstTensorView& stored, std::int64_t first);
  // lm_head.weight, or `embed_tokens` where they are tied. A tied model may carry the tensor all
  // the same; then it has to be the embedding.
  Weight lm_head(const Weight& embed_tokens, const std::string& name = "lm_head.weight");
  // All of a decoder that most families share: embed_tokens, each layer's input_layernorm and
  // post_attention_layernorm, the last norm and lm_head. `take_layer` takes the rest of a layer,
  // whose names start with `prefix`. norm_offset: of the norms, as in shifted_vector().
  using TakeLayer =
      std::function<void(int index, const std::string& prefix, DecoderLayerWeights& layer)>;
  DecoderWeights decoder(const TakeLayer& take_layer, float norm_offset = 0) {
    return decoder(take_layer, norm_offset, {});
  }
  // Where the text is a part of a larger model.
  struct DecoderNames {
    std::string text = "model.";  // in front of embed_tokens, layers and norm
    std::string lm_head = "lm_head.weight";
  };
  DecoderWeights decoder(const TakeLayer& take_layer, float norm_offset, const DecoderNames& names);
  // The vision tower of `prefix` ("model.visual."), its mergers under the names of Qwen3-VL or of
  // Qwen3-Omni, whichever are there.
  VisionWeights vision(const std::string& prefix);
  // The audio tower of `prefix` ("thinker.audio_tower.").
  AudioWeights audio(const std::string& prefix);

 private:
  // [rows, from, to] as [rows, to * from].
  ConstTensorView with_last_axes_swapped(const ConstTensorView& stored, std::int64_t rows,
                                         std::int64_t from, std::int64_t to);
  VisionMergerWeights vision_merger(const std::string& prefix, std::int64_t norm_size);
  ConstTensorView fp8_scales(const std::string& matrix_name, const Shape& shape);
  // The transpose of `stored`, a matrix in input-major order, of which `count` outputs are wanted:
  // first, first + step, ...
  ConstTensorView transposed(const ConstTensorView& stored, std::int64_t first, std::int64_t step,
                             std::int64_t count);

  const ModelConfig& config_;
  CheckpointTensors& tensors_;
  std::vector<Tensor> owned_;
  std::vector<std::string> notes_;
};

}  // namespace peira::model
