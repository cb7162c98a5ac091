#include "evals/ranking.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <span>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "evals/comparison_text.h"
#include "evals/score_mean.h"
#include "stats/bradley_terry.h"
#include "stats/distributions.h"
#include "stats/multiple_comparisons.h"
#include "stats/paired_tests.h"
#include "stats/rank_anova.h"

namespace peira::evals {
namespace {

constexpr double kSameScore = 1e-12;
constexpr double kRidge = 1e-3;

struct Question {
  std::string id, cluster;
  std::vector<double> scores;  // [runs], NaN where there is no answer
};

// The questions of all runs, in the order in which they first come.
std::vector<Question> read_questions(const std::vector<RunRecord>& runs,
                                     const std::vector<OutcomeStream>& streams) {
  std::vector<Question> questions;
  std::unordered_map<std::string, std::size_t> index;
  for (std::size_t run = 0; run < streams.size(); ++run) {
    std::int64_t row = -1;
    int epoch = -1;
    double sum = 0;
    std::int64_t answers = 0;
    std::size_t at = 0;
    const auto close = [&] {
      if (answers > 0) questions[at].scores[run] = sum / static_cast<double>(answers);
      sum = 0;
      answers = 0;
    };
    while (const std::optional<SampleOutcome> outcome = streams[run]()) {
      if (outcome->row < row || (outcome->row == row && outcome->epoch <= epoch)) {
        throw Error(ErrorCode::kData,
                    "run " + runs[run].run_id + ": row " + std::to_string(outcome->row) +
                        " comes out of order: outcomes must be in order, each once");
      }
      if (outcome->row != row) {
        close();
        const auto [found, is_new] = index.emplace(outcome->sample_id, questions.size());
        at = found->second;
        if (is_new) {
          questions.push_back(
              {outcome->sample_id, outcome->cluster,
               std::vector<double>(runs.size(), std::numeric_limits<double>::quiet_NaN())});
        }
      }
      row = outcome->row;
      epoch = outcome->epoch;
      if (outcome->score.state == AnswerState::kFailed) continue;
      sum += outcome->score.value;
      ++answers;
    }
    close();
  }
  return questions;
}

RankedPair compare_pair(const std::vector<Question>& questions, std::size_t i, std::size_t j) {
  RankedPair pair;
  pair.i = i;
  pair.j = j;
  ClusteredValues differences;
  for (const Question& question : questions) {
    double difference = question.scores[j] - question.scores[i];
    if (std::abs(difference) < kSameScore) difference = 0;
    ++(difference > 0 ? pair.wins_j : difference < 0 ? pair.wins_i : pair.ties);
    differences.add(cluster_key(question.cluster, question.id), difference);
  }
  const stats::ClusteredMean mean = differences.mean();
  const stats::MeanEstimate estimate = mean.estimate();
  pair.difference = estimate.mean;
  pair.std_error = estimate.std_error;
  if (estimate.std_error.value_or(0) > kSameScore) {
    const stats::TTest test = stats::paired_t_test(mean);
    pair.p = test.p.value;
    pair.low = std::max(-1.0, test.interval.low);
    pair.high = std::min(1.0, test.interval.high);
  } else if (pair.wins_i + pair.wins_j == 0) {
    pair.p = 1;
  }
  return pair;
}

// Strengths, and their intervals from the sandwich clustered by question.
void fit_strengths(Ranking& ranking, const std::vector<Question>& questions) {
  const std::size_t k = ranking.runs.size();
  std::vector<stats::Battles> battles;
  for (const RankedPair& pair : ranking.pairs) {
    battles.push_back({.i = pair.i,
                       .j = pair.j,
                       .wins_i = static_cast<double>(pair.wins_i),
                       .wins_j = static_cast<double>(pair.wins_j),
                       .ties = static_cast<double>(pair.ties)});
  }
  stats::BradleyTerry fit;
  try {
    fit = stats::bradley_terry(battles, k);
  } catch (const Error& failure) {
    if (!std::string(failure.what()).starts_with("SeparatedData")) throw;
    fit = stats::bradley_terry(battles, k, {.reference = 0, .ridge = kRidge});
    ranking.penalised = true;
  }
  // Scores of each cluster: sum over its battles of (outcome - p) to one, less that to the other.
  std::vector<double> meat(k * k, 0);
  const auto add_outer = [&](const std::vector<double>& g) {
    for (std::size_t i = 0; i < k; ++i) {
      for (std::size_t j = 0; j < k; ++j) meat[i * k + j] += g[i] * g[j];
    }
  };
  std::map<std::string, std::vector<double>, std::less<>> clusters;
  std::vector<double> g(k);
  for (const Question& question : questions) {
    std::fill(g.begin(), g.end(), 0.0);
    for (std::size_t i = 0; i < k; ++i) {
      for (std::size_t j = i + 1; j < k; ++j) {
        const double gap = question.scores[i] - question.scores[j];
        const double outcome = std::abs(gap) < kSameScore ? 0.5 : gap > 0 ? 1 : 0;
        const double score = outcome - 1 / (1 + std::exp(fit.strengths[j] - fit.strengths[i]));
        g[i] += score;
        g[j] -= score;
      }
    }
    const std::string_view key = cluster_key(question.cluster, question.id);
    if (key.empty()) {
      add_outer(g);
      continue;
    }
    auto found = clusters.find(key);
    if (found == clusters.end()) {
      found = clusters.emplace(std::string(key), std::vector<double>(k, 0)).first;
    }
    for (std::size_t i = 0; i < k; ++i) found->second[i] += g[i];
  }
  for (const auto& [name, sum] : clusters) add_outer(sum);

  const double z = stats::normal_quantile(0.975);
  std::vector<stats::Interval> intervals(k);
  const std::vector<double>& bread = fit.model_covariance;
  for (std::size_t r = 0; r < k; ++r) {
    double variance = 0;
    for (std::size_t i = 0; i < k; ++i) {
      for (std::size_t j = 0; j < k; ++j) {
        variance += bread[r * k + i] * meat[i * k + j] * bread[j * k + r];
      }
    }
    const double half_width = z * std::sqrt(std::max(variance, 0.0));
    intervals[r] = {fit.centred_strengths[r] - half_width, fit.centred_strengths[r] + half_width};
  }
  const std::vector<stats::RankInterval> ranks = stats::rank_intervals(intervals);
  for (RankedRun& ranked : ranking.ranked) {
    const std::size_t r = ranked.run;
    ranked.strength = fit.centred_strengths[r];
    ranked.elo = fit.elo[r];
    ranked.low = intervals[r].low;
    ranked.high = intervals[r].high;
    ranked.best_rank = ranks[r].best;
    ranked.worst_rank = ranks[r].worst;
  }
}

void adjust(std::vector<RankedPair>& pairs) {
  std::vector<double> p_values;
  for (const RankedPair& pair : pairs) {
    if (pair.p) p_values.push_back(*pair.p);
  }
  const std::vector<double> holm = stats::holm(p_values);
  const std::vector<double> bh = stats::benjamini_hochberg(p_values);
  std::size_t next = 0;
  for (RankedPair& pair : pairs) {
    if (!pair.p) continue;
    pair.holm_p = holm[next];
    pair.bh_p = bh[next++];
  }
}

std::string verdict_of(const Ranking& ranking) {
  const RankedRun& best = ranking.ranked[0];
  const auto name = [&](const RankedRun& ranked) {
    return "run " + ranking.runs[ranked.run].run_id;
  };
  std::size_t told = 0;
  for (const RankedPair& pair : ranking.pairs) told += pair.holm_p.value_or(1) < 0.05 ? 1 : 0;
  std::string text = ranking.p < 0.05 ? "The " : "No difference shown among the ";
  text += std::to_string(ranking.runs.size()) + " runs" + (ranking.p < 0.05 ? " differ" : "") +
          " (" + ranking.test + ", " + p_value_text(ranking.p) + ", " +
          count_text(ranking.num_questions, "question", "questions") + "). ";
  text += "Highest is " + name(best) + " with " + points_text(best.score.value) + " %, then " +
          name(ranking.ranked[1]) + " with " + points_text(ranking.ranked[1].score.value) + " %; ";
  text += std::to_string(told) + " of " +
          count_text(static_cast<std::int64_t>(ranking.pairs.size()), "pair", "pairs") +
          " differ after Holm's correction.";
  if (ranking.left_out > 0) {
    text += " Left out: " + count_text(ranking.left_out, "question", "questions") +
            " not answered in every run.";
  }
  for (const RunRecord& run : ranking.runs) {
    if (run.decision && run.decision->stopped_early()) {
      text += " Run " + run.run_id +
              " was stopped early: its comparison is not protected against that.";
    } else if (!run.complete) {
      text += " Run " + run.run_id + " is incomplete.";
    }
  }
  return text;
}

}  // namespace

Ranking rank_outcomes(std::vector<RunRecord> runs, const std::vector<OutcomeStream>& streams) {
  if (runs.size() < 3 || streams.size() != runs.size()) {
    throw Error(ErrorCode::kUsage, "a ranking is of three runs or more");
  }
  for (const RunRecord& run : runs) {
    if (run.suite != runs[0].suite) {
      throw Error(ErrorCode::kUsage, "run " + runs[0].run_id + " is of suite " + runs[0].suite +
                                         ", run " + run.run_id + " of " + run.suite +
                                         ": only runs of one suite compare");
    }
  }
  Ranking ranking;
  ranking.runs = std::move(runs);
  const std::size_t k = ranking.runs.size();
  std::vector<Question> questions = read_questions(ranking.runs, streams);
  const auto is_partial = [](const Question& question) {
    return std::any_of(question.scores.begin(), question.scores.end(),
                       [](double score) { return std::isnan(score); });
  };
  ranking.left_out = static_cast<std::int64_t>(std::erase_if(questions, is_partial));
  ranking.num_questions = static_cast<std::int64_t>(questions.size());
  if (questions.empty()) {
    ranking.verdict = "Nothing can be compared: no question was answered in every run.";
    return ranking;
  }

  std::vector<ScoreMean> means(k);
  std::vector<double> table;
  table.reserve(questions.size() * k);
  for (const Question& question : questions) {
    for (std::size_t run = 0; run < k; ++run) {
      means[run].add(cluster_key(question.cluster, question.id), question.scores[run]);
      table.push_back(question.scores[run]);
    }
  }
  ranking.binary = std::all_of(means.begin(), means.end(),
                               [](const ScoreMean& mean) { return mean.is_binary(); });
  if (ranking.binary) {
    const stats::CochranQ test = stats::cochran_q(table, k);
    ranking.test = "Cochran's Q";
    ranking.statistic = test.q;
    ranking.df = test.df;
    ranking.p = test.p.value;
  } else {
    const stats::Friedman test = stats::friedman_test(table, k);
    ranking.test = "Friedman's test";
    ranking.statistic = test.chi_squared;
    ranking.df = test.df;
    ranking.p = test.p.value;
  }
  for (std::size_t run = 0; run < k; ++run) {
    RankedRun ranked;
    ranked.run = run;
    ranked.score = means[run].metric("score");
    ranking.num_clusters = ranked.score.num_clusters;
    ranking.ranked.push_back(std::move(ranked));
  }
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = i + 1; j < k; ++j) ranking.pairs.push_back(compare_pair(questions, i, j));
  }
  adjust(ranking.pairs);
  fit_strengths(ranking, questions);
  std::stable_sort(
      ranking.ranked.begin(), ranking.ranked.end(),
      [](const RankedRun& x, const RankedRun& y) { return x.score.value > y.score.value; });
  ranking.verdict = verdict_of(ranking);
  return ranking;
}

}  // namespace peira::evals
