// Three runs or more of one suite over the same questions: whether they differ at all, which pairs
// do, and how they rank.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "evals/comparison.h"
#include "evals/run_record.h"

namespace peira::evals {

struct RankedRun {
  std::size_t run = 0;       // index into Ranking::runs
  Metric score;              // over the questions that all runs answered
  double strength = 0;       // Bradley-Terry, log odds, centred on 0
  double low = 0, high = 0;  // 95 %, clustered by question
  double elo = 1000;
  std::size_t best_rank = 1, worst_rank = 1;  // that the intervals allow
};

struct RankedPair {
  std::size_t i = 0, j = 0;                       // runs, i < j
  double difference = 0;                          // mean of j less mean of i
  std::optional<double> std_error, low, high, p;  // paired t, clustered; 95 %
  std::optional<double> holm_p, bh_p;             // over all pairs
  std::int64_t wins_i = 0, wins_j = 0, ties = 0;  // questions
};

struct Ranking {
  std::vector<RunRecord> runs;     // as given
  std::int64_t num_questions = 0;  // answered by all
  std::int64_t num_clusters = 0;
  std::int64_t left_out = 0;  // questions not answered by all
  bool binary = false;
  std::string
      test;  // of all runs at once: "Cochran's Q" for right or wrong, else "Friedman's test"
  double statistic = 0;
  int df = 0;
  double p = 1;
  std::vector<RankedRun> ranked;  // best first
  std::vector<RankedPair> pairs;  // (0,1), (0,2), ...
  bool penalised =
      false;            // a run won or lost all its battles: strengths are held back by a penalty
  std::string verdict;  // one or two plain sentences
};

// Ranks `runs`; a question's score is its mean over the epochs with an answer.
//
// streams  of the runs' outcomes, in order.
// cost     memory: 8 bytes a run and question, and the ids.
// throws   Error(kUsage): fewer than three runs, or of different suites; Error(kData): a stream is
//          not in order.
// source   Bradley and Terry (1952) over the battles of each question, a tie half a win to each;
//          covariance by the sandwich H^+ (sum over clusters of g g') H^+ with g the sum of a
//          cluster's scores, since the battles of one question are not independent.
Ranking rank_outcomes(std::vector<RunRecord> runs, const std::vector<OutcomeStream>& streams);

}  // namespace peira::evals
