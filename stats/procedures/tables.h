// The procedures, a group of sections a file. A new one is a function and a row in its file's
// table; a new file also a line in procedure.cpp.
#pragma once

#include <span>

#include "stats/procedures/procedure.h"

namespace peira::stats {

std::span<const Procedure> moments_procedures();       // sections 0.4 to 0.6
std::span<const Procedure> t_test_procedures();        // section 1
std::span<const Procedure> proportion_procedures();    // sections 2, 3, 5, 6
std::span<const Procedure> effect_size_procedures();   // section 4
std::span<const Procedure> rank_procedures();          // sections 9 to 11
std::span<const Procedure> bootstrap_procedures();     // section 12
std::span<const Procedure> cluster_procedures();       // sections 13, 14
std::span<const Procedure> multiplicity_procedures();  // section 16
std::span<const Procedure> power_procedures();         // section 15
std::span<const Procedure> experiment_procedures();    // sections 17, 18, 34
std::span<const Procedure> sequential_procedures();    // section 19
std::span<const Procedure> equivalence_procedures();   // section 20
std::span<const Procedure> group_procedures();         // section 21
std::span<const Procedure> bayesian_procedures();      // section 22
std::span<const Procedure> judge_procedures();         // sections 23, 24, 27
std::span<const Procedure> pass_at_k_procedures();     // section 25
std::span<const Procedure> calibration_procedures();   // section 26
std::span<const Procedure> stream_procedures();        // section 28
std::span<const Procedure> item_procedures();          // sections 29, 30

}  // namespace peira::stats
