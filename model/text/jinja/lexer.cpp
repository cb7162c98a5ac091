#include "model/text/jinja/lexer.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>

#include "base/utf8.h"
#include "model/text/jinja/python_text.h"
#include "model/text/unicode.h"

namespace peira::model::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Lexer {
 public:
  explicit Lexer(Source& source) : source_(source.text), tags_(source.tags) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) text();
    push(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void error(std::string message) const {
    throw SyntaxError{{line_, at_, at_}, std::move(message)};
  }

  // What advance() passes next is the token's place.
  void push(TokenKind kind, std::string text) {
    tokens_.push_back({kind, std::move(text), {line_, at_, at_}});
  }

  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }

  bool looking_at(std::string_view what) const {
    return std::string_view(source_).substr(at_, what.size()) == what;
  }

  void advance(std::size_t count) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(at_ + count),
                                         '\n'));
    if (!tokens_.empty() && tokens_.back().place.begin == at_) {
      tokens_.back().place.end = at_ + count;
    }
    at_ += count;
  }

  // The length of the white space at `offset`.
  std::size_t space_at(std::size_t offset) const {
    const std::string_view rest = std::string_view(source_).substr(offset);
    return rest.size() - strip(rest, Side::kLeft).size();
  }

  // What follows a closing delimiter goes with it: all white space, one newline, or nothing.
  void close(char sign, bool trims_newline) {
    const std::size_t before = at_;
    if (sign == '-') {
      advance(space_at(at_));
    } else if (sign != '+' && trims_newline && peek() == '\n') {
      advance(1);
    }
    line_starts_ = at_ > before && source_[at_ - 1] == '\n';
  }

  // Text that a tag follows. sign: the tag's own, '\0' for none.
  void push_text(std::string_view text, char sign, bool strips_line) {
    if (sign == '-') {
      text = strip(text, Side::kRight);
    } else if (sign != '+' && strips_line) {
      const std::size_t newline = text.rfind('\n');
      const std::size_t line = newline == std::string_view::npos ? 0 : newline + 1;
      if ((line > 0 || line_starts_) && strip(text.substr(line), Side::kBoth).empty()) {
        text = text.substr(0, line);
      }
    }
    if (!text.empty()) push(TokenKind::kText, std::string(text));
  }

  // Text up to the next tag, and the tag.
  void text() {
    std::size_t open = at_;
    for (;; ++open) {
      open = source_.find('{', open);
      if (open == std::string::npos || open + 1 >= source_.size()) {
        push(TokenKind::kText, source_.substr(at_));
        advance(source_.size() - at_);
        return;
      }
      const char kind = source_[open + 1];
      if (kind == '{' || kind == '%' || kind == '#') break;
    }
    const char kind = source_[open + 1];
    const char after = open + 2 < source_.size() ? source_[open + 2] : '\0';
    const char sign = after == '-' || after == '+' ? after : '\0';
    push_text(std::string_view(source_).substr(at_, open - at_), sign, kind != '{');
    tags_.push_back({open, source_.size()});
    advance(open - at_ + (sign != '\0' ? 3 : 2));
    line_starts_ = false;
    if (kind == '#') {
      comment();
    } else if (kind == '%' && raw_begins()) {
      raw();
    } else {
      push(kind == '%' ? TokenKind::kBlockBegin : TokenKind::kVariableBegin, "");
      code(kind == '%');
    }
  }

  void comment() {
    const std::size_t end = source_.find("#}", at_);
    if (end == std::string::npos) error("Missing end of comment tag");
    const char before = end > at_ ? source_[end - 1] : '\0';
    advance(end + 2 - at_);
    tags_.back().end = at_;
    close(before == '-' || before == '+' ? before : '\0', true);
  }

  // Whether the block just opened is {% raw %}; passes it if so.
  bool raw_begins() {
    std::size_t i = at_ + space_at(at_);
    if (source_.compare(i, 3, "raw") != 0) return false;
    i += 3;
    i += space_at(i);
    const bool strips = source_.compare(i, 3, "-%}") == 0;
    if (!strips && source_.compare(i, 2, "%}") != 0) return false;
    advance(i + (strips ? 3 : 2) - at_);
    tags_.back().end = at_;
    close(strips ? '-' : '+', false);
    return true;
  }

  void raw() {
    for (std::size_t open = at_;; ++open) {
      open = source_.find("{%", open);
      if (open == std::string::npos) error("Missing end of raw directive");
      std::size_t i = open + 2;
      const char sign =
          i < source_.size() && (source_[i] == '-' || source_[i] == '+') ? source_[i] : '\0';
      if (sign != '\0') ++i;
      if (i < source_.size()) i += space_at(i);
      if (i >= source_.size() || source_.compare(i, 6, "endraw") != 0) continue;
      i += 6;
      if (i < source_.size()) i += space_at(i);
      const char end_sign =
          i < source_.size() && (source_[i] == '-' || source_[i] == '+') ? source_[i] : '\0';
      if (end_sign != '\0') ++i;
      if (i >= source_.size() || source_.compare(i, 2, "%}") != 0) continue;
      push_text(std::string_view(source_).substr(at_, open - at_), sign, true);
      advance(i + 2 - at_);
      close(end_sign, true);
      return;
    }
  }

  // The inside of {% %} or {{ }}, to its end.
  void code(bool is_block) {
    const std::string_view end = is_block ? "%}" : "}}";
    std::string brackets;  // those open, as their closing counterparts
    for (;;) {
      advance(space_at(at_));
      if (at_ >= source_.size()) {
        error(std::string("unexpected end of template, expected '") + std::string(end) + "'");
      }
      if (brackets.empty()) {
        const char sign = peek() == '-' || (is_block && peek() == '+') ? peek() : '\0';
        if (std::string_view(source_).substr(at_ + (sign != '\0' ? 1 : 0), 2) == end) {
          push(is_block ? TokenKind::kBlockEnd : TokenKind::kVariableEnd, "");
          advance(sign != '\0' ? 3 : 2);
          tags_.back().end = at_;
          close(sign, is_block);
          return;
        }
      }
      const char c = peek();
      if (is_digit(c)) {
        number();
      } else if (c == '\'' || c == '"') {
        string();
      } else if (is_name_start()) {
        name();
      } else {
        op(brackets);
      }
    }
  }

  bool is_name_start() const {
    const char c = peek();
    if (static_cast<unsigned char>(c) < 0x80) {
      return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
    }
    return is_alphabetic(decode_utf8(source_, at_).code_point);
  }

  void name() {
    std::size_t end = at_;
    while (end < source_.size()) {
      const DecodedCodePoint decoded = decode_utf8(source_, end);
      if (!is_word(decoded.code_point)) break;
      end += decoded.size_bytes;
    }
    std::string text = source_.substr(at_, end - at_);
    push(TokenKind::kName, text);
    advance(end - at_);
  }

  // Digits with single underscores between; the offset behind them.
  std::size_t digits_from(std::size_t i) const {
    while (i < source_.size() &&
           (is_digit(source_[i]) ||
            (source_[i] == '_' && i + 1 < source_.size() && is_digit(source_[i + 1])))) {
      ++i;
    }
    return i;
  }

  void number() {
    std::size_t end = at_;
    bool is_float = false;
    const char second = static_cast<char>(peek(1) | 0x20);
    if (peek() == '0' && (second == 'x' || second == 'o' || second == 'b') &&
        std::isxdigit(static_cast<unsigned char>(peek(2))) != 0) {
      end += 2;
      while (
          end < source_.size() &&
          (std::isxdigit(static_cast<unsigned char>(source_[end])) != 0 || source_[end] == '_')) {
        ++end;
      }
    } else {
      end = digits_from(at_);
      const bool after_dot = at_ > 0 && source_[at_ - 1] == '.';
      if (!after_dot) {
        if (end + 1 < source_.size() && source_[end] == '.' && is_digit(source_[end + 1])) {
          end = digits_from(end + 1);
          is_float = true;
        }
        if (end < source_.size() && (source_[end] | 0x20) == 'e') {
          std::size_t exponent = end + 1;
          if (exponent < source_.size() && (source_[exponent] == '+' || source_[exponent] == '-')) {
            ++exponent;
          }
          if (exponent < source_.size() && is_digit(source_[exponent])) {
            end = digits_from(exponent);
            is_float = true;
          }
        }
      }
    }
    push(is_float ? TokenKind::kFloat : TokenKind::kInteger, source_.substr(at_, end - at_));
    advance(end - at_);
  }

  void string() {
    const char quote = peek();
    std::size_t i = at_ + 1;
    std::string out;
    while (i < source_.size() && source_[i] != quote) {
      if (source_[i] == '\\') {
        i = escape(out, i + 1);
      } else {
        out += source_[i++];
      }
    }
    if (i >= source_.size()) error("a string has no end");
    push(TokenKind::kString, std::move(out));
    advance(i + 1 - at_);
  }

  // The escape whose letter is at `i`; returns the offset behind it.
  std::size_t escape(std::string& out, std::size_t i) const {
    if (i >= source_.size()) return i;
    const char c = source_[i++];
    static constexpr std::string_view kLetters = "\\'\"abfnrtv";
    static constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
    if (const std::size_t found = kLetters.find(c); found != std::string_view::npos) {
      out += kMeanings[found];
      return i;
    }
    if (c == '\n') return i;
    if (c >= '0' && c <= '7') {
      char32_t value = static_cast<char32_t>(c - '0');
      for (int k = 0; k < 2 && i < source_.size() && source_[i] >= '0' && source_[i] <= '7'; ++k) {
        value = value * 8 + static_cast<char32_t>(source_[i++] - '0');
      }
      append_utf8(out, value);
      return i;
    }
    const int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits == 0) {
      if (c == 'N') error("\\N escapes are not supported");
      out += '\\';
      out += c;
      return i;
    }
    const auto read = [&](std::size_t from, char32_t& value) {
      value = 0;
      for (int k = 0; k < digits; ++k) {
        const char digit = from + static_cast<std::size_t>(k) < source_.size()
                               ? source_[from + static_cast<std::size_t>(k)]
                               : '\0';
        if (std::isxdigit(static_cast<unsigned char>(digit)) == 0) {
          error(std::string("truncated \\") + c + " escape");
        }
        value = value * 16 +
                static_cast<char32_t>(is_digit(digit) ? digit - '0' : (digit | 0x20) - 'a' + 10);
      }
    };
    char32_t value = 0;
    read(i, value);
    append_utf8(out, value);
    return i + static_cast<std::size_t>(digits);
  }

  void op(std::string& brackets) {
    static constexpr std::array<std::string_view, 6> kLong = {"//", "**", "==", "!=", "<=", ">="};
    for (const std::string_view text : kLong) {
      if (looking_at(text)) {
        push(TokenKind::kOperator, std::string(text));
        advance(2);
        return;
      }
    }
    const char c = peek();
    if (std::string_view("+-*/%~<>=.,:|()[]{}").find(c) == std::string_view::npos) {
      error("unexpected char " +
            string_repr(source_.substr(at_, decode_utf8(source_, at_).size_bytes)));
    }
    if (c == '(') brackets += ')';
    if (c == '[') brackets += ']';
    if (c == '{') brackets += '}';
    if (c == ')' || c == ']' || c == '}') {
      if (brackets.empty()) error(std::string("unexpected '") + c + "'");
      if (brackets.back() != c) {
        error(std::string("unexpected '") + c + "', expected '" + brackets.back() + "'");
      }
      brackets.pop_back();
    }
    push(TokenKind::kOperator, std::string(1, c));
    advance(1);
  }

  const std::string& source_;
  std::vector<Source::Tag>& tags_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_starts_ = true;  // the last tag ended with its line, or there was none yet
  std::vector<Token> tokens_;
};

}  // namespace

std::string with_plain_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

std::vector<Token> tokenize(Source& source) { return Lexer(source).run(); }

}  // namespace peira::model::jinja
