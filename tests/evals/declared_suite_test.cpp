// Suites declared in JSON: what they score, and what is refused with which words.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/json.h"
#include "scoring.h"

namespace peira::evals {
namespace {

using test::choice_sample;
using test::open_sample;
using test::score;

class Declared : public testing::Test {
 protected:
  Json declaration_ = Json::parse(R"({
    "name": "capitals",
    "title": "Capitals of the world",
    "data": "capitals.csv",
    "fields": {"question": "question", "answer": "answer", "metadata": {"region": "continent"}},
    "prompt": "{{question}} {{answer_format}}",
    "answer_format": "One word.",
    "extractor": "exact",
    "scorer": {"name": "string", "ignore_case": true, "ignore_space": true},
    "breakdowns": ["region"],
    "max_tokens": 32
  })");

  std::string write() {
    const std::filesystem::path path =
        std::filesystem::path(testing::TempDir()) / "peira_capitals.json";
    std::ofstream(path) << declaration_.dump(1);
    return path.string();
  }
  Suite suite() { return find_suite(write()); }
  // The message of the error that the declaration leads to.
  std::string refusal() {
    try {
      suite();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kData) << error.what();
      return error.what();
    }
    return "no error";
  }
  Score judge(const std::string& reply, const datasets::Sample& sample,
              const std::vector<int>& order = {}) {
    return score(suite().profile(""), sample, order, {reply});
  }
};

TEST_F(Declared, IsASuiteLikeAnyOther) {
  const Suite declared = suite();
  EXPECT_EQ(declared.name, "capitals");
  EXPECT_EQ(declared.data_kind, "table");
  EXPECT_EQ(declared.default_data,
            (std::filesystem::path(testing::TempDir()) / "capitals.csv").string());
  EXPECT_EQ(declared.fields.metadata.at("region"), "continent");
  EXPECT_EQ(declared.breakdowns, std::vector<std::string>{"region"});
  EXPECT_EQ(declared.default_max_tokens, 32);
  EXPECT_EQ(declared.profiles.size(), 1U);
  EXPECT_EQ(declared.profiles[0].name, "declared");

  const datasets::Sample sample = open_sample("Paris");
  PromptRequest request;
  request.sample = &sample;
  const auto messages = declared.profiles[0].prompt(request, parse_variant("official"));
  EXPECT_EQ(text_of(messages.at(0)), "An invented question? One word.");
  EXPECT_THROW(declared.profiles[0].prompt(request, parse_variant("direct")), Error);
}

TEST_F(Declared, HasTheVariantsItDeclares) {
  declaration_["variants"] = {{"direct", "Quick: {{question}}"}};
  declaration_["system"] = "You know capitals.";
  const datasets::Sample sample = open_sample("Paris");
  const std::vector<datasets::Sample> shots{open_sample("Rome")};
  PromptRequest request;
  request.sample = &sample;
  request.shots = shots;
  const auto messages = suite().profiles[0].prompt(request, parse_variant("few-shot-1"));
  ASSERT_EQ(messages.size(), 4U);
  EXPECT_EQ(messages[0].role, "system");
  EXPECT_EQ(text_of(messages[1]), "Quick: An invented question?");
  EXPECT_EQ(text_of(messages[2]), "Rome");
}

TEST_F(Declared, ScoresStrings) {
  EXPECT_EQ(judge(" PARIS \n", open_sample("Paris")).value, 1);
  EXPECT_EQ(judge("new   york", open_sample("New York")).value, 1);
  EXPECT_EQ(judge("Paris!", open_sample("Paris")).value, 0);
  EXPECT_EQ(judge("  ", open_sample("Paris")).state, AnswerState::kEmpty);
  declaration_["scorer"] = "string";
  EXPECT_EQ(judge("paris", open_sample("Paris")).value, 0);
}

TEST_F(Declared, ScoresNumbers) {
  declaration_["extractor"] = "last-number";
  declaration_["scorer"] = "number";
  EXPECT_EQ(judge("It is 12, so 1,234.50.", open_sample("1234.5")).value, 1);
  EXPECT_EQ(judge("about -3", open_sample("-3")).value, 1);
  EXPECT_EQ(judge("5-3", open_sample("3")).value, 1) << "a difference, not a sign";
  EXPECT_EQ(judge("x = .5", open_sample("0.5")).value, 1);
  EXPECT_EQ(judge("see section 2.", open_sample("2")).value, 1);
  EXPECT_EQ(judge("70.0", open_sample("70")).answer, "70") << "counted with other 70s";
  EXPECT_EQ(judge("0.1", open_sample("0.10000001")).value, 0);
  EXPECT_EQ(judge("none", open_sample("1")).state, AnswerState::kUnparsed);
  EXPECT_THROW(judge("1", open_sample("one")), Error);
  declaration_["scorer"] = {{"name", "number"}, {"relative_tolerance", 0.01}};
  EXPECT_EQ(judge("101", open_sample("100")).value, 1);
  EXPECT_EQ(judge("102", open_sample("100")).value, 0);
}

TEST_F(Declared, ScoresBoxedIntegers) {
  declaration_["extractor"] = "boxed-integer";
  declaration_["scorer"] = "number";
  EXPECT_EQ(judge("\\boxed{1} then \\boxed{ 007 }", open_sample("7")).value, 1);
  EXPECT_EQ(judge("\\boxed{seven}", open_sample("7")).state, AnswerState::kUnparsed);
}

TEST_F(Declared, ScoresPatterns) {
  declaration_["extractor"] = {{"name", "regex"},
                               {"pattern", "city[:=] *(?<name>\\w+)"},
                               {"group", "name"},
                               {"take", "last"},
                               {"ignore_case", true}};
  EXPECT_EQ(judge("City: Rome. CITY=paris", open_sample("Paris")).value, 1);
  declaration_["extractor"]["take"] = "first";
  EXPECT_EQ(judge("City: Rome. CITY=paris", open_sample("Paris")).answer, "Rome");
  EXPECT_EQ(judge("nowhere", open_sample("Paris")).state, AnswerState::kUnparsed);
}

TEST_F(Declared, ScoresMembersOfJson) {
  declaration_["extractor"] = {{"name", "json-field"}, {"path", "answer"}};
  EXPECT_EQ(judge(R"({"answer": "Paris"})", open_sample("Paris")).value, 1);
  EXPECT_EQ(judge(R"({"city": "Paris"})", open_sample("Paris")).state, AnswerState::kUnparsed);
  declaration_["extractor"]["path"] = "/cities/1";
  EXPECT_EQ(judge(R"({"cities": ["Rome", "Paris"]})", open_sample("Paris")).value, 1);
  declaration_["extractor"]["path"] = "/a~2";
  EXPECT_NE(refusal().find("extractor.path: \"/a~2\" is no JSON pointer"), std::string::npos);
}

TEST_F(Declared, HoldsRepliesToAForm) {
  EXPECT_TRUE(suite().profiles[0].format_of(parse_variant("official")).is_free());
  declaration_["response_format"] = {{"type", "regex"}, {"pattern", "[A-Z][a-z]+"}};
  declaration_["variants"] = {
      {"direct", {{"prompt", "{{question}}"}, {"response_format", {{"type", "text"}}}}},
      {"chain-of-thought", "Think. {{question}}"}};
  const Suite declared = suite();
  const Profile& profile = declared.profiles[0];
  EXPECT_EQ(profile.format_of(parse_variant("official")).pattern, "[A-Z][a-z]+");
  EXPECT_EQ(profile.format_of(parse_variant("chain-of-thought")).pattern, "[A-Z][a-z]+");
  EXPECT_TRUE(profile.format_of(parse_variant("direct")).is_free());
  EXPECT_TRUE(profile.format_of(parse_variant("few-shot-2")).is_free()) << "shares the direct one";
  EXPECT_TRUE(profile.format_of(parse_variant("official"))
                  .where.ends_with("peira_capitals.json:response_format.pattern"));

  declaration_["variants"]["direct"]["response_format"]["type"] = "json";
  EXPECT_NE(refusal().find(":variants.direct.response_format: there is no type \"json\""),
            std::string::npos);
  declaration_["variants"]["direct"] = {{"prompt", "{{question}}"}, {"format", 1}};
  EXPECT_NE(refusal().find("variants.direct.format: unknown key"), std::string::npos);
}

TEST_F(Declared, BoundsWhatAPatternMayCost) {
  declaration_["extractor"] = {{"name", "regex"}, {"pattern", "(a+)+$"}};
  const Score verdict = judge(std::string(200, 'a') + "b", open_sample("Paris"));
  EXPECT_EQ(verdict.state, AnswerState::kUnparsed);
  EXPECT_EQ(verdict.notes, std::vector<std::string>{"pattern-too-costly"});
}

TEST_F(Declared, ScoresChoices) {
  declaration_["fields"]["choices"] = {"a", "b", "c", "d"};
  declaration_["extractor"] = "answer-letter";
  declaration_["scorer"] = "choice";
  declaration_["prompt"] = "{{question}}\n{{choices}}";
  const std::vector<int> order{1, 0, 2, 3};
  EXPECT_EQ(judge("Answer: b", choice_sample(), order).value, 1);
  EXPECT_EQ(judge("Answer: b", choice_sample(), order).answer, "B");
  EXPECT_EQ(judge("Answer: A", choice_sample(), order).value, 0);
  EXPECT_EQ(suite().profiles[0].option_continuation(1), "Answer: B");
  declaration_["extractor"] = "exact";
  EXPECT_EQ(judge("Right", choice_sample(), order).answer, "B");
  EXPECT_EQ(suite().profiles[0].option_order, OptionOrder::kHashed);
  declaration_["shuffle_choices"] = false;
  EXPECT_EQ(suite().profiles[0].option_order, OptionOrder::kFile);
}

TEST_F(Declared, NamesFileAndFieldOfWhatIsWrong) {
  const Json good = declaration_;
  const auto with = [&](const char* pointer, const Json& value) {
    declaration_ = good;
    declaration_[Json::json_pointer(pointer)] = value;
    return refusal();
  };
  const auto without = [&](const char* key) {
    declaration_ = good;
    declaration_.erase(key);
    return refusal();
  };
  const auto says = [](const std::string& message, const std::string& words) {
    EXPECT_NE(message.find("peira_capitals.json:" + words), std::string::npos) << message;
  };
  says(without("name"), "name: is missing");
  says(without("data"), "data: is missing");
  says(without("fields"), "fields: is missing");
  says(without("prompt"), "prompt: is missing");
  says(without("extractor"), "extractor: is missing");
  says(without("scorer"), "scorer: is missing");
  says(with("/name", "gpqa"), "name: \"gpqa\" is a suite of ours");
  says(with("/name", "a b"), "name: may hold letters");
  says(with("/nmae", "x"), "nmae: unknown key");
  says(with("/fields/qestion", "x"), "fields.qestion: unknown key");
  says(with("/fields/question", 3), "fields.question: must be a text or a list of texts");
  says(with("/fields/answer_as", "roman"), "fields.answer_as: must be choice, letter");
  says(with("/fields/metadata/region", 3), "fields.metadata.region: must name a column");
  says(with("/prompt", "no placeholder"), "prompt: does not hold {{question}}");
  says(with("/prompt", "{{question}}\n{{who}}"), "prompt:2: unknown placeholder {{who}}");
  says(with("/variants", {{"terse", "{{question}}"}}), "variants.terse: unknown variant");
  says(with("/extractor", "magic"), "extractor.name: there is no extractor \"magic\"");
  says(with("/extractor", "answer-letter"), "extractor.name: answer-letter needs fields.choices");
  says(with("/extractor", {{"name", "regex"}, {"pattern", "("}}), "extractor.pattern: ");
  says(with("/extractor", {{"name", "regex"}, {"pattern", "a"}, {"group", 1}}),
       "extractor.group: the pattern has 0 groups");
  says(with("/scorer", "choice"), "scorer.name: choice needs fields.choices");
  says(with("/scorer/tolerence", 1), "scorer.tolerence: unknown key");
  says(with("/scorer", "vibes"), "scorer.name: there is no scorer \"vibes\"");
  says(with("/breakdowns", {"continent"}), "breakdowns: \"continent\" is not a key");
  says(with("/max_tokens", 0), "max_tokens: must be a whole number");
}

TEST_F(Declared, SaysWhereJsonIsBroken) {
  const std::string path = write();
  std::ofstream(path) << "{\n\"name\": }";
  try {
    find_suite(path);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("peira_capitals.json:2:"), std::string::npos);
  }
}

TEST(FindSuite, ListsWhatThereIs) {
  try {
    find_suite("mmlu");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_NE(std::string(error.what()).find("gpqa, aime"), std::string::npos);
  }
  EXPECT_THROW(find_suite("/nowhere/suite.json"), Error);
  EXPECT_THROW(find_suite("gpqa").profile("lenient"), Error);
}

}  // namespace
}  // namespace peira::evals
