// Tools over the protocol: declared in requests, called in replies, whole and streamed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "model/text/chat_template.h"
#include "runner/serve/api.h"
#include "runner/serve/server.h"
#include "tests/support/temporary_folder.h"

namespace peira::runner {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kTools =
    R"([{"type": "function", "function": {"name": "get_weather", "parameters": {}}}])";

ApiRequest read(const std::string& members) {
  return read_api_request(
      ServedApi::kChat,
      parse_ordered_json(R"({"messages": [{"role": "user", "content": "x"}], )" + members + "}",
                         "body"),
      {});
}

std::string refusal(const std::string& members) {
  try {
    read(members);
  } catch (const Error& error) {
    return error.what();
  }
  return "taken";
}

TEST(ServeTools, AreReadFromRequests) {
  const ApiRequest request = read(R"("tools": )" + std::string(kTools));
  EXPECT_EQ(request.tools, std::set<std::string>{"get_weather"});
  EXPECT_EQ(request.prompts[0].template_options["tools"].size(), 1U);
  const ApiRequest none = read(R"("tool_choice": "none", "tools": )" + std::string(kTools));
  EXPECT_TRUE(none.tools.empty());
  EXPECT_FALSE(none.prompts[0].template_options.contains("tools"));
  EXPECT_EQ(refusal(R"("tools": 7)"), "tools: not a list");
  EXPECT_EQ(refusal(R"("tools": [{"function": {}}])"),
            "tools[0].function.name: not a function's name");
  EXPECT_EQ(refusal(R"("tool_choice": "required")"),
            "tool_choice: without tools there is nothing to call");
  EXPECT_THAT(refusal(R"("tool_choice": "sometimes", "tools": )" + std::string(kTools)),
              StartsWith("tool_choice: not \"auto\", "));
  for (const char* const odd :
       {R"({})", R"(7)", R"({"type": "function"})", R"({"type": "function", "function": {}})",
        R"({"type": "custom", "function": {"name": "get_weather"}})"}) {
    EXPECT_THAT(
        refusal(R"("tool_choice": )" + std::string(odd) + R"(, "tools": )" + std::string(kTools)),
        StartsWith("tool_choice: not "))
        << odd;
  }
  EXPECT_EQ(refusal(R"("tool_choice": {"type": "function", "function": {"name": "get_time"}}, )"
                    R"("tools": )" +
                    std::string(kTools)),
            "tool_choice: none of the tools is called \"get_time\"");
  EXPECT_EQ(refusal(R"("regex": "a", "tool_choice": "required", "tools": )" + std::string(kTools)),
            "regex: not together with tool_choice");
  EXPECT_EQ(refusal(R"("chat_template_kwargs": {"messages": []})"), "taken");
}

// Two functions, the second with a schema that refers to itself by the root it had.
constexpr const char* kTwoTools = R"([
    {"type": "function", "function": {"name": "get_time"}},
    {"type": "function", "function": {"name": "get_weather", "parameters": {
      "type": "object", "required": ["city", "days"], "additionalProperties": false,
      "properties": {"city": {"$ref": "#/$defs/city"}, "days": {"enum": [1, 2]}},
      "$defs": {"city": {"enum": ["Paris", "Oslo"]}}}}}])";

TEST(ServeTools, ThatMustBeCalledAreAFormOfTheAnswer) {
  const ApiRequest any = read(R"("tool_choice": "required", "tools": )" + std::string(kTwoTools));
  EXPECT_TRUE(any.must_call);
  EXPECT_EQ(any.tools, (std::set<std::string>{"get_time", "get_weather"}));
  const OrderedJson& calls = any.prompts[0].format.schema["anyOf"];
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0]["properties"]["name"]["const"], "get_time");
  EXPECT_EQ(calls[0]["properties"]["arguments"]["additionalProperties"], false);
  EXPECT_EQ(calls[1]["properties"]["arguments"]["properties"]["city"]["$ref"],
            "#/anyOf/1/properties/arguments/$defs/city");
  const ApiRequest named =
      read(R"("tool_choice": {"type": "function", "function": {"name": "get_weather"}}, )"
           R"("tools": )" +
           std::string(kTwoTools));
  EXPECT_TRUE(named.must_call);
  EXPECT_EQ(named.tools, std::set<std::string>{"get_weather"});
  ASSERT_EQ(named.prompts[0].format.schema["anyOf"].size(), 1U);
  EXPECT_EQ(named.prompts[0]
                .format.schema["anyOf"][0]["properties"]["arguments"]["properties"]["city"]["$ref"],
            "#/anyOf/0/properties/arguments/$defs/city");
  // All tools are shown to the model, whichever must be called.
  EXPECT_EQ(named.prompts[0].template_options["tools"].size(), 2U);
  EXPECT_FALSE(read(R"("tool_choice": "auto", "tools": )" + std::string(kTwoTools)).must_call);
}

// A template gets calls and their results, arguments as the object that they are.
TEST(ServeTools, CallsAndResultsReachTheTemplate) {
  const std::string messages = R"("messages": [
      {"role": "user", "content": "Weather?"},
      {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function",
       "function": {"name": "get_weather", "arguments": "{\"city\": \"Paris\"}"}}]},
      {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}])";
  const ApiRequest request =
      read_api_request(ServedApi::kChat, parse_ordered_json("{" + messages + "}", "body"), {});
  const OrderedJson& given = request.prompts[0].template_options["messages"];
  ASSERT_EQ(given.size(), 3U);
  EXPECT_EQ(given[1]["content"], "");
  EXPECT_EQ(given[1]["tool_calls"][0]["function"]["arguments"]["city"], "Paris");
  EXPECT_EQ(given[2]["tool_call_id"], "call_1");
  const model::ChatTemplate chat(
      "{% for m in messages %}{{ m.role }}:{{ m.content }}{% for c in m.tool_calls or [] %}"
      "{{ c.function | tojson }}{% endfor %};{% endfor %}",
      "test", OrderedJson::object());
  EXPECT_EQ(chat.render(request.prompts[0].messages, request.prompts[0].template_options),
            "user:Weather?;assistant:{\"name\": \"get_weather\", \"arguments\": {\"city\": "
            "\"Paris\"}};tool:sunny;");
  try {
    read_api_request(
        ServedApi::kChat,
        parse_ordered_json(
            R"({"messages": [{"role": "assistant", "content": "", "tool_calls": [{}]}]})", "body"),
        {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), StartsWith("messages[0].tool_calls[0]: "));
  }
}

// The bundled model under a template of the Hermes kind, its answers held to a form by a pattern:
// what such a model writes, without such a model.
class ServeToolsOf : public ::testing::Test {
 protected:
  ServeToolsOf() {
    const std::filesystem::path mini = std::filesystem::path(PEIRA_SOURCE_DIR) / "model/peira-mini";
    for (const char* const file : {"config.json", "generation_config.json", "tokenizer.json",
                                   "tokenizer_config.json", "model.safetensors"}) {
      std::filesystem::create_symlink(mini / file, folder_ / file);
    }
    write_file_atomic(folder_ / "chat_template.jinja",
                      "{#- <tool_call> #}" + read_file(mini / "chat_template.jinja"));
    model_ = std::make_unique<model::LanguageModel>(
        model::CheckpointFiles::folder(folder_.path()),
        model::EngineOptions{.num_threads = 1, .max_batch = 4});
    ServerOptions options;
    options.port = 0;
    options.model_name = "mini";
    server_ = std::make_unique<Server>(*model_, options);
    thread_ = std::thread([this] { server_->serve(); });
  }
  ~ServeToolsOf() override {
    server_->finish(5);
    thread_.join();
  }

  std::string post(const std::string& pattern, bool stream, const std::string& more = "",
                   const std::string& tools = kTools) {
    httplib::Client client("127.0.0.1", server_->port());
    client.set_read_timeout(60);
    OrderedJson body = parse_ordered_json(
        R"({"messages": [{"role": "user", "content": "Weather?"}], "tools": )" + tools + more + "}",
        "body");
    if (!pattern.empty()) body["regex"] = pattern;
    body["stream"] = stream;
    body["max_tokens"] = 200;
    const auto result = client.Post("/v1/chat/completions", dump_json(body), "application/json");
    EXPECT_TRUE(result);
    if (!result) return {};
    EXPECT_EQ(result->status, 200) << result->body;
    return result->body;
  }

  test::TemporaryFolder folder_;
  std::unique_ptr<model::LanguageModel> model_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

struct Streamed {
  std::string text, finish_reason;
  Json calls = Json::array();
};

Streamed join(const std::string& body) {
  Streamed out;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t end = body.find("\n\n", at);
    const std::string data = body.substr(at, end - at);
    at = end + 2;
    if (!data.starts_with("data: {")) continue;
    const Json choice = parse_json(data.substr(6), "chunk")["choices"][0];
    out.text += choice["delta"].value("content", "");
    if (choice["delta"].contains("tool_calls")) {
      for (const Json& call : choice["delta"]["tool_calls"]) out.calls.push_back(call);
    }
    if (choice["finish_reason"].is_string()) out.finish_reason = choice["finish_reason"];
  }
  return out;
}

TEST_F(ServeToolsOf, AnswerWithCalls) {
  const std::string pattern =
      R"re(Let me look\.\n<tool_call>\n\{"name": "get_weather", "arguments": \{"city": )re"
      R"re("(Paris|Oslo)"\}\}\n</tool_call>\n<tool_call>\{"name": "get_weather"\}</tool_call>)re";
  const Json whole = parse_json(post(pattern, false), "reply")["choices"][0];
  EXPECT_EQ(whole["finish_reason"], "tool_calls");
  EXPECT_EQ(whole["message"]["content"], "Let me look.");
  const Json& calls = whole["message"]["tool_calls"];
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0]["type"], "function");
  EXPECT_EQ(calls[0]["function"]["name"], "get_weather");
  EXPECT_THAT(calls[0]["function"]["arguments"].get<std::string>(), StartsWith("{\"city\":\""));
  EXPECT_EQ(calls[1]["function"]["arguments"], "{}");
  EXPECT_THAT(calls[0]["id"].get<std::string>(), StartsWith("call_"));
  EXPECT_NE(calls[0]["id"], calls[1]["id"]);

  const Streamed streamed = join(post(pattern, true));
  EXPECT_EQ(streamed.finish_reason, "tool_calls");
  EXPECT_EQ(streamed.text, "Let me look.");
  ASSERT_EQ(streamed.calls.size(), 2U);
  EXPECT_EQ(streamed.calls[0]["index"], 0);
  EXPECT_EQ(streamed.calls[1]["index"], 1);
  EXPECT_EQ(streamed.calls[0]["function"], calls[0]["function"]);
  EXPECT_EQ(streamed.calls[1]["function"], calls[1]["function"]);
  // Without text there is no content.
  const std::string bare =
      R"re(<tool_call>\{"name": "get_weather", "arguments": \{\}\}</tool_call>)re";
  EXPECT_TRUE(parse_json(post(bare, false), "reply")["choices"][0]["message"]["content"].is_null());
}

// A model that was never taught to call anything: what must be called is.
TEST_F(ServeToolsOf, AreCalledWhereTheyMustBe) {
  const std::string named =
      R"(, "tool_choice": {"type": "function", "function": {"name": "get_weather"}})";
  const Json whole = parse_json(post("", false, named, kTwoTools), "reply")["choices"][0];
  EXPECT_EQ(whole["finish_reason"], "tool_calls");
  EXPECT_TRUE(whole["message"]["content"].is_null());
  ASSERT_EQ(whole["message"]["tool_calls"].size(), 1U);
  const Json& call = whole["message"]["tool_calls"][0]["function"];
  EXPECT_EQ(call["name"], "get_weather");
  const Json arguments = parse_json(call["arguments"].get<std::string>(), "arguments");
  EXPECT_TRUE(arguments["city"] == "Paris" || arguments["city"] == "Oslo") << arguments.dump();
  EXPECT_TRUE(arguments["days"] == 1 || arguments["days"] == 2) << arguments.dump();
  EXPECT_EQ(arguments.size(), 2U);

  const Streamed streamed = join(post("", true, named, kTwoTools));
  EXPECT_EQ(streamed.text, "");
  EXPECT_EQ(streamed.finish_reason, "tool_calls");
  ASSERT_EQ(streamed.calls.size(), 1U);
  EXPECT_EQ(streamed.calls[0]["function"], call);

  const Json any = parse_json(post("", false, R"(, "tool_choice": "required")", kTwoTools),
                              "reply")["choices"][0];
  ASSERT_EQ(any["message"]["tool_calls"].size(), 1U);
  const std::string name = any["message"]["tool_calls"][0]["function"]["name"].get<std::string>();
  EXPECT_TRUE(name == "get_time" || name == "get_weather") << name;
}

TEST_F(ServeToolsOf, LeaveWhatIsNoCallAsItIs) {
  const std::string pattern =
      R"re(<tool_call>\{"name": "get_weather", "arguments": \{</tool_call>)re";
  const std::string text = R"re(<tool_call>{"name": "get_weather", "arguments": {</tool_call>)re";
  const Json whole = parse_json(post(pattern, false), "reply")["choices"][0];
  EXPECT_EQ(whole["finish_reason"], "stop");
  EXPECT_EQ(whole["message"]["content"], text);
  EXPECT_FALSE(whole["message"].contains("tool_calls"));
  const Streamed streamed = join(post(pattern, true));
  EXPECT_EQ(streamed.text, text);
  EXPECT_EQ(streamed.finish_reason, "stop");
  // Nobody asked for calls: they are text.
  const std::string call = R"(<tool_call>\{"name": "get_weather"\}</tool_call>)";
  EXPECT_THAT(parse_json(post(call, false, R"(, "tool_choice": "none")"),
                         "reply")["choices"][0]["message"]["content"]
                  .get<std::string>(),
              HasSubstr("<tool_call>"));
}

}  // namespace
}  // namespace peira::runner
