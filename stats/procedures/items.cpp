#include "stats/errors.h"
#include "stats/item_response.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"
#include "stats/quantiles.h"

namespace peira::stats {
namespace {

OrderedJson run_irt_2pl_ability(const Json& in) {
  Fields fields(in);
  const auto a = fields.numbers("a");
  const auto b = fields.numbers("b");
  const auto y = fields.numbers("y");
  fields.finish();
  if (a.size() != b.size()) {
    throw StatsError("LengthMismatch",
                     "a has " + std::to_string(a.size()) + " items, b " + std::to_string(b.size()));
  }
  std::vector<ResponseItem> items;
  for (std::size_t i = 0; i < a.size(); ++i) items.push_back({a[i], b[i]});
  const Ability map = ability_map(items, y);
  OrderedJson out{{"theta_mle", nullptr},
                  {"se_mle", nullptr},
                  {"theta_map_n01", map.ability},
                  {"se_map", map.std_error},
                  {"expected_score", nullptr},
                  {"expected_score_map", expected_score(items, map.ability)},
                  {"warnings", {"ignores_item_parameter_error"}}};
  try {
    const Ability mle = ability_mle(items, y);
    out["theta_mle"] = mle.ability;
    out["se_mle"] = mle.std_error;
    out["expected_score"] = expected_score(items, mle.ability);
  } catch (const StatsError& error) {
    if (!std::string_view(error.what()).starts_with("NotEstimable")) throw;
    out["warnings"].push_back("mle_infinite");  // all right or all wrong
  }
  return out;
}

OrderedJson run_quantile_ci(const Json& in) {
  Fields fields(in);
  const auto x = fields.numbers("x");
  const double p = fields.probability("p");
  const double confidence = fields.confidence();
  fields.finish();
  const QuantileInterval interval = quantile_interval(x, p, confidence);
  return {{"q7", interval.estimate},          {"lower_rank", interval.low_rank},
          {"upper_rank", interval.high_rank}, {"lower", interval.low},
          {"upper", interval.high},           {"coverage", interval.coverage}};
}

constexpr Procedure kProcedures[] = {
    {"irt_2pl_ability", "29", "ability from items of known difficulty, with and without a prior",
     R"({"a":[1.2,0.8,1.5,1],"b":[-1,-0.5,0,0.3],"y":[1,1,1,0]})", run_irt_2pl_ability},
    {"quantile_ci", "30", "quantile with a distribution-free interval",
     R"({"x":[12.1,15.3,9.8,22.4,18,11.1,14.6,30.2],"p":0.5})", run_quantile_ci}};

}  // namespace

std::span<const Procedure> item_procedures() { return kProcedures; }

}  // namespace peira::stats
