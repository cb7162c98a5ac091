// The server: bodies read and written, and answers that do not depend on who else asks.
#include "runner/serve/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "runner/endpoints/open_model.h"
#include "runner/serve/api.h"

namespace peira::runner {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string refusal(ServedApi api, const std::string& body) {
  try {
    (void)read_api_request(api, parse_ordered_json(body, "body"), {});
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    return error.what();
  }
  return "taken";
}

TEST(ServeApi, NamesTheMemberThatIsWrong) {
  const auto chat = [](const std::string& members) {
    return refusal(ServedApi::kChat,
                   R"({"messages":[{"role":"user","content":"x"}])" + members + "}");
  };
  EXPECT_EQ(chat(""), "taken");
  EXPECT_EQ(chat(R"(,"unknown_member":[1])"), "taken");
  EXPECT_EQ(chat(R"(,"temperature":null,"stop":null,"n":null)"), "taken");
  EXPECT_EQ(chat(R"(,"temperature":"hot")"), "temperature: not a number");
  EXPECT_EQ(chat(R"(,"top_p":1.5)"), "top_p: 1.5 is not from 0.0 to 1.0");
  EXPECT_EQ(chat(R"(,"n":0)"), "n: 0 is not from 1 to 128");
  EXPECT_EQ(chat(R"(,"n":18446744073709551615)"), "n: 18446744073709551615 is not from 1 to 128");
  EXPECT_EQ(chat(R"(,"stream":1)"), "stream: not true or false");
  EXPECT_EQ(chat(R"(,"stop":[1])"), "stop: holds something that is no text");
  EXPECT_EQ(chat(R"(,"max_tokens":-2)"), "max_tokens: -2 is not from -1 to 16777216");
  EXPECT_EQ(chat(R"(,"logit_bias":{"x":1})"),
            "logit_bias: \"x\": 1 is not a token id with a number");
  EXPECT_EQ(chat(R"(,"top_logprobs":2)"), "top_logprobs: without logprobs");
  EXPECT_THAT(chat(R"(,"response_format":{"type":"xml"})"), StartsWith("response_format.type"));
  const auto messages = [](const std::string& list) {
    return refusal(ServedApi::kChat, R"({"messages":)" + list + "}");
  };
  EXPECT_EQ(messages("7"), "messages: not a list of messages");
  EXPECT_EQ(messages("[{}]"), "messages[0].role: not a text");
  EXPECT_THAT(messages(R"([{"role":"boss","content":"x"}])"), StartsWith("messages[0].role"));
  EXPECT_EQ(messages(R"([{"role":"user"}])"), "messages[0].content: missing");
  EXPECT_EQ(messages(R"([{"role":"user","content":[{"type":"image_url","image_url":{}}]}])"),
            "messages[0].content[0]: this model takes no pictures");
  const auto prompt = [](const std::string& value) {
    return refusal(ServedApi::kCompletions, R"({"prompt":)" + value + "}");
  };
  EXPECT_EQ(prompt(R"(["a","b"])"), "taken");
  EXPECT_EQ(prompt("[1,2]"), "taken");
  EXPECT_EQ(prompt("[[1,2],[3]]"), "taken");
  EXPECT_EQ(prompt("[1,-2]"), "prompt: holds something that is no token id");
  EXPECT_EQ(prompt(R"(["a",7])"), "prompt[1]: not a text or a list of token ids");
  EXPECT_EQ(prompt("\"\""), "prompt: an empty text");
  EXPECT_EQ(refusal(ServedApi::kCompletions, "{}"), "prompt: missing");
}

TEST(ServeApi, KeepsTheOrderOfASchema) {
  const ApiRequest request = read_api_request(
      ServedApi::kChat,
      parse_ordered_json(
          R"({"messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema",
          "json_schema":{"schema":{"type":"object","properties":{"zebra":{},"ant":{}}}}}})",
          "body"),
      {});
  EXPECT_EQ(dump_json(request.prompts[0].format.schema),
            R"({"type":"object","properties":{"zebra":{},"ant":{}}})");
}

// The bundled model behind a server on a free port.
class ServeTest : public ::testing::Test {
 protected:
  ServeTest()
      : files_(open_checkpoint("bundled")), model_(files_, {.num_threads = 1, .max_batch = 8}) {}

  void start(ServerOptions options = {}) {
    options.port = 0;
    options.model_name = "mini";
    options.on_request = [this](const ServedRequest& request) {
      const std::lock_guard lock(mutex_);
      served_.push_back(request);
    };
    server_ = std::make_unique<Server>(model_, options);
    thread_ = std::thread([this] { server_->serve(); });
  }
  void TearDown() override {
    if (!server_) return;
    server_->finish(5);
    thread_.join();
  }
  httplib::Client client() {
    httplib::Client out("127.0.0.1", server_->port());
    out.set_read_timeout(60);
    return out;
  }
  Json post(const std::string& path, const OrderedJson& body, int expected_status = 200) {
    auto http = client();
    const auto result = http.Post(path, dump_json(body), "application/json");
    EXPECT_TRUE(result) << httplib::to_string(result.error());
    if (!result) return {};
    EXPECT_EQ(result->status, expected_status) << result->body;
    return parse_json(result->body, "reply");
  }

  // Sends, waits until the request is being answered, and hangs up.
  void ask_and_leave(const std::string& request) {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(server_->port()));
    ASSERT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::send(socket, request.data(), request.size(), 0), std::ssize(request));
    while (server_->num_open() == 0) std::this_thread::yield();
    ::close(socket);
  }

  model::CheckpointFiles files_;
  model::LanguageModel model_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<ServedRequest> served_;
};

OrderedJson chat(const std::string& text, int max_tokens = 24) {
  return {{"messages", OrderedJson::array({{{"role", "user"}, {"content", text}}})},
          {"max_tokens", max_tokens},
          {"temperature", 0.8},
          {"seed", 11}};
}

// The events of a stream, put together.
struct Streamed {
  std::string text, finish_reason;
  int events = 0;
  bool is_done = false;
};
Streamed join(const std::string& body) {
  Streamed out;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t end = body.find("\n\n", at);
    const std::string data = body.substr(at + 6, end - at - 6);
    at = end + 2;
    if (data == "[DONE]") {
      out.is_done = true;
      continue;
    }
    const Json chunk = parse_json(data, "chunk");
    ++out.events;
    if (chunk["choices"].empty()) continue;
    const Json& choice = chunk["choices"][0];
    out.text += choice["delta"].value("content", "");
    if (choice["finish_reason"].is_string()) out.finish_reason = choice["finish_reason"];
  }
  return out;
}

// What the engine says by itself, in order of asking, is what many clients at once are told, whole
// and streamed, whatever else is asked meanwhile.
TEST_F(ServeTest, AnswersWhateverElseIsAskedAsTheEngineDoes) {
  constexpr int kQuestions = 24;
  std::vector<std::string> expected;
  std::vector<std::string> questions;
  for (int i = 0; i < kQuestions; ++i) {
    questions.push_back("What is " + std::to_string(i * 7) + " + " + std::to_string(i) + "?");
    model::TextRequest request;
    request.messages = {Message::from_text("user", questions.back())};
    request.max_tokens = 24;
    request.sampling = model_.default_sampling();
    request.sampling.temperature = 0.8;
    request.seed = 11;
    request.stop = {"="};
    model_.submit(std::move(request));
    while (!model_.idle()) {
      for (const auto& finished : model_.step()) expected.push_back(finished.result.text);
    }
  }
  start();
  std::vector<std::thread> clients;
  std::atomic<int> wrong{0};
  for (int i = 0; i < kQuestions; ++i) {
    clients.emplace_back([&, i] {
      OrderedJson body = chat(questions[static_cast<std::size_t>(i)]);
      body["stop"] = "=";
      const std::string& text = expected[static_cast<std::size_t>(i)];
      if (post("/v1/chat/completions", body)["choices"][0]["message"]["content"] != text) ++wrong;
      body["stream"] = true;
      auto http = client();
      const auto result = http.Post("/v1/chat/completions", dump_json(body), "application/json");
      if (!result) {
        ++wrong;
        return;
      }
      const Streamed streamed = join(result->body);
      if (streamed.text != text || !streamed.is_done || streamed.finish_reason.empty()) ++wrong;
    });
  }
  for (std::thread& thread : clients) thread.join();
  EXPECT_EQ(wrong, 0);
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(std::ssize(served_), 2 * kQuestions);
  for (const ServedRequest& request : served_) {
    EXPECT_EQ(request.outcome, "ok");
    EXPECT_GE(request.total_s, request.first_token_s);
    EXPECT_GT(request.prompt_tokens, 0);
  }
}

// As lm-evaluation-harness asks: the prompt echoed, one token more, log-probabilities of each.
TEST_F(ServeTest, EchoesWithTheEnginesLogProbabilities) {
  const std::string text = "What is 17 + 25?";
  const std::vector<std::int32_t> tokens = model_.encode_prompt(text);
  model::TextRequest request;
  request.tokens = tokens;
  request.max_tokens = 0;
  request.prompt_logprobs = true;
  model_.submit(std::move(request));
  std::vector<float> expected;
  while (!model_.idle()) {
    for (auto& finished : model_.step()) expected = finished.result.tokens.prompt_logprobs;
  }
  start();
  const Json reply = post("/v1/completions", {{"prompt", OrderedJson::array({tokens})},
                                              {"max_tokens", 1},
                                              {"temperature", 0},
                                              {"echo", true},
                                              {"logprobs", 1}});
  const Json& logprobs = reply["choices"][0]["logprobs"];
  ASSERT_EQ(logprobs["token_logprobs"].size(), tokens.size() + 1);
  EXPECT_TRUE(logprobs["token_logprobs"][0].is_null());
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    EXPECT_EQ(logprobs["token_logprobs"][i].get<float>(), expected[i]);
    double best = -1e9;
    for (const auto& item : logprobs["top_logprobs"][i].items()) {
      best = std::max(best, item.value().get<double>());
    }
    EXPECT_GE(best, logprobs["token_logprobs"][i].get<double>());
  }
  // Where the model would end, there is a token more all the same.
  const std::string whole = "What is 3 + 4?\n7";
  for (const std::string context : {"x", "7", "A", whole.c_str()}) {
    const Json scored = post("/v1/completions", {{"prompt", context},
                                                 {"max_tokens", 1},
                                                 {"temperature", 0},
                                                 {"echo", true},
                                                 {"logprobs", 1}});
    EXPECT_EQ(scored["choices"][0]["logprobs"]["tokens"].size(),
              model_.encode_prompt(context).size() + 1);
  }
  EXPECT_EQ(logprobs["text_offset"].back().get<std::size_t>(), text.size());
  EXPECT_THAT(reply["choices"][0]["text"].get<std::string>(), StartsWith(text));
}

TEST_F(ServeTest, GivesAsManyChoicesAsAreAskedFor) {
  start();
  OrderedJson body = chat("Name a number");
  body["n"] = 3;
  body["temperature"] = 1.5;
  const Json first = post("/v1/chat/completions", body);
  ASSERT_EQ(first["choices"].size(), 3U);
  EXPECT_EQ(post("/v1/chat/completions", body)["choices"], first["choices"]);  // its seed decides
  body["n"] = 1;
  EXPECT_EQ(post("/v1/chat/completions", body)["choices"][0], first["choices"][0]);
}

TEST_F(ServeTest, HoldsAnswersToTheirForm) {
  start();
  OrderedJson body = chat("Is 7 prime?");
  body["regex"] = "(yes|no)";
  EXPECT_THAT(
      post("/v1/chat/completions", body)["choices"][0]["message"]["content"].get<std::string>(),
      ::testing::AnyOf("yes", "no"));
  body["regex"] = "(";
  EXPECT_THAT(post("/v1/chat/completions", body, 400)["error"]["message"].get<std::string>(),
              StartsWith("regex"));
}

TEST_F(ServeTest, TurnsAwayWhatIsTooMuchWrongOrUnknown) {
  ServerOptions options;
  options.api_key = "sesame";
  options.most_requests = 1;
  start(options);
  EXPECT_EQ(post("/v1/chat/completions", chat("x"), 401)["error"]["code"], "invalid_api_key");
  auto http = client();
  http.set_bearer_token_auth("sesame");
  const auto ask = [&](const std::string& body) {
    const auto result = http.Post("/v1/chat/completions", body, "application/json");
    return result ? result->status : -1;
  };
  EXPECT_EQ(ask(dump_json(chat("x"))), 200);
  EXPECT_EQ(ask("{"), 400);
  OrderedJson other = chat("x");
  other["model"] = "gpt";
  EXPECT_EQ(ask(dump_json(other)), 404);
  EXPECT_EQ(ask(dump_json(chat("x", 100'000))), 400);  // longer than the context
  EXPECT_EQ(http.Get("/v1/nothing")->status, 404);
  EXPECT_EQ(http.Get("/health")->status, 200);  // needs no key
  // A long answer takes the one place.
  std::thread slow([&] {
    auto mine = client();
    mine.set_bearer_token_auth("sesame");
    OrderedJson body = chat("Count", 2000);
    body["logit_bias"] = OrderedJson::object();
    for (const std::int32_t end : model_.engine().config().generation.eos_token_id) {
      body["logit_bias"][std::to_string(end)] = -100;
    }
    mine.Post("/v1/chat/completions", dump_json(body), "application/json");
  });
  while (server_->num_open() == 0) std::this_thread::yield();
  const auto result = http.Post("/v1/chat/completions", dump_json(chat("x")), "application/json");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 429);
  EXPECT_EQ(result->get_header_value("Retry-After"), "1");
  slow.join();
  EXPECT_THAT(http.Get("/metrics")->body,
              HasSubstr("peira_requests_total{api=\"chat\",status=\"429\"} 1"));
}

TEST_F(ServeTest, AClientThatGoesAwayIsNotAnsweredFurther) {
  start();
  for (const bool stream : {true, false}) {
    OrderedJson body = chat("Count", 3500);
    body["stream"] = stream;
    body["n"] = 16;
    body["logit_bias"] = OrderedJson::object();
    for (const std::int32_t end : model_.engine().config().generation.eos_token_id) {
      body["logit_bias"][std::to_string(end)] = -100;
    }
    const std::string text = dump_json(body);
    ask_and_leave(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: "
        "application/json\r\nContent-Length: " +
        std::to_string(text.size()) + "\r\n\r\n" + text);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (server_->num_open() > 0 && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(server_->num_open(), 0);
    const std::lock_guard lock(mutex_);
    ASSERT_FALSE(served_.empty());
    EXPECT_EQ(served_.back().outcome, "cancelled");
    EXPECT_LT(served_.back().completion_tokens, 16 * 3500);
  }
}

TEST_F(ServeTest, FinishesWhatItBeganAndTakesNothingNew) {
  start();
  std::atomic<int> status{0};
  std::thread asking([&] {
    auto http = client();
    const auto result =
        http.Post("/v1/chat/completions", dump_json(chat("What is 3 + 4?")), "application/json");
    status = result ? result->status : -1;
  });
  while (server_->num_open() == 0 && status == 0) std::this_thread::yield();
  server_->stop_accepting();
  EXPECT_THAT(post("/v1/chat/completions", chat("x"), 503)["error"]["message"].get<std::string>(),
              HasSubstr("stopping"));
  EXPECT_TRUE(server_->finish(30));
  asking.join();
  EXPECT_EQ(status, 200);
}

}  // namespace
}  // namespace peira::runner
