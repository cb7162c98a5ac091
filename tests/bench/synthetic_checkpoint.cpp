#include "tests/bench/synthetic_checkpoint.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/error.h"
#include "model/tensor.h"

namespace peira::bench {

SyntheticCheckpoint::SyntheticCheckpoint(const Sizes& sizes) {
  config_ = dump_json(Json{{"model_type", "qwen3_moe"},
                           {"vocab_size", sizes.vocab_size},
                           {"hidden_size", sizes.hidden_size},
                           {"moe_intermediate_size", sizes.moe_intermediate_size},
                           {"num_hidden_layers", sizes.num_hidden_layers},
                           {"num_attention_heads", sizes.num_attention_heads},
                           {"num_key_value_heads", sizes.num_key_value_heads},
                           {"head_dim", sizes.head_dim},
                           {"max_position_embeddings", 32768},
                           {"num_experts", sizes.num_experts},
                           {"num_experts_per_tok", sizes.num_experts_per_tok},
                           {"norm_topk_prob", true},
                           {"tie_word_embeddings", true}});
  using Shape = std::vector<std::int64_t>;
  std::vector<std::pair<std::string, Shape>> tensors;
  const std::int64_t hidden = sizes.hidden_size;
  const std::int64_t q_size = std::int64_t{sizes.num_attention_heads} * sizes.head_dim;
  const std::int64_t kv_size = std::int64_t{sizes.num_key_value_heads} * sizes.head_dim;
  const std::int64_t inner = sizes.moe_intermediate_size;
  tensors.emplace_back("model.embed_tokens.weight", Shape{sizes.vocab_size, hidden});
  tensors.emplace_back("model.norm.weight", Shape{hidden});
  for (int layer = 0; layer < sizes.num_hidden_layers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    tensors.emplace_back(prefix + "input_layernorm.weight", Shape{hidden});
    tensors.emplace_back(prefix + "post_attention_layernorm.weight", Shape{hidden});
    tensors.emplace_back(prefix + "self_attn.q_proj.weight", Shape{q_size, hidden});
    tensors.emplace_back(prefix + "self_attn.k_proj.weight", Shape{kv_size, hidden});
    tensors.emplace_back(prefix + "self_attn.v_proj.weight", Shape{kv_size, hidden});
    tensors.emplace_back(prefix + "self_attn.o_proj.weight", Shape{hidden, q_size});
    tensors.emplace_back(prefix + "self_attn.q_norm.weight", Shape{sizes.head_dim});
    tensors.emplace_back(prefix + "self_attn.k_norm.weight", Shape{sizes.head_dim});
    tensors.emplace_back(prefix + "mlp.gate.weight", Shape{sizes.num_experts, hidden});
    tensors.emplace_back(prefix + "mlp.experts.gate_up_proj",
                         Shape{sizes.num_experts, 2 * inner, hidden});
    tensors.emplace_back(prefix + "mlp.experts.down_proj", Shape{sizes.num_experts, hidden, inner});
  }
  Json header = Json::object();
  std::int64_t offset = 0;
  for (const auto& [name, shape] : tensors) {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) count *= size;
    header[name] = {
        {"dtype", "BF16"}, {"shape", shape}, {"data_offsets", {offset, offset + 2 * count}}};
    offset += 2 * count;
  }
  std::string text = dump_json(header);
  while (text.size() % 8 != 0) text += ' ';

  weights_.resize(8 + text.size() + static_cast<std::size_t>(offset));
  const std::uint64_t length = text.size();
  std::memcpy(weights_.data(), &length, 8);
  std::memcpy(weights_.data() + 8, text.data(), text.size());
  std::byte* out = weights_.data() + 8 + text.size();
  std::uint64_t state = 1;
  for (const auto& [name, shape] : tensors) {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) count *= size;
    // Uniform with the usual 1 / sqrt(inputs) size; norm weights are one.
    const float scale = std::sqrt(3.0F / static_cast<float>(shape.back()));
    for (std::int64_t i = 0; i < count; ++i, out += 2) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      const float uniform = static_cast<float>(state >> 40) * 0x1p-23F - 1.0F;
      const std::uint16_t bits = model::bf16_from_float(shape.size() == 1 ? 1.0F : uniform * scale);
      std::memcpy(out, &bits, 2);
    }
  }
  const auto as_bytes = [](const std::string& s) { return std::as_bytes(std::span(s)); };
  table_ = {{"config.json", as_bytes(config_)}, {"model.safetensors", weights_}};
}

void SyntheticCheckpoint::write_to(const std::filesystem::path& folder) const {
  std::filesystem::create_directories(folder);
  for (const EmbeddedFile& file : table_) {
    std::ofstream out(folder / file.name, std::ios::binary);
    out.write(reinterpret_cast<const char*>(file.bytes.data()),
              static_cast<std::streamsize>(file.bytes.size()));
    if (!out.flush()) throw Error(ErrorCode::kUnavailable, folder.string() + ": cannot be written");
  }
}

}  // namespace peira::bench
