// How many failed samples a run bears.
#pragma once

#include <cstdint>
#include <string>

namespace peira::runner {

// "5" samples or "5%" of those expected.
struct FailureLimit {
  double value = 5;
  bool is_percent = true;

  // throws Error(kUsage): not N or P%.
  static FailureLimit parse(const std::string& text);
  std::string text() const;
  // Whether `failures` of `expected` are too many. 0 expected: any failure is.
  bool exceeded(std::int64_t failures, std::int64_t expected) const;
};

}  // namespace peira::runner
