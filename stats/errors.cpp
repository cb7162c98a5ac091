#include "stats/errors.h"

namespace peira::stats {
namespace {

constexpr std::string_view kNames[] = {"EmptyInput",     "TooFewObservations", "LengthMismatch",
                                       "NonFiniteInput", "InvalidArgument",    "InvalidProbability",
                                       "ZeroVariance",   "DegenerateTable",    "NotEstimable",
                                       "NoConvergence",  "DisconnectedGraph",  "SeparatedData",
                                       "BudgetExceeded"};

ErrorCode code_of(std::string_view name) {
  if (name == "InvalidArgument" || name == "InvalidProbability" || name == "BudgetExceeded") {
    return ErrorCode::kUsage;
  }
  return name == "NoConvergence" ? ErrorCode::kInternal : ErrorCode::kData;
}

}  // namespace

StatsError::StatsError(std::string_view name, const std::string& what,
                       std::optional<double> estimate)
    : Error(code_of(name), std::string(name) + ": " + what), estimate_(estimate) {}

std::span<const std::string_view> error_names() { return kNames; }

}  // namespace peira::stats
