// Messages with pictures and videos, from files to answers, against transformers' processor and
// model (tests/golden/make_vision_prompt.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "model/text/language_model.h"

namespace peira::model {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

const std::filesystem::path kGolden = std::filesystem::path(PEIRA_SOURCE_DIR) / "tests/golden";

LanguageModel open_model(const EngineOptions& options = {}) {
  return LanguageModel(CheckpointFiles::folder(kGolden / "vision_prompt"), options);
}

const Json& cases() {
  static const std::filesystem::path file = kGolden / "vision_prompt/expected.json";
  static const Json read = parse_json(read_file(file), file.string());
  return read.at("cases");
}

Part media_part(PartKind kind, const std::string& name) {
  Part part;
  part.kind = kind;
  part.path = kGolden / "media" / name;
  return part;
}

std::vector<Message> messages_of(const Json& given) {
  std::vector<Message> out;
  for (const Json& message : given) {
    const Json& content = message.at("content");
    if (content.is_string()) {
      out.push_back(Message::from_text(message.at("role"), content));
      continue;
    }
    Message& one = out.emplace_back();
    message.at("role").get_to(one.role);
    for (const Json& part : content) {
      const std::string type = part.at("type");
      if (type == "text") {
        one.parts.push_back(Part::from_text(part.at("text")));
      } else {
        one.parts.push_back(media_part(type == "image" ? PartKind::kImage : PartKind::kVideo,
                                       part.at(type).get<std::string>()));
      }
    }
  }
  return out;
}

TextRequest request_of(const Json& given) {
  TextRequest request;
  request.messages = messages_of(given.at("messages"));
  request.max_tokens = static_cast<int>(given.at("greedy").size());
  request.last_prompt_logits = true;
  return request;
}

TextResult answer(LanguageModel& model, TextRequest request) {
  const std::int64_t ticket = model.submit(std::move(request));
  while (true) {
    for (LanguageModel::Finished& finished : model.step()) {
      if (finished.ticket == ticket) return std::move(finished.result);
    }
  }
}

TEST(VisionPrompt, TextTokensPixelsAndAnswersAreThoseOfTransformers) {
  LanguageModel model = open_model();
  for (std::size_t i = 0; i < cases().size(); ++i) {
    SCOPED_TRACE(i);
    const Json& golden = cases()[i];

    double sum = 0;
    std::int64_t count = 0;
    for (const auto& medium : model.read_media(request_of(golden))) {
      count += std::ssize(medium->features);
      sum = std::accumulate(medium->features.begin(), medium->features.end(), sum);
    }
    const TextResult result = answer(model, request_of(golden));

    EXPECT_EQ(result.prompt_text, golden.at("text").get<std::string>());
    EXPECT_EQ(result.prompt_tokens, golden.at("tokens").get<std::vector<std::int32_t>>());
    EXPECT_EQ(count, golden.at("values")[0].get<std::int64_t>());
    EXPECT_NEAR(sum, golden.at("values")[1].get<double>(), 0.01);
    const auto want = golden.at("logits").get<std::vector<float>>();
    ASSERT_EQ(result.tokens.last_prompt_logits.size(), want.size());
    double difference = 0, scale = 0;
    for (std::size_t t = 0; t < want.size(); ++t) {
      difference = std::max(
          difference, std::abs(double{want[t]} - double{result.tokens.last_prompt_logits[t]}));
      scale = std::max(scale, std::abs(double{want[t]}));
    }
    EXPECT_LT(difference / scale, 1e-4);
    EXPECT_EQ(result.tokens.tokens, golden.at("greedy").get<std::vector<std::int32_t>>());
  }
}

TEST(VisionPrompt, TheSameTokensGivenAsIdsGiveTheSameAnswer) {
  LanguageModel model = open_model();
  const Json& golden = cases()[4];
  const TextResult want = answer(model, request_of(golden));
  TextRequest request = request_of(golden);
  request.tokens = golden.at("tokens").get<std::vector<std::int32_t>>();
  // All pictures, then all videos, as flags of a command give them.
  for (const PartKind kind : {PartKind::kImage, PartKind::kVideo}) {
    for (const Message& message : request.messages) {
      for (const Part& part : message.parts) {
        if (part.kind == kind) request.media.push_back(part);
      }
    }
  }
  request.messages.clear();

  const TextResult got = answer(model, std::move(request));

  EXPECT_EQ(got.tokens.tokens, want.tokens.tokens);
  EXPECT_EQ(got.tokens.last_prompt_logits, want.tokens.last_prompt_logits);
}

TEST(VisionPrompt, TokensAreCountedByModality) {
  LanguageModel model = open_model();
  const PromptUsage usage = answer(model, request_of(cases()[4])).usage;
  const auto tokens = cases()[4].at("tokens").get<std::vector<std::int32_t>>();
  EXPECT_EQ(usage.image_tokens, std::count(tokens.begin(), tokens.end(), 261));
  EXPECT_EQ(usage.video_tokens, std::count(tokens.begin(), tokens.end(), 262));
  EXPECT_EQ(usage.audio_tokens, 0);
  EXPECT_EQ(usage.text_tokens + usage.image_tokens + usage.video_tokens, std::ssize(tokens));
  EXPECT_THAT(usage.kept, ElementsAre(EndsWith("008_palette.png"), EndsWith("uneven.mp4"),
                                      EndsWith("motion.avi"), EndsWith("018_lossy.webp")));
}

TEST(VisionPrompt, ManyQuestionsOnOneVideoEncodeItOnce) {
  LanguageModel model = open_model();
  for (int i = 0; i < 5; ++i) {
    TextRequest request = request_of(cases()[3]);
    request.messages.back().parts.push_back(Part::from_text(std::to_string(i)));
    model.submit(std::move(request));
  }
  while (!model.idle()) model.step();
  EXPECT_EQ(model.engine().encoder_counts().num_encoded, 1);
}

// Eighty pictures are more than 512 positions hold.
TextRequest too_much() {
  TextRequest request;
  request.messages = {{"user", {}}};
  for (int i = 0; i < 80; ++i) {
    request.messages.back().parts.push_back(
        media_part(PartKind::kImage, i % 2 == 0 ? "images/000_rgb.png" : "images/012_rgb.jpg"));
  }
  request.messages.back().parts.push_back(Part::from_text("How many?"));
  request.max_tokens = 3;
  return request;
}

TEST(VisionPrompt, MediaBeyondTheContextFailOrAreLeftOutFromTheEnd) {
  LanguageModel model = open_model();
  try {
    model.submit(too_much());
    FAIL() << "nothing was refused";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("exceed the model's 512 positions"));
  }

  TextRequest request = too_much();
  request.overflow = Overflow::kKeepFirst;
  const TextResult result = answer(model, std::move(request));
  EXPECT_LE(std::ssize(result.prompt_tokens) + 3, 512);
  EXPECT_EQ(result.usage.kept.size() + result.usage.left_out.size(), 80U);
  EXPECT_GT(result.usage.kept.size(), 30U);
  EXPECT_THAT(result.usage.kept.front(), EndsWith("000_rgb.png"));
  EXPECT_THAT(result.usage.left_out.back(), EndsWith("012_rgb.jpg"));
  EXPECT_THAT(result.prompt_text, HasSubstr("How many?"));
}

std::string refusal(LanguageModel& model, const TextRequest& request) {
  try {
    model.submit(request);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(VisionPrompt, WhatCannotBeShownIsNamed) {
  LanguageModel model = open_model();
  TextRequest request;
  request.messages = {{"user", {media_part(PartKind::kImage, "images.json")}}};
  EXPECT_THAT(refusal(model, request), HasSubstr("images.json: "));

  Part sound;
  sound.kind = PartKind::kAudio;
  request.messages = {{"user", {sound}}};
  EXPECT_THAT(refusal(model, request), HasSubstr("takes no audio input (audio 1 of the prompt)"));

  Part missing = media_part(PartKind::kImage, "images/absent.png");
  request.messages = {{"user", {missing}}};
  EXPECT_THAT(refusal(model, request), HasSubstr("absent.png"));

  TextRequest raw;
  raw.prompt = "no place for it";
  raw.media = {media_part(PartKind::kImage, "images/000_rgb.png")};
  EXPECT_THAT(refusal(model, raw), AllOf(HasSubstr("1 image is given, but the prompt has 0 places"),
                                         HasSubstr("<|image_pad|>")));

  LanguageModel blind(CheckpointFiles::folder(kGolden / "tiny/gqa"), {});
  TextRequest tokens;
  tokens.tokens = {1, 2, 3};
  tokens.media = raw.media;
  EXPECT_THAT(refusal(blind, tokens), HasSubstr("takes no image input"));
}

}  // namespace
}  // namespace peira::model
