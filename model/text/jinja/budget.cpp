#include "model/text/jinja/budget.h"

#include <functional>
#include <utility>

namespace peira::model::jinja {

Budget::~Budget() {
  for (const auto& object : kept_) object->release();
}

void Budget::charge(std::size_t amount) {
  if (amount > static_cast<std::size_t>(limits_.steps) ||
      (steps_ += static_cast<std::int64_t>(amount)) > limits_.steps) {
    steps_ = limits_.steps;  // whatever follows fails too
    fail("the template takes more than " + std::to_string(limits_.steps) + " steps");
  }
}

void Budget::charge_text(std::size_t bytes) {
  if (bytes > limits_.output_bytes) {
    fail("the template makes a text of more than " + std::to_string(limits_.output_bytes) +
         " bytes");
  }
  charge(bytes / 64);
}

Value Budget::text_value(std::string text) {
  charge_text(text.size());
  return Value(std::move(text));
}

void Budget::charge_printed(const Value& value) {
  // Lists and dicts can share parts and so print larger than they are: their size is met first.
  const std::function<std::size_t(const Value&)> size = [&](const Value& part) -> std::size_t {
    charge(1);
    std::size_t total = 2;
    if (part.is_big()) {
      charge(part.big().weight());
    } else if (part.is_string()) {
      total += part.text().size();
    } else if (part.is_list()) {
      for (const Value& item : part.as_list().items) total += size(item) + 2;
    } else if (part.is_dict()) {
      for (const auto& [key, item] : part.as_dict().entries()) total += size(key) + size(item) + 4;
    }
    if (total > limits_.output_bytes) charge_text(total);
    return total;
  };
  if (value.is_list() || value.is_dict() || value.is_big()) charge_text(size(value));
}

std::string Budget::text_of(const Value& value) {
  charge_printed(value);
  std::string text = value.str();
  charge_text(text.size());
  return text;
}

std::string Budget::repr_of(const Value& value) {
  charge_printed(value);
  std::string text = value.repr();
  charge_text(text.size());
  return text;
}

}  // namespace peira::model::jinja
