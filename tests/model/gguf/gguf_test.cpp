#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <numeric>

#include "base/error.h"
#include "base/files.h"
#include "model/engine.h"
#include "model/gguf/checkpoint.h"
#include "model/inspection.h"
#include "model/weight.h"
#include "tests/model/golden.h"

namespace peira::model {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(PEIRA_SOURCE_DIR) / "tests/golden/gguf" / name;
}

// --- blocks, against gguf-py 0.19.0 (make_gguf.py) ---

class Blocks : public ::testing::TestWithParam<DType> {};

TEST_P(Blocks, AreWhatGgufPyReads) {
  const DType dtype = GetParam();
  const std::string blocks = read_file(golden(std::string(name_of(dtype)) + ".blocks"));
  const std::string expected = read_file(golden(std::string(name_of(dtype)) + ".f32"));
  const auto count = static_cast<std::int64_t>(expected.size() / sizeof(float));
  ASSERT_EQ(bytes_of(dtype, count), static_cast<std::int64_t>(blocks.size()));
  std::vector<float> want(static_cast<std::size_t>(count));
  std::memcpy(want.data(), expected.data(), expected.size());
  std::vector<float> got(want.size());
  widen_row(ConstTensorView{blocks.data(), dtype, {1, count}}, 0, got.data());
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (std::isnan(want[i])) {
      ASSERT_TRUE(std::isnan(got[i])) << i;
    } else if (dtype == DType::kMXFP4) {
      ASSERT_EQ(got[i], want[i]) << i;  // the standard has a negative zero, ggml has not
    } else {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(got[i]), std::bit_cast<std::uint32_t>(want[i])) << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Blocks,
                         ::testing::Values(DType::kQ4_0, DType::kQ5_0, DType::kQ8_0, DType::kQ4_K,
                                           DType::kQ5_K, DType::kQ6_K, DType::kMXFP4),
                         [](const auto& param) { return std::string(name_of(param.param)); });

// --- whole models, against transformers on the weights that gguf-py reads ---

class GgufParity : public ::testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(GgufParity, LogitsAreThoseOfTransformers) {
  const auto& [name, device] = GetParam();
  EngineOptions options;
  options.device = device;
  const bool is_split = name == "split";  // any of its parts stands for all
  const std::string file = is_split ? "split-00002-of-00003.gguf" : name + ".gguf";
  Engine engine(CheckpointFiles::at(golden(file)), options);
  const std::filesystem::path answers = golden(name + ".json");
  const Json expected = parse_json(read_file(answers), answers.string());
  const auto tokens = expected.at("tokens").get<std::vector<std::int32_t>>();
  const auto logits = expected.at("logits").get<std::vector<std::vector<float>>>();
  // After how many tokens each row is; after each of them unless the file says.
  std::vector<std::ptrdiff_t> after(logits.size());
  std::iota(after.begin(), after.end(), 1);
  if (expected.contains("after")) expected.at("after").get_to(after);
  ASSERT_EQ(after.size(), logits.size());
  for (std::size_t i = 0; i < after.size(); ++i) {
    TokenRequest request;
    request.tokens.assign(tokens.begin(), tokens.begin() + after[i]);
    request.max_tokens = 0;
    request.last_prompt_logits = true;
    const TokenResult result = engine.generate({&request, 1}).front();
    EXPECT_LE(test::relative_error(result.last_prompt_logits, logits[i]), 1e-4)
        << "after " << after[i] << " tokens";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Golden, GgufParity,
    ::testing::Combine(::testing::Values("qwen3moe_k", "qwen3moe_small", "qwen3", "llama",
                                         "mixtral", "olmoe", "gpt_oss", "gemma3", "qwen2moe",
                                         "qwen3next", "qwen3next_first", "rope_llama3",
                                         "rope_linear", "rope_yarn", "split"),
                       ::testing::Values("reference", "cpu")),
    [](const auto& param) { return std::get<0>(param.param) + "_" + std::get<1>(param.param); });

// What drafts tokens behind the last layer is left out, and said to be.
TEST(GgufFamilies, SayThatDraftingLayersDoNotRun) {
  const CheckpointFiles files = CheckpointFiles::at(golden("qwen3next.gguf"));
  const Inspection found = inspect(files);
  EXPECT_EQ(found.weights_problem, "");
  ASSERT_EQ(found.notes.size(), 1U);
  EXPECT_THAT(found.notes.front(), HasSubstr("3 tensors mtp.*: multi-token prediction"));
}

// make_gguf.py: the parts of one file.
TEST(GgufParts, NameWhichIsMissing) {
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / "peira_gguf_parts";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const auto copy = [&](const char* from, const char* to) {
    std::filesystem::copy_file(golden(from), folder / to,
                               std::filesystem::copy_options::overwrite_existing);
  };
  const auto message = [&](const std::filesystem::path& path) -> std::string {
    try {
      CheckpointFiles::at(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kData);
      return error.what();
    }
    return "no error";
  };
  copy("split-00001-of-00003.gguf", "split-00001-of-00003.gguf");
  copy("split-00003-of-00003.gguf", "split-00003-of-00003.gguf");
  EXPECT_THAT(
      message(folder / "split-00003-of-00003.gguf"),
      AllOf(HasSubstr("is one of 3 parts"), HasSubstr("split-00002-of-00003.gguf is not there")));
  copy("split-00001-of-00003.gguf", "alone.gguf");
  EXPECT_THAT(message(folder / "alone.gguf"),
              HasSubstr("is one of 3 parts (split.count) but 1 is here"));
  std::filesystem::remove(folder / "alone.gguf");
  copy("split-00003-of-00003.gguf", "split-00002-of-00003.gguf");
  EXPECT_THAT(message(folder / "split-00001-of-00003.gguf"),
              HasSubstr("split-00002-of-00003.gguf: is part 2 (split.no) but stands in place 1"));
  copy("split-00002-of-00003.gguf", "split-00002-of-00003.gguf");
  EXPECT_EQ(message(folder / "split-00001-of-00003.gguf"), "no error");
  EXPECT_EQ(message(folder), "no error") << "the only set of parts in a folder";
  std::filesystem::remove_all(folder);
}

// --- malformed files ---

// Writes a file value by value.
class Writer {
 public:
  template <typename Number>
  Writer& number(Number value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Writer& text(const std::string& value) {
    number(static_cast<std::uint64_t>(value.size()));
    bytes_ += value;
    return *this;
  }
  Writer& header(std::uint64_t tensors, std::uint64_t keys, std::uint32_t version = 3) {
    bytes_ += "GGUF";
    return number(version).number(tensors).number(keys);
  }
  Writer& tensor(const std::string& name, std::vector<std::uint64_t> sizes, std::uint32_t type,
                 std::uint64_t offset) {
    text(name).number(static_cast<std::uint32_t>(sizes.size()));
    for (const std::uint64_t size : sizes) number(size);
    return number(type).number(offset);
  }
  std::string with_data(std::size_t count) const {
    return bytes_ + std::string((32 - bytes_.size() % 32) % 32 + count, '\0');
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

std::string error_of(const std::string& file) {
  try {
    const GgufFile parsed(std::as_bytes(std::span(file.data(), file.size())), "x.gguf");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    return error.what();
  }
  return "no error";
}

TEST(Gguf, NamesWhatIsWrong) {
  const std::uint32_t u32 = 4, text = 8, array = 9;
  EXPECT_THAT(error_of(""), HasSubstr("x.gguf: not a GGUF file"));
  EXPECT_THAT(error_of("GGUF"), HasSubstr("truncated"));
  EXPECT_THAT(error_of(Writer().header(0, 0, 0x03000000).bytes()), HasSubstr("big-endian"));
  EXPECT_THAT(error_of(Writer().header(0, 0, 1).bytes()),
              HasSubstr("version 1; supported are 2 and 3"));
  EXPECT_THAT(error_of(Writer().header(0, ~0ULL).bytes()), HasSubstr("truncated: a metadata key"));
  EXPECT_THAT(error_of(Writer().header(0, 1).text("k").number<std::uint32_t>(13).bytes()),
              HasSubstr("metadata key k has the unknown value type 13"));
  EXPECT_THAT(error_of(Writer().header(0, 1).number(~0ULL).bytes()), HasSubstr("over the limit"));
  EXPECT_THAT(error_of(Writer().header(0, 1).text("k").number(text).number(~0ULL).bytes()),
              HasSubstr("truncated: metadata key k"));
  EXPECT_THAT(
      error_of(
          Writer().header(0, 1).text("k").number(array).number(u32).number(1ULL << 62).bytes()),
      HasSubstr("which overflows"));
  EXPECT_THAT(
      error_of(Writer().header(0, 1).text("k").number(array).number(array).number(1ULL).bytes()),
      HasSubstr("array of arrays"));
  EXPECT_THAT(error_of(Writer()
                           .header(0, 2)
                           .text("k")
                           .number(u32)
                           .number(u32)
                           .text("k")
                           .number(u32)
                           .number(u32)
                           .bytes()),
              HasSubstr("metadata key k is there twice"));
  EXPECT_THAT(error_of(Writer()
                           .header(0, 1)
                           .text("general.alignment")
                           .number(u32)
                           .number<std::uint32_t>(24)
                           .bytes()),
              HasSubstr("general.alignment is 24"));
  EXPECT_THAT(error_of(Writer().header(1, 0).tensor("t", {2, 2, 2, 2, 2}, 0, 0).bytes()),
              HasSubstr("tensor t has 5 dimensions"));
  EXPECT_THAT(error_of(Writer().header(1, 0).tensor("t", {1ULL << 40, 1ULL << 40}, 0, 0).bytes()),
              HasSubstr("overflows"));
  EXPECT_THAT(error_of(Writer().header(1, 0).tensor("t", {0}, 0, 0).bytes()),
              HasSubstr("dimension of 0"));
  EXPECT_THAT(error_of(Writer().header(1, 0).tensor("t", {256}, 10, 0).bytes()),
              AllOf(HasSubstr("tensor t is of type Q2_K"), HasSubstr("supported: F32, F16, Q4_0")));
  EXPECT_THAT(error_of(Writer().header(1, 0).tensor("t", {256}, 99, 0).bytes()),
              HasSubstr("the unknown type 99"));
  EXPECT_THAT(error_of(Writer().header(1, 0).tensor("t", {33}, 8, 0).with_data(64)),
              HasSubstr("rows of 33, no whole number of Q8_0 blocks of 32"));
  EXPECT_THAT(error_of(Writer().header(1, 0).tensor("t", {16}, 0, 0).with_data(63)),
              HasSubstr("truncated?"));
  EXPECT_THAT(error_of(Writer().header(1, 0).tensor("t", {16}, 0, ~0ULL - 31).with_data(64)),
              HasSubstr("reaches past"));
  EXPECT_THAT(error_of(Writer().header(1, 0).tensor("t", {8}, 0, 4).with_data(64)),
              HasSubstr("no multiple"));
  EXPECT_THAT(
      error_of(Writer().header(2, 0).tensor("t", {16}, 0, 0).tensor("u", {8}, 0, 32).with_data(64)),
      HasSubstr("tensor u begins at data byte 32, inside"));
  EXPECT_THAT(
      error_of(Writer().header(2, 0).tensor("t", {8}, 0, 0).tensor("u", {8}, 0, 64).with_data(96)),
      HasSubstr("leaves a hole after 32"));
  EXPECT_THAT(
      error_of(Writer().header(2, 0).tensor("t", {8}, 0, 0).tensor("t", {8}, 0, 32).with_data(64)),
      HasSubstr("tensor t is there twice"));
  EXPECT_EQ(error_of(Writer().header(1, 0).tensor("t", {16}, 0, 0).with_data(64)), "no error");
}

TEST(Gguf, NamesUnknownArchitecturesKeysAndEveryCut) {
  const std::string whole = read_file(golden("qwen3.gguf"));
  const auto message = [](const std::string& file) -> std::string {
    try {
      const GgufCheckpoint checkpoint(
          {{"x.gguf", std::as_bytes(std::span(file.data(), file.size()))}});
      checkpoint.derived("config.json");
      static_cast<void>(checkpoint.tensors());
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message(whole), "no error");
  for (std::size_t size = 0; size + 32 < whole.size(); size += 97) {
    EXPECT_NE(message(whole.substr(0, size)), "no error") << size;
  }
  // Every "qwen3" becomes another architecture of the same length.
  std::string other = whole;
  for (std::size_t at = other.find("qwen3"); at != std::string::npos; at = other.find("qwen3")) {
    other.replace(at, 5, "qwenX");
  }
  EXPECT_THAT(message(other),
              AllOf(HasSubstr("\"qwenX\" is not supported"), HasSubstr("qwen3moe")));
  std::string unknown = whole;
  unknown.replace(unknown.find("rope.freq_base"), 14, "rope.freq_bass");
  EXPECT_THAT(message(unknown), HasSubstr("metadata key qwen3.rope.freq_bass is not known"));
}

}  // namespace
}  // namespace peira::model
