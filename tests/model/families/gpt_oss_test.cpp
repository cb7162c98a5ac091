// What gpt_oss refuses, and MXFP4 to the bit. That its answers are transformers' is in
// tests/model/engine_test.cpp, over tests/golden/tiny/gpt_oss_*.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "model/weight.h"
#include "tests/model/edited_checkpoint.h"

namespace peira::model {
namespace {

using test::EditedCheckpoint;
using ::testing::AllOf;
using ::testing::HasSubstr;

// OCP Microscaling Formats (MX) 1.0: E2M1 has a sign, two exponent bits of bias 1 and one fraction
// bit, and no infinities (table 5.3.3); E8M0 is 2^(bits - 127), 0xFF is NaN (5.4.1).
float by_the_standard(int scale, int code) {
  const int exponent = (code >> 1) & 3;
  const int fraction = code & 1;
  const double size = exponent == 0 ? fraction * 0.5 : std::ldexp(1 + fraction * 0.5, exponent - 1);
  return static_cast<float>(std::ldexp((code & 8) != 0 ? -size : size, scale - 127));
}

std::uint32_t bits_of(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

TEST(Mxfp4, EveryCodeAndScaleIsTheStandards) {
  Tensor tensor = host_tensor(DType::kMXFP4, {1, 64});
  auto* const bytes = static_cast<std::uint8_t*>(tensor.view().data);
  std::vector<float> row(64);
  for (int scale = 0; scale < 256; ++scale) {
    // The second block has another scale and the codes the other way round.
    const int other = scale ^ 1;
    bytes[0] = static_cast<std::uint8_t>(scale);
    bytes[17] = static_cast<std::uint8_t>(other);
    for (int i = 0; i < 16; ++i) {
      bytes[1 + i] = static_cast<std::uint8_t>(i | (15 - i) << 4);
      bytes[18 + i] = static_cast<std::uint8_t>((15 - i) | i << 4);
    }
    widen_row(Weight(tensor), 0, row.data());
    for (int i = 0; i < 64; ++i) {
      const bool is_second = i >= 32;
      const int code = (i % 32 < 16) == !is_second ? i % 16 : 15 - i % 16;
      const int own = is_second ? other : scale;
      if (own == 255) {
        EXPECT_TRUE(std::isnan(row[static_cast<std::size_t>(i)])) << i;
      } else {
        EXPECT_EQ(bits_of(row[static_cast<std::size_t>(i)]), bits_of(by_the_standard(own, code)))
            << "scale " << own << ", element " << i;
      }
    }
  }
}

struct BadConfig {
  const char* name;
  const char* checkpoint;
  std::function<void(Json&)> change;
  const char* says;
};

class GptOssConfig : public ::testing::TestWithParam<BadConfig> {};

TEST_P(GptOssConfig, IsRefusedInOneLine) {
  EditedCheckpoint checkpoint(GetParam().checkpoint);
  GetParam().change(checkpoint.config);
  const std::string message = checkpoint.error();
  EXPECT_THAT(message, AllOf(HasSubstr("config.json: "), HasSubstr(GetParam().says)));
}

INSTANTIATE_TEST_SUITE_P(
    Table, GptOssConfig,
    ::testing::Values(
        BadConfig{"NoHeadDim", "gpt_oss_mxfp4", [](Json& c) { c.erase("head_dim"); },
                  "head_dim is missing"},
        BadConfig{"NoKvHeads", "gpt_oss_mxfp4", [](Json& c) { c.erase("num_key_value_heads"); },
                  "num_key_value_heads is missing"},
        BadConfig{"NoInner", "gpt_oss_mxfp4", [](Json& c) { c.erase("intermediate_size"); },
                  "intermediate_size is missing"},
        BadConfig{"NoExperts", "gpt_oss_mxfp4", [](Json& c) { c.erase("num_local_experts"); },
                  "num_local_experts is missing"},
        BadConfig{"NoTopK", "gpt_oss_bf16", [](Json& c) { c.erase("num_experts_per_tok"); },
                  "experts_per_token is missing"},
        BadConfig{"TwoTopKs", "gpt_oss_mxfp4", [](Json& c) { c["experts_per_token"] = 3; },
                  "num_experts_per_tok is 2 but experts_per_token is 3"},
        BadConfig{"TooManyPerToken", "gpt_oss_bf16", [](Json& c) { c["num_experts_per_tok"] = 4; },
                  "num_experts_per_tok is 4 but num_experts is 3"},
        BadConfig{"NoRope", "gpt_oss_mxfp4", [](Json& c) { c["rope_scaling"] = nullptr; },
                  "rope_scaling is missing"},
        BadConfig{"NoTheta", "gpt_oss_mxfp4", [](Json& c) { c.erase("rope_theta"); },
                  "rope_theta is missing"},
        BadConfig{"Truncate", "gpt_oss_mxfp4",
                  [](Json& c) { c["rope_scaling"]["truncate"] = "no"; },
                  "truncate is \"no\", not true or false"},
        BadConfig{"Limit", "gpt_oss_mxfp4", [](Json& c) { c["swiglu_limit"] = -7.0; },
                  "swiglu_limit is -7.0 but must be positive"},
        BadConfig{"Activation", "gpt_oss_mxfp4", [](Json& c) { c["hidden_act"] = "gelu"; },
                  "hidden_act \"gelu\" is not supported"},
        BadConfig{"NoWindow", "gpt_oss_mxfp4", [](Json& c) { c["sliding_window"] = nullptr; },
                  "layer_types names sliding_attention but sliding_window is missing"},
        BadConfig{"NegativeWindow", "gpt_oss_mxfp4", [](Json& c) { c["sliding_window"] = -1; },
                  "sliding_window is -1"},
        BadConfig{"LayerType", "gpt_oss_mxfp4",
                  [](Json& c) { c["layer_types"][1] = "linear_attention"; },
                  "layer_types names \"linear_attention\" for layer 1"},
        BadConfig{"LayerTypeNumber", "gpt_oss_mxfp4", [](Json& c) { c["layer_types"][0] = 7; },
                  "layer_types names 7 for layer 0"},
        BadConfig{"LayerTypes", "gpt_oss_mxfp4",
                  [](Json& c) { c["layer_types"].push_back("full_attention"); },
                  "layer_types has 3 entries but num_hidden_layers is 2"},
        BadConfig{"LayerTypesText", "gpt_oss_mxfp4",
                  [](Json& c) { c["layer_types"] = "full_attention"; },
                  "layer_types is \"full_attention\", not a list"},
        BadConfig{"QuantMethod", "gpt_oss_mxfp4",
                  [](Json& c) { c["quantization_config"]["quant_method"] = "awq"; },
                  "quant_method \"awq\" is not supported for gpt_oss"},
        BadConfig{"Blocks", "gpt_oss_mxfp4", [](Json& c) { c["intermediate_size"] = 40; },
                  "intermediate_size is 40, no whole number of MXFP4 blocks of 32"},
        BadConfig{"Quantization", "gpt_oss_mxfp4",
                  [](Json& c) { c["quantization_config"] = "mxfp4"; }, "not a JSON object"}),
    [](const auto& param) { return param.param.name; });

constexpr const char* kExperts = "model.layers.0.mlp.experts.";

TEST(GptOssTensors, LoadWhenNothingIsChanged) {
  EXPECT_EQ(EditedCheckpoint("gpt_oss_mxfp4").error(), "no error");
  EXPECT_EQ(EditedCheckpoint("gpt_oss_bf16").error(), "no error");
}

TEST(GptOssTensors, NameWhatIsMissing) {
  for (const char* const name :
       {"mlp.experts.gate_up_proj_blocks", "mlp.experts.gate_up_proj_scales",
        "mlp.experts.down_proj_blocks", "mlp.experts.down_proj_scales",
        "mlp.experts.gate_up_proj_bias", "mlp.experts.down_proj_bias", "mlp.router.weight",
        "mlp.router.bias", "self_attn.sinks", "self_attn.q_proj.bias", "self_attn.o_proj.bias"}) {
    const std::string full = std::string("model.layers.1.") + name;
    EditedCheckpoint checkpoint("gpt_oss_mxfp4");
    checkpoint.remove(full);
    EXPECT_THAT(checkpoint.error(), AllOf(HasSubstr("missing"), HasSubstr(full)));
  }
  EditedCheckpoint plain("gpt_oss_bf16");
  plain.remove(std::string(kExperts) + "down_proj");
  EXPECT_THAT(plain.error(), AllOf(HasSubstr("missing"), HasSubstr("experts.down_proj")));
}

TEST(GptOssTensors, NameWhatIsLeftOver) {
  EditedCheckpoint checkpoint("gpt_oss_mxfp4");
  checkpoint.tensors.push_back({"model.layers.0.mlp.experts.extra", "U8", {1}, "x"});
  EXPECT_THAT(checkpoint.error(),
              AllOf(HasSubstr("no part of the model"), HasSubstr("mlp.experts.extra")));
  EditedCheckpoint both("gpt_oss_mxfp4");
  both.tensors.push_back(
      {std::string(kExperts) + "gate_up_proj", "BF16", {1}, std::string(2, '\0')});
  EXPECT_THAT(both.error(), HasSubstr("experts.gate_up_proj"));
}

TEST(GptOssTensors, RefuseOtherTypesAndShapes) {
  EditedCheckpoint type("gpt_oss_mxfp4");
  type.tensor(std::string(kExperts) + "gate_up_proj_blocks").dtype = "I8";
  EXPECT_THAT(type.error(), AllOf(HasSubstr("gate_up_proj_blocks"), HasSubstr("is I8")));

  EditedCheckpoint shape("gpt_oss_mxfp4");
  auto& blocks = shape.tensor(std::string(kExperts) + "down_proj_blocks").shape;
  std::swap(blocks[0], blocks[1]);
  EXPECT_THAT(shape.error(),
              AllOf(HasSubstr("down_proj_blocks"), HasSubstr("has shape [64,4,1,16]"),
                    HasSubstr("[4, 64, 1, 16]")));

  EditedCheckpoint plain("gpt_oss_bf16");
  auto& gate_up = plain.tensor(std::string(kExperts) + "gate_up_proj").shape;
  std::swap(gate_up[1], gate_up[2]);
  EXPECT_THAT(plain.error(), AllOf(HasSubstr("gate_up_proj"), HasSubstr("has shape [3,48,40]")));
}

TEST(GptOssTensors, HaveToAgreeWithTheQuantizationConfig) {
  EditedCheckpoint packed("gpt_oss_mxfp4");
  packed.config.erase("quantization_config");
  EXPECT_THAT(packed.error(), AllOf(HasSubstr("gate_up_proj_blocks is there but"),
                                    HasSubstr("no quantization_config")));
  EditedCheckpoint plain("gpt_oss_mxfp4");
  plain.tensor(std::string(kExperts) + "gate_up_proj_blocks").name =
      std::string(kExperts) + "gate_up_proj";
  EXPECT_THAT(plain.error(), HasSubstr("quantization_config says mxfp4 but tensor "
                                       "model.layers.0.mlp.experts.gate_up_proj is plain"));
}

}  // namespace
}  // namespace peira::model
