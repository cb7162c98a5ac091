#include "model/text/jinja/tojson.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "model/text/jinja/python_text.h"

namespace peira::model::jinja {

void sort_by_key(Budget& budget, std::vector<std::pair<Value, Value>>& keyed, bool reverse) {
  const auto text_weight = [](const Value& part) {
    return part.is_string() ? part.text().size() / 64 : std::size_t{0};
  };
  std::size_t weight = 0;
  for (const auto& [key, value] : keyed) {
    weight += static_cast<std::size_t>(key.weight()) + text_weight(key);
    if (!key.is_list()) continue;
    for (const Value& part : key.as_list().items) weight += text_weight(part);
  }
  std::size_t rounds = 1;
  while ((std::size_t{1} << rounds) < keyed.size()) ++rounds;
  budget.charge(weight * rounds);
  if (reverse) {
    std::stable_sort(keyed.begin(), keyed.end(),
                     [](const auto& a, const auto& b) { return less(b.first, a.first); });
  } else {
    std::stable_sort(keyed.begin(), keyed.end(),
                     [](const auto& a, const auto& b) { return less(a.first, b.first); });
  }
}

namespace {

std::int64_t width_of(const Value& indent) {
  if (!indent.is_int()) fail("tojson: the indent is neither a number nor a text");
  return indent.integer();
}

class JsonWriter {
 public:
  JsonWriter(Budget& budget, const Arguments& arguments) : budget_(budget) {
    arguments.check("tojson", 0, 4, {"ensure_ascii", "indent", "separators", "sort_keys"});
    ascii_ = arguments.get(0, "ensure_ascii", Value(false)).truthy();
    const Value indent = arguments.get(1, "indent", Value::none());
    const Value separators = arguments.get(2, "separators", Value::none());
    sort_ = arguments.get(3, "sort_keys", Value(false)).truthy();
    if (!indent.is_none()) {
      breaks_ = true;
      item_separator_ = ",";
      if (indent.is_string()) {
        margin_ = indent.text();
      } else {
        const std::int64_t width = std::max<std::int64_t>(width_of(indent), 0);
        if (width > 1000) fail("tojson: the indent is larger than 1000");
        margin_.assign(static_cast<std::size_t>(width), ' ');
      }
    }
    if (!separators.is_none()) {
      const std::vector<Value> pair = iterate(separators);
      if (pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string()) {
        fail("tojson: separators must be two texts");
      }
      item_separator_ = pair[0].text();
      key_separator_ = pair[1].text();
    }
  }

  std::string run(const Value& value) {
    write(value, 1);
    return std::move(out_);
  }

 private:
  void put(std::string_view text) {
    out_ += text;
    budget_.charge(text.size() / 64);
    if (out_.size() > budget_.max_text()) budget_.charge_text(out_.size());
  }

  void new_line(int level) {
    if (!breaks_) return;
    put("\n");
    for (int i = 0; i < level; ++i) put(margin_);
  }

  static std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    return float_repr(value);
  }

  void write(const Value& value, int level) {
    budget_.charge(1);
    if (value.is_none()) {
      put("null");
    } else if (value.is_bool()) {
      put(value.truthy() ? "true" : "false");
    } else if (value.is_int() || value.is_big()) {
      put(budget_.text_of(value));
    } else if (value.is_float()) {
      put(number(value.number()));
    } else if (value.is_string()) {
      put(json_string(value.text(), ascii_));
    } else if (value.is_list() && (value.as_list().kind == ListKind::kList ||
                                   value.as_list().kind == ListKind::kTuple ||
                                   value.as_list().kind == ListKind::kGroup)) {
      write_list(value.as_list().items, level);
    } else if (value.is_dict()) {
      write_dict(value.as_dict(), level);
    } else {
      fail("Object of type " + value.type_name() + " is not JSON serializable");
    }
  }

  void write_list(const std::vector<Value>& items, int level) {
    if (items.empty()) return put("[]");
    put("[");
    bool first = true;
    for (const Value& item : items) {
      if (!first) put(item_separator_);
      first = false;
      new_line(level);
      write(item, level + 1);
    }
    new_line(level - 1);
    put("]");
  }

  void write_dict(const Dict& dict, int level) {
    if (dict.entries().empty()) return put("{}");
    std::vector<std::pair<Value, Value>> keyed;
    if (sort_) {
      for (const auto& entry : dict.entries()) keyed.emplace_back(entry.first, entry.second);
      sort_by_key(budget_, keyed, false);
    }
    put("{");
    bool first = true;
    for (const auto& [key, value] : sort_ ? keyed : dict.entries()) {
      if (!first) put(item_separator_);
      first = false;
      new_line(level);
      if (key.is_string()) {
        put(json_string(key.text(), ascii_));
      } else if (key.is_none() || key.is_bool()) {
        put(key.is_none() ? "\"null\"" : key.truthy() ? "\"true\"" : "\"false\"");
      } else if (key.is_int() || key.is_big()) {
        put("\"" + budget_.text_of(key) + "\"");
      } else if (key.is_float()) {
        put("\"" + number(key.number()) + "\"");
      } else {
        fail("keys must be str, int, float, bool or None, not " + key.type_name());
      }
      put(key_separator_);
      write(value, level + 1);
    }
    new_line(level - 1);
    put("}");
  }

  Budget& budget_;
  std::string out_;
  bool ascii_ = false;
  bool sort_ = false;
  bool breaks_ = false;
  std::string margin_;
  std::string item_separator_ = ", ";
  std::string key_separator_ = ": ";
};

}  // namespace

std::string to_json(Budget& budget, const Value& value, const Arguments& arguments) {
  return JsonWriter(budget, arguments).run(value);
}

}  // namespace peira::model::jinja
