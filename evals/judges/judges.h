// Judges for any suite: by a rubric, against a reference answer, or of two replies against each
// other.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "evals/judge.h"

namespace peira::evals {

struct Criterion {
  std::string name;         // "clarity": letters, digits, _ and -
  std::string description;  // what is looked for
  double weight = 1;        // above 0
};

// A grade for each criterion, whole numbers from `low` to `high`. The score is their weighted mean,
// moved to [0, 1].
struct RubricSpec {
  std::string instructions;         // shown before the criteria
  std::vector<Criterion> criteria;  // none: one grade, "quality"
  int low = 1, high = 5;
  bool shows_reference = false;  // whether the judge sees the gold answer
  // The whole prompt instead of ours; placeholders {{question}}, {{response}}, {{reference}},
  // {{criteria}}.
  std::string prompt;
};
ModelJudge rubric_judge(const RubricSpec& spec);

// Right or wrong by the gold answer.
struct ReferenceSpec {
  std::string instructions;
  std::string prompt;  // as RubricSpec::prompt, without {{criteria}}
};
ModelJudge reference_judge(const ReferenceSpec& spec);

// The reply against another (JudgeRequest::other, else the gold answer). Both orders are asked: 1
// if it wins in both, 0 if it loses in both, else a tie, 0.5. Where the preference went with the
// position a note says so (position_of).
struct PairwiseSpec {
  std::string instructions;
  bool shows_reference = false;
  std::string prompt;  // placeholders {{question}}, {{response_a}}, {{response_b}}, {{reference}}
};
ModelJudge pairwise_judge(const PairwiseSpec& spec);

// Which position decided a pairwise verdict: 1 or 2 when the reply shown there won in both orders,
// 0 when position decided nothing.
int position_of(const Score& score);

// {"kind": "rubric" | "reference" | "pairwise", ...} with the members of the specs above; for a
// rubric "scale": [low, high].
// throws  Error(kData) "where.key: ...": anything else.
std::shared_ptr<const ModelJudge> read_judge(const Json& value, const std::string& where);

// A .json file with such an object, or a text file: instructions of a rubric of one grade from 1 to
// 10.
// throws  also Error(kUnavailable): it cannot be read.
std::shared_ptr<const ModelJudge> judge_from_file(const std::string& path);

// The pairwise judge without instructions of its own.
std::shared_ptr<const ModelJudge> plain_pairwise_judge();

// `suite` with one profile: `profile` (as Suite::profile() finds it) judged by `judge`, called
// "PROFILE+KIND" (a kind that is there already makes way).
Suite with_judge(const Suite& suite, const std::string& profile,
                 std::shared_ptr<const ModelJudge> judge);

}  // namespace peira::evals
