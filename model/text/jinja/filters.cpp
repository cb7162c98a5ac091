#include "model/text/jinja/filters.h"

#include <algorithm>
#include <array>
#include <map>

#include "model/text/jinja/filter_tables.h"
#include "model/text/jinja/methods.h"
#include "model/text/jinja/operations.h"
#include "model/text/jinja/python_text.h"
#include "model/text/jinja/tojson.h"

namespace peira::model::jinja {
namespace {

using Test = bool (*)(Budget&, const Value&, const Arguments&);

// Jinja makes items as they are asked for. Here they are made at once, and what goes wrong is kept
// until somebody asks: a failure that nobody meets is none.
template <typename Make>
Value made_lazily(Make make) {
  std::vector<Value> out;
  try {
    make(out);
  } catch (const Failure& failure) {
    return Value::generator(std::move(out), failure.message);
  }
  return Value::generator(std::move(out));
}

Value map_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  return made_lazily([&](std::vector<Value>& out) {
    if (!value.truthy()) return;
    const Value* const attribute = arguments.find(arguments.positional.size(), "attribute");
    if (arguments.positional.empty() && attribute != nullptr) {
      arguments.check("map", 0, 0, {"attribute", "default"});
      const Value* otherwise = arguments.find(arguments.positional.size(), "default");
      if (otherwise != nullptr && otherwise->is_none()) otherwise = nullptr;
      for (const Value& item : items_of(budget, value)) {
        out.push_back(dig(budget, item, *attribute, otherwise));
      }
      return;
    }
    if (arguments.positional.empty()) fail("map requires a filter argument");
    if (!arguments.positional[0].is_string()) fail("map: the filter's name is not a str");
    const std::string name = arguments.positional[0].text();
    Arguments rest = arguments;
    rest.positional.erase(rest.positional.begin());
    for (const Value& item : items_of(budget, value)) {
      budget.charge(1);
      out.push_back(apply_filter(budget, name, item, rest));
    }
  });
}

// select, reject, selectattr, rejectattr.
template <bool by_attribute, bool keeps>
Value choose_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  return made_lazily([&](std::vector<Value>& out) {
    if (!value.truthy()) return;
    Arguments rest = arguments;
    Value attribute = Value::none();
    if (by_attribute) {
      if (rest.positional.empty()) fail("Missing parameter for attribute name");
      attribute = rest.positional[0];
      rest.positional.erase(rest.positional.begin());
    }
    std::string name;
    if (!rest.positional.empty()) {
      if (!rest.positional[0].is_string()) fail("the test's name is not a str");
      name = rest.positional[0].text();
      rest.positional.erase(rest.positional.begin());
    }
    for (const Value& item : items_of(budget, value)) {
      budget.charge(1);
      const Value subject = by_attribute ? dig(budget, item, attribute) : item;
      const bool holds = name.empty() ? subject.truthy() : apply_test(budget, name, subject, rest);
      if (holds == keeps) out.push_back(item);
    }
  });
}

Value default_filter(Budget&, const Value& value, const Arguments& arguments) {
  arguments.check("default", 0, 2, {"default_value", "boolean"});
  const bool also_false = arguments.get(1, "boolean", Value(false)).truthy();
  return value.is_undefined() || (also_false && !value.truthy())
             ? arguments.get(0, "default_value", Value(""))
             : value;
}

const FilterTable& own_filters() {
  static const FilterTable table = {
      {"d", default_filter},
      {"default", default_filter},
      {"map", map_filter},
      {"reject", choose_filter<false, false>},
      {"rejectattr", choose_filter<true, false>},
      {"select", choose_filter<false, true>},
      {"selectattr", choose_filter<true, true>},
      {"attr",
       [](Budget&, const Value& value, const Arguments& arguments) {
         arguments.check("attr", 1, 1, {"name"});
         const Value name = arguments.get(0, "name", Value());
         if (!name.is_string()) fail("attr: the name is not a str");
         return get_own_attribute(value, name.text());
       }},
      {"tojson",
       [](Budget& budget, const Value& value, const Arguments& arguments) {
         return Value(to_json(budget, value, arguments));
       }},
  };
  return table;
}

Filter find_filter(const std::string& name) {
  for (const FilterTable* const table :
       {&own_filters(), &sequence_filters(), &text_filters(), &number_filters()}) {
    const auto found = table->find(name);
    if (found != table->end()) return found->second;
  }
  return nullptr;
}

const Value& other(const char* name, const Arguments& arguments) {
  if (arguments.positional.size() != 1) fail(std::string("test '") + name + "' takes one argument");
  return arguments.positional[0];
}

const std::map<std::string, Test, std::less<>>& tests() {
  static constexpr Test equals = [](Budget&, const Value& value, const Arguments& arguments) {
    return equal(value, other("eq", arguments));
  };
  static constexpr Test differs = [](Budget&, const Value& value, const Arguments& arguments) {
    return !equal(value, other("ne", arguments));
  };
  static constexpr Test lt = [](Budget&, const Value& value, const Arguments& arguments) {
    return less(value, other("lt", arguments));
  };
  static constexpr Test le = [](Budget&, const Value& value, const Arguments& arguments) {
    const Value& limit = other("le", arguments);
    return less(value, limit, "<=") || equal(value, limit);
  };
  static constexpr Test gt = [](Budget&, const Value& value, const Arguments& arguments) {
    return less(other("gt", arguments), value, ">");
  };
  static constexpr Test ge = [](Budget&, const Value& value, const Arguments& arguments) {
    const Value& limit = other("ge", arguments);
    return less(limit, value, ">=") || equal(value, limit);
  };
  static const std::map<std::string, Test, std::less<>> table = {
      {"eq", equals},
      {"equalto", equals},
      {"==", equals},
      {"ne", differs},
      {"!=", differs},
      {"lt", lt},
      {"lessthan", lt},
      {"<", lt},
      {"le", le},
      {"<=", le},
      {"gt", gt},
      {"greaterthan", gt},
      {">", gt},
      {"ge", ge},
      {">=", ge},
      {"in",
       [](Budget& budget, const Value& value, const Arguments& arguments) {
         const Value& container = other("in", arguments);
         budget.charge(static_cast<std::size_t>(container.weight()));
         return contains(container, value);
       }},
      {"defined",
       [](Budget&, const Value& value, const Arguments&) { return !value.is_undefined(); }},
      {"undefined",
       [](Budget&, const Value& value, const Arguments&) { return value.is_undefined(); }},
      {"none", [](Budget&, const Value& value, const Arguments&) { return value.is_none(); }},
      {"string", [](Budget&, const Value& value, const Arguments&) { return value.is_string(); }},
      {"mapping", [](Budget&, const Value& value, const Arguments&) { return value.is_dict(); }},
      {"number", [](Budget&, const Value& value, const Arguments&) { return value.is_number(); }},
      {"integer",
       [](Budget&, const Value& value, const Arguments&) {
         return (value.is_int() && !value.is_bool()) || value.is_big();
       }},
      {"float", [](Budget&, const Value& value, const Arguments&) { return value.is_float(); }},
      {"boolean", [](Budget&, const Value& value, const Arguments&) { return value.is_bool(); }},
      {"true", [](Budget&, const Value& value,
                  const Arguments&) { return value.is_bool() && value.truthy(); }},
      {"false", [](Budget&, const Value& value,
                   const Arguments&) { return value.is_bool() && !value.truthy(); }},
      {"iterable",
       [](Budget&, const Value& value, const Arguments&) {
         return value.is_string() || value.is_list() || value.is_dict() || value.is_undefined();
       }},
      {"sequence",
       [](Budget&, const Value& value, const Arguments&) {
         if (value.is_list()) {
           const ListKind kind = value.as_list().kind;
           return kind == ListKind::kList || kind == ListKind::kTuple || kind == ListKind::kRange ||
                  kind == ListKind::kGroup;
         }
         return value.is_string() || value.is_dict() || value.is_undefined();
       }},
      {"callable",
       [](Budget&, const Value& value, const Arguments&) {
         return value.is_undefined() || (value.is_object() && value.as_object().callable());
       }},
      {"escaped", [](Budget&, const Value& value, const Arguments&) { return value.is_markup(); }},
      {"sameas",
       [](Budget&, const Value& value, const Arguments& arguments) {
         const Value& same = other("sameas", arguments);
         if (value.is_list() && same.is_list()) return &value.as_list() == &same.as_list();
         if (value.is_dict() && same.is_dict()) return &value.as_dict() == &same.as_dict();
         return value.is_bool() == same.is_bool() && value.is_markup() == same.is_markup() &&
                value.is_float() == same.is_float() && equal(value, same);
       }},
      {"odd",
       [](Budget& budget, const Value& value, const Arguments&) {
         return equal(arithmetic(budget, "%", value, Value(std::int64_t{2})),
                      Value(std::int64_t{1}));
       }},
      {"even",
       [](Budget& budget, const Value& value, const Arguments&) {
         return equal(arithmetic(budget, "%", value, Value(std::int64_t{2})),
                      Value(std::int64_t{0}));
       }},
      {"divisibleby",
       [](Budget& budget, const Value& value, const Arguments& arguments) {
         return equal(arithmetic(budget, "%", value, other("divisibleby", arguments)),
                      Value(std::int64_t{0}));
       }},
      {"lower",
       [](Budget& budget, const Value& value, const Arguments&) {
         Value method;
         find_method(Value(budget.text_of(value)), "islower", method);
         return call(budget, method, {}).truthy();
       }},
      {"upper",
       [](Budget& budget, const Value& value, const Arguments&) {
         Value method;
         find_method(Value(budget.text_of(value)), "isupper", method);
         return call(budget, method, {}).truthy();
       }},
      {"filter", [](Budget&, const Value& value,
                    const Arguments&) { return value.is_string() && has_filter(value.text()); }},
      {"test",
       [](Budget&, const Value& value, const Arguments&) {
         return value.is_string() && tests().contains(value.text());
       }},
  };
  return table;
}

}  // namespace

bool has_filter(const std::string& name) { return find_filter(name) != nullptr; }

bool has_test(const std::string& name) { return tests().contains(name); }

Value apply_filter(Budget& budget, const std::string& name, const Value& value,
                   const Arguments& arguments) {
  const Filter filter = find_filter(name);
  if (filter == nullptr) fail("No filter named '" + name + "'.");
  if (value.is_string()) budget.charge(value.text().size() / 64);
  return filter(budget, value, arguments);
}

bool apply_test(Budget& budget, const std::string& name, const Value& value,
                const Arguments& arguments) {
  const auto found = tests().find(name);
  if (found == tests().end()) fail("No test named '" + name + "'.");
  return found->second(budget, value, arguments);
}

}  // namespace peira::model::jinja
