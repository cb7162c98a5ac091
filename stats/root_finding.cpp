#include "stats/root_finding.h"

#include <boost/math/tools/toms748_solve.hpp>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "base/error.h"

namespace peira::stats {
namespace {

constexpr std::uintmax_t kMaxSteps = 200;

[[noreturn]] void no_convergence(const std::string& why) {
  throw Error(ErrorCode::kInternal, "NoConvergence: " + why);
}

}  // namespace

double find_root(const std::function<double(double)>& f, double low, double high) {
  const double at_low = f(low);
  const double at_high = f(high);
  if (at_low == 0) return low;
  if (at_high == 0) return high;
  if (std::isnan(at_low) || std::isnan(at_high) || (at_low < 0) == (at_high < 0)) {
    no_convergence("no root between " + std::to_string(low) + " and " + std::to_string(high));
  }
  std::uintmax_t steps = kMaxSteps;
  std::pair<double, double> bracket;
  try {
    bracket = boost::math::tools::toms748_solve(f, low, high, at_low, at_high,
                                                boost::math::tools::eps_tolerance<double>(), steps);
  } catch (const Error&) {  // of the function itself
    throw;
  } catch (const std::exception& error) {
    no_convergence(error.what());
  }
  if (steps >= kMaxSteps) no_convergence("a root is not found in 200 steps");
  return bracket.first + (bracket.second - bracket.first) / 2;
}

}  // namespace peira::stats
