#include "reports/details_tables.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "reports/charts/histogram.h"
#include "reports/detail/text.h"
#include "reports/tables.h"

namespace peira::reports {

using detail::format_number;

namespace {

// "1,234,567".
std::string grouped(std::int64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

// "0.8 s", "42 s", "12 min 5 s", "3 h 7 min".
std::string duration(double seconds) {
  if (seconds < 10) return format_number("%.1f", seconds) + " s";
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

}  // namespace

std::string dollars_text(double dollars) {
  const int decimals = dollars == 0 || dollars >= 1 ? 2 : dollars >= 0.01 ? 4 : 6;
  char text[64];
  std::snprintf(text, sizeof text, "$%.*f", decimals, dollars);
  return text;
}

Table distributions_table(const RunDetails& details) {
  Table table{
      .headers = {"", "Answers", "Mean", "Median", "p90", "p95", "p99", "Largest", "All"},
      .rows = {},
      .alignments = {Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight,
                     Align::kRight, Align::kRight, Align::kRight, Align::kRight}};
  for (const Distribution& distribution : details.distributions) {
    const auto text = [&](double value) { return quantity(value, distribution.unit); };
    table.rows.push_back({distribution.name, std::to_string(distribution.count),
                          text(distribution.mean), text(distribution.median),
                          text(distribution.p90), text(distribution.p95), text(distribution.p99),
                          text(distribution.largest),
                          text(distribution.mean * static_cast<double>(distribution.count))});
  }
  return table;
}

Table spending_table(const std::vector<evals::RunRecord>& runs,
                     const std::vector<RunDetails>& details) {
  Table table{.headers = {"Run", "Prompt tokens", "Completion tokens", "Time"},
              .rows = {},
              .alignments = {Align::kLeft, Align::kRight, Align::kRight, Align::kRight}};
  const bool has_cost = std::any_of(details.begin(), details.end(), [](const RunDetails& of_run) {
    return of_run.cost.has_value();
  });
  if (has_cost) {
    table.headers.insert(table.headers.end(), {"Cost", "Each right answer", "Prices"});
    table.alignments.insert(table.alignments.end(), 3, Align::kRight);
  }
  std::int64_t prompt = 0, completion = 0;
  double seconds = 0, dollars = 0;
  std::size_t num_priced = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const evals::RunRecord& run = runs[i];
    if (run.prompt_tokens + run.completion_tokens == 0) continue;
    prompt += run.prompt_tokens;
    completion += run.completion_tokens;
    seconds += run.wall_s;
    std::vector<std::string> row{run.suite + ", " + run.variant + ", " + run.model,
                                 grouped(run.prompt_tokens), grouped(run.completion_tokens),
                                 duration(run.wall_s)};
    const bool is_priced = i < details.size() && details[i].cost;
    if (is_priced) {
      const Cost& cost = *details[i].cost;
      ++num_priced;
      dollars += cost.dollars;
      const double right =
          run.metrics.empty()
              ? 0
              : run.metrics[0].value * static_cast<double>(run.states.total() - run.states.failed);
      row.insert(row.end(), {dollars_text(cost.dollars),
                             right >= 0.5 ? dollars_text(cost.dollars / right) : "",
                             "$" + format_number("%.4g", cost.input_price) + " in, $" +
                                 format_number("%.4g", cost.output_price) + " out"});
    } else if (has_cost) {
      row.insert(row.end(), {"no price", "", ""});
    }
    table.rows.push_back(std::move(row));
  }
  if (table.rows.size() > 1) {
    std::vector<std::string> row{"All", grouped(prompt), grouped(completion), duration(seconds)};
    if (has_cost) {
      const bool are_all = num_priced == table.rows.size();
      row.insert(row.end(), {dollars_text(dollars) +
                                 (are_all ? "" : " of " + std::to_string(num_priced) + " runs"),
                             "", ""});
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string spending_note(const std::vector<RunDetails>& details) {
  const bool has_cost = std::any_of(details.begin(), details.end(), [](const RunDetails& of_run) {
    return of_run.cost.has_value();
  });
  return has_cost ? "Prices in dollars a million tokens; answers from the response cache cost "
                    "nothing, and what failed attempts cost is not known"
                  : "Tokens read and written, and time from a run's begin to its end";
}

Table failures_table(const RunDetails& details) {
  Table table{.headers = {"Reason", "Answers", "Questions"},
              .rows = {},
              .alignments = {Align::kLeft, Align::kRight, Align::kLeft}};
  for (const FailureGroup& group : details.failures) {
    std::string ids;
    for (const std::string& id : group.sample_ids) ids += (ids.empty() ? "" : ", ") + id;
    if (static_cast<std::int64_t>(group.sample_ids.size()) < group.count) ids += " ...";
    table.rows.push_back({group.reason, std::to_string(group.count), ids});
  }
  return table;
}

Table calibration_table(const Calibration& calibration) {
  Table table{.headers = {"Stated confidence", "Right", "Gap, points", "Answers"},
              .rows = {},
              .alignments = {Align::kRight, Align::kRight, Align::kRight, Align::kRight}};
  for (const stats::CalibrationBin& bin : calibration.error.bins) {
    table.rows.push_back({percent(bin.mean_confidence), percent(bin.accuracy),
                          format_number("%+.1f", 100 * (bin.accuracy - bin.mean_confidence)),
                          std::to_string(bin.count)});
  }
  return table;
}

std::string calibration_sentence(const Calibration& calibration) {
  std::string text = "Confidence is the " + calibration.source +
                     ". Expected calibration error (ECE) " + percent(calibration.error.expected);
  const auto interval = [](const stats::Interval& of) {
    return " (95 % CI " + format_number("%.1f", 100 * of.low) + " to " +
           format_number("%.1f", 100 * of.high) + ")";
  };
  if (calibration.interval) text += interval(calibration.interval->expected);
  text += ", root mean square " + percent(calibration.error.root_mean_square);
  if (calibration.interval) text += interval(calibration.interval->root_mean_square);
  text += ", largest gap of a bin " + percent(calibration.error.largest) + ", Brier score " +
          format_number("%.3f", calibration.brier);
  if (calibration.auroc) {
    text += "; a right answer is the surer one of a right and a wrong in " +
            percent(*calibration.auroc) + " of pairs (AUROC)";
  }
  return text + ".";
}

Table samples_table(const SampleSection& section, std::size_t max_rows) {
  Table table{.headers = {"Question", "Outcome"}, .rows = {}, .alignments = {}};
  const bool is_pair = section.labels.size() > 1;
  if (!section.restricted) {
    if (is_pair) {
      table.headers.insert(table.headers.end(), {"Answer of A", "Answer of B", "Gold"});
    } else {
      table.headers.insert(table.headers.end(), {"Answer", "Gold", "Why"});
    }
  }
  for (const SampleStory& sample : section.samples) {
    if (table.rows.size() == max_rows) break;
    std::vector<std::string> row{sample.id, outcome_of(sample)};
    if (!section.restricted) {
      std::string gold, why;
      for (const SampleSide& side : sample.sides) {
        std::string said = side.answers.empty() ? "(not asked)" : "";
        for (const AnswerStory& answer : side.answers) {
          said += (said.empty() ? "" : ", ") +
                  (answer.score.answer.empty()
                       ? "(" + std::string(evals::to_string(answer.score.state)) + ")"
                       : detail::shorten(answer.score.answer, 60));
          if (gold.empty()) gold = detail::shorten(answer.gold, 60);
          if (why.empty()) {
            why = answer.failure.empty() ? answer.score.why : "failed: " + answer.failure;
          }
        }
        row.push_back(detail::shorten(said, 120));
      }
      row.push_back(gold);
      if (!is_pair) row.push_back(detail::shorten(why, 160));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table series_table(const evals::SeriesReport& series) {
  Table table{
      .headers = {"Night", "Value (95 % CI)", "Limits", "Verdict", "What was said"},
      .rows = {},
      .alignments = {Align::kLeft, Align::kRight, Align::kRight, Align::kLeft, Align::kLeft}};
  for (auto night = series.nights.rbegin(); night != series.nights.rend(); ++night) {
    std::string value = night->num_questions > 0 ? percent(night->estimate) : "";
    if (night->low && night->high) {
      value += " (" + format_number("%.1f", 100 * *night->low) + " to " +
               format_number("%.1f", 100 * *night->high) + ")";
    }
    std::string limits;
    if (night->limit_low && night->limit_high) {
      limits = format_number("%.1f", 100 * *night->limit_low) + " to " +
               format_number("%.1f", 100 * *night->limit_high);
    }
    table.rows.push_back(
        {night->night, value, limits, std::string(to_string(night->verdict)), night->sentence});
  }
  return table;
}

}  // namespace peira::reports
