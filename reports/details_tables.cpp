#include "reports/details_tables.h"

#include <algorithm>

#include "reports/charts/histogram.h"
#include "reports/detail/text.h"
#include "reports/tables.h"

namespace peira::reports {

using detail::format_number;

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
  if (details.cost) {
    table.rows.push_back({"Cost", "", "", "", "", "", "", "",
                          format_number("%.4f", *details.cost) + " " + details.currency});
  }
  return table;
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
