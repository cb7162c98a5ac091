// The figures that the official scripts of MMMU print: disciplines, subjects, and what its random
// guesses came to.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evals/python_random.h"

namespace peira::evals {

// The official code's guesses for replies in which it found no option. One stream for the whole
// evaluation: call it once for each such reply, subjects by name, then rows of their files.
class MmmuGuesses {
 public:
  // The option drawn, 0 = A, of `num_options` >= 1.
  int next(int num_options) {
    return static_cast<int>(random_.randbelow(static_cast<std::uint32_t>(num_options)));
  }

 private:
  python::Random random_{42};
};

// One judged prediction.
struct MmmuVerdict {
  std::string subject;
  bool is_correct = false;
};

// One printed line: a discipline ("Overall-Science"), a subject or "Overall".
struct MmmuFigure {
  std::string name;
  std::int64_t num = 0;
  double accuracy = 0;  // three decimals
};

// Disciplines in the official order, each before its subjects; those without a prediction are left
// out; "Overall" last. All are means over predictions. source  MMMU-Benchmark/MMMU,
// mmmu/main_eval_only.py.
std::vector<MmmuFigure> mmmu_figures(std::span<const MmmuVerdict> verdicts);

}  // namespace peira::evals
