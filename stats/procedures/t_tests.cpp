#include "stats/t_tests.h"

#include <string>
#include <vector>

#include "stats/clustered_mean.h"
#include "stats/errors.h"
#include "stats/paired_tests.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/pairs.h"
#include "stats/procedures/tables.h"

namespace peira::stats {
namespace {

OrderedJson json_of(const TTest& test, const char* estimate) {
  return {{estimate, test.estimate},
          {"se", test.std_error},
          {"df", test.df},
          {"t", test.statistic},
          {"p", test.p.value},
          {"log10_p", test.p.log10},
          {"ci", stats::json_of(test.interval)},
          {"warnings", test.warnings}};
}

OrderedJson paired_test(Fields& fields) {
  const PairedSample pairs = read_pairs(fields, PairClusters::kRead);
  const TestOptions options = fields.test_options();
  fields.finish();
  const std::vector<double> differences = pairs.differences();
  const TTest test = pairs.clusters.empty() ? paired_t_test_of(pairs.a, pairs.b, options)
                                            : paired_t_test(differences, pairs.clusters, options);
  OrderedJson out = json_of(test, "mean_diff");
  const Moments moments = moments_of(differences);
  out["n"] = moments.count();
  out["sd_diff"] = stats::json_of(moments.std_dev());
  pairs.report(out);
  return out;
}

OrderedJson one_sample_test(Fields& fields) {
  const auto x = fields.sample("x");
  const double null_mean = fields.number("mu0", 0);
  const TestOptions options = fields.test_options();
  fields.finish();
  const TTest test = one_sample_t_test(x, null_mean, options);
  OrderedJson out = json_of(test, "diff");
  out["mean"] = moments_of(x).mean();
  out["n"] = x.size();
  if (fields.dropped() > 0) out["dropped"] = fields.dropped();
  return out;
}

OrderedJson run_t_test(const Json& in) {
  Fields fields(in);
  const std::string kind = fields.choice("kind", {"welch", "student", "paired", "one_sample"});
  if (kind == "paired") return paired_test(fields);
  if (kind == "one_sample") return one_sample_test(fields);
  const auto a = fields.sample("a");
  const auto b = fields.sample("b");
  const TestOptions options = fields.test_options();
  fields.finish();
  OrderedJson out = json_of(
      kind == "welch" ? welch_t_test(a, b, options) : student_t_test(a, b, options), "diff");
  out["n_a"] = a.size();
  out["n_b"] = b.size();
  if (fields.dropped() > 0) out["dropped"] = fields.dropped();
  return out;
}

OrderedJson run_t_test_summary(const Json& in) {
  Fields fields(in);
  const bool welch = fields.choice("kind", {"welch", "student"}) == "welch";
  const auto arm = [&fields](const std::string& name) {
    const std::int64_t n = fields.integer("n_" + name);
    const double mean = fields.number("mean_" + name);
    const double sd = fields.number("sd_" + name);
    if (sd < 0) throw StatsError("InvalidArgument", "sd_" + name + " must not be negative");
    if (n < 0) throw StatsError("InvalidArgument", "n_" + name + " must not be negative");
    return Moments(n, mean, n < 2 ? 0 : sd * sd * static_cast<double>(n - 1));
  };
  const Moments a = arm("a");
  const Moments b = arm("b");
  const TestOptions options = fields.test_options();
  fields.finish();
  return json_of(welch ? welch_t_test(a, b, options) : student_t_test(a, b, options), "diff");
}

OrderedJson run_t_test_paired(const Json& in) {
  Fields fields(in);
  return paired_test(fields);
}

constexpr Procedure kProcedures[] = {
    {"t_test", "1", "t test: Welch's, Student's, paired or of one sample",
     R"({"kind":"welch","a":[1.1,2.3,3.7],"b":[2.9,3.1,5.8]})", run_t_test},
    {"t_test_summary", "1", "t test from means, standard deviations and counts",
     R"({"mean_a":10,"sd_a":1,"n_a":500,"mean_b":13,"sd_b":1.2,"n_b":480})", run_t_test_summary},
    {"t_test_paired", "1", "t test of paired differences b - a, by id or position, in clusters",
     R"({"a":[0.62,0.71,0.55],"b":[0.68,0.7,0.63]})", run_t_test_paired}};

}  // namespace

std::span<const Procedure> t_test_procedures() { return kProcedures; }

}  // namespace peira::stats
