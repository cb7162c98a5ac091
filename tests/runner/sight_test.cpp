// Pictures on their way to a model that sees: through the client of runs and the server's protocol.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/base64.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "runner/endpoints/open_model.h"
#include "runner/serve/api.h"

namespace peira::runner {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kGolden = std::filesystem::path(PEIRA_SOURCE_DIR) / "tests/golden";

const Json& picture_case() {
  static const std::filesystem::path file = kGolden / "vision_prompt/expected.json";
  static const Json read = parse_json(read_file(file), file.string());
  return read.at("cases")[1];
}

ModelRequest picture_request(PartKind kind = PartKind::kImage) {
  Part picture;
  picture.kind = kind;
  picture.bytes = read_file(kGolden / "media/images/000_rgb.png");
  ModelRequest request;
  request.messages = {{"user", {picture, Part::from_text("What is this?")}}};
  request.max_tokens = 6;
  return request;
}

std::unique_ptr<ModelClient> seeing_model(model::Overflow overflow = model::Overflow::kFail) {
  ModelOptions options;
  options.overflow = overflow;
  return open_model((kGolden / "vision_prompt").string(), options);
}

ModelResponse answer(ModelClient& client, ModelRequest request) {
  const std::int64_t ticket = client.submit(std::move(request));
  while (true) {
    for (ModelClient::Finished& finished : client.poll()) {
      if (finished.ticket == ticket) return std::move(finished.response);
    }
  }
}

TEST(SeeingClient, ShowsPicturesAsTransformersDoes) {
  const auto client = seeing_model();
  const ModelResponse response = answer(*client, picture_request());
  EXPECT_EQ(response.failure, "");
  EXPECT_EQ(response.prompt_tokens, picture_case().at("tokens").get<std::vector<std::int32_t>>());
  EXPECT_EQ(response.tokens, picture_case().at("greedy").get<std::vector<std::int32_t>>());
}

TEST(SeeingClient, CountsTokensOfMediaAndWhatWasLeftOut) {
  const auto client = seeing_model(model::Overflow::kKeepFirst);
  ModelRequest request = picture_request();
  const Part picture = request.messages[0].parts[0];
  request.messages[0].parts.insert(request.messages[0].parts.begin(), 150, picture);
  const ModelResponse response = answer(*client, std::move(request));
  EXPECT_EQ(response.failure, "");
  EXPECT_GT(response.num_media_left_out, 0);
  EXPECT_EQ(response.num_image_tokens, 4 * (151 - response.num_media_left_out));
  EXPECT_LE(response.num_prompt_tokens + 6, 512);
}

TEST(SeeingClient, TellsItsProcessorsInTheManifest) {
  const auto client = seeing_model();
  const Json media = client->identity().at("media");
  EXPECT_EQ(media.at("image").at("max_pixels"), 6144);
  EXPECT_EQ(media.at("video").at("max_frames"), 6);
  EXPECT_EQ(media.at("overflow"), "fail");
}

TEST(SeeingClient, RefusesWhatItHasNoTowerForAndMediaBeforeContinuations) {
  const auto client = seeing_model();
  const ModelResponse sound = answer(*client, picture_request(PartKind::kAudio));
  EXPECT_EQ(sound.finish_reason, "error");
  EXPECT_THAT(sound.failure, HasSubstr("takes no such part, and the prompt has a sound"));
  ModelRequest scored = picture_request();
  scored.continuations = {"A", "B"};
  EXPECT_THAT(answer(*client, std::move(scored)).failure, HasSubstr("behind text alone"));
}

TEST(SeeingClient, ADamagedPictureIsTheSamplesFailure) {
  const auto client = seeing_model();
  ModelRequest request = picture_request();
  request.messages[0].parts[0].bytes.resize(40);
  const ModelResponse response = answer(*client, std::move(request));
  EXPECT_EQ(response.finish_reason, "error");
  EXPECT_THAT(response.failure, HasSubstr("image 1 of the prompt"));
}

OrderedJson body_with(const std::string& url) {
  return {{"messages",
           {{{"role", "user"},
             {"content",
              {{{"type", "text"}, {"text", "before "}},
               {{"type", "image_url"}, {"image_url", {{"url", url}}}},
               {{"type", "text"}, {"text", " behind"}}}}}}}};
}

TEST(SeeingApi, ReadsDataUrlsInTheirPlace) {
  const ApiRequest request =
      read_api_request(ServedApi::kChat, body_with("data:image/png;base64," + to_base64("pixels")),
                       {.taken = {.images = true}});
  const std::vector<Part>& parts = request.prompts.at(0).messages.at(0).parts;
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[0].text, "before ");
  EXPECT_EQ(parts[1].kind, PartKind::kImage);
  EXPECT_EQ(parts[1].bytes, "pixels");
  EXPECT_EQ(parts[2].text, " behind");
  EXPECT_EQ(request.media.images, 1);
}

TEST(SeeingApi, RefusesOtherUrls) {
  const auto refusal = [](const std::string& url) -> std::string {
    try {
      (void)read_api_request(ServedApi::kChat, body_with(url), {.taken = {.images = true}});
    } catch (const Error& error) {
      return error.what();
    }
    return "taken";
  };
  for (const char* const url : {"https://example.com/a.png", "file:///etc/passwd", "data:,plain",
                                "data:image/png;base64", ""}) {
    EXPECT_THAT(refusal(url), HasSubstr("messages[0].content[1].image_url.url: only data: URLs"));
  }
  EXPECT_THAT(refusal("data:image/png;base64,!!"), HasSubstr("no base64 behind the comma"));
}

}  // namespace
}  // namespace peira::runner
