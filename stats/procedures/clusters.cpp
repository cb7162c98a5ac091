#include <map>

#include "stats/clustered_mean.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"

namespace peira::stats {
namespace {

OrderedJson run_clustered_se(const Json& in) {
  Fields fields(in);
  const auto y = fields.numbers("y");
  const auto ids = fields.labels("cluster");
  const double confidence = fields.confidence();
  fields.finish();
  const MeanEstimate cr0 = clustered_mean(y, ids, ClusterCorrection::kCr0);
  const MeanEstimate cr1 = clustered_mean(y, ids);
  const MeanEstimate cr2 = clustered_mean(y, ids, ClusterCorrection::kCr2);
  std::map<std::int64_t, Moments> clusters;
  for (std::size_t i = 0; i < y.size(); ++i) clusters[ids[i]].add(y[i]);
  ClusteredMean mean;
  for (const auto& [id, cluster] : clusters) mean.add_cluster(cluster);
  return {{"mean", cr1.mean},
          {"se_naive", json_of(moments_of(y).std_error())},
          {"se_miller_cr0", json_of(cr0.std_error)},
          {"se_cr1", json_of(cr1.std_error)},
          {"se_cr2", json_of(cr2.std_error)},
          {"df_cr2", json_of(cr2.df)},
          {"ci_cr1_t_Gminus1", json_of(cr1.t_interval(confidence))},
          {"icc_anova", json_of(mean.intraclass_correlation())},
          {"deff_ratio", json_of(mean.design_effect())}};
}

OrderedJson run_design_effect(const Json& in) {
  Fields fields(in);
  const double n = fields.number("n");
  const double effect = kish_design_effect(fields.number("cluster_size"), fields.number("icc"));
  fields.finish();
  return {{"deff", effect}, {"n_effective", n / effect}};
}

constexpr Procedure kProcedures[] = {
    {"clustered_se", "13", "mean of scores in clusters with cluster-robust standard errors",
     R"({"y":[1,1,0,1,0,0],"cluster":["p1","p1","p2","p2","p3","p3"]})", run_clustered_se},
    {"design_effect", "13", "Kish's design effect and the effective number of scores",
     R"({"n":1000,"cluster_size":5,"icc":0.2})", run_design_effect}};

}  // namespace

std::span<const Procedure> cluster_procedures() { return kProcedures; }

}  // namespace peira::stats
