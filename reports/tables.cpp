#include "reports/tables.h"

#include <algorithm>

#include "evals/comparison.h"
#include "reports/detail/text.h"
#include "reports/report.h"

namespace peira::reports {
namespace {

using detail::format_number;

std::string count(std::int64_t n) { return std::to_string(n); }

std::string samples_text(const evals::RunRecord& run) {
  const std::int64_t samples =
      run.epochs > 0 ? (run.states.total() + run.epochs - 1) / run.epochs : run.states.total();
  std::string text = count(samples);
  if (run.epochs > 1) text += " x " + count(run.epochs);
  if (run.limited) text += " (limited)";
  return text;
}

std::string status_text(const evals::RunRecord& run) {
  if (!run.complete) return "incomplete";
  if (!run.decision || !run.decision->stopped_early()) return "complete";
  return "stopped at " + count(run.decision->num_used) + " of " +
         count(run.decision->num_questions);
}

std::string flip_answer(const std::string& answer, evals::AnswerState state) {
  if (!answer.empty()) return detail::shorten(answer, 60);
  return "(" + std::string(to_string(state)) + ")";
}

std::string optional_number(const char* pattern, std::optional<double> value) {
  return value ? format_number(pattern, *value) : "";
}

}  // namespace

std::string percent(double share) { return format_number("%.1f", 100 * share) + " %"; }

std::string interval_text(const evals::Metric& metric) {
  if (!metric.low || !metric.high) return "";
  return format_number("%.1f", 100 * *metric.low) + " to " +
         format_number("%.1f", 100 * *metric.high);
}

std::string score_text(const evals::Metric& metric) {
  if (metric.num_samples == 0) return "none";
  const std::string interval = interval_text(metric);
  return percent(metric.value) + (interval.empty() ? "" : " (" + interval + ")");
}

std::string interval_method(const std::string& interval) {
  if (interval == "wilson") return "Wilson score interval";
  if (interval == "clustered-t") return "clustered standard error, t interval";
  if (interval == "wilson-clusters") {
    return "Wilson score interval on the number of clusters (nothing varies between them)";
  }
  if (interval == "miettinen-nurminen") return "Miettinen-Nurminen score interval";
  if (interval == "tango") return "Tango score interval for paired proportions";
  return interval;
}

Table runs_table(const std::vector<evals::RunRecord>& runs) {
  Table table{
      .headers = {"Suite", "Profile", "Variant", "Model", "Questions", "Metric", "Score (95 % CI)",
                  "Unparsed", "Truncated", "Empty", "Refused", "Failed", "Status"},
      .rows = {},
      .alignments = {Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft, Align::kRight,
                     Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight,
                     Align::kRight, Align::kRight, Align::kLeft}};
  for (const evals::RunRecord& run : runs) {
    const evals::Metric headline = run.metrics.empty() ? evals::Metric() : run.metrics[0];
    table.rows.push_back({run.suite, run.profile, run.variant, run.model, samples_text(run),
                          headline.name, score_text(headline), count(run.states.unparsed),
                          count(run.states.truncated), count(run.states.empty),
                          count(run.states.refused), count(run.states.failed), status_text(run)});
  }
  return table;
}

Table suites_by_models_table(const std::vector<evals::RunRecord>& runs) {
  Table table{.headers = {"Suite"}, .rows = {}, .alignments = {Align::kLeft}};
  std::vector<std::string> columns;
  const auto place_of = [](std::vector<std::string>& names, const std::string& name) {
    const auto found = std::find(names.begin(), names.end(), name);
    const auto place = static_cast<std::size_t>(found - names.begin());
    if (found == names.end()) names.push_back(name);
    return place;
  };
  std::vector<std::string> suites;
  for (const evals::RunRecord& run : runs) place_of(columns, run.model + ", " + run.variant);
  for (const std::string& column : columns) {
    table.headers.push_back(column);
    table.alignments.push_back(Align::kRight);
  }
  for (const evals::RunRecord& run : runs) {
    const std::size_t row = place_of(suites, run.suite + ", " + run.profile);
    if (row == table.rows.size()) {
      table.rows.emplace_back(columns.size() + 1);
      table.rows.back()[0] = suites.back();
    }
    const std::size_t column = place_of(columns, run.model + ", " + run.variant);
    table.rows[row][column + 1] =
        score_text(run.metrics.empty() ? evals::Metric() : run.metrics[0]) +
        (run.complete ? "" : " incomplete");
  }
  return table;
}

Table metrics_table(const evals::RunRecord& run) {
  Table table{.headers = {"Metric", "Value", "95 % CI", "Std. error", "n", "Interval"},
              .rows = {},
              .alignments = {Align::kLeft, Align::kRight, Align::kRight, Align::kRight,
                             Align::kRight, Align::kLeft}};
  for (const evals::Metric& metric : run.metrics) {
    std::string n = count(metric.num_samples);
    if (metric.num_clusters > 0 && metric.num_clusters < metric.num_samples) {
      n += " in " + count(metric.num_clusters) + " clusters";
    }
    table.rows.push_back({metric.name, metric.num_samples == 0 ? "none" : percent(metric.value),
                          interval_text(metric),
                          metric.std_error ? format_number("%.2f", 100 * *metric.std_error) : "", n,
                          interval_method(metric.interval)});
  }
  return table;
}

std::vector<std::string> breakdown_fields(const evals::RunRecord& run) {
  std::vector<std::string> fields;
  for (const evals::BreakdownRow& row : run.breakdowns) {
    if (std::find(fields.begin(), fields.end(), row.field) == fields.end()) {
      fields.push_back(row.field);
    }
  }
  return fields;
}

Table breakdown_table(const evals::RunRecord& run, const std::string& field) {
  Table table{.headers = {field, "n", "Score (95 % CI)", "Unparsed", "Truncated", "Failed"},
              .rows = {},
              .alignments = {Align::kLeft, Align::kRight, Align::kRight, Align::kRight,
                             Align::kRight, Align::kRight}};
  for (const evals::BreakdownRow& row : run.breakdowns) {
    if (row.field != field) continue;
    table.rows.push_back({row.value.empty() ? "(none)" : row.value, count(row.accuracy.num_samples),
                          score_text(row.accuracy), count(row.states.unparsed),
                          count(row.states.truncated), count(row.states.failed)});
  }
  return table;
}

Table comparison_table(const evals::Comparison& comparison, std::optional<double> holm_p) {
  Table table{.headers = {"Figure", "Value"}, .rows = {}, .alignments = {}};
  const auto add = [&table](const std::string& name, const std::string& value) {
    if (!value.empty()) table.rows.push_back({name, value});
  };
  const auto points = [](std::optional<double> share) {
    return share ? format_number("%.1f", 100 * *share) + " points" : std::string();
  };
  std::string pairs = count(comparison.num_pairs);
  if (comparison.num_clusters < comparison.num_pairs) {
    pairs += " in " + count(comparison.num_clusters) + " clusters";
  }
  if (comparison.paired) add("Questions in both", pairs);
  add("Score of A", score_text(comparison.score_a));
  add("Score of B", score_text(comparison.score_b));
  if (comparison.has_difference()) {
    std::string difference = format_number("%+.1f", 100 * comparison.difference) + " points";
    if (comparison.low && comparison.high) {
      difference += " (95 % CI " + format_number("%+.1f", 100 * *comparison.low) + " to " +
                    format_number("%+.1f", 100 * *comparison.high) + ")";
    }
    add("Difference, B - A", difference);
  }
  add("Interval", interval_method(comparison.interval));
  add("Standard error", points(comparison.std_error));
  if (comparison.p_value) {
    std::string text = evals::p_value_text(*comparison.p_value);
    if (comparison.df) text += " (t, " + format_number("%.4g", *comparison.df) + " df)";
    add(comparison.paired ? "Paired t test" : "Test, unpaired", text);
  }
  if (comparison.permutation_p) {
    add("Exact permutation of clusters", evals::p_value_text(*comparison.permutation_p));
  }
  if (comparison.mcnemar_p) add("Exact McNemar test", evals::p_value_text(*comparison.mcnemar_p));
  if (comparison.mcnemar_mid_p) {
    add("McNemar, mid-p", evals::p_value_text(*comparison.mcnemar_mid_p));
  }
  if (comparison.tango_low && comparison.tango_high && comparison.interval != "tango") {
    add("Tango score interval", format_number("%+.1f", 100 * *comparison.tango_low) + " to " +
                                    format_number("%+.1f", 100 * *comparison.tango_high));
  }
  if (holm_p) add("After Holm's correction", evals::p_value_text(*holm_p));
  std::string effect = optional_number("%.2f", comparison.effect_size);
  if (comparison.effect_low && comparison.effect_high) {
    effect += " (95 % CI " + format_number("%.2f", *comparison.effect_low) + " to " +
              format_number("%.2f", *comparison.effect_high) + ")";
  }
  add("Effect size, Cohen's d_z", effect);
  add("Correlation of A and B", optional_number("%.2f", comparison.correlation));
  add("Difference found 4 times in 5", points(comparison.detectable));
  if (comparison.variance) {
    const evals::VarianceParts& parts = *comparison.variance;
    if (const std::optional<double> share = parts.sampling_share()) {
      add("Variance: questions, sampling", format_number("%.0f", 100 * (1 - *share)) + " %, " +
                                               format_number("%.0f", 100 * *share) + " %");
      add("Standard error, endless epochs", points(parts.std_error_endless));
      add("Standard error, one epoch", points(parts.std_error_single));
    }
    if (comparison.num_clusters < comparison.num_pairs) {
      add("Design effect of the clusters", format_number("%.2f", parts.design_effect));
    }
  }
  if (comparison.equivalence) {
    add("Equivalent within " + format_number("%.1f", 100 * comparison.equivalence->margin),
        std::string(evals::to_string(comparison.equivalence->outcome)) + ", " +
            evals::p_value_text(comparison.equivalence->p));
  }
  if (comparison.no_worse) {
    add("No worse by " + format_number("%.1f", 100 * comparison.no_worse->margin),
        std::string(evals::to_string(comparison.no_worse->outcome)) + ", " +
            evals::p_value_text(comparison.no_worse->p));
  }
  if (comparison.num_pairs > 0) {
    add(comparison.binary ? "Flipped to right" : "Higher in B", count(comparison.to_right));
    add(comparison.binary ? "Flipped to wrong" : "Lower in B", count(comparison.to_wrong));
  }
  if (comparison.failed_pairs > 0) add("Left out, failed", count(comparison.failed_pairs));
  if (comparison.only_in_a > 0) add("Only in A", count(comparison.only_in_a));
  if (comparison.only_in_b > 0) add("Only in B", count(comparison.only_in_b));
  return table;
}

Table ranking_table(const evals::Ranking& ranking) {
  Table table{.headers = {"Rank", "Run", "Variant", "Model", "Score (95 % CI)", "Elo",
                          "Strength (95 % CI)", "Rank may be"},
              .rows = {},
              .alignments = {Align::kRight, Align::kLeft, Align::kLeft, Align::kLeft, Align::kRight,
                             Align::kRight, Align::kRight, Align::kRight}};
  for (const evals::RankedRun& ranked : ranking.ranked) {
    const evals::RunRecord& run = ranking.runs[ranked.run];
    const std::string best = std::to_string(ranked.best_rank);
    table.rows.push_back({std::to_string(table.rows.size() + 1), run.run_id, run.variant, run.model,
                          score_text(ranked.score), format_number("%.0f", ranked.elo),
                          format_number("%+.2f", ranked.strength) + " (" +
                              format_number("%+.2f", ranked.low) + " to " +
                              format_number("%+.2f", ranked.high) + ")",
                          ranked.best_rank == ranked.worst_rank
                              ? best
                              : best + " to " + std::to_string(ranked.worst_rank)});
  }
  return table;
}

Table ranking_pairs_table(const evals::Ranking& ranking) {
  Table table{
      .headers = {"A", "B", "B - A, points (95 % CI)", "p", "p, Holm", "p, BH", "B won", "A won",
                  "Equal"},
      .rows = {},
      .alignments = {Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kRight,
                     Align::kRight, Align::kRight, Align::kRight, Align::kRight}};
  const auto p_text = [](const std::optional<double>& p) {
    if (!p) return std::string();
    return *p < 0.001 ? std::string("< 0.001") : format_number("%.3f", *p);
  };
  for (const evals::RankedPair& pair : ranking.pairs) {
    std::string difference = format_number("%+.1f", 100 * pair.difference);
    if (pair.low && pair.high) {
      difference += " (" + format_number("%+.1f", 100 * *pair.low) + " to " +
                    format_number("%+.1f", 100 * *pair.high) + ")";
    }
    table.rows.push_back({ranking.runs[pair.i].run_id, ranking.runs[pair.j].run_id, difference,
                          p_text(pair.p), p_text(pair.holm_p), p_text(pair.bh_p),
                          count(pair.wins_j), count(pair.wins_i), count(pair.ties)});
  }
  return table;
}

Table flips_table(const evals::Comparison& comparison, std::size_t max_flips) {
  const bool restricted = comparison.a.restricted || comparison.b.restricted;
  Table table{.headers = {"Question", "A", "B", "Change"},
              .rows = {},
              .alignments = {Align::kLeft, Align::kRight, Align::kRight, Align::kLeft}};
  if (!restricted) {
    table.headers.insert(table.headers.end(), {"Answer of A", "Answer of B", "Gold"});
  }
  for (const evals::Flip& flip : comparison.flips) {
    if (table.rows.size() == max_flips) break;
    const bool better = flip.value_b > flip.value_a;
    const auto score = [&](double value) {
      return comparison.binary ? std::string(value == 1 ? "right" : "wrong") : percent(value);
    };
    std::vector<std::string> row{
        flip.sample_id, score(flip.value_a), score(flip.value_b),
        comparison.binary ? (better ? "to right" : "to wrong") : (better ? "higher" : "lower")};
    if (!restricted) {
      row.push_back(flip_answer(flip.answer_a, flip.state_a));
      row.push_back(flip_answer(flip.answer_b, flip.state_b));
      row.push_back(detail::shorten(flip.gold, 60));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace peira::reports
