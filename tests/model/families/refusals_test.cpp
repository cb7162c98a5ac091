// What qwen3, llama, olmoe, mixtral, gemma3 and FP8 checkpoints refuse. That their answers are
// transformers' is in tests/model/engine_test.cpp, over tests/golden/tiny.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/model/edited_checkpoint.h"

namespace peira::model {
namespace {

using test::EditedCheckpoint;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct BadConfig {
  const char* name;
  const char* checkpoint;
  std::function<void(Json&)> change;
  const char* says;
};

class FamilyConfig : public ::testing::TestWithParam<BadConfig> {};

TEST_P(FamilyConfig, IsRefusedInOneLine) {
  EditedCheckpoint checkpoint(GetParam().checkpoint);
  GetParam().change(checkpoint.config);
  EXPECT_THAT(checkpoint.error(), AllOf(HasSubstr("config.json: "), HasSubstr(GetParam().says)));
}

INSTANTIATE_TEST_SUITE_P(
    Table, FamilyConfig,
    ::testing::Values(
        BadConfig{"Slices", "llama2", [](Json& c) { c["pretraining_tp"] = 2; },
                  "pretraining_tp is 2"},
        BadConfig{"Llama3NoLow", "llama3",
                  [](Json& c) { c["rope_scaling"].erase("low_freq_factor"); },
                  "low_freq_factor is missing"},
        BadConfig{"Llama3Order", "llama3",
                  [](Json& c) { c["rope_scaling"]["high_freq_factor"] = 1; },
                  "high_freq_factor is 1.0 but low_freq_factor is 1.0"},
        BadConfig{"Partial", "llama2", [](Json& c) { c["partial_rotary_factor"] = 0.5; },
                  "partial_rotary_factor is 0.5"},
        BadConfig{"Clip", "olmoe", [](Json& c) { c["clip_qkv"] = -1; }, "clip_qkv is -1"},
        BadConfig{"Window", "mixtral_window", [](Json& c) { c["sliding_window"] = 0; },
                  "sliding_window is 0"},
        BadConfig{"Softcap", "gemma3_text", [](Json& c) { c["attn_logit_softcapping"] = 50; },
                  "attn_logit_softcapping is 50"},
        BadConfig{"Bidirectional", "gemma3_text",
                  [](Json& c) { c["use_bidirectional_attention"] = true; },
                  "use_bidirectional_attention is true"},
        BadConfig{"Activation", "gemma3_text", [](Json& c) { c["hidden_activation"] = "relu"; },
                  "hidden_activation \"relu\""},
        BadConfig{"FlatRope", "gemma3_text_v5",
                  [](Json& c) {
                    c["rope_parameters"] = Json{{"rope_theta", 1e4}};
                  },
                  "neither full_attention nor sliding_attention"},
        BadConfig{"NoText", "gemma3", [](Json& c) { c.erase("text_config"); },
                  "text_config is missing"},
        BadConfig{"Method", "qwen3_fp8",
                  [](Json& c) { c["quantization_config"]["quant_method"] = "gptq"; },
                  "quant_method \"gptq\""},
        BadConfig{"Block", "qwen3_fp8",
                  [](Json& c) {
                    c["quantization_config"]["weight_block_size"] = {64, 64};
                  },
                  "weight_block_size is [64,64]"},
        BadConfig{"Static", "qwen3_fp8",
                  [](Json& c) { c["quantization_config"]["activation_scheme"] = "static"; },
                  "activation_scheme \"static\""}),
    [](const auto& param) { return param.param.name; });

TEST(FamilyTensors, NameWhatIsMissing) {
  struct Missing {
    const char* checkpoint;
    const char* tensor;
  };
  for (const Missing& one :
       {Missing{"olmoe", "model.layers.0.self_attn.k_norm.weight"},
        Missing{"olmoe_all", "model.layers.1.mlp.experts.down_proj"},
        Missing{"mixtral", "model.layers.2.block_sparse_moe.experts.5.w3.weight"},
        Missing{"gemma3_text", "model.layers.0.pre_feedforward_layernorm.weight"},
        Missing{"gemma3", "language_model.model.norm.weight"},
        Missing{"qwen3_fp8", "model.layers.0.mlp.up_proj.weight_scale_inv"}}) {
    EditedCheckpoint checkpoint(one.checkpoint);
    checkpoint.remove(one.tensor);
    EXPECT_THAT(checkpoint.error(), AllOf(HasSubstr("missing"), HasSubstr(one.tensor)));
  }
}

TEST(FamilyTensors, Fp8HasToBeDeclared) {
  EditedCheckpoint undeclared("qwen3_fp8");
  undeclared.config.erase("quantization_config");
  EXPECT_THAT(undeclared.error(),
              HasSubstr("is F8_E4M3 but config.json has no quantization_config"));
  EditedCheckpoint denied("qwen3_fp8");
  denied.config["quantization_config"]["modules_to_not_convert"] = {"model.layers.0.mlp"};
  EXPECT_THAT(denied.error(), HasSubstr("modules_to_not_convert names model.layers.0.mlp"));
}

}  // namespace
}  // namespace peira::model
