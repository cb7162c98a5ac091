#include "stats/bootstrap.h"

#include <algorithm>
#include <string>

#include "stats/errors.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/pairs.h"
#include "stats/procedures/tables.h"
#include "stats/resample.h"

namespace peira::stats {
namespace {

OrderedJson json_of(const Bootstrap& result) {
  return {{"theta", result.estimate},
          {"se_boot", result.std_error},
          {"percentile", stats::json_of(result.percentile)},
          {"z0", stats::json_of(result.bias_correction)},
          {"acceleration", stats::json_of(result.acceleration)},
          {"alpha1", result.levels ? OrderedJson(result.levels->low) : OrderedJson()},
          {"alpha2", result.levels ? OrderedJson(result.levels->high) : OrderedJson()},
          {"bca", result.levels ? stats::json_of(result.interval) : OrderedJson()},
          {"ci", stats::json_of(result.interval)},
          {"method", result.method},
          {"B", result.num_resamples},
          {"warnings", result.warnings}};
}

OrderedJson json_of(const Bootstrap& result, const BootstrapOptions& options) {
  OrderedJson out = json_of(result);
  out["seed"] = options.seed;
  out["rng"] = "mt19937_64";
  return out;
}

BootstrapOptions options_of(Fields& fields) {
  return {.num_resamples = fields.integer("B", 9999),
          .seed = fields.seed("seed", 0),
          .confidence = fields.confidence()};
}

SampleStatistic sample_statistic_of(Fields& fields) {
  const std::string name = fields.choice("statistic", {"mean", "median", "sd"});
  return name == "median" ? SampleStatistic::kMedian
         : name == "sd"   ? SampleStatistic::kStdDev
                          : SampleStatistic::kMean;
}

TwoSampleStatistic two_sample_statistic_of(Fields& fields) {
  return fields.choice("statistic", {"mean difference", "ratio of means"}) == "ratio of means"
             ? TwoSampleStatistic::kRatioOfMeans
             : TwoSampleStatistic::kMeanDifference;
}

OrderedJson run_bootstrap_enumerated(const Json& in) {
  Fields fields(in);
  const auto x = fields.sample("x");
  const SampleStatistic statistic = sample_statistic_of(fields);
  const double confidence = fields.confidence();
  fields.finish();
  return json_of(enumerated_bootstrap(x, statistic, confidence));
}

OrderedJson run_bootstrap(const Json& in) {
  Fields fields(in);
  const auto x = fields.sample("x");
  const SampleStatistic statistic = sample_statistic_of(fields);
  const BootstrapOptions options = options_of(fields);
  fields.choice("index", {"(uint128(r)*n)>>64"});
  fields.finish();
  OrderedJson out = json_of(bootstrap(x, statistic, options), options);
  // For checking the stream against another implementation.
  std::vector<std::uint32_t> first(std::min<std::size_t>(10, x.size()));
  ResampleStream(options.seed).draw(x.size(), first);
  out["first_indices"] = first;
  return out;
}

OrderedJson run_bootstrap_independent(const Json& in) {
  Fields fields(in);
  const auto a = fields.sample("a");
  const auto b = fields.sample("b");
  const TwoSampleStatistic statistic = two_sample_statistic_of(fields);
  const BootstrapOptions options = options_of(fields);
  fields.finish();
  return json_of(bootstrap_independent(a, b, statistic, options), options);
}

OrderedJson run_bootstrap_paired(const Json& in) {
  Fields fields(in);
  const PairedSample pairs = read_pairs(fields);
  const TwoSampleStatistic statistic = two_sample_statistic_of(fields);
  const BootstrapOptions options = options_of(fields);
  fields.finish();
  OrderedJson out = json_of(bootstrap_pairs(pairs.a, pairs.b, statistic, options), options);
  pairs.report(out);
  return out;
}

OrderedJson run_cluster_bootstrap(const Json& in) {
  Fields fields(in);
  const auto y = fields.numbers("y");
  const auto clusters = fields.labels("cluster");
  fields.choice("statistic", {"ratio of sums"});
  const BootstrapOptions options = options_of(fields);
  const bool two_levels = fields.flag("two_levels", false);
  fields.finish();
  return json_of(
      cluster_bootstrap(y, clusters, options,
                        two_levels ? ClusterLevels::kClustersAndValues : ClusterLevels::kClusters),
      options);
}

constexpr Procedure kProcedures[] = {
    {"bootstrap_enumerated", "12", "bootstrap over all resamples of a few values",
     R"({"x":[0.2,0.9,0.4,0.7,0.35],"statistic":"mean"})", run_bootstrap_enumerated},
    {"bootstrap_mt19937_64", "12", "BCa bootstrap of a mean, median or standard deviation",
     R"({"x":[0.31,0.64,0.58,0.92,0.47],"statistic":"mean","B":2000,"seed":42})", run_bootstrap},
    {"bootstrap_independent", "12", "BCa bootstrap of a difference or ratio of two arms' means",
     R"({"a":[1.1,2.3,3.7],"b":[2.9,3.1,5.8],"statistic":"ratio of means","B":2000,"seed":1})",
     run_bootstrap_independent},
    {"bootstrap_paired", "12", "the same of pairs, by id or position",
     R"({"a":[1.1,2.3,3.7],"b":[2.9,3.1,5.8],"statistic":"mean difference","B":2000,"seed":1})",
     run_bootstrap_paired},
    {"cluster_bootstrap", "12", "BCa bootstrap of the mean of values in clusters",
     R"({"y":[1,1,0,1,0,0],"cluster":[1,1,2,2,3,3],"B":1000,"seed":7})", run_cluster_bootstrap}};

}  // namespace

std::span<const Procedure> bootstrap_procedures() { return kProcedures; }

}  // namespace peira::stats
