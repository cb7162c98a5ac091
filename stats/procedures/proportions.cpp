#include "stats/contingency.h"
#include "stats/errors.h"
#include "stats/intervals.h"
#include "stats/mcnemar.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"
#include "stats/two_proportions.h"

namespace peira::stats {
namespace {

OrderedJson run_one_proportion(const Json& in) {
  Fields fields(in);
  const std::int64_t x = fields.integer("x");
  const std::int64_t n = fields.integer("n");
  const double confidence = fields.confidence();
  fields.finish();
  const Interval wilson =
      wilson_interval(static_cast<double>(x), static_cast<double>(n), confidence);
  return {{"p", static_cast<double>(x) / static_cast<double>(n)},
          {"wilson", json_of(wilson)},
          {"wilson_cc", json_of(wilson_corrected_interval(x, n, confidence))},
          {"clopper_pearson", json_of(clopper_pearson_interval(x, n, confidence))},
          {"jeffreys", json_of(jeffreys_interval(x, n, confidence))}};
}

OrderedJson run_mcnemar(const Json& in) {
  Fields fields(in);
  const PairedCounts counts{.both_right = fields.integer("n11"),
                            .only_a = fields.integer("n10"),
                            .only_b = fields.integer("n01"),
                            .both_wrong = fields.integer("n00")};
  const double confidence = fields.confidence();
  fields.finish();
  const McNemar test = mcnemar_test(counts);
  return {{"diff", test.difference},
          {"chi2", test.chi_squared},
          {"p_asymptotic", test.asymptotic_p},
          {"chi2_cc", test.corrected_chi_squared},
          {"p_cc", test.corrected_p},
          {"p_exact", test.exact_p},
          {"p_mid", test.mid_p},
          {"ci_wald", json_of(wald_paired_interval(counts, confidence))},
          {"ci_newcombe_paired", json_of(newcombe_paired_interval(counts, confidence))},
          {"ci_tango", json_of(tango_interval(counts, confidence))},
          {"or_discordant", json_of(test.discordant_odds_ratio)},
          {"warnings", test.warnings}};
}

ProportionCounts counts_of(Fields& fields, std::string_view a, std::string_view b) {
  return {.successes_a = fields.integer("x_" + std::string(a)),
          .trials_a = fields.integer("n_" + std::string(a)),
          .successes_b = fields.integer("x_" + std::string(b)),
          .trials_b = fields.integer("n_" + std::string(b))};
}

OrderedJson json_of_p(const std::optional<PValue>& p) {
  return p ? OrderedJson(p->value) : OrderedJson();
}

OrderedJson run_two_proportions(const Json& in) {
  Fields fields(in);
  const ProportionCounts counts = counts_of(fields, "a", "b");
  const Alternative alternative = fields.alternative();
  const double confidence = fields.confidence();
  fields.finish();
  const TwoProportions test = two_proportions_test(counts, alternative);
  return {{"diff", test.difference},
          {"z_pooled", json_of(test.z_pooled)},
          {"p_pooled", test.pooled_p.value},
          {"log10_p_pooled", test.pooled_p.log10},
          {"z_unpooled", json_of(test.z_unpooled)},
          {"p_unpooled", json_of_p(test.unpooled_p)},
          {"ci_wald", json_of(wald_difference_interval(counts, confidence))},
          {"p_pooled_yates", test.yates_p.value},
          {"ci_newcombe", json_of(newcombe_interval(counts, confidence))},
          {"ci_miettinen_nurminen", json_of(miettinen_nurminen_interval(counts, confidence))},
          {"ci_agresti_caffo", json_of(agresti_caffo_interval(counts, confidence))},
          {"cohens_h", test.cohens_h},
          {"warnings", test.warnings}};
}

OrderedJson run_noninferiority_proportions(const Json& in) {
  Fields fields(in);
  const ProportionCounts counts = counts_of(fields, "ref", "new");
  const NonInferiorityOptions options{.margin = fields.number("margin"), .alpha = fields.alpha()};
  fields.finish();
  const NonInferiority plain = non_inferior_proportions(counts, options, false);
  const NonInferiority corrected = non_inferior_proportions(counts, options);
  return {{"diff", plain.difference},
          {"z_farrington_manning", json_of(plain.statistic)},
          {"p", plain.p_value},
          {"z_miettinen_nurminen", json_of(corrected.statistic)},
          {"p_mn", corrected.p_value},
          {"ci95_mn", json_of(miettinen_nurminen_interval(counts))},
          {"non_inferior", corrected.non_inferior},
          {"warnings", corrected.warnings}};
}

OrderedJson run_fisher_2x2(const Json& in) {
  Fields fields(in);
  const Json& rows = fields.raw("table");
  const double confidence = fields.confidence();
  fields.finish();
  const auto is_row = [](const Json& row) { return row.is_array() && row.size() == 2; };
  if (!is_row(rows) || !is_row(rows[0]) || !is_row(rows[1])) {
    throw StatsError("InvalidArgument", "table must be [[A, B], [C, D]], four counts");
  }
  const Json cells{{"A", rows[0][0]}, {"B", rows[0][1]}, {"C", rows[1][0]}, {"D", rows[1][1]}};
  Fields counts(cells);
  const Table2x2 table{.a = counts.integer("A"),
                       .b = counts.integer("B"),
                       .c = counts.integer("C"),
                       .d = counts.integer("D")};
  const FisherTest test = fisher_test(table, confidence);
  OrderedJson out{{"p_two_sided", test.two_sided_p},
                  {"p_greater", test.greater_p},
                  {"p_less", test.less_p},
                  {"or_conditional", json_of(test.conditional_odds_ratio)},
                  {"or_ci_exact", json_of(test.exact_interval)},
                  {"or_sample", json_of(test.sample_odds_ratio)}};
  if (test.woolf) {
    out["log_or"] = test.woolf->log;
    out["se_log_or"] = test.woolf->log_std_error;
    out["or_ci_woolf"] = json_of(test.woolf->interval);
  }
  if (test.haldane) {
    out["or_haldane"] = test.haldane->value;
    out["or_ci_haldane"] = json_of(test.haldane->interval);
  }
  out["warnings"] = test.warnings;
  return out;
}

constexpr Procedure kProcedures[] = {
    {"two_proportions", "2", "difference of two independent shares: z tests and score intervals",
     R"({"x_a":142,"n_a":200,"x_b":165,"n_b":200})", run_two_proportions},
    {"noninferiority_proportions", "20", "a new share not lower than a reference's by the margin",
     R"({"x_ref":805,"n_ref":1000,"x_new":800,"n_new":1000,"margin":0.03})",
     run_noninferiority_proportions},
    {"one_proportion", "3", "share of successes with its Wilson, exact and Jeffreys intervals",
     R"({"x":81,"n":100})", run_one_proportion},
    {"fisher_2x2", "5", "Fisher's exact test of a two by two table and its odds ratios",
     R"({"table":[[8,2],[1,5]]})", run_fisher_2x2},
    {"mcnemar", "6", "McNemar's tests and intervals for paired right/wrong answers",
     R"({"n11":58,"n10":9,"n01":21,"n00":32})", run_mcnemar}};

}  // namespace

std::span<const Procedure> proportion_procedures() { return kProcedures; }

}  // namespace peira::stats
