// Gates: claims about runs, each decided by a test at a stated error, never by a point estimate.
//
// Which error is controlled. A policy is a list of claims, and it passes when every one is shown.
//   falsely passing  P(policy passes) <= alpha whenever any claim is false: each claim is shown by
//                    its own one-sided test at alpha, and all must be (intersection-union test), so
//                    no correction is needed.
//   falsely failing  P(any true claim is declared failed) <= alpha over all gates together, however
//                    they depend on each other: the tests against the claims are corrected by
//                    Holm's procedure, weighted where the policy weighs gates.
// A policy may instead rank its gates in families (hierarchical gatekeeping):
//   falsely passing  P(a family of which any claim is false passes) <= alpha over all families: one
//                    passes when all of its claims are shown at alpha and all families before it
//                    pass.
//   falsely failing  as above, but alpha is not shared with later families: one's tests begin once
//                    every gate of those before it has failed, or on the share of alpha it was
//                    given.
// What neither shows is undecided. A gate against a baseline passes when a loss beyond the margin
// is excluded, and fails when the candidate is significantly worse than the baseline and does not
// pass; "true" for it means no worse at all.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "evals/run_record.h"

namespace peira::evals {

enum class GateKind { kMin, kMax, kNoWorse, kEquivalent };
enum class GateStatus { kPass, kFail, kUndecided };

const char* to_string(GateKind kind);      // "min", "max", "no-worse-than", "equivalent-to"
const char* to_string(GateStatus status);  // "pass", "fail", "undecided"

// What a gate looks at: "gpqa", "gpqa.unparsed", "gpqa[High-level domain=Physics].accuracy".
struct GateTarget {
  std::string suite;
  std::string field, value;  // of a breakdown cell; "" for the whole suite
  std::string metric = "accuracy";

  std::string text() const;
};

// The metrics there are: accuracy, pass@K, unparsed, truncated, refused, empty, failed,
// latency.mean, latency.p50, latency.p95 (seconds), prompt_tokens, completion_tokens, cost (dollars
// an answer by its tokens, whether or not a cache gave it).
const std::vector<std::string>& gate_metrics();

// throws Error(kUsage): malformed, or no such metric (names the nearest).
GateTarget parse_gate_target(const std::string& text);

struct Gate {
  GateTarget target;
  GateKind kind = GateKind::kMin;
  double bound = 0;        // kMin, kMax: in the metric's units; else the margin, > 0
  std::string baseline;    // kNoWorse, kEquivalent: a run, a tag or "last-green@BRANCH"
  double weight = 1;       // of the false-failure rate, relative to its family's other gates; > 0
  std::size_t family = 0;  // in GatePolicy::families
  // Questions with a score (of pairs: in both runs) without which it cannot pass. Empty: every
  // question of the dataset must have been asked.
  std::optional<std::int64_t> min_items = {};

  std::string text() const;  // "gpqa.accuracy >= 0.8"
};

// Dollars a million tokens.
struct GatePrices {
  double input = 0, output = 0;
};

// Gates that count together.
struct GateFamily {
  std::string name;
  // Of alpha, kept for this family's failures whatever becomes of those before it. The first has
  // what the others leave, and none of its own here.
  double share = 0;
};

struct GatePolicy {
  std::vector<Gate> gates;
  double alpha = 0.05;
  std::vector<GateFamily> families = {};  // in the order of importance; empty: all are one
};
// throws Error(kUsage): no gates, alpha, a bound, a margin, a weight or a share out of range, a
// family without a gate or a gate without a family.
void check_policy(const GatePolicy& policy);

// One run with all its outcomes in the order of (row, epoch).
struct GateArm {
  RunRecord record;
  std::string replies;        // equal for runs that judged the same replies
  std::int64_t num_rows = 0;  // questions of the whole dataset
  std::vector<SampleOutcome> outcomes = {};
  std::optional<GatePrices> prices = {};  // of its model; without them there is no cost
};

// Why a score moved: questions whose score differs, by what differs between their replies.
struct FlipCauses {
  std::int64_t failure = 0;     // no reply on one side
  std::int64_t truncation = 0;  // cut off on one side
  std::int64_t refusal = 0;     // refused on one side
  std::int64_t extraction =
      0;                    // no answer could be read on one side, or another from the same reply
  std::int64_t judge = 0;   // the same answer to the same gold was judged otherwise
  std::int64_t answer = 0;  // another answer
  std::int64_t total() const {
    return failure + truncation + refusal + extraction + judge + answer;
  }
};
// Why a verdict moved: "failure", "truncation", "refusal", "extraction", "judge", "answer".
const char* flip_cause(const SampleOutcome& before, const SampleOutcome& after,
                       bool same_reply = false);
// Of all (question, epoch) pairs whose score differs.
FlipCauses explain_flips(const GateArm& before, const GateArm& after);
// "12 verdicts moved: 7 by another answer, 5 by truncation".
std::string flips_sentence(const FlipCauses& causes);

struct GateResult {
  Gate gate;
  GateStatus status = GateStatus::kUndecided;
  std::string run_id, baseline_id;
  // The metric, or for pairs the difference candidate - baseline; with 1 - 2 alpha interval.
  std::optional<double> estimate, low, high;
  std::string method;             // how the interval was made
  double pass_p = 1;              // of the null that the claim is false
  double fail_p = 1;              // of the null that it is true
  double fail_p_adjusted = 1;     // by Holm, or over ranked families
  bool waits_for_family = false;  // shown, but a family before its own does not pass
  std::int64_t num_items = 0, num_clusters = 0;
  std::string why;       // one line: what decided it, or why it cannot pass
  bool vacuous = false;  // held back from passing whatever the numbers say
  // To decide with a chance of 80 %, should the estimate be the truth: questions in all, and epochs
  // of these questions. Empty where unknown or out of reach.
  std::optional<std::int64_t> questions_needed = {}, epochs_needed = {};
  std::optional<FlipCauses> flips = {};
};

struct GateFamilyResult {
  GateFamily family;  // with the first one's share filled in
  GateStatus status = GateStatus::kUndecided;
};

struct GateReport {
  GateStatus status = GateStatus::kUndecided;
  double alpha = 0.05;
  std::vector<GateResult> gates;
  std::vector<GateFamilyResult> families = {};  // empty where the policy ranks nothing
  std::string headline;                         // one sentence
};

// Judges every gate of `policy`.
//
// candidates  at most one run a suite.
// baselines   by Gate::baseline and suite; checked by the caller to be comparable.
// throws      Error(kUsage): as check_policy(); two candidates of a suite; a gate on the cost of a
//             run without prices.
//
// A failed question counts as wrong where a claim is to be shown and as right where it is to be
// refuted, so that failures decide nothing. Tests: exact binomial for independent 0/1 scores and
// for quantiles (share of values within the bound); else t with clusters - 1 degrees of freedom
// and, for shares, the beta distribution on the effective number of questions (Korn and Graubard
// 1998), whichever is less sure. Differences: Tango's score for independent 0/1 pairs, else t;
// below 20 clusters also the exact permutation of whole clusters, whichever is less sure. Of
// quantiles: a bootstrap of pairs, from 20 clusters on (59 at p95, 299 at p99).
//
// Not passed whatever the numbers: suite absent, empty cell, incomplete, limited or stopped run,
// fewer items than declared, the baseline's own replies, no answer read or one answer everywhere,
// nothing measured.
GateReport evaluate(const GatePolicy& policy, std::span<const GateArm> candidates,
                    const std::map<std::pair<std::string, std::string>, const GateArm*>& baselines);

}  // namespace peira::evals
