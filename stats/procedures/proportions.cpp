#include "stats/intervals.h"
#include "stats/mcnemar.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"

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

constexpr Procedure kProcedures[] = {
    {"one_proportion", "3", "share of successes with its Wilson, exact and Jeffreys intervals",
     R"({"x":81,"n":100})", run_one_proportion},
    {"mcnemar", "6", "McNemar's tests and intervals for paired right/wrong answers",
     R"({"n11":58,"n10":9,"n01":21,"n00":32})", run_mcnemar}};

}  // namespace

std::span<const Procedure> proportion_procedures() { return kProcedures; }

}  // namespace peira::stats
