// Choosing among prompts without fooling oneself: successive halving on a development part, one
// comparison on a part held out. Pure: what asks the questions is given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace peira::runner::optimize {

struct SampleKey {
  std::string id, cluster;
};

// Positions in the dataset, each part in its own seeded order.
struct Split {
  std::vector<std::size_t> training, development, held_out;
};

// Splits by a seeded hash of each sample's cluster, so that what belongs together stays together
// and a sample's part depends on nothing but its cluster, the seed and `training_share` in [0, 1).
// What is not for training is shared by development and held-out half and half.
Split split_samples(std::span<const SampleKey> samples, std::uint64_t seed, double training_share);

// A round asks `num_variants` prompts the questions [begin, end) of the development order.
struct Round {
  std::size_t num_variants = 0, begin = 0, end = 0;
};

struct HalvingPlan {
  std::vector<Round> rounds;       // the better half goes on
  std::size_t num_held_out = 0;    // questions of the final comparison, asked of two prompts
  std::int64_t num_questions = 0;  // of the whole plan: never above the budget
};

// Half the budget for the final comparison, the rest in equal shares to ceil(log2 K) rounds over K
// challengers (Karnin, Koren and Somekh 2013, "Almost Optimal Exploration in Multi-Armed Bandits").
// throws Error(kUsage): the budget does not reach for one question a prompt and round, or for 10
//        held-out questions; a part without enough questions.
HalvingPlan plan_halving(std::size_t num_challengers, std::int64_t budget,
                         std::size_t num_development, std::size_t num_held_out);

enum class Verdict { kBetter, kWorse, kUndecided };

struct Standing {
  std::size_t variant = 0;     // challenger
  std::size_t num_rounds = 0;  // it took part in
  std::int64_t num_scored = 0;
  double mean = 0;  // on the development questions it was asked
};

// The comparison that counts: on held-out questions alone.
struct Final {
  std::int64_t num_pairs = 0, num_clusters = 0, failed_pairs = 0;
  double winner_mean = 0, reference_mean = 0;
  double difference = 0;            // winner - reference
  std::optional<double> low, high;  // clustered t interval at 1 - alpha
  double p = 1;                     // sign flips of whole clusters, two-sided
  Verdict verdict = Verdict::kUndecided;
};

struct Selection {
  std::vector<Standing> standings;  // best first
  std::size_t winner = 0;
  Final final;
  // Development mean of the winner less its held-out mean: what choosing the best made it look
  // better than it is, give or take the standard error.
  double optimism = 0;
  std::optional<double> optimism_std_error;
};

// Scores of `variant` on the samples at these positions, in order; empty where it failed.
// The reference is variant `num_challengers`. `stage` is the round, or the number of rounds for the
// final comparison.
using Ask = std::function<std::vector<std::optional<double>>(
    std::size_t variant, std::size_t stage, std::span<const std::size_t> positions)>;

// Carries `plan` out. Ties go to the prompt listed first. At most `alpha` of selections among
// prompts that are all as good as the reference end in kBetter.
Selection select_prompt(const HalvingPlan& plan, const Split& split,
                        std::span<const SampleKey> samples, std::size_t num_challengers,
                        const Ask& ask, double alpha, std::uint64_t seed);

}  // namespace peira::runner::optimize
