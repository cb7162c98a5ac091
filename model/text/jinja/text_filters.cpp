// Filters of texts.
#include <algorithm>
#include <optional>
#include <utility>

#include "base/utf8.h"
#include "model/text/jinja/filter_tables.h"
#include "model/text/jinja/format.h"
#include "model/text/jinja/methods.h"
#include "model/text/jinja/operations.h"
#include "model/text/jinja/python_text.h"
#include "model/text/unicode.h"

namespace peira::model::jinja {
namespace {

// str(value); a Markup stays one.
Value soft_text(Budget& budget, const Value& value) {
  return value.is_string() ? value : Value(budget.text_of(value));
}

// `text` made of `from`, Markup if that was.
Value as_made_of(Budget& budget, const Value& from, std::string text) {
  budget.charge_text(text.size());
  return from.is_markup() ? Value::markup(std::move(text)) : Value(std::move(text));
}

Value unsupported_filter(Budget&, const Value&, const Arguments&) {
  fail("the filters pprint, random, urlize and wordwrap are not supported");
}

template <std::string (*change)(std::string_view)>
Value cased(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("the filter", 0, 0, {});
  return as_made_of(budget, value, change(budget.text_of(value)));
}

Value escape_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("escape", 0, 0, {});
  return Value::markup(escaped_unless_markup(budget, value));
}

Value trim_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("trim", 0, 1, {"chars"});
  const Value set = arguments.get(0, "chars", Value::none());
  const std::string text = budget.text_of(value);
  if (set.is_none()) return as_made_of(budget, value, std::string(strip(text, Side::kBoth)));
  if (!set.is_string()) fail("trim: the characters are not a str");
  return as_made_of(budget, value, std::string(strip(text, Side::kBoth, set.text())));
}

// Python's own: comments and tags go, runs of white space become one space, entities characters.
Value strip_tags_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("striptags", 0, 0, {});
  std::string text = budget.text_of(value);
  for (const auto& [open, close] : {std::pair{"<!--", "-->"}, std::pair{"<", ">"}}) {
    std::string kept;
    std::size_t at = 0;
    for (;;) {
      const std::size_t begin = text.find(open, at);
      const std::size_t end = begin == std::string::npos ? begin : text.find(close, begin);
      if (end == std::string::npos) break;
      kept += text.substr(at, begin - at);
      at = end + std::string_view(close).size();
    }
    text = kept + text.substr(at);
  }
  std::string words;
  for (const std::string& word : split(text, std::nullopt, -1)) {
    words += (words.empty() ? "" : " ") + word;
  }
  static constexpr std::pair<std::string_view, std::string_view> kEntities[] = {
      {"&lt;", "<"},   {"&gt;", ">"},  {"&quot;", "\""},
      {"&#34;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}};
  for (const auto& [entity, character] : kEntities) {
    words = replace(words, entity, character, -1, budget.max_text());
  }
  return budget.text_value(std::move(words));
}

Value xml_attributes_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("xmlattr", 0, 1, {"autospace"});
  if (!value.is_dict()) fail("xmlattr: expected a dict, not " + value.type_name());
  std::string out;
  for (const auto& [key, item] : value.as_dict().entries()) {
    if (item.is_none() || item.is_undefined()) continue;
    const std::string name = budget.text_of(key);
    if (name.find_first_of(" \t\n\r\f\v/>=") != std::string::npos) {
      fail("Invalid character in attribute name: " + string_repr(name));
    }
    out += (out.empty() ? "" : " ") + escaped_unless_markup(budget, key) + "=\"" +
           escaped_unless_markup(budget, item) + "\"";
  }
  if (!out.empty() && arguments.get(0, "autospace", Value(true)).truthy()) {
    out.insert(out.begin(), ' ');
  }
  return budget.text_value(std::move(out));
}

// float(text). throws Failure: it is no number.
Value apply_float(const Value& text) {
  const auto number = parse_float(text.text());
  if (!number) fail("could not convert string to float: " + string_repr(text.text()));
  return Value(*number);
}

Value file_size_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("filesizeformat", 0, 1, {"binary"});
  const bool binary = arguments.get(0, "binary", Value(false)).truthy();
  const Value number = value.is_string() ? apply_float(value) : value;
  if (!number.is_number()) fail("filesizeformat: expected a number, not " + value.type_name());
  const double bytes = number.number();
  const double base = binary ? 1024 : 1000;
  if (bytes == 1) return Value("1 Byte");
  const auto printed = [&](double amount, const char* pattern) {
    return budget.text_value(format_percent(budget, pattern, Value(amount)));
  };
  if (bytes < base) return printed(bytes, "%d Bytes");
  const std::string_view prefixes = binary ? "KMGTPEZY" : "kMGTPEZY";
  double unit = base;
  for (std::size_t i = 0;; ++i, unit *= base) {
    if (bytes < unit * base || i + 1 == prefixes.size()) {
      return printed(bytes / unit,
                     ("%.1f " + std::string(1, prefixes[i]) + (binary ? "iB" : "B")).c_str());
    }
  }
}

Value replace_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("replace", 2, 3, {"old", "new", "count"});
  const Value limit = arguments.get(2, "count", Value::none());
  return budget.text_value(
      replace(budget.text_of(value), budget.text_of(arguments.get(0, "old", Value())),
              budget.text_of(arguments.get(1, "new", Value())),
              limit.is_none() ? -1 : whole("replace", limit), budget.max_text()));
}

Value indent_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("indent", 0, 3, {"width", "first", "blank"});
  const Value width = arguments.get(0, "width", Value(std::int64_t{4}));
  const bool first = arguments.get(1, "first", Value(false)).truthy();
  const bool blank = arguments.get(2, "blank", Value(false)).truthy();
  std::string margin;
  if (width.is_string()) {
    margin = width.text();
  } else {
    const std::int64_t count = std::max<std::int64_t>(whole("indent", width), 0);
    budget.charge_text(static_cast<std::size_t>(count));
    margin.assign(static_cast<std::size_t>(count), ' ');
  }
  std::string out;
  if (first) out += margin;
  // A newline at the very end starts a line of its own, so that it is kept.
  const std::vector<std::string> lines = split_lines(budget.text_of(value) + "\n", false);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) {
      out += '\n';
      if (blank || !lines[i].empty()) out += margin;
    }
    out += lines[i];
    budget.charge_text(
        std::max(lines[i].size() + margin.size(), out.size() > budget.max_text() ? out.size() : 0));
  }
  return as_made_of(budget, value, std::move(out));
}

Value title_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("title", 0, 0, {});
  // Jinja's own rule: a word begins after white space, '-', or an opening bracket.
  std::string out;
  bool at_start = true;
  for (const std::string& character : characters(budget.text_of(value))) {
    const bool separates = strip(character, Side::kBoth).empty() ||
                           std::string_view("-({[<").find(character) != std::string_view::npos;
    out += at_start ? upper(character) : lower(character);
    at_start = separates;
  }
  return budget.text_value(std::move(out));
}

Value truncate_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("truncate", 0, 4, {"length", "killwords", "end", "leeway"});
  const std::int64_t limit =
      whole("truncate", arguments.get(0, "length", Value(std::int64_t{255})));
  const bool kill_words = arguments.get(1, "killwords", Value(false)).truthy();
  const std::string end = budget.text_of(arguments.get(2, "end", Value("...")));
  Value leeway = arguments.get(3, "leeway", Value::none());
  if (leeway.is_none()) leeway = Value(std::int64_t{5});
  const std::string text = budget.text_of(value);
  const auto end_size = static_cast<std::int64_t>(count_characters(end));
  if (limit < end_size) {
    fail("expected length >= " + std::to_string(end_size) + ", got " + std::to_string(limit));
  }
  const auto size = static_cast<std::int64_t>(count_characters(text));
  if (size <= limit + whole("truncate", leeway)) return value;
  std::string kept = text.substr(0, byte_offset(text, static_cast<std::size_t>(limit - end_size)));
  if (!kill_words) {
    const std::size_t space = kept.rfind(' ');
    if (space != std::string::npos) kept.resize(space);
  }
  // A Markup takes the end in as it takes in any text: escaped.
  return value.is_markup() ? Value::markup(kept + escaped(end)) : Value(kept + end);
}

std::string percent_encoded(std::string_view text, std::string_view safe) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("_.-~").find(c) != std::string_view::npos ||
                       safe.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  return out;
}

// A word is a stretch of letters, digits and underscores.
std::int64_t count_words(std::string_view text) {
  std::int64_t count = 0;
  bool inside = false;
  for (const std::string& character : characters(text)) {
    const std::u32string code_point = to_utf32(character);
    const bool word = is_word(code_point[0]) && code_point[0] != 0x200C && code_point[0] != 0x200D;
    if (word && !inside) ++count;
    inside = word;
  }
  return count;
}

}  // namespace

const FilterTable& text_filters() {
  static const FilterTable table = {
      {"indent", indent_filter},
      {"replace", replace_filter},
      {"title", title_filter},
      {"truncate", truncate_filter},
      {"capitalize", cased<capitalize>},
      {"e", escape_filter},
      {"escape", escape_filter},
      {"filesizeformat", file_size_filter},
      {"lower", cased<lower>},
      {"pprint", unsupported_filter},
      {"random", unsupported_filter},
      {"striptags", strip_tags_filter},
      {"trim", trim_filter},
      {"upper", cased<upper>},
      {"urlize", unsupported_filter},
      {"wordwrap", unsupported_filter},
      {"xmlattr", xml_attributes_filter},
      {"center",
       [](Budget& budget, const Value& value, const Arguments& arguments) {
         arguments.check("center", 0, 1, {"width"});
         Value method;
         find_method(soft_text(budget, value), "center", method);
         return call(budget, method, {{arguments.get(0, "width", Value(std::int64_t{80}))}, {}});
       }},
      {"forceescape",
       [](Budget& budget, const Value& value, const Arguments& arguments) {
         arguments.check("forceescape", 0, 0, {});
         std::string text = escaped(budget.text_of(value));
         budget.charge_text(text.size());
         return Value::markup(std::move(text));
       }},
      {"format",
       [](Budget& budget, const Value& value, const Arguments& arguments) {
         if (!arguments.positional.empty() && !arguments.named.empty()) {
           fail("can't handle positional and keyword arguments at the same time");
         }
         Value given = Value::tuple(arguments.positional);
         if (!arguments.named.empty()) {
           auto dict = std::make_shared<Dict>();
           for (const auto& [key, item] : arguments.named) dict->set(Value(key), item);
           given = Value(std::move(dict));
         }
         return arithmetic(budget, "%", soft_text(budget, value), given);
       }},
      {"safe",
       [](Budget& budget, const Value& value, const Arguments& arguments) {
         arguments.check("safe", 0, 0, {});
         return Value::markup(budget.text_of(value));
       }},
      {"string",
       [](Budget& budget, const Value& value, const Arguments& arguments) {
         arguments.check("string", 0, 0, {});
         return soft_text(budget, value);
       }},
      {"urlencode",
       [](Budget& budget, const Value& value, const Arguments& arguments) {
         arguments.check("urlencode", 0, 0, {});
         const auto part = [&](const Value& piece) {
           return replace(percent_encoded(budget.text_of(piece), " "), " ", "+", -1,
                          budget.max_text());
         };
         if (value.is_string() || !(value.is_dict() || value.is_list())) {
           return budget.text_value(percent_encoded(budget.text_of(value), "/"));
         }
         std::string out;
         const auto pair = [&](const Value& key, const Value& item) {
           out += (out.empty() ? "" : "&") + part(key) + "=" + part(item);
         };
         if (value.is_dict()) {
           for (const auto& [key, item] : value.as_dict().entries()) pair(key, item);
         } else {
           for (const Value& item : items_of(budget, value)) {
             const std::vector<Value> two = iterate(item);
             if (two.size() != 2) fail("urlencode: expected pairs");
             pair(two[0], two[1]);
           }
         }
         return budget.text_value(std::move(out));
       }},
      {"wordcount",
       [](Budget& budget, const Value& value, const Arguments& arguments) {
         arguments.check("wordcount", 0, 0, {});
         return Value(count_words(budget.text_of(value)));
       }},
  };
  return table;
}

}  // namespace peira::model::jinja
