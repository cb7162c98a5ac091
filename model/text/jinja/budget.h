// What one run of a template from a stranger may use up, and what it has to let go of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "model/text/jinja/value.h"

namespace peira::model::jinja {

struct Limits {
  std::int64_t steps = 20'000'000;  // evaluations, loop turns, items and 64-byte stretches made
  std::size_t output_bytes = 64U << 20U;  // of the result, and of any one text made on the way
  int call_depth = 1000;                  // of nested evaluations
};

// Everything that works for a run counts its work here.
// threads: one run, one thread.
class Budget {
 public:
  Budget(const Limits& limits, const std::tm& now) : limits_(limits), now_(now) {}
  // Objects that may hold each other are let go one by one.
  ~Budget();
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  const Limits& limits() const { return limits_; }
  std::size_t max_text() const { return limits_.output_bytes; }
  const std::tm& now() const { return now_; }

  // Counts work done. throws Failure: more than the limit.
  void charge(std::size_t amount);
  // A text made of `bytes`: counted, and refused beyond the limit.
  void charge_text(std::size_t bytes);
  Value text_value(std::string text);
  // str(value) and repr(value), their size counted before they are made.
  std::string text_of(const Value& value);
  std::string repr_of(const Value& value);
  void keep(std::shared_ptr<Object> object) { kept_.push_back(std::move(object)); }

 private:
  void charge_printed(const Value& value);

  const Limits limits_;
  const std::tm now_;
  std::int64_t steps_ = 0;
  std::vector<std::shared_ptr<Object>> kept_;
};

}  // namespace peira::model::jinja
