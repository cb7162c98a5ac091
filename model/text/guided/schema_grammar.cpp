#include "model/text/guided/schema_grammar.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "model/text/guided/formats.h"
#include "model/text/guided/pattern.h"
#include "model/text/guided/schema.h"

namespace peira::model::guided {
namespace {

constexpr std::size_t kMaxAlternatives = 1'000;  // of one value, all anyOf multiplied
constexpr std::size_t kMaxRules = 20'000;
constexpr std::size_t kMaxMembers = 1'000;  // declared properties of one object

class Builder {
 public:
  Builder(Grammar& grammar, const Schema& schema) : grammar_(grammar), schema_(schema) {}

  Grammar::Rule build() {
    const Grammar::Rule root = rule_of({schema_.root()});
    // Rules are filled one by one, not inside each other: a schema may nest as deep as JSON does.
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      const Pending pending = pending_[i];
      current_ = pending.rule;
      num_alternatives_ = 0;
      Shape shape;
      for (const Location& location : pending.locations) schema_.gather(location, {}, shape);
      add_alternatives(std::move(shape));
    }
    return root;
  }

  // Why `root` has no texts, when it has none.
  std::string why_impossible(Grammar::Rule root) const {
    std::set<Grammar::Rule> seen{root};
    std::vector<Grammar::Rule> work{root};
    for (std::size_t i = 0; i < work.size(); ++i) {
      if (const auto found = reasons_.find(work[i]); found != reasons_.end()) return found->second;
      const auto used = uses_.find(work[i]);
      if (used == uses_.end()) continue;
      for (const Grammar::Rule rule : used->second) {
        if (!grammar_.is_live(rule) && seen.insert(rule).second) work.push_back(rule);
      }
    }
    return "#: only a value without end would obey it, or the vocabulary lacks its characters";
  }

 private:
  struct Pending {
    Grammar::Rule rule;
    Locations locations;
  };

  // The rule of values that obey all of `locations`.
  Grammar::Rule rule_of(Locations locations) {
    std::erase_if(locations, [](const Location& location) {
      return location.schema->is_boolean() && location.schema->get<bool>();
    });
    std::sort(locations.begin(), locations.end(),
              [](const Location& a, const Location& b) { return a.pointer < b.pointer; });
    locations.erase(
        std::unique(locations.begin(), locations.end(),
                    [](const Location& a, const Location& b) { return a.pointer == b.pointer; }),
        locations.end());
    std::string key;
    for (const Location& location : locations) key += location.pointer + "\n";
    const auto [found, is_new] = rules_.try_emplace(key, 0);
    if (is_new) {
      if (rules_.size() > kMaxRules) {
        throw Error(ErrorCode::kData, schema_.where() + ": its parts combine to more than " +
                                          std::to_string(kMaxRules) + " kinds of values");
      }
      found->second = grammar_.add_rule();
      pending_.push_back({found->second, std::move(locations)});
    }
    uses_[current_].push_back(found->second);
    return found->second;
  }

  void give_reason(const Shape& shape, const std::string& reason) {
    const std::string place = shape.pointer.empty() ? "#" : shape.pointer;
    reasons_.try_emplace(current_, reason.starts_with("#") ? reason : place + ": " + reason);
  }

  // Adds what `shape` allows to the current rule, one alternative of each of its choices at a time.
  void add_alternatives(Shape shape) {
    if (shape.choices.empty()) {
      if (++num_alternatives_ > kMaxAlternatives) {
        throw Error(ErrorCode::kData, schema_.where(shape.pointer) +
                                          ": its anyOf multiply to more than " +
                                          std::to_string(kMaxAlternatives) + " alternatives");
      }
      add_values(shape);
      return;
    }
    const Choice choice = std::move(shape.choices.back());
    shape.choices.pop_back();
    for (const Location& alternative : choice.alternatives) {
      Shape narrowed = shape;
      schema_.gather(alternative, choice.open, narrowed);
      if (narrowed.choices.size() > kMaxAlternatives) {
        throw Error(ErrorCode::kData, schema_.where(alternative.pointer) + ": too many anyOf");
      }
      add_alternatives(std::move(narrowed));
    }
  }

  void add_values(const Shape& shape) {
    if (shape.impossible) {
      give_reason(shape, *shape.impossible);
      return;
    }
    if (shape.types == 0) {
      give_reason(shape, "its types exclude each other");
      return;
    }
    if (shape.values) {
      add_enumeration(shape);
      return;
    }
    const Grammar::State start = grammar_.start(current_);
    const Grammar::State end = grammar_.add_state();
    grammar_.accept(end);
    if ((shape.types & kNull) != 0) grammar_.add_free(grammar_.add_text(start, "null"), end);
    if ((shape.types & kBoolean) != 0) {
      grammar_.add_free(grammar_.add_text(start, "true"), end);
      grammar_.add_free(grammar_.add_text(start, "false"), end);
    }
    if ((shape.types & (kInteger | kFraction)) != 0) {
      const CharNfa numbers = numbers_of(shape);
      if (numbers.states.empty()) give_reason(shape, why_no_number(shape.range));
      grammar_.add_chars(start, numbers, Spelling::kPlain, end);
    }
    if ((shape.types & kString) != 0) {
      const CharNfa strings = strings_of(shape);
      if (strings.states.empty()) {
        give_reason(shape, "no text obeys its length, pattern and format together");
      }
      const Grammar::State open = grammar_.add_text(start, "\"");
      const Grammar::State close = grammar_.add_state();
      grammar_.add_chars(open, strings, Spelling::kJson, close);
      grammar_.add_bytes(close, '"', '"', end);
    }
    if ((shape.types & kArray) != 0) add_array(shape, start, end);
    if ((shape.types & kObject) != 0) add_object(shape, start, end);
  }

  // --- numbers and strings ---

  CharNfa numbers_of(const Shape& shape) const {
    NumberRange range = shape.range;
    range.integers_only = range.integers_only || (shape.types & kFraction) == 0;
    return number_texts(range, schema_.where(shape.pointer));
  }

  static std::string why_no_number(const NumberRange& range) {
    const auto bound = [](const std::optional<Decimal>& value) {
      return value ? value->text() : std::string("none");
    };
    return "no number of its type is in the range: minimum " + bound(range.min) +
           (range.min_is_open ? " (itself out)" : "") + ", maximum " + bound(range.max) +
           (range.max_is_open ? " (itself out)" : "") +
           (range.multiple_of > 1 ? ", multiple of " + std::to_string(range.multiple_of) : "");
  }

  CharNfa strings_of(const Shape& shape) const {
    const std::string where = schema_.where(shape.pointer);
    CharNfa texts = text_of_length(shape.min_length, shape.max_length, where);
    for (const auto& [pointer, pattern] : shape.patterns) {
      texts = intersect(parse_pattern(pattern, PatternMatch::kAnywhere, schema_.where(pointer)),
                        texts, where);
    }
    for (const std::string& format : shape.formats) {
      const std::optional<std::string> pattern = format_pattern(format);
      if (!pattern) {
        throw Error(ErrorCode::kData, where + ": format \"" + format +
                                          "\" is not supported\n  try: one of " +
                                          std::string(format_names()));
      }
      texts = intersect(parse_pattern(*pattern, PatternMatch::kWhole, where), texts, where);
    }
    return texts;
  }

  // --- enum and const ---

  void add_enumeration(const Shape& shape) {
    const unsigned scalar_types = kNull | kBoolean | kInteger | kFraction | kString;
    std::optional<CharNfa> numbers, strings;
    bool any = false;
    for (const OrderedJson& value : *shape.values) {
      const Type type = type_of(value);
      if ((shape.types & type) == 0) continue;
      if ((type & scalar_types) == 0) {
        const bool is_bound =
            type == kArray
                ? !shape.arrays.empty() || shape.min_items > 0 || shape.max_items.has_value()
                : !shape.objects.empty() || !shape.required.empty() || shape.min_properties > 0 ||
                      shape.max_properties.has_value();
        if (is_bound) {
          throw Error(ErrorCode::kData,
                      schema_.where(shape.pointer) +
                          ": lists or objects in enum or const beside keywords about their content "
                          "are not supported\n  try: only the values");
        }
      }
      if (type == kInteger || type == kFraction) {
        if (!numbers) numbers = numbers_of(shape);
        if (!accepts(*numbers, Decimal::of(value).text())) continue;
      }
      if (type == kString) {
        if (!strings) strings = strings_of(shape);
        if (!accepts(*strings, value.get_ref<const std::string&>())) continue;
      }
      any = true;
      grammar_.accept(share_value(grammar_.start(current_), value));
    }
    if (!any) give_reason(shape, "none of the values of enum or const obeys the rest");
  }

  // The state after the text of `value`, shared with those that begin alike.
  Grammar::State share_value(Grammar::State from, const OrderedJson& value) {
    if (value.is_string()) {
      return grammar_.share_text(from,
                                 "\"" + json_spelling(value.get_ref<const std::string&>()) + "\"");
    }
    if (value.is_number()) {
      return grammar_.share_text(
          from, type_of(value) == kInteger ? Decimal::of(value).text() : value.dump());
    }
    if (value.is_array()) {
      from = grammar_.share_text(from, "[");
      bool is_first = true;
      for (const OrderedJson& item : value) {
        if (!std::exchange(is_first, false)) from = share_separator(from, ",");
        from = share_value(from, item);
      }
      return grammar_.share_text(from, "]");
    }
    if (value.is_object()) {
      from = grammar_.share_text(from, "{");
      bool is_first = true;
      for (const auto& [name, member] : value.items()) {
        if (!std::exchange(is_first, false)) from = share_separator(from, ",");
        from = grammar_.share_text(from, "\"" + json_spelling(name) + "\"");
        from = share_value(share_separator(from, ":"), member);
      }
      return grammar_.share_text(from, "}");
    }
    return grammar_.share_text(from, value.dump());
  }

  Grammar::State share_separator(Grammar::State from, std::string_view mark) {
    const Grammar::State bare = grammar_.share_text(from, mark);
    const Grammar::State to = grammar_.share_free(bare);
    grammar_.add_free(grammar_.share_text(bare, " "), to);
    return to;
  }

  // --- arrays and objects ---

  // The state after a comma or colon and its space, if any.
  Grammar::State add_separator(Grammar::State from, std::string_view mark) {
    const Grammar::State bare = grammar_.add_text(from, mark);
    const Grammar::State to = grammar_.add_state();
    grammar_.add_bytes(bare, ' ', ' ', to);
    grammar_.add_free(bare, to);
    return to;
  }

  Grammar::Rule item_rule(const Shape& shape, std::size_t index) {
    Locations locations;
    for (const ArrayPart& part : shape.arrays) {
      if (index < part.prefix.size()) {
        locations.push_back(part.prefix[index]);
      } else if (part.items) {
        locations.push_back(*part.items);
      }
    }
    return rule_of(std::move(locations));
  }

  void add_array(const Shape& shape, Grammar::State start, Grammar::State end) {
    if (shape.max_items && *shape.max_items < shape.min_items) {
      give_reason(shape, "minItems " + std::to_string(shape.min_items) + " is above maxItems " +
                             std::to_string(*shape.max_items));
      return;
    }
    std::size_t num_special = 0;
    for (const ArrayPart& part : shape.arrays) {
      num_special = std::max(num_special, part.prefix.size());
    }
    // From here on all items are alike and their number does not matter.
    const std::uint64_t settled = std::max<std::uint64_t>(num_special, shape.min_items);
    Grammar::State state = grammar_.add_text(start, "[");
    for (std::uint64_t count = 0;; ++count) {
      if (count >= shape.min_items) grammar_.add_bytes(state, ']', ']', end);
      if (shape.max_items && count == *shape.max_items) break;
      // After the settled part one state goes round; the first item has no comma in front of it.
      const bool loops = !shape.max_items && count >= settled && count > 0;
      const Grammar::State item = count == 0 ? state : add_separator(state, ",");
      const Grammar::State next = loops ? state : grammar_.add_state();
      grammar_.add_call(item, item_rule(shape, static_cast<std::size_t>(count)), next);
      if (loops) break;
      state = next;
    }
  }

  struct Member {
    std::string name;
    Locations locations;
    bool is_required = false;
    bool is_declared = false;
  };

  std::vector<Member> members_of(const Shape& shape) {
    std::vector<Member> members;
    std::set<std::string> known;
    const auto add = [&](const std::string& name, bool is_declared) {
      if (!known.insert(name).second) return;
      Member member{name, {}, false, is_declared};
      for (const ObjectPart& part : shape.objects) {
        const auto found = std::find_if(part.properties.begin(), part.properties.end(),
                                        [&](const auto& other) { return other.first == name; });
        if (found != part.properties.end()) {
          member.locations.push_back(found->second);
        } else if (part.additional) {
          member.locations.push_back(*part.additional);
        }
      }
      member.is_required =
          std::find(shape.required.begin(), shape.required.end(), name) != shape.required.end();
      members.push_back(std::move(member));
    };
    for (const ObjectPart& part : shape.objects) {
      for (const auto& [name, location] : part.properties) add(name, true);
    }
    for (const std::string& name : shape.required) add(name, false);
    if (members.size() > kMaxMembers) {
      throw Error(ErrorCode::kData, schema_.where(shape.pointer) + ": more than " +
                                        std::to_string(kMaxMembers) + " properties");
    }
    return members;
  }

  static bool is_false(const Location& location) {
    return location.schema->is_boolean() && !location.schema->get<bool>();
  }

  void add_object(const Shape& shape, Grammar::State start, Grammar::State end) {
    std::vector<Member> members = members_of(shape);
    Locations additional;
    for (const ObjectPart& part : shape.objects) {
      if (part.additional) additional.push_back(*part.additional);
    }
    const bool is_closed = std::any_of(additional.begin(), additional.end(), is_false);
    for (const Member& member : members) {
      const auto forbidden =
          std::find_if(member.locations.begin(), member.locations.end(), is_false);
      if (member.is_required && forbidden != member.locations.end()) {
        give_reason(shape, "the required property \"" + member.name + "\" is forbidden by " +
                               forbidden->pointer + ": false");
        return;
      }
    }
    std::erase_if(members, [](const Member& member) {
      return std::any_of(member.locations.begin(), member.locations.end(), is_false);
    });
    const auto num_required = static_cast<std::uint64_t>(std::count_if(
        members.begin(), members.end(), [](const Member& member) { return member.is_required; }));
    const std::uint64_t least = shape.min_properties <= num_required ? 0 : shape.min_properties;
    const bool has_most =
        shape.max_properties && (!is_closed || *shape.max_properties < members.size());
    if (least > 0 && !is_closed) {
      throw Error(ErrorCode::kData,
                  schema_.where(shape.pointer) +
                      ": minProperties is supported beside additionalProperties false only");
    }
    if ((least > 0 && least > members.size()) ||
        (has_most && *shape.max_properties < num_required)) {
      give_reason(shape, "its number of properties cannot be: " + std::to_string(num_required) +
                             " are required, " + std::to_string(members.size()) + " declared");
      return;
    }
    // How many members there are so far matters up to here: whether any, and what is bounded.
    std::uint64_t most_counted = std::max<std::uint64_t>(1, least);
    if (has_most) most_counted = std::max<std::uint64_t>(most_counted, *shape.max_properties + 1);
    if (most_counted > kMaxMembers) {
      throw Error(ErrorCode::kData, schema_.where(shape.pointer) + ": more than " +
                                        std::to_string(kMaxMembers) + " properties to count");
    }

    std::vector<Grammar::State> row{grammar_.add_text(start, "{")};  // by the count so far
    const auto grow = [&](std::vector<Grammar::State>& states, std::uint64_t count) {
      while (states.size() <= count) states.push_back(grammar_.add_state());
      return states[count];
    };
    const auto is_within = [&](std::uint64_t count) {
      return !has_most || count <= *shape.max_properties;
    };
    for (const Member& member : members) {
      std::vector<Grammar::State> next;
      const Grammar::Rule value = rule_of(member.locations);
      const std::string name = "\"" + json_spelling(member.name) + "\"";
      for (std::uint64_t count = 0; count < row.size(); ++count) {
        const std::uint64_t after = std::min(count + 1, most_counted);
        if (is_within(after)) {
          const Grammar::State begin = count == 0 ? row[0] : add_separator(row[count], ",");
          const Grammar::State colon = add_separator(grammar_.add_text(begin, name), ":");
          grammar_.add_call(colon, value, grow(next, after));
        }
        if (!member.is_required) grammar_.add_free(row[count], grow(next, count));
      }
      row = std::move(next);
    }
    if (!is_closed) {
      std::vector<std::string> names;
      for (const ObjectPart& part : shape.objects) {
        for (const auto& [name, location] : part.properties) names.push_back(name);
      }
      for (const Member& member : members) names.push_back(member.name);
      const CharNfa others = text_except(names, schema_.where(shape.pointer));
      const Grammar::Rule value = rule_of(additional);
      for (std::uint64_t count = 0; count <= most_counted; ++count) {
        if (count >= row.size()) break;
        const std::uint64_t after = std::min(count + 1, most_counted);
        if (!is_within(after)) continue;
        const Grammar::State begin = count == 0 ? row[0] : add_separator(row[count], ",");
        const Grammar::State open = grammar_.add_text(begin, "\"");
        const Grammar::State close = grammar_.add_state();
        grammar_.add_chars(open, others, Spelling::kJson, close);
        const Grammar::State colon = add_separator(grammar_.add_text(close, "\""), ":");
        grammar_.add_call(colon, value, grow(row, after));
      }
    }
    for (std::uint64_t count = least; count < row.size(); ++count) {
      if (is_within(count)) grammar_.add_bytes(row[count], '}', '}', end);
    }
  }

  Grammar& grammar_;
  const Schema& schema_;
  std::map<std::string, Grammar::Rule> rules_;  // by the pointers of what applies
  std::vector<Pending> pending_;
  Grammar::Rule current_ = 0;  // being filled
  std::size_t num_alternatives_ = 0;
  std::map<Grammar::Rule, std::string> reasons_;  // why a rule, or part of it, has no texts
  std::map<Grammar::Rule, std::vector<Grammar::Rule>> uses_;
};

}  // namespace

Grammar::Rule add_schema(Grammar& grammar, const OrderedJson& schema, const std::string& where,
                         const std::bitset<256>& bytes) {
  const Schema document(schema, where);
  Builder builder(grammar, document);
  const Grammar::Rule root = builder.build();
  if (!grammar.remove_dead_ends(bytes, root)) {
    throw Error(ErrorCode::kData,
                where + ": no value obeys the schema: " + builder.why_impossible(root));
  }
  return root;
}

}  // namespace peira::model::guided
