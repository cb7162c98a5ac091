// From logits to a token: greedy, or a draw after temperature, top-k, top-p and min-p.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/engine.h"
#include "model/sampling.h"

namespace peira::model {

// throws Error(kUsage): a parameter is out of its range (names it and its value), or logit_bias
//        names a token outside [0, vocab_size) or one twice.
void check_sampling(const SamplingParams& params, int vocab_size);

// The highest logit, the lowest id on a tie. NaN is never chosen unless all are.
std::int32_t greedy_token(std::span<const float> logits);

// The probabilities [vocab_size] that `params` leave of `logits`, which are finite; temperature
// must be positive in float32.
//
// Filters apply in the order temperature, top-k, top-p, min-p, each to what the one before left, as
// the logits warpers of transformers 5.17 do. top-k keeps all ties of the k-th; among ties top-p
// drops higher ids first.
void sampling_distribution(std::span<const float> logits, const SamplingParams& params,
                           std::vector<double>& probabilities);

// Chooses from logits that LogitProcessor has been over.
class Sampler {
 public:
  struct Choice {
    std::int32_t token;
    float logprob;  // of the distribution that was drawn from; greedy has one token in it: 0
  };
  // greedy_token() at temperature 0, else the smallest id whose cumulative probability exceeds
  // `uniform`, which is in [0, 1).
  Choice sample(std::span<const float> logits, const SamplingParams& params, double uniform);
  // What `token`'s logprob would be if it were the one chosen: -infinity for one that cannot be.
  float logprob(std::span<const float> logits, const SamplingParams& params, std::int32_t token);

 private:
  std::vector<double> probabilities_;
};

// The `count` most likely tokens with log-probabilities logit - log_sum_exp, best first, on a tie
// the lowest id first.
std::vector<TokenLogprob> top_tokens(std::span<const float> logits, float log_sum_exp, int count);

}  // namespace peira::model
