// The operations of linear attention against transformers' PyTorch code and against sums by hand.
// Shapes, splits and threads are compared in backend_sequence_test.cpp.
#include <gtest/gtest.h>

#include <cmath>

#include "base/files.h"
#include "base/json.h"
#include "tests/model/batch_rows.h"

namespace peira::model {
namespace {

Tensor tensor_of(const std::vector<float>& values, const Shape& shape) {
  Tensor out = host_tensor(DType::kF32, shape);
  EXPECT_EQ(static_cast<std::int64_t>(values.size()), shape.num_elements());
  std::copy(values.begin(), values.end(), out.view().f32());
  return out;
}

// One sequence of `count` rows in calls of `per_call` rows.
template <typename Call>
void in_calls(Backend& backend, std::int64_t count, std::int64_t per_call, const Call& call) {
  for (std::int64_t first = 0; first < count; first += per_call) {
    const std::int64_t num_rows = std::min(per_call, count - first);
    const DeviceRows rows(backend, {{.first_row = 0,
                                     .num_rows = static_cast<int>(num_rows),
                                     .first_position = static_cast<int>(first),
                                     .pages = {},
                                     .state_slot = 1}});
    call(rows.rows, first, num_rows);
  }
}

class LinearAttention : public ::testing::TestWithParam<const char*> {
 protected:
  LinearAttention() : backend_(make_backend({.device = GetParam(), .num_threads = 2})) {
    const std::filesystem::path file =
        std::filesystem::path(PEIRA_SOURCE_DIR) / "tests/golden/model/linear_attention.json";
    golden_ = parse_json(read_file(file), file.string());
  }

  std::unique_ptr<Backend> backend_;
  Json golden_;
};

// Sums of a few float32 products; values of order one.
constexpr float kTolerance = 2e-6F;

TEST_P(LinearAttention, ConvolvesAsTransformersDoes) {
  const Json& given = golden_.at("causal_conv");
  const auto tokens = given.at("tokens").get<std::int64_t>();
  const auto channels = given.at("channels").get<std::int64_t>();
  const auto width = given.at("width").get<std::int64_t>();
  const Tensor x = tensor_of(given.at("x").get<std::vector<float>>(), {tokens, channels});
  const Tensor weight = tensor_of(given.at("weight").get<std::vector<float>>(), {channels, width});
  const auto want = given.at("out").get<std::vector<float>>();
  for (const std::int64_t per_call : {std::int64_t{1}, std::int64_t{4}, tokens}) {
    const Tensor state = host_tensor(DType::kF32, {2, channels, width - 1});
    const Tensor out = host_tensor(DType::kF32, {tokens, channels});
    in_calls(*backend_, tokens, per_call,
             [&](const BatchRows& rows, std::int64_t first, std::int64_t count) {
               backend_->causal_conv(x.slice(first, count), weight, rows, state,
                                     out.slice(first, count));
             });
    for (std::size_t i = 0; i < want.size(); ++i) {
      EXPECT_NEAR(out.view().f32()[i], want[i], kTolerance) << i;
    }
  }
}

TEST_P(LinearAttention, FollowsTheDeltaRuleOfTransformers) {
  const Json& given = golden_.at("gated_delta_rule");
  const auto size = [&](const char* name) { return given.at(name).get<std::int64_t>(); };
  const auto values = [&](const char* name, const Shape& shape) {
    return tensor_of(given.at(name).get<std::vector<float>>(), shape);
  };
  const std::int64_t tokens = size("tokens");
  const std::int64_t key_heads = size("key_heads");
  const std::int64_t value_heads = size("value_heads");
  const std::int64_t key_dim = size("key_dim");
  const std::int64_t value_dim = size("value_dim");
  const Tensor qkv = values("qkv", {tokens, 2 * key_heads * key_dim + value_heads * value_dim});
  const Tensor a = values("a", {tokens, value_heads});
  const Tensor b = values("b", {tokens, value_heads});
  const Tensor a_log = values("a_log", {value_heads});
  const Tensor dt_bias = values("dt_bias", {value_heads});
  for (const std::int64_t per_call : {std::int64_t{1}, std::int64_t{13}, tokens}) {
    const Tensor state = host_tensor(DType::kF32, {2, value_heads, key_dim, value_dim});
    const Tensor out = host_tensor(DType::kF32, {tokens, value_heads * value_dim});
    in_calls(*backend_, tokens, per_call,
             [&](const BatchRows& rows, std::int64_t first, std::int64_t count) {
               backend_->gated_delta_rule(
                   qkv.slice(first, count), a.slice(first, count), b.slice(first, count), a_log,
                   dt_bias, static_cast<int>(key_heads), rows, state, out.slice(first, count));
             });
    for (const char* const form : {"recurrent", "chunk"}) {
      const auto want = given.at(form).get<std::vector<float>>();
      for (std::size_t i = 0; i < want.size(); ++i) {
        EXPECT_NEAR(out.view().f32()[i], want[i], kTolerance) << form << " " << i;
      }
    }
  }
}

// By hand, one head of one element: a decay of exp(-exp(0) softplus(0)) = 1/2 (softplus(0) = ln 2),
// beta = sigmoid(0) = 1/2, k = 3 / |3| = 1 and q = -1 but for the 1e-6 under the root.
//   v = 4:  S = 0/2 + (4 - 0)/2 = 2         out = -2
//   v = 1:  S = 1 + (1 - 1)/2 = 1           out = -1
//   v = -3: S = 1/2 + (-3 - 1/2)/2 = -5/4   out = 5/4
TEST_P(LinearAttention, FollowsTheDeltaRuleByHand) {
  const Tensor qkv = tensor_of({-2, 3, 4, -5, 3, 1, -2, 7, -3}, {3, 3});
  const Tensor zeros = host_tensor(DType::kF32, {3, 1});
  const Tensor zero = host_tensor(DType::kF32, {1});
  const Tensor state = tensor_of({9, 9}, {2, 1, 1, 1});  // what a former sequence left
  const Tensor out = host_tensor(DType::kF32, {3, 1});
  in_calls(*backend_, 3, 3, [&](const BatchRows& rows, std::int64_t, std::int64_t) {
    backend_->gated_delta_rule(qkv, zeros, zeros, zero, zero, 1, rows, state, out);
  });
  EXPECT_NEAR(out.view().f32()[0], -2, 1e-6);
  EXPECT_NEAR(out.view().f32()[1], -1, 1e-6);
  EXPECT_NEAR(out.view().f32()[2], 1.25, 1e-6);
  EXPECT_NEAR(state.view().f32()[1], -1.25, 1e-6);
  EXPECT_EQ(state.view().f32()[0], 9);  // another sequence's
}

INSTANTIATE_TEST_SUITE_P(Backends, LinearAttention, ::testing::Values("reference", "cpu"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace peira::model
