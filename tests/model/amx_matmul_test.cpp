// Products by AMX tiles: their definition in plain code against exact sums, and against the
// processor's instructions where it has them; then whole models through the definition, which shows
// on every machine that tiles are fed and emptied as they should be.
#include "model/backend/cpu/amx_matmul.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/backend/cpu/kernels.h"
#include "model/backend/cpu/split_rows.h"
#include "tests/model/golden.h"

namespace peira::model {
namespace {

using cpu::AmxPanels;
using cpu::Tiles;
using Floats = std::vector<float>;

// PEIRA_AMX for as long as it lives.
class ScopedAmx {
 public:
  explicit ScopedAmx(const char* value) {
    if (const char* const found = std::getenv("PEIRA_AMX")) before_ = found;
    setenv("PEIRA_AMX", value, 1);
  }
  ~ScopedAmx() {
    if (before_) {
      setenv("PEIRA_AMX", before_->c_str(), 1);
    } else {
      unsetenv("PEIRA_AMX");
    }
  }
  ScopedAmx(const ScopedAmx&) = delete;
  ScopedAmx& operator=(const ScopedAmx&) = delete;

 private:
  std::optional<std::string> before_;
};

Tensor random_rows(std::int64_t rows, std::int64_t columns, std::mt19937& random) {
  Tensor out = host_tensor(DType::kF32, {rows, columns});
  std::normal_distribution<float> normal(0.01F, 0.5F);
  for (std::int64_t i = 0; i < rows * columns; ++i) out.view().f32()[i] = normal(random);
  return out;
}

Tensor as_bf16(const ConstTensorView& x) {
  Tensor out = host_tensor(DType::kBF16, x.shape);
  auto* const values = static_cast<std::uint16_t*>(out.view().data);
  for (std::int64_t i = 0; i < x.num_elements(); ++i) values[i] = bf16_from_float(x.f32()[i]);
  return out;
}

const cpu::ForRows kAtOnce = [](std::int64_t count, const auto& body) { body(0, count); };

// A matrix as tiles, with its memory.
struct Placed {
  Placed(const Tensor& stored, Tiles tiles) : weight(stored) {
    weight.packed = std::make_shared<AmxPanels>(stored, tiles, arena, kAtOnce);
  }
  cpu::Arena arena;
  Weight weight;
};

// [rows, last - first]: rows [from, from + rows) of x by the outputs [first, last).
struct Range {
  std::int64_t from, rows, first, last;
};
Floats product(const Weight& weight, const ConstTensorView& x, const Range& range,
               const ConstTensorView& bias = {}) {
  const std::int64_t columns = x.shape[1];
  cpu::SplitRows split;
  split.begin(range.rows, columns);
  split.add(range.rows);
  for (std::int64_t row = 0; row < range.rows; ++row) {
    split.set(row, 0, x.f32() + (range.from + row) * columns, columns);
  }
  const std::int64_t outputs = range.last - range.first;
  Floats out(static_cast<std::size_t>(range.rows * outputs));
  const cpu::MatmulPart part{&weight, range.first, range.last, bias, out.data(), outputs};
  cpu::matmul_amx(split.rows(0, static_cast<std::size_t>(range.rows)), std::span(&part, 1));
  return out;
}

// A sum's error is at most n 2^-24 times the sum of the magnitudes, n roundings on a term's way: 16
// in its chain, the chains' sum, one for each chunk, two for the pieces, and the bias.
TEST(AmxMatmul, ErrsWithinItsRoundings) {
  std::mt19937 random(3);
  for (const std::int64_t columns : {1, 31, 40, 257, 2048}) {
    for (const std::int64_t outputs : {1, 63, 64, 150}) {
      const Tensor stored = as_bf16(random_rows(outputs, columns, random));
      const Tensor bias = random_rows(1, outputs, random);
      const ConstTensorView biases(bias.view().f32(), DType::kF32, {outputs});
      const Tensor x = random_rows(5, columns, random);
      const Placed placed(stored, Tiles::kEmulated);
      const Floats got = product(placed.weight, x, {0, 5, 0, outputs}, biases);
      const auto roundings = static_cast<double>(16 + 1 + (columns + 31) / 32 + 2 + 1);
      for (std::int64_t i = 0; i < 5 * outputs; ++i) {
        const std::int64_t n = i % outputs;
        double sum = bias.view().f32()[n];
        double magnitudes = std::abs(sum);
        for (std::int64_t k = 0; k < columns; ++k) {
          const auto* const row = static_cast<const std::uint16_t*>(stored.view().data);
          const double term = double{x.view().f32()[i / outputs * columns + k]} *
                              float_from_bf16(row[n * columns + k]);
          sum += term;
          magnitudes += std::abs(term);
        }
        ASSERT_NEAR(got[static_cast<std::size_t>(i)], sum, roundings * 0x1p-24 * magnitudes)
            << columns << " columns, output " << n << " of " << outputs;
      }
    }
  }
}

TEST(AmxMatmul, KeepsItsBitsOverRowsRangesAndCopies) {
  std::mt19937 random(5);
  for (const std::int64_t columns : {40, 160}) {
    constexpr std::int64_t kOutputs = 150;
    const Tensor stored = as_bf16(random_rows(kOutputs, columns, random));
    const Tensor x = random_rows(48, columns, random);
    const Placed placed(stored, Tiles::kEmulated);
    const Floats all = product(placed.weight, x, {0, 48, 0, kOutputs});
    Weight uncopied(stored);
    uncopied.packed = std::make_shared<AmxPanels>(stored, Tiles::kEmulated);
    EXPECT_EQ(product(uncopied, x, {0, 48, 0, kOutputs}), all);
    for (const Range& range : {Range{0, 1, 0, 150}, Range{47, 1, 32, 128}, Range{3, 5, 128, 150},
                               Range{3, 6, 0, 96}, Range{9, 10, 0, 32}, Range{9, 11, 32, 64},
                               Range{7, 16, 0, 64}, Range{20, 17, 64, 150}, Range{1, 33, 0, 150}}) {
      const Floats got = product(placed.weight, x, range);
      for (std::int64_t r = 0; r < range.rows; ++r) {
        for (std::int64_t n = range.first; n < range.last; ++n) {
          ASSERT_EQ(got[static_cast<std::size_t>(r * (range.last - range.first) + n - range.first)],
                    all[static_cast<std::size_t>((range.from + r) * kOutputs + n)])
              << "row " << range.from + r << ", output " << n;
        }
      }
    }
  }
}

// Any bits: denormals, infinities, whatever is not a number, products beyond the range.
float any_float(std::mt19937& random) {
  switch (random() % 8) {
    case 0:
      return std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    case 1:  // around 2^-63, whose products are around the smallest normal
      return std::ldexp(static_cast<float>(random() % 512) - 255.5F, -75);
    case 2:
      return 0.0F * (random() % 2 == 0 ? 1.0F : -1.0F);
    default:
      return static_cast<float>(random() % 512) - 255.5F;
  }
}

TEST(AmxMatmul, TheProcessorGivesTheDefinitionsBits) {
  if (!cpu::has_amx()) GTEST_SKIP() << "this processor has no AMX, or the system withholds it";
  std::mt19937 random(7);
  for (const bool is_odd : {false, true}) {
    for (const std::int64_t columns : {1, 40, 2048}) {
      for (const std::int64_t outputs : {64, 150}) {
        Tensor wide = random_rows(outputs, columns, random);
        Tensor x = random_rows(48, columns, random);
        if (is_odd) {  // few columns: a single NaN hides all else of its row
          for (Tensor* const tensor : {&wide, &x}) {
            for (std::int64_t i = 0; i < tensor->shape().num_elements(); ++i) {
              tensor->view().f32()[i] = columns > 40 && i % 5 != 0 ? 0.5F : any_float(random);
            }
          }
        }
        const Tensor stored = as_bf16(wide);
        const Placed plain(stored, Tiles::kEmulated);
        const Placed placed(stored, Tiles::kProcessor);
        for (const std::int64_t rows : {1, 2, 5, 6, 10, 11, 16, 17, 48}) {
          const Floats want = product(plain.weight, x, {0, rows, 0, outputs});
          const Floats got = product(placed.weight, x, {0, rows, 0, outputs});
          for (std::size_t i = 0; i < want.size(); ++i) {
            if (std::isnan(want[i]) && std::isnan(got[i])) continue;
            ASSERT_EQ(std::bit_cast<std::uint32_t>(got[i]), std::bit_cast<std::uint32_t>(want[i]))
                << got[i] << " and " << want[i] << ": element " << i << " of " << rows
                << " rows by " << outputs << " outputs, " << columns << " columns";
          }
        }
      }
    }
  }
}

TEST(AmxMatmul, ShowsWhatIsNotFiniteAndTakesDenormalsForZeros) {
  std::mt19937 random(11);
  const Tensor stored = as_bf16(random_rows(64, 40, random));
  const Placed placed(stored, Tiles::kEmulated);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float bad : {kInfinity, -kInfinity, std::nanf(""), 3.4e38F}) {
    const Tensor x = random_rows(2, 40, random);
    x.view().f32()[39] = bad;
    const Floats got = product(placed.weight, x, {0, 2, 0, 64});
    for (std::size_t n = 0; n < 64; ++n) {
      EXPECT_TRUE(std::isnan(got[n])) << bad;
      EXPECT_TRUE(std::isfinite(got[64 + n])) << bad;
    }
  }
  const Tensor x = host_tensor(DType::kF32, {1, 40});
  std::fill_n(x.view().f32(), 40, 0x1p-127F);
  for (const float value : product(placed.weight, x, {0, 1, 0, 64})) EXPECT_EQ(value, 0);
}

// The pieces of a value add up to it, its last bits apart where they would be below 2^-126.
TEST(SplitRow, MakesPiecesThatAddUpOnEveryInstructionSet) {
  std::mt19937 random(13);
  Floats x;
  for (int i = 0; i < 1000; ++i) {
    const float value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (std::abs(value) < 3.3e38F) x.push_back(value);
  }
  for (const float value : {0.0F, -0.0F, 1.0F, 0x1.fffffeP0F, 0x1.00ff80P0F, 0x1.fffffeP-126F}) {
    x.push_back(value);
  }
  const auto size = static_cast<std::int64_t>(x.size());
  const std::int64_t chunks = (size + 31) / 32;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    std::vector<std::uint16_t> out(static_cast<std::size_t>(chunks * 3 * 2 * 32), 0xFFFF);
    cpu::split_row(x.data(), size, out.data() + 32, 2);  // the second of two rows
    for (std::int64_t k = 0; k < chunks * 32; ++k) {
      double sum = 0;
      for (int piece = 0; piece < 3; ++piece) {
        const std::int64_t line = (k / 32 * 3 + piece) * 2;
        sum += float_from_bf16(out[static_cast<std::size_t>((line + 1) * 32 + k % 32)]);
        EXPECT_EQ(out[static_cast<std::size_t>(line * 32 + k % 32)], 0xFFFF);
      }
      const double want = k < size ? x[static_cast<std::size_t>(k)] : 0;
      ASSERT_NEAR(sum, want, std::abs(want) < 0x1p-100 ? 0x1p-134 : 0)
          << hwy::TargetName(target) << " " << k;
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

// --- through the backend and the engine ---

TEST(AmxChoice, FollowsTheEnvironment) {
  const auto name = [](const char* value) {
    const ScopedAmx amx(value);
    return make_backend({.device = "cpu", .num_threads = 1})->name();
  };
  const auto error_of = [&](const char* value, ErrorCode code) {
    try {
      return "no error: " + name(value);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code);
      return std::string(error.what());
    }
  };
  for (const char* value : {"", "off"}) {
    EXPECT_THAT(name(value), ::testing::Not(::testing::HasSubstr("AMX")));
  }
  EXPECT_THAT(name("emulated"), ::testing::EndsWith("+AMX(emulated)"));
  EXPECT_THAT(error_of("yes", ErrorCode::kUsage), ::testing::HasSubstr("PEIRA_AMX is \"yes\""));
  if (cpu::has_amx()) {
    EXPECT_THAT(name("on"), ::testing::EndsWith("+AMX"));
  } else {
    EXPECT_THAT(error_of("on", ErrorCode::kUnavailable), ::testing::HasSubstr("has no AMX"));
  }
}

// Padding is filled up to 32 rows and 32 columns only where it costs little.
TEST(AmxChoice, TakesMatricesThatPaddingSuits) {
  EXPECT_TRUE(AmxPanels::suits({32'000, 2048}));
  EXPECT_TRUE(AmxPanels::suits({8, 2048}));  // a router: 128 KiB
  EXPECT_TRUE(AmxPanels::suits({50'257, 768}));
  EXPECT_FALSE(AmxPanels::suits({70, 16'384}));
  EXPECT_FALSE(AmxPanels::suits({100'000, 40}));
  EXPECT_EQ(AmxPanels::size_bytes({65, 33}), 96 * 64 * 2);
}

// Threads split outputs and rows, and some weights are of other layouts.
TEST(AmxBackend, KeepsItsBitsOverThreadsAndParts) {
  const ScopedAmx amx("emulated");
  std::mt19937 random(17);
  constexpr std::int64_t kColumns = 80;
  const Tensor first = as_bf16(random_rows(300, kColumns, random));
  const Tensor second = random_rows(45, kColumns, random);
  const Tensor third = as_bf16(random_rows(65, kColumns, random));
  const Placed plain_first(first, Tiles::kEmulated);
  const Placed plain_third(third, Tiles::kEmulated);
  for (const std::int64_t rows : {1, 7, 64, 400}) {
    const Tensor x = random_rows(rows, kColumns, random);
    for (const int threads : {1, 3}) {
      const auto backend = make_backend({.device = "cpu", .num_threads = threads});
      const Tensor out_first = host_tensor(DType::kF32, {rows, 300});
      const Tensor out_second = host_tensor(DType::kF32, {rows, 45});
      const Tensor out_third = host_tensor(DType::kF32, {rows, 65});
      const Weight placed_first = backend->place_matrix(first);
      ASSERT_TRUE(cpu::has_tiles(placed_first));
      const Weight placed_second = backend->place_matrix(second);
      ASSERT_FALSE(cpu::has_tiles(placed_second));
      backend->linear(x, std::array{LinearPart{placed_first, {}, out_first},
                                    LinearPart{placed_second, {}, out_second},
                                    LinearPart{backend->place_matrix(third), {}, out_third}});
      for (std::int64_t row = 0; row < rows; row += 13) {
        const Floats want_first = product(plain_first.weight, x, {row, 1, 0, 300});
        const Floats want_third = product(plain_third.weight, x, {row, 1, 0, 65});
        EXPECT_EQ(std::memcmp(out_first.view().f32() + row * 300, want_first.data(), 300 * 4), 0);
        EXPECT_EQ(std::memcmp(out_third.view().f32() + row * 65, want_third.data(), 65 * 4), 0);
        for (std::int64_t n = 0; n < 45; ++n) {
          double sum = 0;
          for (std::int64_t k = 0; k < kColumns; ++k) {
            sum +=
                double{x.view().f32()[row * kColumns + k]} * second.view().f32()[n * kColumns + k];
          }
          EXPECT_NEAR(out_second.view().f32()[row * 45 + n], sum, 1e-4);
        }
      }
    }
  }
}

// A token's experts are its own, whatever the others meet, and each is the definition thrice.
TEST(AmxBackend, GivesExpertsTheDefinitionsBits) {
  const ScopedAmx amx("emulated");
  std::mt19937 random(19);
  constexpr std::int64_t kHidden = 72;
  constexpr std::int64_t kInner = 100;
  constexpr std::size_t kExperts = 3;
  std::vector<Tensor> tensors;
  ExpertWeights host;
  std::vector<std::unique_ptr<Placed>> gate, up, down;
  const auto add = [&](std::vector<Weight>& to, std::vector<std::unique_ptr<Placed>>& plain,
                       std::int64_t rows, std::int64_t columns) {
    tensors.push_back(as_bf16(random_rows(rows, columns, random)));
    to.emplace_back(tensors.back());
    plain.push_back(std::make_unique<Placed>(tensors.back(), Tiles::kEmulated));
  };
  for (std::size_t e = 0; e < kExperts; ++e) {
    add(host.gate_proj, gate, kInner, kHidden);
    add(host.up_proj, up, kInner, kHidden);
    add(host.down_proj, down, kHidden, kInner);
  }
  for (const std::int64_t rows : {1, 170}) {
    const Tensor x = random_rows(rows, kHidden, random);
    const Tensor ids = host_tensor(DType::kI32, {rows, 1});
    const Tensor ones = host_tensor(DType::kF32, {rows, 1});
    for (std::int64_t row = 0; row < rows; ++row) {
      ids.view().i32()[row] = static_cast<std::int32_t>(random() % kExperts);
      ones.view().f32()[row] = 1;
    }
    const auto backend = make_backend({.device = "cpu", .num_threads = 3});
    const ExpertWeights placed = backend->place_experts(host);
    const Tensor out = host_tensor(DType::kF32, {rows, kHidden});
    backend->experts(x, ids, ones, placed, out);
    for (std::int64_t row = 0; row < rows; row += 7) {
      const auto e = static_cast<std::size_t>(ids.view().i32()[row]);
      Tensor inner = host_tensor(DType::kF32, {1, kInner});
      const Floats gated = product(gate[e]->weight, x, {row, 1, 0, kInner});
      const Floats upward = product(up[e]->weight, x, {row, 1, 0, kInner});
      cpu::gated_activation_row(host.activation, gated.data(), upward.data(), kInner,
                                inner.view().f32());
      const Floats want = product(down[e]->weight, inner, {0, 1, 0, kHidden});
      EXPECT_EQ(std::memcmp(out.view().f32() + row * kHidden, want.data(), kHidden * 4), 0)
          << "row " << row << " of " << rows;
    }
  }
}

// Logits of transformers in float32, as with other kernels: engine_test.cpp's bound.
TEST(AmxEngine, AnswersAsTransformersThroughWholeModels) {
  const ScopedAmx amx("emulated");
  for (const std::string name : {"gqa", "dense_mixed", "llama2", "gpt_oss_bf16"}) {
    EngineOptions options;
    options.device = "cpu";
    options.num_threads = 2;
    Engine engine = test::golden_engine(name, options);
    ASSERT_THAT(engine.backend_name(), ::testing::EndsWith("+AMX(emulated)"));
    int count = 0;
    for (const test::GoldenCase& golden :
         test::golden_cases(test::golden_folder(name) / "expected.json")) {
      TokenRequest request;
      request.tokens = golden.tokens;
      request.max_tokens = 0;
      request.last_prompt_logits = true;
      const TokenResult result = engine.generate({&request, 1}).front();
      EXPECT_LT(test::relative_error(result.last_prompt_logits, golden.logits.back()), 2e-5)
          << name;
      if (++count == 2) break;
    }
  }
}

}  // namespace
}  // namespace peira::model
