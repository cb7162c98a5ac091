// Errors of the statistics library: a message begins with one of a fixed set of names, so that a
// caller can tell them apart, and keeps the point estimate where there is one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace peira::stats {

// An Error of stats/ by name. what() is "Name: what".
class StatsError : public Error {
 public:
  // name      one of error_names(); it decides the code: InvalidArgument, InvalidProbability and
  //           BudgetExceeded are kUsage, NoConvergence is kInternal, all others kData.
  // estimate  the point estimate, where the data give one although they give no test of it.
  StatsError(std::string_view name, const std::string& what,
             std::optional<double> estimate = std::nullopt);

  const std::optional<double>& estimate() const noexcept { return estimate_; }

 private:
  std::optional<double> estimate_;
};

// The names an error of stats/ may have.
std::span<const std::string_view> error_names();

}  // namespace peira::stats
