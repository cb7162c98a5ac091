#include "model/text/chat_template.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "base/error.h"
#include "base/hash.h"
#include "tests/model/text/golden.h"

namespace peira::model {
namespace {

using Contents = std::map<std::string, std::string>;  // by file name

// A folder with the given files, removed at the end.
class Folder {
 public:
  explicit Folder(const Contents& contents) {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("peira_chat_template_" + std::to_string(getpid()) + "_" + std::to_string(count++));
    std::filesystem::create_directories(path_);
    std::ofstream(path_ / "config.json") << "{}";
    for (const auto& [name, text] : contents) std::ofstream(path_ / name) << text;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  CheckpointFiles files() const { return CheckpointFiles::folder(path_); }

 private:
  std::filesystem::path path_;
};

const std::vector<Message> kHello = {Message::from_text("user", "Hello")};

TEST(ChatTemplate, PrefersTheFileOfItsOwn) {
  const Folder folder(
      Contents{{"chat_template.jinja", "file{{ bos_token }}"},
               {"tokenizer_config.json",
                R"({"chat_template": "config", "bos_token": {"content": "<s>"}})"}});
  EXPECT_EQ(ChatTemplate::load(folder.files())->render(kHello, {}), "file<s>");
}

TEST(ChatTemplate, TakesTheDefaultOfNamedOnesAndToolUseForTools) {
  const Folder folder(Contents{{"tokenizer_config.json",
                                R"({"chat_template": [{"name": "default", "template": "plain"},
                            {"name": "tool_use", "template": "{{ tools[0].n }}"}]})"}});
  const auto loaded = ChatTemplate::load(folder.files());
  EXPECT_EQ(loaded->render(kHello, {}), "plain");
  EXPECT_EQ(loaded->render(kHello, {{"tools", {{{"n", "add"}}}}}), "add");
  EXPECT_EQ(loaded->source(), "plain");
}

TEST(ChatTemplate, IsEmptyWhereThereIsNone) {
  EXPECT_FALSE(ChatTemplate::load(Folder(Contents{}).files()).has_value());
  EXPECT_FALSE(
      ChatTemplate::load(
          Folder(Contents{{"tokenizer_config.json", R"({"chat_template": null})"}}).files())
          .has_value());
}

TEST(ChatTemplate, RefusesFilesThatAreWrong) {
  const auto message = [](const std::string& config) -> std::string {
    const Folder folder(Contents{{"tokenizer_config.json", config}});
    try {
      (void)ChatTemplate::load(folder.files());
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_NE(message("[1]").find("tokenizer_config.json: not a JSON object"), std::string::npos);
  EXPECT_NE(message(R"({"chat_template": 5})").find("neither a text nor a list"),
            std::string::npos);
  EXPECT_NE(message(R"({"chat_template": [{"name": "x", "template": "y"}]})")
                .find("none of the chat templates is named default; they are x"),
            std::string::npos);
  EXPECT_EQ(
      message(R"({"chat_template": "\n{% if %}"})"),
      "tokenizer_config.json: chat_template:2: unexpected end of statement block in {% if %}");
}

TEST(ChatTemplate, GivesPartsOnlyWhereThereIsMoreThanText) {
  const ChatTemplate shown("{{ messages | tojson }}{{ add_generation_prompt }}{{ tools }}",
                           "chat_template", OrderedJson::object());
  Message pictured = Message::from_text("user", "Look: ");
  EXPECT_EQ(shown.render({pictured}, {}), R"([{"role": "user", "content": "Look: "}]TrueNone)");
  Part image;
  image.kind = PartKind::kImage;
  pictured.parts.push_back(image);
  EXPECT_EQ(shown.render({pictured}, {{"add_generation_prompt", false}}),
            R"([{"role": "user", "content": [{"type": "text", "text": "Look: "}, )"
            R"({"type": "image"}]}]FalseNone)");
}

// Expected digests: transformers 5.17's render_jinja_template on the real template.
TEST(ChatTemplate, EqualsTransformersOnQwen3) {
  const auto path = test::qwen3_folder() / "tokenizer_config.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent";
  const OrderedJson config = parse_ordered_json(read_file(path), "tokenizer_config.json");
  const JinjaTemplate source(config["chat_template"].get<std::string>(), "chat_template");
  int count = 0;
  const OrderedJson golden = test::text_golden("qwen3.json");
  for (const OrderedJson& item : golden["renders"]) {
    OrderedJson variables = OrderedJson::object();
    variables["tools"] = nullptr;
    variables["add_generation_prompt"] = false;
    for (const auto& [name, value] : item["options"].items()) variables[name] = value;
    variables["messages"] = item["messages"];
    EXPECT_EQ(sha256_hex(source.render(variables)), item["sha256"].get<std::string>())
        << item["messages"] << item["options"];
    ++count;
  }
  EXPECT_EQ(count, 147);
}

}  // namespace
}  // namespace peira::model
