#include "stats/agreement.h"

#include <cmath>
#include <vector>

#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

using Units = std::vector<std::vector<double>>;
using Counts = std::vector<std::int64_t>;

AgreementTable table_of(const std::vector<std::vector<std::int64_t>>& rows) {
  AgreementTable table(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < rows.size(); ++j) table.add(i, j, rows[i][j]);
  }
  return table;
}

// Cohen (1960) by hand: po 0.7, pe 0.5 * 0.6 + 0.5 * 0.4 = 0.5, kappa 0.4.
TEST(CohensKappa, IsAgreementBeyondChance) {
  const Kappa got = cohens_kappa(table_of({{20, 5}, {10, 15}}));
  EXPECT_DOUBLE_EQ(got.observed, 0.7);
  EXPECT_DOUBLE_EQ(got.expected, 0.5);
  EXPECT_NEAR(got.kappa, 0.4, 1e-15);
  EXPECT_EQ(got.num_items, 50);
  EXPECT_NEAR(got.interval().high - got.kappa, 1.959963984540054 * got.std_error, 1e-12);
}

TEST(CohensKappa, IsOneForFullAgreementWhateverTheWeights) {
  const AgreementTable table = table_of({{4, 0, 0}, {0, 5, 0}, {0, 0, 6}});
  for (const auto weights :
       {KappaWeights::kNone, KappaWeights::kLinear, KappaWeights::kQuadratic}) {
    EXPECT_DOUBLE_EQ(cohens_kappa(table, weights).kappa, 1);
    EXPECT_NEAR(cohens_kappa(table, weights).std_error, 0, 1e-8);
  }
}

// Declared categories that nobody used count for the weights: 1 and 2 of three are one step apart.
TEST(CohensKappa, KeepsCategoriesNobodyUsed) {
  const AgreementTable wide = table_of({{5, 1, 0}, {2, 6, 0}, {0, 0, 0}});
  const AgreementTable narrow = table_of({{5, 1}, {2, 6}});
  EXPECT_NEAR(cohens_kappa(wide).kappa, cohens_kappa(narrow).kappa, 1e-15);
  EXPECT_LT(gwet_ac1(narrow), gwet_ac1(wide));
}

TEST(CohensKappa, IsNotThereForOneCategory) {
  try {
    cohens_kappa(table_of({{9, 0}, {0, 0}}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::StartsWith("NotEstimable"));
    EXPECT_THAT(error.what(), testing::HasSubstr("1.000000 of the items"));
  }
  EXPECT_DOUBLE_EQ(gwet_ac1(table_of({{9, 0}, {0, 0}})), 1);
}

TEST(AgreementTable, RefusesWhatIsNoRating) {
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { AgreementTable(1); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { AgreementTable(2).add(0, 2); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { AgreementTable(2).add(0, 1, -1); });
  expect_error(ErrorCode::kUsage, "InvalidArgument",
               [] { AgreementTable(2).merge(AgreementTable(3)); });
  expect_error(ErrorCode::kData, "EmptyInput", [] { cohens_kappa(AgreementTable(2)); });
  expect_error(ErrorCode::kData, "EmptyInput", [] { gwet_ac1(AgreementTable(2)); });
}

// 2,000 pairs of raters who guess: kappa over its null error exceeds 1.96 in 5 %.
TEST(CohensKappa, RejectsAsOftenAsItSaysWhenRatersGuess) {
  Random random(12);
  constexpr int kStudies = 2000;
  int rejected = 0;
  for (int study = 0; study < kStudies; ++study) {
    AgreementTable table(3);
    for (int i = 0; i < 150; ++i)
      table.add(random.below(3), random.uniform() < 0.5 ? 0 : random.below(3));
    const Kappa kappa = cohens_kappa(table);
    rejected += std::abs(kappa.kappa / kappa.std_error_null) > 1.959963984540054;
  }
  EXPECT_NEAR(rejected / static_cast<double>(kStudies), 0.05,
              4 * std::sqrt(0.05 * 0.95 / kStudies));
}

TEST(FleissKappa, RefusesItemsThatCannotBeCompared) {
  expect_error(ErrorCode::kData, "LengthMismatch", [] { fleiss_kappa(Counts{2, 1, 1, 1}, 2); });
  expect_error(ErrorCode::kData, "TooFewObservations", [] { fleiss_kappa(Counts{1, 0, 0, 1}, 2); });
  expect_error(ErrorCode::kData, "NotEstimable", [] { fleiss_kappa(Counts{3, 0, 3, 0}, 2); });
  expect_error(ErrorCode::kData, "EmptyInput", [] { fleiss_kappa(Counts{}, 2); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { fleiss_kappa(Counts{3, -1}, 2); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { fleiss_kappa(Counts{3, 1, 2}, 2); });
}

TEST(KrippendorffAlpha, LeavesUnitsWithOneRatingOut) {
  const Units units{{1, 2}, {3, 3}, {2, 1, 1}};
  Units more = units;
  more.push_back({7});
  more.push_back({});
  EXPECT_EQ(krippendorff_alpha(units, RatingScale::kInterval),
            krippendorff_alpha(more, RatingScale::kInterval));
}

TEST(KrippendorffAlpha, IsOneForFullAgreement) {
  for (const auto scale : {RatingScale::kNominal, RatingScale::kOrdinal, RatingScale::kInterval,
                           RatingScale::kRatio}) {
    EXPECT_DOUBLE_EQ(krippendorff_alpha(Units{{0, 0}, {3, 3, 3}, {5, 5}}, scale), 1);
  }
}

TEST(KrippendorffAlpha, RefusesWhatHasNone) {
  expect_error(ErrorCode::kData, "EmptyInput", [] {
    krippendorff_alpha(Units{{1}, {2}}, RatingScale::kNominal);
  });
  expect_error(ErrorCode::kData, "NotEstimable", [] {
    krippendorff_alpha(Units{{1, 1}, {1, 1}}, RatingScale::kOrdinal);
  });
  expect_error(ErrorCode::kData, "NotEstimable", [] {
    krippendorff_alpha(Units{{0.1, 0.1}, {0.1, 0.1}}, RatingScale::kInterval);
  });
  expect_error(ErrorCode::kData, "NonFiniteInput", [] {
    krippendorff_alpha(Units{{1, NAN}}, RatingScale::kNominal);
  });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] {
    krippendorff_alpha(Units{{1, -1}}, RatingScale::kRatio);
  });
}

TEST(KrippendorffBootstrap, HoldsTheEstimateAndRepeats) {
  Random random(3);
  Units units;
  for (int i = 0; i < 60; ++i) {
    const double truth = static_cast<double>(random.below(5));
    units.push_back({truth, truth + static_cast<double>(random.below(2)), truth});
  }
  const double alpha = krippendorff_alpha(units, RatingScale::kOrdinal);
  const AlphaBootstrap got = krippendorff_bootstrap(units, RatingScale::kOrdinal, 400, 8);
  EXPECT_LT(got.interval.low, alpha);
  EXPECT_GT(got.interval.high, alpha);
  EXPECT_EQ(got.num_degenerate, 0);
  const AlphaBootstrap again = krippendorff_bootstrap(units, RatingScale::kOrdinal, 400, 8);
  EXPECT_EQ(got.interval.low, again.interval.low);
  expect_error(ErrorCode::kData, "NotEstimable", [] {
    krippendorff_bootstrap(Units{{1, 1}, {1, 1}}, RatingScale::kNominal, 10, 1);
  });
}

}  // namespace
}  // namespace peira::stats
