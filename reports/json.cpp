#include "reports/json.h"

#include <cmath>
#include <optional>

#include "evals/comparison.h"
#include "evals/stop_rule.h"
#include "reports/detail/json_number.h"
#include "reports/details_json.h"
#include "reports/gate.h"

namespace peira::reports {
namespace {

using detail::number;

OrderedJson text_or_null(const std::string& text) {
  return text.empty() ? OrderedJson(nullptr) : OrderedJson(text);
}

// What identifies a run inside a comparison; the whole of it stands under "runs".
OrderedJson arm_json(const evals::RunRecord& run, const evals::Metric& score) {
  return {{"run_id", run.run_id},     {"suite", run.suite},     {"profile", run.profile},
          {"variant", run.variant},   {"model", run.model},     {"method", run.method},
          {"complete", run.complete}, {"score", to_json(score)}};
}

OrderedJson variance_json(const std::optional<evals::VarianceParts>& parts) {
  if (!parts) return nullptr;
  return {{"observed", number(parts->observed)},
          {"questions", number(parts->questions)},
          {"sampling_a", number(parts->sampling_a)},
          {"sampling_b", number(parts->sampling_b)},
          {"epochs_a", number(parts->epochs_a)},
          {"epochs_b", number(parts->epochs_b)},
          {"sampling_share", number(parts->sampling_share())},
          {"design_effect", number(parts->design_effect)},
          {"std_error_endless_epochs", number(parts->std_error_endless)},
          {"std_error_one_epoch", number(parts->std_error_single)}};
}

OrderedJson margin_json(const std::optional<evals::MarginTest>& test) {
  if (!test) return nullptr;
  return {{"margin", number(test->margin)},
          {"p_value", number(test->p)},
          {"low_90", number(test->low)},
          {"high_90", number(test->high)},
          {"outcome", evals::to_string(test->outcome)}};
}

}  // namespace

OrderedJson to_json(const evals::Metric& metric) {
  const bool is_known = metric.num_samples > 0;
  return {{"name", metric.name},
          {"value", is_known ? number(metric.value) : OrderedJson(nullptr)},
          {"std_error", number(metric.std_error)},
          {"low", number(metric.low)},
          {"high", number(metric.high)},
          {"confidence", 0.95},
          {"interval", text_or_null(metric.interval)},
          {"num_samples", metric.num_samples},
          {"num_clusters", metric.num_clusters}};
}

OrderedJson to_json(const evals::StateCounts& states) {
  return {{"scored", states.scored},       {"unparsed", states.unparsed},
          {"truncated", states.truncated}, {"empty", states.empty},
          {"refused", states.refused},     {"failed", states.failed},
          {"guessed", states.guessed},     {"major_flag", states.major_flag},
          {"total", states.total()}};
}

OrderedJson to_json(const evals::RunRecord& run) {
  OrderedJson metrics = OrderedJson::array();
  for (const evals::Metric& metric : run.metrics) metrics.push_back(to_json(metric));
  OrderedJson breakdowns = OrderedJson::array();
  for (const evals::BreakdownRow& row : run.breakdowns) {
    breakdowns.push_back({{"field", row.field},
                          {"value", row.value},
                          {"accuracy", to_json(row.accuracy)},
                          {"states", to_json(row.states)}});
  }
  return {{"run_id", run.run_id},
          {"suite", run.suite},
          {"profile", run.profile},
          {"variant", run.variant},
          {"model", run.model},
          {"method", run.method},
          {"dataset", run.dataset},
          {"sample_data", is_sample_data(run)},
          {"epochs", run.epochs},
          {"seed", run.seed},
          {"limited", run.limited},
          {"restricted", run.restricted},
          {"complete", run.complete},
          {"incomplete_reason", text_or_null(incomplete_reason(run))},
          {"expected_answers", run.expected_answers},
          {"states", to_json(run.states)},
          {"metrics", metrics},
          {"breakdowns", breakdowns},
          {"warnings", run.warnings},
          {"started_at", text_or_null(run.started_at)},
          {"finished_at", text_or_null(run.finished_at)},
          {"wall_s", number(run.wall_s)},
          {"prompt_tokens", run.prompt_tokens},
          {"completion_tokens", run.completion_tokens},
          {"decision",
           run.decision ? OrderedJson(evals::to_json(*run.decision)) : OrderedJson(nullptr)},
          {"manifest", publishable_manifest(run)},
          {"reproduce", reproduce_command(run)}};
}

OrderedJson to_json(const evals::Comparison& comparison) {
  const bool restricted = comparison.a.restricted || comparison.b.restricted;
  OrderedJson flips = OrderedJson::array();
  for (const evals::Flip& flip : comparison.flips) {
    OrderedJson row{{"id", flip.sample_id},
                    {"value_a", number(flip.value_a)},
                    {"value_b", number(flip.value_b)},
                    {"state_a", to_string(flip.state_a)},
                    {"state_b", to_string(flip.state_b)}};
    if (!restricted) {
      row["answer_a"] = flip.answer_a;
      row["answer_b"] = flip.answer_b;
      row["gold"] = flip.gold;
    }
    flips.push_back(std::move(row));
  }
  return {{"verdict", comparison.verdict},
          {"a", arm_json(comparison.a, comparison.score_a)},
          {"b", arm_json(comparison.b, comparison.score_b)},
          {"varied", comparison.varied},
          {"num_pairs", comparison.num_pairs},
          {"num_clusters", comparison.num_clusters},
          {"only_in_a", comparison.only_in_a},
          {"only_in_b", comparison.only_in_b},
          {"failed_pairs", comparison.failed_pairs},
          {"binary", comparison.binary},
          {"difference",
           comparison.has_difference() ? number(comparison.difference) : OrderedJson(nullptr)},
          {"std_error", number(comparison.std_error)},
          {"low", number(comparison.low)},
          {"high", number(comparison.high)},
          {"confidence", 0.95},
          {"interval", text_or_null(comparison.interval)},
          {"p_value", number(comparison.p_value)},
          {"mcnemar_p", number(comparison.mcnemar_p)},
          {"effect_size", number(comparison.effect_size)},
          {"correlation", number(comparison.correlation)},
          {"detectable", number(comparison.detectable)},
          {"to_right", comparison.to_right},
          {"to_wrong", comparison.to_wrong},
          {"paired", comparison.paired},
          {"test", text_or_null(comparison.test)},
          {"df", number(comparison.df)},
          {"mcnemar_mid_p", number(comparison.mcnemar_mid_p)},
          {"tango_low", number(comparison.tango_low)},
          {"tango_high", number(comparison.tango_high)},
          {"effect_low", number(comparison.effect_low)},
          {"effect_high", number(comparison.effect_high)},
          {"permutation_p", number(comparison.permutation_p)},
          {"variance", variance_json(comparison.variance)},
          {"equivalence", margin_json(comparison.equivalence)},
          {"no_worse", margin_json(comparison.no_worse)},
          {"advice", text_or_null(comparison.advice)},
          {"flips", flips}};
}

OrderedJson to_json(const evals::Ranking& ranking) {
  OrderedJson runs = OrderedJson::array();
  std::size_t place = 0;
  for (const evals::RankedRun& ranked : ranking.ranked) {
    OrderedJson row = arm_json(ranking.runs[ranked.run], ranked.score);
    row["place"] = ++place;
    row["strength"] = number(ranked.strength);
    row["strength_low"] = number(ranked.low);
    row["strength_high"] = number(ranked.high);
    row["elo"] = number(ranked.elo);
    row["best_rank"] = ranked.best_rank;
    row["worst_rank"] = ranked.worst_rank;
    runs.push_back(std::move(row));
  }
  OrderedJson pairs = OrderedJson::array();
  for (const evals::RankedPair& pair : ranking.pairs) {
    pairs.push_back({{"a", ranking.runs[pair.i].run_id},
                     {"b", ranking.runs[pair.j].run_id},
                     {"difference", number(pair.difference)},
                     {"std_error", number(pair.std_error)},
                     {"low", number(pair.low)},
                     {"high", number(pair.high)},
                     {"p_value", number(pair.p)},
                     {"holm_p", number(pair.holm_p)},
                     {"bh_p", number(pair.bh_p)},
                     {"wins_a", pair.wins_i},
                     {"wins_b", pair.wins_j},
                     {"ties", pair.ties}});
  }
  return {{"verdict", ranking.verdict},
          {"num_questions", ranking.num_questions},
          {"num_clusters", ranking.num_clusters},
          {"left_out", ranking.left_out},
          {"binary", ranking.binary},
          {"test", text_or_null(ranking.test)},
          {"statistic", number(ranking.statistic)},
          {"df", ranking.df},
          {"p_value", number(ranking.p)},
          {"penalised", ranking.penalised},
          {"runs", runs},
          {"pairs", pairs}};
}

OrderedJson to_json(const Report& report) {
  OrderedJson runs = OrderedJson::array();
  for (std::size_t i = 0; i < report.runs.size(); ++i) {
    OrderedJson run = to_json(report.runs[i]);
    const RunDetails* details = details_of(report, i);
    run["details"] = details != nullptr ? to_json(*details) : OrderedJson(nullptr);
    runs.push_back(std::move(run));
  }
  OrderedJson comparisons = OrderedJson::array();
  const auto adjusted = holm_adjusted(report.comparisons);
  for (std::size_t i = 0; i < report.comparisons.size(); ++i) {
    OrderedJson comparison = to_json(report.comparisons[i]);
    comparison["holm_p"] = number(adjusted[i]);
    comparisons.push_back(std::move(comparison));
  }
  OrderedJson gates = OrderedJson::array();
  for (const GateSection& section : report.gates) {
    OrderedJson one = to_json(section.report);
    one["title"] = text_or_null(section.title);
    gates.push_back(std::move(one));
  }
  OrderedJson samples = OrderedJson::array();
  for (const SampleSection& section : report.samples) samples.push_back(to_json(section));
  OrderedJson series = OrderedJson::array();
  for (const evals::SeriesReport& nights : report.series) series.push_back(to_json(nights));
  return {
      {"title", report.title},
      {"headline", text_or_null(headline(report))},
      {"generated_at", text_or_null(report.generated_at)},
      {"version", text_or_null(report.version)},
      {"sample_data_notice", text_or_null(sample_data_notice(report.runs))},
      {"notes", report.notes},
      {"commands", report.commands},
      {"runs", runs},
      {"comparisons", comparisons},
      {"correction", report.comparisons.size() > 1 ? OrderedJson("holm") : OrderedJson(nullptr)},
      {"gates", std::move(gates)},
      {"samples", std::move(samples)},
      {"series", std::move(series)}};
}

std::string render_json(const Report& report) {
  return without_steering(
             to_json(report).dump(2, ' ', false, OrderedJson::error_handler_t::replace)) +
         "\n";
}

}  // namespace peira::reports
