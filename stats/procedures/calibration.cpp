#include "stats/calibration.h"

#include "stats/errors.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"

namespace peira::stats {
namespace {

OrderedJson run_calibration(const Json& in) {
  Fields fields(in);
  const auto confidence = fields.numbers("confidence");
  const auto correct = fields.numbers("correct");
  const std::int64_t width = fields.integer("width_bins", 10);
  const std::int64_t mass = fields.integer("mass_bins", 4);
  const std::int64_t beta = fields.integer("beta", 5);
  const std::int64_t resamples = fields.integer("resamples", 0);
  const std::uint64_t seed = fields.seed("seed", 0);
  const double level = fields.confidence();
  fields.finish();
  if (resamples < 0 || resamples > 1'000'000) {
    throw StatsError("InvalidArgument", "resamples is a number from 0 to 1000000");
  }
  const auto error = [&](Binning::Kind kind, std::int64_t size, bool drop = false) {
    return calibration_error(confidence, correct,
                             {.kind = kind, .size = size, .drop_last_bin = drop});
  };
  const CalibrationError by_width = error(Binning::Kind::kEqualWidth, width);
  const CalibrationError by_mass = error(Binning::Kind::kEqualMass, mass);
  const std::string w = "_" + std::to_string(width) + "_width";
  const std::string m = "_" + std::to_string(mass) + "_mass";
  const std::string b = "rmsce_beta" + std::to_string(beta);
  OrderedJson out{{"ece" + w, by_width.expected},
                  {"mce" + w, by_width.largest},
                  {"rmsce" + w, by_width.root_mean_square},
                  {"ece" + m, by_mass.expected},
                  {"rmsce" + m, by_mass.root_mean_square},
                  {b + "_all_bins", error(Binning::Kind::kConsecutive, beta).root_mean_square},
                  {b + "_upstream_drops_last_bin",
                   error(Binning::Kind::kConsecutive, beta, true).root_mean_square},
                  {"brier", brier_score(confidence, correct)},
                  {"log_loss", log_loss(confidence, correct)}};
  if (resamples > 0) {
    const CalibrationInterval interval =
        calibration_interval(confidence, correct, {.size = width}, resamples, seed, level);
    out["ece" + w + "_ci"] = json_of(interval.expected);
    out["seed"] = seed;
  }
  return out;
}

OrderedJson run_auroc(const Json& in) {
  Fields fields(in);
  const auto pos = fields.numbers("pos");
  const auto neg = fields.numbers("neg");
  fields.finish();
  return {{"auroc", area_under_roc(pos, neg)}};
}

constexpr Procedure kProcedures[] = {
    {"calibration", "26", "calibration error by several binnings, Brier score and log loss",
     R"({"confidence":[0.95,0.8,0.55,0.99,0.62],"correct":[1,1,0,1,1]})", run_calibration},
    {"auroc", "26", "area under the ROC curve", R"({"pos":[0.9,0.8,0.4],"neg":[0.6,0.3]})",
     run_auroc}};

}  // namespace

std::span<const Procedure> calibration_procedures() { return kProcedures; }

}  // namespace peira::stats
