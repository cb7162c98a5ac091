#include "stats/multiple_comparisons.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"

namespace peira::stats {
namespace {

OrderedJson run_p_adjust(const Json& in) {
  Fields fields(in);
  const auto p = fields.numbers("p");
  fields.finish();
  return {{"bonferroni", bonferroni(p)},
          {"holm", holm(p)},
          {"hochberg", hochberg(p)},
          {"bh", benjamini_hochberg(p)},
          {"by", benjamini_yekutieli(p)}};
}

constexpr Procedure kProcedures[] = {{"p_adjust", "16",
                                      "p-values adjusted for having looked more than once",
                                      R"({"p":[0.001,0.008,0.039,0.041]})", run_p_adjust}};

}  // namespace

std::span<const Procedure> multiplicity_procedures() { return kProcedures; }

}  // namespace peira::stats
