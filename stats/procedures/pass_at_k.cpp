#include "stats/pass_at_k.h"

#include <numeric>
#include <string>

#include "stats/errors.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"

namespace peira::stats {
namespace {

struct Draw {
  std::int64_t n, c, k;
};

Draw draw_of(Fields& fields) {
  return {.n = fields.integer("n"), .c = fields.integer("c"), .k = fields.integer("k")};
}

OrderedJson run_pass_at_k(const Json& in) {
  Fields fields(in);
  const Draw draw = draw_of(fields);
  fields.finish();
  return {{"pass_at_k", pass_at_k(draw.n, draw.c, draw.k)},
          {"pass_hat_k", pass_hat_k(draw.n, draw.c, draw.k)}};
}

OrderedJson run_maj_at_k(const Json& in) {
  Fields fields(in);
  const auto counts = fields.integers("answer_counts_correct_first");
  const std::int64_t k = fields.integer("k");
  const std::int64_t total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  const std::int64_t n = fields.integer("n", total);
  fields.raw("ties");
  fields.finish();
  if (n != total) {
    throw StatsError("InvalidArgument", "n is " + std::to_string(n) + " but the counts add up to " +
                                            std::to_string(total));
  }
  return {{"maj_at_k", maj_at_k(counts, k)}};
}

OrderedJson run_g_pass_at_k(const Json& in) {
  Fields fields(in);
  const Draw draw = draw_of(fields);
  const double tau = fields.number("tau");
  fields.finish();
  return {{"g_pass", g_pass_at_k(draw.n, draw.c, draw.k, tau)}};
}

OrderedJson run_mg_pass_at_k(const Json& in) {
  Fields fields(in);
  const Draw draw = draw_of(fields);
  fields.finish();
  return {{"mg_pass", mg_pass_at_k(draw.n, draw.c, draw.k)}};
}

constexpr Procedure kProcedures[] = {
    {"pass_at_k", "25", "chance that at least one of k answers is right, and that all are",
     R"({"n":10,"c":3,"k":5})", run_pass_at_k},
    {"maj_at_k", "25", "chance that the plurality of k answers is right",
     R"({"answer_counts_correct_first":[5,3,2],"k":3})", run_maj_at_k},
    {"g_pass_at_k", "25", "chance that at least a share tau of k answers is right",
     R"({"n":10,"c":7,"k":4,"tau":0.5})", run_g_pass_at_k},
    {"mg_pass_at_k", "25", "G-Pass@k averaged over tau from 1/2 to 1", R"({"n":10,"c":7,"k":4})",
     run_mg_pass_at_k}};

}  // namespace

std::span<const Procedure> pass_at_k_procedures() { return kProcedures; }

}  // namespace peira::stats
