// Sounds and videos over the protocol: what a server takes, what an endpoint is sent, and that both
// together answer as the model does without them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/base64.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "model/media/video.h"
#include "runner/endpoints/open_model.h"
#include "runner/endpoints/video_sending.h"
#include "runner/executor.h"
#include "runner/monitor/served_requests.h"
#include "runner/sample_source.h"
#include "runner/serve/api.h"
#include "runner/serve/server.h"
#include "tests/support/temporary_folder.h"

namespace peira::runner {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::filesystem::path kRoot = PEIRA_SOURCE_DIR;
const std::filesystem::path kFolder = kRoot / "tests/golden/omni_prompt";

const Json& expected() {
  static const std::filesystem::path file = kFolder / "expected.json";
  static const Json read = parse_json(read_file(file), file.string());
  return read;
}

std::string bytes_of(const Json& part) {
  return read_file(kRoot / part.at(part.at("type").get<std::string>()).get<std::string>());
}

// A part of transformers' messages as the protocol has it; sounds in either of their forms.
OrderedJson protocol_part(const Json& part, bool sound_as_url) {
  const std::string type = part.at("type");
  if (type == "text") return {{"type", "text"}, {"text", part.at("text")}};
  const std::string data = to_base64(bytes_of(part));
  if (type == "audio" && !sound_as_url) {
    return {{"type", "input_audio"}, {"input_audio", {{"data", data}, {"format", "wav"}}}};
  }
  const std::string key = type + "_url";
  const std::string mime = type == "image"   ? "image/png"
                           : type == "audio" ? "audio/wav"
                                             : "video/mp4";
  return {{"type", key}, {key, {{"url", "data:" + mime + ";base64," + data}}}};
}

OrderedJson protocol_body(const Json& golden, bool sound_as_url = false) {
  OrderedJson messages = OrderedJson::array();
  for (const Json& message : golden.at("messages")) {
    OrderedJson content = message.at("content");
    if (content.is_array()) {
      content = OrderedJson::array();
      for (const Json& part : message.at("content")) {
        content.push_back(protocol_part(part, sound_as_url));
      }
    }
    messages.push_back({{"role", message.at("role")}, {"content", content}});
  }
  OrderedJson body{
      {"messages", messages}, {"temperature", 0}, {"max_tokens", golden.at("greedy").size()}};
  if (golden.at("video_sound").get<bool>()) {
    body["mm_processor_kwargs"] = {{"use_audio_in_video", true}};
  }
  return body;
}

// The tiny omni thinker behind a server on a free port.
class Hearing : public ::testing::Test {
 protected:
  Hearing() : files_(open_checkpoint(kFolder.string())), model_(files_, {.num_threads = 1}) {
    ServerOptions options;
    options.port = 0;
    options.model_name = "omni";
    options.on_request = [this](const ServedRequest& request) {
      const std::lock_guard lock(mutex_);
      served_.push_back(request);
    };
    server_ = std::make_unique<Server>(model_, options);
    thread_ = std::thread([this] { server_->serve(); });
  }
  ~Hearing() override {
    server_->finish(5);
    thread_.join();
  }

  Json post(const OrderedJson& body, int expected_status = 200) {
    httplib::Client http("127.0.0.1", server_->port());
    http.set_read_timeout(60);
    const auto result = http.Post("/v1/chat/completions", dump_json(body), "application/json");
    EXPECT_TRUE(result) << httplib::to_string(result.error());
    if (!result) return nullptr;
    EXPECT_EQ(result->status, expected_status) << result->body;
    return parse_json(result->body, "reply");
  }

  std::string endpoint() const {
    return "openai:omni@http://127.0.0.1:" + std::to_string(server_->port()) + "/v1";
  }

  std::vector<ServedRequest> served() {
    const std::lock_guard lock(mutex_);
    return served_;
  }

  model::CheckpointFiles files_;
  model::LanguageModel model_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<ServedRequest> served_;
};

// Whether the reference's choices are far enough apart to be everybody's.
bool is_clear(const Json& golden) {
  const auto& gaps = golden.at("greedy_gap");
  return std::all_of(gaps.begin(), gaps.end(),
                     [](const Json& gap) { return gap.get<double>() > 1e-2; });
}

TEST_F(Hearing, AnswersAsTransformersDoes) {
  int num_compared = 0;
  for (const Json& golden : expected().at("cases")) {
    for (const bool sound_as_url : {false, true}) {
      const Json reply = post(protocol_body(golden, sound_as_url));
      if (reply.is_null()) continue;
      const Json& usage = reply.at("usage");
      EXPECT_EQ(usage.at("prompt_tokens"), golden.at("tokens").size());
      const auto tokens = golden.at("tokens").get<std::vector<std::int32_t>>();
      const auto& marks = model_.engine().config().media_tokens;
      const auto count = [&](std::int32_t token) {
        return std::count(tokens.begin(), tokens.end(), token);
      };
      const Json& details = usage.at("prompt_tokens_details");
      EXPECT_EQ(details.value("image_tokens", 0), count(marks.image_token_id));
      EXPECT_EQ(details.value("video_tokens", 0), count(marks.video_token_id));
      EXPECT_EQ(details.value("audio_tokens", 0), count(marks.audio_token_id));
      if (!is_clear(golden)) continue;
      ++num_compared;
      EXPECT_EQ(reply.at("choices")[0].at("message").at("content"),
                model_.decode(golden.at("greedy").get<std::vector<std::int32_t>>(), true));
    }
  }
  EXPECT_GE(num_compared, 6);
  const ServedRequest last = served().back();
  EXPECT_EQ(last.media.all(), 2);
  const RequestRecord record = request_record_of(last);
  EXPECT_EQ(record.num_videos, 1);
  EXPECT_EQ(record.num_images, 1);
  EXPECT_GT(record.media_tokens.video.value_or(0), 0);
  EXPECT_GT(record.media_tokens.audio.value_or(0), 0);  // the video's sound
}

TEST_F(Hearing, RefusesWhatIsDamagedByItsPlace) {
  const auto error = [&](const OrderedJson& part) {
    const Json reply = post({{"messages", {{{"role", "user"}, {"content", {part}}}}}}, 400);
    return reply.at("error").at("message").get<std::string>();
  };
  const std::string text = to_base64("this is neither a sound nor a video");
  EXPECT_THAT(
      error({{"type", "input_audio"}, {"input_audio", {{"data", text}, {"format", "wav"}}}}),
      HasSubstr("of the prompt"));
  EXPECT_THAT(
      error({{"type", "video_url"}, {"video_url", {{"url", "data:video/mp4;base64," + text}}}}),
      HasSubstr("of the prompt"));
}

std::string refusal(const OrderedJson& part, const TakenMedia& taken) {
  try {
    (void)read_api_request(ServedApi::kChat,
                           {{"messages", {{{"role", "user"}, {"content", {part}}}}}},
                           {.taken = taken});
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    return error.what();
  }
  return "taken";
}

TEST(MediaParts, NameTheMemberThatIsWrong) {
  const TakenMedia all{.images = true, .sounds = true, .videos = true};
  const auto sound = [&](const OrderedJson& value) {
    return refusal({{"type", "input_audio"}, {"input_audio", value}}, all);
  };
  const std::string where = "messages[0].content[0].input_audio";
  EXPECT_EQ(sound({{"data", "AAAA"}, {"format", "wav"}}), "taken");
  EXPECT_EQ(sound("AAAA"), where + ": not an object with \"data\" and \"format\"");
  EXPECT_EQ(sound({{"data", "AAAA"}}), where + ".format: not a text");
  EXPECT_EQ(sound({{"data", 7}, {"format", "wav"}}), where + ".data: not a text");
  EXPECT_THAT(sound({{"data", "data:audio/wav;base64,AAAA"}, {"format", "wav"}}),
              HasSubstr(where + ".data: no base64"));
  EXPECT_THAT(sound({{"data", ""}, {"format", "wav"}}), HasSubstr(where + ".data: no base64"));
  for (const char* const type : {"audio_url", "video_url"}) {
    for (const char* const url :
         {"https://example.com/a", "file:///etc/passwd", "/etc/passwd", ""}) {
      EXPECT_EQ(refusal({{"type", type}, {type, {{"url", url}}}}, all),
                std::string("messages[0].content[0].") + type +
                    ".url: only data: URLs with base64 are read: nothing is fetched for a request");
    }
  }
  EXPECT_EQ(
      refusal({{"type", "input_audio"}, {"input_audio", {{"data", "AAAA"}, {"format", "wav"}}}},
              {.images = true}),
      "messages[0].content[0]: this model takes no sounds");
  EXPECT_EQ(refusal({{"type", "video_url"}, {"video_url", {{"url", "data:;base64,AAAA"}}}},
                    {.images = true}),
            "messages[0].content[0]: this model takes no videos");
  const auto body = [](const std::string& members) -> std::string {
    try {
      (void)read_api_request(
          ServedApi::kChat,
          parse_ordered_json(R"({"messages":[{"role":"user","content":"x"}])" + members + "}", "b"),
          {});
    } catch (const Error& error) {
      return error.what();
    }
    return "taken";
  };
  EXPECT_EQ(body(R"(,"mm_processor_kwargs":{"use_audio_in_video":true})"), "taken");
  EXPECT_THAT(body(R"(,"mm_processor_kwargs":{"fps":9})"),
              HasSubstr("mm_processor_kwargs: \"fps\""));
  EXPECT_EQ(body(R"(,"modalities":["text"])"), "taken");
  EXPECT_EQ(body(R"(,"modalities":["text","audio"])"), "modalities: answers are text alone");
}

// ---- the other side ----

ModelResponse answer(ModelClient& client, ModelRequest request) {
  const std::int64_t ticket = client.submit(std::move(request));
  while (true) {
    for (ModelClient::Finished& finished : client.poll()) {
      if (finished.ticket == ticket) return std::move(finished.response);
    }
  }
}

ModelRequest request_of(const Json& golden) {
  ModelRequest request;
  for (const Json& message : golden.at("messages")) {
    Message& one = request.messages.emplace_back();
    message.at("role").get_to(one.role);
    if (message.at("content").is_string()) {
      one.parts = {Part::from_text(message.at("content"))};
      continue;
    }
    for (const Json& given : message.at("content")) {
      if (given.at("type") == "text") {
        one.parts.push_back(Part::from_text(given.at("text")));
        continue;
      }
      Part part;
      part.kind = given.at("type") == "image"   ? PartKind::kImage
                  : given.at("type") == "audio" ? PartKind::kAudio
                                                : PartKind::kVideo;
      part.bytes = bytes_of(given);
      one.parts.push_back(std::move(part));
    }
  }
  request.max_tokens = static_cast<int>(golden.at("greedy").size());
  request.sampling.temperature = 0;
  return request;
}

// Through client, protocol and server as without them.
TEST_F(Hearing, AnEndpointIsSentSoundsAndWholeVideos) {
  const ModelOptions options;
  const auto direct = open_model(kFolder.string(), options);
  const auto client = open_model(endpoint(), options);
  EXPECT_EQ(client->frames_shown(100, 25), std::nullopt);
  EXPECT_EQ(client->video_settings(), (Json{{"sent", "part"}}));
  for (const Json& golden : expected().at("cases")) {
    if (golden.at("video_sound").get<bool>()) continue;
    const ModelResponse here = answer(*direct, request_of(golden));
    const ModelResponse there = answer(*client, request_of(golden));
    EXPECT_EQ(there.failure, "");
    EXPECT_EQ(there.text, here.text);
    EXPECT_EQ(there.num_prompt_tokens, here.num_prompt_tokens);
    EXPECT_EQ(there.num_audio_tokens, here.num_audio_tokens);
    EXPECT_EQ(there.num_image_tokens, here.num_image_tokens);
    EXPECT_EQ(there.num_video_tokens, here.num_video_tokens);
  }
}

TEST(VideoSending, ReadsWhatItWrites) {
  for (const char* const text : {"part", "frames:8", "frames:384@512"}) {
    EXPECT_EQ(VideoSending::parse(text, "h").text(), text);
  }
  EXPECT_EQ(VideoSending::parse("auto", "localhost").text(), "part");
  EXPECT_EQ(VideoSending::parse("auto", "api.openai.com").text(), "frames:32");
  for (const char* const text :
       {"", "whole", "frames", "frames:", "frames:0", "frames:8@", "frames:8@0", "frames:99999"}) {
    EXPECT_THROW((void)VideoSending::parse(text, "h"), Error) << text;
  }
  EXPECT_THAT(VideoSending::parse("frames:3", "h").frames(24), ElementsAre(0, 11, 23));
  EXPECT_THAT(VideoSending::parse("frames:9", "h").frames(2), ElementsAre(0, 1));
}

double mean_difference(const model::RgbImage& a, const model::RgbImage& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    sum += std::abs(static_cast<int>(a.pixels[i]) - static_cast<int>(b.pixels[i]));
  }
  return sum / static_cast<double>(a.pixels.size());
}

// The pictures are those frames: each is closer to its own than to any other.
TEST(FrameMaker, PutsPicturesInThePlaceOfAVideo) {
  Part video;
  video.kind = PartKind::kVideo;
  video.path = kRoot / "datasets/samples/video-mme-sample/data/sample_001.mp4";
  const std::vector<Message> messages{
      {"user", {Part::from_text("before"), video, Part::from_text("behind")}}};
  EXPECT_EQ(FrameMaker(VideoSending::parse("part", "")).sendable(messages)[0].parts.size(), 3U);
  FrameMaker maker(VideoSending::parse("frames:4", ""));
  const std::vector<Part> parts = maker.sendable(messages).at(0).parts;
  ASSERT_EQ(parts.size(), 6U);
  EXPECT_EQ(parts.front().text, "before");
  EXPECT_EQ(parts.back().text, "behind");

  const std::string bytes = read_file(video.path);
  model::Video film(bytes, "film");
  std::vector<model::RgbImage> frames;
  film.read(VideoSending::parse("frames:4", "").frames(film.info().num_frames),
            [&](model::RgbImage image) { frames.push_back(std::move(image)); });
  ASSERT_EQ(frames.size(), 4U);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    ASSERT_EQ(parts[i + 1].kind, PartKind::kImage);
    EXPECT_EQ(model::image_format(parts[i + 1].bytes), "jpeg");
    const model::RgbImage sent = model::decode_image(parts[i + 1].bytes, "frame");
    ASSERT_EQ(sent.width, film.info().width);
    ASSERT_EQ(sent.height, film.info().height);
    EXPECT_LT(mean_difference(sent, frames[i]), 4);
    for (std::size_t other = 0; other < frames.size(); ++other) {
      if (other == i || mean_difference(frames[i], frames[other]) == 0) continue;
      EXPECT_LT(mean_difference(sent, frames[i]), mean_difference(sent, frames[other]));
    }
  }
  FrameMaker small(VideoSending::parse("frames:1@40", ""));
  const model::RgbImage shrunk =
      model::decode_image(small.sendable(messages)[0].parts[1].bytes, "frame");
  EXPECT_EQ(std::max(shrunk.width, shrunk.height), 40);
}

// What was sent is in the run's record, and decides which subtitles go along.
TEST_F(Hearing, ARunOverAnEndpointSaysHowVideosWereSent) {
  const test::TemporaryFolder folder;
  Store store(folder.path() / "runs.db");
  RunOptions options;
  options.suite = evals::find_suite("video-mme-subtitles");
  options.variant = evals::parse_variant("official");
  try {
    options.samples = source_of(options.suite, "");
    (void)options.samples.open()->next();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnavailable) throw;
    GTEST_SKIP() << error.what();
  }
  options.limit = 1;
  options.max_failures = FailureLimit::parse("100%");
  for (const char* const sent : {"part", "frames:2"}) {
    ModelOptions model;
    model.endpoint.video = sent;
    const auto client = open_model(endpoint(), model);
    options.name = std::string(sent).substr(0, 4);
    execute_run(store, *client, options);
  }
  const RunInfo part = store.run("part"), frames = store.run("fram");
  EXPECT_EQ(part.manifest["values"]["media"]["video"], (Json{{"sent", "part"}}));
  EXPECT_EQ(part.manifest["values"]["prompt"]["subtitles"]["frames"], "unknown");
  EXPECT_EQ(frames.manifest["values"]["media"]["video"],
            (Json{{"sent", "frames"}, {"frames", 2}, {"jpeg_quality", 95}}));
  EXPECT_EQ(frames.manifest["values"]["prompt"]["subtitles"]["frames"], "model");
  EXPECT_NE(part.identity, frames.identity);
  EXPECT_THAT(frames.warnings, ::testing::Contains(HasSubstr("sent as 2 frames each")));
  const std::vector<ServedRequest> served = this->served();
  ASSERT_EQ(served.size(), 2U);
  EXPECT_EQ(served[0].media.videos, 1);
  EXPECT_EQ(served[1].media.images, 2);
  EXPECT_EQ(served[1].media.videos, 0);
}

}  // namespace
}  // namespace peira::runner
