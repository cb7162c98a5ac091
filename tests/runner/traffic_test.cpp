// Traffic recorded from a server and replayed after it is gone.
#include "runner/endpoints/traffic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "runner/endpoints/openai_client.h"
#include "tests/runner/support.h"
#include "tests/support/scripted_server.h"

namespace peira::runner {
namespace {

using test::ScriptedServer;
using test::ServedReply;
using test::ServedRequest;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using testing::TempFolder;

constexpr std::chrono::milliseconds kPatience{50};
constexpr const char* kUrl = "http://h/v1/x";

// Answers with what it was given, in the order of asking.
class ScriptedTransport : public HttpTransport {
 public:
  std::int64_t start(HttpRequest request) override {
    started.push_back(std::move(request));
    return std::ssize(started);
  }
  std::vector<Finished> poll(std::chrono::milliseconds) override {
    return std::exchange(finished, {});
  }
  void cancel(std::int64_t id) override { cancelled.push_back(id); }
  void retire(std::int64_t) override {}

  std::vector<HttpRequest> started;
  std::vector<Finished> finished;
  std::vector<std::int64_t> cancelled;
};

HttpRequest request_of(const std::string& body) {
  HttpRequest request;
  request.url = kUrl;
  request.body = body;
  return request;
}

HttpReply reply_of(long status, const std::string& body) {
  HttpReply reply;
  reply.status = status;
  reply.body = body;
  return reply;
}

// A recording at `path` of these exchanges, one after the other.
void record(const std::filesystem::path& path,
            const std::vector<std::pair<std::string, HttpReply>>& exchanges,
            const std::vector<std::string>& secrets = {}) {
  auto inner = std::make_unique<ScriptedTransport>();
  ScriptedTransport& scripted = *inner;
  RecordingTransport recording(std::move(inner), path, secrets);
  for (const auto& [body, reply] : exchanges) {
    const std::int64_t id = recording.start(request_of(body));
    scripted.finished.push_back({id, reply});
    recording.poll(kPatience);
  }
}

HttpReply replayed(ReplayTransport& replay, const std::string& body) {
  replay.start(request_of(body));
  std::vector<HttpTransport::Finished> finished = replay.poll(kPatience);
  EXPECT_EQ(finished.size(), 1U);
  return finished.at(0).reply;
}

std::string failure_of(const std::function<void()>& deed) {
  try {
    deed();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Traffic, ComesBackByteForByteAndInTheOrderOfAsking) {
  const TempFolder folder;
  const std::string odd("\x00\xFF\xC3(\r\n\"", 7);
  HttpReply busy = reply_of(429, "{}");
  busy.headers = {{"retry-after", "3"}, {"set-cookie", "session=1"}};
  busy.seconds = 0.25;
  busy.connection = 40001;
  HttpReply broken;
  broken.failure = HttpFailure::kBroken;
  broken.reason = "Recv failure";
  record(folder / "t",
         {{"a", busy}, {"b", reply_of(200, odd)}, {"a", reply_of(200, "second")}, {odd, broken}});

  ReplayTransport replay(folder / "t");
  const HttpReply first = replayed(replay, "a");
  EXPECT_EQ(first.status, 429);
  EXPECT_EQ(first.headers, (std::map<std::string, std::string>{{"retry-after", "3"}}));
  EXPECT_EQ(first.seconds, 0.25);
  EXPECT_EQ(first.connection, 40001);
  EXPECT_EQ(replayed(replay, "a").body, "second");
  EXPECT_EQ(replayed(replay, "b").body, odd);
  const HttpReply last = replayed(replay, odd);
  EXPECT_EQ(last.failure, HttpFailure::kBroken);
  EXPECT_EQ(last.reason, "Recv failure");
}

// Two of the same request are in flight at once and end the other way round: each gets its own.
TEST(Traffic, EqualRequestsKeepTheOrderInWhichTheyWereStarted) {
  const TempFolder folder;
  auto inner = std::make_unique<ScriptedTransport>();
  ScriptedTransport& scripted = *inner;
  {
    RecordingTransport recording(std::move(inner), folder / "t", {});
    const std::int64_t one = recording.start(request_of("a"));
    const std::int64_t two = recording.start(request_of("a"));
    const std::int64_t dropped = recording.start(request_of("gone"));
    scripted.finished = {{two, reply_of(200, "two")}, {one, reply_of(200, "one")}};
    recording.poll(kPatience);
    recording.cancel(dropped);
    EXPECT_THAT(scripted.cancelled, ElementsAre(dropped));
  }
  ReplayTransport replay(folder / "t");
  EXPECT_EQ(replayed(replay, "a").body, "one");
  EXPECT_EQ(replayed(replay, "a").body, "two");
  EXPECT_THAT(failure_of([&] { replay.start(request_of("gone")); }),
              AllOf(HasSubstr("no reply"), HasSubstr("no recorded request has its body")));
}

TEST(Traffic, StreamsComeBackInTheirPieces) {
  const TempFolder folder;
  auto inner = std::make_unique<ScriptedTransport>();
  ScriptedTransport& scripted = *inner;
  {
    RecordingTransport recording(std::move(inner), folder / "t", {"sk-secret-1234"});
    for (const char* const body : {"a", "b"}) {
      HttpRequest request = request_of(body);
      request.on_piece = [](std::string_view piece) { return piece != "end"; };
      const std::int64_t id = recording.start(std::move(request));
      const HttpRequest& started = scripted.started.back();
      EXPECT_TRUE(started.on_piece("one "));
      EXPECT_TRUE(started.on_piece(*body == 'a' ? "\xC3" : "sk-sec"));  // half a letter, half a key
      EXPECT_TRUE(started.on_piece(*body == 'a' ? "\xA9" : "ret-1234"));
      EXPECT_FALSE(started.on_piece("end"));
      scripted.finished = {{id, reply_of(200, "")}};
      recording.poll(kPatience);
    }
  }
  EXPECT_THAT(read_file(folder / "t"), Not(HasSubstr("sk-sec")));
  ReplayTransport replay(folder / "t");
  std::vector<std::string> pieces;
  HttpRequest request = request_of("a");
  request.on_piece = [&](std::string_view piece) {
    pieces.emplace_back(piece);
    return true;
  };
  replay.start(request);
  ASSERT_EQ(replay.poll(kPatience).size(), 1U);
  EXPECT_THAT(pieces, ElementsAre("one ", "\xC3", "\xA9", "end"));
  pieces.clear();
  request.body = "b";
  replay.start(request);
  replay.poll(kPatience);
  EXPECT_THAT(pieces, ElementsAre("one [key]end"));
}

TEST(Traffic, KeepsNoSecretWhereverItStands) {
  const TempFolder folder;
  HttpReply refused = reply_of(401, R"({"error":"no such key: sk-secret-1234, sk-secret-1234"})");
  refused.reason = "sk-secret-1234";
  refused.headers = {{"location", "/?k=sk-secret-1234"}};
  record(folder / "t", {{"{\"k\":\"sk-secret-1234 short\"}", refused}},
         {"sk-secret-1234", "short", ""});

  const std::string text = read_file(folder / "t");
  EXPECT_THAT(text, Not(HasSubstr("sk-secret")));
  EXPECT_THAT(text, HasSubstr("no such key: [key], [key]"));
  EXPECT_THAT(text, HasSubstr("[key] short"));
  struct stat found {};
  ASSERT_EQ(::stat((folder / "t").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
}

// Cut at every byte, as a killed process leaves it: whole lines count, and recording goes on.
TEST(Traffic, GoesOnAfterACut) {
  const TempFolder folder;
  record(folder / "whole", {{"a", reply_of(200, "first")}});
  const std::string whole = read_file(folder / "whole");
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const std::filesystem::path path = folder / "cut";
    std::ofstream(path, std::ios::trunc) << whole.substr(0, size);
    record(path, {{"b", reply_of(200, "second")}});
    ReplayTransport replay(path);
    EXPECT_EQ(replayed(replay, "b").body, "second") << size;
    if (size == whole.size()) {
      EXPECT_EQ(replayed(replay, "a").body, "first");
    }
  }
}

TEST(Traffic, TellsWhatIsWrongWithAFile) {
  const TempFolder folder;
  const auto failure = [&](const std::string& text) {
    const std::filesystem::path path = folder / "bad";
    std::ofstream(path, std::ios::trunc) << text;
    return failure_of([&] {
      ReplayTransport replay(path);
      replayed(replay, "b");
    });
  };
  const std::string header = "{\"peira_traffic\": 1}\n";
  const std::string request =
      R"({"number":1,"request":{"method":"POST","url":"http://h/v1/x","body":"b"},"reply":)";
  EXPECT_THAT(failure(""), HasSubstr("it has no whole line"));
  EXPECT_THAT(failure("{\"id\": 1}\n"), HasSubstr("bad:1: no recording of traffic"));
  EXPECT_THAT(failure(header + "{}\n"), HasSubstr("bad:2"));
  EXPECT_THAT(failure(header + "nonsense\n"), HasSubstr("bad:2"));
  EXPECT_THAT(failure(header), HasSubstr("it is empty"));
  EXPECT_THAT(failure(header + request + "{}}\n"), HasSubstr("bad:2"));
  const std::string rest =
      R"("headers":{},"reason":"","seconds":0,"first_byte_seconds":0,"connection":1}})"
      "\n";
  EXPECT_THAT(failure(header + request + R"({"status":200,"body":"","failure":"odd",)" + rest),
              HasSubstr("no failure called \"odd\""));
  EXPECT_THAT(failure(header + request + R"({"status":200,"body_hex":"abc","failure":"",)" + rest),
              HasSubstr("body_hex"));
  EXPECT_EQ(failure(header + request + R"({"status":200,"body_hex":"ab","failure":"",)" + rest),
            "no error");
  std::ofstream(folder / "notes.txt") << "mine\n";
  EXPECT_THAT(failure_of([&] { record(folder / "notes.txt", {}); }),
              HasSubstr("is no recording of traffic"));
  EXPECT_EQ(read_file(folder / "notes.txt"), "mine\n");
}

// A run with faults, recorded; then the server is gone and the same run is made of the recording.
TEST(Traffic, ARunIsMadeAgainWithoutItsServer) {
  constexpr int kSamples = 60;
  ::setenv("PEIRA_API_KEY", "sk-secret-1234", 1);
  ::setenv("no_proxy", "127.0.0.1", 1);
  const TempFolder folder;
  for (const bool stream : {false, true}) {
    const std::string name = stream ? "streamed" : "whole";
    EndpointOptions endpoint;
    endpoint.stream = stream;
    endpoint.record = folder / name;
    const auto run = [&](const std::string& spec, const std::string& store_name) {
      Store store(folder / store_name);
      OpenAiClient client(spec, endpoint);
      RunOptions options = testing::sums_options(kSamples);
      options.retries = 10;
      options.retry_wait_s = 0.001;
      const RunOutcome outcome = execute_run(store, client, options);
      EXPECT_TRUE(outcome.complete) << outcome.why_stopped;
      return testing::contents(store, outcome.run_id);
    };
    std::string spec, recorded;
    {
      ScriptedServer server([&](const ServedRequest& request) {
        if (request.number % 7 == 1) return ServedReply::of(500, "oops");
        if (request.number % 7 == 3) {
          return ServedReply::of(429, "{}", "application/json", "Retry-After: 0\r\n");
        }
        const Json body = parse_json(request.body, "request");
        const int number = std::stoi(body["messages"][0]["content"].get<std::string>().substr(8));
        const std::string sum = std::to_string(2 * number);
        const std::string id = "c" + std::to_string(request.number);
        ServedReply reply =
            stream ? ServedReply::of(200,
                                     R"(data: {"id":")" + id +
                                         R"(","choices":[{"delta":{"content":")" + sum +
                                         "\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
                                     "text/event-stream")
                   : ServedReply::of(200, R"({"id":")" + id +
                                              R"(","choices":[{"index":0,"message":{"content":")" +
                                              sum + R"("},"finish_reason":"stop"}]})");
        if (request.number % 7 == 5) {
          reply.bytes.resize(reply.bytes.size() - 20);
          reply.close = true;
        }
        return reply;
      });
      spec = "m@" + server.url();
      recorded = run(spec, name + "-a.sqlite");
      EXPECT_GT(server.num_requests(), kSamples);
    }
    EXPECT_THAT(read_file(folder / name), Not(HasSubstr("sk-secret")));
    endpoint.replay = std::exchange(endpoint.record, "");
    EXPECT_EQ(run(spec, name + "-b.sqlite"), recorded);
    EXPECT_THAT(recorded, HasSubstr("60 0 60.000000"));
  }
  ::unsetenv("PEIRA_API_KEY");
}

}  // namespace
}  // namespace peira::runner
