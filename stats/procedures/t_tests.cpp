#include "stats/t_tests.h"

#include <string>
#include <vector>

#include "stats/errors.h"
#include "stats/paired_tests.h"
#include "stats/procedures/fields.h"
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

OrderedJson run_t_test(const Json& in) {
  Fields fields(in);
  const bool welch = fields.choice("kind", {"welch", "student"}) == "welch";
  const auto a = fields.numbers("a");
  const auto b = fields.numbers("b");
  const TestOptions options = fields.test_options();
  fields.finish();
  return json_of(welch ? welch_t_test(a, b, options) : student_t_test(a, b, options), "diff");
}

OrderedJson run_t_test_summary(const Json& in) {
  Fields fields(in);
  const auto arm = [&fields](const std::string& name) {
    const std::int64_t n = fields.integer("n_" + name);
    const double sd = fields.number("sd_" + name);
    return Moments(n, fields.number("mean_" + name), sd * sd * static_cast<double>(n - 1));
  };
  const Moments a = arm("a");
  const Moments b = arm("b");
  const TestOptions options = fields.test_options();
  fields.finish();
  return json_of(welch_t_test(a, b, options), "diff");
}

OrderedJson run_t_test_paired(const Json& in) {
  Fields fields(in);
  const auto a = fields.numbers("a");
  const auto b = fields.numbers("b");
  const TestOptions options = fields.test_options();
  fields.finish();
  if (a.size() != b.size()) {
    throw StatsError("LengthMismatch", "a has " + std::to_string(a.size()) + " numbers, b " +
                                           std::to_string(b.size()));
  }
  std::vector<double> differences;
  for (std::size_t i = 0; i < a.size(); ++i) differences.push_back(b[i] - a[i]);
  OrderedJson out = json_of(paired_t_test(differences, {}, options), "mean_diff");
  out["sd_diff"] = stats::json_of(moments_of(differences).std_dev());
  return out;
}

constexpr Procedure kProcedures[] = {
    {"t_test", "1", "t test of two independent samples: Welch's or Student's",
     R"({"kind":"welch","a":[1.1,2.3,3.7],"b":[2.9,3.1,5.8]})", run_t_test},
    {"t_test_summary", "1", "Welch's t test from means, standard deviations and counts",
     R"({"mean_a":10,"sd_a":1,"n_a":500,"mean_b":13,"sd_b":1.2,"n_b":480})", run_t_test_summary},
    {"t_test_paired", "1", "t test of paired differences b - a",
     R"({"a":[0.62,0.71,0.55],"b":[0.68,0.7,0.63]})", run_t_test_paired}};

}  // namespace

std::span<const Procedure> t_test_procedures() { return kProcedures; }

}  // namespace peira::stats
