#include "stats/bayesian.h"

#include "stats/errors.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"

namespace peira::stats {
namespace {

OrderedJson run_beta_binomial(const Json& in) {
  Fields fields(in);
  BetaDistribution prior;
  if (fields.has("prior")) {
    const auto parameters = fields.numbers("prior");
    if (parameters.size() != 2)
      throw StatsError("InvalidArgument", "prior is two numbers, a and b");
    prior = {.a = parameters[0], .b = parameters[1]};
  }
  const std::int64_t x_a = fields.integer("x_a");
  const std::int64_t n_a = fields.integer("n_a");
  const std::int64_t x_b = fields.integer("x_b");
  const std::int64_t n_b = fields.integer("n_b");
  const double confidence = fields.confidence();
  fields.finish();
  const BetaDistribution a = prior.updated(x_a, n_a);
  const BetaDistribution b = prior.updated(x_b, n_b);
  const BayesianComparison comparison = compare_shares(a, b);
  return {{"p_b_beats_a", comparison.chance_to_beat},
          {"mean_a", a.mean()},
          {"mean_b", b.mean()},
          {"expected_loss_choose_a", comparison.expected_loss_choose_a},
          {"expected_loss_choose_b", comparison.expected_loss_choose_b},
          {"cri_a", json_of(a.interval(confidence))},
          {"cri_b", json_of(b.interval(confidence))}};
}

std::optional<NormalPrior> prior_of(Fields& fields) {
  const Json& prior = fields.raw("prior");
  if (prior.is_null() || prior == "flat") return std::nullopt;
  if (!prior.is_object()) {
    throw StatsError("InvalidArgument", "prior is \"flat\" or {\"mean\": ..., \"sd\": ...}");
  }
  Fields members(prior);
  const NormalPrior normal{.mean = members.number("mean"), .std_dev = members.number("sd")};
  members.finish();
  return normal;
}

OrderedJson run_normal_bayes(const Json& in) {
  Fields fields(in);
  const double delta = fields.number("delta");
  const double se = fields.number("se");
  const auto prior = prior_of(fields);
  fields.finish();
  const NormalPosterior posterior = normal_posterior(delta, se, prior);
  return {{"post_mean", posterior.mean},
          {"post_sd", posterior.std_dev},
          {"chance_to_beat", posterior.comparison.chance_to_beat},
          {"loss_choose_control", posterior.comparison.expected_loss_choose_a},
          {"loss_choose_treatment", posterior.comparison.expected_loss_choose_b},
          {"cri95", json_of(posterior.interval(0.95))}};
}

constexpr Procedure kProcedures[] = {
    {"beta_binomial", "22", "chance that share B beats share A, and the loss of either choice",
     R"({"prior":[1,1],"x_a":120,"n_a":1000,"x_b":145,"n_b":1000})", run_beta_binomial},
    {"normal_bayes", "22", "posterior of a difference: chance to beat control, expected loss",
     R"({"delta":0.01,"se":0.004,"prior":{"mean":0,"sd":0.1}})", run_normal_bayes}};

}  // namespace

std::span<const Procedure> bayesian_procedures() { return kProcedures; }

}  // namespace peira::stats
