// A template's text as tokens, white space handled as transformers sets Jinja: trim_blocks and
// lstrip_blocks on, the newline at the very end dropped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/text/jinja/source.h"

namespace peira::model::jinja {

enum class TokenKind {
  kText,
  kBlockBegin,
  kBlockEnd,
  kVariableBegin,
  kVariableEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind;
  std::string text;  // kString: with its escapes resolved
  Place place;
};

// A template as Jinja sees it: "\r\n" and "\r" are newlines, and one at the very end is none.
std::string with_plain_newlines(std::string_view source);
// The tokens of source.text, the last of which is kEnd; fills in source.tags. throws SyntaxError.
std::vector<Token> tokenize(Source& source);

}  // namespace peira::model::jinja
