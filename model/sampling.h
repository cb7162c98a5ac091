// How the next token is chosen, and what a caller asks of one request.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace peira::model {

// Applied in this order: logit bias, penalties (repetition, then presence and frequency), then
// temperature, top-k, top-p, min-p. temperature 0 is greedy: the highest of the changed logits, the
// lowest id on a tie.
struct SamplingParams {
  double temperature = 0;
  int top_k = 0;     // 0: off
  double top_p = 1;  // 1: off
  double min_p = 0;  // 0: off
  // Tokens of the prompt and of the answer so far: a positive logit is divided by this, another one
  // multiplied. 1: off. source  Keskar et al. 2019, arXiv:1909.05858, section 4.1.
  double repetition_penalty = 1;
  // Tokens of the answer so far: their logits lose presence_penalty, and frequency_penalty times
  // their count. 0: off. source  OpenAI API reference, chat completions.
  double presence_penalty = 0;
  double frequency_penalty = 0;
  // Added to the logits of these tokens, each named once.
  std::vector<std::pair<std::int32_t, float>> logit_bias = {};
};

}  // namespace peira::model
