// The values a template works with: Python's, as far as chat templates see them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "model/text/jinja/failure.h"
#include "model/text/jinja/integer.h"

namespace peira::model::jinja {

class Value;
struct List;
class Dict;
class Object;

// How deep lists and dicts may nest, and how many values they may hold in all, those they share
// counted each time: whatever walks a value ends.
constexpr int kMaxValueDepth = 600;
constexpr std::int64_t kMaxValueWeight = 10'000'000;

// One value. Copies share what they hold; lists and dicts never change once others can see them.
class Value {
 public:
  Value() : Value(undefined("")) {}
  Value(bool flag) : data_(flag) {}              // NOLINT: Python literals read as themselves
  Value(std::int64_t number) : data_(number) {}  // NOLINT
  Value(double number) : data_(number) {}        // NOLINT
  Value(const BigInteger& number);               // NOLINT: as 64 bits where they hold it
  Value(std::string text);                       // NOLINT
  Value(const char* text) : Value(std::string(text)) {}  // NOLINT
  Value(std::shared_ptr<List> list);                     // NOLINT
  Value(std::shared_ptr<Dict> dict);                     // NOLINT
  Value(std::shared_ptr<Object> object);                 // NOLINT
  Value(int) = delete;
  Value(std::size_t) = delete;

  static Value none();
  // `message` is what using it says, e.g. "'tools' is undefined".
  static Value undefined(std::string message);
  // A text that counts as HTML: what meets it is escaped.
  static Value markup(std::string text);
  static Value list(std::vector<Value> items);
  static Value tuple(std::vector<Value> items);
  // failure  not empty: what goes wrong once the items are asked for.
  static Value generator(std::vector<Value> items, std::string failure = "");
  static Value size(std::size_t count) { return Value(static_cast<std::int64_t>(count)); }
  static Value from_json(const OrderedJson& json);

  bool is_undefined() const { return std::holds_alternative<Undefined>(data_); }
  bool is_none() const { return std::holds_alternative<std::monostate>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_int() const { return std::holds_alternative<std::int64_t>(data_) || is_bool(); }
  bool is_big() const { return std::holds_alternative<Big>(data_); }  // an integer of more bits
  bool is_float() const { return std::holds_alternative<double>(data_); }
  bool is_number() const { return is_int() || is_float() || is_big(); }
  bool is_string() const { return std::holds_alternative<Text>(data_) || is_markup(); }
  bool is_markup() const { return std::holds_alternative<Markup>(data_); }
  bool is_list() const { return std::holds_alternative<std::shared_ptr<List>>(data_); }
  bool is_dict() const { return std::holds_alternative<std::shared_ptr<Dict>>(data_); }
  bool is_object() const { return std::holds_alternative<std::shared_ptr<Object>>(data_); }

  // The value held; the caller has checked the kind.
  const std::string& text() const {
    return is_markup() ? *std::get<Markup>(data_).text : *std::get<Text>(data_);
  }
  std::int64_t integer() const;
  BigInteger big() const;  // of either size
  double number() const;
  List& as_list() const { return *std::get<std::shared_ptr<List>>(data_); }
  const Dict& as_dict() const { return *std::get<std::shared_ptr<Dict>>(data_); }
  Object& as_object() const { return *std::get<std::shared_ptr<Object>>(data_); }
  const std::shared_ptr<Object>& object_pointer() const {
    return std::get<std::shared_ptr<Object>>(data_);
  }
  const std::string& undefined_message() const { return *std::get<Undefined>(data_).message; }

  bool truthy() const;
  int depth() const;
  std::int64_t weight() const;    // the values in it, itself counted
  std::string type_name() const;  // as Python's type(x).__name__
  std::string str() const;        // as Python's str(x); "" when undefined
  std::string repr() const;       // as Python's repr(x)

 private:
  struct Undefined {
    std::shared_ptr<const std::string> message;
  };
  using Text = std::shared_ptr<const std::string>;
  struct Markup {
    Text text;
  };
  using Big = std::shared_ptr<const BigInteger>;
  std::variant<std::monostate, Undefined, bool, std::int64_t, Big, double, Text, Markup,
               std::shared_ptr<List>, std::shared_ptr<Dict>, std::shared_ptr<Object>>
      data_;
};

enum class ListKind { kList, kTuple, kGenerator, kRange, kKeys, kValues, kItems, kGroup };

// Any sequence. A generator can be gone through once, is always true and has no length.
struct List {
  ListKind kind = ListKind::kList;
  std::vector<Value> items;
  int depth = 1;
  std::int64_t weight = 1;
  std::string failure = {};  // of a generator
};

// Keys in the order of insertion.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;
  // throws Failure: the key is a list or dict.
  void set(const Value& key, const Value& value);
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  const std::vector<Entry>& entries() const { return entries_; }
  int depth() const { return depth_; }
  std::int64_t weight() const { return weight_; }

 private:
  std::vector<Entry> entries_;
  std::unordered_multimap<std::size_t, std::size_t> index_;
  int depth_ = 1;
  std::int64_t weight_ = 1;
};

class Budget;

// What a call was given.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  // Argument `index`, or the one named `name`; null when it was not given.
  const Value* find(std::size_t index, std::string_view name) const;
  Value get(std::size_t index, std::string_view name, const Value& otherwise) const;
  // throws Failure: more than `most` were given, or one with a name that is not in `names`.
  void check(const char* function, std::size_t least, std::size_t most,
             std::initializer_list<std::string_view> names) const;
};

// Something with attributes or a call: namespace, loop, macro, bound method.
class Object {
 public:
  virtual ~Object() = default;
  virtual std::string type_name() const = 0;
  virtual std::string repr() const { return "<" + type_name() + ">"; }
  // False: there is no such attribute.
  virtual bool attribute(std::string_view, Value&) const { return false; }
  virtual bool callable() const { return false; }
  virtual Value call(Budget&, const Arguments&) {
    fail("'" + type_name() + "' object is not callable");
  }
  virtual int depth() const { return 1; }
  // Lets go of other objects, so that those which hold each other end.
  virtual void release() {}
};

// function(arguments). throws Failure: not callable, or what the call throws.
Value call(Budget& budget, const Value& function, const Arguments& arguments);

// A function of C++.
class Function : public Object {
 public:
  using Body = std::function<Value(Budget&, const Arguments&)>;
  Function(std::string name, Body body, int depth = 1)
      : name_(std::move(name)), body_(std::move(body)), depth_(depth) {}
  std::string type_name() const override { return "function"; }
  std::string repr() const override { return "<function " + name_ + ">"; }
  bool callable() const override { return true; }
  Value call(Budget& budget, const Arguments& arguments) override {
    return body_(budget, arguments);
  }
  int depth() const override { return depth_; }

 private:
  std::string name_;
  Body body_;
  int depth_;
};

// 'str object', None, ... as Jinja names a value that lacks something.
std::string object_name(const Value& value);

bool equal(const Value& left, const Value& right);
// left < right. throws Failure: Python does not order the two.
bool less(const Value& left, const Value& right, const char* sign = "<");
// throws Failure: cannot be looked into.
bool contains(const Value& container, const Value& item);

// The items that a loop over `value` meets; empties a generator. throws Failure: not iterable.
std::vector<Value> iterate(const Value& value);
// len(value). throws Failure: it has none.
std::int64_t length(const Value& value);

}  // namespace peira::model::jinja
