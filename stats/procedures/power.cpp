#include "stats/power.h"

#include <cmath>
#include <string>

#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"

namespace peira::stats {
namespace {

PowerOptions options_of(Fields& fields) {
  return {.alpha = fields.alpha(),
          .power = fields.probability("power", 0.8),
          .one_sided = fields.choice("alternative", {"two-sided", "one-sided"}) == "one-sided"};
}

OrderedJson run_t_two_sample(const Json& in) {
  Fields fields(in);
  const PowerOptions options = options_of(fields);
  const std::string solve = fields.choice("solve", {"power", "n_per_arm", "d"});
  if (solve == "n_per_arm") {
    const double d = fields.number("d");
    fields.finish();
    const SampleSize size = sample_size_t_two_sample(d, options);
    return {{"n_per_arm", size.exact}, {"n_ceil", size.needed}};
  }
  const double n1 = fields.number("n1");
  const double n2 = fields.number("n2");
  if (solve == "d") {
    fields.finish();
    return {{"d", detectable_d_two_sample(n1, n2, options)}};
  }
  const double d = fields.number("d");
  fields.finish();
  return {{"power", power_t_two_sample(n1, n2, d, options)}};
}

OrderedJson run_t_paired(const Json& in) {
  Fields fields(in);
  const PowerOptions options = options_of(fields);
  const std::string solve = fields.choice("solve", {"power", "n", "d_z"});
  if (solve == "n") {
    const double d_z = fields.number("d_z");
    fields.finish();
    const SampleSize size = sample_size_t_paired(d_z, options);
    return {{"n", size.exact}, {"n_ceil", size.needed}};
  }
  const double n = fields.number("n");
  if (solve == "d_z") {
    fields.finish();
    return {{"d_z", detectable_d_paired(n, options)}};
  }
  const double d_z = fields.number("d_z");
  fields.finish();
  return {{"power", power_t_paired(n, d_z, options)}};
}

OrderedJson run_two_proportions(const Json& in) {
  Fields fields(in);
  const PowerOptions options = options_of(fields);
  const double p1 = fields.number("p1");
  const double p2 = fields.number("p2");
  const auto n = fields.optional_number("n_per_arm");
  fields.finish();
  if (n) return {{"power", power_two_proportions(*n, p1, p2, options)}};
  const SampleSize size = sample_size_two_proportions(p1, p2, options);
  return {{"n_per_arm", size.exact},
          {"n_ceil", size.needed},
          {"h", 2 * std::asin(std::sqrt(p2)) - 2 * std::asin(std::sqrt(p1))},
          {"n_per_arm_arcsine", sample_size_arcsine(p1, p2, options).exact}};
}

OrderedJson run_mcnemar(const Json& in) {
  Fields fields(in);
  const PowerOptions options = options_of(fields);
  const double p10 = fields.number("p10");
  const double p01 = fields.number("p01");
  const auto n = fields.optional_number("n_questions");
  fields.finish();
  if (n) {
    return {{"power", power_mcnemar(*n, p10, p01, options)},
            {"mde", detectable_difference_mcnemar(*n, p10 + p01, options)}};
  }
  const SampleSize size = sample_size_mcnemar(p10, p01, options);
  return {{"n_questions", size.exact}, {"n_ceil", size.needed}};
}

OrderedJson run_eval_paired(const Json& in) {
  Fields fields(in);
  const PowerOptions options = options_of(fields);
  const EvalDesign design{.question_variance = fields.number("omega2"),
                          .sampling_variance_a = fields.number("sigma2_a", 0),
                          .sampling_variance_b = fields.number("sigma2_b", 0),
                          .epochs_a = fields.number("K_a", 1),
                          .epochs_b = fields.number("K_b", 1),
                          .design_effect = fields.number("design_effect", 1)};
  const double delta = fields.number("delta");
  const auto n = fields.optional_number("n_questions");
  fields.finish();
  const SampleSize size = sample_size_eval(design, delta, options);
  OrderedJson out{{"n_questions", size.exact},
                  {"n_ceil", size.needed},
                  {"mde_at_1000", detectable_difference_eval(design, 1000, options)}};
  if (n) {
    out["power_at_n"] = power_eval(design, *n, delta, options);
    out["mde_at_n"] = detectable_difference_eval(design, *n, options);
  }
  return out;
}

constexpr Procedure kProcedures[] = {
    {"power_t_two_sample", "15", "power, size or detectable effect of the two-sample t test",
     R"({"n1":64,"n2":64,"d":0.5})", run_t_two_sample},
    {"power_t_paired", "15", "power, size or detectable effect of the paired t test",
     R"({"n":30,"d_z":0.5})", run_t_paired},
    {"power_two_proportions", "15", "units an arm needs to tell two shares apart",
     R"({"p1":0.8,"p2":0.83})", run_two_proportions},
    {"power_mcnemar", "15", "questions McNemar's test needs", R"({"p10":0.05,"p01":0.08})",
     run_mcnemar},
    {"power_eval_paired", "15", "questions a paired evaluation with several epochs needs",
     R"({"omega2":"1/9","sigma2_a":"1/6","sigma2_b":"1/6","K_a":4,"K_b":4,"delta":0.03})",
     run_eval_paired}};

}  // namespace

std::span<const Procedure> power_procedures() { return kProcedures; }

}  // namespace peira::stats
