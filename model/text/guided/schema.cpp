#include "model/text/guided/schema.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string_view>

#include "base/error.h"

namespace peira::model::guided {
namespace {

// Say nothing about what is valid.
constexpr std::array<std::string_view, 18> kAnnotations{
    "$schema", "$id", "$comment", "$defs", "definitions", "$anchor", "title", "default",
    "description", "examples", "deprecated", "readOnly", "writeOnly", "example", "nullable",
    "discriminator",
    // Read with their neighbours.
    "exclusiveMinimum", "exclusiveMaximum"};

constexpr std::array<std::string_view, 16> kUnsupported{"not",
                                                        "if",
                                                        "then",
                                                        "else",
                                                        "contains",
                                                        "minContains",
                                                        "maxContains",
                                                        "patternProperties",
                                                        "propertyNames",
                                                        "dependentRequired",
                                                        "dependentSchemas",
                                                        "dependencies",
                                                        "unevaluatedItems",
                                                        "unevaluatedProperties",
                                                        "$dynamicRef",
                                                        "additionalItems"};

constexpr std::size_t kMaxSchemas = 2'000;
constexpr std::size_t kMaxDepth = 500;

void keep_min(std::uint64_t& least, std::uint64_t value) { least = std::max(least, value); }
void keep_max(std::optional<std::uint64_t>& most, std::uint64_t value) {
  most = most ? std::min(*most, value) : value;
}

bool is_integral(const OrderedJson& number) {
  return number.is_number_integer() || Decimal::of(number).fraction.empty();
}

}  // namespace

std::string child(const std::string& pointer, std::string_view token) {
  std::string out = pointer + "/";
  for (const char c : token) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

Type type_of(const OrderedJson& value) {
  switch (value.type()) {
    case OrderedJson::value_t::boolean:
      return kBoolean;
    case OrderedJson::value_t::string:
      return kString;
    case OrderedJson::value_t::array:
      return kArray;
    case OrderedJson::value_t::object:
      return kObject;
    case OrderedJson::value_t::number_integer:
    case OrderedJson::value_t::number_unsigned:
      return kInteger;
    case OrderedJson::value_t::number_float:
      return is_integral(value) ? kInteger : kFraction;
    default:
      return kNull;
  }
}

bool same_value(const OrderedJson& a, const OrderedJson& b) {
  if (a.is_number() && b.is_number()) return compare(Decimal::of(a), Decimal::of(b)) == 0;
  if (a.is_array() && b.is_array()) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_value);
  }
  if (a.is_object() && b.is_object()) {
    if (a.size() != b.size()) return false;
    return std::all_of(a.items().begin(), a.items().end(), [&](const auto& item) {
      return b.contains(item.key()) && same_value(item.value(), b.at(item.key()));
    });
  }
  return a == b;
}

std::uint64_t Schema::count(const OrderedJson& value, const std::string& pointer) const {
  const bool is_count = value.is_number() && is_integral(value) && value.get<double>() >= 0 &&
                        value.get<double>() <= 1e15;
  if (!is_count) throw Error(ErrorCode::kData, where(pointer) + ": must be an integer from 0 on");
  return value.is_number_integer() ? value.get<std::uint64_t>()
                                   : static_cast<std::uint64_t>(value.get<double>());
}

Location Schema::resolve(const std::string& reference, const std::string& pointer) const {
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorCode::kData, where(pointer) + ": $ref \"" + reference + "\" " + what);
  };
  if (!reference.starts_with("#")) {
    fail("leads out of the document, which is not supported\n  try: its text under $defs");
  }
  std::string plain;  // percent signs decoded
  for (std::size_t i = 1; i < reference.size(); ++i) {
    if (reference[i] != '%') {
      plain += reference[i];
      continue;
    }
    const auto nibble = [&](std::size_t at) {
      const char c = at < reference.size() ? reference[at] : '?';
      if (c >= '0' && c <= '9') return c - '0';
      if (c >= 'a' && c <= 'f') return c - 'a' + 10;
      if (c >= 'A' && c <= 'F') return c - 'A' + 10;
      return -1;
    };
    const int high = nibble(i + 1);
    const int low = nibble(i + 2);
    if (high < 0 || low < 0) fail("has a % without two hexadecimal digits");
    plain += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (!plain.empty() && plain[0] != '/') {
    fail("names an anchor, which is not supported\n  try: \"#/$defs/NAME\"");
  }
  Location found = root();
  for (std::size_t begin = 0; begin < plain.size();) {
    const std::size_t end = std::min(plain.find('/', begin + 1), plain.size());
    std::string token;
    for (std::size_t i = begin + 1; i < end; ++i) {
      if (plain[i] == '~' && i + 1 < end && (plain[i + 1] == '0' || plain[i + 1] == '1')) {
        token += plain[++i] == '0' ? '~' : '/';
      } else {
        token += plain[i];
      }
    }
    begin = end;
    found.pointer = child(found.pointer, token);
    const OrderedJson& parent = *found.schema;
    if (parent.is_object() && parent.contains(token)) {
      found.schema = &parent.at(token);
      continue;
    }
    const bool is_index = !token.empty() && token.size() < 9 &&
                          token.find_first_not_of("0123456789") == std::string::npos;
    if (!parent.is_array() || !is_index || std::stoul(token) >= parent.size()) {
      fail("leads to nothing: there is no " + found.pointer);
    }
    found.schema = &parent.at(std::stoul(token));
  }
  return found;
}

void Schema::gather(const Location& location, const std::vector<std::string>& open,
                    Shape& shape) const {
  const OrderedJson& schema = *location.schema;
  if (shape.pointer.empty()) shape.pointer = location.pointer;
  if (++shape.num_schemas > kMaxSchemas || open.size() > kMaxDepth) {
    throw Error(ErrorCode::kData, where(shape.pointer) + ": more than " +
                                      std::to_string(kMaxSchemas) + " schemas, or " +
                                      std::to_string(kMaxDepth) +
                                      " inside each other, apply to one value");
  }
  if (schema.is_boolean()) {
    if (!schema.get<bool>() && !shape.impossible) {
      shape.impossible = location.pointer + ": false allows no value";
    }
    return;
  }
  if (!schema.is_object()) {
    throw Error(ErrorCode::kData, where(location.pointer) +
                                      ": a schema must be an object or a "
                                      "boolean, is " +
                                      schema.type_name());
  }
  std::vector<std::string> now_open = open;
  now_open.push_back(location.pointer);
  ObjectPart object;
  ArrayPart array;
  for (const auto& item : schema.items()) {
    const std::string& key = item.key();
    const OrderedJson& value = item.value();
    const std::string pointer = child(location.pointer, key);
    const auto must_be = [&](bool holds, const char* what) {
      if (!holds) {
        throw Error(ErrorCode::kData,
                    where(pointer) + ": must be " + what + ", is " + value.type_name());
      }
    };
    if (key == "properties") {
      must_be(value.is_object(), "an object");
      for (const auto& [name, property] : value.items()) {
        object.properties.emplace_back(name, Location{child(pointer, name), &property});
      }
    } else if (key == "additionalProperties") {
      object.additional = Location{pointer, &value};
    } else if (key == "prefixItems") {
      must_be(value.is_array(), "a list");
      for (std::size_t i = 0; i < value.size(); ++i) {
        array.prefix.push_back({child(pointer, std::to_string(i)), &value[i]});
      }
    } else if (key == "items") {
      if (value.is_array()) {
        throw Error(ErrorCode::kData,
                    where(pointer) + ": a list of schemas is an older draft's\n  try: prefixItems");
      }
      array.items = Location{pointer, &value};
    } else {
      gather_keyword(key, value, location, now_open, shape);
    }
  }
  if (!object.properties.empty() || object.additional) shape.objects.push_back(std::move(object));
  if (!array.prefix.empty() || array.items) shape.arrays.push_back(std::move(array));
}

void Schema::gather_keyword(const std::string& key, const OrderedJson& value,
                            const Location& location, const std::vector<std::string>& open,
                            Shape& shape) const {
  const std::string pointer = child(location.pointer, key);
  const auto must_be = [&](bool holds, const char* what) {
    if (!holds) {
      throw Error(ErrorCode::kData,
                  where(pointer) + ": must be " + what + ", is " + value.type_name());
    }
  };
  const auto schemas = [&] {
    must_be(value.is_array(), "a list of schemas");
    if (value.empty()) throw Error(ErrorCode::kData, where(pointer) + ": must not be empty");
    Locations list;
    for (std::size_t i = 0; i < value.size(); ++i) {
      list.push_back({child(pointer, std::to_string(i)), &value[i]});
    }
    return list;
  };
  if (key == "type") {
    const OrderedJson nullable = location.schema->value("nullable", OrderedJson(false));
    gather_type(value, pointer, nullable.is_boolean() && nullable.get<bool>(), shape);
  } else if (key == "enum") {
    must_be(value.is_array(), "a list");
    if (value.empty() && !shape.impossible) shape.impossible = pointer + ": an empty list";
    gather_values(value, shape);
  } else if (key == "const") {
    gather_values(OrderedJson::array({value}), shape);
  } else if (key == "minLength") {
    keep_min(shape.min_length, count(value, pointer));
  } else if (key == "maxLength") {
    keep_max(shape.max_length, count(value, pointer));
  } else if (key == "minItems") {
    keep_min(shape.min_items, count(value, pointer));
  } else if (key == "maxItems") {
    keep_max(shape.max_items, count(value, pointer));
  } else if (key == "minProperties") {
    keep_min(shape.min_properties, count(value, pointer));
  } else if (key == "maxProperties") {
    keep_max(shape.max_properties, count(value, pointer));
  } else if (key == "pattern") {
    must_be(value.is_string(), "a text");
    shape.patterns.emplace_back(pointer, value.get<std::string>());
  } else if (key == "format") {
    must_be(value.is_string(), "a text");
    shape.formats.push_back(value.get<std::string>());
  } else if (key == "minimum" || key == "maximum" || key == "multipleOf") {
    must_be(value.is_number(), "a number");
    gather_bound(key, value, pointer, shape);
  } else if (key == "exclusiveMinimum" || key == "exclusiveMaximum") {
    if (value.is_boolean()) {
      throw Error(ErrorCode::kData, where(pointer) +
                                        ": a boolean is an older draft's\n  try: the "
                                        "bound itself as a number");
    }
    must_be(value.is_number(), "a number");
    gather_bound(key, value, pointer, shape);
  } else if (key == "required") {
    must_be(value.is_array(), "a list of names");
    for (const OrderedJson& name : value) {
      if (!name.is_string()) {
        throw Error(ErrorCode::kData, where(pointer) + ": must hold names only");
      }
      const auto& text = name.get_ref<const std::string&>();
      if (std::find(shape.required.begin(), shape.required.end(), text) == shape.required.end()) {
        shape.required.push_back(text);
      }
    }
  } else if (key == "uniqueItems") {
    must_be(value.is_boolean(), "true or false");
    if (value.get<bool>()) {
      throw Error(ErrorCode::kData,
                  where(location.pointer) + ": uniqueItems true is not supported");
    }
  } else if (key == "$ref") {
    must_be(value.is_string(), "a text");
    const Location target = resolve(value.get<std::string>(), pointer);
    if (std::find(open.begin(), open.end(), target.pointer) != open.end()) {
      throw Error(ErrorCode::kData, where(pointer) + ": leads back to itself with nothing between");
    }
    gather(target, open, shape);
  } else if (key == "allOf") {
    for (const Location& part : schemas()) gather(part, open, shape);
  } else if (key == "anyOf" || key == "oneOf") {
    shape.choices.push_back({schemas(), open});
  } else if (std::find(kUnsupported.begin(), kUnsupported.end(), key) != kUnsupported.end()) {
    throw Error(ErrorCode::kData, where(location.pointer) + ": " + key + " is not supported");
  } else if (std::find(kAnnotations.begin(), kAnnotations.end(), key) == kAnnotations.end() &&
             !key.starts_with("x-")) {
    throw Error(ErrorCode::kData, where(location.pointer) + ": \"" + key +
                                      "\" is no keyword that is known here\n  try: \"x-" + key +
                                      "\" if it is a note");
  }
}

void Schema::gather_type(const OrderedJson& value, const std::string& pointer, bool nullable,
                         Shape& shape) const {
  const OrderedJson list = value.is_array() ? value : OrderedJson::array({value});
  unsigned types = nullable ? unsigned{kNull} : 0U;
  for (const OrderedJson& name : list) {
    const std::string text = name.is_string() ? name.get<std::string>() : name.dump();
    if (text == "null") {
      types |= kNull;
    } else if (text == "boolean") {
      types |= kBoolean;
    } else if (text == "integer") {
      types |= kInteger;
    } else if (text == "number") {
      types |= kInteger | kFraction;
    } else if (text == "string") {
      types |= kString;
    } else if (text == "array") {
      types |= kArray;
    } else if (text == "object") {
      types |= kObject;
    } else {
      throw Error(ErrorCode::kData, where(pointer) + ": there is no type " + text +
                                        "\n  try: null, boolean, integer, number, string, array, "
                                        "object");
    }
  }
  shape.types &= types;
}

void Schema::gather_values(const OrderedJson& values, Shape& shape) const {
  std::vector<OrderedJson> kept;
  for (const OrderedJson& value : values) {
    const auto is_it = [&](const OrderedJson& other) { return same_value(value, other); };
    if (shape.values && std::none_of(shape.values->begin(), shape.values->end(), is_it)) continue;
    kept.push_back(value);
  }
  shape.values = std::move(kept);
}

void Schema::gather_bound(const std::string& key, const OrderedJson& value,
                          const std::string& pointer, Shape& shape) const {
  NumberRange& range = shape.range;
  if (key == "multipleOf") {
    constexpr std::uint64_t kMostDivisor = 10'000;
    const double divisor = value.get<double>();
    if (!(divisor > 0)) throw Error(ErrorCode::kData, where(pointer) + ": must be above 0");
    if (!is_integral(value) || divisor > static_cast<double>(kMostDivisor)) {
      throw Error(ErrorCode::kData, where(pointer) + ": multipleOf " + Decimal::of(value).text() +
                                        " is not supported: it must be an integer up to 10000");
    }
    range.multiple_of = std::lcm(range.multiple_of, static_cast<std::uint64_t>(divisor));
    if (range.multiple_of > kMostDivisor) {
      throw Error(ErrorCode::kData, where(pointer) + ": multiples of " +
                                        std::to_string(range.multiple_of) +
                                        ", as all bounds together ask for, are not supported");
    }
    if (range.multiple_of == 1) range.integers_only = true;
    return;
  }
  const Decimal bound = Decimal::of(value);
  const bool is_open = key.starts_with("exclusive");
  if (key == "minimum" || key == "exclusiveMinimum") {
    const int order = range.min ? compare(bound, *range.min) : 1;
    if (order < 0) return;
    range.min_is_open = is_open || (order == 0 && range.min_is_open);
    range.min = bound;
  } else {
    const int order = range.max ? compare(bound, *range.max) : -1;
    if (order > 0) return;
    range.max_is_open = is_open || (order == 0 && range.max_is_open);
    range.max = bound;
  }
}

}  // namespace peira::model::guided
