// The engine on a CUDA device over contexts of several attention splits, with quantised weights,
// and what it copies to the host.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/files.h"
#include "base/json.h"
#include "model/backend/device.h"
#include "model/engine.h"
#include "tests/model/golden.h"

namespace peira::model {
namespace {

using test::golden_folder;

// A golden checkpoint whose configuration allows contexts of 2048 tokens, in a folder of its own.
class LongCheckpoint {
 public:
  explicit LongCheckpoint(const std::string& name)
      : folder_(std::filesystem::temp_directory_path() /
                ("peira_long_" + name + "_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
    for (const auto& entry : std::filesystem::directory_iterator(golden_folder(name))) {
      if (entry.path().filename() == "config.json") continue;
      std::filesystem::copy_file(entry.path(), folder_ / entry.path().filename(),
                                 std::filesystem::copy_options::overwrite_existing);
    }
    Json config = parse_json(read_file(golden_folder(name) / "config.json"), name);
    Json& fields = config.contains("text_config") ? config["text_config"] : config;
    fields["max_position_embeddings"] = 2048;
    std::ofstream(folder_ / "config.json") << dump_json(config);
  }
  ~LongCheckpoint() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  LongCheckpoint(const LongCheckpoint&) = delete;
  LongCheckpoint& operator=(const LongCheckpoint&) = delete;

  Engine engine(EngineOptions options) const {
    options.max_kv_tokens = 8192;
    return Engine(CheckpointFiles::folder(folder_), options);
  }

 private:
  std::filesystem::path folder_;
};

std::vector<TokenRequest> random_requests(const std::vector<int>& lengths, int vocab_size) {
  std::mt19937 random(29);
  std::vector<TokenRequest> out;
  for (const int length : lengths) {
    TokenRequest& request = out.emplace_back();
    for (int t = 0; t < length; ++t) {
      request.tokens.push_back(
          static_cast<std::int32_t>(random() % static_cast<unsigned>(vocab_size)));
    }
    request.max_tokens = 24;
    request.prompt_logprobs = true;
    request.last_prompt_logits = true;
  }
  return out;
}

double relative_error(const std::vector<float>& got, const std::vector<float>& want) {
  double difference = 0;
  double scale = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    difference = std::max(difference, std::abs(double{got[i]} - double{want[i]}));
    scale = std::max(scale, std::abs(double{want[i]}));
  }
  return got.size() == want.size() ? difference / scale : INFINITY;
}

std::vector<std::uint32_t> bits_of(const TokenResult& result) {
  std::vector<std::uint32_t> out(result.tokens.begin(), result.tokens.end());
  for (const auto* values :
       {&result.logprobs, &result.prompt_logprobs, &result.last_prompt_logits}) {
    for (const float value : *values) out.push_back(std::bit_cast<std::uint32_t>(value));
  }
  return out;
}

// Greedy tokens as `want` has them, up to the first that was nearly another: past a near tie two
// correct implementations may go different ways. Returns how many were compared.
std::size_t expect_same_greedy(const TokenResult& got, const TokenResult& want) {
  std::size_t compared = 0;
  for (std::size_t i = 0; i < want.tokens.size(); ++i, ++compared) {
    const auto& top = want.top_logprobs[i];
    if (top[0].logprob - top[1].logprob < 1e-2F) break;
    EXPECT_EQ(got.tokens.at(i), want.tokens[i]) << "greedy token " << i;
  }
  return compared;
}

class CudaTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const CudaDevices found = find_cuda_devices();
    if (found.devices.empty()) GTEST_SKIP() << "NOT TESTED: no CUDA device: " << found.problem;
  }
};

class CudaLongContext : public CudaTest {};

TEST_P(CudaLongContext, AnswersAsTheReferenceDoesAndTheSameInAnyBatch) {
  const LongCheckpoint checkpoint(GetParam());
  EngineOptions options;
  options.device = "cuda";
  options.max_batch = 1;
  Engine one = checkpoint.engine(options);
  const std::vector<TokenRequest> requests =
      random_requests({700, 257, 20, 530, 256}, one.config().vocab_size);
  std::vector<TokenResult> alone;
  for (const TokenRequest& request : requests) {
    alone.push_back(one.generate({&request, 1}).front());
  }

  options.device = "reference";
  Engine reference = checkpoint.engine(options);
  TokenRequest longest = requests[0];
  longest.top_logprobs = 2;
  const TokenResult want = reference.generate({&longest, 1}).front();
  const double logit_error = relative_error(alone[0].last_prompt_logits, want.last_prompt_logits);
  double logprob_error = 0;
  for (std::size_t i = 1; i < want.prompt_logprobs.size(); ++i) {
    const double difference =
        std::abs(double{alone[0].prompt_logprobs[i]} - double{want.prompt_logprobs[i]});
    logprob_error = std::max(logprob_error, difference);
  }
  EXPECT_LT(logit_error, 1e-4);
  EXPECT_LT(logprob_error, 1e-3);
  const std::size_t compared = expect_same_greedy(alone[0], want);
  std::printf("%s: 700 tokens: logits %.2g, log-probabilities %.2g, %zu greedy tokens\n",
              GetParam().c_str(), logit_error, logprob_error, compared);

  struct Setting {
    int max_batch, prefill_chunk;
  };
  options.device = "cuda";
  for (const Setting setting : {Setting{5, 64}, Setting{3, 300}}) {
    options.max_batch = setting.max_batch;
    options.prefill_chunk = setting.prefill_chunk;
    Engine many = checkpoint.engine(options);
    const std::vector<TokenResult> got = many.generate(requests);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(bits_of(got[i]), bits_of(alone[i])) << "batch " << setting.max_batch << ", chunk "
                                                    << setting.prefill_chunk << ", request " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, CudaLongContext, ::testing::ValuesIn(test::golden_names()),
                         [](const auto& param) { return param.param; });

// --- quantised weights ---

class CudaQuantized : public CudaTest {};

TEST_P(CudaQuantized, AnswersAsTheReferenceDoesWithTheSameWeights) {
  for (const WeightPrecision precision : {WeightPrecision::kInt8, WeightPrecision::kInt4}) {
    SCOPED_TRACE(precision == WeightPrecision::kInt8 ? "int8" : "int4");
    EngineOptions options;
    options.weights = precision;
    options.max_kv_tokens = 4096;
    options.device = "reference";
    Engine reference = test::golden_engine(GetParam(), options);
    options.device = "cuda";
    Engine cuda = test::golden_engine(GetParam(), options);
    options.weights = WeightPrecision::kStored;
    Engine stored = test::golden_engine(GetParam(), options);
    const std::vector<TokenRequest> requests =
        random_requests({33, 7, 1}, reference.config().vocab_size);
    const std::vector<TokenResult> got = cuda.generate(requests);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      TokenRequest request = requests[i];
      request.top_logprobs = 2;
      const TokenResult want = reference.generate({&request, 1}).front();
      EXPECT_LT(relative_error(got[i].last_prompt_logits, want.last_prompt_logits), 1e-4);
      expect_same_greedy(got[i], want);
      // The weights were not simply left as they are.
      const TokenResult plain = stored.generate({&requests[i], 1}).front();
      EXPECT_GT(relative_error(got[i].last_prompt_logits, plain.last_prompt_logits), 1e-4);
      // The same bytes alone.
      EXPECT_EQ(bits_of(cuda.generate({&requests[i], 1}).front()), bits_of(got[i]));
    }
  }
}

// Fused and separate experts, biases, a shared expert and linear attention, tied embeddings, f32
// and f16; widths that fill no group.
INSTANTIATE_TEST_SUITE_P(Golden, CudaQuantized,
                         ::testing::Values("gqa", "tied", "fused", "gpt_oss_bf16", "qwen3_next",
                                           "qwen2_moe", "gemma3_text", "f16", "f32_top1"),
                         [](const auto& param) { return param.param; });

// --- what leaves the device ---

class CudaCopies : public CudaTest {};

TEST_P(CudaCopies, OnlyWhatIsAskedForReachesTheHost) {
  EngineOptions options;
  options.device = "cuda";
  options.max_kv_tokens = 4096;
  Engine engine = test::golden_engine(GetParam(), options);
  const auto vocab_size = static_cast<std::int64_t>(engine.config().vocab_size);
  const auto copied = [&](const TokenRequest& request) {
    const std::int64_t before = engine.bytes_copied_to_host();
    engine.generate({&request, 1});
    return engine.bytes_copied_to_host() - before;
  };
  TokenRequest greedy;
  for (int t = 0; t < 50; ++t) greedy.tokens.push_back(t % 40);
  greedy.max_tokens = 20;
  // A token: its id, its logit, the logarithm of the sum, and the (unused) logit of another.
  EXPECT_EQ(copied(greedy), 20 * 16);
  TokenRequest scored = greedy;
  scored.max_tokens = 0;
  scored.prompt_logprobs = true;
  EXPECT_EQ(copied(scored), 49 * 16);
  TokenRequest sampled = greedy;
  sampled.sampling.temperature = 1;
  EXPECT_EQ(copied(sampled), 20 * (vocab_size + 1) * 4);
  TokenRequest last = greedy;
  last.max_tokens = 0;
  last.last_prompt_logits = true;
  EXPECT_EQ(copied(last), (vocab_size + 1) * 4);
}

INSTANTIATE_TEST_SUITE_P(Golden, CudaCopies, ::testing::Values("gqa"),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace peira::model
