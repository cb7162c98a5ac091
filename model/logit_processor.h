// What is done to a row of logits before a token is chosen: bias and penalties.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/sampling.h"
#include "model/token_guide.h"

namespace peira::model {

// Keeps buffers between calls. threads: one at a time.
class LogitProcessor {
 public:
  // Whether process() does anything for `params`.
  static bool changes(const SamplingParams& params);
  // `logits` as `params` change them: themselves when nothing is asked for, else a view that the
  // next call ends. See SamplingParams for what is done and in which order.
  //
  // logits  [vocab_size], finite.
  // prompt  the prompt's tokens; answer: those generated so far. In [0, vocab_size).
  std::span<const float> process(std::span<const float> logits, const SamplingParams& params,
                                 std::span<const std::int32_t> prompt,
                                 std::span<const std::int32_t> answer);

  // `logits`, perhaps process()'s, with -infinity for all that `guide` does not allow; stop tokens
  // are allowed where it may end. Empty when nothing is left. A view that the next call ends.
  std::span<const float> restrict(std::span<const float> logits, TokenGuide& guide,
                                  std::span<const std::int32_t> stop_tokens);

 private:
  std::vector<float> changed_;
  std::vector<float> restricted_;
  std::vector<std::int32_t> counts_;  // [vocab_size], all zero between calls
};

}  // namespace peira::model
