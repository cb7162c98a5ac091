#include "model/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "tests/model/golden.h"

namespace peira::model {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// As Qwen3-30B-A3B's config.json, smaller.
Json base_config() {
  return Json::parse(R"({
    "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "vocab_size": 100,
    "hidden_size": 64, "intermediate_size": 48, "moe_intermediate_size": 24,
    "num_hidden_layers": 3, "num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 16,
    "hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "rope_scaling": null,
    "max_position_embeddings": 4096, "attention_bias": false, "decoder_sparse_step": 1,
    "mlp_only_layers": [], "num_experts": 4, "num_experts_per_tok": 2, "norm_topk_prob": true,
    "tie_word_embeddings": false, "sliding_window": null, "use_sliding_window": false,
    "bos_token_id": 3, "eos_token_id": 2, "torch_dtype": "bfloat16"})");
}

Json with(const std::string& key, const Json& value) {
  Json config = base_config();
  config[key] = value;
  return config;
}

Json without(const std::string& key) {
  Json config = base_config();
  config.erase(key);
  return config;
}

ModelConfig read(const Json& config) { return config_from_json(config, "dir/config.json"); }

std::string error_of(const Json& config) {
  try {
    read(config);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    return error.what();
  }
  return "no error";
}

TEST(Config, ReadsTheOlderGeneration) {
  const ModelConfig config = read(base_config());
  EXPECT_EQ(config.model_type, "qwen3_moe");
  EXPECT_EQ(config.hidden_size, 64);
  EXPECT_EQ(config.head_dim, 16);
  EXPECT_EQ(config.num_experts, 4);
  EXPECT_TRUE(config.norm_topk_prob);
  EXPECT_EQ(config.dtype, "bfloat16");
  EXPECT_EQ(config.rope_parameters.rope_type, "default");
  EXPECT_EQ(config.rope_parameters.rope_theta, 1e6);
  EXPECT_THAT(config.generation.eos_token_id, ElementsAre(2));
  EXPECT_EQ(config.bos_token_id, 3);
  EXPECT_EQ(config.pad_token_id, std::nullopt);
  EXPECT_EQ(config.generation.sampling.temperature, 0);
}

TEST(Config, ReadsTheNewerGeneration) {
  Json config = base_config();
  for (const char* old : {"rope_theta", "rope_scaling", "torch_dtype", "num_experts"}) {
    config.erase(old);
  }
  config["rope_parameters"] = {{"rope_theta", 5e5}, {"rope_type", "default"}};
  config["dtype"] = "float32";
  config["num_local_experts"] = 4;
  config["eos_token_id"] = {2, 5};
  config["mlp_only_layers"] = nullptr;
  const ModelConfig got = read(config);
  EXPECT_EQ(got.rope_parameters.rope_theta, 5e5);
  EXPECT_EQ(got.dtype, "float32");
  EXPECT_EQ(got.num_experts, 4);
  EXPECT_THAT(got.generation.eos_token_id, ElementsAre(2, 5));
}

TEST(Config, DerivesAbsentSizes) {
  EXPECT_EQ(read(without("head_dim")).head_dim, 8);
  EXPECT_EQ(read(without("num_key_value_heads")).num_key_value_heads, 8);
  EXPECT_EQ(read(without("model_type")).model_type, "qwen3_moe");
}

TEST(Config, KnowsWhichLayersAreSparse) {
  Json config = base_config();
  config["decoder_sparse_step"] = 2;
  config["num_hidden_layers"] = 4;
  config["mlp_only_layers"] = {3};
  const ModelConfig got = read(config);
  EXPECT_FALSE(got.is_moe_layer(0));
  EXPECT_TRUE(got.is_moe_layer(1));
  EXPECT_FALSE(got.is_moe_layer(2));
  EXPECT_FALSE(got.is_moe_layer(3));
}

struct BadConfig {
  const char* name;
  Json config;
  std::vector<const char*> says;
};

class BadConfigs : public ::testing::TestWithParam<BadConfig> {};

TEST_P(BadConfigs, NameFileFieldAndValues) {
  const std::string message = error_of(GetParam().config);
  EXPECT_THAT(message, HasSubstr("dir/config.json"));
  for (const char* words : GetParam().says) EXPECT_THAT(message, HasSubstr(words));
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadConfigs,
    ::testing::Values(
        BadConfig{"NotAnObject", Json::array(), {"not a JSON object"}},
        BadConfig{"OtherModel", with("model_type", "bert"), {"\"bert\"", "supported: qwen3_moe"}},
        BadConfig{"OtherClass",
                  with("architectures", {"Qwen3MoeForSequenceClassification"}),
                  {"Qwen3MoeForSequenceClassification", "supported"}},
        BadConfig{"NoModel", Json::object(), {"neither model_type nor architectures"}},
        BadConfig{"Missing", without("hidden_size"), {"hidden_size is missing"}},
        BadConfig{"NoExperts", without("num_experts"), {"num_experts is missing"}},
        BadConfig{"Text", with("hidden_size", "64"), {"hidden_size is \"64\", not a whole number"}},
        BadConfig{"Fraction", with("hidden_size", 64.5), {"hidden_size is 64.5"}},
        BadConfig{"Zero", with("num_hidden_layers", 0), {"num_hidden_layers is 0", "from 1 to"}},
        BadConfig{"Negative", with("vocab_size", -5), {"vocab_size is -5"}},
        BadConfig{"Huge", with("vocab_size", 1e15), {"vocab_size", "1073741824"}},
        BadConfig{"TooManyExperts",
                  with("num_experts_per_tok", 8),
                  {"num_experts_per_tok is 8 but num_experts is 4",
                   "a token cannot be routed to more experts than a layer has"}},
        BadConfig{"UnevenHeads",
                  with("num_key_value_heads", 3),
                  {"num_attention_heads is 8 but num_key_value_heads is 3"}},
        BadConfig{"OddHead", with("head_dim", 15), {"head_dim is 15"}},
        BadConfig{"Activation", with("hidden_act", "gelu"), {"\"gelu\"", "supported: silu"}},
        BadConfig{"Eps", with("rms_norm_eps", 0), {"rms_norm_eps"}},
        BadConfig{"Flag", with("norm_topk_prob", 1), {"norm_topk_prob is 1, not true or false"}},
        BadConfig{"SlidingWindow", with("use_sliding_window", true), {"use_sliding_window"}},
        BadConfig{"Quantised",
                  with("quantization_config", Json{{"quant_method", "fp8"}}),
                  {"quantization_config"}},
        BadConfig{"Eos", with("eos_token_id", 100), {"eos_token_id 100", "vocab_size 100"}},
        BadConfig{"EosList", with("eos_token_id", {1, "x"}), {"eos_token_id is \"x\""}},
        BadConfig{"MlpOnly", with("mlp_only_layers", {7}), {"layer 7", "num_hidden_layers is 3"}},
        BadConfig{"RopeType",
                  with("rope_scaling", {{"rope_type", "dynamic"}, {"factor", 2}}),
                  {"rope_scaling", "\"dynamic\"", "linear, llama3, yarn"}},
        BadConfig{"RopeFactor",
                  with("rope_scaling", {{"type", "linear"}, {"factor", -2}}),
                  {"rope_scaling", "factor is -2"}},
        BadConfig{
            "RopeNoFactor", with("rope_scaling", {{"type", "linear"}}), {"factor is missing"}},
        BadConfig{"RopeTheta", with("rope_theta", 0), {"rope_theta is 0"}}),
    [](const auto& param) { return param.param.name; });

TEST(Config, GenerationConfigOverridesAndSamples) {
  ModelConfig config = read(base_config());
  apply_generation_config(Json::parse(R"({"eos_token_id": [7, 8], "do_sample": true,
      "temperature": 0.6, "top_k": 20, "top_p": 0.95})"),
                          "g", config);
  EXPECT_THAT(config.generation.eos_token_id, ElementsAre(7, 8));
  EXPECT_EQ(config.generation.sampling.temperature, 0.6);
  EXPECT_EQ(config.generation.sampling.top_k, 20);
  EXPECT_EQ(config.generation.sampling.top_p, 0.95);
  EXPECT_EQ(config.generation.sampling.min_p, 0);

  ModelConfig greedy = read(base_config());
  apply_generation_config(Json::parse(R"({"temperature": 0.6, "top_k": 20})"), "g", greedy);
  EXPECT_EQ(greedy.generation.sampling.temperature, 0);
  EXPECT_EQ(greedy.generation.sampling.top_k, 0);
  EXPECT_THROW(apply_generation_config(Json::parse(R"({"eos_token_id": 100})"), "g", greedy),
               Error);
  EXPECT_THROW(
      apply_generation_config(Json::parse(R"({"do_sample": true, "top_p": 1.5})"), "g", greedy),
      Error);
}

void expect_close(const std::vector<float>& got, const std::vector<float>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    EXPECT_NEAR(got[i], want[i], 2e-7F * std::abs(want[i])) << i;
  }
}

// transformers 5.17 ROPE_INIT_FUNCTIONS[rope_type](Qwen3MoeConfig(...), "cpu");
// tests/golden/model/make_rope.py
TEST(RopeFrequencies, AreThoseOfTransformers) {
  RopeParameters rope;
  rope.rope_theta = 1e6;
  expect_close(rope_frequencies(rope, 8).inv_freq,
               {1.0F, 0.0316227786F, 0.00100000005F, 3.16227743e-05F});
  rope.rope_type = "linear";
  rope.factor = 3;
  expect_close(rope_frequencies(rope, 8).inv_freq,
               {0.333333343F, 0.0105409259F, 0.000333333359F, 1.05409244e-05F});
  rope.rope_type = "yarn";
  rope.rope_theta = 1e4;
  rope.factor = 4;
  rope.original_max_position_embeddings = 64;
  const RopeFrequencies yarn = rope_frequencies(rope, 16);
  expect_close(yarn.inv_freq, {1.0F, 0.237170815F, 0.049999997F, 0.00790569466F, 0.00249999994F,
                               0.000790569466F, 0.000250000012F, 7.90569466e-05F});
  EXPECT_FLOAT_EQ(yarn.attention_scaling, 1.138629436F);
  rope.truncate = false;
  rope.beta_fast = 16;
  rope.beta_slow = 2;
  rope.mscale = 0.7;
  rope.mscale_all_dim = 0.3;
  const RopeFrequencies tuned = rope_frequencies(rope, 16);
  expect_close(tuned.inv_freq, {1.0F, 0.14849025F, 0.0250000004F, 0.00790569466F, 0.00249999994F,
                                0.000790569466F, 0.000250000012F, 7.90569466e-05F});
  EXPECT_FLOAT_EQ(tuned.attention_scaling, 1.053237682F);
  rope.attention_factor = 1.5;
  EXPECT_FLOAT_EQ(rope_frequencies(rope, 16).attention_scaling, 1.5F);
}

}  // namespace
}  // namespace peira::model
