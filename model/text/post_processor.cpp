#include "model/text/post_processor.h"

#include "model/text/parts.h"

namespace peira::model {
namespace {

constexpr std::size_t kMaxTokens = 1024;  // more around every text is a bad file
constexpr int kMaxDepth = 16;

// ["<s>", 1], as RobertaProcessing and BertProcessing write a token.
std::int32_t token_of(const Json& value, const char* key, const std::string& where) {
  const Json& pair = list_of(value, key, where);
  if (pair.size() == 2 && pair[1].is_number_integer()) {
    const Json entry = {{key, pair[1]}};
    return static_cast<std::int32_t>(integer_of(entry, key, 0, kMaxTokenId, where));
  }
  fail_data(where + ": \"" + key + "\" is not a pair of a token and its id");
}

}  // namespace

PostProcessor::PostProcessor(const Json& description, const std::string& where) {
  if (!description.is_null()) add(description, where, 0);
}

void PostProcessor::add(const Json& description, const std::string& where, int depth) {
  if (depth > kMaxDepth) fail_data(where + ": nests deeper than 16 levels");
  const std::string type = type_of(description, where);
  if (type == "Sequence") {
    for (const Json& part : list_of(description, "processors", where)) add(part, where, depth + 1);
  } else if (type == "TemplateProcessing") {
    add_template(description, where);
  } else if (type == "BertProcessing" || type == "RobertaProcessing") {
    before_.insert(before_.begin(), token_of(description, "cls", where));
    after_.push_back(token_of(description, "sep", where));
  } else if (type != "ByteLevel") {
    refuse_type(type, "ByteLevel, TemplateProcessing, BertProcessing, RobertaProcessing, Sequence",
                where);
  }
  if (before_.size() + after_.size() > kMaxTokens)
    fail_data(where + ": adds more than 1024 tokens");
}

void PostProcessor::add_template(const Json& description, const std::string& where) {
  const auto tokens = description.find("special_tokens");
  std::vector<std::int32_t> before;
  std::vector<std::int32_t> after;
  int num_texts = 0;
  for (const Json& piece : list_of(description, "single", where)) {
    const bool is_text = piece.is_object() && piece.contains("Sequence");
    if (is_text) {
      if (text_of(piece["Sequence"], "id", where) != "A") {
        fail_data(where + ": \"single\" has a second text, which only \"pair\" may have");
      }
      ++num_texts;
      continue;
    }
    if (!piece.is_object() || !piece.contains("SpecialToken")) {
      fail_data(where + ": a piece of \"single\" is neither Sequence nor SpecialToken");
    }
    const std::string& name = text_of(piece["SpecialToken"], "id", where);
    if (tokens == description.end() || !tokens->is_object() || !tokens->contains(name)) {
      fail_data(where + ": \"special_tokens\" does not say what " + name + " is");
    }
    for (const Json& id : list_of((*tokens)[name], "ids", where)) {
      const Json entry = {{"ids", id}};
      (num_texts == 0 ? before : after)
          .push_back(static_cast<std::int32_t>(integer_of(entry, "ids", 0, kMaxTokenId, where)));
    }
  }
  if (num_texts != 1) {
    fail_data(where + ": \"single\" holds the text " + std::to_string(num_texts) +
              " times\n  supported: once");
  }
  before_.insert(before_.begin(), before.begin(), before.end());
  after_.insert(after_.end(), after.begin(), after.end());
}

}  // namespace peira::model
