#include <string>

#include "stats/errors.h"
#include "stats/permutation.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/pairs.h"
#include "stats/procedures/tables.h"
#include "stats/rank_tests.h"

namespace peira::stats {
namespace {

OrderedJson json_of_p(const std::optional<PValue>& p) {
  return p ? OrderedJson(p->value) : OrderedJson();
}

OrderedJson run_wilcoxon_signed_rank(const Json& in) {
  Fields fields(in);
  const Differences differences = read_differences(fields);
  const std::string zero = fields.choice("zero", {"wilcox", "pratt", "zsplit"});
  const TestOptions options = fields.test_options();
  fields.finish();
  const ZeroMethod zeros = zero == "wilcox"  ? ZeroMethod::kWilcox
                           : zero == "pratt" ? ZeroMethod::kPratt
                                             : ZeroMethod::kZsplit;
  const SignedRankTest test =
      differences.a.empty()
          ? signed_rank_test(differences.values, zeros, options.alternative)
          : signed_rank_test(differences.a, differences.b, zeros, options.alternative);
  const std::optional<Shift> shift = paired_shift(differences.values, options);
  OrderedJson out{{"W_plus", test.w_plus},
                  {"W_minus", test.w_minus},
                  {"n", differences.values.size()},
                  {"n_nonzero", test.num_kept},
                  {"p", test.p.value},
                  {"log10_p", test.p.log10},
                  {"method", test.method},
                  {"p_exact", json_of_p(test.exact_p)},
                  {"z", test.z},
                  {"p_asymptotic", test.asymptotic_p.value},
                  {"z_cc", test.corrected_z},
                  {"p_asymptotic_cc", test.corrected_p.value},
                  {"rank_biserial", json_of(test.rank_biserial)},
                  {"hodges_lehmann", shift ? OrderedJson(shift->estimate) : OrderedJson()},
                  {"hl_ci", shift ? json_of(shift->interval) : OrderedJson()},
                  {"hl_method", shift ? OrderedJson(shift->method) : OrderedJson()},
                  {"warnings", test.warnings}};
  differences.pairs.report(out);
  return out;
}

OrderedJson run_mann_whitney(const Json& in) {
  Fields fields(in);
  const auto a = fields.sample("a");
  const auto b = fields.sample("b");
  const TestOptions options = fields.test_options();
  fields.finish();
  const MannWhitneyTest test = mann_whitney_test(a, b, options.alternative);
  const Shift shift = independent_shift(a, b, options);
  OrderedJson out{{"U_b", test.u_b},
                  {"U_a", test.u_a},
                  {"n_a", a.size()},
                  {"n_b", b.size()},
                  {"p", test.p.value},
                  {"log10_p", test.p.log10},
                  {"method", test.method},
                  {"p_exact", json_of_p(test.exact_p)},
                  {"z", test.z},
                  {"p_asymptotic", test.asymptotic_p.value},
                  {"z_cc", test.corrected_z},
                  {"p_asymptotic_cc", test.corrected_p.value},
                  {"hodges_lehmann", shift.estimate},
                  {"hl_ci", json_of(shift.interval)},
                  {"hl_method", shift.method}};
  // Exact only for data without ties.
  if (shift.method == "exact" && !test.has_ties) {
    out["hl_ci_exact_95"] = json_of(independent_shift(a, b).interval);
  }
  out["warnings"] = test.warnings;
  if (fields.dropped() > 0) out["dropped"] = fields.dropped();
  return out;
}

PermutationOptions permutation_options_of(Fields& fields) {
  const PermutationOptions options{.num_resamples = fields.integer("B", 9999),
                                   .seed = fields.seed("seed", 0)};
  constexpr std::int64_t kMostResamples = 100'000'000;
  if (options.num_resamples > kMostResamples) {
    throw StatsError("BudgetExceeded", "B is " + std::to_string(options.num_resamples) +
                                           ", at most " + std::to_string(kMostResamples));
  }
  return options;
}

OrderedJson json_of(const PermutationTest& test, const char* estimate,
                    const PermutationOptions& options) {
  OrderedJson out{{estimate, test.estimate},
                  {"n_perm", test.num_arrangements},
                  {"method", test.method},
                  {"p_greater", test.greater_p},
                  {"p_less", test.less_p}};
  if (test.two_sided_std_error) {
    out["p_se"] = *test.two_sided_std_error;
    out["seed"] = options.seed;
  }
  return out;
}

OrderedJson run_permutation_mean_diff(const Json& in) {
  Fields fields(in);
  const PermutationOptions options = permutation_options_of(fields);
  const bool clustered = fields.has("cluster_a") || fields.has("cluster_b");
  const auto a = clustered ? fields.numbers("a") : fields.sample("a");
  const auto b = clustered ? fields.numbers("b") : fields.sample("b");
  std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> clusters;
  if (clustered) clusters = fields.labels("cluster_a", "cluster_b");
  fields.finish();
  const PermutationTest test =
      permutation_mean_difference(a, b, options, clusters.first, clusters.second);
  OrderedJson out = json_of(test, "obs", options);
  out["p_two_sided_abs"] = test.two_sided_p;
  out["p_two_sided_double"] = test.doubled_p;
  if (fields.dropped() > 0) out["dropped"] = fields.dropped();
  return out;
}

OrderedJson run_permutation_sign_flip(const Json& in) {
  Fields fields(in);
  const PermutationOptions options = permutation_options_of(fields);
  const Differences differences = read_differences(fields, PairClusters::kRead);
  fields.finish();
  const PermutationTest test =
      sign_flip_test(differences.values, options, differences.pairs.clusters);
  OrderedJson out = json_of(test, "mean", options);
  out["p_two_sided"] = test.two_sided_p;
  out["p_two_sided_double"] = test.doubled_p;
  differences.pairs.report(out);
  return out;
}

constexpr Procedure kProcedures[] = {
    {"wilcoxon_signed_rank", "9", "Wilcoxon's signed rank test of pairs, Hodges-Lehmann shift",
     R"({"a":[0.62,0.71,0.55,0.8,0.47],"b":[0.68,0.7,0.63,0.84,0.55],"zero":"wilcox"})",
     run_wilcoxon_signed_rank},
    {"mann_whitney", "10", "Mann and Whitney's test of independent samples, Hodges-Lehmann shift",
     R"({"a":[1.1,2.3,3.7,4.2],"b":[2.9,3.1,5.8,6.4,7.7]})", run_mann_whitney},
    {"permutation_mean_diff", "11", "permutation test of a difference of means, also by cluster",
     R"({"a":[1.1,2.3,3.7,4.2],"b":[2.9,3.1,5.8,6.4,7.7]})", run_permutation_mean_diff},
    {"permutation_sign_flip", "11", "sign-flip test of paired differences, also by cluster",
     R"({"diffs":[0.06,-0.01,0.08,0.04,0.08]})", run_permutation_sign_flip}};

}  // namespace

std::span<const Procedure> rank_procedures() { return kProcedures; }

}  // namespace peira::stats
