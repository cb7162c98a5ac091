#include "runner/experiment_content.h"

#include <ctime>
#include <utility>

namespace peira::runner {
namespace {

std::string segment_of(const Json& attributes, const std::string& name) {
  if (!attributes.is_object() || !attributes.contains(name)) return "(none)";
  const Json& value = attributes[name];
  return value.is_string() ? value.get<std::string>() : dump_json(value);
}

}  // namespace

std::vector<abtest::ArmInput> arms_of(const abtest::Experiment& experiment) {
  std::vector<abtest::ArmInput> arms;
  for (const abtest::Variant& variant : experiment.variants) {
    arms.push_back({.key = variant.key, .weight = static_cast<double>(variant.share)});
  }
  return arms;
}

abtest::AnalysisOptions analysis_options(const abtest::Experiment& experiment,
                                         const ExperimentView& view) {
  abtest::AnalysisOptions options;
  options.comparison.monitoring = experiment.monitoring;
  options.comparison.alpha = experiment.alpha;
  options.comparison.tuning_n = experiment.tuning_n;
  options.comparison.looks = view.looks;
  options.comparison.is_last_look = view.is_last_look;
  if (view.is_last_look && view.looks.empty()) options.comparison.looks = {1.0};
  return options;
}

ExperimentParts break_down(const abtest::ExperimentStore& store,
                           const abtest::Experiment& experiment, const ExperimentView& view) {
  ExperimentParts parts;
  if (view.segment.empty() && !view.by_day) return parts;
  const abtest::ComparisonOptions options = analysis_options(experiment, view).comparison;
  abtest::Breakdown segments(arms_of(experiment), experiment.metrics);
  abtest::Breakdown days(arms_of(experiment), experiment.metrics);
  store.read_units(experiment, view.phase, false, [&](const abtest::ExposedUnit& unit) {
    const auto into = [&](std::vector<abtest::ArmInput>& arms) {
      ++arms[unit.variant].num_units;
      abtest::add_unit(arms, experiment.metrics, unit);
    };
    if (!view.segment.empty()) {
      into(segments.part(segment_of(unit.attributes, view.segment)));
    }
    if (view.by_day) into(days.part(date_of_ms(unit.exposed_ms)));
  });
  if (!view.segment.empty()) parts.segments = segments.rows(options);
  if (view.by_day) {
    parts.days = days.rows(options);
    parts.cumulative = days.cumulative_rows(options);
  }
  return parts;
}

reports::ExperimentReport experiment_report(const abtest::ExperimentStore& store,
                                            const std::string& id, const ExperimentView& view) {
  const abtest::Experiment experiment = store.get(id);
  reports::ExperimentReport report;
  report.id = experiment.id;
  report.analysis =
      abtest::analyze(store.read_input(experiment, view.phase), analysis_options(experiment, view));
  ExperimentParts parts = break_down(store, experiment, view);
  report.segment = view.segment;
  report.segments = std::move(parts.segments);
  report.days = std::move(parts.days);
  report.cumulative = std::move(parts.cumulative);
  return report;
}

std::string date_of_ms(std::int64_t ms) {
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &tm);
  return text;
}

}  // namespace peira::runner
