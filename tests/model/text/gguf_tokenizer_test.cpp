#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "model/checkpoint_files.h"
#include "model/text/chat_template.h"
#include "model/text/tokenizer.h"

namespace peira::model {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// tests/golden/gguf/make_gguf_tokenizers.py: vocabularies in GGUF, and what Hugging Face's library
// makes of texts under the tokenizer.json that each stands for.
std::filesystem::path folder() {
  return std::filesystem::path(PEIRA_SOURCE_DIR) / "tests/golden/gguf/tokenizers";
}

const Json& answers() {
  static const Json read =
      parse_json(read_file(folder() / "answers.json"), (folder() / "answers.json").string());
  return read;
}

Tokenizer tokenizer_of(const CheckpointFiles& files) {
  return Tokenizer(files.open_text("tokenizer.json").value(), files.where("tokenizer.json"));
}

class GgufTokenizer : public ::testing::TestWithParam<std::string> {};

TEST_P(GgufTokenizer, ReadsTextsAsTheOriginal) {
  const CheckpointFiles files = CheckpointFiles::at(folder() / (GetParam() + ".gguf"));
  const Tokenizer tokenizer = tokenizer_of(files);
  const Json& cases = answers().at("tokenizers").at(GetParam());
  ASSERT_GE(cases.size(), 60U);
  for (const Json& one : cases) {
    const auto text = one.at("text").get<std::string>();
    const auto ids = one.at("ids").get<std::vector<std::int32_t>>();
    EXPECT_EQ(tokenizer.encode(text), ids) << dump_json(one.at("text"));
    EXPECT_EQ(tokenizer.encode(text, true),
              one.at("ids_with_special").get<std::vector<std::int32_t>>())
        << dump_json(one.at("text"));
    EXPECT_EQ(tokenizer.decode(ids, false), one.at("decoded").get<std::string>())
        << dump_json(one.at("text"));
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, GgufTokenizer,
                         ::testing::Values("qwen2", "llama-bpe", "dbrx", "gpt-4o", "tekken", "olmo",
                                           "gpt-2", "smollm", "deepseek-llm", "deepseek-v3",
                                           "deepseek-coder", "falcon", "default", "spm", "spm_bare",
                                           "spm_eos"),
                         [](const auto& param) {
                           std::string name = param.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

TEST(GgufTokenizers, TellTypesOfTokensApart) {
  const CheckpointFiles files = CheckpointFiles::at(folder() / "spm.gguf");
  const Tokenizer tokenizer = tokenizer_of(files);
  const auto id = [&](const char* token) { return tokenizer.find(token).value(); };
  EXPECT_TRUE(tokenizer.is_special(id("<s>")));  // control
  EXPECT_TRUE(tokenizer.is_special(id("<end_of_turn>")));
  EXPECT_FALSE(tokenizer.is_special(id("<tool>")));  // user-defined
  EXPECT_FALSE(tokenizer.is_special(id("<0x41>")));  // byte
  EXPECT_EQ(tokenizer.bytes(id("<0xE2>"), false), "\xE2");
  EXPECT_FALSE(tokenizer.find("[PAD" + std::to_string(id("<end_of_turn>") + 1) + "]").has_value());
}

// The prompts are those of transformers' own rendering of the templates that the script writes.
TEST(GgufChatTemplates, RenderAsTheOriginal) {
  const std::vector<Message> messages{Message::from_text("user", "  Hello\n"),
                                      Message::from_text("assistant", "Hi")};
  const OrderedJson tools{{"tools", {{{"type", "function"}}}}};
  const auto expected = answers().at("rendered").get<std::string>();
  const auto one = ChatTemplate::load(CheckpointFiles::at(folder() / "gpt-2.gguf"));
  EXPECT_EQ(one.value().render(messages, {}), expected);
  const auto named = ChatTemplate::load(CheckpointFiles::at(folder() / "qwen2.gguf"));
  EXPECT_EQ(named.value().render(messages, {}), expected);
  EXPECT_EQ(named.value().render(messages, tools),
            answers().at("rendered_with_tools").get<std::string>());
  EXPECT_FALSE(ChatTemplate::load(CheckpointFiles::at(folder() / "spm.gguf")).has_value());
}

// The same file with another text of equal length in it.
std::string error_with(const std::string& file, const std::string& from, const std::string& to) {
  std::string bytes = read_file(folder() / file);
  const std::size_t at = bytes.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  bytes.replace(at, from.size(), to);
  const std::filesystem::path path =
      std::filesystem::path(::testing::TempDir()) / "peira_edited_tokenizer.gguf";
  write_file_atomic(path, bytes);
  try {
    tokenizer_of(CheckpointFiles::at(path));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    return error.what();
  }
  return "no error";
}

TEST(GgufTokenizers, NameWhatIsNotKnown) {
  EXPECT_THAT(error_with("gpt-4o.gguf", "gpt-4o", "gpt-9x"),
              AllOf(HasSubstr("tokenizer.ggml.pre \"gpt-9x\" is not supported"),
                    HasSubstr("supported: qwen2,"), HasSubstr("deepseek-v3"),
                    HasSubstr("peira_edited_tokenizer.gguf")));
  EXPECT_THAT(error_with("spm.gguf", "tokenizer.ggml.scores", "tokenizer.ggml.scorez"),
              HasSubstr("tokenizer.ggml.scores has 0 elements"));
  EXPECT_THAT(error_with("smollm.gguf", "tokenizer.ggml.merges", "tokenizer.ggml.mergez"),
              HasSubstr("metadata key tokenizer.ggml.merges is missing"));
  EXPECT_THAT(error_with("smollm.gguf", "gpt2", "bert"),
              HasSubstr("tokenizer.ggml.model \"bert\" is not supported"));
}

}  // namespace
}  // namespace peira::model
