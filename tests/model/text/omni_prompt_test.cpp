// Messages with sounds, pictures and videos with and without their sound, from files to answers,
// against transformers' processor and model (tests/golden/make_omni_prompt.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "model/media/video.h"
#include "model/text/language_model.h"

namespace peira::model {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kRoot = PEIRA_SOURCE_DIR;
const std::filesystem::path kFolder = kRoot / "tests/golden/omni_prompt";

const Json& expected() {
  static const std::filesystem::path file = kFolder / "expected.json";
  static const Json read = parse_json(read_file(file), file.string());
  return read;
}

Part part_of(const Json& given) {
  const std::string type = given.at("type");
  if (type == "text") return Part::from_text(given.at("text"));
  Part part;
  part.kind = type == "image"   ? PartKind::kImage
              : type == "audio" ? PartKind::kAudio
                                : PartKind::kVideo;
  part.path = kRoot / given.at(type).get<std::string>();
  return part;
}

TextRequest request_of(const Json& golden) {
  TextRequest request;
  for (const Json& message : golden.at("messages")) {
    const Json& content = message.at("content");
    Message& one = request.messages.emplace_back();
    message.at("role").get_to(one.role);
    if (content.is_string()) {
      one.parts.push_back(Part::from_text(content));
      continue;
    }
    for (const Json& part : content) one.parts.push_back(part_of(part));
  }
  request.video_sound = golden.at("video_sound");
  request.max_tokens = static_cast<int>(golden.at("greedy").size());
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

LanguageModel open_model() { return LanguageModel(CheckpointFiles::folder(kFolder), {}); }

void add(const Medium& medium, std::int64_t& count, double& sum) {
  count += static_cast<std::int64_t>(medium.features.size());
  for (const float value : medium.features) sum += double{value};
  if (medium.sound != nullptr) add(*medium.sound, count, sum);
}

TEST(OmniPrompt, TextTokensFeaturesAndAnswersAreThoseOfTransformers) {
  LanguageModel model = open_model();
  ASSERT_EQ(expected().at("cases").size(), 7U);
  for (const Json& golden : expected().at("cases")) {
    SCOPED_TRACE(dump_json(golden.at("messages")));
    std::int64_t count = 0;
    double sum = 0;
    for (const auto& medium : model.read_media(request_of(golden))) add(*medium, count, sum);
    const TextResult result = answer(model, request_of(golden));

    EXPECT_EQ(result.prompt_text, golden.at("text").get<std::string>());
    EXPECT_EQ(result.prompt_tokens, golden.at("tokens").get<std::vector<std::int32_t>>());
    EXPECT_EQ(count, golden.at("values")[0].get<std::int64_t>());
    // A difference of 1e-4 in every mel frame, or of a rounding in some pixels.
    EXPECT_NEAR(sum, golden.at("values")[1].get<double>(), 0.5);
    const auto want = golden.at("logits").get<std::vector<float>>();
    const std::vector<float>& got = result.tokens.last_prompt_logits;
    ASSERT_EQ(got.size(), want.size());
    double difference = 0, scale = 0;
    for (std::size_t t = 0; t < want.size(); ++t) {
      difference = std::max(difference, std::abs(double{want[t]} - double{got[t]}));
      scale = std::max(scale, std::abs(double{want[t]}));
    }
    EXPECT_LT(difference / scale, 2e-3);
    const auto greedy = golden.at("greedy").get<std::vector<std::int32_t>>();
    const auto gaps = golden.at("greedy_gap").get<std::vector<float>>();
    for (std::size_t i = 0; i < greedy.size() && gaps[i] > 1e-2F; ++i) {
      EXPECT_EQ(result.tokens.tokens.at(i), greedy[i]) << i;
    }
  }
}

TEST(OmniPrompt, UsageTellsWhatIsSeenFromWhatIsHeard) {
  LanguageModel model = open_model();
  const Json& golden = expected().at("cases").at(5);
  const TextResult result = answer(model, request_of(golden));
  const MediaTokens& ids = model.engine().config().media_tokens;
  const auto tokens = golden.at("tokens").get<std::vector<std::int32_t>>();
  const auto seen = std::count(tokens.begin(), tokens.end(), ids.video_token_id);
  const auto heard = std::count(tokens.begin(), tokens.end(), ids.audio_token_id);
  EXPECT_EQ(heard, 27);  // two seconds and a hundredth: 13, 13 and 1
  EXPECT_EQ(result.usage.video_tokens, seen);
  EXPECT_EQ(result.usage.audio_tokens, heard);
  EXPECT_EQ(result.usage.text_tokens + seen + heard, std::ssize(tokens));
  EXPECT_EQ(result.usage.kept.size(), 1U);
}

// Token ids with the placeholders already repeated give the same as messages.
TEST(OmniPrompt, ExpandedTokensTakeTheSameMedia) {
  LanguageModel model = open_model();
  for (const std::size_t i : {std::size_t{2}, std::size_t{6}}) {
    const Json& golden = expected().at("cases").at(i);
    TextRequest request = request_of(golden);
    for (const Message& message : request.messages) {
      for (const Part& part : message.parts) {
        if (part.kind != PartKind::kText) request.media.push_back(part);
      }
    }
    request.messages.clear();
    golden.at("tokens").get_to(request.tokens);
    const TextResult by_tokens = answer(model, request);
    const TextResult by_messages = answer(model, request_of(golden));
    EXPECT_EQ(by_tokens.tokens.last_prompt_logits, by_messages.tokens.last_prompt_logits);
  }
}

TEST(OmniPrompt, AModelThatHearsNothingRefusesSound) {
  LanguageModel deaf(CheckpointFiles::folder(kRoot / "tests/golden/vision_prompt"), {});
  EXPECT_FALSE(deaf.takes(PartKind::kAudio));
  EXPECT_TRUE(open_model().takes(PartKind::kAudio));
  const auto refusal = [&](const Json& golden) -> std::string {
    try {
      deaf.submit(request_of(golden));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage);
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(refusal(expected().at("cases").at(1)), HasSubstr("takes no audio input"));
  EXPECT_THAT(refusal(expected().at("cases").at(5)), HasSubstr("hears nothing"));
}

// Frames and sizes as Qwen2VLVideoProcessor has them.
TEST(OmniVideo, FramesAndSizesAreThoseOfTheProcessor) {
  VideoProcessorConfig config;
  config.per_frame = true;
  config.image.patch_size = 8;
  config.image.merge_size = 2;
  config.image.temporal_patch_size = 2;
  config.min_frames = 4;
  config.max_frames = 24;
  config.min_pixels = 1024;
  config.max_pixels = 4096;
  config.fps = 2;
  for (const Json& golden : expected().at("sampling")) {
    SCOPED_TRACE(dump_json(golden));
    EXPECT_EQ(sample_frames(golden.at("total"), golden.at("fps"), config),
              golden.at("indices").get<std::vector<std::int64_t>>());
    const ImageSize size =
        smart_resize_video({golden.at("height"), golden.at("width")}, 4, config, "clip");
    EXPECT_EQ((std::vector<int>{size.height, size.width}),
              golden.at("resized").get<std::vector<int>>());
  }
}

}  // namespace
}  // namespace peira::model
