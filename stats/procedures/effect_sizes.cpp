#include "stats/effect_sizes.h"

#include "base/error.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"

namespace peira::stats {
namespace {

OrderedJson run_cohens_d(const Json& in) {
  Fields fields(in);
  const std::vector<double> a = fields.numbers("a");
  const std::vector<double> b = fields.numbers("b");
  const double confidence = fields.confidence();
  fields.finish();
  const StandardizedDifference effect =
      standardized_difference(moments_of(a), moments_of(b), confidence);
  const double m = static_cast<double>(a.size() + b.size()) - 2;
  return {{"d", effect.cohens_d},
          {"J", effect.correction},
          {"g", effect.hedges_g},
          {"ncp_ci", json_of(effect.noncentrality)},
          {"d_ci", json_of(effect.d_interval)},
          {"g_ci", json_of(effect.g_interval)},
          {"glass_delta", json_of(effect.glass_delta)},
          {"J_approx", 1 - 3 / (4 * m - 1)}};
}

OrderedJson run_paired_effect(const Json& in) {
  Fields fields(in);
  const std::vector<double> a = fields.numbers("a");
  const std::vector<double> b = fields.numbers("b");
  const double confidence = fields.confidence();
  fields.finish();
  if (a.size() != b.size()) {
    throw Error(ErrorCode::kData, "LengthMismatch: a and b: " + std::to_string(a.size()) + " and " +
                                      std::to_string(b.size()));
  }
  PairedMoments pairs;
  for (std::size_t i = 0; i < a.size(); ++i) pairs.add(a[i], b[i]);
  const PairedEffect effect = paired_effect(pairs, confidence);
  return {{"d_z", effect.d_z},
          {"d_z_ci", json_of(effect.d_z_interval)},
          {"g_z", effect.g_z},
          {"d_av", effect.d_av},
          {"d_rm", json_of(effect.d_rm)},
          {"r", json_of(effect.correlation)}};
}

OrderedJson run_cliffs_delta(const Json& in) {
  Fields fields(in);
  const std::vector<double> a = fields.numbers("a");
  const std::vector<double> b = fields.numbers("b");
  const double confidence = fields.confidence();
  fields.finish();
  const CliffsDelta effect = cliffs_delta(a, b, confidence);
  return {{"delta", effect.delta},
          {"A12", effect.a12},
          {"var_unbiased", effect.variance},
          {"ci_feng_cliff_t", json_of(effect.interval)},
          {"warnings", effect.warnings}};
}

constexpr Procedure kProcedures[] = {
    {"cohens_d", "4", "difference of two means in standard deviations: Cohen d, Hedges g, Glass",
     R"({"a":[41.2,39.8,44.1,40.5],"b":[43.9,46.2,42.8,47.1]})", run_cohens_d},
    {"paired_effect", "4", "paired difference in standard deviations: d_z, g_z, d_av, d_rm",
     R"({"a":[0.62,0.71,0.55,0.8],"b":[0.68,0.7,0.63,0.84]})", run_paired_effect},
    {"cliffs_delta", "4", "how often one arm's values exceed the other's",
     R"({"a":[3,4,4,5],"b":[4,5,4,5]})", run_cliffs_delta}};

}  // namespace

std::span<const Procedure> effect_size_procedures() { return kProcedures; }

}  // namespace peira::stats
