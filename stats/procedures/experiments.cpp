#include <cmath>

#include "stats/anova.h"
#include "stats/cuped.h"
#include "stats/errors.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"
#include "stats/ratio_metrics.h"
#include "stats/srm.h"

namespace peira::stats {
namespace {

OrderedJson run_srm(const Json& in) {
  Fields fields(in);
  const auto observed = fields.integers("observed");
  const auto weights = fields.numbers("weights");
  const SrmOptions options{.threshold = fields.probability("threshold", 0.001),
                           .prior_concentration = fields.number("concentration", 100)};
  fields.finish();
  const SrmResult test = sample_ratio_mismatch(observed, weights, options);
  return {{"chi2", test.chi_squared},
          {"df", test.df},
          {"p", json_of(test.p_value)},
          {"log10_p", json_of(test.log10_p)},
          {"exact", test.exact},
          {"srm", to_string(test.status)},
          {"log_e_dirichlet_c100", test.log_e_value},
          {"seq_p", test.sequential_p},
          {"seq_mismatch", test.sequential_mismatch},
          {"n", test.num_units},
          {"units_of_zero_weight", test.units_of_zero_weight},
          {"warnings", test.warnings}};
}

OrderedJson run_ratio_metric(const Json& in) {
  Fields fields(in);
  const auto num = fields.numbers("num");
  const auto den = fields.numbers("den");
  const double confidence = fields.confidence();
  fields.finish();
  const RatioEstimate estimate = ratio_metric(num, den);
  return {{"ratio", estimate.ratio},
          {"se", estimate.std_error},
          {"df", estimate.df},
          {"ci", json_of(estimate.t_interval(confidence))},
          {"n", estimate.num_units}};
}

OrderedJson run_relative_lift(const Json& in) {
  Fields fields(in);
  const auto a = fields.numbers("a");
  const auto b = fields.numbers("b");
  const double confidence = fields.confidence();
  fields.finish();
  const RelativeLift lift = relative_lift(moments_of(a), moments_of(b), confidence);
  return {{"lift", lift.lift},
          {"se_delta", lift.std_error},
          {"ci_delta_z", json_of(lift.delta_interval)},
          {"ci_fieller_z", json_of(lift.fieller_interval)},
          {"warnings", lift.warnings}};
}

OrderedJson run_cuped(const Json& in) {
  Fields fields(in);
  const auto y_control = fields.numbers("y_control");
  const auto x_control = fields.numbers("x_control");
  const auto y_treatment = fields.numbers("y_treatment");
  const auto x_treatment = fields.numbers("x_treatment");
  const TestOptions test = fields.test_options();
  fields.finish();
  const CupedResult within = cuped(y_control, x_control, y_treatment, x_treatment,
                                   {.slope = CupedSlope::kWithin, .test = test});
  const CupedResult pooled = cuped(y_control, x_control, y_treatment, x_treatment,
                                   {.slope = CupedSlope::kPooled, .test = test});
  OrderedJson out;
  const auto add = [&out](const std::string& kind, const CupedResult& result) {
    out["theta_" + kind] = result.theta;
    out["mean_c_" + kind] = result.adjusted_mean_a;
    out["mean_t_" + kind] = result.adjusted_mean_b;
    out["diff_" + kind] = result.adjusted.estimate;
    out["se_" + kind] = result.adjusted.std_error;
    out["df_" + kind] = result.adjusted.df;
    out["p_" + kind] = result.adjusted.p.value;
    out["ci_" + kind] = json_of(result.adjusted.interval);
  };
  add("within", within);
  add("pooled", pooled);
  out["diff_raw"] = within.raw.estimate;
  out["se_raw"] = within.raw.std_error;
  out["p_raw"] = within.raw.p.value;
  out["variance_reduction"] = within.variance_reduction;
  out["p_balance"] = within.balance ? OrderedJson(within.balance->p.value) : OrderedJson();
  out["warnings"] = within.warnings;
  return out;
}

OrderedJson run_chi2_independence(const Json& in) {
  Fields fields(in);
  const auto rows = fields.matrix("table");
  fields.finish();
  std::vector<std::int64_t> table;
  for (const auto& row : rows) {
    for (const double count : row) {
      if (!(std::abs(count) <= 1e15) || count != std::floor(count)) {
        throw StatsError("InvalidArgument", "a table holds whole numbers");
      }
      table.push_back(static_cast<std::int64_t>(count));
    }
  }
  const IndependenceTest test =
      assignment_independence(table, static_cast<std::int64_t>(rows.front().size()));
  return {{"chi2", test.chi_squared},
          {"df", test.df},
          {"p", test.p.value},
          {"log10_p", test.p.log10},
          {"smallest_expected", test.smallest_expected}};
}

OrderedJson run_interaction(const Json& in) {
  Fields fields(in);
  const auto groups = fields.rows("cells");
  const std::int64_t columns = fields.integer("columns");
  fields.finish();
  if (columns < 1) throw StatsError("InvalidArgument", "columns is a number from 2 on");
  std::vector<Moments> cells;
  for (const auto& group : groups) cells.push_back(moments_of(group));
  const Anova test = interaction_test(cells, static_cast<std::size_t>(columns));
  return {{"F", test.f},
          {"df", {test.df1, test.df2}},
          {"p", test.p.value},
          {"log10_p", test.p.log10},
          {"warnings", test.warnings}};
}

constexpr Procedure kProcedures[] = {
    {"srm", "17", "whether units fell on variants as the split says",
     R"({"observed":[4985,5215],"weights":[1,1]})", run_srm},
    {"ratio_metric", "18", "ratio of two means of one unit, by the delta method",
     R"({"num":[3,5,2,8,6,4],"den":[10,14,7,20,18,11]})", run_ratio_metric},
    {"relative_lift", "18", "relative difference of two means, with Fieller's interval",
     R"({"a":[41,40,44,40,39],"b":[44,46,43,47]})", run_relative_lift},
    {"cuped", "18", "difference of means adjusted by a covariate from before",
     R"({"y_control":[12,10,14,11],"x_control":[11,9,13,10],"y_treatment":[13,12,15,11],)"
     R"("x_treatment":[11,11,13,9]})",
     run_cuped},
    {"chi2_independence", "34", "whether two assignments of the same units are independent",
     R"({"table":[[510,490],[480,520]]})", run_chi2_independence},
    {"interaction", "34", "whether the effects of two experiments add up: F test of interaction",
     R"({"cells":[[1,2,4],[3,5],[2,7],[0,1,4]],"columns":2})", run_interaction}};

}  // namespace

std::span<const Procedure> experiment_procedures() { return kProcedures; }

}  // namespace peira::stats
