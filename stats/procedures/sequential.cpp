#include <cmath>
#include <string>
#include <vector>

#include "stats/confidence_sequence.h"
#include "stats/errors.h"
#include "stats/group_sequential.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"
#include "stats/sequential_mcnemar.h"
#include "stats/sequential_mean.h"

namespace peira::stats {
namespace {

OrderedJson run_msprt_normal(const Json& in) {
  Fields fields(in);
  const double delta = fields.number("delta");
  const double se = fields.number("se");
  const MsprtOptions options{.tau = fields.number("tau"), .alpha = fields.alpha()};
  fields.finish();
  const Msprt test = msprt(delta, se, options);
  return {{"lambda_", std::exp(test.log_lambda)},
          {"log_lambda", test.log_lambda},
          {"p", test.p.value},
          {"log10_p", test.p.log10},
          {"half_width", test.half_width},
          {"ci", json_of(test.interval)}};
}

OrderedJson run_asymptotic_cs(const Json& in) {
  Fields fields(in);
  const double estimate = fields.number("estimate");
  const double se = fields.number("se");
  const std::int64_t n = fields.integer("n");
  const AsymptoticOptions options{.tuning_n = fields.integer("tuning_n", 5000),
                                  .alpha = fields.alpha(),
                                  .alternative = fields.alternative()};
  fields.finish();
  const AsymptoticSequence sequence = asymptotic_sequence(estimate, se, n, options);
  return {{"rho", sequence.rho},
          {"half_width", sequence.half_width},
          {"ci", json_of(sequence.interval)},
          {"log_e", json_of(sequence.log_e)},
          {"p", sequence.p ? OrderedJson(sequence.p->value) : OrderedJson(nullptr)}};
}

OrderedJson run_eb_confidence_sequence(const Json& in) {
  Fields fields(in);
  const std::vector<double> x = fields.numbers("x");
  EmpiricalBernstein sequence(
      {.alpha = fields.alpha(), .truncation = fields.number("truncation", 0.5)});
  fields.finish();
  if (x.empty()) throw StatsError("EmptyInput", "no scores");
  OrderedJson early;
  for (const double value : x) {
    sequence.add(value);
    if (sequence.count() == 5) early = json_of(sequence.interval());
  }
  OrderedJson out{{"n", sequence.count()},
                  {"lower_last", sequence.interval().low},
                  {"upper_last", sequence.interval().high},
                  {"lower_running_last", sequence.running().low},
                  {"upper_running_last", sequence.running().high}};
  if (!early.is_null()) {
    out["lower_t5"] = early[0];
    out["upper_t5"] = early[1];
  }
  return out;
}

OrderedJson run_betting_hedged(const Json& in) {
  Fields fields(in);
  const std::vector<double> x = fields.numbers("x");
  HedgedBetting::Options options{.alpha = fields.alpha(),
                                 .theta = fields.number("theta", 0.5),
                                 .truncation = fields.number("trunc_scale", 0.5)};
  if (fields.has("population")) options.population = fields.integer("population");
  fields.finish();
  // The ends are found by some hundred passes over the scores.
  constexpr std::size_t kMostScores = 1'000'000;
  if (x.size() > kMostScores) {
    throw StatsError("BudgetExceeded", std::to_string(x.size()) + " scores");
  }
  HedgedBetting betting(options);
  for (const double value : x) betting.add(value);
  return {{"capital_m03", std::exp(betting.log_capital(0.3))},
          {"capital_m05", std::exp(betting.log_capital(0.5))},
          {"capital_m07", std::exp(betting.log_capital(0.7))},
          {"cs_last", json_of(betting.interval())}};
}

OrderedJson run_sequential_mcnemar(const Json& in) {
  Fields fields(in);
  const std::int64_t n01 = fields.integer("n01");
  const std::int64_t n10 = fields.integer("n10");
  const double a = fields.number("a", 1);
  const double alpha = fields.alpha();
  fields.finish();
  SequentialMcNemar test(a);
  test.add_discordant(n10, n01);
  return {{"e", std::exp(test.log_e())},
          {"log_e", test.log_e()},
          {"p", test.p().value},
          {"log10_p", test.p().log10},
          {"cs_p01_share", json_of(test.share_interval(alpha))}};
}

OrderedJson run_group_sequential(const Json& in) {
  Fields fields(in);
  const std::vector<double> info = fields.numbers("info");
  const double alpha = fields.alpha();
  const std::int64_t sides = fields.integer("sides", 2);
  fields.finish();
  if (sides != 2) throw StatsError("InvalidArgument", "boundaries are two-sided: sides is 2");
  constexpr std::size_t kMostLooks = 200;
  if (info.size() > kMostLooks) {
    throw StatsError("BudgetExceeded", std::to_string(info.size()) + " looks");
  }
  OrderedJson out;
  const auto put = [&](const char* name, const GroupSequentialOptions& options, bool with_spent) {
    OrderedJson spent = OrderedJson::array();
    OrderedJson z = OrderedJson::array();
    for (const GroupLook& look : group_sequential(info, options)) {
      spent.push_back(look.spent);
      z.push_back(look.boundary);
    }
    if (with_spent) out[std::string(name) + "_spent"] = std::move(spent);
    out[std::string(name) + "_z"] = std::move(z);
  };
  put("obf", {.alpha = alpha}, true);
  put("pocock", {.alpha = alpha, .spending = Spending::kPocock}, true);
  put("hsd_minus4", {.alpha = alpha, .spending = Spending::kHwangShihDeCani, .parameter = -4},
      false);
  return out;
}

constexpr Procedure kProcedures[] = {
    {"msprt_normal", "19.1", "mixture SPRT of a mean difference, valid at every look",
     R"({"delta":0.012,"se":0.005,"tau":0.02,"alpha":0.05})", run_msprt_normal},
    {"asymptotic_cs", "19.2", "asymptotic confidence sequence of a mean difference",
     R"({"estimate":0.02,"se":0.01,"n":500,"tuning_n":500,"alpha":0.05})", run_asymptotic_cs},
    {"eb_confidence_sequence", "19.3", "empirical Bernstein confidence sequence of bounded scores",
     R"({"x":[1,0,1,1,0,1,1,1],"alpha":0.05})", run_eb_confidence_sequence},
    {"betting_hedged", "19.3",
     "hedged betting confidence sequence of bounded scores, also of a finite list (population)",
     R"({"x":[1,0,1,1,0,1,1,1],"alpha":0.05,"population":20})", run_betting_hedged},
    {"sequential_mcnemar", "19.4", "McNemar's test that may be looked at after every question",
     R"({"n01":11,"n10":3,"a":1,"alpha":0.05})", run_sequential_mcnemar},
    {"group_sequential", "19.5", "boundaries of planned looks: O'Brien-Fleming, Pocock, HSD",
     R"({"info":[0.25,0.5,1],"alpha":0.05,"sides":2})", run_group_sequential}};

}  // namespace

std::span<const Procedure> sequential_procedures() { return kProcedures; }

}  // namespace peira::stats
