// The checkpoint's chat template: messages in, the prompt the model was trained to see out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/message.h"
#include "model/checkpoint_files.h"
#include "model/text/jinja.h"

namespace peira::model {

// What tokenizer_config.json (and, where it is silent, special_tokens_map.json) says of the special
// tokens: "bos_token" -> its text. Tokens that are null or absent are left out.
OrderedJson special_tokens(const CheckpointFiles& files);

// threads: render() may be called from any.
class ChatTemplate {
 public:
  // The file chat_template.jinja, else "chat_template" of tokenizer_config.json (a text, or a list
  // of named ones), else of chat_template.json; empty when the checkpoint has none.
  // throws Error(kData): a file is malformed or the template cannot be read.
  static std::optional<ChatTemplate> load(const CheckpointFiles& files);

  // where  named in errors. tokens: as special_tokens() gives them.
  ChatTemplate(std::string source, const std::string& where, OrderedJson tokens);

  // The prompt for `messages`, the assistant's turn opened (add_generation_prompt). A message's
  // content is a text when all its parts are, else a list of {"type": "text", "text": ...} and
  // {"type": "image"}, as transformers' templates expect.
  //
  // options  an object of more variables, e.g. {"enable_thinking": false, "tools": [...]}; they
  //          stand in front of those set here; so do "messages", which may hold what Message
  //          cannot, as calls of tools.
  // throws   Error(kData): the template fails ("chat_template.jinja:line: ...").
  std::string render(const std::vector<Message>& messages, const OrderedJson& options) const;

  const std::string& source() const { return source_; }
  // The template for requests with tools, where the checkpoint has one of its own.
  const std::optional<std::string>& tool_source() const { return tool_source_; }
  // As JinjaTemplate::set_time().
  void set_time(const std::string& time);

 private:
  std::string source_;
  JinjaTemplate template_;
  OrderedJson tokens_;
  std::optional<std::string> tool_source_;
  std::optional<JinjaTemplate> tool_template_;  // the one named tool_use, for requests with tools
};

}  // namespace peira::model
