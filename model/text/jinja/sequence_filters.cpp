// Filters of lists, dicts and loops.
#include <algorithm>
#include <optional>

#include "model/text/jinja/filter_tables.h"
#include "model/text/jinja/methods.h"
#include "model/text/jinja/operations.h"
#include "model/text/jinja/python_text.h"
#include "model/text/jinja/tojson.h"

namespace peira::model::jinja {

std::int64_t whole(const char* name, const Value& value) {
  if (value.is_undefined()) fail(value.undefined_message());
  if (!value.is_int()) fail(std::string(name) + ": expected an integer, not " + value.type_name());
  return value.integer();
}

Value dig(Budget& budget, Value item, const Value& attribute, const Value* otherwise) {
  if (otherwise != nullptr && otherwise->is_none()) otherwise = nullptr;
  budget.charge(1);
  if (attribute.is_int()) {
    item = get_item(budget, item, attribute);
    return otherwise != nullptr && item.is_undefined() ? *otherwise : item;
  }
  if (!attribute.is_string()) return item;
  for (const std::string& part : split(attribute.text(), ".", -1)) {
    const bool is_number = !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
      return c >= '0' && c <= '9';
    });
    const auto number = is_number ? parse_integer(part, 10) : std::nullopt;
    item = get_item(budget, item, number ? Value(*number) : Value(part));
    if (otherwise != nullptr && item.is_undefined()) item = *otherwise;
  }
  return item;
}

std::vector<Value> items_of(Budget& budget, const Value& value) {
  std::vector<Value> items = iterate(value);
  budget.charge(items.size());
  return items;
}

namespace {

// What Jinja sorts and compares texts by unless told otherwise: their lower case.
Value case_key(const Value& value, bool case_sensitive) {
  return value.is_string() && !case_sensitive ? Value(lower(value.text())) : value;
}

Value sort_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("sort", 0, 3, {"reverse", "case_sensitive", "attribute"});
  const bool case_sensitive = arguments.get(1, "case_sensitive", Value(false)).truthy();
  const Value attribute = arguments.get(2, "attribute", Value::none());
  // The key is a list even of one part, as in Jinja: parts that are undefined are then equal.
  std::vector<Value> attributes;
  if (attribute.is_string()) {
    for (std::string& part : split(attribute.text(), ",", -1))
      attributes.emplace_back(std::move(part));
  } else {
    attributes.push_back(attribute);
  }
  std::vector<std::pair<Value, Value>> keyed;
  for (const Value& item : items_of(budget, value)) {
    std::vector<Value> parts;
    for (const Value& part : attributes) {
      parts.push_back(case_key(dig(budget, item, part), case_sensitive));
    }
    keyed.emplace_back(Value::list(std::move(parts)), item);
  }
  sort_by_key(budget, keyed, arguments.get(0, "reverse", Value(false)).truthy());
  std::vector<Value> out;
  for (auto& [key, item] : keyed) out.push_back(std::move(item));
  return Value::list(std::move(out));
}

Value dictsort_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("dictsort", 0, 3, {"case_sensitive", "by", "reverse"});
  const bool case_sensitive = arguments.get(0, "case_sensitive", Value(false)).truthy();
  const Value by = arguments.get(1, "by", Value("key"));
  if (!by.is_string() || (by.text() != "key" && by.text() != "value")) {
    fail("You can only sort by either \"key\" or \"value\"");
  }
  if (!value.is_dict()) fail("dictsort: expected a dict, not " + value.type_name());
  std::vector<std::pair<Value, Value>> keyed;
  for (const auto& [key, item] : value.as_dict().entries()) {
    keyed.emplace_back(case_key(by.text() == "key" ? key : item, case_sensitive),
                       Value::tuple({key, item}));
  }
  sort_by_key(budget, keyed, arguments.get(2, "reverse", Value(false)).truthy());
  std::vector<Value> out;
  for (auto& [key, item] : keyed) out.push_back(std::move(item));
  return Value::list(std::move(out));
}

Value group_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("groupby", 1, 3, {"attribute", "default", "case_sensitive"});
  const Value attribute = arguments.get(0, "attribute", Value::none());
  const Value* const otherwise = arguments.find(1, "default");
  const bool case_sensitive = arguments.get(2, "case_sensitive", Value(false)).truthy();
  std::vector<std::pair<Value, Value>> keyed;
  for (const Value& item : items_of(budget, value)) {
    keyed.emplace_back(case_key(dig(budget, item, attribute, otherwise), case_sensitive), item);
  }
  sort_by_key(budget, keyed, false);
  std::vector<Value> groups;
  for (std::size_t i = 0; i < keyed.size();) {
    std::vector<Value> members;
    std::size_t end = i;
    while (end < keyed.size() && equal(keyed[end].first, keyed[i].first)) {
      members.push_back(keyed[end++].second);
    }
    auto group = std::make_shared<List>();
    group->kind = ListKind::kGroup;
    group->items = {dig(budget, members.front(), attribute, otherwise),
                    Value::list(std::move(members))};
    groups.emplace_back(std::move(group));
    i = end;
  }
  return Value::list(std::move(groups));
}

Value unique_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("unique", 0, 2, {"case_sensitive", "attribute"});
  const bool case_sensitive = arguments.get(0, "case_sensitive", Value(false)).truthy();
  const Value attribute = arguments.get(1, "attribute", Value::none());
  Dict seen;
  std::vector<Value> out;
  for (const Value& item : items_of(budget, value)) {
    const Value key = case_key(dig(budget, item, attribute), case_sensitive);
    if (seen.find(key) != nullptr) continue;
    seen.set(key, Value(true));
    out.push_back(item);
  }
  return Value::generator(std::move(out));
}

template <bool largest>
Value extreme_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check(largest ? "max" : "min", 0, 2, {"case_sensitive", "attribute"});
  const bool case_sensitive = arguments.get(0, "case_sensitive", Value(false)).truthy();
  const Value attribute = arguments.get(1, "attribute", Value::none());
  const std::vector<Value> items = items_of(budget, value);
  if (items.empty()) return Value::undefined("No aggregated item, sequence was empty.");
  std::size_t best = 0;
  Value best_key = case_key(dig(budget, items[0], attribute), case_sensitive);
  for (std::size_t i = 1; i < items.size(); ++i) {
    const Value key = case_key(dig(budget, items[i], attribute), case_sensitive);
    if (largest ? less(best_key, key) : less(key, best_key)) {
      best = i;
      best_key = key;
    }
  }
  return items[best];
}

Value join_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("join", 0, 2, {"d", "attribute"});
  const std::string separator = budget.text_of(arguments.get(0, "d", Value("")));
  const Value attribute = arguments.get(1, "attribute", Value::none());
  std::string out;
  bool first = true;
  for (const Value& item : items_of(budget, value)) {
    if (!first) out += separator;
    first = false;
    out += budget.text_of(attribute.is_none() ? item : dig(budget, item, attribute));
    budget.charge(separator.size() / 64);
    if (out.size() > budget.max_text()) budget.charge_text(out.size());
  }
  return Value(std::move(out));
}

Value sum_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("sum", 0, 2, {"attribute", "start"});
  const Value attribute = arguments.get(0, "attribute", Value::none());
  Value total = arguments.get(1, "start", Value(std::int64_t{0}));
  for (const Value& item : items_of(budget, value)) {
    total =
        arithmetic(budget, "+", total, attribute.is_none() ? item : dig(budget, item, attribute));
  }
  return total;
}

Value batch_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("batch", 1, 2, {"linecount", "fill_with"});
  const std::int64_t size = whole("batch", arguments.get(0, "linecount", Value()));
  const Value* const fill = arguments.find(1, "fill_with");
  std::vector<Value> out;
  std::vector<Value> row;
  for (const Value& item : items_of(budget, value)) {
    if (static_cast<std::int64_t>(row.size()) == size) {
      out.push_back(Value::list(std::move(row)));
      row.clear();
    }
    row.push_back(item);
  }
  if (!row.empty()) {
    if (fill != nullptr && !fill->is_none()) {
      while (static_cast<std::int64_t>(row.size()) < size) {
        budget.charge(1);
        row.push_back(*fill);
      }
    }
    out.push_back(Value::list(std::move(row)));
  }
  return Value::generator(std::move(out));
}

Value slice_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("slice", 1, 2, {"slices", "fill_with"});
  const std::int64_t slices = whole("slice", arguments.get(0, "slices", Value()));
  const Value* const fill = arguments.find(1, "fill_with");
  if (slices <= 0) fail("integer division or modulo by zero");
  const std::vector<Value> items = items_of(budget, value);
  budget.charge(static_cast<std::size_t>(slices));
  const std::size_t count = static_cast<std::size_t>(slices);
  const std::size_t each = items.size() / count;
  const std::size_t larger = items.size() % count;
  std::vector<Value> out;
  std::size_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t size = each + (i < larger ? 1 : 0);
    std::vector<Value> part(items.begin() + static_cast<std::ptrdiff_t>(at),
                            items.begin() + static_cast<std::ptrdiff_t>(at + size));
    if (fill != nullptr && !fill->is_none() && i >= larger) part.push_back(*fill);
    out.push_back(Value::list(std::move(part)));
    at += size;
  }
  return Value::generator(std::move(out));
}

Value first_filter(Budget&, const Value& value, const Arguments& arguments) {
  arguments.check("first", 0, 0, {});
  if (value.is_list() && !value.as_list().items.empty()) {
    // A generator gives away one item only.
    List& list = value.as_list();
    const Value item = list.items.front();  // what comes later may fail: it is not asked for
    if (list.kind == ListKind::kGenerator) list.items.erase(list.items.begin());
    return item;
  }
  const std::vector<Value> items = iterate(value);
  return items.empty() ? Value::undefined("No first item, sequence was empty.") : items.front();
}

Value last_filter(Budget&, const Value& value, const Arguments& arguments) {
  arguments.check("last", 0, 0, {});
  if (value.is_list() && value.as_list().kind == ListKind::kGenerator) {
    fail("'generator' object is not reversible");
  }
  const std::vector<Value> items = iterate(value);
  return items.empty() ? Value::undefined("No last item, sequence was empty.") : items.back();
}

Value reverse_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("reverse", 0, 0, {});
  std::vector<Value> items = items_of(budget, value);
  std::reverse(items.begin(), items.end());
  if (!value.is_string()) return Value::generator(std::move(items));
  std::string out;
  for (const Value& item : items) out += item.text();
  return value.is_markup() ? Value::markup(std::move(out)) : Value(std::move(out));
}

Value length_filter(Budget& budget, const Value& value, const Arguments& arguments) {
  arguments.check("length", 0, 0, {});
  if (value.is_string()) budget.charge(value.text().size() / 64);
  return Value(length(value));
}

}  // namespace

const FilterTable& sequence_filters() {
  static const FilterTable table = {
      {"batch", batch_filter},
      {"count", length_filter},
      {"dictsort", dictsort_filter},
      {"first", first_filter},
      {"groupby", group_filter},
      {"join", join_filter},
      {"last", last_filter},
      {"length", length_filter},
      {"max", extreme_filter<true>},
      {"min", extreme_filter<false>},
      {"reverse", reverse_filter},
      {"slice", slice_filter},
      {"sort", sort_filter},
      {"sum", sum_filter},
      {"unique", unique_filter},
      {"items",
       [](Budget& budget, const Value& value, const Arguments& arguments) {
         arguments.check("items", 0, 0, {});
         if (value.is_undefined()) return Value::generator({});
         if (!value.is_dict()) fail("Can only get item pairs from a mapping.");
         std::vector<Value> out;
         for (const auto& [key, item] : value.as_dict().entries()) {
           out.push_back(Value::tuple({key, item}));
         }
         budget.charge(out.size());
         return Value::generator(std::move(out));
       }},
      {"list",
       [](Budget& budget, const Value& value, const Arguments& arguments) {
         arguments.check("list", 0, 0, {});
         return Value::list(items_of(budget, value));
       }},
  };
  return table;
}

}  // namespace peira::model::jinja
