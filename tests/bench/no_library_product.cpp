#include "tests/bench/library_product.h"

namespace peira::bench {

std::optional<double> library_rate(const ProductShape&) { return std::nullopt; }

}  // namespace peira::bench
