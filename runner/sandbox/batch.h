// Many programs at once, results in order.
#pragma once

#include <cstdint>
#include <functional>

#include "evals/code_runner.h"

namespace peira::runner {

// CodeRunner::run_many by `num_workers` threads that call `run`.
void run_batch(int num_workers, std::int64_t count,
               const std::function<evals::CodeRequest(std::int64_t)>& make,
               const std::function<evals::CodeResult(const evals::CodeRequest&)>& run,
               const std::function<void(std::int64_t, evals::CodeResult)>& take);

}  // namespace peira::runner
