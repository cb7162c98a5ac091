// Agreement of raters beyond chance: judge against human, judge against judge, a judge against
// itself with the answers swapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "stats/distributions.h"
#include "stats/intervals.h"

namespace peira::stats {

// How near misses count.
enum class KappaWeights {
  kNone,      // not at all
  kLinear,    // by distance of the categories
  kQuadratic  // by its square
};

// How often two raters gave each pair of categories; categories are 0 ... k - 1, all that could
// have been given, in their order.
class AgreementTable {
 public:
  // throws Error(kUsage) "InvalidArgument": fewer than two categories or more than 2,000.
  explicit AgreementTable(std::size_t num_categories);
  // throws Error(kUsage) "InvalidArgument": a category out of range.
  void add(std::size_t rating1, std::size_t rating2, std::int64_t times = 1);
  void merge(const AgreementTable& other);  // throws as add() when the categories differ

  std::size_t num_categories() const { return num_categories_; }
  std::int64_t total() const { return total_; }
  std::int64_t count(std::size_t rating1, std::size_t rating2) const {
    return counts_[rating1 * num_categories_ + rating2];
  }

 private:
  std::size_t num_categories_;
  std::vector<std::int64_t> counts_;
  std::int64_t total_ = 0;
};

struct Kappa {
  double kappa = 0;
  double observed = 0;        // agreement seen, weighted
  double expected = 0;        // agreement by chance
  double std_error = 0;       // for intervals
  double std_error_null = 0;  // if kappa were 0, for tests
  std::int64_t num_items = 0;

  Interval interval(double confidence = 0.95) const;  // normal
};

// Cohen's kappa of two raters.
// throws  Error(kData): "EmptyInput"; "NotEstimable" when chance alone agrees always: one category
//         only was given (the message holds the observed agreement).
// source  Cohen (1960, 1968); standard errors of Fleiss, Cohen and Everitt (1969). statsmodels
//         cohens_kappa, irr kappa2.
Kappa cohens_kappa(const AgreementTable& table, KappaWeights weights = KappaWeights::kNone);

// Gwet's AC1, which keeps its sense when nearly all items are of one category; report it beside
// kappa.
// throws  Error(kData) "EmptyInput".
// source  Gwet (2008): chance agreement sum pi (1 - pi) / (K - 1), pi the mean marginal share.
double gwet_ac1(const AgreementTable& table);

struct FleissKappa {
  double kappa = 0;
  double observed = 0;  // mean agreement within items
  double expected = 0;
  double std_error_null = 0;
  double z = 0;  // kappa / std_error_null
  PValue p;      // of z, two-sided
};

// Fleiss's kappa of a fixed number of ratings an item, of raters who need not be the same.
//
// counts  [num_items * num_categories], ratings an item and category; every item has the same
//         number, 2 or more.
// throws  Error(kUsage) "InvalidArgument": no table, negative counts; Error(kData): "EmptyInput",
//         "LengthMismatch" (items with different numbers of ratings), "TooFewObservations" (one
//         rating an item), "NotEstimable" (one category only).
// source  Fleiss (1971); standard error under kappa = 0 of Fleiss, Nee and Landis (1979).
//         statsmodels fleiss_kappa, irr kappam.fleiss.
FleissKappa fleiss_kappa(std::span<const std::int64_t> counts, std::size_t num_categories);

// What a difference of two ratings means.
enum class RatingScale { kNominal, kOrdinal, kInterval, kRatio };

struct AlphaBootstrap {
  Interval interval;
  std::int64_t num_resamples = 0;
  std::int64_t num_degenerate = 0;  // resamples without disagreement to expect, left out
  std::uint64_t seed = 0;
};

// Krippendorff's alpha of any number of raters, any of whose ratings may be missing.
//
// units   the ratings that each unit (item) got, finite; units with fewer than two are left out.
// throws  Error(kData): "EmptyInput" (no unit with two ratings), "NonFiniteInput", "NotEstimable"
//         (all ratings equal); Error(kUsage) "InvalidArgument": a negative rating on a ratio
//         scale, "BudgetExceeded": more than 20,000 different ratings on one.
// cost    on a ratio scale grows with the square of the number of different ratings.
// source  Krippendorff (2011), "Computing Krippendorff's alpha-reliability": 1 - Do / De. On an
//         ordinal scale the distance is that of mid-ranks. irr kripp.alpha.
double krippendorff_alpha(std::span<const std::vector<double>> units, RatingScale scale);

// Percentile interval of alpha over resampled units.
// throws  also Error(kUsage) "InvalidArgument": fewer than one resample, "InvalidProbability";
//         Error(kData) "NotEstimable": more than half of the resamples have no alpha.
AlphaBootstrap krippendorff_bootstrap(std::span<const std::vector<double>> units, RatingScale scale,
                                      std::int64_t num_resamples, std::uint64_t seed,
                                      double confidence = 0.95);

}  // namespace peira::stats
