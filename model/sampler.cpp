#include "model/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "base/error.h"

namespace peira::model {
namespace {

constexpr float kDropped = -std::numeric_limits<float>::infinity();

// Drops all scores below the k-th largest.
void keep_top_k(std::vector<float>& scores, int top_k) {
  const auto k = static_cast<std::size_t>(top_k);
  if (k >= scores.size()) return;
  std::vector<float> sorted = scores;
  const auto kth = sorted.begin() + static_cast<std::ptrdiff_t>(k - 1);
  std::nth_element(sorted.begin(), kth, sorted.end(), std::greater<>());
  const float threshold = *kth;
  for (float& score : scores) {
    if (score < threshold) score = kDropped;
  }
}

// Drops the least likely tokens whose probabilities together are at most 1 - top_p; the best stays.
void keep_top_p(std::vector<float>& scores, double top_p) {
  std::vector<std::int32_t> order;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] != kDropped) order.push_back(static_cast<std::int32_t>(i));
  }
  const auto score_of = [&](std::int32_t token) { return scores[static_cast<std::size_t>(token)]; };
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return score_of(a) != score_of(b) ? score_of(a) < score_of(b) : a > b;
  });
  const double max = score_of(order.back());
  double total = 0;
  for (const std::int32_t token : order) total += std::exp(double{score_of(token)} - max);
  double cumulative = 0;
  order.pop_back();
  for (const std::int32_t token : order) {
    cumulative += std::exp(double{score_of(token)} - max) / total;
    if (cumulative > 1 - top_p) break;
    scores[static_cast<std::size_t>(token)] = kDropped;
  }
}

}  // namespace

void check_sampling(const SamplingParams& params, int vocab_size) {
  const auto fail = [](const std::string& what) { throw Error(ErrorCode::kUsage, what); };
  if (!(params.temperature >= 0) || !std::isfinite(params.temperature)) {
    fail("temperature is " + std::to_string(params.temperature) + "; it must be 0 or more");
  }
  if (params.top_k < 0) {
    fail("top_k is " + std::to_string(params.top_k) + "; it must be 0 (off) or more");
  }
  if (!(params.top_p > 0 && params.top_p <= 1)) {
    fail("top_p is " + std::to_string(params.top_p) + "; it must be above 0 and at most 1");
  }
  if (!(params.min_p >= 0 && params.min_p <= 1)) {
    fail("min_p is " + std::to_string(params.min_p) + "; it must be from 0 to 1");
  }
  if (!(params.repetition_penalty > 0) || !std::isfinite(params.repetition_penalty)) {
    fail("repetition_penalty is " + std::to_string(params.repetition_penalty) +
         "; it must be positive (1: off)");
  }
  if (!std::isfinite(params.presence_penalty)) fail("presence_penalty is not finite");
  if (!std::isfinite(params.frequency_penalty)) fail("frequency_penalty is not finite");
  std::set<std::int32_t> biased;
  for (const auto& [token, bias] : params.logit_bias) {
    const std::string name = "logit_bias of token " + std::to_string(token);
    if (token < 0 || token >= vocab_size) {
      fail(name + ": the vocabulary has " + std::to_string(vocab_size) + " tokens");
    }
    if (!std::isfinite(bias)) fail(name + " is not finite");
    if (!biased.insert(token).second) fail(name + " is given twice");
  }
}

std::int32_t greedy_token(std::span<const float> logits) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < logits.size(); ++i) {
    if (logits[i] > logits[best] || std::isnan(logits[best])) best = i;
  }
  return static_cast<std::int32_t>(best);
}

void sampling_distribution(std::span<const float> logits, const SamplingParams& params,
                           std::vector<double>& probabilities) {
  std::vector<float> scores(logits.begin(), logits.end());
  const auto temperature = static_cast<float>(params.temperature);
  // Relative to the best: the same distribution, and a tiny temperature cannot overflow.
  const float best = *std::max_element(scores.begin(), scores.end());
  for (float& score : scores) score = (score - best) / temperature;
  if (params.top_k > 0) keep_top_k(scores, params.top_k);
  if (params.top_p < 1) keep_top_p(scores, params.top_p);

  const double max = *std::max_element(scores.begin(), scores.end());
  double total = 0;
  probabilities.resize(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    double weight = scores[i] == kDropped ? 0 : std::exp(double{scores[i]} - max);
    if (weight < params.min_p) weight = 0;  // the best token's weight is 1
    probabilities[i] = weight;
    total += weight;
  }
  for (double& probability : probabilities) probability /= total;
}

Sampler::Choice Sampler::sample(std::span<const float> logits, const SamplingParams& params,
                                double uniform) {
  // A temperature that float32 cannot tell from 0 is greedy too.
  if (static_cast<float>(params.temperature) == 0) return {greedy_token(logits), 0};
  sampling_distribution(logits, params, probabilities_);
  double cumulative = 0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < probabilities_.size(); ++i) {
    if (probabilities_[i] == 0) continue;
    cumulative += probabilities_[i];
    last = i;
    if (cumulative > uniform) break;
  }
  return {static_cast<std::int32_t>(last), static_cast<float>(std::log(probabilities_[last]))};
}

float Sampler::logprob(std::span<const float> logits, const SamplingParams& params,
                       std::int32_t token) {
  if (static_cast<float>(params.temperature) == 0) {
    return greedy_token(logits) == token ? 0 : kDropped;
  }
  sampling_distribution(logits, params, probabilities_);
  return static_cast<float>(std::log(probabilities_[static_cast<std::size_t>(token)]));
}

std::vector<TokenLogprob> top_tokens(std::span<const float> logits, float log_sum_exp, int count) {
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto kept = std::min(static_cast<std::ptrdiff_t>(count), std::ssize(order));
  std::partial_sort(order.begin(), order.begin() + kept, order.end(),
                    [&](std::int32_t a, std::int32_t b) {
                      const float logit_a = logits[static_cast<std::size_t>(a)];
                      const float logit_b = logits[static_cast<std::size_t>(b)];
                      return logit_a != logit_b ? logit_a > logit_b : a < b;
                    });
  std::vector<TokenLogprob> out;
  for (std::ptrdiff_t i = 0; i < kept; ++i) {
    const std::int32_t token = order[static_cast<std::size_t>(i)];
    out.push_back({token, logits[static_cast<std::size_t>(token)] - log_sum_exp});
  }
  return out;
}

}  // namespace peira::model
