#include "datasets/python_list.h"

#include "base/utf8.h"

namespace peira::datasets {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class ListParser {
 public:
  explicit ListParser(std::string_view text) : text_(text) {}

  std::optional<std::vector<std::string>> parse() {
    skip_blanks();
    if (!take('[')) return std::nullopt;
    std::vector<std::string> items;
    for (;;) {
      skip_blanks();
      if (take(']')) break;
      std::optional<std::string> item = peek() == '\'' || peek() == '"' ? string() : number();
      if (!item) return std::nullopt;
      items.push_back(std::move(*item));
      skip_blanks();
      if (take(']')) break;
      if (!take(',')) return std::nullopt;
    }
    skip_blanks();
    if (at_ != text_.size()) return std::nullopt;
    return items;
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  void skip_blanks() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }

  std::optional<std::string> number() {
    const std::size_t start = at_;
    while (at_ < text_.size() &&
           std::string_view("+-.0123456789eE").find(text_[at_]) != std::string_view::npos)
      ++at_;
    if (at_ == start) return std::nullopt;
    return std::string(text_.substr(start, at_ - start));
  }

  std::optional<std::string> string() {
    const char quote = text_[at_++];
    std::string out;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == quote) return out;
      if (c == '\n') return std::nullopt;
      if (c != '\\') {
        out += c;
      } else if (!escape(out)) {
        return std::nullopt;
      }
    }
    return std::nullopt;
  }

  bool escape(std::string& out) {
    if (at_ == text_.size()) return false;
    const char c = text_[at_++];
    switch (c) {
      case '\n':
        return true;  // a line continued
      case '\\':
      case '\'':
      case '"':
        out += c;
        return true;
      case 'a':
        out += '\a';
        return true;
      case 'b':
        out += '\b';
        return true;
      case 'f':
        out += '\f';
        return true;
      case 'n':
        out += '\n';
        return true;
      case 'r':
        out += '\r';
        return true;
      case 't':
        out += '\t';
        return true;
      case 'v':
        out += '\v';
        return true;
      case 'x':
        return code_point(2, out);
      case 'u':
        return code_point(4, out);
      case 'U':
        return code_point(8, out);
      default:  // Python keeps a backslash that starts no escape; octal ones and names are not met
        if (c == 'N' || (c >= '0' && c <= '7')) return false;
        out += '\\';
        out += c;
        return true;
    }
  }

  bool code_point(std::size_t digits, std::string& out) {
    if (text_.size() - at_ < digits) return false;
    char32_t value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const int digit = hex_value(text_[at_++]);
      if (digit < 0 || value > 0x10FFFF) return false;
      value = value * 16 + static_cast<char32_t>(digit);
    }
    if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return false;
    append_utf8(out, value);
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<std::vector<std::string>> parse_python_list(std::string_view literal) {
  return ListParser(literal).parse();
}

}  // namespace peira::datasets
