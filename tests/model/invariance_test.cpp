// The engine's promise over random workloads: what a request gets depends on nothing around it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <random>

#include "model/engine.h"
#include "tests/model/golden.h"

namespace peira::model {
namespace {

using test::golden_folder;

// Everything of a result but how it was come by.
std::vector<std::uint32_t> bits_of(const TokenResult& result) {
  std::vector<std::uint32_t> out;
  const auto add_floats = [&](const std::vector<float>& values) {
    out.push_back(static_cast<std::uint32_t>(values.size()));
    for (const float value : values) out.push_back(std::bit_cast<std::uint32_t>(value));
  };
  out.push_back(static_cast<std::uint32_t>(result.finish_reason));
  out.insert(out.end(), result.tokens.begin(), result.tokens.end());
  add_floats(result.logprobs);
  add_floats(result.prompt_logprobs);
  add_floats(result.sampling_logprobs);
  add_floats(result.prompt_sampling_logprobs);
  add_floats(result.last_prompt_logits);
  for (const auto& top : result.top_logprobs) {
    for (const auto& [token, logprob] : top) {
      out.push_back(static_cast<std::uint32_t>(token));
      out.push_back(std::bit_cast<std::uint32_t>(logprob));
    }
  }
  return out;
}

class Workload {
 public:
  Workload(unsigned seed, const ModelConfig& config) : random_(seed), config_(config) {}

  int below(int limit) { return static_cast<int>(random_() % static_cast<unsigned>(limit)); }

  std::vector<std::int32_t> tokens(int count) {
    std::vector<std::int32_t> out;
    for (int i = 0; i < count; ++i) out.push_back(below(config_.vocab_size));
    return out;
  }

  // Prompts that share beginnings of lengths around page borders, or nothing; greedy and sampled,
  // with and without everything a request may ask for.
  std::vector<TokenRequest> requests(int count) {
    const int longest = config_.max_position_embeddings - 8;
    std::vector<std::vector<std::int32_t>> prefixes;
    for (const int length : {0, 31, 32, 33, 64, 97}) {
      prefixes.push_back(tokens(std::min(length, longest / 2)));
    }
    std::vector<TokenRequest> out;
    for (int i = 0; i < count; ++i) {
      if (i > 0 && below(4) == 0) {  // another sample of the same prompt
        out.push_back(out[static_cast<std::size_t>(below(i))]);
        out.back().seed = random_();
        continue;
      }
      TokenRequest& request = out.emplace_back();
      request.tokens = prefixes[static_cast<std::size_t>(below(6))];
      const std::vector<std::int32_t> rest = tokens(1 + below(longest / 3));
      request.tokens.insert(request.tokens.end(), rest.begin(), rest.end());
      request.max_tokens = below(8);
      request.seed = random_();
      request.prompt_logprobs = below(3) == 0;
      request.sampling_logprobs = below(2) == 0;
      request.last_prompt_logits = below(4) == 0;
      request.top_logprobs = below(3);
      SamplingParams& sampling = request.sampling;
      sampling.temperature = below(2) * 0.9;
      sampling.top_k = below(3) == 0 ? 1 + below(20) : 0;
      sampling.top_p = below(3) == 0 ? 0.8 : 1;
      sampling.repetition_penalty = below(3) == 0 ? 1.2 : 1;
      sampling.frequency_penalty = below(3) == 0 ? 0.5 : 0;
      if (below(4) == 0) sampling.logit_bias = {{below(config_.vocab_size), 4.0F}};
    }
    return out;
  }

  EngineOptions options() {
    EngineOptions out;
    out.num_threads = 1 + below(8);
    out.max_batch = 1 + below(64);
    out.prefill_chunk = below(2) == 0 ? 1 + below(40) : 256;
    out.prefix_cache = below(4) != 0;
    // Room for all, or so little that sequences are preempted and prefixes evicted.
    if (below(3) == 0) out.max_kv_tokens = config_.max_position_embeddings + below(100);
    return out;
  }

  void shuffle(std::vector<std::size_t>& order) {
    std::shuffle(order.begin(), order.end(), random_);
  }

 private:
  std::mt19937 random_;
  const ModelConfig& config_;
};

class RandomWorkload : public ::testing::TestWithParam<std::string> {};

TEST_P(RandomWorkload, BytesDependOnTheRequestAlone) {
  const CheckpointFiles files = CheckpointFiles::folder(golden_folder(GetParam()));
  const ModelConfig config = load_config(files);
  constexpr std::array kWeights{WeightPrecision::kStored, WeightPrecision::kStored,
                                WeightPrecision::kInt8, WeightPrecision::kInt4};
  for (unsigned seed = 0; seed < kWeights.size(); ++seed) {
    Workload workload(seed, config);
    const std::vector<TokenRequest> requests = workload.requests(24);
    std::vector<std::vector<std::uint32_t>> alone;
    EngineOptions plain;
    plain.num_threads = 1;
    plain.max_batch = 1;
    plain.prefix_cache = false;
    plain.weights = kWeights[seed];
    Engine one(files, plain);
    for (const TokenRequest& request : requests) {
      alone.push_back(bits_of(one.generate({&request, 1}).front()));
    }
    EngineOptions options = workload.options();
    options.weights = kWeights[seed];
    SCOPED_TRACE(
        "seed " + std::to_string(seed) + ": weights " +
        std::to_string(static_cast<int>(options.weights)) + ", threads " +
        std::to_string(options.num_threads) + ", batch " + std::to_string(options.max_batch) +
        ", chunk " + std::to_string(options.prefill_chunk) + ", cache tokens " +
        std::to_string(options.max_kv_tokens) + (options.prefix_cache ? ", prefix cache" : ""));
    Engine engine(files, options);
    std::int64_t num_cached = 0;
    for (int round = 0; round < 2; ++round) {  // cold, then warm
      std::vector<std::size_t> order(requests.size());
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
      workload.shuffle(order);
      std::vector<TokenRequest> shuffled;
      for (const std::size_t i : order) shuffled.push_back(requests[i]);
      const std::vector<TokenResult> results = engine.generate(shuffled);
      for (std::size_t i = 0; i < order.size(); ++i) {
        ASSERT_EQ(bits_of(results[i]), alone[order[i]])
            << "round " << round << ", request " << order[i];
        num_cached += results[i].num_cached_tokens;
      }
    }
    // The property would hold for a cache that never found anything.
    if (options.prefix_cache && options.max_kv_tokens == 0) {
      EXPECT_GT(num_cached, 0);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, RandomWorkload, ::testing::ValuesIn(test::golden_names()),
                         [](const auto& param) { return param.param; });

// Four samples of one long prompt, asked for together: it is computed once.
TEST(SharedPrefix, SamplesOfOnePromptComputeItOnce) {
  EngineOptions options;
  options.prefill_chunk = 64;
  Engine engine = test::golden_engine("gqa", options);
  std::vector<TokenRequest> requests(4);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    for (int t = 0; t < 200; ++t) requests[i].tokens.push_back(t * 7 % 80);
    requests[i].max_tokens = 4;
    requests[i].sampling.temperature = 1;
    requests[i].seed = i;
  }
  const std::vector<TokenResult> results = engine.generate(requests);
  EXPECT_EQ(results[0].num_cached_tokens, 0);
  for (std::size_t i = 1; i < results.size(); ++i) {
    EXPECT_EQ(results[i].num_cached_tokens, 192);  // the full pages of 199 tokens
  }
}

// Log-probabilities of a cached prompt are computed, not remembered or made up.
TEST(SharedPrefix, ScoringACachedPromptScoresAllOfIt) {
  Engine engine = test::golden_engine("gqa");
  TokenRequest request;
  for (int t = 0; t < 150; ++t) request.tokens.push_back(t * 11 % 80);
  request.max_tokens = 0;
  request.prompt_logprobs = true;
  const TokenResult cold = engine.generate({&request, 1}).front();
  const TokenResult warm = engine.generate({&request, 1}).front();
  EXPECT_EQ(bits_of(warm), bits_of(cold));
  // A continuation's likelihood needs the context's keys only: those come from the cache.
  const std::vector<std::int32_t> context(request.tokens.begin(), request.tokens.begin() + 140);
  const std::vector<std::int32_t> rest(request.tokens.begin() + 140, request.tokens.end());
  using Pair = std::pair<std::vector<std::int32_t>, std::vector<std::int32_t>>;
  double sum = 0;
  for (std::size_t i = 140; i < 150; ++i) sum += double{cold.prompt_logprobs[i]};
  EXPECT_EQ(engine.log_likelihood(std::vector<Pair>{{context, rest}}).front().logprob, sum);
}

}  // namespace
}  // namespace peira::model
