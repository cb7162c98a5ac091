// Pictures and videos through tower and decoder: against transformers, and against themselves in
// other batches, chunks and states of the caches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "model/backend/device.h"
#include "tests/model/edited_checkpoint.h"
#include "tests/model/golden.h"
#include "tests/model/vision_golden.h"

namespace peira::model {
namespace {

using test::bits_of;
using test::relative_error;
using test::vision_cases;
using test::vision_folder;
using test::vision_request;
using test::VisionCase;
using ::testing::AllOf;
using ::testing::HasSubstr;

Engine open_engine(const std::filesystem::path& folder, const EngineOptions& options = {}) {
  return Engine(CheckpointFiles::folder(folder), options);
}

// Sums in float32 differ from transformers' in their last bits alone.
constexpr double kTolerance = 2e-5;

void expect_as_transformers(const std::filesystem::path& folder, const std::string& device) {
  Engine engine = open_engine(folder, {.device = device});
  for (const VisionCase& golden : vision_cases(folder, engine.config())) {
    SCOPED_TRACE(folder.filename().string() + " " + golden.name);
    const TokenRequest request = vision_request(golden);
    const TokenResult result = engine.generate({&request, 1}).front();
    EXPECT_LT(relative_error(result.last_prompt_logits, golden.logits), kTolerance);
    EXPECT_LT(relative_error(std::span(result.prompt_logprobs).subspan(1), golden.logprobs),
              kTolerance);
    std::size_t comparable = 0;
    while (comparable < golden.greedy.size() && golden.greedy_gap[comparable] > 1e-2) ++comparable;
    ASSERT_GT(comparable, 0U);
    ASSERT_GE(result.tokens.size(), comparable);
    for (std::size_t i = 0; i < comparable; ++i) EXPECT_EQ(result.tokens[i], golden.greedy[i]) << i;
  }
}

const std::vector<std::string>& vision_names() {
  static const std::vector<std::string> names{"one_deepstack", "three_deepstack", "odd", "dense"};
  return names;
}

class VisionParity : public ::testing::TestWithParam<std::tuple<std::string, std::string>> {};

// Whether the test has to be skipped: no such device here.
bool is_absent(const std::string& device) {
  return device == "cuda" && find_cuda_devices().devices.empty();
}

TEST_P(VisionParity, LogitsAndGreedyTokensAreThoseOfTransformers) {
  const auto& [name, device] = GetParam();
  if (is_absent(device)) GTEST_SKIP() << "NOT TESTED: no CUDA device";
  expect_as_transformers(vision_folder(name), device);
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, VisionParity,
                         ::testing::Combine(::testing::ValuesIn(vision_names()),
                                            ::testing::Values("reference", "cpu", "cuda")),
                         [](const auto& param) {
                           return std::get<0>(param.param) + "_" + std::get<1>(param.param);
                         });

// Checkpoints of `make_tiny_vision.py --fresh`, where somebody made some.
TEST(VisionParity, HoldsOnFreshShapes) {
  const char* const folder = std::getenv("PEIRA_VISION_FRESH");
  if (folder == nullptr) GTEST_SKIP() << "PEIRA_VISION_FRESH names no folder";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    for (const char* const device : {"reference", "cpu", "cuda"}) {
      if (!is_absent(device)) expect_as_transformers(entry, device);
    }
  }
}

struct Outcome {
  std::vector<std::int32_t> tokens;
  std::vector<std::uint32_t> logits, prompt_logprobs, logprobs;
  bool operator==(const Outcome&) const = default;
};

Outcome outcome_of(const TokenResult& result) {
  return {result.tokens, bits_of(result.last_prompt_logits), bits_of(result.prompt_logprobs),
          bits_of(result.logprobs)};
}

class VisionInvariance : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (is_absent(GetParam())) GTEST_SKIP() << "NOT TESTED: no CUDA device";
  }

  const std::filesystem::path folder_ = vision_folder("one_deepstack");

  std::vector<TokenRequest> requests(const Engine& engine) const {
    std::vector<TokenRequest> out;
    for (const VisionCase& golden : vision_cases(folder_, engine.config())) {
      out.push_back(vision_request(golden));
    }
    return out;
  }
  // Each request in an engine of its own.
  std::vector<Outcome> alone() const {
    std::vector<Outcome> out;
    for (std::size_t i = 0;; ++i) {
      Engine engine = open_engine(folder_, {.device = GetParam()});
      const std::vector<TokenRequest> all = requests(engine);
      if (i == all.size()) return out;
      out.push_back(outcome_of(engine.generate(std::span(all).subspan(i, 1)).front()));
    }
  }
};

TEST_P(VisionInvariance, ResultsDoNotDependOnBatchChunksOrThreads) {
  const std::vector<Outcome> want = alone();
  for (const EngineOptions& base : {EngineOptions{.max_batch = 8, .prefill_chunk = 256},
                                    EngineOptions{.max_batch = 3, .prefill_chunk = 7},
                                    EngineOptions{.max_batch = 5, .prefill_chunk = 1},
                                    EngineOptions{.num_threads = 1, .prefix_cache = false}}) {
    EngineOptions options = base;
    options.device = GetParam();
    Engine engine = open_engine(folder_, options);
    const std::vector<TokenRequest> all = requests(engine);
    const std::vector<TokenResult> got = engine.generate(all);
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(outcome_of(got[i]), want[i]) << i;
  }
}

// A prompt long enough for pages to be shared: text, a picture of 40 tokens, text.
TokenRequest long_request(const Engine& engine, int seed) {
  TokenRequest request;
  const MediaTokens& ids = engine.config().media_tokens;
  request.tokens.assign(5, 9);
  request.tokens.insert(request.tokens.end(), 40, ids.image_token_id);
  for (int i = 0; i < 70; ++i) request.tokens.push_back(3 + i * 7 % 37);
  request.media = {
      test::made_medium(Modality::kImage, 1, 10, 16, seed, *engine.config().vision_config)};
  request.max_tokens = 4;
  request.last_prompt_logits = true;
  return request;
}

TEST_P(VisionInvariance, EqualPicturesShareWhatIsCachedAndDifferentOnesNever) {
  const auto options = [&](bool prefix_cache) {
    return EngineOptions{.device = GetParam(), .prefill_chunk = 24, .prefix_cache = prefix_cache};
  };
  const auto cold = [&](int seed) {
    Engine engine = open_engine(folder_, options(false));
    const TokenRequest request = long_request(engine, seed);
    return outcome_of(engine.generate({&request, 1}).front());
  };
  Engine engine = open_engine(folder_, options(true));
  const auto warm = [&](int seed) {
    const TokenRequest request = long_request(engine, seed);
    return engine.generate({&request, 1}).front();
  };

  const TokenResult first = warm(1);
  const TokenResult again = warm(1);
  const TokenResult other = warm(2);
  const TokenResult first_again = warm(1);

  EXPECT_EQ(first.num_cached_tokens, 0);
  EXPECT_EQ(again.num_cached_tokens, 96);
  EXPECT_EQ(other.num_cached_tokens, 0);
  EXPECT_EQ(first_again.num_cached_tokens, 96);
  EXPECT_EQ(outcome_of(first), cold(1));
  EXPECT_EQ(outcome_of(again), cold(1));
  EXPECT_EQ(outcome_of(other), cold(2));
  EXPECT_EQ(outcome_of(first_again), cold(1));
  EXPECT_NE(outcome_of(first).logits, outcome_of(other).logits);
}

// The tokens before the picture are shared even where the pictures differ.
TEST_P(VisionInvariance, TextInFrontOfDifferentPicturesIsShared) {
  Engine engine = open_engine(folder_, {.device = GetParam()});
  const auto ask = [&](int seed) {
    TokenRequest request = long_request(engine, seed);
    request.tokens.insert(request.tokens.begin(), 64, 11);
    return engine.generate({&request, 1}).front().num_cached_tokens;
  };
  EXPECT_EQ(ask(1), 0);
  EXPECT_EQ(ask(2), 64);
}

// When the cache is full the youngest sequence starts over, its picture too.
TEST_P(VisionInvariance, PreemptionChangesNothing) {
  Engine roomy = open_engine(folder_, {.device = GetParam()});
  std::vector<TokenRequest> all;
  for (int seed = 1; seed <= 4; ++seed) {
    all.push_back(long_request(roomy, seed));
    all.back().max_tokens = 40;
  }
  const std::vector<TokenResult> want = roomy.generate(all);
  Engine tight = open_engine(
      folder_, {.device = GetParam(), .max_batch = 4, .prefill_chunk = 32, .max_kv_tokens = 320});
  const std::vector<TokenResult> got = tight.generate(all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(got[i].tokens, want[i].tokens) << i;
    EXPECT_EQ(bits_of(got[i].logprobs), bits_of(want[i].logprobs)) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, VisionInvariance, ::testing::Values("reference", "cpu", "cuda"));

TEST(VisionEncoders, EncodeAMediumOnceAndForgetTheLongestUnused) {
  const std::filesystem::path folder = vision_folder("one_deepstack");
  // A picture of 40 tokens takes 40 * 32 floats, twice: room for two of them.
  Engine engine =
      open_engine(folder, {.prefix_cache = false, .max_encoder_bytes = 2 * 2 * 40 * 32 * 4 + 100});
  const auto ask = [&](int seed) {
    const TokenRequest request = long_request(engine, seed);
    engine.generate({&request, 1});
    return std::pair(engine.encoder_counts().num_encoded, engine.encoder_counts().num_reused);
  };
  EXPECT_EQ(ask(1), std::pair(std::int64_t{1}, std::int64_t{0}));
  EXPECT_EQ(ask(1), std::pair(std::int64_t{1}, std::int64_t{1}));
  EXPECT_EQ(ask(2), std::pair(std::int64_t{2}, std::int64_t{1}));
  EXPECT_EQ(ask(1), std::pair(std::int64_t{2}, std::int64_t{2}));
  EXPECT_EQ(ask(3), std::pair(std::int64_t{3}, std::int64_t{2}));  // 2 goes
  EXPECT_EQ(ask(1), std::pair(std::int64_t{3}, std::int64_t{3}));
  EXPECT_EQ(ask(2), std::pair(std::int64_t{4}, std::int64_t{3}));
}

TEST(VisionEncoders, ManyQuestionsOnOnePictureEncodeItOnce) {
  Engine engine = open_engine(vision_folder("one_deepstack"), {.max_batch = 8});
  std::vector<TokenRequest> all;
  for (int i = 0; i < 8; ++i) {
    all.push_back(long_request(engine, 1));
    all.back().tokens.push_back(3 + i);
  }
  engine.generate(all);
  EXPECT_EQ(engine.encoder_counts().num_encoded, 1);
}

// What a request with media is refused with.
std::string refusal(Engine& engine, TokenRequest request) {
  try {
    engine.submit(std::move(request));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    return error.what();
  }
  return "";
}

TEST(VisionRequest, PlaceholdersAndMediaHaveToAgree) {
  Engine engine = open_engine(vision_folder("one_deepstack"));
  const TokenRequest good = long_request(engine, 1);

  TokenRequest fewer = good;
  fewer.tokens.erase(fewer.tokens.begin() + 10);
  EXPECT_THAT(refusal(engine, fewer),
              AllOf(HasSubstr("image 1: needs 40 placeholders of id 44 at position 5"),
                    HasSubstr("where 39 stand")));

  TokenRequest more = good;
  more.tokens.insert(more.tokens.begin() + 10, 44);
  EXPECT_THAT(refusal(engine, more), HasSubstr("a placeholder (id 44) at position 45 behind those "
                                               "of its 1 media"));

  TokenRequest two = good;
  two.media.push_back(two.media.front());
  EXPECT_THAT(refusal(engine, two), HasSubstr("where 0 stand"));

  TokenRequest damaged = good;
  Medium medium = *good.media.front();
  medium.features.pop_back();
  damaged.media = {std::make_shared<const Medium>(medium)};
  EXPECT_THAT(refusal(engine, damaged), HasSubstr("15359 features for a grid of 1x10x16 patches"));

  medium = *good.media.front();
  medium.grid_h = 5;
  medium.grid_w = 32;
  damaged.media = {std::make_shared<const Medium>(medium)};
  EXPECT_THAT(refusal(engine, damaged), HasSubstr("does not divide into blocks of 2 by 2"));

  medium = *good.media.front();
  medium.modality = Modality::kAudio;
  damaged.media = {std::make_shared<const Medium>(medium)};
  EXPECT_THAT(refusal(engine, damaged), HasSubstr("no tower for audio"));
}

TEST(VisionRequest, AModelWithoutTowerRefusesMedia) {
  Engine blind = test::golden_engine("gqa");
  Engine engine = open_engine(vision_folder("one_deepstack"));
  EXPECT_FALSE(blind.takes(Modality::kImage));
  EXPECT_TRUE(engine.takes(Modality::kImage));
  EXPECT_TRUE(engine.takes(Modality::kVideo));
  EXPECT_FALSE(engine.takes(Modality::kAudio));
  EXPECT_THAT(refusal(blind, long_request(engine, 1)), HasSubstr("no tower for image input"));
}

struct BadVision {
  const char* name;
  void (*edit)(Json& config);
  const char* message;
};

class VisionConfigs : public ::testing::TestWithParam<BadVision> {};

TEST_P(VisionConfigs, AreRefusedNamingTheField) {
  test::EditedCheckpoint checkpoint(vision_folder("one_deepstack"));
  GetParam().edit(checkpoint.config);
  EXPECT_THAT(checkpoint.problem(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, VisionConfigs,
    ::testing::Values(
        BadVision{"NoVision", [](Json& c) { c.erase("vision_config"); },
                  "config.json: vision_config is missing"},
        BadVision{"NoText", [](Json& c) { c.erase("text_config"); }, "text_config is missing"},
        BadVision{"OddHead", [](Json& c) { c["vision_config"]["num_heads"] = 4; },
                  "hidden_size is 24 and num_heads 4"},
        BadVision{"NoSquare", [](Json& c) { c["vision_config"]["num_position_embeddings"] = 15; },
                  "num_position_embeddings is 15, not a square"},
        BadVision{"OtherWidth", [](Json& c) { c["vision_config"]["out_hidden_size"] = 33; },
                  "out_hidden_size is 33 but the text's hidden_size 32"},
        BadVision{"BlockBeyond",
                  [](Json& c) { c["vision_config"]["deepstack_visual_indexes"] = {2}; },
                  "deepstack_visual_indexes is 2 but must be from 0 to 1"},
        BadVision{"BlockTwice",
                  [](Json& c) {
                    c["vision_config"]["deepstack_visual_indexes"] = {1, 1};
                  },
                  "deepstack_visual_indexes names a block twice"},
        BadVision{"Activation", [](Json& c) { c["vision_config"]["hidden_act"] = "relu"; },
                  "hidden_act \"relu\" is not supported"},
        BadVision{"Token", [](Json& c) { c["image_token_id"] = 48; },
                  "image_token_id is 48 but must be from 0 to 47"},
        BadVision{"Section",
                  [](Json& c) {
                    c["text_config"]["rope_scaling"]["mrope_section"] = {4, 4};
                  },
                  "mrope_section has 2 entries"},
        BadVision{"NotInterleaved",
                  [](Json& c) { c["text_config"]["rope_scaling"]["mrope_interleaved"] = false; },
                  "mrope_interleaved is false"}),
    [](const auto& param) { return param.param.name; });

// Every tensor of a tower is used: without it, or in another shape, it is named.
TEST(VisionTensors, AreAllUsedOrNamed) {
  const std::filesystem::path folder = vision_folder("one_deepstack");
  std::vector<std::string> names;
  for (const auto& tensor : test::EditedCheckpoint(folder).tensors) {
    if (tensor.name.starts_with("model.visual.")) names.push_back(tensor.name);
  }
  ASSERT_EQ(names.size(), 39U);
  for (const std::string& name : names) {
    test::EditedCheckpoint checkpoint(folder);
    checkpoint.remove(name);
    EXPECT_THAT(checkpoint.problem(), AllOf(HasSubstr("missing"), HasSubstr(name)));
  }
  test::EditedCheckpoint more(folder);
  more.tensors.push_back(more.tensor("model.visual.merger.norm.bias"));
  more.tensors.back().name = "model.visual.merger.norm.other";
  EXPECT_THAT(more.problem(), HasSubstr("model.visual.merger.norm.other"));
}

}  // namespace
}  // namespace peira::model
