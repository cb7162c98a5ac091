// How memory is divided, on devices of made-up sizes: what is planned fits, and what does not fit
// is refused with what it needs and with options that do fit.
#include "model/memory_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "model/backend/cuda/working_memory.h"
#include "model/layers/decoder.h"

namespace peira::model {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kGiB = std::int64_t{1} << 30;
constexpr std::int64_t kMiB = std::int64_t{1} << 20;

ModelConfig qwen3_30b_a3b() {
  return config_from_json(Json{{"model_type", "qwen3_moe"},
                               {"vocab_size", 151936},
                               {"hidden_size", 2048},
                               {"moe_intermediate_size", 768},
                               {"num_hidden_layers", 48},
                               {"num_attention_heads", 32},
                               {"num_key_value_heads", 4},
                               {"head_dim", 128},
                               {"max_position_embeddings", 40960},
                               {"num_experts", 128},
                               {"num_experts_per_tok", 8},
                               {"norm_topk_prob", true},
                               {"rope_theta", 1e6},
                               {"tie_word_embeddings", false}},
                          "Qwen3-30B-A3B's shape");
}

// 30.5e9 parameters: 61 GB in bf16, 8.5 and 5 bits a weight of nearly all when quantised.
MemoryRequest on_cuda(std::int64_t memory_bytes) {
  MemoryRequest out;
  out.weight_count.stored_bytes = 61'000'000'000;
  out.weight_count.int8_bytes = 32'700'000'000;
  out.weight_count.int4_bytes = 19'500'000'000;
  out.memory_bytes = memory_bytes;
  out.copies_weights = true;
  out.working_bytes = cuda_working_bytes;
  out.max_batch = 32;
  out.prefill_chunk = 256;
  return out;
}

std::string refusal(const MemoryRequest& request) {
  try {
    plan_memory(qwen3_30b_a3b(), request, "cuda:0");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
    return error.what();
  }
  return "no error";
}

TEST(MemoryPlan, CountsScratchAndRecordingsAndFillsTheRestWithPages) {
  const MemoryPlan plan = plan_memory(qwen3_30b_a3b(), on_cuda(80 * kGiB), "cuda:0");
  EXPECT_EQ(plan.weights_bytes, 61'000'000'000);
  // By hand. Attention apart in splits: 1280 pages become 2048, 256 splits; 255 rows of 32 heads
  // would keep more than the 64 Mi floats that are the most.
  EXPECT_EQ(plan.working_bytes, std::int64_t{64} * 4 * kMiB + 64 * 48 * cuda::kRecordedLayerBytes);
  EXPECT_GT(plan.num_pages, 0);
  EXPECT_LE(plan.total_bytes(), 80 * kGiB);
  EXPECT_GT(plan.total_bytes() + plan.page_bytes, static_cast<std::int64_t>(0.92 * 80 * kGiB));
}

MemoryRequest on_host(std::int64_t memory_bytes) {
  MemoryRequest out = on_cuda(memory_bytes);
  out.weight_count.uncopied_bytes = 700'000'000;
  out.copies_weights = false;
  out.working_bytes = nullptr;
  return out;
}

TEST(MemoryPlan, CountsCopiesBesideMappedFiles) {
  // As stored nothing has to be copied, and as much is as the backend says.
  MemoryRequest request = on_host(200 * kGiB);
  EXPECT_EQ(plan_memory(qwen3_30b_a3b(), request, "cpu").weights_bytes, 0);
  request.most_copied_bytes = 20'000'000'000;
  EXPECT_EQ(plan_memory(qwen3_30b_a3b(), request, "cpu").weights_bytes, 20'000'000'000);
  request.most_copied_bytes = 80'000'000'000;
  EXPECT_EQ(plan_memory(qwen3_30b_a3b(), request, "cpu").weights_bytes, 60'300'000'000);
  request.weight_count.tied_bytes = 600'000'000;
  EXPECT_EQ(plan_memory(qwen3_30b_a3b(), request, "cpu").weights_bytes, 60'900'000'000);
  // Quantised, all of it is.
  request.weights = WeightPrecision::kInt8;
  request.most_copied_bytes = 0;
  EXPECT_EQ(plan_memory(qwen3_30b_a3b(), request, "cpu").weights_bytes, 32'000'000'000);
}

TEST(MemoryPlan, OnAHostTheCacheGetsHalfAndWhatCopiesLeave) {
  for (const std::int64_t memory : {48 * kGiB, 64 * kGiB, 1000 * kGiB}) {
    MemoryRequest request = on_host(memory);
    request.weights = WeightPrecision::kInt8;
    request.max_batch = 4096;
    const MemoryPlan plan = plan_memory(qwen3_30b_a3b(), request, "cpu");
    const std::int64_t limit =
        std::min(static_cast<std::int64_t>(0.92 * static_cast<double>(memory)),
                 plan.weights_bytes + memory / 2);
    EXPECT_LE(plan.total_bytes(), limit);
    EXPECT_GT(plan.total_bytes() + plan.page_bytes, limit);
  }
  // 32 GB of int8 do not fit 32 GiB, but int4 does; as stored, mapped, the model runs too.
  MemoryRequest request = on_host(32 * kGiB);
  EXPECT_EQ(refusal(request), "no error");
  request.weights = WeightPrecision::kInt8;
  const std::string message = refusal(request);
  EXPECT_THAT(message, HasSubstr("(weights 29.8 GiB, buffers"));
  EXPECT_THAT(message, HasSubstr("but 29.4 GiB of 32.0 GiB can be used"));
  EXPECT_THAT(message, HasSubstr("try: --weights int4, which would fit"));
}

TEST(MemoryPlan, ScratchIsThatOfTheLargestOperation) {
  // By hand, experts of 10 rows, 2 each, of 4: 20 slots; gate and up of 5 and outputs of 3 floats
  // each; 20 sorted slots, 8 numbers of experts, 24 tiles of three; seven borders.
  EXPECT_EQ(cuda::experts_bytes(10, 2, 4, 3, 5), (20 * 13 + 20 + 8 + 72) * 4 + 7 * 256);
  EXPECT_EQ(cuda::experts_bytes(5000, 2, 4, 3, 5), cuda::experts_bytes(4096, 2, 4, 3, 5));
  WorkSizes sizes{.max_rows = 10,
                  .max_pages = 24,
                  .num_layers = 1,
                  .hidden_size = 3,
                  .num_heads = 4,
                  .head_dim = 6,
                  .num_experts = 4,
                  .num_experts_per_tok = 2,
                  .moe_intermediate_size = 5};
  // Three splits of 10 rows and 4 heads, 6 sums, a total and a maximum each.
  EXPECT_EQ(cuda::split_bytes(10, 4, 6, 3), 10 * 4 * 3 * 8 * 4);
  EXPECT_EQ(cuda::scratch_bytes(sizes), cuda::split_bytes(10, 4, 6, 3));
  sizes.max_pages = 8;  // one split: nothing is kept apart
  EXPECT_EQ(cuda::scratch_bytes(sizes), cuda::experts_bytes(10, 2, 4, 3, 5));
  // No call needs more than what its model's sizes say.
  sizes.max_pages = 4096;
  for (sizes.max_rows = 1; sizes.max_rows < 6000; sizes.max_rows = sizes.max_rows * 3 / 2 + 1) {
    for (std::int64_t rows = 1; rows <= sizes.max_rows; rows += 7) {
      for (const std::int64_t splits : {1, 2, 100, 512}) {
        if (!cuda::is_split(rows, 4, 6, splits)) continue;
        EXPECT_LE(cuda::split_bytes(rows, 4, 6, splits), cuda::scratch_bytes(sizes));
      }
    }
  }
}

TEST(MemoryPlan, SaysWhatIsNeededAndWhatWouldFit) {
  // 61 GB of weights on 40 GiB: int8 fits.
  const std::string small = refusal(on_cuda(40 * kGiB));
  EXPECT_THAT(small,
              HasSubstr("device cuda:0: the model needs 57.3 GiB (weights 56.8 GiB, buffers"));
  EXPECT_THAT(small, HasSubstr("scratch and recordings 448 MiB"));
  EXPECT_THAT(small, HasSubstr("but 36.8 GiB of 40.0 GiB can be used"));
  EXPECT_THAT(small, HasSubstr("try: --weights int8, which would fit"));
  EXPECT_THAT(refusal(on_cuda(24 * kGiB)), HasSubstr("try: --weights int4, which would fit"));
  EXPECT_THAT(refusal(on_cuda(8 * kGiB)), HasSubstr("try: a larger device, or another --device"));
  // What is advised is true.
  MemoryRequest int8 = on_cuda(40 * kGiB);
  int8.weights = WeightPrecision::kInt8;
  EXPECT_EQ(refusal(int8), "no error");
}

TEST(MemoryPlan, AdvisesACacheThatFits) {
  MemoryRequest request = on_cuda(80 * kGiB);
  request.max_kv_tokens = 10'000'000;
  const std::string message = refusal(request);
  const std::string option = "--max-kv-tokens ";
  const std::size_t at = message.find(option);
  ASSERT_NE(at, std::string::npos) << message;
  request.max_kv_tokens = std::stoll(message.substr(at + option.size()));
  EXPECT_EQ(refusal(request), "no error");
  request.max_kv_tokens += kKvPageTokens;
  EXPECT_NE(refusal(request), "no error");
}

TEST(MemoryPlan, AdvisesASmallerBatchThatFits) {
  struct Limits {
    int max_batch, prefill_chunk;
  };
  // Memory for one page beside these; with the second, prompts' chunks have to be smaller too.
  for (const Limits enough : {Limits{2048, 4096}, Limits{1, 512}}) {
    MemoryRequest request = on_cuda(200 * kGiB);
    request.max_batch = enough.max_batch;
    request.prefill_chunk = enough.prefill_chunk;
    request.max_kv_tokens = kKvPageTokens;
    const std::int64_t needed = plan_memory(qwen3_30b_a3b(), request, "cuda:0").total_bytes();
    request = on_cuda(static_cast<std::int64_t>(static_cast<double>(needed + kMiB) / 0.92));
    request.max_batch = 4096;
    request.prefill_chunk = 4096;
    const std::string message = refusal(request);
    const std::string option = "--batch ";
    const std::size_t at = message.find(option);
    ASSERT_NE(at, std::string::npos) << message;
    request.max_batch = std::stoi(message.substr(at + option.size()));
    const std::size_t chunk = message.find("--prefill-chunk ");
    EXPECT_EQ(chunk != std::string::npos, enough.prefill_chunk < 4096) << message;
    if (chunk != std::string::npos) request.prefill_chunk = std::stoi(message.substr(chunk + 16));
    EXPECT_EQ(request.max_batch, enough.max_batch);
    EXPECT_EQ(refusal(request), "no error");
  }
}

}  // namespace
}  // namespace peira::model
