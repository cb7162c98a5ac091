#include <algorithm>
#include <cmath>
#include <map>

#include "stats/agreement.h"
#include "stats/bradley_terry.h"
#include "stats/errors.h"
#include "stats/prediction_powered.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"

namespace peira::stats {
namespace {

std::size_t player_of(double value) {
  if (!(value >= 0 && value < 2000) || value != std::floor(value)) {
    throw StatsError("InvalidArgument",
                     "a player is a number from 0 to 1999, not " + std::to_string(value));
  }
  return static_cast<std::size_t>(value);
}

OrderedJson run_bradley_terry(const Json& in) {
  Fields fields(in);
  const bool with_ties = fields.has("rows_i_j_wi_wj_ties");
  const auto rows = fields.rows(with_ties ? "rows_i_j_wi_wj_ties" : "rows_i_j_wi_wj");
  const std::int64_t reference = fields.integer("reference", 0);
  const double ridge = fields.number("ridge", 0);
  fields.finish();
  std::vector<Battles> battles;
  std::size_t players = 0;
  for (const std::vector<double>& row : rows) {
    if (row.size() != (with_ties ? 5u : 4u)) {
      throw StatsError("InvalidArgument", "a row is player, player, wins of either" +
                                              std::string(with_ties ? " and ties" : ""));
    }
    battles.push_back(
        {player_of(row[0]), player_of(row[1]), row[2], row[3], with_ties ? row[4] : 0});
    players = std::max({players, battles.back().i + 1, battles.back().j + 1});
  }
  if (battles.empty()) throw StatsError("EmptyInput", "no battles");
  if (reference < 0) throw StatsError("InvalidArgument", "reference is a player, not negative");
  const BradleyTerry fit = bradley_terry(
      battles, players, {.reference = static_cast<std::size_t>(reference), .ridge = ridge});
  OrderedJson se_vs_ref = OrderedJson::array();
  OrderedJson se_vs_ref_sandwich = OrderedJson::array();
  OrderedJson se_centred = OrderedJson::array();
  OrderedJson se_centred_sandwich = OrderedJson::array();
  const std::size_t anchor = static_cast<std::size_t>(reference);
  for (std::size_t i = 0; i < players; ++i) {
    se_centred.push_back(fit.std_error_centred(i, false));
    se_centred_sandwich.push_back(fit.std_error_centred(i));
    if (i == anchor) continue;
    se_vs_ref.push_back(fit.std_error_of_difference(i, anchor, false));
    se_vs_ref_sandwich.push_back(fit.std_error_of_difference(i, anchor));
  }
  return {{"theta", fit.strengths},
          {"se_vs_ref", se_vs_ref},
          {"se_vs_ref_sandwich", se_vs_ref_sandwich},
          {"theta_centred", fit.centred_strengths},
          {"se_centred", se_centred},
          {"se_centred_sandwich", se_centred_sandwich},
          {"elo_centred_1000", fit.elo},
          {"loglik", fit.log_likelihood},
          {"penalised", fit.penalised}};
}

OrderedJson report(const Kappa& kappa) {
  return {{"kappa", kappa.kappa},
          {"po", kappa.observed},
          {"pe", kappa.expected},
          {"se", kappa.std_error},
          {"se0", kappa.std_error_null}};
}

OrderedJson run_cohens_kappa(const Json& in) {
  Fields fields(in);
  const Json& rater1 = fields.raw("rater1");
  const Json& rater2 = fields.raw("rater2");
  const Json& categories = fields.raw("categories");
  fields.finish();
  if (!rater1.is_array() || !rater2.is_array() || !categories.is_array()) {
    throw StatsError("InvalidArgument", "rater1, rater2 and categories are lists");
  }
  if (rater1.size() != rater2.size()) {
    throw StatsError("LengthMismatch", "rater1 has " + std::to_string(rater1.size()) +
                                           " ratings, rater2 " + std::to_string(rater2.size()));
  }
  std::map<Json, std::size_t> index;
  for (const Json& category : categories) {
    if (!category.is_string() && !category.is_number()) {
      throw StatsError("InvalidArgument", "a category is a number or a text");
    }
    if (!index.emplace(category, index.size()).second) {
      throw StatsError("InvalidArgument", "a category is listed twice: " + dump_json(category));
    }
  }
  AgreementTable table(categories.size());
  const auto category_of = [&index](const Json& rating) {
    const auto found = index.find(rating);
    if (found == index.end()) {
      throw StatsError("InvalidArgument", "a rating is none of the categories");
    }
    return found->second;
  };
  for (std::size_t i = 0; i < rater1.size(); ++i) {
    table.add(category_of(rater1[i]), category_of(rater2[i]));
  }
  return {{"none", report(cohens_kappa(table))},
          {"linear", report(cohens_kappa(table, KappaWeights::kLinear))},
          {"quadratic", report(cohens_kappa(table, KappaWeights::kQuadratic))},
          {"gwet_ac1", gwet_ac1(table)}};
}

OrderedJson run_fleiss_kappa(const Json& in) {
  Fields fields(in);
  const auto rows = fields.matrix("counts");
  fields.finish();
  std::vector<std::int64_t> counts;
  for (const auto& row : rows) {
    for (const double count : row) {
      if (!(std::abs(count) < 1e15) || count != std::floor(count)) {
        throw StatsError("InvalidArgument", "counts are whole numbers");
      }
      counts.push_back(static_cast<std::int64_t>(count));
    }
  }
  const FleissKappa kappa = fleiss_kappa(counts, rows.front().size());
  return {{"kappa", kappa.kappa},
          {"p_bar", kappa.observed},
          {"p_e", kappa.expected},
          {"se0", kappa.std_error_null},
          {"z", kappa.z},
          {"p", kappa.p.value},
          {"log10_p", kappa.p.log10}};
}

OrderedJson run_krippendorff_alpha(const Json& in) {
  Fields fields(in);
  const auto raters = fields.rows_or_nan("ratings_rows_raters");
  const std::int64_t resamples = fields.integer("resamples", 0);
  const std::uint64_t seed = fields.seed("seed", 0);
  const double confidence = fields.confidence();
  fields.finish();
  if (resamples < 0 || resamples > 1'000'000) {
    throw StatsError("InvalidArgument", "resamples is a number from 0 to 1000000");
  }
  std::vector<std::vector<double>> units(raters.empty() ? 0 : raters.front().size());
  bool negative = false;
  for (const auto& rater : raters) {
    if (rater.size() != units.size()) {
      throw StatsError("LengthMismatch", "every rater has a rating or null for each unit");
    }
    for (std::size_t u = 0; u < units.size(); ++u) {
      if (!std::isnan(rater[u])) units[u].push_back(rater[u]);
      negative = negative || rater[u] < 0;
    }
  }
  OrderedJson out;
  OrderedJson intervals;
  const auto add = [&](const std::string& name, RatingScale scale) {
    if (scale == RatingScale::kRatio && negative) {  // no such scale
      out[name] = nullptr;
      return;
    }
    out[name] = krippendorff_alpha(units, scale);
    if (resamples > 0) {
      intervals[name] =
          json_of(krippendorff_bootstrap(units, scale, resamples, seed, confidence).interval);
    }
  };
  add("nominal", RatingScale::kNominal);
  add("ordinal", RatingScale::kOrdinal);
  add("interval", RatingScale::kInterval);
  add("ratio", RatingScale::kRatio);
  if (resamples > 0) {
    out["ci"] = intervals;
    out["seed"] = seed;
  }
  return out;
}

OrderedJson run_ppi_mean(const Json& in) {
  Fields fields(in);
  const auto y = fields.numbers("y");
  const auto f_labelled = fields.numbers("f_labelled");
  const auto f_unlabelled = fields.numbers("f_unlabelled");
  const double alpha = fields.alpha();
  fields.finish();
  const PredictionPoweredSums sums = prediction_powered_sums(y, f_labelled, f_unlabelled);
  const PredictionPoweredMean best = prediction_powered_mean(sums);
  const std::string level = "ci" + std::to_string(std::lround(100 * (1 - alpha)));
  const auto part = [&](const PredictionPoweredMean& mean) {
    return OrderedJson{{"theta", mean.estimate},
                       {"se", mean.std_error},
                       {level, json_of(mean.interval(1 - alpha))}};
  };
  return {{"ppi", part(prediction_powered_mean(sums, 1))},
          {"ppi_plus_plus", part(best)},
          {"classical", part(prediction_powered_mean(sums, 0))},
          {"lambda_raw", best.lambda_raw},
          {"lambda", best.lambda},
          {"warnings", best.warnings}};
}

constexpr Procedure kProcedures[] = {
    {"bradley_terry", "23", "strengths of players from pairwise battles",
     R"({"rows_i_j_wi_wj":[[0,1,30,18],[0,2,25,10],[1,2,22,20]],"reference":0})",
     run_bradley_terry},
    {"cohens_kappa", "24", "agreement of two raters beyond chance, and Gwet's AC1",
     R"({"rater1":["a","a","b","b","c"],"rater2":["a","b","b","b","c"],)"
     R"("categories":["a","b","c"]})",
     run_cohens_kappa},
    {"fleiss_kappa", "24", "agreement of a fixed number of ratings an item",
     R"({"counts":[[0,0,5],[1,4,0],[2,2,1],[5,0,0]]})", run_fleiss_kappa},
    {"krippendorff_alpha", "24", "agreement of any raters with ratings missing",
     R"({"ratings_rows_raters":[[1,2,3,3,null],[1,2,3,4,5],[null,3,3,3,4]]})",
     run_krippendorff_alpha},
    {"ppi_mean", "27", "mean of human labels sharpened by a judge's scores",
     R"({"y":[1,0,1,1],"f_labelled":[0.9,0.3,0.8,0.7],"f_unlabelled":[0.8,0.2,0.9,0.6,0.7]})",
     run_ppi_mean}};

}  // namespace

std::span<const Procedure> judge_procedures() { return kProcedures; }

}  // namespace peira::stats
