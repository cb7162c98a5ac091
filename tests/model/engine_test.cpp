#include "model/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "base/error.h"
#include "tests/model/golden.h"

namespace peira::model {
namespace {

using test::bits_of;
using test::expect_greedy_tokens;
using test::golden_cases;
using test::golden_engine;
using test::golden_folder;
using test::GoldenCase;
using test::prefix_requests;
using test::relative_error;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// --- parity with transformers, on every checkpoint and device ---

class Parity : public ::testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  std::string name() const { return std::get<0>(GetParam()); }
  EngineOptions options() const {
    EngineOptions options;
    options.device = std::get<1>(GetParam());
    return options;
  }
};

// float32 against float32: only the order of sums differs. Measured 2e-6 or less.
constexpr double kMaxRelativeError = 2e-5;

TEST_P(Parity, LogitsAreThoseOfTransformers) {
  Engine engine = golden_engine(name(), options());
  for (const GoldenCase& golden : golden_cases(golden_folder(name()) / "expected.json")) {
    const std::vector<TokenResult> results = engine.generate(prefix_requests(golden.tokens));
    for (std::size_t i = 0; i < results.size(); ++i) {
      EXPECT_LT(relative_error(results[i].last_prompt_logits, golden.logits[i]), kMaxRelativeError)
          << "after token " << i;
      EXPECT_TRUE(results[i].tokens.empty());
    }
  }
}

TEST_P(Parity, PromptLogprobsAreThoseOfTransformers) {
  Engine engine = golden_engine(name(), options());
  for (const GoldenCase& golden : golden_cases(golden_folder(name()) / "expected.json")) {
    TokenRequest request;
    request.tokens = golden.tokens;
    request.max_tokens = 0;
    request.prompt_logprobs = true;
    const TokenResult result = engine.generate({&request, 1}).front();
    ASSERT_EQ(result.prompt_logprobs.size(), golden.tokens.size());
    EXPECT_TRUE(std::isnan(result.prompt_logprobs[0]));
    EXPECT_LT(relative_error(std::span(result.prompt_logprobs).subspan(1), golden.logprobs),
              kMaxRelativeError);
  }
}

TEST_P(Parity, GreedyTokensAreThoseOfTransformers) {
  Engine engine = golden_engine(name(), options());
  for (const GoldenCase& golden : golden_cases(golden_folder(name()) / "expected.json")) {
    expect_greedy_tokens(engine, golden);
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, Parity,
                         ::testing::Combine(::testing::ValuesIn(test::golden_names()),
                                            ::testing::Values("reference", "cpu")),
                         [](const auto& param) {
                           return std::get<0>(param.param) + "_" + std::get<1>(param.param);
                         });

// What a cache of fewer bits costs a log-probability of transformers' float32: why f32 is the
// default, whose answers are within 2e-5 of it. These random checkpoints are harsh: narrow heads,
// and routers whose choices turn on little. One bf16 rounding is 2^-9 of a key or value, one of
// int8 about 2^-8 of the largest of 64, so that a score moves by a few hundredths at worst.
TEST(KvDtype, CostsLogprobsLittleOnAverage) {
  struct Error {
    double worst = 0, sum = 0;
    int count = 0;
  };
  Error errors[2];
  for (const std::string& name : test::golden_names()) {
    for (const DType dtype : {DType::kBF16, DType::kI8}) {
      EngineOptions options;
      options.device = "cpu";
      options.kv_dtype = dtype;
      Engine engine = golden_engine(name, options);
      for (const GoldenCase& golden : golden_cases(golden_folder(name) / "expected.json")) {
        TokenRequest request;
        request.tokens = golden.tokens;
        request.max_tokens = 0;
        request.prompt_logprobs = true;
        const TokenResult result = engine.generate({&request, 1}).front();
        Error& error = errors[dtype == DType::kBF16 ? 0 : 1];
        for (std::size_t i = 0; i < golden.logprobs.size(); ++i) {
          const double nats =
              std::abs(double{result.prompt_logprobs[i + 1]} - double{golden.logprobs[i]});
          error.worst = std::max(error.worst, nats);
          error.sum += nats;
          ++error.count;
        }
      }
    }
  }
  for (const Error& error : errors) {
    std::printf("nats off: %.2g on average, %.2g at worst\n", error.sum / error.count, error.worst);
  }
  EXPECT_LT(errors[0].sum / errors[0].count, 0.01);
  EXPECT_LT(errors[1].sum / errors[1].count, 0.05);
}

// --- the bundled model ---

class PeiraMini : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::filesystem::path root = PEIRA_SOURCE_DIR;
    folder_ = root / "model/peira-mini";
    const std::filesystem::path parity = root / "tests/golden/peira-mini/parity.json";
    if (!std::filesystem::exists(folder_ / "model.safetensors") ||
        !std::filesystem::exists(parity)) {
      GTEST_SKIP() << "model/peira-mini or tests/golden/peira-mini/parity.json is absent";
    }
    parity_ = parse_json(read_file(parity), parity.string());
  }

  std::filesystem::path folder_;
  Json parity_;
};

TEST_F(PeiraMini, AnswersAsTransformersDoes) {
  Engine engine(CheckpointFiles::folder(folder_), {});
  for (const Json& prompt : parity_.at("prompts")) {
    SCOPED_TRACE(prompt.at("name").get<std::string>());
    const auto want_logits = prompt.at("last_logits").get<std::vector<float>>();
    const auto want_logprobs = prompt.at("logprobs").get<std::vector<float>>();
    const auto want_tokens = prompt.at("greedy").get<std::vector<std::int32_t>>();
    const auto gaps = prompt.at("greedy_gap").get<std::vector<float>>();
    TokenRequest request;
    prompt.at("tokens").get_to(request.tokens);
    request.max_tokens = static_cast<int>(want_tokens.size());
    request.prompt_logprobs = true;
    request.last_prompt_logits = true;
    const TokenResult result = engine.generate({&request, 1}).front();
    EXPECT_LT(relative_error(result.last_prompt_logits, want_logits), kMaxRelativeError);
    EXPECT_LT(relative_error(std::span(result.prompt_logprobs).subspan(1), want_logprobs),
              kMaxRelativeError);
    for (std::size_t i = 0; i < want_tokens.size() && gaps[i] > 1e-2; ++i) {
      EXPECT_EQ(result.tokens[i], want_tokens[i]) << "greedy token " << i;
    }
  }
}

TEST_F(PeiraMini, BytesDoNotDependOnBatchChunksOrThreads) {
  const CheckpointFiles files = CheckpointFiles::folder(folder_);
  std::vector<TokenRequest> requests;
  for (const Json& prompt : parity_.at("prompts")) {
    TokenRequest& request = requests.emplace_back();
    prompt.at("tokens").get_to(request.tokens);
    request.max_tokens = 8;
    request.last_prompt_logits = true;
    request.sampling.temperature = requests.size() % 2 == 0 ? 0.0 : 1.0;
    request.seed = requests.size();
  }
  EngineOptions alone;
  alone.num_threads = 1;
  alone.max_batch = 1;
  Engine one(files, alone);
  const std::vector<TokenResult> expected = one.generate(requests);
  for (const int prefill_chunk : {17, 64, 512}) {
    EngineOptions options;
    options.num_threads = 2 + prefill_chunk % 3;
    options.prefill_chunk = prefill_chunk;
    Engine many(files, options);
    const std::vector<TokenResult> got = many.generate(requests);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(got[i].tokens, expected[i].tokens);
      EXPECT_EQ(got[i].logprobs, expected[i].logprobs);
      EXPECT_EQ(got[i].last_prompt_logits, expected[i].last_prompt_logits);
    }
  }
}

// --- batch invariance: a request's bytes do not depend on anything around it ---

struct Bytes {
  std::vector<std::int32_t> tokens;
  std::vector<std::uint32_t> logprob_bits;
  std::vector<std::uint32_t> prompt_bits;
  std::vector<std::uint32_t> logit_bits;
  friend bool operator==(const Bytes&, const Bytes&) = default;
};

Bytes bytes_of(const TokenResult& result) {
  return {result.tokens, bits_of(result.logprobs), bits_of(result.prompt_logprobs),
          bits_of(result.last_prompt_logits)};
}

// Twelve requests of many lengths, greedy and sampled.
std::vector<TokenRequest> mixed_requests(int vocab_size, int longest) {
  std::mt19937 random(7);
  std::vector<TokenRequest> requests;
  for (int i = 0; i < 12; ++i) {
    TokenRequest& request = requests.emplace_back();
    const int length = 1 + static_cast<int>(random() % static_cast<unsigned>(longest));
    for (int t = 0; t < length; ++t) {
      request.tokens.push_back(
          static_cast<std::int32_t>(random() % static_cast<unsigned>(vocab_size)));
    }
    request.max_tokens = 1 + i % 7;
    request.prompt_logprobs = i % 2 == 0;
    request.last_prompt_logits = i % 3 == 0;
    request.sampling.temperature = i % 2 == 0 ? 0.0 : 0.9;
    request.sampling.top_p = i % 4 == 1 ? 0.8 : 1.0;
    request.seed = static_cast<std::uint64_t>(100 + i);
  }
  return requests;
}

class Invariance : public ::testing::TestWithParam<std::string> {};

TEST_P(Invariance, BytesDoNotDependOnBatchChunksThreadsOrOrder) {
  const CheckpointFiles files = CheckpointFiles::folder(golden_folder(GetParam()));
  const int vocab_size = load_config(files).vocab_size;
  const std::vector<TokenRequest> requests = mixed_requests(vocab_size, 40);

  std::vector<Bytes> alone;
  {
    EngineOptions options;
    options.num_threads = 1;
    Engine engine(files, options);
    for (const TokenRequest& request : requests) {
      alone.push_back(bytes_of(engine.generate({&request, 1}).front()));
    }
  }
  struct Setting {
    int max_batch;
    int prefill_chunk;
  };
  for (const int threads : {1, 2, 3, 4}) {
    for (const Setting setting :
         {Setting{1, 256}, Setting{3, 1}, Setting{5, 7}, Setting{12, 33}, Setting{12, 256}}) {
      EngineOptions options;
      options.num_threads = threads;
      options.max_batch = setting.max_batch;
      options.prefill_chunk = setting.prefill_chunk;
      Engine engine(files, options);
      std::vector<std::size_t> order(requests.size());
      for (std::size_t i = 0; i < order.size(); ++i) {
        order[i] = (i * 5 + static_cast<std::size_t>(setting.prefill_chunk)) % order.size();
      }
      std::vector<TokenRequest> shuffled;
      for (const std::size_t i : order) shuffled.push_back(requests[i]);
      const std::vector<TokenResult> results = engine.generate(shuffled);
      for (std::size_t i = 0; i < order.size(); ++i) {
        ASSERT_TRUE(bytes_of(results[i]) == alone[order[i]])
            << threads << " threads, batch " << setting.max_batch << ", chunk "
            << setting.prefill_chunk << ", request " << order[i];
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, Invariance,
                         ::testing::Values("gqa", "tied", "dense_mixed", "f16", "qwen3_window",
                                           "qwen3_moe_fp8", "llama3", "olmoe", "mixtral_window",
                                           "gemma3_text", "gemma3"),
                         [](const auto& param) { return param.param; });

// A cache of five pages for twelve requests of up to two pages: sequences are preempted and start
// over, which must not show.
TEST(EngineCache, PreemptionDoesNotShow) {
  const CheckpointFiles files = CheckpointFiles::folder(golden_folder("gqa"));
  std::vector<TokenRequest> requests = mixed_requests(80, 40);
  for (TokenRequest& request : requests) request.max_tokens = 40;
  Engine roomy(files, {});
  EngineOptions options;
  options.max_kv_tokens = 5 * 32;
  options.prefill_chunk = 16;
  Engine tight(files, options);
  const std::vector<TokenResult> expected = roomy.generate(requests);
  const std::vector<TokenResult> got = tight.generate(requests);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_TRUE(bytes_of(got[i]) == bytes_of(expected[i])) << i;
  }
}

// --- requests ---

TokenRequest simple_request(int max_tokens) {
  TokenRequest request;
  request.tokens = {5, 17, 40, 3};
  request.max_tokens = max_tokens;
  return request;
}

TEST(EngineRequest, SeedsDecideSamplesAndNothingElseDoes) {
  Engine engine = golden_engine("gqa");
  TokenRequest request = simple_request(12);
  request.sampling.temperature = 1.5;
  request.seed = 1;
  const TokenResult first = engine.generate({&request, 1}).front();
  const TokenResult again = engine.generate({&request, 1}).front();
  request.seed = 2;
  const TokenResult other = engine.generate({&request, 1}).front();
  EXPECT_EQ(first.tokens, again.tokens);
  EXPECT_NE(first.tokens, other.tokens);
}

TEST(EngineRequest, StopsBeforeAStopToken) {
  Engine engine = golden_engine("gqa");
  TokenRequest request = simple_request(10);
  const TokenResult free_run = engine.generate({&request, 1}).front();
  ASSERT_EQ(free_run.tokens.size(), 10U);
  request.stop_tokens = {79, free_run.tokens[4]};
  const std::ptrdiff_t first =
      std::find(free_run.tokens.begin(), free_run.tokens.end(), free_run.tokens[4]) -
      free_run.tokens.begin();
  const TokenResult stopped = engine.generate({&request, 1}).front();
  EXPECT_EQ(stopped.finish_reason, FinishReason::kStop);
  EXPECT_EQ(stopped.tokens, std::vector(free_run.tokens.begin(), free_run.tokens.begin() + first));
  EXPECT_EQ(stopped.logprobs.size(), stopped.tokens.size());
}

TEST(EngineRequest, AsksShouldStopAfterEveryToken) {
  Engine engine = golden_engine("gqa");
  TokenRequest request = simple_request(10);
  std::vector<std::size_t> seen;
  request.should_stop = [&](std::span<const std::int32_t> tokens) {
    seen.push_back(tokens.size());
    return tokens.size() == 3;
  };
  const TokenResult result = engine.generate({&request, 1}).front();
  EXPECT_EQ(result.finish_reason, FinishReason::kStop);
  EXPECT_EQ(result.tokens.size(), 3U);
  EXPECT_THAT(seen, ::testing::ElementsAre(1, 2, 3));
}

TEST(EngineRequest, TopLogprobsAreSortedSumToOneAndIncludeTheToken) {
  Engine engine = golden_engine("gqa");
  TokenRequest request = simple_request(6);
  request.top_logprobs = 1000;  // more than there are: all 80
  const TokenResult result = engine.generate({&request, 1}).front();
  ASSERT_EQ(result.top_logprobs.size(), result.tokens.size());
  for (std::size_t i = 0; i < result.tokens.size(); ++i) {
    const std::vector<TokenLogprob>& top = result.top_logprobs[i];
    ASSERT_EQ(top.size(), 80U);
    double sum = 0;
    for (std::size_t j = 0; j < top.size(); ++j) {
      sum += std::exp(double{top[j].logprob});
      if (j > 0) {
        EXPECT_GE(top[j - 1].logprob, top[j].logprob);
      }
    }
    EXPECT_NEAR(sum, 1, 1e-5);
    EXPECT_EQ(top[0].token, result.tokens[i]);  // greedy takes the first
    EXPECT_EQ(top[0].logprob, result.logprobs[i]);
  }
}

// logprobs are of the model, whatever the sampling does to the choice.
TEST(EngineRequest, LogprobsAreOfTheRawDistribution) {
  Engine engine = golden_engine("gqa");
  TokenRequest request = simple_request(8);
  request.sampling = {.temperature = 2, .top_k = 3};
  request.seed = 9;
  const TokenResult sampled = engine.generate({&request, 1}).front();
  TokenRequest scored;
  scored.tokens = request.tokens;
  scored.tokens.insert(scored.tokens.end(), sampled.tokens.begin(), sampled.tokens.end());
  scored.max_tokens = 0;
  scored.prompt_logprobs = true;
  const TokenResult scores = engine.generate({&scored, 1}).front();
  for (std::size_t i = 0; i < sampled.tokens.size(); ++i) {
    EXPECT_EQ(sampled.logprobs[i], scores.prompt_logprobs[request.tokens.size() + i]);
  }
}

TEST(EngineRequest, LikelihoodIsTheSumOfPromptLogprobs) {
  Engine engine = golden_engine("tied");
  const GoldenCase golden = golden_cases(golden_folder("tied") / "expected.json").back();
  const std::vector<std::int32_t> context(golden.tokens.begin(), golden.tokens.begin() + 5);
  const std::vector<std::int32_t> rest(golden.tokens.begin() + 5, golden.tokens.end());
  TokenRequest request;
  request.tokens = golden.tokens;
  request.max_tokens = 0;
  request.prompt_logprobs = true;
  const TokenResult scores = engine.generate({&request, 1}).front();
  double sum = 0;
  double expected = 0;
  for (std::size_t i = 5; i < golden.tokens.size(); ++i) {
    sum += double{scores.prompt_logprobs[i]};
    expected += double{golden.logprobs[i - 1]};
  }

  using Pair = std::pair<std::vector<std::int32_t>, std::vector<std::int32_t>>;
  const std::vector<Pair> pairs{{context, rest}, {golden.tokens, golden.greedy}, {context, {}}};
  const std::vector<Engine::Likelihood> got = engine.log_likelihood(pairs);

  EXPECT_EQ(got[0].logprob, sum);
  EXPECT_NEAR(got[0].logprob, expected, 1e-3);
  EXPECT_FALSE(got[0].is_greedy);
  EXPECT_TRUE(got[1].is_greedy);
  EXPECT_LT(got[1].logprob, 0);
  EXPECT_EQ(got[2].logprob, 0);
  EXPECT_TRUE(got[2].is_greedy);
}

TEST(EngineRequest, RefusesWhatCannotBe) {
  EngineOptions options;
  options.max_kv_tokens = 64;
  Engine engine = golden_engine("gqa", options);
  const auto message = [&](TokenRequest request) {
    return error_of([&] { engine.submit(std::move(request)); });
  };
  EXPECT_THAT(message({}), HasSubstr("empty prompt"));
  TokenRequest request = simple_request(1);
  request.tokens[2] = 80;
  EXPECT_THAT(message(request), AllOf(HasSubstr("token id 80"), HasSubstr("vocabulary of 80")));
  request.tokens[2] = -1;
  EXPECT_THAT(message(request), HasSubstr("token id -1 at position 2"));
  EXPECT_THAT(message(simple_request(253)),
              AllOf(HasSubstr("4 tokens and max_tokens 253"), HasSubstr("256 positions")));
  EXPECT_THAT(message(simple_request(100)),
              AllOf(HasSubstr("room for 64 tokens"), HasSubstr("max_kv_tokens")));
  EXPECT_THAT(message(simple_request(-1)), HasSubstr("max_tokens is -1"));
  request = simple_request(1);
  request.sampling.top_p = 0;
  EXPECT_THAT(message(request), HasSubstr("top_p"));
  EXPECT_TRUE(engine.idle());
  // The longest that fits does run.
  request = simple_request(60);
  EXPECT_EQ(engine.generate({&request, 1}).front().tokens.size(), 60U);
}

TEST(EngineRequest, CancelledRequestsFinishWithWhatTheyHave) {
  EngineOptions options;
  options.max_batch = 1;
  Engine engine = golden_engine("gqa", options);
  const std::int64_t running = engine.submit(simple_request(50));
  const std::int64_t waiting = engine.submit(simple_request(50));
  engine.step();
  engine.step();
  engine.cancel(running);
  engine.cancel(waiting);
  engine.cancel(12345);  // unknown: nothing to do
  std::map<std::int64_t, TokenResult> results;
  while (!engine.idle()) {
    for (Engine::Finished& finished : engine.step()) {
      results[finished.ticket] = std::move(finished.result);
    }
  }
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[running].finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(results[running].tokens.size(), 2U);
  EXPECT_EQ(results[waiting].finish_reason, FinishReason::kCancelled);
  EXPECT_TRUE(results[waiting].tokens.empty());
}

TEST(EngineRequest, GenerateLeavesOtherTicketsForStep) {
  Engine engine = golden_engine("gqa");
  const std::int64_t ticket = engine.submit(simple_request(2));
  const TokenRequest longer = simple_request(20);
  EXPECT_EQ(engine.generate({&longer, 1}).front().tokens.size(), 20U);
  EXPECT_FALSE(engine.idle());
  const std::vector<Engine::Finished> finished = engine.step();
  ASSERT_EQ(finished.size(), 1U);
  EXPECT_EQ(finished[0].ticket, ticket);
  EXPECT_TRUE(engine.idle());
}

// --- options ---

TEST(EngineOptions, FewerExpertsPerTokenChangeTheModel) {
  EngineOptions options;
  options.num_experts_per_tok = 1;
  Engine one = golden_engine("gqa", options);
  Engine two = golden_engine("gqa");
  EXPECT_EQ(one.config().num_experts_per_tok, 1);
  TokenRequest request = simple_request(0);
  request.last_prompt_logits = true;
  EXPECT_NE(one.generate({&request, 1}).front().last_prompt_logits,
            two.generate({&request, 1}).front().last_prompt_logits);
  options.num_experts_per_tok = 9;
  EXPECT_THAT(error_of([&] { golden_engine("gqa", options); }),
              AllOf(HasSubstr("num_experts_per_tok 9"), HasSubstr("8 experts")));
}

TEST(EngineOptions, NamesTheDevicesItKnows) {
  const auto message = [](const std::string& device) {
    EngineOptions options;
    options.device = device;
    return error_of([&] { golden_engine("gqa", options); });
  };
  EXPECT_THAT(message("tpu"), AllOf(HasSubstr("unknown device \"tpu\""), HasSubstr("reference")));
  EXPECT_THAT(message("cuda:x"), HasSubstr("unknown device"));
  EngineOptions options;
  options.max_batch = 0;
  EXPECT_THAT(error_of([&] { golden_engine("gqa", options); }), HasSubstr("max_batch is 0"));
}

TEST(EngineOptions, SaysWhichKernelsRun) {
  EXPECT_THAT(golden_engine("gqa").backend_name(), ::testing::StartsWith("cpu/"));
  EngineOptions options;
  options.device = "reference";
  EXPECT_EQ(golden_engine("gqa", options).backend_name(), "reference");
}

}  // namespace
}  // namespace peira::model
