// Programs run as this user, isolated by nothing: what --unsafe-no-sandbox asks for.
#pragma once

#include <memory>

#include "evals/code_runner.h"

namespace peira::runner {

// Time, output and file sizes are limited, memory and processes are not; a program sees this
// machine's files, network and processes. Folders of `read_only` must lie where they are wanted;
// `preload` only says what a warm interpreter would have imported, and is ignored.
std::unique_ptr<evals::CodeRunner> open_direct_runner(int num_workers);

}  // namespace peira::runner
