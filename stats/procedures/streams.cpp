#include <cmath>

#include "stats/e_values.h"
#include "stats/errors.h"
#include "stats/online_fdr.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"

namespace peira::stats {
namespace {

OrderedJson run_online_fdr(const Json& in) {
  Fields fields(in);
  const auto p_values = fields.numbers_or_nan("p");  // null: a test that could not be run
  const double alpha = fields.alpha();
  fields.finish();
  OrderedJson out;
  const auto add = [&](const std::string& name, OnlineProcedure procedure) {
    OnlineState state{.procedure = procedure, .alpha = alpha, .rejections = {}};
    OrderedJson levels = OrderedJson::array();
    OrderedJson rejects = OrderedJson::array();
    for (const double p : p_values) {
      const auto decision = test_online(state, p);
      levels.push_back(decision ? OrderedJson(decision->level) : OrderedJson());
      rejects.push_back(decision ? OrderedJson(decision->reject ? 1 : 0) : OrderedJson());
    }
    out[name + "_alpha"] = levels;
    out[name + "_reject"] = rejects;
  };
  add("lord_pp", OnlineProcedure::kLordPlusPlus);
  add("saffron", OnlineProcedure::kSaffron);
  add("addis", OnlineProcedure::kAddis);
  add("lond", OnlineProcedure::kLond);
  add("alpha_spending", OnlineProcedure::kAlphaSpending);
  return out;
}

OrderedJson run_e_values(const Json& in) {
  Fields fields(in);
  const auto e = fields.numbers("e");
  const double alpha = fields.alpha();
  const double p = fields.number("p", 0.001);
  fields.finish();
  const std::vector<std::size_t> rejected = e_benjamini_hochberg(e, alpha);
  const double mean = mean_e_value(e);
  OrderedJson out{{"ebh_k", rejected.size()},
                  {"ebh_rejected_indices", rejected},
                  {"mean_e", mean},
                  {"p_from_mean", p_from_e(mean)},
                  {"e_from_p_0_001", e_from_p(0.001)}};
  if (fields.has("p")) out["e_from_p"] = e_from_p(p);
  return out;
}

constexpr Procedure kProcedures[] = {
    {"online_fdr", "28", "levels of a stream of tests by LORD++, SAFFRON, ADDIS, LOND and spending",
     R"({"p":[0.00003,0.15,0.00001,0.6,0.003],"alpha":0.05})", run_online_fdr},
    {"e_values", "28", "e-BH, mean of e-values, and calibrators between p and e",
     R"({"e":[0.2,45,3.1,120],"alpha":0.05})", run_e_values}};

}  // namespace

std::span<const Procedure> stream_procedures() { return kProcedures; }

}  // namespace peira::stats
