#include "model/text/json_reader.h"

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"

namespace peira::model {
namespace {

constexpr int kMaxDepth = 512;

std::string quoted(char c) {
  if (c == '\0') return "the end of the file";
  if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) {
    return "byte " + std::to_string(static_cast<unsigned char>(c));
  }
  return std::string("'") + c + "'";
}

}  // namespace

void JsonReader::fail_at(std::size_t position, const std::string& message) const {
  const std::string_view before = text_.substr(0, std::min(position, text_.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t newline = before.rfind('\n');
  const std::size_t column =
      1 + (newline == std::string_view::npos ? before.size() : before.size() - newline - 1);
  throw Error(ErrorCode::kData,
              where_ + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + message);
}

char JsonReader::peek() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c != ' ' && c != '\n' && c != '\t' && c != '\r') return c;
    ++at_;
  }
  return '\0';
}

void JsonReader::take(char expected) {
  const char c = peek();
  if (c != expected) fail(std::string("expected '") + expected + "' but found " + quoted(c));
  ++at_;
}

void JsonReader::open(char bracket) {
  take(bracket);
  if (++depth_ > kMaxDepth) fail("JSON nests deeper than 512 levels");
}

bool JsonReader::close(char bracket) {
  if (peek() != bracket) return false;
  ++at_;
  --depth_;
  return true;
}

bool JsonReader::more(char bracket) {
  if (close(bracket)) return false;
  const char c = peek();
  if (c != ',') {
    fail(std::string("expected ',' or '") + bracket + "' but found " + quoted(c));
  }
  ++at_;
  return true;
}

std::string_view JsonReader::string(std::string& buffer) {
  const char first = peek();
  if (first != '"') fail("expected a string but found " + quoted(first));
  const std::size_t begin = ++at_;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') return text_.substr(begin, at_++ - begin);
    if (c == '\\') break;
    if (static_cast<unsigned char>(c) < 0x20) fail("control character in a string");
    ++at_;
  }
  buffer.assign(text_.substr(begin, at_ - begin));
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      return buffer;
    }
    if (static_cast<unsigned char>(c) < 0x20) fail("control character in a string");
    ++at_;
    if (c == '\\') {
      append_escape(buffer);
    } else {
      buffer.push_back(c);
    }
  }
  fail("string without an end");
}

void JsonReader::append_escape(std::string& out) {
  const char c = at_ < text_.size() ? text_[at_++] : '\0';
  switch (c) {
    case '"':
    case '\\':
    case '/':
      out.push_back(c);
      return;
    case 'b':
      out.push_back('\b');
      return;
    case 'f':
      out.push_back('\f');
      return;
    case 'n':
      out.push_back('\n');
      return;
    case 'r':
      out.push_back('\r');
      return;
    case 't':
      out.push_back('\t');
      return;
    case 'u':
      break;
    default:
      fail("unknown escape in a string");
  }
  char32_t code_point = hex4();
  if (code_point >= 0xD800 && code_point <= 0xDBFF) {
    if (text_.substr(at_, 2) != "\\u") fail("high surrogate without its low half");
    at_ += 2;
    const char32_t low = hex4();
    if (low < 0xDC00 || low > 0xDFFF) fail("high surrogate without its low half");
    code_point = 0x10000 + ((code_point - 0xD800) << 10U) + (low - 0xDC00);
  } else if (code_point >= 0xDC00 && code_point <= 0xDFFF) {
    fail("low surrogate without its high half");
  }
  append_utf8(out, code_point);
}

unsigned JsonReader::hex4() {
  unsigned value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at_ < text_.size() ? text_[at_++] : '\0';
    const unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                           : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a') + 10
                           : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A') + 10
                                                  : 16;
    if (digit == 16) fail("\\u needs four hexadecimal digits");
    value = value * 16 + digit;
  }
  return value;
}

std::int64_t JsonReader::integer() {
  const char first = peek();
  const bool negative = first == '-';
  if (negative) ++at_;
  const std::size_t begin = at_;
  std::int64_t value = 0;
  while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
    if (at_ - begin >= 18) fail("number too large");
    value = value * 10 + (text_[at_++] - '0');
  }
  if (at_ == begin) fail("expected an integer but found " + quoted(first));
  if (text_[begin] == '0' && at_ - begin > 1) fail("number with a leading zero");
  if (at_ < text_.size() && (text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E')) {
    fail("expected an integer but found a fraction");
  }
  return negative ? -value : value;
}

std::string_view JsonReader::raw() {
  const char first = peek();
  const std::size_t begin = at_;
  if (first == '"') {
    std::string unused;
    string(unused);
  } else if (first == '{' || first == '[') {
    int depth = 0;
    bool in_string = false;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (in_string) {
        if (c == '\\') {
          ++at_;
        } else if (c == '"') {
          in_string = false;
        }
      } else if (c == '"') {
        in_string = true;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if ((c == '}' || c == ']') && --depth == 0) {
        ++at_;
        return text_.substr(begin, at_ - begin);
      }
    }
    at_ = text_.size();
    fail("the file ends inside a value");
  } else {
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}' && text_[at_] != ']' &&
           text_[at_] != ' ' && text_[at_] != '\n' && text_[at_] != '\r' && text_[at_] != '\t') {
      ++at_;
    }
    if (at_ == begin) fail("expected a value but found " + quoted(first));
  }
  return text_.substr(begin, at_ - begin);
}

void JsonReader::end() {
  const char c = peek();
  if (c != '\0' || at_ < text_.size()) fail("unexpected " + quoted(c) + " after the value");
}

}  // namespace peira::model
