// The functions and classes that every template knows.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "model/text/jinja/value.h"

namespace peira::model::jinja {

// A namespace() object: attributes that a template may assign.
class Namespace : public Object {
 public:
  std::string type_name() const override { return "Namespace"; }
  std::string repr() const override { return "<Namespace>"; }
  bool attribute(std::string_view name, Value& out) const override;
  void release() override { attributes.clear(); }
  std::map<std::string, Value, std::less<>> attributes;
};

// A function or class; null: no such name.
const Value* find_global(const std::string& name);

}  // namespace peira::model::jinja
