// Two runs of one suite side by side: may they be compared, and what does the comparison say.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "evals/run_record.h"

namespace peira::evals {

// Parts of two manifests ({"digests": {part: hex}, "values": {part: ...}}) whose digests differ or
// which only one has: in the order weights, tokenizer, template, engine, prompt, dataset, scorer,
// sampling, media, seed, epochs, limit, method, then any others by name.
// throws Error(kData): no "digests" object.
std::vector<std::string> differing_parts(const Json& manifest_a, const Json& manifest_b);

// The parts declared by a word given to --vary: a part's own name, or "model" (weights, tokenizer,
// template, engine, engine_options), "profile" (prompt, scorer), "variant" (prompt). A name that is
// no group stands for itself.
std::vector<std::string> parts_of_vary(const std::string& word);

// Whether two runs measure the same but for what is declared.
//
// vary     words as for parts_of_vary; "all" declares everything.
// returns  the parts that differ, all declared.
// throws   Error(kUsage) naming every undeclared difference with both values, and the --vary that
//          would declare it; Error(kUsage) for a word that is neither a group nor a part of either
//          manifest.
std::vector<std::string> check_comparable(const Json& manifest_a, const Json& manifest_b,
                                          std::span<const std::string> vary);

// Outcomes one after another, ordered by row and then epoch; empty at the end.
using OutcomeStream = std::function<std::optional<SampleOutcome>()>;

struct ComparisonOptions {
  std::size_t max_flips = 10'000;  // flips listed; counts are always of all
  double confidence = 0.95;
  bool unpaired = false;  // as if the questions were others; else only when no id is in both
  std::optional<double> equivalent_within = {};  // margin, > 0: are A and B as good as each other?
  std::optional<double> no_worse_by = {};        // margin, > 0: is B at most that much worse?
};

// B against A, paired by sample id; a sample's score is its mean over the epochs with an answer.
//
// a, b    the runs' records, kept in the result; their manifests are not judged here.
// varied  as check_comparable() returned it.
// cost    memory grows with clusters of several samples, listed flips, and samples that stand at
//         different places of the two streams; otherwise flat.
// throws  Error(kUsage): the runs are of different suites;
//         Error(kData): a stream is not in order or a sample id comes twice.
//
// The difference is that of the means over pairs, with a cluster-robust standard error (CR1) and a
// t interval and test with clusters - 1 degrees of freedom; it is also the test the verdict speaks
// of. Pairs in which one run failed are left out of both arms and counted. When every pair differs
// by the same amount there is no spread and no t test; when all are equal and right or wrong, p is
// 1 and the interval is Tango's, which does not claim certainty. Below 20 clusters the exact
// permutation of whole clusters stands beside it. Runs without a question in common are compared
// unpaired, and the verdict says so: Welch's t, or the pooled z test and Miettinen and Nurminen's
// interval for right or wrong.
//
// Margins, at 5 %: equivalence passes by two one-sided tests and fails when the 90 % interval lies
// outside; "no worse" passes when the lower end of the 90 % interval is above -margin and fails
// when B is significantly worse and does not pass; both are inconclusive otherwise.
Comparison compare_outcomes(RunRecord a, RunRecord b, const OutcomeStream& outcomes_a,
                            const OutcomeStream& outcomes_b, std::vector<std::string> varied,
                            const ComparisonOptions& options = {});

// "pass", "fail", "inconclusive".
const char* to_string(MarginTest::Outcome outcome);

// What a margin asked for came to, one sentence: "B is no worse than A by 1.0 points: shown, ...".
std::string equivalence_sentence(const MarginTest& test);
std::string no_worse_sentence(const MarginTest& test);

// The verdict of `comparison`, whose numbers are filled: one plain sentence, or two.
std::string verdict_of(const Comparison& comparison);

// "p = 0.28", "p = 0.003", "p < 0.001"; four digits where three would hide the side of 0.05.
std::string p_value_text(double p);

}  // namespace peira::evals
