// Family-wise error over families of hypotheses that stand in an order of importance.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace peira::stats {

// One hypothesis of a hierarchy.
struct RankedHypothesis {
  double p_value = 1;
  std::size_t family = 0;  // its place in the order
  double weight = 1;       // within its family; > 0
};

// p-values adjusted so that rejecting those of at most alpha rejects any true hypothesis with a
// chance of at most alpha, whatever their dependence. Input order is kept.
//
// shares   of alpha, one a family, each at least 0, together 1: what the family is tested at from
// the
//          beginning. {1, 0, 0} is serial gatekeeping: a family is tested once every hypothesis of
//          the ones before it is rejected; with one hypothesis a family, a fixed sequence; with
//          positive shares the fallback procedure; one family alone is Holm's.
// throws   Error(kUsage): "InvalidProbability": a p outside [0, 1] or NaN; "InvalidArgument": a
//          weight not above 0, a family without a share or without a hypothesis, shares that are
//          negative or not 1 together.
// source   Bretz, Maurer, Brannath and Posch (2009), Statistics in Medicine 28, 586-604, algorithm
//          2. The graph: within a family alpha goes to those that are left in proportion to their
//          weights (Holm); of a family of which nothing is left, to the next one in the order that
//          has something, after the last one to the first.
std::vector<double> gatekeeping(std::span<const RankedHypothesis> hypotheses,
                                std::span<const double> shares);

}  // namespace peira::stats
