// How long an engine takes over requests of one size.
#pragma once

#include "model/engine.h"

namespace peira::bench {

// Seconds for `count` requests, all different, of `prompt` tokens each, that generate up to
// `generate` tokens.
double generation_seconds(model::Engine& engine, int count, int prompt, int generate);

}  // namespace peira::bench
