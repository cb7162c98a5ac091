#include "abtest/breakdown.h"

#include <algorithm>
#include <cmath>

#include "stats/distributions.h"
#include "stats/multiple_comparisons.h"

namespace peira::abtest {
namespace {

void adjust(std::vector<BreakdownRow>& rows, Monitoring monitoring) {
  std::vector<double> p_values;
  std::vector<BreakdownRow*> tested;
  for (BreakdownRow& row : rows) {
    if (row.comparison.problem) continue;
    const std::optional<double> p = row.comparison.deciding_p(monitoring);
    if (!p) continue;
    p_values.push_back(*p);
    tested.push_back(&row);
  }
  const std::vector<double> adjusted = stats::benjamini_hochberg(p_values);
  for (std::size_t i = 0; i < tested.size(); ++i) tested[i]->adjusted_p = adjusted[i];
}

void append_rows(std::vector<BreakdownRow>& out, const std::string& part,
                 const std::vector<ArmInput>& arms, const std::vector<Metric>& metrics,
                 const ComparisonOptions& options) {
  for (const Metric& metric : metrics) {
    const auto data_of = [&metric](const ArmInput& arm) {
      const auto found = arm.metrics.find(metric.name);
      return found == arm.metrics.end() ? ArmData(metric.type) : found->second;
    };
    const ArmData control = data_of(arms[0]);
    for (std::size_t i = 1; i < arms.size(); ++i) {
      out.push_back({.part = part,
                     .comparison = compare(metric, arms[i].key, control, data_of(arms[i]), options),
                     .adjusted_p = {}});
    }
  }
}

}  // namespace

Breakdown::Breakdown(std::vector<ArmInput> arms, std::vector<Metric> metrics)
    : empty_(std::move(arms)) {
  for (ArmInput& arm : empty_) {
    arm.num_units = 0;
    arm.metrics.clear();
  }
  std::ranges::copy_if(metrics, std::back_inserter(metrics_),
                       [](const Metric& metric) { return metric.type != MetricType::kQuantile; });
}

std::vector<ArmInput>& Breakdown::part(const std::string& name) {
  const bool is_full = parts_.size() >= kMostParts && !parts_.contains(name);
  return parts_.try_emplace(is_full ? "(other)" : name, empty_).first->second;
}

std::vector<BreakdownRow> Breakdown::rows(const ComparisonOptions& options) const {
  std::vector<BreakdownRow> out;
  for (const auto& [name, arms] : parts_) append_rows(out, name, arms, metrics_, options);
  adjust(out, options.monitoring);
  return out;
}

std::vector<BreakdownRow> Breakdown::cumulative_rows(const ComparisonOptions& options) const {
  std::vector<BreakdownRow> out;
  std::vector<ArmInput> so_far = empty_;
  for (const auto& [name, arms] : parts_) {
    for (std::size_t i = 0; i < arms.size(); ++i) {
      so_far[i].num_units += arms[i].num_units;
      for (const auto& [metric, data] : arms[i].metrics) {
        so_far[i].metrics.try_emplace(metric, data.type()).first->second.merge(data);
      }
    }
    append_rows(out, name, so_far, metrics_, options);
  }
  return out;
}

std::vector<Interaction> interactions(const std::string& metric,
                                      const std::vector<std::string>& arms,
                                      const std::vector<std::string>& other_arms,
                                      const std::vector<std::vector<stats::Moments>>& cells) {
  std::vector<Interaction> out;
  for (std::size_t v = 1; v < arms.size(); ++v) {
    for (std::size_t w = 1; w < other_arms.size(); ++w) {
      Interaction row;
      row.metric = metric;
      row.variant = arms[v];
      row.other_variant = other_arms[w];
      double variance = 0;
      double squares = 0;  // of the parts over their degrees of freedom
      bool is_defined = true;
      for (const stats::Moments* cell : {&cells[v][w], &cells[v][0], &cells[0][w], &cells[0][0]}) {
        if (cell->count() < 2) {
          is_defined = false;
          break;
        }
        const double part = *cell->variance() / static_cast<double>(cell->count());
        variance += part;
        squares += part * part / static_cast<double>(cell->count() - 1);
      }
      if (is_defined) {
        row.estimate =
            (cells[v][w].mean() - cells[0][w].mean()) - (cells[v][0].mean() - cells[0][0].mean());
        if (variance > 0) {
          row.std_error = std::sqrt(variance);
          row.p_value =
              stats::t_p_value(*row.estimate / *row.std_error, variance * variance / squares).value;
        }
      }
      out.push_back(std::move(row));
    }
  }
  std::vector<double> p_values;
  std::vector<Interaction*> tested;
  for (Interaction& row : out) {
    if (!row.p_value) continue;
    p_values.push_back(*row.p_value);
    tested.push_back(&row);
  }
  const std::vector<double> adjusted = stats::holm(p_values);
  for (std::size_t i = 0; i < tested.size(); ++i) tested[i]->adjusted_p = adjusted[i];
  return out;
}

}  // namespace peira::abtest
