#include "tests/bench/generation_time.h"

#include <chrono>
#include <vector>

namespace peira::bench {

double generation_seconds(model::Engine& engine, int count, int prompt, int generate) {
  std::vector<model::TokenRequest> requests(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    model::TokenRequest& request = requests[static_cast<std::size_t>(i)];
    for (int t = 0; t < prompt; ++t) request.tokens.push_back((t * 131 + i * 977 + 7) % 30'000);
    request.max_tokens = generate;
  }
  const auto start = std::chrono::steady_clock::now();
  engine.generate(requests);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace peira::bench
