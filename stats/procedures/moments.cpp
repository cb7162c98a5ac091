#include <string>

#include "stats/errors.h"
#include "stats/moments.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"

namespace peira::stats {
namespace {

OrderedJson run_describe(const Json& in) {
  Fields fields(in);
  const auto x = fields.numbers("x");
  fields.finish();
  const Moments moments = moments_of(x);
  return {{"n", moments.count()},
          {"mean", moments.mean()},
          {"var", json_of(moments.variance())},
          {"sd", json_of(moments.std_dev())},
          {"se", json_of(moments.std_error())}};
}

OrderedJson run_log_tail(const Json& in) {
  Fields fields(in);
  const std::string dist = fields.choice("dist", {"normal", "student_t", "chi2"});
  fields.choice("tail", {"upper"});
  double log_tail = 0;
  if (dist == "normal") {
    log_tail = normal_log_upper_tail(fields.number("z"));
  } else if (dist == "student_t") {
    log_tail = t_log_upper_tail(fields.number("t"), fields.number("df"));
  } else {
    log_tail = chi_squared_log_upper_tail(fields.number("x"), fields.number("df"));
  }
  fields.finish();
  return {{"ln_sf", log_tail}};
}

constexpr Procedure kProcedures[] = {
    {"describe", "0.4", "count, mean, variance and standard error of numbers",
     R"({"x":[41.2,39.8,44.1,40.5]})", run_describe},
    {"log_tail", "0.5", "natural logarithm of an upper tail, without underflow",
     R"({"dist":"normal","z":40,"tail":"upper"})", run_log_tail}};

}  // namespace

std::span<const Procedure> moments_procedures() { return kProcedures; }

}  // namespace peira::stats
