// What official scripts print where they guess, or leave replies out of the count: MMMU, MMMU-Pro,
// Video-MME.
#pragma once

#include <cstdint>
#include <vector>

#include "evals/metrics/mmmu.h"
#include "evals/run_record.h"

namespace peira::evals {

// Notes of a score (Score::notes) that this counts.
inline constexpr std::string_view kGuessNote = "official-guess-of-";  // and the number of options
inline constexpr std::string_view kUncountedNote = "officially-not-counted";

// Reads the outcomes of a run in the order of its rows, one epoch each. threads: one at a time.
class OfficialAccuracy {
 public:
  void add(const SampleOutcome& outcome);

  // Appends, where any outcome had one of the notes:
  //   official_accuracy   each guess drawn from the official stream, replies not counted left out
  //   expected_accuracy   each guess as one over its number of options; only where there were
  //   guesses
  // without interval: both are what another program prints, not estimates of ours.
  void append_to(std::vector<Metric>& metrics) const;

 private:
  MmmuGuesses guesses_;
  std::int64_t num_counted_ = 0, num_guesses_ = 0, num_uncounted_ = 0;
  double num_right_ = 0, num_guessed_right_ = 0, expected_right_ = 0;
};

}  // namespace peira::evals
