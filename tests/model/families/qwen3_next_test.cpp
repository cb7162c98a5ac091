// What qwen3_next refuses and leaves out. That its answers are transformers' is in
// tests/model/engine_test.cpp, over tests/golden/tiny/qwen3_next*.
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
  std::function<void(Json&)> change;
  const char* says;
};

class Qwen3NextConfig : public ::testing::TestWithParam<BadConfig> {};

TEST_P(Qwen3NextConfig, IsRefusedInOneLine) {
  EditedCheckpoint checkpoint("qwen3_next");
  GetParam().change(checkpoint.config);
  EXPECT_THAT(checkpoint.error(), AllOf(HasSubstr("config.json: "), HasSubstr(GetParam().says)));
}

INSTANTIATE_TEST_SUITE_P(
    Table, Qwen3NextConfig,
    ::testing::Values(
        BadConfig{"NoHeadDim", [](Json& c) { c.erase("head_dim"); }, "head_dim is missing"},
        BadConfig{"NoKvHeads", [](Json& c) { c.erase("num_key_value_heads"); },
                  "num_key_value_heads is missing"},
        BadConfig{"NoShared", [](Json& c) { c.erase("shared_expert_intermediate_size"); },
                  "shared_expert_intermediate_size is missing"},
        BadConfig{"NoKeyHeads", [](Json& c) { c.erase("linear_num_key_heads"); },
                  "linear_num_key_heads is missing"},
        BadConfig{"UnevenHeads", [](Json& c) { c["linear_num_value_heads"] = 5; },
                  "linear_num_value_heads is 5 but linear_num_key_heads is 2"},
        BadConfig{"Kernel", [](Json& c) { c["linear_conv_kernel_dim"] = 0; },
                  "linear_conv_kernel_dim is 0"},
        BadConfig{"KeyDim", [](Json& c) { c["linear_key_head_dim"] = "8"; },
                  "linear_key_head_dim is \"8\", not a whole number"},
        BadConfig{"RotaryAboveOne", [](Json& c) { c["partial_rotary_factor"] = 1.5; },
                  "partial_rotary_factor is 1.5, above 1"},
        BadConfig{"RotaryOdd", [](Json& c) { c["partial_rotary_factor"] = 0.2; },
                  "partial_rotary_factor turns 3 of 16 elements"},
        BadConfig{"Interval", [](Json& c) { c["full_attention_interval"] = 0; },
                  "full_attention_interval is 0"},
        BadConfig{"LayerType",
                  [](Json& c) {
                    c["layer_types"] = {"linear_attention", "linear_attention", "linear_attention",
                                        "sliding_attention"};
                  },
                  "layer_types names \"sliding_attention\" for layer 3"},
        BadConfig{"LayerTypes", [](Json& c) { c["layer_types"] = {"linear_attention"}; },
                  "layer_types has 1 entries but num_hidden_layers is 4"},
        BadConfig{"SlidingWindow", [](Json& c) { c["use_sliding_window"] = true; },
                  "use_sliding_window is true"},
        BadConfig{"Activation", [](Json& c) { c["hidden_act"] = "relu"; },
                  "hidden_act \"relu\" is not supported"}),
    [](const auto& param) { return param.param.name; });

TEST(Qwen3NextTensors, NameWhatIsMissing) {
  for (const char* const name :
       {"model.layers.0.linear_attn.in_proj_qkvz.weight",
        "model.layers.0.linear_attn.in_proj_ba.weight", "model.layers.0.linear_attn.conv1d.weight",
        "model.layers.0.linear_attn.A_log", "model.layers.0.linear_attn.dt_bias",
        "model.layers.0.linear_attn.norm.weight", "model.layers.0.linear_attn.out_proj.weight",
        "model.layers.0.mlp.shared_expert_gate.weight",
        "model.layers.0.mlp.shared_expert.up_proj.weight", "model.layers.3.self_attn.q_proj.weight",
        "model.layers.3.self_attn.q_norm.weight", "model.norm.weight"}) {
    EditedCheckpoint checkpoint("qwen3_next");
    checkpoint.remove(name);
    EXPECT_THAT(checkpoint.error(), AllOf(HasSubstr("missing"), HasSubstr(name)));
  }
}

TEST(Qwen3NextTensors, NameWhatIsLeftOver) {
  EditedCheckpoint checkpoint("qwen3_next");
  checkpoint.tensors.push_back({"mtq.fc.weight", "BF16", {1}, std::string(2, '\0')});
  EXPECT_THAT(checkpoint.error(),
              AllOf(HasSubstr("1 tensors are no part of the model"), HasSubstr("mtq.fc.weight")));
}

TEST(Qwen3NextTensors, RefuseOtherTypesAndShapes) {
  EditedCheckpoint shape("qwen3_next");
  shape.tensor("model.layers.0.linear_attn.conv1d.weight").shape = {64, 4};
  EXPECT_THAT(shape.error(), AllOf(HasSubstr("conv1d.weight: has shape [64,4]"),
                                   HasSubstr("config.json asks for [64, 1, 4]")));
  EditedCheckpoint type("qwen3_next");
  type.tensor("model.layers.0.linear_attn.A_log").dtype = "I16";
  EXPECT_THAT(type.error(), AllOf(HasSubstr("A_log: is I16"), HasSubstr("supported are BF16")));
  // Layers 0 to 2 mix linearly, layer 3 attends: another interval asks for other tensors.
  EditedCheckpoint interval("qwen3_next");
  interval.config["full_attention_interval"] = 2;
  EXPECT_THAT(interval.error(), HasSubstr("model.layers.1.self_attn"));
}

// Multi-token prediction is left out, and the engine says so.
TEST(Qwen3NextTensors, SayWhatIsLeftOut) {
  const Engine with = test::golden_engine("qwen3_next");
  ASSERT_EQ(with.notes().size(), 1U);
  EXPECT_THAT(with.notes().front(), AllOf(HasSubstr("5 tensors mtp.*"), HasSubstr("multi-token")));
  EXPECT_TRUE(test::golden_engine("qwen3_next_1x").notes().empty());
}

}  // namespace
}  // namespace peira::model
