// The parts of an endpoint client that need no connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "runner/endpoints/openai_client.h"
#include "runner/endpoints/openai_protocol.h"
#include "runner/endpoints/server_sent_events.h"

namespace peira::runner {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// By hand, after the algorithm of the standard.
TEST(EventStream, ReadsEventsHoweverTheyAreCut) {
  const std::string stream =
      "\xEF\xBB\xBF: comment\r\ndata: one\r\n\r\nevent: x\rdata:two\rdata: more\r\rid: 7\n\n"
      "data\n\ndata: {\"a\":1}\nretry: 5\n\ndata: cut off";
  const std::vector<std::string> expected{"one", "two\nmore", "", "{\"a\":1}"};
  for (std::size_t size = 1; size <= stream.size(); ++size) {
    EventStream events;
    std::vector<std::string> seen;
    for (std::size_t at = 0; at < stream.size(); at += size) {
      events.feed(std::string_view(stream).substr(at, size),
                  [&](std::string_view data) { seen.emplace_back(data); });
    }
    EXPECT_EQ(seen, expected) << "pieces of " << size;
  }
}

TEST(EventStream, RefusesAnEventWithoutEnd) {
  EventStream events;
  const std::string piece(1 << 20, 'x');
  EXPECT_THROW(
      {
        for (int i = 0; i < 20; ++i) events.feed(piece, [](std::string_view) {});
      },
      Error);
}

ModelRequest hello() {
  ModelRequest request;
  request.messages = {Message::from_text("user", "Hello")};
  request.max_tokens = 5;
  request.seed = 1U << 12U;
  return request;
}
const OpenAiDialect kChat{.model = "m"};

std::string reply_with(const std::string& choice) {
  return R"({"id":"r1","choices":[)" + choice +
         R"(],"usage":{"prompt_tokens":3,"completion_tokens":2}})";
}

TEST(OpenAiProtocol, WritesWhatIsAskedForAndNoMore) {
  ModelRequest request = hello();
  EXPECT_EQ(dump_json(openai_body(request, kChat)),
            R"({"model":"m","messages":[{"role":"user","content":"Hello"}],"max_tokens":5,)"
            R"("temperature":0.0,"seed":2})");
  request.sampling = {.temperature = 0.5, .top_k = 20, .top_p = 0.9, .logit_bias = {{7, -1.0F}}};
  request.stop = {"\n"};
  request.format = {.kind = ResponseFormat::Kind::kJsonSchema,
                    .schema = OrderedJson{{"type", "object"}}};
  OpenAiDialect dialect = kChat;
  dialect.stream = true;
  dialect.completion_tokens_field = true;
  dialect.omit = {"seed"};
  dialect.extra = {{"reasoning_effort", "low"}, {"top_p", 1}};
  EXPECT_EQ(dump_json(openai_body(request, dialect)),
            R"({"model":"m","messages":[{"role":"user","content":"Hello"}],)"
            R"("max_completion_tokens":5,"temperature":0.5,"top_p":1,"top_k":20,)"
            R"("logit_bias":{"7":-1.0},"stop":["\n"],"response_format":{"type":"json_schema",)"
            R"("json_schema":{"name":"answer","strict":true,"schema":{"type":"object"}}},)"
            R"("stream":true,"stream_options":{"include_usage":true},"reasoning_effort":"low"})");
}

TEST(OpenAiProtocol, SendsPicturesAsDataUrls) {
  ModelRequest request = hello();
  Part picture;
  picture.kind = PartKind::kImage;
  picture.bytes = "\x89PNG\r\n\x1A\nab";
  request.messages.front().parts.push_back(picture);
  const OrderedJson body = openai_body(request, kChat);
  EXPECT_EQ(dump_json(body["messages"][0]["content"]),
            R"([{"type":"text","text":"Hello"},{"type":"image_url","image_url":)"
            R"({"url":"data:image/png;base64,iVBORw0KGgphYg=="}}])");
  request.messages.front().parts.back().bytes = "nothing known";
  EXPECT_THROW((void)openai_body(request, kChat), Error);
}

TEST(OpenAiProtocol, SendsSoundsAndVideos) {
  ModelRequest request = hello();
  Part sound, video;
  sound.kind = PartKind::kAudio;
  sound.bytes = std::string("RIFF\0\0\0\0WAVE", 12);
  video.kind = PartKind::kVideo;
  video.bytes = std::string("\0\0\0 ftypisom", 12);
  request.messages.front().parts = {video, sound};
  EXPECT_EQ(dump_json(openai_body(request, kChat)["messages"][0]["content"]),
            R"([{"type":"video_url","video_url":{"url":"data:video/mp4;base64,AAAAIGZ0eXBpc29t"}},)"
            R"({"type":"input_audio","input_audio":{"data":"UklGRgAAAABXQVZF","format":"wav"}}])");
  OpenAiDialect hearing = kChat;
  hearing.video_sound = true;
  hearing.extra = {{"mm_processor_kwargs", {{"fps", 1}}}};
  EXPECT_EQ(dump_json(openai_body(request, hearing)["mm_processor_kwargs"]),
            R"({"fps":1,"use_audio_in_video":true})");
  EXPECT_FALSE(openai_body(request, kChat).contains("mm_processor_kwargs"));
  hearing.extra = OrderedJson::object();
  EXPECT_FALSE(openai_body(hello(), hearing).contains("mm_processor_kwargs"));
  OpenAiDialect completions = kChat;
  completions.api = OpenAiApi::kCompletions;
  EXPECT_THROW((void)openai_body(request, completions), Error);  // never a prompt without them
  request.messages.front().parts.back().bytes = "nothing known";
  EXPECT_THROW((void)openai_body(request, kChat), Error);
}

TEST(OpenAiProtocol, ReadsRepliesInTheWaysServersWriteThem) {
  const auto read = [](const std::string& choice) {
    return read_openai_reply(reply_with(choice), hello(), kChat);
  };
  ModelResponse response = read(R"({"message":{"content":"Hi"},"finish_reason":"stop"})");
  EXPECT_EQ(response.text, "Hi");
  EXPECT_EQ(response.finish_reason, "stop");
  EXPECT_EQ(response.num_prompt_tokens, 3);
  EXPECT_EQ(response.num_completion_tokens, 2);
  response =
      read(R"({"message":{"content":null,"reasoning_content":"hm"},"finish_reason":"length"})");
  EXPECT_EQ(response.text, "");
  EXPECT_EQ(response.reasoning, "hm");
  EXPECT_EQ(response.finish_reason, "length");
  response =
      read(R"({"message":{"content":[{"type":"text","text":"a"},{"text":"b"}],"reasoning":"r"}})");
  EXPECT_EQ(response.text, "ab");
  EXPECT_EQ(response.reasoning, "r");
  response = read(R"({"message":{"content":null,"refusal":"No."},"finish_reason":"stop"})");
  EXPECT_EQ(response.finish_reason, "refusal");
  EXPECT_EQ(response.text, "No.");
  EXPECT_EQ(read(R"({"message":{"content":""},"finish_reason":"content_filter"})").finish_reason,
            "refusal");
}

TEST(OpenAiProtocol, WhatIsNoReplyMayPass) {
  for (const std::string body :
       {"", "{", "[]", "null", "{}", R"({"choices":[]})", R"({"choices":[7]})",
        R"({"choices":[{"text":"x"}]})", R"({"error":{"message":"overloaded"}})"}) {
    const ModelResponse response = read_openai_reply(body, hello(), kChat);
    EXPECT_EQ(response.finish_reason, "error") << body;
    EXPECT_TRUE(response.retryable) << body;
  }
  EXPECT_THAT(read_openai_reply(R"({"error":{"message":"overloaded"}})", hello(), kChat).failure,
              HasSubstr("overloaded"));
}

TEST(OpenAiProtocol, PutsStreamsTogether) {
  OpenAiStream stream;
  EXPECT_TRUE(stream.take(R"({"id":"s","choices":[{"delta":{"role":"assistant","content":""}}]})"));
  EXPECT_TRUE(stream.take(R"({"choices":[{"delta":{"reasoning":"th"}}]})"));
  EXPECT_TRUE(stream.take(R"({"choices":[{"delta":{"content":"He"}}]})"));
  EXPECT_EQ(stream.response().finish_reason, "error");  // cut off here
  EXPECT_TRUE(stream.response().retryable);
  EXPECT_TRUE(stream.take(R"({"choices":[{"delta":{"content":"y"},"finish_reason":"length"}]})"));
  EXPECT_TRUE(stream.take(R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}})"));
  EXPECT_FALSE(stream.take("[DONE]"));
  const ModelResponse response = stream.response();
  EXPECT_EQ(response.text, "Hey");
  EXPECT_EQ(response.reasoning, "th");
  EXPECT_EQ(response.finish_reason, "length");
  EXPECT_EQ(response.num_completion_tokens, 4);
  EXPECT_EQ(stream.id(), "s");
  OpenAiStream broken;
  EXPECT_THROW(broken.take("{"), Error);
  EXPECT_THROW(broken.take(R"({"error":{"message":"out of memory"}})"), Error);
}

// Numbers as vLLM gives them: the first token has none, one token more was generated.
TEST(OpenAiProtocol, SumsTheEchoedLogProbabilitiesBehindThePrompt) {
  ModelRequest request = hello();
  request.continuations = {" wörld", " x"};
  OpenAiDialect dialect = kChat;
  EXPECT_THROW((void)openai_body(request, dialect), Error);
  dialect.api = OpenAiApi::kCompletions;
  EXPECT_EQ(dump_json(openai_body(request, dialect)),
            R"({"model":"m","prompt":["Hello wörld","Hello x"],"max_tokens":1,"temperature":0,)"
            R"("logprobs":1,"echo":true})");
  const ModelResponse response = read_openai_reply(
      R"({"choices":[
        {"index":1,"text":"","logprobs":{"tokens":["Hello"," x","."],"token_logprobs":[null,-3,-9],
         "text_offset":[0,5,7]}},
        {"index":0,"text":"","logprobs":{"tokens":["Hello"," w","ö","rld","!"],
         "token_logprobs":[null,-1,-0.5,-0.25,-8],"text_offset":[0,5,7,8,11]}}]})",
      request, dialect);
  EXPECT_EQ(response.finish_reason, "stop") << response.failure;
  EXPECT_THAT(response.continuation_logprobs, ElementsAre(-1.75, -3));
  EXPECT_THAT(read_openai_reply(R"({"choices":[{"index":0,"text":"a"},{"index":1,"text":"b"}]})",
                                request, dialect)
                  .failure,
              HasSubstr("no \"logprobs\""));
}

TEST(EndpointAddress, IsTakenApart) {
  const EndpointAddress address =
      EndpointAddress::parse("org/m@2@https://h.example:8443/openai/v1/?api-version=3");
  EXPECT_EQ(address.model, "org/m@2");
  EXPECT_EQ(address.base, "https://h.example:8443/openai/v1");
  EXPECT_EQ(address.query, "?api-version=3");
  for (const char* const bad :
       {"m", "m@ftp://h/v1", "@http://h/v1", "m@http://", "m@http://u:p@h/v1"}) {
    EXPECT_THROW((void)EndpointAddress::parse(bad), Error) << bad;
  }
}

}  // namespace
}  // namespace peira::runner
