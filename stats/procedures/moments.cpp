#include "stats/moments.h"

#include <string>

#include "stats/errors.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"

namespace peira::stats {
namespace {

OrderedJson json_of(const Moments& moments) {
  if (moments.count() == 0) throw StatsError("EmptyInput", "there are no values");
  if (moments.count() == 1) {
    throw StatsError("TooFewObservations", "one value has a mean but no variance", moments.mean());
  }
  return {{"n", moments.count()},
          {"mean", moments.mean()},
          {"var", stats::json_of(moments.variance())},
          {"sd", stats::json_of(moments.std_dev())},
          {"se", stats::json_of(moments.std_error())},
          {"m2", moments.sum_squared_deviations()}};
}

OrderedJson run_describe(const Json& in) {
  Fields fields(in);
  const auto x = fields.sample("x");
  fields.finish();
  OrderedJson out = json_of(moments_of(x));
  if (fields.dropped() > 0) out["dropped"] = fields.dropped();
  return out;
}

// One aggregate made elsewhere: {"n","mean","M2"} or {"n","sum","sum_squares"}.
Moments aggregate_of(const Json& part) {
  Fields fields(part);
  const std::int64_t n = fields.integer("n");
  if (fields.has("sum") || fields.has("sum_squares")) {
    const double sum = fields.number("sum");
    const double sum_squares = fields.number("sum_squares");
    fields.finish();
    return Moments::from_sums(n, sum, sum_squares);
  }
  const double mean = fields.number("mean");
  const double m2 = fields.number("M2");
  fields.finish();
  return {n, mean, m2};
}

OrderedJson run_merge_moments(const Json& in) {
  Fields fields(in);
  const Json& parts = fields.raw("parts");
  fields.finish();
  if (!parts.is_array()) {
    throw StatsError("InvalidArgument", "parts must be a list of aggregates");
  }
  Moments all;
  for (const Json& part : parts) all.merge(aggregate_of(part));
  return json_of(all);
}

OrderedJson run_log_tail(const Json& in) {
  Fields fields(in);
  const std::string dist = fields.choice("dist", {"normal", "student_t", "chi2", "f"});
  fields.choice("tail", {"upper"});
  double log_tail = 0;
  if (dist == "normal") {
    const double z = fields.number("z");
    fields.finish();
    log_tail = normal_log_upper_tail(z);
  } else if (dist == "student_t") {
    const double t = fields.number("t");
    const double df = fields.number("df");
    fields.finish();
    log_tail = t_log_upper_tail(t, df);
  } else if (dist == "chi2") {
    const double x = fields.number("x");
    const double df = fields.number("df");
    fields.finish();
    log_tail = chi_squared_log_upper_tail(x, df);
  } else {
    const double x = fields.number("x");
    const double df1 = fields.number("df1");
    const double df2 = fields.number("df2");
    fields.finish();
    log_tail = f_log_upper_tail(x, df1, df2);
  }
  return {{"ln_sf", log_tail}};
}

OrderedJson run_noncentral_t_cdf(const Json& in) {
  Fields fields(in);
  const double t = fields.number("t");
  const double df = fields.number_or_infinity("df");
  const double delta = fields.number("delta");
  fields.finish();
  return {{"cdf", noncentral_t_cdf(t, df, delta)}};
}

constexpr Procedure kProcedures[] = {
    {"describe", "0.4", "count, mean, variance and standard error of numbers",
     R"({"x":[41.2,39.8,44.1,40.5]})", run_describe},
    {"merge_moments", "0.4", "the same from aggregates made elsewhere",
     R"({"parts":[{"n":3,"mean":2,"M2":2},{"n":2,"sum":11,"sum_squares":61}]})", run_merge_moments},
    {"log_tail", "0.5", "natural logarithm of an upper tail, without underflow",
     R"({"dist":"normal","z":40,"tail":"upper"})", run_log_tail},
    {"noncentral_t_cdf", "0.6", "P(T <= t) of the noncentral t distribution",
     R"({"t":2,"df":10,"delta":1})", run_noncentral_t_cdf}};

}  // namespace

std::span<const Procedure> moments_procedures() { return kProcedures; }

}  // namespace peira::stats
