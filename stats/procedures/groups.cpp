#include "stats/anova.h"

#include <cmath>

#include "stats/errors.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"
#include "stats/rank_anova.h"
#include "stats/studentized_range.h"

namespace peira::stats {
namespace {

std::vector<Moments> groups_of(Fields& fields) {
  std::vector<Moments> groups;
  for (const std::vector<double>& group : fields.rows("groups")) {
    groups.push_back(moments_of(group));
  }
  return groups;
}

OrderedJson run_anova(const Json& in) {
  Fields fields(in);
  const std::vector<Moments> groups = groups_of(fields);
  fields.finish();
  const OneWayAnova anova = one_way_anova(groups);
  std::vector<std::string> warnings = anova.warnings;
  OrderedJson out{{"F", anova.f},
                  {"df", {anova.df1, anova.df2}},
                  {"p", anova.p.value},
                  {"log10_p", anova.p.log10},
                  {"eta2", anova.eta_squared},
                  {"omega2", anova.omega_squared},
                  {"welch_F", nullptr},
                  {"welch_df", nullptr},
                  {"welch_p", nullptr}};
  try {
    const Anova welch = welch_anova(groups);
    out["welch_F"] = welch.f;
    out["welch_df"] = {welch.df1, welch.df2};
    out["welch_p"] = welch.p.value;
  } catch (const StatsError&) {  // a group of one value or of equal ones
    warnings.emplace_back("welch_not_estimable");
  }
  out["warnings"] = warnings;
  return out;
}

OrderedJson run_tukey_hsd(const Json& in) {
  Fields fields(in);
  const std::vector<Moments> groups = groups_of(fields);
  const double confidence = fields.confidence();
  fields.finish();
  OrderedJson tukey = OrderedJson::array();
  OrderedJson intervals = OrderedJson::array();
  double q_limit = 0;  // the same for all pairs: one k, one df
  for (const PairComparison& pair : tukey_hsd(groups)) {
    if (intervals.empty()) {
      q_limit =
          studentized_range_quantile(confidence, static_cast<double>(pair.num_groups), pair.df);
    }
    const double reach = q_limit / std::sqrt(2.0) * pair.std_error;
    tukey.push_back({pair.i, pair.j, pair.difference, pair.q, pair.p});
    intervals.push_back(json_of(Interval{pair.difference - reach, pair.difference + reach}));
  }
  OrderedJson out{{"i_j_diff_q_p", tukey}, {"ci", intervals}};
  try {
    OrderedJson games_howell_rows = OrderedJson::array();
    for (const PairComparison& pair : games_howell(groups)) {
      games_howell_rows.push_back({pair.i, pair.j, pair.q, pair.df, pair.p});
    }
    out["games_howell_i_j_q_df_p"] = games_howell_rows;
  } catch (const StatsError&) {  // a group of one value, or two of equal ones
    out["games_howell_i_j_q_df_p"] = nullptr;
    out["warnings"] = {"games_howell_not_estimable"};
  }
  return out;
}

OrderedJson run_studentized_range(const Json& in) {
  Fields fields(in);
  const double k = fields.number("k");
  const double df = fields.number_or_infinity("df");
  if (fields.has("p")) {
    const double p = fields.probability("p");
    fields.finish();
    return {{"quantile", studentized_range_quantile(p, k, df)}};
  }
  const double q = fields.number("q");
  fields.finish();
  return {{"sf", studentized_range_upper_tail(q, k, df)}};
}

OrderedJson run_kruskal_wallis(const Json& in) {
  Fields fields(in);
  const auto groups = fields.rows("groups");
  fields.finish();
  const KruskalWallis test = kruskal_wallis(groups);
  return {{"H_uncorrected", test.h_uncorrected},
          {"tie_correction", test.tie_correction},
          {"H", test.h},
          {"df", test.df},
          {"p", test.p.value},
          {"log10_p", test.p.log10},
          {"epsilon2", test.epsilon_squared},
          {"warnings", test.warnings}};
}

struct Table {
  std::vector<double> values;
  std::size_t num_columns;
};

Table table_of(const Json& in) {
  Fields fields(in);
  const auto rows = fields.matrix("rows_questions_cols_models");
  fields.finish();
  Table table{.values = {}, .num_columns = rows.front().size()};
  for (const auto& row : rows) table.values.insert(table.values.end(), row.begin(), row.end());
  return table;
}

OrderedJson run_friedman(const Json& in) {
  const Table table = table_of(in);
  const Friedman test = friedman_test(table.values, table.num_columns);
  return {{"chi2", test.chi_squared},    {"df", test.df},
          {"p", test.p.value},           {"log10_p", test.p.log10},
          {"kendall_w", test.kendall_w}, {"warnings", test.warnings}};
}

OrderedJson run_cochran_q(const Json& in) {
  const Table table = table_of(in);
  const CochranQ test = cochran_q(table.values, table.num_columns);
  return {{"Q", test.q},
          {"df", test.df},
          {"p", test.p.value},
          {"log10_p", test.p.log10},
          {"warnings", test.warnings}};
}

constexpr Procedure kProcedures[] = {
    {"anova", "21", "whether means of several groups differ, with equal variances and Welch's",
     R"({"groups":[[6.1,5.8,7.2],[7.4,6.9,8.1],[5.2,6,5.5]]})", run_anova},
    {"tukey_hsd", "21", "which pairs of groups differ: Tukey's HSD and Games-Howell",
     R"({"groups":[[6.1,5.8,7.2],[7.4,6.9,8.1],[5.2,6,5.5]]})", run_tukey_hsd},
    {"studentized_range", "21", "tail or quantile of the studentized range",
     R"({"q":3.5,"k":3,"df":20})", run_studentized_range},
    {"kruskal_wallis", "21", "whether several groups have one distribution, by ranks",
     R"({"groups":[[3,4,4,2],[5,4,5,5],[2,3,2,1]]})", run_kruskal_wallis},
    {"friedman", "21", "whether models rank alike within questions",
     R"({"rows_questions_cols_models":[[0.61,0.64,0.7],[0.55,0.6,0.58],[0.72,0.75,0.75]]})",
     run_friedman},
    {"cochran_q", "21", "whether models are right alike, by right and wrong",
     R"({"rows_questions_cols_models":[[1,1,0],[1,1,1],[0,1,0],[1,0,0]]})", run_cochran_q}};

}  // namespace

std::span<const Procedure> group_procedures() { return kProcedures; }

}  // namespace peira::stats
