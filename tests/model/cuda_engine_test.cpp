// The engine on a CUDA device: every family against transformers' answers, and the same bytes
// whatever the batch, the chunks and whether a step was recorded.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/error.h"
#include "model/backend/device.h"
#include "model/engine.h"
#include "tests/model/golden.h"

namespace peira::model {
namespace {

using test::bits_of;
using test::expect_greedy_tokens;
using test::golden_cases;
using test::golden_folder;
using test::GoldenCase;
using test::prefix_requests;
using test::relative_error;

class CudaEngine : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const CudaDevices found = find_cuda_devices();
    if (found.devices.empty()) GTEST_SKIP() << "NOT TESTED: no CUDA device: " << found.problem;
  }

  Engine engine(int max_batch, int prefill_chunk) const {
    EngineOptions options;
    options.device = "cuda";
    options.max_batch = max_batch;
    options.prefill_chunk = prefill_chunk;
    options.max_kv_tokens = 4096;
    return Engine(CheckpointFiles::folder(golden_folder(GetParam())), options);
  }
};

// float32 against float32: only the order of sums differs.
constexpr double kMaxRelativeError = 1e-4;

TEST_P(CudaEngine, AnswersAsTransformersDoes) {
  Engine cuda = engine(32, 256);
  double largest = 0;
  for (const GoldenCase& golden : golden_cases(golden_folder(GetParam()) / "expected.json")) {
    const std::vector<TokenResult> results = cuda.generate(prefix_requests(golden.tokens));
    ASSERT_EQ(results.size(), golden.logits.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
      const double error = relative_error(results[i].last_prompt_logits, golden.logits[i]);
      EXPECT_LT(error, kMaxRelativeError) << "after token " << i;
      largest = std::max(largest, error);
    }
    expect_greedy_tokens(cuda, golden);
  }
  RecordProperty("max_relative_error", std::to_string(largest));
  std::printf("%s: max relative error of logits %.2g\n", GetParam().c_str(), largest);
}

TEST_P(CudaEngine, BytesDoNotDependOnBatchChunksOrRecording) {
  const ModelConfig config = load_config(CheckpointFiles::folder(golden_folder(GetParam())));
  std::mt19937 random(3);
  const auto below = [&](int limit) {
    return static_cast<int>(random() % static_cast<unsigned>(limit));
  };
  const int longest = std::min(70, config.max_position_embeddings - 24);
  std::vector<TokenRequest> requests(11);
  for (TokenRequest& request : requests) {
    const int length = 1 + below(longest);
    for (int t = 0; t < length; ++t) request.tokens.push_back(below(config.vocab_size));
    request.max_tokens = 4 + below(16);
    request.prompt_logprobs = true;
    request.last_prompt_logits = true;
  }
  std::vector<TokenResult> alone;
  {
    Engine one = engine(1, 256);
    for (const TokenRequest& request : requests) {
      alone.push_back(one.generate({&request, 1}).front());
    }
    // What was generated step by step, most steps from a recording, is what the same tokens score
    // as a prompt, which is never recorded.
    for (std::size_t i = 0; i < requests.size(); ++i) {
      TokenRequest scored;
      scored.tokens = requests[i].tokens;
      scored.tokens.insert(scored.tokens.end(), alone[i].tokens.begin(), alone[i].tokens.end());
      scored.max_tokens = 0;
      scored.prompt_logprobs = true;
      const TokenResult result = one.generate({&scored, 1}).front();
      const std::vector<float> tail(
          result.prompt_logprobs.begin() + static_cast<std::ptrdiff_t>(requests[i].tokens.size()),
          result.prompt_logprobs.end());
      EXPECT_EQ(bits_of(tail), bits_of(alone[i].logprobs)) << "request " << i;
    }
  }
  struct Setting {
    int max_batch, prefill_chunk;
  };
  for (const Setting setting : {Setting{3, 1}, Setting{5, 7}, Setting{11, 33}, Setting{11, 300}}) {
    Engine many = engine(setting.max_batch, setting.prefill_chunk);
    const std::vector<TokenResult> got = many.generate(requests);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      SCOPED_TRACE("batch " + std::to_string(setting.max_batch) + ", chunk " +
                   std::to_string(setting.prefill_chunk) + ", request " + std::to_string(i));
      EXPECT_EQ(got[i].tokens, alone[i].tokens);
      EXPECT_EQ(bits_of(got[i].logprobs), bits_of(alone[i].logprobs));
      EXPECT_EQ(bits_of(got[i].prompt_logprobs), bits_of(alone[i].prompt_logprobs));
      EXPECT_EQ(bits_of(got[i].last_prompt_logits), bits_of(alone[i].last_prompt_logits));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, CudaEngine, ::testing::ValuesIn(test::golden_names()),
                         [](const auto& param) { return param.param; });

// --- which device "auto" is, and why there is none ---

TEST(CudaProblem, SaysWhatIsMissing) {
  EXPECT_EQ(cuda_problem(0, 13000, "unused"), "no NVIDIA driver is loaded");
  EXPECT_EQ(cuda_problem(12040, 13000, "unused"),
            "the driver is too old: it supports CUDA 12.4, this program needs 13.0");
  EXPECT_EQ(cuda_problem(13010, 13000, "system not yet initialized"),
            "driver for CUDA 13.1: system not yet initialized");
}

CudaDevices two_devices() {
  CudaDevices out;
  out.devices = {{0, "Small", "sm_80", true, std::int64_t{8} << 30, std::int64_t{16} << 30},
                 {1, "Large", "sm_90", true, std::int64_t{64} << 30, std::int64_t{80} << 30}};
  return out;
}

TEST(ChooseDevice, LeavesANamedDeviceAlone) {
  EXPECT_EQ(choose_device("cuda:7", 1, two_devices()).device, "cuda:7");
  EXPECT_EQ(choose_device("cpu", 1, two_devices()).reason, "");
}

TEST(ChooseDevice, AutoTakesTheDeviceWithMostFreeMemoryAndSaysWhy) {
  const DeviceChoice choice = choose_device("auto", std::int64_t{12} << 30, two_devices());
  EXPECT_EQ(choice.device, "cuda:1");
  EXPECT_EQ(choice.reason, "auto: cuda:1 (Large, 64.0 GiB free; the model needs 12.0 GiB)");
}

TEST(ChooseDevice, AutoTakesTheCpuWhereNothingFits) {
  const DeviceChoice too_large = choose_device("auto", std::int64_t{63} << 30, two_devices());
  EXPECT_EQ(too_large.device, "cpu");
  EXPECT_EQ(too_large.reason,
            "auto: cpu (too little memory on cuda:1: Large, 64.0 GiB free; the model needs 63.0 "
            "GiB)");
  EXPECT_EQ(choose_device("auto", 1, {{}, "no NVIDIA driver is loaded"}).reason,
            "auto: cpu (no CUDA device: no NVIDIA driver is loaded)");
  CudaDevices old;
  old.devices = {{0, "Old", "sm_75", false, std::int64_t{8} << 30, std::int64_t{8} << 30}};
  EXPECT_EQ(choose_device("auto", 1, old).reason,
            "auto: cpu (Old is sm_75, sm_80 or newer is needed)");
}

}  // namespace
}  // namespace peira::model
