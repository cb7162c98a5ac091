// Where a function of one number crosses zero.
#pragma once

#include <functional>

namespace peira::stats {

// x in [low, high] with f(x) = 0, to the last few bits of a double; f must change sign over the
// bracket (an end may be the root).
// throws  Error(kInternal) "NoConvergence": no change of sign, a NaN, or more than 200 steps.
// source  Alefeld, Potra and Shi (1995), ACM TOMS algorithm 748.
double find_root(const std::function<double(double)>& f, double low, double high);

}  // namespace peira::stats
