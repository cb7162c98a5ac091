// Every reference number of the statistics specification, from tests/golden/stats/vectors.json
// (mpmath 1.2.1, R 4.2.2, SciPy 1.10.1, statsmodels 0.13.5 and others as each block's "oracle"
// says), through the procedure of its name.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "stats/procedures/procedure.h"

namespace peira::stats {
namespace {

// Procedures still to be written; a name leaves the list with its procedure.
const std::set<std::string> kNotYet{"noncentral_t_cdf",
                                    "fisher_2x2",
                                    "wilcoxon_signed_rank",
                                    "mann_whitney",
                                    "permutation_mean_diff",
                                    "permutation_sign_flip",
                                    "bootstrap_enumerated",
                                    "bootstrap_mt19937_64",
                                    "cluster_bootstrap",
                                    "variance_decomposition",
                                    "power_t_two_sample",
                                    "power_t_paired",
                                    "power_two_proportions",
                                    "power_mcnemar",
                                    "power_eval_paired",
                                    "srm",
                                    "ratio_metric",
                                    "relative_lift",
                                    "cuped",
                                    "msprt_normal",
                                    "asymptotic_cs",
                                    "eb_confidence_sequence",
                                    "betting_hedged",
                                    "sequential_mcnemar",
                                    "group_sequential",
                                    "tost_paired",
                                    "tost_welch",
                                    "noninferiority_paired",
                                    "anova",
                                    "tukey_hsd",
                                    "studentized_range",
                                    "kruskal_wallis",
                                    "friedman",
                                    "cochran_q",
                                    "beta_binomial",
                                    "normal_bayes",
                                    "bradley_terry",
                                    "cohens_kappa",
                                    "fleiss_kappa",
                                    "krippendorff_alpha",
                                    "calibration",
                                    "auroc",
                                    "ppi_mean",
                                    "online_fdr",
                                    "e_values",
                                    "irt_2pl_ability",
                                    "quantile_ci"};

struct Vector {
  std::string proc;
  std::size_t block = 0;
  std::size_t index = 0;
  double tolerance = 0;
  Json in, out;
};

void PrintTo(const Vector& vector, std::ostream* out) {
  *out << vector.proc << " of " << vector.in.dump().substr(0, 200);
}

const std::vector<Vector>& vectors() {
  static const std::vector<Vector> all = [] {
    const std::string path = std::string(PEIRA_SOURCE_DIR) + "/tests/golden/stats/vectors.json";
    std::vector<Vector> found;
    const Json blocks = parse_json(read_file(path), path);
    for (std::size_t block = 0; block < blocks.size(); ++block) {
      const Json& list = blocks[block]["vectors"];
      for (std::size_t i = 0; i < list.size(); ++i) {
        found.push_back({.proc = blocks[block]["proc"],
                         .block = block,
                         .index = i,
                         .tolerance = blocks[block]["tol"],
                         .in = list[i]["in"],
                         .out = list[i]["out"]});
      }
    }
    return found;
  }();
  return all;
}

double number_of(const Json& value) {
  if (value.is_string()) {
    const double infinity = std::numeric_limits<double>::infinity();
    return value.get<std::string>() == "+inf" ? infinity : -infinity;
  }
  return value.get<double>();
}

bool is_number(const Json& value) {
  return value.is_number() || value == "+inf" || value == "-inf";
}

void expect_equal(const Json& expected, const Json& got, double tolerance,
                  const std::string& name) {
  if (expected.is_array()) {
    ASSERT_TRUE(got.is_array()) << name << " is " << got;
    ASSERT_EQ(expected.size(), got.size()) << name;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expect_equal(expected[i], got[i], tolerance, name + "[" + std::to_string(i) + "]");
    }
  } else if (expected.is_object()) {
    ASSERT_TRUE(got.is_object()) << name << " is " << got;
    for (const auto& [key, value] : expected.items()) {
      ASSERT_TRUE(got.contains(key)) << name << "." << key << " is not computed";
      expect_equal(value, got[key], tolerance, name + "." + key);
    }
  } else if (is_number(expected)) {
    ASSERT_TRUE(is_number(got)) << name << " is " << got;
    const double want = number_of(expected);
    const double have = number_of(got);
    if (std::isinf(want)) {
      EXPECT_EQ(want, have) << name;
    } else {
      EXPECT_NEAR(want, have, want == 0 ? tolerance : tolerance * std::abs(want)) << name;
    }
  } else {
    EXPECT_EQ(expected, got) << name;
  }
}

class ReferenceVector : public testing::TestWithParam<Vector> {};

TEST_P(ReferenceVector, IsMet) {
  const Vector& vector = GetParam();
  const Procedure* procedure = find_procedure(vector.proc);
  if (kNotYet.contains(vector.proc)) {
    ASSERT_EQ(procedure, nullptr) << vector.proc << " exists: take it off the list";
    GTEST_SKIP() << vector.proc << " is still to be written";
  }
  ASSERT_NE(procedure, nullptr) << vector.proc;
  const Json got(run_procedure(*procedure, vector.in));
  expect_equal(vector.out, got, vector.tolerance, vector.proc);
}

INSTANTIATE_TEST_SUITE_P(Specification, ReferenceVector, testing::ValuesIn(vectors()),
                         [](const testing::TestParamInfo<Vector>& tested) {
                           return "block" + std::to_string(tested.param.block) + "_" +
                                  tested.param.proc + "_" + std::to_string(tested.param.index);
                         });

}  // namespace
}  // namespace peira::stats
