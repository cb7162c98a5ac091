// The client against a server that does everything wrong at times.
#include "runner/endpoints/openai_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <random>
#include <set>
#include <string>

#include "base/error.h"
#include "tests/runner/support.h"
#include "tests/support/scripted_server.h"

namespace peira::runner {
namespace {

using test::ScriptedServer;
using test::ServedReply;
using test::ServedRequest;
using ::testing::HasSubstr;
using ::testing::Not;

std::string completion(const std::string& id, const std::string& text) {
  return dump_json(Json{{"id", id},
                        {"choices",
                         {{{"index", 0},
                           {"message", {{"role", "assistant"}, {"content", text}}},
                           {"finish_reason", "stop"}}}},
                        {"usage", {{"prompt_tokens", 5}, {"completion_tokens", 1}}}});
}

// The sum that "what is N plus N?" asks for.
std::string sum_of(const ServedRequest& request) {
  const Json body = parse_json(request.body, "request");
  const std::string question = body["messages"][0]["content"].get<std::string>();
  return std::to_string(2 * std::stoi(question.substr(8)));
}

ServedReply right_answer(const ServedRequest& request) {
  return ServedReply::of(200, completion("c" + std::to_string(request.number), sum_of(request)));
}

ModelRequest ask(int number) {
  ModelRequest request;
  const std::string text = std::to_string(number);
  request.messages = {Message::from_text("user", "what is " + text + " plus " + text + "?")};
  return request;
}

ModelResponse answer_of(OpenAiClient& client, ModelRequest request) {
  const std::int64_t ticket = client.submit(std::move(request));
  while (true) {
    for (ModelClient::Finished& finished : client.poll()) {
      if (finished.ticket == ticket) return std::move(finished.response);
    }
  }
}

OpenAiClient client_of(const ScriptedServer& server, const EndpointOptions& options = {}) {
  return OpenAiClient("m@" + server.url(), options);
}

class OpenAiClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("PEIRA_API_KEY", "sk-secret-1234", 1);
    ::setenv("no_proxy", "127.0.0.1", 1);
  }
  void TearDown() override { ::unsetenv("PEIRA_API_KEY"); }
};

TEST_F(OpenAiClientTest, AsksAndReads) {
  ServedRequest seen;
  ScriptedServer server([&](const ServedRequest& request) {
    seen = request;
    return right_answer(request);
  });
  OpenAiClient client = client_of(server);
  const ModelResponse response = answer_of(client, ask(21));
  EXPECT_EQ(response.text, "42");
  EXPECT_EQ(response.num_prompt_tokens, 5);
  EXPECT_GT(response.latency_s, 0);
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/v1/chat/completions");
  EXPECT_EQ(seen.headers.at("authorization"), "Bearer sk-secret-1234");
  EXPECT_EQ(seen.headers.count("expect"), 0U);
  EXPECT_THAT(dump_json(client.identity()), Not(HasSubstr("secret")));
}

TEST_F(OpenAiClientTest, StreamsComeOutAsTheyWouldWhole) {
  ScriptedServer server([&](const ServedRequest& request) {
    EXPECT_THAT(request.body, HasSubstr("\"stream\":true"));
    const std::string sum = sum_of(request);
    std::string events = ": hello\n\n";
    for (const char digit : sum) {
      events +=
          std::string(R"(data: {"id":"s","choices":[{"delta":{"content":")") + digit + "\"}}]}\n\n";
    }
    events += "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    ServedReply reply = ServedReply::of(200, events, "text/event-stream");
    reply.drip_bytes = 7;
    return reply;
  });
  EndpointOptions options;
  options.stream = true;
  OpenAiClient client = client_of(server, options);
  EXPECT_EQ(answer_of(client, ask(50)).text, "100");
  EXPECT_EQ(answer_of(client, ask(5)).text, "10");
}

// What went wrong, and whether asking again may help.
TEST_F(OpenAiClientTest, TellsFaultsApart) {
  struct Case {
    const char* name;
    ServedReply reply;
    const char* failure;
    bool retryable;
  };
  ServedReply reset;
  reset.reset = true;
  ServedReply half = ServedReply::of(200, completion("h", "1"));
  half.bytes.resize(half.bytes.size() - 20);
  half.close = true;
  ServedReply short_length = ServedReply::of(200, completion("s", "1"));
  short_length.bytes.replace(short_length.bytes.find("Content-Length: "), 18, "Content-Length: 12");
  ServedReply nonsense;
  nonsense.bytes = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";
  nonsense.close = true;
  const Case cases[]{
      {"reset", reset, "the connection broke", true},
      {"half", half, "the connection broke", true},
      {"length too small", short_length, "malformed JSON", true},
      {"not JSON", ServedReply::of(200, "{\"choices\": [}"), "malformed JSON", true},
      {"500", ServedReply::of(500, R"({"error":{"message":"boom\u001b[31m"}})"),
       "answered 500: boom [31m", true},
      {"401", ServedReply::of(401, R"({"error":{"message":"bad key sk-secret-1234"}})"),
       "answered 401: bad key [key]", false},
      {"404", ServedReply::of(404, ""), "usually ends in /v1", false},
      {"redirect", ServedReply::of(307, "", "text/plain", "Location: https://elsewhere/\r\n"),
       "a redirect to https://elsewhere/", false},
      {"page", ServedReply::of(200, "<html></html>", "text/html"), "an HTML page", false},
      {"another protocol", nonsense, "does not speak HTTP", false},
  };
  for (const Case& fault : cases) {
    ScriptedServer server([&](const ServedRequest&) { return fault.reply; });
    OpenAiClient client = client_of(server);
    const ModelResponse response = answer_of(client, ask(1));
    EXPECT_EQ(response.finish_reason, "error") << fault.name;
    EXPECT_THAT(response.failure, HasSubstr(fault.failure)) << fault.name;
    EXPECT_THAT(response.failure, Not(HasSubstr("secret"))) << fault.name;
    EXPECT_EQ(response.failure.find('\n'), std::string::npos) << fault.name;
    EXPECT_EQ(response.retryable, fault.retryable) << fault.name << ": " << response.failure;
  }
}

TEST_F(OpenAiClientTest, PicturesOfFramesCannotBeHeard) {
  EndpointOptions options;
  options.video_sound = true;
  const std::string address = "m@http://127.0.0.1:9/v1";
  EXPECT_EQ(OpenAiClient(address, options).video_settings(),
            (Json{{"sent", "part"}, {"use_audio_in_video", true}}));
  options.video = "frames:8";
  EXPECT_THROW((void)OpenAiClient(address, options), Error);
}

TEST_F(OpenAiClientTest, NobodyThereMayPass) {
  int port = 0;
  {
    const ScriptedServer gone([](const ServedRequest&) { return ServedReply(); });
    port = gone.port();
  }
  OpenAiClient client("m@http://127.0.0.1:" + std::to_string(port) + "/v1", {});
  const ModelResponse response = answer_of(client, ask(1));
  EXPECT_THAT(response.failure, HasSubstr("no connection"));
  EXPECT_TRUE(response.retryable);
}

TEST_F(OpenAiClientTest, ASilentServerIsGivenUpOn) {
  ScriptedServer server([](const ServedRequest& request) {
    ServedReply reply = right_answer(request);
    reply.delay_ms = 3'600'000;
    return reply;
  });
  EndpointOptions options;
  options.idle_timeout_s = 1;
  OpenAiClient client = client_of(server, options);
  const ModelResponse response = answer_of(client, ask(1));
  EXPECT_EQ(response.finish_reason, "timeout");
  EXPECT_TRUE(response.retryable);
}

// A mean speed over some seconds would hold a reply that stops in its middle for as long again.
TEST_F(OpenAiClientTest, AReplyThatStopsIsGivenUpOnWhenItsTimeIsOver) {
  ScriptedServer server([](const ServedRequest& request) {
    ServedReply reply = right_answer(request);
    const std::string name = "Content-Length: ";
    const std::size_t from = reply.bytes.find(name) + name.size();
    reply.bytes.replace(from, reply.bytes.find('\r', from) - from, "5000");
    return reply;
  });
  EndpointOptions options;
  options.idle_timeout_s = 1;
  OpenAiClient client = client_of(server, options);
  double quickest_s = 1e9;  // of a few: the machine may stand still for seconds, too
  for (int i = 0; i < 3 && quickest_s >= 5; ++i) {
    const ModelResponse response = answer_of(client, ask(1));
    EXPECT_EQ(response.finish_reason, "timeout");
    EXPECT_THAT(response.failure, HasSubstr("no byte for 1 s"));
    EXPECT_TRUE(response.retryable);
    EXPECT_GE(response.latency_s, 1);
    quickest_s = std::min(quickest_s, response.latency_s);
  }
  EXPECT_LT(quickest_s, 5);
}

// What comes slowly comes, however long it takes.
TEST_F(OpenAiClientTest, AReplyThatDripsIsWaitedFor) {
  ScriptedServer server([](const ServedRequest& request) {
    ServedReply reply = right_answer(request);
    reply.drip_bytes = 20;
    reply.drip_ms = 200;
    return reply;
  });
  EndpointOptions options;
  options.idle_timeout_s = 1;
  OpenAiClient client = client_of(server, options);
  EXPECT_EQ(answer_of(client, ask(4)).text, "8");
}

TEST_F(OpenAiClientTest, TellsHowLongABusyServerWantsToBeLeft) {
  std::string header = "Retry-After: 7\r\n";
  ScriptedServer server(
      [&](const ServedRequest&) { return ServedReply::of(429, "{}", "application/json", header); });
  {
    OpenAiClient client = client_of(server);
    const ModelResponse response = answer_of(client, ask(1));
    EXPECT_TRUE(response.throttled);
    EXPECT_TRUE(response.retryable);
    EXPECT_DOUBLE_EQ(response.retry_after_s, 7);
  }
  header = "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n";  // past
  OpenAiClient client = client_of(server);
  EXPECT_DOUBLE_EQ(answer_of(client, ask(1)).retry_after_s, 0);
}

TEST_F(OpenAiClientTest, LearnsTheOtherNameOfTheTokenLimit) {
  ScriptedServer server([&](const ServedRequest& request) {
    if (request.body.find("max_completion_tokens") != std::string::npos)
      return right_answer(request);
    return ServedReply::of(400, R"({"error":{"message":"Use 'max_completion_tokens' instead."}})");
  });
  OpenAiClient client = client_of(server);
  EXPECT_EQ(answer_of(client, ask(4)).text, "8");
  EXPECT_EQ(answer_of(client, ask(5)).text, "10");
  EXPECT_EQ(server.num_requests(), 3);
}

// The same reply comes twice on a connection: the second must not answer the next question.
TEST_F(OpenAiClientTest, NoReplyAnswersAnotherQuestion) {
  ScriptedServer server([&](const ServedRequest& request) {
    ServedReply reply = right_answer(request);
    if (request.number % 3 == 1) reply.bytes += reply.bytes;
    return reply;
  });
  EndpointOptions options;
  options.max_in_flight = 1;
  OpenAiClient client = client_of(server, options);
  int answered = 0;
  for (int i = 0; i < 60; ++i) {
    const ModelResponse response = answer_of(client, ask(i));
    if (response.finish_reason == "stop") {
      EXPECT_EQ(response.text, std::to_string(2 * i));
      ++answered;
    } else {
      EXPECT_TRUE(response.retryable);
    }
  }
  EXPECT_GT(answered, 30);
}

// The second delivery comes when the next question is already asked, and so does the late answer to
// that: whatever is still on its way over such a connection answers nothing.
TEST_F(OpenAiClientTest, NoLateReplyAnswersAnotherQuestion) {
  constexpr int kDelayMs = 4;
  ScriptedServer server([&](const ServedRequest& request) {
    ServedReply reply = right_answer(request);
    reply.delay_ms = kDelayMs;
    if (request.number % 5 == 1) {
      reply.drip_bytes = static_cast<int>(reply.bytes.size());
      reply.drip_ms = kDelayMs / 2;
      reply.bytes += reply.bytes;
    }
    return reply;
  });
  EndpointOptions options;
  options.max_in_flight = 1;
  OpenAiClient client = client_of(server, options);
  int answered = 0;
  for (int i = 0; i < 60; ++i) {
    const ModelResponse response = answer_of(client, ask(i));
    if (response.finish_reason == "stop") {
      EXPECT_EQ(response.text, std::to_string(2 * i));
      ++answered;
    } else {
      EXPECT_TRUE(response.retryable);
    }
  }
  EXPECT_GT(answered, 30);
}

// Nothing is known of the server's ids when its very first reply comes twice.
TEST_F(OpenAiClientTest, NotEvenTheFirstReplyAnswersAnotherQuestion) {
  ScriptedServer server([](const ServedRequest& request) {
    ServedReply reply = right_answer(request);
    if (request.number == 0) {
      reply.drip_bytes = static_cast<int>(reply.bytes.size());
      reply.drip_ms = 4;
      reply.bytes += reply.bytes;
    } else {
      reply.delay_ms = 20;
    }
    return reply;
  });
  EndpointOptions options;
  options.max_in_flight = 1;
  OpenAiClient client = client_of(server, options);
  EXPECT_EQ(answer_of(client, ask(1)).text, "2");
  const ModelResponse second = answer_of(client, ask(2));
  EXPECT_TRUE(second.retryable || second.text == "4") << second.text;
  EXPECT_EQ(answer_of(client, ask(3)).text, "6");
}

// Servers that give all replies one id, and the same answers: found out at the second connection.
TEST_F(OpenAiClientTest, OneIdForAllIsTheServersHabit) {
  ScriptedServer server(
      [](const ServedRequest&) { return ServedReply::of(200, completion("always", "yes")); });
  EndpointOptions options;
  options.max_in_flight = 1;
  OpenAiClient client = client_of(server, options);
  int refused = 0;
  for (int i = 0; i < 40; ++i) {
    const ModelResponse response = answer_of(client, ask(i));
    refused += response.text == "yes" ? 0 : 1;
    EXPECT_TRUE(response.text == "yes" || response.retryable);
  }
  EXPECT_LE(refused, 1);
}

// Some servers number replies by the second, or by the connection.
TEST_F(OpenAiClientTest, RepeatedIdsOfDifferentRepliesAreTheServersHabit) {
  ScriptedServer server([&](const ServedRequest& request) {
    return ServedReply::of(
        200, completion("at " + std::to_string(request.number / 10), sum_of(request)));
  });
  OpenAiClient client = client_of(server);
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(answer_of(client, ask(i)).text, std::to_string(2 * i)) << i;
  }
}

TEST_F(OpenAiClientTest, CancelledRequestsEndAsTimeouts) {
  ScriptedServer server([](const ServedRequest& request) {
    ServedReply reply = right_answer(request);
    reply.delay_ms = 30'000;
    return reply;
  });
  EndpointOptions options;
  options.max_in_flight = 2;
  OpenAiClient client = client_of(server, options);
  std::set<std::int64_t> open;
  for (int i = 0; i < 5; ++i) open.insert(client.submit(ask(i)));  // two asked, three waiting
  for (const std::int64_t ticket : open) client.cancel(ticket);
  for (const ModelClient::Finished& finished : client.poll()) {
    EXPECT_EQ(finished.response.finish_reason, "timeout");
    open.erase(finished.ticket);
  }
  EXPECT_TRUE(open.empty());
}

// All faults of the list at once, through the executor and the store: every sample is there, once,
// with its own answer.
TEST_F(OpenAiClientTest, ARunThroughAllFaultsLosesAndDoublesNothing) {
  constexpr int kSamples = 2000;
  std::mt19937 random(7);
  ScriptedServer server([&](const ServedRequest& request) {
    ServedReply reply = right_answer(request);
    switch (std::uniform_int_distribution<>(0, 39)(random)) {
      case 0:
        reply = ServedReply();
        reply.reset = true;
        break;
      case 1:
        return ServedReply::of(429, "{}", "application/json", "Retry-After: 0\r\n");
      case 2:
        return ServedReply::of(500, "oops");
      case 3:
        reply.bytes.resize(reply.bytes.size() / 2);
        reply.close = true;
        break;
      case 4:
        return ServedReply::of(200, "{\"choices\": [{\"mess");
      case 5:
        reply.bytes += reply.bytes;
        break;
      case 6:
        reply.drip_bytes = 11;
        reply.drip_ms = 1;
        break;
      case 7:
        reply.bytes.replace(reply.bytes.find("Content-Length: "), 18, "Content-Length: 12");
        break;
      case 8:
        reply.delay_ms = 30;
        break;
      case 9:
        reply.close = true;
        break;
      default:
        break;
    }
    return reply;
  });
  testing::TempFolder folder;
  Store store(folder / "store.sqlite");
  OpenAiClient client = client_of(server);
  RunOptions options = testing::sums_options(kSamples);
  options.retries = 12;
  options.retry_wait_s = 0.001;
  const RunOutcome outcome = execute_run(store, client, options);
  EXPECT_TRUE(outcome.complete) << outcome.why_stopped;
  std::set<std::int64_t> rows;
  OutcomeReader reader = store.outcomes(outcome.run_id);
  while (const auto answer = reader.next()) {
    EXPECT_TRUE(rows.insert(answer->row).second);
    EXPECT_EQ(answer->score.value, 1)
        << answer->row << ": " << answer->score.why << answer->failure;
  }
  EXPECT_EQ(std::ssize(rows), kSamples);
}

// Killed three times on its way through faults: what was stored is not asked again, what was not
// is.
TEST_F(OpenAiClientTest, AKilledRunThroughFaultsEndsWithEachAnswerOnce) {
  constexpr int kSamples = 1500;
  std::mt19937 random(11);
  ScriptedServer server([&](const ServedRequest& request) {
    ServedReply reply = right_answer(request);
    reply.delay_ms = 20;
    switch (std::uniform_int_distribution<>(0, 29)(random)) {
      case 0:
        reply.reset = true;
        break;
      case 1:
        return ServedReply::of(500, "oops");
      case 2:
        reply.bytes += reply.bytes;
        break;
      case 3:
        reply.bytes.resize(reply.bytes.size() / 2);
        reply.close = true;
        break;
      default:
        break;
    }
    return reply;
  });
  testing::TempFolder folder;
  const auto sit = [&] {
    Store store(folder / "store.sqlite");
    OpenAiClient client = client_of(server);
    RunOptions options = testing::sums_options(kSamples);
    options.retries = 12;
    options.retry_wait_s = 0.001;
    options.batch_answers = 50;
    return execute_run(store, client, options).complete;
  };
  int kills = 0;
  for (int sitting = 0; sitting < 50; ++sitting) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) ::_exit(sit() ? 0 : 1);
    // Killed in the midst of answers: after some more requests than the sitting before had.
    const std::int64_t until = server.num_requests() + 300;
    int status = 0;
    pid_t ended = 0;
    while ((ended = ::waitpid(child, &status, WNOHANG)) == 0) {
      if (kills < 3 && server.num_requests() >= until) {
        ::kill(child, SIGKILL);
        ++kills;
        ended = ::waitpid(child, &status, 0);
        break;
      }
      ::usleep(1000);
    }
    ASSERT_EQ(ended, child);
    if (WIFEXITED(status)) {
      ASSERT_EQ(WEXITSTATUS(status), 0);
      break;
    }
  }
  EXPECT_EQ(kills, 3);
  const Store store(folder / "store.sqlite", Store::Access::kReadOnly);
  ASSERT_EQ(store.runs().size(), 1U);
  std::set<std::int64_t> rows;
  OutcomeReader reader = store.outcomes(store.resolve_run("latest"));
  while (const auto answer = reader.next()) {
    EXPECT_TRUE(rows.insert(answer->row).second);
    EXPECT_EQ(answer->score.value, 1) << answer->row << ": " << answer->score.why;
  }
  EXPECT_EQ(std::ssize(rows), kSamples);
}

}  // namespace
}  // namespace peira::runner
