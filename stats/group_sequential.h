// A few planned looks at a trial: boundaries that spend the error level over them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stats/intervals.h"

namespace peira::stats {

// How much of alpha may be spent by information fraction t.
enum class Spending {
  kObrienFleming,    // 4 (1 - Phi(z_{alpha/4} / sqrt t)): very little early
  kPocock,           // alpha ln(1 + (e - 1) t): about even
  kHwangShihDeCani,  // alpha (1 - e^{-g t}) / (1 - e^{-g}); g = 0 spends evenly
  kPower             // alpha t^rho
};

struct GroupSequentialOptions {
  double alpha = 0.05;  // two-sided, boundaries symmetric
  Spending spending = Spending::kObrienFleming;
  double parameter = 0;  // g of kHwangShihDeCani, rho > 0 of kPower
};

// Alpha spent by information fraction t in [0, 1].
// throws Error(kUsage) "InvalidArgument", "InvalidProbability".
double spent_alpha(double t, const GroupSequentialOptions& options);

struct GroupLook {
  double info = 0;      // information fraction
  double spent = 0;     // alpha spent up to and with this look
  double boundary = 0;  // |z| at or beyond it stops; +infinity where nothing may be spent
};

// Looks one after another, planned or not: each uses the information there really is and what was
// spent before. A value: copy it to save it.
//
// source  Lan and DeMets (1983); recursion of Armitage, McPherson and Rowe (1969) on a
//         Gauss-Legendre grid, 8 panels of 32 nodes over the continuation region. rpact asOF, asP,
//         asHSD (sided = 2).
class GroupSequential {
 public:
  explicit GroupSequential(const GroupSequentialOptions& options);

  // The next look.
  //
  // info     share of the planned information, rising from look to look, at most 1.
  // is_last  spends all that is left, whatever `info`: for a trial that ended early or ran over
  //          (info > 1 counts as 1).
  // throws   Error(kUsage) "InvalidArgument": info not rising, or above 1 and not last.
  GroupLook look(double info, bool is_last = false);

  double spent() const { return spent_; }

 private:
  double exit_probability(double boundary, double info) const;

  GroupSequentialOptions options_;
  double info_ = 0, spent_ = 0;
  // Density of z at the last look over paths that have not crossed: nodes, and density times
  // weight.
  std::vector<double> nodes_, masses_;
};

// All looks of a plan at once.
std::vector<GroupLook> group_sequential(std::span<const double> info,
                                        const GroupSequentialOptions& options = {});

// Interval around an estimate at a look: estimate -+ boundary std_error.
Interval repeated_interval(double estimate, double std_error, const GroupLook& look);

}  // namespace peira::stats
