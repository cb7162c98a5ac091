#include "model/text/jinja/value.h"

#include <algorithm>
#include <cmath>

#include "model/text/jinja/python_text.h"

namespace peira::model::jinja {

namespace {

void check_depth(int depth) {
  if (depth > kMaxValueDepth) fail("lists and dicts nest too deeply");
}

void check_weight(std::int64_t weight) {
  if (weight > kMaxValueWeight) fail("lists and dicts grow too large");
}

void measure(List& list) {
  list.depth = 1;
  list.weight = 1;
  for (const Value& item : list.items) {
    list.depth = std::max(list.depth, item.depth() + 1);
    list.weight += item.weight();
    check_weight(list.weight);
  }
  check_depth(list.depth);
}

std::size_t hash_value(const Value& value) {
  if (value.is_string()) return std::hash<std::string>{}(value.text());
  if (value.is_number()) return std::hash<double>{}(value.number());
  if (value.is_none() || value.is_undefined()) return 1;
  if (value.is_object()) return std::hash<const void*>{}(&value.as_object());
  if (value.is_list() && value.as_list().kind == ListKind::kTuple) {
    std::size_t hash = 7;
    for (const Value& item : value.as_list().items) hash = hash * 31 + hash_value(item);
    return hash;
  }
  fail("unhashable type: '" + value.type_name() + "'");
}

}  // namespace

Value::Value(const BigInteger& number) {
  if (const auto small = number.as_int64()) {
    data_ = *small;
  } else {
    data_ = std::make_shared<const BigInteger>(number);
  }
}
Value::Value(std::string text) : data_(std::make_shared<const std::string>(std::move(text))) {}
Value::Value(std::shared_ptr<List> list) : data_(std::move(list)) { measure(as_list()); }
Value::Value(std::shared_ptr<Dict> dict) : data_(std::move(dict)) {}
Value::Value(std::shared_ptr<Object> object) : data_(std::move(object)) {
  check_depth(as_object().depth());
}

Value Value::none() {
  Value value(false);
  value.data_ = std::monostate{};
  return value;
}

Value Value::undefined(std::string message) {
  Value value(false);
  value.data_ = Undefined{std::make_shared<const std::string>(std::move(message))};
  return value;
}

Value Value::markup(std::string text) {
  Value value(false);
  value.data_ = Markup{std::make_shared<const std::string>(std::move(text))};
  return value;
}

Value Value::list(std::vector<Value> items) {
  return Value(std::make_shared<List>(List{ListKind::kList, std::move(items), 1, 1}));
}

Value Value::tuple(std::vector<Value> items) {
  return Value(std::make_shared<List>(List{ListKind::kTuple, std::move(items), 1, 1}));
}

Value Value::generator(std::vector<Value> items, std::string failure) {
  return Value(std::make_shared<List>(
      List{ListKind::kGenerator, std::move(items), 1, 1, std::move(failure)}));
}

Value Value::from_json(const OrderedJson& json) {
  switch (json.type()) {
    case OrderedJson::value_t::null:
      return none();
    case OrderedJson::value_t::boolean:
      return Value(json.get<bool>());
    case OrderedJson::value_t::number_integer:
      return Value(json.get<std::int64_t>());
    case OrderedJson::value_t::number_unsigned:
      return Value(BigInteger(json.get<std::uint64_t>()));
    case OrderedJson::value_t::number_float:
      return Value(json.get<double>());
    case OrderedJson::value_t::string:
      return Value(json.get<std::string>());
    case OrderedJson::value_t::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const OrderedJson& item : json) items.push_back(from_json(item));
      return list(std::move(items));
    }
    case OrderedJson::value_t::object: {
      auto dict = std::make_shared<Dict>();
      for (const auto& [key, item] : json.items()) dict->set(Value(key), from_json(item));
      return Value(std::move(dict));
    }
    default:
      fail("a variable is neither null, bool, number, string, list nor object");
  }
}

std::int64_t Value::integer() const {
  return is_bool() ? std::int64_t{std::get<bool>(data_)} : std::get<std::int64_t>(data_);
}

BigInteger Value::big() const { return is_big() ? *std::get<Big>(data_) : BigInteger(integer()); }

double Value::number() const {
  if (is_big()) return std::get<Big>(data_)->to_double();
  return is_float() ? std::get<double>(data_) : static_cast<double>(integer());
}

bool Value::truthy() const {
  if (is_int()) return integer() != 0;
  if (is_float()) return number() != 0;
  if (is_string()) return !text().empty();
  if (is_list()) return as_list().kind == ListKind::kGenerator || !as_list().items.empty();
  if (is_dict()) return !as_dict().entries().empty();
  return is_object() || is_big();
}

int Value::depth() const {
  if (is_list()) return as_list().depth;
  if (is_dict()) return as_dict().depth();
  if (is_object()) return as_object().depth();
  return 0;
}

std::int64_t Value::weight() const {
  if (is_list()) return as_list().weight;
  if (is_dict()) return as_dict().weight();
  return 1;
}

std::string Value::type_name() const {
  if (is_undefined()) return "Undefined";
  if (is_none()) return "NoneType";
  if (is_bool()) return "bool";
  if (is_int() || is_big()) return "int";
  if (is_float()) return "float";
  if (is_string()) return is_markup() ? "Markup" : "str";
  if (is_dict()) return "dict";
  if (is_object()) return as_object().type_name();
  switch (as_list().kind) {
    case ListKind::kList:
      return "list";
    case ListKind::kTuple:
    case ListKind::kGroup:
      return "tuple";
    case ListKind::kGenerator:
      return "generator";
    case ListKind::kRange:
      return "range";
    case ListKind::kKeys:
      return "dict_keys";
    case ListKind::kValues:
      return "dict_values";
    case ListKind::kItems:
      return "dict_items";
  }
  return "";
}

std::string Value::str() const { return is_string() ? text() : repr(); }

namespace {

std::string repr_list(const List& list) {
  if (list.kind == ListKind::kGenerator) return "<generator object>";
  if (list.kind == ListKind::kRange) {
    if (list.items.empty()) return "range(0, 0)";
    const std::int64_t first = list.items.front().integer();
    const std::int64_t step =
        list.items.size() > 1 ? list.items[1].integer() - first : std::int64_t{1};
    const std::string bounds =
        std::to_string(first) + ", " + std::to_string(list.items.back().integer() + step);
    return "range(" + bounds + (step == 1 ? ")" : ", " + std::to_string(step) + ")");
  }
  const bool is_tuple = list.kind == ListKind::kTuple || list.kind == ListKind::kGroup;
  std::string out = is_tuple ? "(" : "[";
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    if (i > 0) out += ", ";
    out += list.items[i].repr();
  }
  if (is_tuple && list.items.size() == 1) out += ",";
  out += is_tuple ? ")" : "]";
  switch (list.kind) {
    case ListKind::kKeys:
      return "dict_keys(" + out + ")";
    case ListKind::kValues:
      return "dict_values(" + out + ")";
    case ListKind::kItems:
      return "dict_items(" + out + ")";
    default:
      return out;
  }
}

}  // namespace

std::string Value::repr() const {
  if (is_undefined()) return "";
  if (is_none()) return "None";
  if (is_bool()) return integer() != 0 ? "True" : "False";
  if (is_int()) return std::to_string(integer());
  if (is_big()) return big().to_string();
  if (is_float()) return float_repr(number());
  if (is_string()) return is_markup() ? "Markup(" + string_repr(text()) + ")" : string_repr(text());
  if (is_list()) return repr_list(as_list());
  if (is_object()) return as_object().repr();
  std::string out = "{";
  for (const auto& [key, value] : as_dict().entries()) {
    if (out.size() > 1) out += ", ";
    out += key.repr() + ": " + (value.is_undefined() ? "Undefined" : value.repr());
  }
  return out + "}";
}

void Dict::set(const Value& key, const Value& value) {
  const std::size_t hash = hash_value(key);
  check_depth(std::max(key.depth(), value.depth()) + 1);
  depth_ = std::max(depth_, std::max(key.depth(), value.depth()) + 1);
  weight_ += key.weight() + value.weight();
  check_weight(weight_);
  const auto [begin, end] = index_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (equal(entries_[it->second].first, key)) {
      entries_[it->second].second = value;
      return;
    }
  }
  index_.emplace(hash, entries_.size());
  entries_.emplace_back(key, value);
}

const Value* Dict::find(const Value& key) const {
  const auto [begin, end] = index_.equal_range(hash_value(key));
  for (auto it = begin; it != end; ++it) {
    if (equal(entries_[it->second].first, key)) return &entries_[it->second].second;
  }
  return nullptr;
}

const Value* Dict::find(std::string_view key) const {
  const auto [begin, end] = index_.equal_range(std::hash<std::string_view>{}(key));
  for (auto it = begin; it != end; ++it) {
    const Entry& entry = entries_[it->second];
    if (entry.first.is_string() && entry.first.text() == key) return &entry.second;
  }
  return nullptr;
}

const Value* Arguments::find(std::size_t index, std::string_view name) const {
  if (index < positional.size()) return &positional[index];
  for (const auto& [key, value] : named) {
    if (key == name) return &value;
  }
  return nullptr;
}

Value Arguments::get(std::size_t index, std::string_view name, const Value& otherwise) const {
  const Value* const found = find(index, name);
  return found != nullptr ? *found : otherwise;
}

void Arguments::check(const char* function, std::size_t least, std::size_t most,
                      std::initializer_list<std::string_view> names) const {
  if (positional.size() > most || positional.size() + named.size() < least) {
    fail(std::string(function) + "() takes " +
         (least == most ? std::to_string(least)
                        : std::to_string(least) + " to " + std::to_string(most)) +
         " argument(s) but was given " + std::to_string(positional.size() + named.size()));
  }
  for (const auto& [key, value] : named) {
    if (std::find(names.begin(), names.end(), key) == names.end()) {
      fail(std::string(function) + "() got an unexpected keyword argument '" + key + "'");
    }
  }
}

Value call(Budget& budget, const Value& function, const Arguments& arguments) {
  if (function.is_undefined()) fail(function.undefined_message());
  if (!function.is_object() || !function.as_object().callable()) {
    fail("'" + function.type_name() + "' object is not callable");
  }
  const Value holder = function;  // the call may drop the last other reference
  return holder.as_object().call(budget, arguments);
}

std::string object_name(const Value& value) {
  return value.is_none() ? "None" : "'" + value.type_name() + " object'";
}

namespace {

// < 0, 0 or > 0; exact, also between an integer and a float. Neither is NaN.
int compare_numbers(const Value& left, const Value& right) {
  const auto sign = [](const auto& a, const auto& b) { return a < b ? -1 : a > b ? 1 : 0; };
  if (left.is_int() && right.is_int()) return sign(left.integer(), right.integer());
  if (left.is_float() && right.is_float()) return sign(left.number(), right.number());
  if (!left.is_float() && !right.is_float()) return left.big().compare(right.big());
  if (left.is_float()) return -compare_numbers(right, left);
  const double other = right.number();
  if (std::isinf(other)) return other > 0 ? -1 : 1;
  const int order = left.big().compare(BigInteger::from_double(other));
  return order != 0 ? order : sign(std::trunc(other), other);
}

bool is_nan(const Value& value) { return value.is_float() && std::isnan(value.number()); }

}  // namespace

bool equal(const Value& left, const Value& right) {
  if (left.is_number() && right.is_number()) {
    return !is_nan(left) && !is_nan(right) && compare_numbers(left, right) == 0;
  }
  if (left.is_string()) return right.is_string() && left.text() == right.text();
  if (left.is_none()) return right.is_none();
  if (left.is_undefined()) return right.is_undefined();
  if (left.is_object()) return right.is_object() && &left.as_object() == &right.as_object();
  if (left.is_list()) {
    if (!right.is_list()) return false;
    const List& a = left.as_list();
    const List& b = right.as_list();
    if (a.kind != b.kind) return false;
    if (a.kind == ListKind::kGenerator) return &a == &b;
    return a.items.size() == b.items.size() &&
           std::equal(a.items.begin(), a.items.end(), b.items.begin(), equal);
  }
  if (left.is_dict()) {
    if (!right.is_dict()) return false;
    const auto& entries = left.as_dict().entries();
    if (entries.size() != right.as_dict().entries().size()) return false;
    return std::all_of(entries.begin(), entries.end(), [&](const Dict::Entry& entry) {
      const Value* const other = right.as_dict().find(entry.first);
      return other != nullptr && equal(entry.second, *other);
    });
  }
  return false;
}

bool less(const Value& left, const Value& right, const char* sign) {
  if (left.is_number() && right.is_number()) {
    return !is_nan(left) && !is_nan(right) && compare_numbers(left, right) < 0;
  }
  if (left.is_string() && right.is_string()) return left.text() < right.text();
  if (left.is_undefined()) fail(left.undefined_message());
  if (right.is_undefined()) fail(right.undefined_message());
  if (left.is_list() && right.is_list() && left.as_list().kind == right.as_list().kind) {
    const auto& a = left.as_list().items;
    const auto& b = right.as_list().items;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
      if (!equal(a[i], b[i])) return less(a[i], b[i], sign);
    }
    return a.size() < b.size();
  }
  fail(std::string("'") + sign + "' not supported between instances of '" + left.type_name() +
       "' and '" + right.type_name() + "'");
}

bool contains(const Value& container, const Value& item) {
  if (container.is_string()) {
    if (item.is_undefined()) fail(item.undefined_message());
    if (!item.is_string()) {
      fail("'in <string>' requires string as left operand, not " + item.type_name());
    }
    return find(container.text(), item.text()) != std::string::npos;
  }
  if (container.is_dict()) return container.as_dict().find(item) != nullptr;
  if (container.is_list()) {
    const auto& items = container.as_list().items;
    return std::any_of(items.begin(), items.end(),
                       [&](const Value& value) { return equal(value, item); });
  }
  if (container.is_undefined()) return false;
  fail("argument of type '" + container.type_name() + "' is not iterable");
}

std::vector<Value> iterate(const Value& value) {
  if (value.is_list()) {
    if (value.as_list().kind == ListKind::kGenerator) {
      if (!value.as_list().failure.empty()) fail(value.as_list().failure);
      return std::move(value.as_list().items);
    }
    return value.as_list().items;
  }
  std::vector<Value> out;
  if (value.is_dict()) {
    for (const auto& entry : value.as_dict().entries()) out.push_back(entry.first);
  } else if (value.is_string()) {
    for (std::string& character : characters(value.text())) out.emplace_back(std::move(character));
  } else if (!value.is_undefined()) {
    fail("'" + value.type_name() + "' object is not iterable");
  }
  return out;
}

std::int64_t length(const Value& value) {
  if (value.is_string()) return static_cast<std::int64_t>(count_characters(value.text()));
  if (value.is_dict()) return static_cast<std::int64_t>(value.as_dict().entries().size());
  if (value.is_list() && value.as_list().kind != ListKind::kGenerator) {
    return static_cast<std::int64_t>(value.as_list().items.size());
  }
  if (value.is_undefined()) return 0;
  fail("object of type '" + value.type_name() + "' has no len()");
}

}  // namespace peira::model::jinja
