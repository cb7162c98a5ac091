#include "evals/suites/media_prompt.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "datasets/dataset.h"
#include "evals/suite.h"
#include "scoring.h"

namespace peira::evals {
namespace {

Part picture(const std::string& mark) {
  Part part;
  part.kind = PartKind::kImage;
  part.text = mark;
  part.bytes = "bytes of " + mark;
  return part;
}

// "text|<image 1>|..." of one message.
std::string layout(const Message& message) {
  std::string out;
  for (const Part& part : message.parts) {
    out += (out.empty() ? "" : "|") +
           (part.kind == PartKind::kText ? part.text : "[" + part.bytes + "]");
  }
  return out;
}

PromptVariant official() {
  PromptVariant variant;
  variant.name = "official";
  return variant;
}

TEST(PlaceMedia, PutsEachPictureWhereItIsMentioned) {
  const Message message{"user",
                        {Part::from_text("See <image 2>, then <image 1> and <image 2>."),
                         picture("<image 1>"), picture("<image 2>"), picture("<image 3>")}};
  EXPECT_EQ(layout(place_media({message}).at(0)),
            "[bytes of <image 3>]|See |[bytes of <image 2>]|, then |[bytes of <image 1>]| and "
            "|[bytes of <image 2>]|.");
}

// The option that is a picture shows it; the picture that nobody mentions comes first.
TEST(MmmuSuite, ShowsPicturesInOptions) {
  datasets::Sample sample;
  sample.id = "validation_Art_1";
  sample.parts = {Part::from_text("Which?"), picture("<image 1>"), picture("<image 2>")};
  sample.choices = {"grey", "<image 2>"};
  sample.correct_choice = 1;
  sample.target = "<image 2>";
  const Suite suite = find_suite("mmmu");
  PromptRequest request;
  request.sample = &sample;
  const std::vector<Message> messages = suite.profile("").prompt(request, official());
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(layout(messages[0]),
            "[bytes of <image 1>]|Which?\n(A) grey\n(B) |[bytes of <image 2>]|\n\n"
            "Reply with the letter of the right option and nothing else.");
  const Score right = test::score(suite.profile(""), sample, {0, 1}, {"(B)"});
  EXPECT_EQ(right.value, 1);
  const Score guessed = test::score(suite.profile(""), sample, {0, 1}, {"**B**"});
  EXPECT_EQ(guessed.state, AnswerState::kUnparsed);
  ASSERT_EQ(guessed.notes.size(), 1U);
  EXPECT_EQ(guessed.notes[0], "official-guess-of-2");
}

TEST(MmmuSuite, JudgesOpenQuestionsByTheirAlternatives) {
  const Suite suite = find_suite("mmmu");
  const datasets::Sample sample = test::open_sample("['24/7', '3.429']");
  EXPECT_EQ(test::score(suite.profile(""), sample, {}, {"x = 3.43"}).value, 1);
  EXPECT_EQ(test::score(suite.profile(""), sample, {}, {"x = 3.44"}).value, 0);
  EXPECT_EQ(test::score(suite.profile(""), sample, {}, {""}).state, AnswerState::kEmpty);
}

TEST(VideoMmeSuite, PutsTheVideoFirstAndLeavesOutWhatHasNoLetter) {
  datasets::Sample sample = test::choice_sample();
  Part video;
  video.kind = PartKind::kVideo;
  video.bytes = "video";
  sample.parts.insert(sample.parts.begin(), video);
  const Suite suite = find_suite("video-mme");
  PromptRequest request;
  request.sample = &sample;
  const std::string shown = layout(suite.profile("").prompt(request, official()).at(0));
  EXPECT_EQ(shown.substr(0, 8), "[video]|");
  EXPECT_NE(shown.find("An invented question?\nA. right\nB. wrong 1\n"), std::string::npos);
  EXPECT_TRUE(shown.ends_with("The best answer is:"));
  EXPECT_EQ(test::score(suite.profile(""), sample, {0, 1, 2, 3}, {"Answer:A"}).value, 1);
  const Score uncounted = test::score(suite.profile(""), sample, {0, 1, 2, 3}, {"none of them"});
  EXPECT_EQ(uncounted.state, AnswerState::kUnparsed);
  EXPECT_EQ(uncounted.notes.at(0), "officially-not-counted");
}

// With subtitles: their header and lines before the instruction, which speaks of them; the same in
// solved examples and in a user's template. Braces in them are theirs.
TEST(VideoMmeSuite, ShowsSubtitlesInTheSettingThatHasThem) {
  datasets::Sample sample = test::choice_sample();
  Part video;
  video.kind = PartKind::kVideo;
  video.bytes = "video";
  sample.parts.insert(sample.parts.begin(), video);
  sample.subtitles = "one {question}\ntwo";
  datasets::Sample shot = sample;
  shot.id = "another";
  shot.subtitles = "three";
  const Suite suite = find_suite("video-mme-subtitles");
  EXPECT_EQ(suite.data_kind, "video-mme-subtitles");
  EXPECT_EQ(suite.default_data, "video-mme-sample");
  const Profile& profile = suite.profile("");
  EXPECT_NE(profile.source.find("with subtitles"), std::string::npos);
  PromptRequest request;
  request.sample = &sample;
  const std::string shown = layout(profile.prompt(request, official()).at(0));
  EXPECT_EQ(shown,
            "[video]|The subtitles of this video are:\none {question}\ntwo\n"
            "Choose the option that best answers this question about the video and its subtitles. "
            "Reply with nothing but the letter (A, B, C or D) of that option.\n"
            "An invented question?\nA. right\nB. wrong 1\nC. wrong 2\nD. wrong 3\n"
            "The best answer is:");
  request.shots = std::span(&shot, 1);
  PromptVariant few;
  few.name = "few-shot-1";
  few.num_shots = 1;
  const std::vector<Message> solved = profile.prompt(request, few);
  ASSERT_EQ(solved.size(), 3U);
  EXPECT_TRUE(layout(solved[0]).starts_with("[video]|The subtitles of this video are:\nthree\n"));
  EXPECT_TRUE(layout(solved[2]).starts_with("[video]|The subtitles of this video are:\none {"));
  PromptVariant own;
  own.name = "template:own";
  own.template_text = "{{question}} {{choices}}";
  EXPECT_TRUE(layout(profile.prompt(request, own).at(0))
                  .starts_with("[video]|The subtitles of this video are:\none {question}\ntwo\nAn "
                               "invented question?"));
  // The setting without knows nothing of them.
  EXPECT_EQ(
      layout(find_suite("video-mme").profile("").prompt(request, official()).at(0)).find("ubtitle"),
      std::string::npos);
}

// Training shows peira-mini the same: texts by tests/golden/make_media_prompts.py. A mark stands
// where its picture stands.
TEST(MediaPrompts, AreThoseOfTheTrainingCorpus) {
  const Json golden = parse_json(
      read_file(std::filesystem::path(PEIRA_SOURCE_DIR) / "tests/golden/evals/media_prompts.json"),
      "media_prompts.json");
  for (const char* const name : {"mmmu", "video-mme"}) {
    const Suite suite = find_suite(name);
    EXPECT_EQ(suite.default_data, std::string(name) + "-sample");
    std::vector<datasets::Sample> samples;
    try {
      const auto reader = datasets::open_samples(datasets::find_dataset(suite.default_data, name));
      while (auto sample = reader->next()) samples.push_back(std::move(*sample));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnavailable) throw;
      GTEST_SKIP() << error.what();
    }
    for (const Json& row : golden[name]) {
      const datasets::Sample& sample = samples.at(row["row"].get<std::size_t>());
      EXPECT_EQ(sample.id, row["id"]);
      EXPECT_EQ(std::string(1, static_cast<char>('A' + sample.correct_choice)), row["letter"]);
      for (const char* const variant_name : {"official", "chain-of-thought"}) {
        PromptRequest request;
        request.sample = &sample;
        PromptVariant variant;
        variant.name = variant_name;
        const std::vector<Message> messages = suite.profile("").prompt(request, variant);
        ASSERT_EQ(messages.size(), 1U);
        std::string text;
        for (const Part& part : messages[0].parts) text += part.text;
        EXPECT_EQ(text, row[variant_name]);
        EXPECT_EQ(messages[0].parts.front().kind == PartKind::kVideo, suite.name == "video-mme");
      }
    }
  }
}

}  // namespace
}  // namespace peira::evals
