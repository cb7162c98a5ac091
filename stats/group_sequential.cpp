#include "stats/group_sequential.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "stats/detail/checks.h"
#include "stats/distributions.h"
#include "stats/quadrature.h"
#include "stats/root_finding.h"

namespace peira::stats {
namespace {

// Beyond it the normal density is nothing to 1e-20.
constexpr double kWidest = 10;
constexpr int kPanels = 8;
constexpr std::size_t kNodesPerPanel = 32;

double normal_density(double z) {
  return std::exp(-z * z / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
}

}  // namespace

double spent_alpha(double t, const GroupSequentialOptions& options) {
  const double alpha = options.alpha;
  detail::require_open_unit(alpha, "alpha");
  detail::require_unit(t, "the information fraction");
  if (t == 0) return 0;
  if (t == 1) return alpha;
  switch (options.spending) {
    case Spending::kObrienFleming:
      return 4 * normal_upper_tail(-normal_quantile(alpha / 4) / std::sqrt(t));
    case Spending::kPocock:
      return alpha * std::log1p((std::numbers::e - 1) * t);
    case Spending::kHwangShihDeCani: {
      const double g = options.parameter;
      detail::require_finite(g, "the parameter");
      return g == 0 ? alpha * t : alpha * std::expm1(-g * t) / std::expm1(-g);
    }
    case Spending::kPower:
      if (!(options.parameter > 0)) {
        detail::invalid_argument("a power of " + std::to_string(options.parameter));
      }
      return alpha * std::pow(t, options.parameter);
  }
  detail::invalid_argument("an unknown spending function");
}

GroupSequential::GroupSequential(const GroupSequentialOptions& options) : options_(options) {
  static_cast<void>(spent_alpha(0.5, options));  // checks them
}

double GroupSequential::exit_probability(double boundary, double info) const {
  if (nodes_.empty()) return 2 * normal_upper_tail(boundary);
  const double root_now = std::sqrt(info);
  const double root_before = std::sqrt(info_);
  const double root_step = std::sqrt(info - info_);
  double sum = 0;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const double here = nodes_[i] * root_before;
    sum += masses_[i] * (normal_upper_tail((boundary * root_now - here) / root_step) +
                         normal_upper_tail((boundary * root_now + here) / root_step));
  }
  return sum;
}

GroupLook GroupSequential::look(double info, bool is_last) {
  if (is_last) info = std::min(info, 1.0);
  if (!(info > info_) || info > 1) {
    detail::invalid_argument("information must rise and stay within 1: " + std::to_string(info) +
                             " after " + std::to_string(info_));
  }
  GroupLook look;
  look.info = info;
  look.spent = std::max(spent_, is_last ? options_.alpha : spent_alpha(info, options_));
  const double target = look.spent - spent_;
  constexpr double kFarthest = 38;  // where the normal tail leaves the range of a double
  if (exit_probability(kFarthest, info) >= target) {
    look.boundary = std::numeric_limits<double>::infinity();
  } else if (nodes_.empty()) {
    look.boundary = -normal_quantile(target / 2);
  } else {
    look.boundary =
        find_root([&](double c) { return exit_probability(c, info) - target; }, 0, kFarthest);
  }

  // The density over paths that go on.
  static const GaussLegendre rule = gauss_legendre(kNodesPerPanel);
  const double edge = std::min(look.boundary, kWidest);
  std::vector<double> nodes, masses;
  const double root_now = std::sqrt(info);
  const double root_before = std::sqrt(info_);
  const double root_step = std::sqrt(info - info_);
  const double half = edge / kPanels;
  for (int panel = 0; panel < kPanels; ++panel) {
    const double middle = -edge + (2 * panel + 1) * half;
    for (std::size_t k = 0; k < kNodesPerPanel; ++k) {
      const double z = middle + half * rule.nodes[k];
      double density = 0;
      if (nodes_.empty()) {
        density = normal_density(z);
      } else {
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
          density +=
              masses_[i] * normal_density((z * root_now - nodes_[i] * root_before) / root_step);
        }
        density *= root_now / root_step;
      }
      nodes.push_back(z);
      masses.push_back(density * half * rule.weights[k]);
    }
  }
  nodes_ = std::move(nodes);
  masses_ = std::move(masses);
  info_ = info;
  spent_ = look.spent;
  return look;
}

std::vector<GroupLook> group_sequential(std::span<const double> info,
                                        const GroupSequentialOptions& options) {
  if (info.empty()) detail::empty_input("no looks");
  GroupSequential trial(options);
  std::vector<GroupLook> looks;
  for (const double t : info) looks.push_back(trial.look(t));
  return looks;
}

Interval repeated_interval(double estimate, double std_error, const GroupLook& look) {
  detail::require_finite(estimate, "the estimate");
  if (!(std_error >= 0)) {
    detail::invalid_argument("a standard error of " + std::to_string(std_error));
  }
  const double half_width = look.boundary * std_error;
  return {estimate - half_width, estimate + half_width};
}

}  // namespace peira::stats
