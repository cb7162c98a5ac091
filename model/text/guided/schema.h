// JSON Schema (draft 2020-12): what a schema asks for, all that applies to one value gathered.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "model/text/guided/numbers.h"

namespace peira::model::guided {

// A schema inside the document: its JSON pointer and its text.
struct Location {
  std::string pointer;  // "#/properties/age"
  const OrderedJson* schema;
};
using Locations = std::vector<Location>;  // all apply

// One part of a type, as a bit.
enum Type : unsigned {
  kNull = 1,
  kBoolean = 2,
  kInteger = 4,
  kFraction = 8,  // numbers that are no integers; "number" is both
  kString = 16,
  kArray = 32,
  kObject = 64,
  kAnyType = 127
};

// `properties` and additionalProperties of one schema: they apply together.
struct ObjectPart {
  std::vector<std::pair<std::string, Location>> properties;
  std::optional<Location> additional;
};
// prefixItems and items of one schema.
struct ArrayPart {
  Locations prefix;
  std::optional<Location> items;
};
// An anyOf: a value obeys one of them.
struct Choice {
  Locations alternatives;
  std::vector<std::string> open;  // references being followed where it stands
};

// What all schemas that apply to one value ask for together.
struct Shape {
  std::string pointer;                    // of the first of them, for messages
  std::optional<std::string> impossible;  // why nothing can obey, where that is said outright
  unsigned types = kAnyType;
  std::optional<std::vector<OrderedJson>> values;  // enum and const
  std::uint64_t min_length = 0;
  std::optional<std::uint64_t> max_length;
  std::vector<std::pair<std::string, std::string>> patterns;  // pointer, pattern
  std::vector<std::string> formats;
  NumberRange range;
  std::vector<ArrayPart> arrays;
  std::uint64_t min_items = 0;
  std::optional<std::uint64_t> max_items;
  std::vector<ObjectPart> objects;
  std::vector<std::string> required;
  std::uint64_t min_properties = 0;
  std::optional<std::uint64_t> max_properties;
  std::vector<Choice> choices;
  std::size_t num_schemas = 0;  // gathered so far
};

// A schema document.
class Schema {
 public:
  // `where` is named in errors: "schema.json". The document must outlive this.
  Schema(const OrderedJson& document, std::string where)
      : document_(document), where_(std::move(where)) {}

  Location root() const { return {"#", &document_}; }
  const std::string& where() const { return where_; }
  std::string where(const std::string& pointer) const { return where_ + ": " + pointer; }

  // Adds to `shape` what the schema at `location` asks for, references followed, allOf taken in.
  // throws Error(kData): it is no schema, or asks for something that is not supported; names the
  //        JSON pointer.
  void gather(const Location& location, const std::vector<std::string>& open, Shape& shape) const;

 private:
  void gather_keyword(const std::string& key, const OrderedJson& value, const Location& location,
                      const std::vector<std::string>& open, Shape& shape) const;
  void gather_type(const OrderedJson& value, const std::string& pointer, bool nullable,
                   Shape& shape) const;
  void gather_values(const OrderedJson& values, Shape& shape) const;
  void gather_bound(const std::string& key, const OrderedJson& value, const std::string& pointer,
                    Shape& shape) const;
  Location resolve(const std::string& reference, const std::string& pointer) const;
  std::uint64_t count(const OrderedJson& value, const std::string& pointer) const;

  const OrderedJson& document_;
  std::string where_;
};

// `pointer` with one more token.
std::string child(const std::string& pointer, std::string_view token);

// Whether two JSON values are equal as JSON Schema sees it: 1 and 1.0 are, members in any order.
bool same_value(const OrderedJson& a, const OrderedJson& b);

// The part of a type that `value` is of.
Type type_of(const OrderedJson& value);

}  // namespace peira::model::guided
