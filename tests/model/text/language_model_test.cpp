#include "model/text/language_model.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "model/text/tokenizer.h"
#include "tests/model/text/golden.h"

namespace peira::model {
namespace {

namespace fs = std::filesystem;

EngineOptions one_thread() {
  EngineOptions options;
  options.num_threads = 1;
  return options;
}

TextResult run(LanguageModel& model, TextRequest request) {
  const std::int64_t ticket = model.submit(std::move(request));
  for (;;) {
    for (LanguageModel::Finished& finished : model.step()) {
      if (finished.ticket == ticket) return std::move(finished.result);
    }
  }
}

// A checkpoint of random weights with a tokenizer and template of ours: what it says is noise, but
// always the same noise.
class LanguageModelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const fs::path source = fs::path(PEIRA_SOURCE_DIR) / "tests/golden/tiny/gqa";
    folder_ = fs::temp_directory_path() /
              ("peira_language_model_" + std::to_string(getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    for (const char* const file : {"config.json", "model.safetensors"}) {
      fs::copy(source / file, folder_ / file);
    }
    const Json config = parse_json(read_file(folder_ / "config.json"), "config.json");
    vocab_size_ = config["vocab_size"].get<int>();
    write_tokenizer();
    write("tokenizer_config.json", R"({"eos_token": null})");
    write("chat_template.jinja",
          "{% for m in messages %}{{ m.role[0] }}:{{ m.content }}\n{% endfor %}a:");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const char* file, const std::string& text) { std::ofstream(folder_ / file) << text; }

  // Each id of the model is the name of its byte, or of two letters, in the byte alphabet; a few
  // need the tags of reasoning. Words are bytes: no merges.
  void write_tokenizer() {
    Json tokenizer(test::text_golden("tokenizers.json")[0]["tokenizer"]);
    Json vocab = Json::object();
    std::vector<std::pair<int, std::string>> by_id;
    for (const auto& [text, id] : tokenizer["model"]["vocab"].items()) {
      by_id.emplace_back(id.get<int>(), text);
    }
    std::sort(by_id.begin(), by_id.end());
    int next = 0;
    for (const auto& [id, text] : by_id) {
      if (next < vocab_size_ - 4) vocab[text] = next++;
    }
    for (const char* const text : {"xy", "yx", "xx", "yy"}) {
      if (next < vocab_size_) vocab[text] = next++;
    }
    tokenizer["model"]["vocab"] = vocab;
    tokenizer["model"]["merges"] = Json::array();
    tokenizer["added_tokens"] = Json::array();
    write("tokenizer.json", tokenizer.dump());
  }

  TextRequest ask(const std::string& text, int max_tokens = 24) {
    TextRequest request;
    request.messages = {Message::from_text("user", text)};
    request.max_tokens = max_tokens;
    return request;
  }

  fs::path folder_;
  int vocab_size_ = 0;
};

TEST_F(LanguageModelTest, RendersEncodesGeneratesAndDecodes) {
  LanguageModel model(CheckpointFiles::folder(folder_), one_thread());
  const TextResult result = run(model, ask("Hi", 8));
  EXPECT_EQ(result.prompt_text, "u:Hi\na:");
  EXPECT_EQ(result.prompt_tokens, model.encode("u:Hi\na:"));
  EXPECT_EQ(result.text, model.decode(result.tokens.tokens, true));
  EXPECT_LE(result.tokens.tokens.size(), 8U);
  EXPECT_EQ(result.tokens.tokens.size(), result.tokens.logprobs.size());
  EXPECT_EQ(result.reasoning, "");

  // The same as raw text and as ids.
  TextRequest raw;
  raw.prompt = "u:Hi\na:";
  raw.max_tokens = 8;
  EXPECT_EQ(run(model, raw).tokens.tokens, result.tokens.tokens);
  TextRequest ids;
  ids.tokens = result.prompt_tokens;
  ids.max_tokens = 8;
  const TextResult from_ids = run(model, ids);
  EXPECT_EQ(from_ids.text, result.text);
  EXPECT_EQ(from_ids.prompt_text, "");
}

// Whatever the model says, stopping on any piece of it cuts the text where the piece first begins,
// also where the piece begins inside one token and ends inside another.
TEST_F(LanguageModelTest, EndsBeforeAStopStringWhereverTokensEnd) {
  LanguageModel model(CheckpointFiles::folder(folder_), one_thread());
  const TextResult whole = run(model, ask("Tell me", 40));
  ASSERT_GT(whole.text.size(), 6U);
  for (std::size_t begin = 0; begin + 3 <= whole.text.size(); ++begin) {
    const std::string stop = whole.text.substr(begin, 3);
    TextRequest request = ask("Tell me", 40);
    request.stop = {"never said by it", stop};
    const TextResult cut = run(model, request);
    EXPECT_EQ(cut.text, whole.text.substr(0, whole.text.find(stop))) << begin;
    if (begin + 8 < whole.text.size()) {
      EXPECT_EQ(cut.tokens.finish_reason, FinishReason::kStop) << begin;
    }
    EXPECT_LE(cut.tokens.tokens.size(), whole.tokens.tokens.size());
  }
}

TEST_F(LanguageModelTest, SplitsReasoningOnlyWhereTheTemplateKnowsIt) {
  // The prompt makes the model's first words: a random model repeats nothing, so the tags are put
  // into the text by the vocabulary: the token it says first becomes </think>.
  const std::int32_t first = [&] {
    LanguageModel model(CheckpointFiles::folder(folder_), one_thread());
    return run(model, ask("Hi", 2)).tokens.tokens.at(0);
  }();
  Json tokenizer = parse_json(read_file(folder_ / "tokenizer.json"), "tokenizer.json");
  Json vocab = Json::object();
  for (const auto& [text, id] : tokenizer["model"]["vocab"].items()) {
    if (id != first) vocab[text] = id;
  }
  vocab["</think>"] = first;
  tokenizer["model"]["vocab"] = vocab;
  write("tokenizer.json", tokenizer.dump());

  {
    LanguageModel model(CheckpointFiles::folder(folder_), one_thread());
    const TextResult plain = run(model, ask("Hi", 6));
    EXPECT_EQ(plain.text.substr(0, 8), "</think>");
    EXPECT_EQ(plain.reasoning, "");
  }
  write("chat_template.jinja",
        "{#- knows </think> #}{% for m in messages %}{{ m.role[0] }}:{{ m.content }}\n{% endfor "
        "%}a:");
  {
    LanguageModel model(CheckpointFiles::folder(folder_), one_thread());
    const TextResult split = run(model, ask("Hi", 6));
    EXPECT_EQ(split.text.find("</think>"), std::string::npos);
    EXPECT_EQ(split.reasoning, "");
  }
}

// By hand: the sum over the continuation's ids of prompt_logprobs, the seam's white space moved.
TEST_F(LanguageModelTest, ScoresAContinuationFromTheSeam) {
  LanguageModel model(CheckpointFiles::folder(folder_), one_thread());
  const std::string context = "u:What?\na: ";
  const std::string continuation = "yes";
  TextRequest request;
  request.prompt = context + continuation;
  request.max_tokens = 0;
  request.prompt_logprobs = true;
  const TextResult scored = run(model, request);
  const std::size_t before = model.encode("u:What?\na:").size();
  double expected = 0;
  for (std::size_t i = before; i < scored.prompt_tokens.size(); ++i) {
    expected += static_cast<double>(scored.tokens.prompt_logprobs[i]);
  }

  const auto got = model.log_likelihood({{{}, continuation, context}});

  ASSERT_EQ(got.size(), 1U);
  EXPECT_NEAR(got[0].logprob, expected, 1e-4);
}

TEST_F(LanguageModelTest, RefusesWhatCannotBe) {
  {
    LanguageModel model(CheckpointFiles::folder(folder_), one_thread());
    EXPECT_THROW(model.submit(TextRequest{}), Error);
    EXPECT_THROW(model.log_likelihood({{{Message::from_text("user", "x")}, ""}}), Error);
  }
  fs::remove(folder_ / "chat_template.jinja");
  {
    LanguageModel model(CheckpointFiles::folder(folder_), one_thread());
    EXPECT_FALSE(model.has_chat_template());
    try {
      model.submit(ask("Hi"));
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kData);
      EXPECT_NE(std::string(error.what()).find("no chat template"), std::string::npos);
    }
  }
  fs::remove(folder_ / "tokenizer.json");
  LanguageModel model(CheckpointFiles::folder(folder_), one_thread());
  EXPECT_FALSE(model.has_tokenizer());
  EXPECT_THROW(model.encode("x"), Error);
  TextRequest ids;
  ids.tokens = {1, 2, 3};
  ids.max_tokens = 3;
  EXPECT_EQ(run(model, ids).text, "");
  ids.stop = {"x"};
  EXPECT_THROW(model.submit(ids), Error);
}

TEST_F(LanguageModelTest, FinishesACancelledRequest) {
  LanguageModel model(CheckpointFiles::folder(folder_), one_thread());
  const std::int64_t ticket = model.submit(ask("Hi", 30));
  model.step();
  model.cancel(ticket);
  std::vector<LanguageModel::Finished> finished;
  while (!model.idle()) {
    for (LanguageModel::Finished& item : model.step()) finished.push_back(std::move(item));
  }
  ASSERT_EQ(finished.size(), 1U);
  EXPECT_EQ(finished[0].result.tokens.finish_reason, FinishReason::kCancelled);
}

// A tokenizer that puts "<s>" in front of texts, and templates with and without it of their own.
// Expected: apply_chat_template of transformers tokenizes what the template wrote and adds nothing;
// a tokenizer called on raw text adds the token, and here not where it is already.
class FirstTokenTest : public LanguageModelTest {
 protected:
  void SetUp() override {
    LanguageModelTest::SetUp();
    Json tokenizer = parse_json(read_file(folder_ / "tokenizer.json"), "tokenizer.json");
    tokenizer["model"]["vocab"].erase("yy");
    first_ = vocab_size_ - 1;
    tokenizer["added_tokens"] = {{{"id", first_},
                                  {"content", "<s>"},
                                  {"special", true},
                                  {"single_word", false},
                                  {"lstrip", false},
                                  {"rstrip", false},
                                  {"normalized", false}}};
    tokenizer["post_processor"] = {
        {"type", "TemplateProcessing"},
        {"single",
         {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}},
          {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
        {"pair", Json::array()},
        {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {first_}}, {"tokens", {"<s>"}}}}}}};
    write("tokenizer.json", tokenizer.dump());
    write("tokenizer_config.json", R"({"eos_token": null, "bos_token": "<s>"})");
  }

  std::vector<std::int32_t> prompt_of(const std::string& source, const TextRequest& request) {
    write("chat_template.jinja", source);
    LanguageModel model(CheckpointFiles::folder(folder_), one_thread());
    return run(model, request).prompt_tokens;
  }

  std::ptrdiff_t count(const std::vector<std::int32_t>& tokens) const {
    return std::count(tokens.begin(), tokens.end(), first_);
  }

  std::int32_t first_ = 0;
};

TEST_F(FirstTokenTest, OfMessagesIsTheTemplatesOwn) {
  const auto with = prompt_of("{{ bos_token }}{{ messages[0].content }}", ask("Hi", 1));
  EXPECT_EQ(count(with), 1);
  EXPECT_EQ(with.front(), first_);
  const auto without = prompt_of("{{ messages[0].content }}", ask("Hi", 1));
  EXPECT_EQ(count(without), 0);
  EXPECT_EQ(with.size(), without.size() + 1);
}

TEST_F(FirstTokenTest, OfRawTextIsTheTokenizersOnce) {
  TextRequest raw;
  raw.max_tokens = 1;
  raw.prompt = "Hi";
  const auto added = prompt_of("", raw);
  EXPECT_EQ(count(added), 1);
  EXPECT_EQ(added.front(), first_);
  raw.prompt = "<s>Hi";
  EXPECT_EQ(prompt_of("", raw), added);
  raw.prompt = "Hi<s>";
  EXPECT_EQ(count(prompt_of("", raw)), 2);  // said by the user, at another place
  raw.prompt.clear();
  raw.tokens = {1, 2};
  EXPECT_EQ(prompt_of("", raw), (std::vector<std::int32_t>{1, 2}));
}

// The same rules before a continuation: contexts that are equal as tokens give equal sums.
TEST_F(FirstTokenTest, OfContextsFollowsTheSameRules) {
  write("chat_template.jinja", "{{ bos_token }}{{ messages[0].content }}");
  LanguageModel model(CheckpointFiles::folder(folder_), one_thread());
  using Request = LanguageModel::LikelihoodRequest;
  const Message message = Message::from_text("user", "#$");
  const auto results = model.log_likelihood({Request{{}, "%&", "#$"}, Request{{}, "%&", "<s>#$"},
                                             Request{{message}, "%&"}, Request{{}, "%&", ""},
                                             Request{{}, "%&", "<s>"}});
  const std::vector<std::int32_t> context = model.encode("<s>#$");
  const std::vector<std::int32_t> whole = model.encode("<s>#$%&");
  const std::vector<std::pair<std::vector<std::int32_t>, std::vector<std::int32_t>>> pairs = {
      {context, {whole.begin() + static_cast<std::ptrdiff_t>(context.size()), whole.end()}},
      {{first_}, model.encode("%&")}};
  const auto direct = model.engine().log_likelihood(pairs);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(results[i].logprob, direct[0].logprob) << i;
  for (std::size_t i = 3; i < 5; ++i) EXPECT_EQ(results[i].logprob, direct[1].logprob) << i;
}

TEST_F(LanguageModelTest, TellsTheTemplateTheTimeItIsGiven) {
  write("chat_template.jinja", "{{ strftime_now('%d %B %Y') }}: {{ messages[0].content }}");
  LanguageModel model(CheckpointFiles::folder(folder_), one_thread());
  EXPECT_TRUE(model.template_tells_time());
  model.set_template_time("2024-07-26");
  EXPECT_EQ(model.render({Message::from_text("user", "Hi")}, {}), "26 July 2024: Hi");
  EXPECT_THROW(model.set_template_time("yesterday"), Error);
}

}  // namespace
}  // namespace peira::model
