#include "model/text/jinja/python_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "base/utf8.h"
#include "model/text/jinja/failure.h"
#include "model/text/unicode.h"

namespace peira::model::jinja {
namespace {

// Python's str.isspace: White_Space and the four information separators.
bool is_python_space(char32_t c) { return is_white_space(c) || (c >= 0x1C && c <= 0x1F); }

bool is_cased(char32_t c) { return is_upper(c) || is_lower(c); }

template <typename Body>
void each_code_point(std::string_view text, Body body) {
  for (std::size_t i = 0; i < text.size();) {
    const DecodedCodePoint decoded = decode_utf8(text, i);
    body(decoded.code_point);
    i += decoded.size_bytes;
  }
}

void append_hex(std::string& out, const char* prefix, char32_t value, int digits) {
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, "%0*x", digits, static_cast<unsigned>(value));
  out += prefix;
  out += buffer;
}

}  // namespace

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[64];
  const auto result =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const std::string_view shortest(buffer, static_cast<std::size_t>(result.ptr - buffer));
  const std::size_t e = shortest.find('e');
  const int exponent = std::atoi(std::string(shortest.substr(e + 1)).c_str());
  std::string out;
  std::string digits;
  for (const char c : shortest.substr(0, e)) {
    if (c == '-') {
      out = "-";
    } else if (c != '.') {
      digits += c;
    }
  }
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (digits.size() > 1) out += "." + digits.substr(1);
    char tail[16];
    std::snprintf(tail, sizeof tail, "e%c%02d", exponent < 0 ? '-' : '+', std::abs(exponent));
    return out + tail;
  }
  if (exponent < 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-exponent - 1), '0');
    return out + digits;
  }
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) {
    out += digits;
    out.append(whole - digits.size(), '0');
    return out + ".0";
  }
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

std::string string_repr(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const bool has_double = text.find('"') != std::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string out(1, quote);
  each_code_point(text, [&](char32_t c) {
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_printable(c)) {
      append_utf8(out, c);
    } else if (c < 0x100) {
      append_hex(out, "\\x", c, 2);
    } else if (c < 0x10000) {
      append_hex(out, "\\u", c, 4);
    } else {
      append_hex(out, "\\U", c, 8);
    }
  });
  out += quote;
  return out;
}

std::string json_string(std::string_view text, bool ascii_only) {
  std::string out(1, '"');
  each_code_point(text, [&](char32_t c) {
    switch (c) {
      case '"':
        out += "\\\"";
        return;
      case '\\':
        out += "\\\\";
        return;
      case '\n':
        out += "\\n";
        return;
      case '\r':
        out += "\\r";
        return;
      case '\t':
        out += "\\t";
        return;
      case '\b':
        out += "\\b";
        return;
      case '\f':
        out += "\\f";
        return;
      default:
        break;
    }
    if (c < 0x20 || (ascii_only && c >= 0x7F && c < 0x10000 && c != 0x7F)) {
      append_hex(out, "\\u", c, 4);
    } else if (ascii_only && c >= 0x10000) {
      append_hex(out, "\\u", 0xD800 + ((c - 0x10000) >> 10U), 4);
      append_hex(out, "\\u", 0xDC00 + ((c - 0x10000) & 0x3FFU), 4);
    } else {
      append_utf8(out, c);
    }
  });
  out += '"';
  return out;
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::size_t byte_offset(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) continue;
    if (index-- == 0) break;
  }
  return at;
}

std::vector<std::string> characters(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = decode_utf8(text, i).size_bytes;
    out.emplace_back(text.substr(i, size));
    i += size;
  }
  return out;
}

std::string upper(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  each_code_point(text, [&](char32_t c) { append_upper(out, c); });
  return out;
}

std::string lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const DecodedCodePoint decoded = decode_utf8(text, i);
    if (decoded.code_point == 0x3A3) {
      // A capital sigma that ends a word becomes the final form.
      bool after_cased = false;
      for (std::size_t j = i; j > 0;) {
        do {
          --j;
        } while (j > 0 && (static_cast<unsigned char>(text[j]) & 0xC0U) == 0x80U);
        after_cased = is_cased(decode_utf8(text, j).code_point);
        break;
      }
      const std::size_t next = i + decoded.size_bytes;
      const bool before_cased = next < text.size() && is_cased(decode_utf8(text, next).code_point);
      append_utf8(out, after_cased && !before_cased ? 0x3C2 : 0x3C3);
    } else {
      append_lower(out, decoded.code_point);
    }
    i += decoded.size_bytes;
  }
  return out;
}

std::string capitalize(std::string_view text) {
  if (text.empty()) return {};
  const DecodedCodePoint first = decode_utf8(text, 0);
  std::string out;
  append_title(out, first.code_point);
  return out + lower(text.substr(first.size_bytes));
}

std::string title(std::string_view text) {
  std::string out;
  bool inside = false;
  each_code_point(text, [&](char32_t c) {
    if (inside) {
      append_lower(out, c);
    } else {
      append_title(out, c);
    }
    inside = is_cased(c);
  });
  return out;
}

std::string swap_case(std::string_view text) {
  std::string out;
  each_code_point(text, [&](char32_t c) {
    if (is_upper(c)) {
      append_lower(out, c);
    } else {
      append_upper(out, c);
    }
  });
  return out;
}

std::string_view strip(std::string_view text, Side side, std::optional<std::string_view> set) {
  const std::u32string chars = set ? to_utf32(*set) : std::u32string();
  const auto goes = [&](char32_t c) {
    return set ? chars.find(c) != std::u32string::npos : is_python_space(c);
  };
  if (side != Side::kRight) {
    while (!text.empty()) {
      const DecodedCodePoint first = decode_utf8(text, 0);
      if (!goes(first.code_point)) break;
      text.remove_prefix(first.size_bytes);
    }
  }
  if (side != Side::kLeft) {
    while (!text.empty()) {
      std::size_t at = text.size() - 1;
      while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) --at;
      if (!goes(decode_utf8(text, at).code_point)) break;
      text = text.substr(0, at);
    }
  }
  return text;
}

std::size_t find(std::string_view text, std::string_view needle, std::size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (needle.empty()) return from;
  const void* found = memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

std::size_t count(std::string_view text, std::string_view needle) {
  if (needle.empty()) return count_characters(text) + 1;
  std::size_t total = 0;
  for (std::size_t at = 0; (at = find(text, needle, at)) != std::string_view::npos;
       at += needle.size()) {
    ++total;
  }
  return total;
}

std::string replace(std::string_view text, std::string_view from, std::string_view to,
                    std::int64_t limit, std::size_t max_size) {
  std::string out;
  const auto check = [&] {
    if (out.size() > max_size) fail("a text grows beyond the limit");
  };
  std::size_t at = 0;
  if (from.empty()) {  // between all characters
    while (limit != 0) {
      if (limit > 0) --limit;
      out += to;
      check();
      if (at >= text.size()) return out;
      const std::size_t size = decode_utf8(text, at).size_bytes;
      out += text.substr(at, size);
      at += size;
    }
    out += text.substr(at);
    return out;
  }
  while (limit != 0) {
    const std::size_t found = find(text, from, at);
    if (found == std::string_view::npos) break;
    if (limit > 0) --limit;
    out += text.substr(at, found - at);
    out += to;
    check();
    at = found + from.size();
  }
  out += text.substr(at);
  return out;
}

std::vector<std::string> split(std::string_view text, std::optional<std::string_view> separator,
                               std::int64_t limit) {
  std::vector<std::string> out;
  if (separator) {
    if (separator->empty()) fail("empty separator");
    std::size_t at = 0;
    while (limit != 0) {
      const std::size_t found = find(text, *separator, at);
      if (found == std::string_view::npos) break;
      if (limit > 0) --limit;
      out.emplace_back(text.substr(at, found - at));
      at = found + separator->size();
    }
    out.emplace_back(text.substr(at));
    return out;
  }
  text = strip(text, Side::kLeft);
  while (!text.empty()) {
    if (limit == 0) {
      out.emplace_back(text);
      break;
    }
    if (limit > 0) --limit;
    std::size_t end = 0;
    while (end < text.size()) {
      const DecodedCodePoint decoded = decode_utf8(text, end);
      if (is_python_space(decoded.code_point)) break;
      end += decoded.size_bytes;
    }
    out.emplace_back(text.substr(0, end));
    text = strip(text.substr(end), Side::kLeft);
  }
  return out;
}

std::vector<std::string> split_right(std::string_view text,
                                     std::optional<std::string_view> separator,
                                     std::int64_t limit) {
  // All the pieces with where they begin; those beyond the limit stay joined at the front.
  if (limit < 0) return split(text, separator, -1);
  std::vector<std::string> out;
  if (separator) {
    if (separator->empty()) fail("empty separator");
    while (limit > 0) {
      const std::size_t found = text.rfind(*separator);
      if (found == std::string_view::npos) break;
      --limit;
      out.emplace_back(text.substr(found + separator->size()));
      text = text.substr(0, found);
    }
    out.emplace_back(text);
  } else {
    text = strip(text, Side::kRight);
    while (!text.empty()) {
      if (limit == 0) {
        out.emplace_back(text);
        break;
      }
      --limit;
      std::size_t begin = text.size();
      while (begin > 0) {
        std::size_t at = begin - 1;
        while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) --at;
        if (is_python_space(decode_utf8(text, at).code_point)) break;
        begin = at;
      }
      out.emplace_back(text.substr(begin));
      text = strip(text.substr(0, begin), Side::kRight);
    }
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<std::string> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    const DecodedCodePoint decoded = decode_utf8(text, i);
    const char32_t c = decoded.code_point;
    const bool ends_line = (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 ||
                           c == 0x2028 || c == 0x2029;
    std::size_t next = i + decoded.size_bytes;
    if (ends_line) {
      if (c == '\r' && next < text.size() && text[next] == '\n') ++next;
      out.emplace_back(text.substr(begin, (keep_ends ? next : i) - begin));
      begin = next;
    }
    i = next;
  }
  if (begin < text.size()) out.emplace_back(text.substr(begin));
  return out;
}

namespace {

// Without the underscores that may stand between digits; empty when one stands elsewhere.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      continue;
    }
    const auto alnum = [&](std::size_t k) {
      return k < text.size() && std::isalnum(static_cast<unsigned char>(text[k])) != 0;
    };
    if (i == 0 || !alnum(i - 1) || !alnum(i + 1)) return std::nullopt;
  }
  return out;
}

}  // namespace

std::optional<BigInteger> parse_integer(std::string_view text, int base) {
  const auto cleaned = without_underscores(strip(text, Side::kBoth));
  if (!cleaned) return std::nullopt;
  std::string_view digits = *cleaned;
  bool negative = false;
  if (!digits.empty() && (digits[0] == '+' || digits[0] == '-')) {
    negative = digits[0] == '-';
    digits.remove_prefix(1);
  }
  const auto prefixed = [&](char letter) {
    return digits.size() > 2 && digits[0] == '0' && (digits[1] | 0x20) == letter;
  };
  if ((base == 16 || base == 0) && prefixed('x')) {
    base = 16;
    digits.remove_prefix(2);
  } else if ((base == 8 || base == 0) && prefixed('o')) {
    base = 8;
    digits.remove_prefix(2);
  } else if ((base == 2 || base == 0) && prefixed('b')) {
    base = 2;
    digits.remove_prefix(2);
  } else if (base == 0) {
    base = 10;
  }
  if (base < 2 || base > 36 || digits.empty() || digits[0] == '-' || digits[0] == '+') {
    return std::nullopt;
  }
  std::string number(negative ? "-" : "");
  number += digits;
  return BigInteger::parse(number, base);
}

std::optional<double> parse_float(std::string_view text) {
  const auto cleaned = without_underscores(strip(text, Side::kBoth));
  if (!cleaned) return std::nullopt;
  std::string_view digits = *cleaned;
  bool negative = false;
  if (!digits.empty() && (digits[0] == '+' || digits[0] == '-')) {
    negative = digits[0] == '-';
    digits.remove_prefix(1);
  }
  const std::string word = lower(digits);
  double value = 0;
  if (word == "inf" || word == "infinity") {
    value = HUGE_VAL;
  } else if (word == "nan") {
    value = std::nan("");
  } else {
    if (digits.empty() || digits[0] == '-' || digits[0] == '+') return std::nullopt;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (result.ptr != digits.data() + digits.size() || result.ec == std::errc::invalid_argument) {
      return std::nullopt;
    }
    if (result.ec == std::errc::result_out_of_range)
      value = std::strtod(std::string(digits).c_str(), nullptr);
  }
  return negative ? -value : value;
}

}  // namespace peira::model::jinja
