#include "model/text/jinja/globals.h"

#include <algorithm>

#include "model/text/jinja/budget.h"
#include "model/text/jinja/clock.h"

namespace peira::model::jinja {

bool Namespace::attribute(std::string_view name, Value& out) const {
  const auto found = attributes.find(name);
  if (found == attributes.end()) return false;
  out = found->second;
  return true;
}

namespace {

constexpr std::int64_t kMaxRange = 100'000;  // Jinja's sandbox has the same limit

std::int64_t int_argument(const char* function, const Value& value) {
  if (value.is_undefined()) fail(value.undefined_message());
  if (value.is_big())
    fail("Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).");
  if (!value.is_int()) {
    fail(std::string(function) + "(): '" + value.type_name() +
         "' object cannot be interpreted as an integer");
  }
  return value.integer();
}

Value range_function(Budget& budget, const Arguments& arguments) {
  arguments.check("range", 1, 3, {});
  std::int64_t start = 0;
  std::int64_t stop = int_argument("range", arguments.positional[0]);
  std::int64_t step = 1;
  if (arguments.positional.size() > 1) {
    start = stop;
    stop = int_argument("range", arguments.positional[1]);
  }
  if (arguments.positional.size() > 2) step = int_argument("range", arguments.positional[2]);
  if (step == 0) fail("range() arg 3 must not be zero");
  // Counted without overflow: the distance as an unsigned number.
  const auto far = [](std::int64_t low, std::int64_t high) {
    return static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  };
  std::uint64_t count = 0;
  if (step > 0 && start < stop) {
    count = (far(start, stop) - 1) / static_cast<std::uint64_t>(step) + 1;
  } else if (step < 0 && start > stop) {
    count = (far(stop, start) - 1) / (~static_cast<std::uint64_t>(step) + 1) + 1;
  }
  if (count > static_cast<std::uint64_t>(kMaxRange)) {
    fail("Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).");
  }
  budget.charge(count);
  auto list = std::make_shared<List>();
  list->kind = ListKind::kRange;
  for (std::uint64_t i = 0; i < count; ++i) {
    list->items.emplace_back(static_cast<std::int64_t>(static_cast<std::uint64_t>(start) +
                                                       i * static_cast<std::uint64_t>(step)));
  }
  return Value(std::move(list));
}

std::shared_ptr<Dict> dict_of(const Arguments& arguments) {
  if (arguments.positional.size() > 1) {
    fail("dict expected at most 1 argument, got " + std::to_string(arguments.positional.size()));
  }
  auto dict = std::make_shared<Dict>();
  if (!arguments.positional.empty()) {
    const Value& from = arguments.positional[0];
    if (from.is_dict()) {
      for (const auto& [key, value] : from.as_dict().entries()) dict->set(key, value);
    } else {
      for (const Value& pair : iterate(from)) {
        const std::vector<Value> items = iterate(pair);
        if (items.size() != 2) fail("dictionary update sequence needs pairs");
        dict->set(items[0], items[1]);
      }
    }
  }
  for (const auto& [key, value] : arguments.named) dict->set(Value(key), value);
  return dict;
}

class Cycler : public Object {
 public:
  explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {}
  std::string type_name() const override { return "Cycler"; }
  bool attribute(std::string_view name, Value& out) const override {
    if (name == "current") {
      out = items_[*at_];
    } else if (name == "next") {
      out = Value(
          std::make_shared<Function>("next", [items = items_, at = at_](Budget&, const Arguments&) {
            const Value value = items[*at];
            *at = (*at + 1) % items.size();
            return value;
          }));
    } else if (name == "reset") {
      out = Value(std::make_shared<Function>("reset", [at = at_](Budget&, const Arguments&) {
        *at = 0;
        return Value::none();
      }));
    } else {
      return false;
    }
    return true;
  }
  int depth() const override {
    int depth = 0;
    for (const Value& item : items_) depth = std::max(depth, item.depth());
    return depth + 2;
  }

 private:
  std::vector<Value> items_;
  std::shared_ptr<std::size_t> at_ = std::make_shared<std::size_t>(0);
};

class Joiner : public Object {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}
  std::string type_name() const override { return "Joiner"; }
  bool callable() const override { return true; }
  Value call(Budget&, const Arguments&) override {
    if (!used_) {
      used_ = true;
      return Value("");
    }
    return separator_;
  }
  int depth() const override { return separator_.depth() + 1; }

 private:
  Value separator_;
  bool used_ = false;
};

std::map<std::string, Value, std::less<>> make_globals() {
  std::map<std::string, Value, std::less<>> globals;
  const auto add = [&](const char* name, Function::Body body) {
    globals.emplace(name, Value(std::make_shared<Function>(name, std::move(body))));
  };
  add("range", range_function);
  add("dict", [](Budget& budget, const Arguments& arguments) {
    auto dict = dict_of(arguments);
    budget.charge(dict->entries().size());
    return Value(std::move(dict));
  });
  add("namespace", [](Budget& budget, const Arguments& arguments) {
    auto space = std::make_shared<Namespace>();
    const auto dict = dict_of(arguments);
    for (const auto& [key, value] : dict->entries()) {
      if (key.is_string()) space->attributes.insert_or_assign(key.text(), value);
    }
    budget.keep(space);
    return Value(std::shared_ptr<Object>(std::move(space)));
  });
  add("cycler", [](Budget&, const Arguments& arguments) {
    if (arguments.positional.empty()) fail("at least one item has to be provided");
    return Value(std::shared_ptr<Object>(std::make_shared<Cycler>(arguments.positional)));
  });
  add("joiner", [](Budget&, const Arguments& arguments) {
    arguments.check("joiner", 0, 1, {"sep"});
    return Value(
        std::shared_ptr<Object>(std::make_shared<Joiner>(arguments.get(0, "sep", Value(", ")))));
  });
  add("raise_exception", [](Budget& budget, const Arguments& arguments) -> Value {
    arguments.check("raise_exception", 1, 1, {"message"});
    fail(budget.text_of(arguments.get(0, "message", Value(""))));
  });
  add("strftime_now", [](Budget& budget, const Arguments& arguments) {
    arguments.check("strftime_now", 1, 1, {"format"});
    const Value format = arguments.get(0, "format", Value(""));
    if (!format.is_string()) fail("strftime_now() takes a str, not " + format.type_name());
    return budget.text_value(format_time(budget.now(), format.text()));
  });
  return globals;
}

}  // namespace

const Value* find_global(const std::string& name) {
  static const std::map<std::string, Value, std::less<>> globals = make_globals();
  const auto found = globals.find(name);
  return found != globals.end() ? &found->second : nullptr;
}

}  // namespace peira::model::jinja
