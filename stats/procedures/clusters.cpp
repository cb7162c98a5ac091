#include <map>
#include <string>

#include "stats/clustered_mean.h"
#include "stats/errors.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/pairs.h"
#include "stats/procedures/tables.h"
#include "stats/question_variance.h"

namespace peira::stats {
namespace {

// Below this many clusters the standard errors are too small too often.
constexpr std::int64_t kFewClusters = 20;

OrderedJson run_clustered_se(const Json& in) {
  Fields fields(in);
  std::vector<double> y;
  std::vector<std::int64_t> ids;
  PairedSample pairs;
  if (fields.has("a") || fields.has("b")) {
    pairs = read_pairs(fields, PairClusters::kRead);
    y = pairs.differences();
    ids = pairs.clusters;
    if (ids.size() != y.size()) throw StatsError("InvalidArgument", "cluster is missing");
  } else {
    y = fields.numbers("y");
    ids = fields.labels("cluster");
  }
  const double confidence = fields.confidence();
  fields.finish();
  if (y.size() != ids.size()) {
    throw StatsError("LengthMismatch", std::to_string(y.size()) + " scores with " +
                                           std::to_string(ids.size()) + " cluster labels");
  }
  std::map<std::int64_t, Moments> clusters;
  for (std::size_t i = 0; i < y.size(); ++i) clusters[ids[i]].add(y[i]);
  ClusteredMean mean;
  for (const auto& [id, cluster] : clusters) mean.add_cluster(cluster);
  const MeanEstimate cr1 = mean.estimate();
  if (cr1.num_clusters < 2) {
    throw StatsError("TooFewObservations", "one cluster shows no spread between clusters",
                     cr1.mean);
  }
  const MeanEstimate cr0 = mean.estimate(ClusterCorrection::kCr0);
  const MeanEstimate cr2 = mean.estimate(ClusterCorrection::kCr2);
  OrderedJson warnings = OrderedJson::array();
  if (cr1.num_clusters < kFewClusters) warnings.push_back("few_clusters");
  OrderedJson out{{"mean", cr1.mean},
                  {"n", cr1.num_scores},
                  {"clusters", cr1.num_clusters},
                  {"se_naive", json_of(moments_of(y).std_error())},
                  {"se_miller_cr0", json_of(cr0.std_error)},
                  {"se_cr1", json_of(cr1.std_error)},
                  {"se_cr2", json_of(cr2.std_error)},
                  {"df_cr2", json_of(cr2.df)},
                  {"ci_cr1_t_Gminus1", json_of(cr1.t_interval(confidence))},
                  {"ci_cr2", json_of(cr2.t_interval(confidence))},
                  {"icc_anova", json_of(mean.intraclass_correlation())},
                  {"deff_ratio", json_of(mean.design_effect())},
                  {"warnings", std::move(warnings)}};
  pairs.report(out);
  return out;
}

OrderedJson run_design_effect(const Json& in) {
  Fields fields(in);
  const double n = fields.number("n");
  const double cluster_size = fields.number("cluster_size");
  const double icc = fields.number("icc");
  fields.finish();
  const double effect = kish_design_effect(cluster_size, icc);
  if (!(n > 0)) throw StatsError("InvalidArgument", "n must be positive");
  if (!(effect > 0)) {
    throw StatsError("NotEstimable", "the design effect is " + std::to_string(effect) +
                                         ": clusters of this size cannot have this correlation");
  }
  return {{"deff", effect}, {"n_effective", n / effect}};
}

OrderedJson run_variance_decomposition(const Json& in) {
  Fields fields(in);
  const auto scores_a = fields.rows("scores_a");
  const bool paired = fields.has("scores_b");
  const auto scores_b = paired ? fields.rows("scores_b") : std::vector<std::vector<double>>();
  fields.finish();
  OrderedJson out;
  const auto add = [&out](const QuestionVariance& arm, const std::string& name) {
    out["mean_" + name] = arm.mean;
    out["se_" + name] = arm.std_error;
    out["total_" + name] = arm.total;
    out["within_" + name] = json_of(arm.within);
    out["between_" + name] = json_of(arm.between);
  };
  if (!paired) {
    const QuestionVariance a = question_variance(scores_a);
    out["n"] = a.num_questions;
    add(a, "a");
    return out;
  }
  const PairedQuestionVariance both = paired_question_variance(scores_a, scores_b);
  out["n"] = both.a.num_questions;
  add(both.a, "a");
  add(both.b, "b");
  out["diff"] = both.difference;
  out["se_paired"] = both.paired_std_error;
  out["se_unpaired"] = both.unpaired_std_error;
  out["corr"] = json_of(both.correlation);
  out["omega2"] = json_of(both.true_difference_variance);
  out["se_paired_if_K_inf"] = json_of(both.std_error_endless);
  out["se_paired_if_K_1"] = json_of(both.std_error_single);
  return out;
}

constexpr Procedure kProcedures[] = {
    {"clustered_se", "13", "mean of scores, or of paired differences, with cluster-robust errors",
     R"({"y":[1,1,0,1,0,0],"cluster":["p1","p1","p2","p2","p3","p3"]})", run_clustered_se},
    {"design_effect", "13", "Kish's design effect and the effective number of scores",
     R"({"n":1000,"cluster_size":5,"icc":0.2})", run_design_effect},
    {"variance_decomposition", "14",
     "variance between and within questions, and what more answers would buy",
     R"({"scores_a":[[1,1,0,1],[0,0,0,1],[1,1,1,1]],"scores_b":[[1,1,1,1],[0,1,0,1],[1,1,1,1]]})",
     run_variance_decomposition}};

}  // namespace

std::span<const Procedure> cluster_procedures() { return kProcedures; }

}  // namespace peira::stats
