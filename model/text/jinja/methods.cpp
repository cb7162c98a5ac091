#include "model/text/jinja/methods.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/utf8.h"
#include "model/text/jinja/format.h"
#include "model/text/jinja/operations.h"
#include "model/text/jinja/python_text.h"
#include "model/text/unicode.h"

namespace peira::model::jinja {
namespace {

using TextMethod = Value (*)(Budget&, const std::string&, const Arguments&);

const std::string& text_argument(const char* method, const Value& value) {
  if (!value.is_string()) {
    if (value.is_undefined()) fail(value.undefined_message());
    fail(std::string(method) + "(): expected a str, not " + value.type_name());
  }
  return value.text();
}

std::int64_t int_argument(const char* function, const Value& value) {
  if (!value.is_int()) {
    if (value.is_undefined()) fail(value.undefined_message());
    fail(std::string(function) + "(): '" + value.type_name() +
         "' object cannot be interpreted as an integer");
  }
  return value.integer();
}

Value texts(Budget& budget, std::vector<std::string> pieces) {
  budget.charge(pieces.size());
  std::vector<Value> items;
  items.reserve(pieces.size());
  for (std::string& piece : pieces) items.emplace_back(std::move(piece));
  return Value::list(std::move(items));
}

template <Side side>
Value strip_method(Budget&, const std::string& text, const Arguments& arguments) {
  arguments.check("strip", 0, 1, {});
  if (arguments.positional.empty() || arguments.positional[0].is_none()) {
    return Value(std::string(strip(text, side)));
  }
  return Value(std::string(strip(text, side, text_argument("strip", arguments.positional[0]))));
}

// The part of `text` that the optional arguments start and end leave, and where it begins.
std::string_view bounded(std::string_view text, const Arguments& arguments, std::size_t first,
                         std::size_t* begin_characters = nullptr) {
  const auto count = static_cast<std::int64_t>(count_characters(text));
  const auto bound = [&](std::size_t index, std::int64_t otherwise) {
    const Value value = arguments.get(index, "", Value::none());
    if (value.is_none()) return otherwise;
    std::int64_t at = int_argument("find", value);
    if (at < 0) at = std::max<std::int64_t>(at + count, 0);
    return std::min(at, count);
  };
  const std::int64_t begin = bound(first, 0);
  const std::int64_t end = std::max(bound(first + 1, count), begin);
  if (begin_characters != nullptr) *begin_characters = static_cast<std::size_t>(begin);
  const std::size_t from = byte_offset(text, static_cast<std::size_t>(begin));
  const std::string_view rest = text.substr(from);
  return rest.substr(0, byte_offset(rest, static_cast<std::size_t>(end - begin)));
}

bool matches_end(std::string_view text, std::string_view affix, bool at_start) {
  return at_start ? text.starts_with(affix) : text.ends_with(affix);
}

template <bool at_start>
Value affix_method(Budget&, const std::string& text, const Arguments& arguments) {
  const char* const name = at_start ? "startswith" : "endswith";
  arguments.check(name, 1, 3, {});
  const std::string_view part = bounded(text, arguments, 1);
  const Value& affix = arguments.positional[0];
  if (affix.is_list() && affix.as_list().kind == ListKind::kTuple) {
    const auto& items = affix.as_list().items;
    return Value(std::any_of(items.begin(), items.end(), [&](const Value& item) {
      return matches_end(part, text_argument(name, item), at_start);
    }));
  }
  return Value(matches_end(part, text_argument(name, affix), at_start));
}

template <bool from_right, bool must_be_there>
Value find_method_of_text(Budget& budget, const std::string& text, const Arguments& arguments) {
  arguments.check("find", 1, 3, {});
  std::size_t begin = 0;
  const std::string_view part = bounded(text, arguments, 1, &begin);
  const std::string& needle = text_argument("find", arguments.positional[0]);
  std::size_t found = std::string_view::npos;
  if (from_right) {
    budget.charge(part.size() / 64 * (needle.size() / 64 + 1));
    found = part.rfind(needle);
  } else {
    found = find(part, needle);
  }
  if (found == std::string_view::npos) {
    if (must_be_there) fail("substring not found");
    return Value(std::int64_t{-1});
  }
  return Value::size(begin + count_characters(part.substr(0, found)));
}

template <bool from_right>
Value split_method(Budget& budget, const std::string& text, const Arguments& arguments) {
  arguments.check("split", 0, 2, {"sep", "maxsplit"});
  const Value separator = arguments.get(0, "sep", Value::none());
  const std::int64_t limit =
      int_argument("split", arguments.get(1, "maxsplit", Value(std::int64_t{-1})));
  std::optional<std::string_view> by;
  if (!separator.is_none()) by = text_argument("split", separator);
  budget.charge_text(text.size());
  if (from_right && by) budget.charge(text.size() / 64 * (by->size() / 64 + 1));
  return texts(budget, from_right ? split_right(text, by, limit) : split(text, by, limit));
}

template <bool from_right>
Value partition_method(Budget& budget, const std::string& text, const Arguments& arguments) {
  arguments.check("partition", 1, 1, {});
  const std::string& by = text_argument("partition", arguments.positional[0]);
  if (by.empty()) fail("empty separator");
  if (from_right) budget.charge(text.size() / 64 * (by.size() / 64 + 1));
  const std::size_t found = from_right ? text.rfind(by) : find(text, by);
  if (found == std::string::npos) {
    return from_right ? Value::tuple({Value(""), Value(""), Value(text)})
                      : Value::tuple({Value(text), Value(""), Value("")});
  }
  return Value::tuple(
      {Value(text.substr(0, found)), Value(by), Value(text.substr(found + by.size()))});
}

// True for a text of at least one character when `holds` for all of them.
template <bool (*holds)(char32_t)>
Value all_method(Budget&, const std::string& text, const Arguments& arguments) {
  arguments.check("is", 0, 0, {});
  for (std::size_t i = 0; i < text.size();) {
    const DecodedCodePoint decoded = decode_utf8(text, i);
    if (!holds(decoded.code_point)) return Value(false);
    i += decoded.size_bytes;
  }
  return Value(!text.empty());
}

bool is_alnum(char32_t c) { return is_alphabetic(c) || is_numeric(c); }
bool is_space(char32_t c) { return is_white_space(c) || (c >= 0x1C && c <= 0x1F); }
bool is_digit_character(char32_t c) {
  return is_decimal(c) || c == 0xB2 || c == 0xB3 || c == 0xB9 || (c >= 0x2070 && c <= 0x2089);
}
bool is_ascii_character(char32_t c) { return c < 0x80; }

template <bool upper_case>
Value case_method(Budget&, const std::string& text, const Arguments& arguments) {
  arguments.check("is", 0, 0, {});
  bool any = false;
  for (std::size_t i = 0; i < text.size();) {
    const DecodedCodePoint decoded = decode_utf8(text, i);
    if (upper_case ? is_lower(decoded.code_point) : is_upper(decoded.code_point)) {
      return Value(false);
    }
    any = any || (upper_case ? is_upper(decoded.code_point) : is_lower(decoded.code_point));
    i += decoded.size_bytes;
  }
  return Value(any);
}

Value is_title_method(Budget&, const std::string& text, const Arguments& arguments) {
  arguments.check("istitle", 0, 0, {});
  bool any = false;
  bool inside = false;
  for (std::size_t i = 0; i < text.size();) {
    const DecodedCodePoint decoded = decode_utf8(text, i);
    const bool raised = is_upper(decoded.code_point);
    const bool small = is_lower(decoded.code_point);
    if ((raised && inside) || (small && !inside)) return Value(false);
    any = any || raised;
    inside = raised || small;
    i += decoded.size_bytes;
  }
  return Value(any);
}

template <std::string (*change)(std::string_view)>
Value change_method(Budget& budget, const std::string& text, const Arguments& arguments) {
  arguments.check("change", 0, 0, {});
  return budget.text_value(change(text));
}

// mode '<': text first, '>': text last, '^': in the middle as str.center does.
template <char mode>
Value pad_method(Budget& budget, const std::string& text, const Arguments& arguments) {
  arguments.check("pad", 1, 2, {});
  const std::int64_t width = int_argument("pad", arguments.positional[0]);
  const std::string fill = arguments.positional.size() > 1
                               ? text_argument("pad", arguments.positional[1])
                               : std::string(" ");
  if (count_characters(fill) != 1) fail("The fill character must be exactly one character long");
  const auto size = static_cast<std::int64_t>(count_characters(text));
  if (width <= size) return Value(text);
  const std::int64_t missing = width - size;
  budget.charge_text(static_cast<std::size_t>(missing));
  const auto filled = [&](std::int64_t count) {
    std::string out;
    for (std::int64_t i = 0; i < count; ++i) out += fill;
    return out;
  };
  const std::int64_t left = mode == '<'   ? 0
                            : mode == '>' ? missing
                                          : missing / 2 + (missing & width & 1);
  return budget.text_value(filled(left) + text + filled(missing - left));
}

Value expand_tabs_method(Budget& budget, const std::string& text, const Arguments& arguments) {
  arguments.check("expandtabs", 0, 1, {"tabsize"});
  const std::int64_t size =
      int_argument("expandtabs", arguments.get(0, "tabsize", Value(std::int64_t{8})));
  std::string out;
  std::int64_t column = 0;
  for (const std::string& character : characters(text)) {
    if (character == "\t") {
      const std::int64_t spaces = size > 0 ? size - column % size : 0;
      budget.charge_text(static_cast<std::size_t>(spaces));
      out.append(static_cast<std::size_t>(spaces), ' ');
      column += spaces;
      if (out.size() > budget.max_text()) budget.charge_text(out.size());
    } else {
      out += character;
      column = character == "\n" || character == "\r" ? 0 : column + 1;
    }
  }
  return budget.text_value(std::move(out));
}

Value is_identifier_method(Budget&, const std::string& text, const Arguments& arguments) {
  arguments.check("isidentifier", 0, 0, {});
  for (std::size_t i = 0; i < text.size();) {
    const DecodedCodePoint decoded = decode_utf8(text, i);
    const char32_t c = decoded.code_point;
    if (c != '_' && !(i == 0 ? is_alphabetic(c) : is_word(c))) return Value(false);
    i += decoded.size_bytes;
  }
  return Value(!text.empty());
}

const std::map<std::string, TextMethod, std::less<>>& text_methods() {
  static const std::map<std::string, TextMethod, std::less<>> methods = {
      {"strip", strip_method<Side::kBoth>},
      {"lstrip", strip_method<Side::kLeft>},
      {"rstrip", strip_method<Side::kRight>},
      {"startswith", affix_method<true>},
      {"endswith", affix_method<false>},
      {"find", find_method_of_text<false, false>},
      {"rfind", find_method_of_text<true, false>},
      {"index", find_method_of_text<false, true>},
      {"rindex", find_method_of_text<true, true>},
      {"split", split_method<false>},
      {"rsplit", split_method<true>},
      {"partition", partition_method<false>},
      {"rpartition", partition_method<true>},
      {"upper", change_method<upper>},
      {"lower", change_method<lower>},
      {"casefold", change_method<lower>},
      {"title", change_method<title>},
      {"capitalize", change_method<capitalize>},
      {"swapcase", change_method<swap_case>},
      {"isalpha", all_method<is_alphabetic>},
      {"isalnum", all_method<is_alnum>},
      {"isspace", all_method<is_space>},
      {"isdigit", all_method<is_digit_character>},
      {"isdecimal", all_method<is_decimal>},
      {"isnumeric", all_method<is_numeric>},
      {"isupper", case_method<true>},
      {"islower", case_method<false>},
      {"istitle", is_title_method},
      {"ljust", pad_method<'<'>},
      {"rjust", pad_method<'>'>},
      {"center", pad_method<'^'>},
      {"isascii",
       [](Budget& budget, const std::string& text, const Arguments& arguments) {
         return Value(text.empty() ||
                      all_method<is_ascii_character>(budget, text, arguments).truthy());
       }},
      {"count",
       [](Budget&, const std::string& text, const Arguments& arguments) {
         arguments.check("count", 1, 3, {});
         return Value::size(
             count(bounded(text, arguments, 1), text_argument("count", arguments.positional[0])));
       }},
      {"replace",
       [](Budget& budget, const std::string& text, const Arguments& arguments) {
         arguments.check("replace", 2, 3, {"count"});
         const std::int64_t limit =
             int_argument("replace", arguments.get(2, "count", Value(std::int64_t{-1})));
         return budget.text_value(replace(text, text_argument("replace", arguments.positional[0]),
                                          text_argument("replace", arguments.positional[1]), limit,
                                          budget.max_text()));
       }},
      {"removeprefix",
       [](Budget&, const std::string& text, const Arguments& arguments) {
         arguments.check("removeprefix", 1, 1, {});
         const std::string& affix = text_argument("removeprefix", arguments.positional[0]);
         return Value(text.starts_with(affix) ? text.substr(affix.size()) : text);
       }},
      {"removesuffix",
       [](Budget&, const std::string& text, const Arguments& arguments) {
         arguments.check("removesuffix", 1, 1, {});
         const std::string& affix = text_argument("removesuffix", arguments.positional[0]);
         return Value(text.ends_with(affix) ? text.substr(0, text.size() - affix.size()) : text);
       }},
      {"splitlines",
       [](Budget& budget, const std::string& text, const Arguments& arguments) {
         arguments.check("splitlines", 0, 1, {"keepends"});
         return texts(budget,
                      split_lines(text, arguments.get(0, "keepends", Value(false)).truthy()));
       }},
      {"join",
       [](Budget& budget, const std::string& text, const Arguments& arguments) {
         arguments.check("join", 1, 1, {});
         std::string out;
         bool first = true;
         for (const Value& item : iterate(arguments.positional[0])) {
           if (!first) out += text;
           first = false;
           if (!item.is_string()) {
             fail("sequence item: expected str instance, " + item.type_name() + " found");
           }
           out += item.text();
           budget.charge(1);
           budget.charge_text(item.text().size());
           if (out.size() > budget.max_text()) budget.charge_text(out.size());
         }
         return Value(std::move(out));
       }},
      {"zfill",
       [](Budget& budget, const std::string& text, const Arguments& arguments) {
         arguments.check("zfill", 1, 1, {});
         const std::int64_t width = int_argument("zfill", arguments.positional[0]);
         const auto size = static_cast<std::int64_t>(count_characters(text));
         if (width <= size) return Value(text);
         const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
         budget.charge_text(static_cast<std::size_t>(width));
         return Value(text.substr(0, sign) +
                      std::string(static_cast<std::size_t>(width - size), '0') + text.substr(sign));
       }},
      {"expandtabs", expand_tabs_method},
      {"isidentifier", is_identifier_method},
      {"encode",
       [](Budget&, const std::string&, const Arguments&) -> Value {
         fail("str.encode() makes bytes, which are not supported");
       }},
  };
  return methods;
}

Value view_of(const Value& holder, ListKind kind) {
  auto list = std::make_shared<List>();
  list->kind = kind;
  for (const auto& [key, value] : holder.as_dict().entries()) {
    list->items.push_back(kind == ListKind::kKeys     ? key
                          : kind == ListKind::kValues ? value
                                                      : Value::tuple({key, value}));
  }
  return Value(std::move(list));
}

using ValueMethod = Value (*)(Budget&, const Value&, const Arguments&);

ValueMethod dict_method(std::string_view name) {
  if (name == "get") {
    return [](Budget&, const Value& self, const Arguments& arguments) {
      arguments.check("get", 1, 2, {});
      const Value* const found = self.as_dict().find(arguments.positional[0]);
      return found != nullptr ? *found : arguments.get(1, "", Value::none());
    };
  }
  if (name == "items" || name == "keys" || name == "values") {
    static constexpr auto view = []<ListKind kind>(Budget& budget, const Value& self,
                                                   const Arguments& arguments) {
      arguments.check("items", 0, 0, {});
      budget.charge(self.as_dict().entries().size());
      return view_of(self, kind);
    };
    if (name == "items") {
      return [](Budget& e, const Value& s, const Arguments& a) {
        return view.operator()<ListKind::kItems>(e, s, a);
      };
    }
    if (name == "keys") {
      return [](Budget& e, const Value& s, const Arguments& a) {
        return view.operator()<ListKind::kKeys>(e, s, a);
      };
    }
    return [](Budget& e, const Value& s, const Arguments& a) {
      return view.operator()<ListKind::kValues>(e, s, a);
    };
  }
  if (name == "copy") {
    return [](Budget&, const Value& self, const Arguments&) { return self; };
  }
  return nullptr;
}

ValueMethod list_method(std::string_view name) {
  if (name == "count") {
    return [](Budget& budget, const Value& self, const Arguments& arguments) {
      arguments.check("count", 1, 1, {});
      budget.charge(static_cast<std::size_t>(self.weight()));
      const auto& items = self.as_list().items;
      return Value(static_cast<std::int64_t>(
          std::count_if(items.begin(), items.end(),
                        [&](const Value& item) { return equal(item, arguments.positional[0]); })));
    };
  }
  if (name == "index") {
    return [](Budget& budget, const Value& self, const Arguments& arguments) {
      arguments.check("index", 1, 1, {});
      budget.charge(static_cast<std::size_t>(self.weight()));
      const auto& items = self.as_list().items;
      const auto found = std::find_if(items.begin(), items.end(), [&](const Value& item) {
        return equal(item, arguments.positional[0]);
      });
      if (found == items.end()) fail(arguments.positional[0].repr() + " is not in list");
      return Value(static_cast<std::int64_t>(found - items.begin()));
    };
  }
  if (name == "copy") {
    return [](Budget&, const Value& self, const Arguments&) { return self; };
  }
  return nullptr;
}

bool in(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class BoundMethod : public Object {
 public:
  BoundMethod(Value self, std::string name, Function::Body body)
      : self_(std::move(self)), name_(std::move(name)), body_(std::move(body)) {}
  std::string type_name() const override { return "builtin_function_or_method"; }
  std::string repr() const override {
    return "<built-in method " + name_ + " of " + self_.type_name() + " object>";
  }
  bool callable() const override { return true; }
  Value call(Budget& budget, const Arguments& arguments) override {
    return body_(budget, arguments);
  }
  int depth() const override { return self_.depth() + 1; }

 private:
  Value self_;
  std::string name_;
  Function::Body body_;
};

Value bound_method(const Value& self, const std::string& name, Function::Body body) {
  return Value(std::make_shared<BoundMethod>(self, name, std::move(body)));
}

// str.format and str.format_map, which look into what they are given.
Value format_method(Budget& budget, const Value& self, const Arguments& arguments) {
  const Lookup look_up = [&budget](const Value& value, const Value& key, bool is_item) {
    return is_item ? get_item(budget, value, key) : get_attribute(value, key.text());
  };
  if (!self.is_markup()) {
    return budget.text_value(format_braces(budget, self.text(), arguments, look_up));
  }
  const TextEdit escape = [](const Value& value, std::string text) {
    return value.is_markup() ? text : escaped(text);
  };
  std::string out = format_braces(budget, self.text(), arguments, look_up, escape);
  budget.charge_text(out.size());
  return Value::markup(std::move(out));
}

Value format_map_method(Budget& budget, const Value& self, const Arguments& arguments) {
  arguments.check("format_map", 1, 1, {});
  const Value& map = arguments.positional[0];
  if (!map.is_dict()) fail("format_map() takes a dict, not " + map.type_name());
  Arguments named;
  for (const auto& [key, value] : map.as_dict().entries()) {
    if (key.is_string()) named.named.emplace_back(key.text(), value);
  }
  return format_method(budget, self, named);
}

// A method of Markup: as of str, what goes in being escaped and what comes out Markup again.
Value markup_method(Budget& budget, const std::string& name, TextMethod method, const Value& self,
                    Arguments arguments) {
  const auto escape = [&](Value& value) {
    if (value.is_string()) value = Value(escaped_unless_markup(budget, value));
  };
  if (name == "join" && !arguments.positional.empty()) {
    std::vector<Value> items = iterate(arguments.positional[0]);
    for (Value& item : items) item = Value(escaped_unless_markup(budget, item));
    arguments.positional[0] = Value::list(std::move(items));
  }
  if (in(name, {"replace", "ljust", "rjust", "center"}) && arguments.positional.size() > 1) {
    escape(arguments.positional[1]);
  }
  const Value result = method(budget, self.text(), arguments);
  if (result.is_string()) return Value::markup(result.text());
  if (!result.is_list()) return result;
  auto parts = std::make_shared<List>();
  parts->kind = result.as_list().kind;
  for (const Value& part : result.as_list().items) {
    parts->items.push_back(Value::markup(part.text()));
  }
  return Value(std::move(parts));
}

Value unsafe(const std::string& name, const char* type) {
  return Value::undefined("access to attribute '" + name + "' of '" + type + "' object is unsafe.");
}

bool find_text_method(const Value& value, const std::string& name, Value& out) {
  if (name == "format" || name == "format_map") {
    out = bound_method(
        value, name,
        [value, of_map = name == "format_map"](Budget& budget, const Arguments& arguments) {
          budget.charge(value.text().size() / 64);
          return of_map ? format_map_method(budget, value, arguments)
                        : format_method(budget, value, arguments);
        });
    return true;
  }
  const auto found = text_methods().find(name);
  if (found == text_methods().end()) return false;
  out = bound_method(
      value, name,
      [value, name, method = found->second](Budget& budget, const Arguments& arguments) {
        budget.charge(value.text().size() / 64);
        return value.is_markup() ? markup_method(budget, name, method, value, arguments)
                                 : method(budget, value.text(), arguments);
      });
  return true;
}

// The few methods of numbers that a template has a use for.
ValueMethod number_method(const Value& value, std::string_view name) {
  if (name == "is_integer" && value.is_float()) {
    return [](Budget&, const Value& self, const Arguments& arguments) {
      arguments.check("is_integer", 0, 0, {});
      return Value(self.number() == std::floor(self.number()) && std::isfinite(self.number()));
    };
  }
  if (name == "bit_length" && !value.is_float()) {
    return [](Budget&, const Value& self, const Arguments& arguments) {
      arguments.check("bit_length", 0, 0, {});
      const std::string bits = self.big().to_string(2);
      return Value::size(self.truthy() ? bits.size() - (bits[0] == '-' ? 1 : 0) : 0);
    };
  }
  return nullptr;
}

}  // namespace

bool find_method(const Value& value, const std::string& name, Value& out) {
  if (value.is_string()) return find_text_method(value, name, out);
  ValueMethod method = nullptr;
  if (value.is_dict()) {
    if (in(name, {"clear", "pop", "popitem", "setdefault", "update"})) {
      out = unsafe(name, "dict");
      return true;
    }
    method = dict_method(name);
  } else if (value.is_list() && value.as_list().kind <= ListKind::kTuple) {
    const bool is_list = value.as_list().kind == ListKind::kList;
    if (is_list &&
        in(name, {"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"})) {
      out = unsafe(name, "list");
      return true;
    }
    if (name != "copy" || is_list) method = list_method(name);
  } else if (value.is_number()) {
    method = number_method(value, name);
  }
  if (method == nullptr) return false;
  out = bound_method(value, name, [value, method](Budget& budget, const Arguments& arguments) {
    return method(budget, value, arguments);
  });
  return true;
}

namespace {

Value no_attribute(const Value& value, const std::string& name) {
  return Value::undefined(object_name(value) + " has no attribute '" + name + "'");
}

// An item of a sequence by its number.
Value item_at(Budget& budget, const Value& value, std::int64_t place) {
  const std::int64_t count = length(value);
  const std::int64_t index = place < 0 ? place + count : place;
  if (index < 0 || index >= count) {
    return Value::undefined(object_name(value) + " has no element " + std::to_string(place));
  }
  if (value.is_list()) return value.as_list().items[static_cast<std::size_t>(index)];
  const std::string& text = value.text();
  budget.charge(text.size() / 64);
  const std::size_t begin = byte_offset(text, static_cast<std::size_t>(index));
  std::string character = text.substr(begin, byte_offset(std::string_view(text).substr(begin), 1));
  return value.is_markup() ? Value::markup(std::move(character)) : Value(std::move(character));
}

}  // namespace

Value get_own_attribute(const Value& value, const std::string& name) {
  if (value.is_undefined()) fail(value.undefined_message());
  Value out;
  if (value.is_object() && value.as_object().attribute(name, out)) return out;
  if (find_method(value, name, out)) return out;
  if (value.is_list() && value.as_list().kind == ListKind::kGroup) {
    if (name == "grouper") return value.as_list().items[0];
    if (name == "list") return value.as_list().items[1];
  }
  return no_attribute(value, name);
}

Value get_attribute(const Value& value, const std::string& name) {
  const Value own = get_own_attribute(value, name);
  if (!own.is_undefined() || !value.is_dict()) return own;
  const Value* const found = value.as_dict().find(std::string_view(name));
  return found != nullptr ? *found : own;
}

Value get_item(Budget& budget, const Value& value, const Value& key) {
  if (value.is_undefined()) fail(value.undefined_message());
  if (value.is_dict()) {
    // What cannot be a key is none.
    const bool is_key =
        !key.is_dict() && !(key.is_list() && key.as_list().kind != ListKind::kTuple);
    const Value* const found = is_key ? value.as_dict().find(key) : nullptr;
    if (found != nullptr) return *found;
  } else if (value.is_string() || (value.is_list() && (value.as_list().kind <= ListKind::kTuple ||
                                                       value.as_list().kind == ListKind::kRange ||
                                                       value.as_list().kind == ListKind::kGroup))) {
    if (key.is_int()) return item_at(budget, value, key.integer());
  }
  if (key.is_string()) return get_own_attribute(value, key.text());
  if (key.is_undefined()) return Value::undefined(key.undefined_message());
  return Value::undefined(object_name(value) + " has no element " + budget.repr_of(key));
}

}  // namespace peira::model::jinja
