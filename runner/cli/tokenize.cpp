// peira tokenize: text to token ids and back.

#include <cstdint>
#include <iostream>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "model/text/tokenizer.h"
#include "runner/cli/command.h"
#include "runner/endpoints/open_model.h"

namespace peira::runner::cli {
namespace {

struct TokenizeFlags {
  std::string model = "bundled";
  std::string text, file;
  bool jsonl = false, json = false, add_special_tokens = false, skip_special_tokens = false;
};

std::vector<std::int32_t> ids_of(const Json& value, const std::string& where) {
  std::vector<std::int32_t> ids;
  if (!value.is_array()) throw Error(ErrorCode::kData, where + ": \"ids\" must be a list");
  for (const Json& id : value) {
    const bool fits = id.is_number_integer() && id.get<std::int64_t>() >= 0 &&
                      id.get<std::int64_t>() <= std::numeric_limits<std::int32_t>::max();
    if (!fits) throw Error(ErrorCode::kData, where + ": " + dump_json(id) + " is not a token id");
    ids.push_back(id.get<std::int32_t>());
  }
  return ids;
}

int tokenize_lines(const model::Tokenizer& tokenizer, const TokenizeFlags& flags,
                   std::istream& input, const std::string& name) {
  std::string line;
  for (std::int64_t number = 1; std::getline(input, line); ++number) {
    if (line.empty()) continue;
    const std::string where = name + ":" + std::to_string(number);
    const Json value = parse_json(line, where);
    std::vector<std::int32_t> ids;
    if (value.is_object() && value.contains("ids")) {
      ids = ids_of(value["ids"], where);
    } else {
      const Json& text = require(value, "text", where);
      if (!text.is_string()) throw Error(ErrorCode::kData, where + ": \"text\" must be a string");
      ids = tokenizer.encode(text.get<std::string>(), flags.add_special_tokens);
    }
    print_json(
        OrderedJson{{"ids", ids}, {"text", tokenizer.decode(ids, flags.skip_special_tokens)}});
  }
  return kPassed;
}

int tokenize(const TokenizeFlags& flags) {
  const model::CheckpointFiles files = open_checkpoint(flags.model);
  const auto text_of_file = files.open_text("tokenizer.json");
  if (!text_of_file) {
    throw Error(ErrorCode::kData, files.where("tokenizer.json") + ": there is no such file");
  }
  const model::Tokenizer tokenizer(*text_of_file, files.where("tokenizer.json"));
  if (flags.jsonl) return tokenize_lines(tokenizer, flags, std::cin, "<stdin>");

  const std::string text = flags.file.empty() ? flags.text : read_file(flags.file);
  const auto ids = tokenizer.encode(text, flags.add_special_tokens);
  if (flags.json) {
    print_json(
        OrderedJson{{"ids", ids}, {"text", tokenizer.decode(ids, flags.skip_special_tokens)}});
    return kPassed;
  }
  std::string table;
  for (const std::int32_t id : ids) {
    // JSON's quoting makes blanks, line breaks and part characters visible.
    table += std::to_string(id) + "\t" +
             dump_json(Json(tokenizer.decode(std::span(&id, 1), false))) + "\n";
  }
  print(table);
  note(std::to_string(ids.size()) + " tokens");
  return kPassed;
}

}  // namespace

Command add_tokenize(CLI::App& root) {
  CLI::App* app = add_subcommand(root, "tokenize", "Show how a checkpoint splits text",
                                 R"(Examples  peira tokenize 'How many tokens is this?'
          peira tokenize --model ./Qwen3-30B-A3B --file prompt.txt --json
          peira tokenize --model DIR --jsonl <texts.jsonl    lines {"text"} or {"ids"} become {"ids", "text"}
Special tokens written in the text are recognised; none is added unless asked for. "text" is the
ids decoded back.)");
  const auto flags = std::make_shared<TokenizeFlags>();
  app->add_option("text", flags->text, "the text");
  app->add_option("--file", flags->file, "take the text from a file");
  app->add_option("--model", flags->model, "bundled or a folder with tokenizer.json")
      ->capture_default_str();
  app->add_flag("--add-special-tokens", flags->add_special_tokens,
                "put around the text what the tokenizer does for raw text, e.g. <s>");
  app->add_flag("--skip-special-tokens", flags->skip_special_tokens,
                "leave special tokens out of the text decoded back");
  app->add_flag("--jsonl", flags->jsonl,
                "read lines {\"text\"} or {\"ids\"} from stdin, one object out a line");
  app->add_flag("--json", flags->json, "one JSON object");
  return {app, [flags] { return tokenize(*flags); }};
}

}  // namespace peira::runner::cli
