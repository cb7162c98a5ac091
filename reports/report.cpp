#include "reports/report.h"

#include <algorithm>
#include <string_view>

#include "evals/comparison.h"
#include "reports/detail/text.h"
#include "stats/multiple_comparisons.h"

namespace peira::reports {
namespace {

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

const Json* manifest_value(const evals::RunRecord& run, const char* part) {
  const auto values = run.manifest.find("values");
  if (!run.manifest.is_object() || values == run.manifest.end() || !values->is_object()) {
    return nullptr;
  }
  const auto value = values->find(part);
  return value == values->end() ? nullptr : &*value;
}

}  // namespace

std::string shell_quoted(const std::string& word) {
  const bool is_plain = !word.empty() && word.find_first_not_of(
                                             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                             "0123456789_-./:@%+=,") == std::string::npos;
  if (is_plain) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string headline(const Report& report) {
  std::string text = report.lead;
  if (!text.empty()) {
    // Whoever made the report knows what comes first.
  } else if (report.gates.size() == 1) {
    text = report.gates[0].report.headline;
  } else if (!report.gates.empty()) {
    std::size_t passed = 0, failed = 0;
    for (const GateSection& gates : report.gates) {
      passed += gates.report.status == evals::GateStatus::kPass ? 1 : 0;
      failed += gates.report.status == evals::GateStatus::kFail ? 1 : 0;
    }
    text = "Of " + std::to_string(report.gates.size()) + " policies " + std::to_string(passed) +
           " pass, " + std::to_string(failed) + " fail, " +
           std::to_string(report.gates.size() - passed - failed) + " are undecided.";
  } else if (report.comparisons.size() == 1) {
    text = report.comparisons[0].verdict;
  } else if (report.comparisons.size() > 1) {
    const auto adjusted = holm_adjusted(report.comparisons);
    std::size_t better = 0, worse = 0;
    for (std::size_t i = 0; i < adjusted.size(); ++i) {
      if (!adjusted[i] || *adjusted[i] >= 0.05) continue;
      (report.comparisons[i].difference > 0 ? better : worse) += 1;
    }
    const std::size_t open = report.comparisons.size() - better - worse;
    text = "Of " + std::to_string(report.comparisons.size()) + " comparisons, B is better in " +
           std::to_string(better) + ", worse in " + std::to_string(worse) + ", and in " +
           std::to_string(open) + " no difference can be told (Holm's correction at 5 %).";
  } else if (report.runs.size() == 1) {
    const evals::RunRecord& run = report.runs[0];
    const evals::Metric score = run.metrics.empty() ? evals::Metric() : run.metrics[0];
    text = run.model + " (" + run.variant + ") on " + run.suite + ": " +
           (score.num_samples == 0 ? std::string("no score")
                                   : detail::format_number("%.1f", 100 * score.value) + " %");
    if (score.low && score.high) {
      text += " (95 % CI " + detail::format_number("%.1f", 100 * *score.low) + " to " +
              detail::format_number("%.1f", 100 * *score.high) + ")";
    }
    text += " of " + std::to_string(score.num_samples) + " questions.";
  } else if (!report.runs.empty()) {
    std::vector<std::string> suites;
    std::optional<double> low, high;
    for (const evals::RunRecord& run : report.runs) {
      if (std::find(suites.begin(), suites.end(), run.suite) == suites.end()) {
        suites.push_back(run.suite);
      }
      if (run.metrics.empty() || run.metrics[0].num_samples == 0) continue;
      low = std::min(low.value_or(1), run.metrics[0].value);
      high = std::max(high.value_or(0), run.metrics[0].value);
    }
    text = std::to_string(report.runs.size()) + " runs over " + std::to_string(suites.size()) +
           (suites.size() == 1 ? " suite" : " suites");
    if (low && high) {
      text += ", scores from " + detail::format_number("%.1f", 100 * *low) + " to " +
              detail::format_number("%.1f", 100 * *high) + " %";
    }
    text += ".";
  }
  std::size_t worse_series = 0;
  for (const evals::SeriesReport& series : report.series) {
    if (series.nights.empty()) continue;
    const evals::SeriesVerdict verdict = series.nights.back().verdict;
    worse_series +=
        verdict == evals::SeriesVerdict::kDropped || verdict == evals::SeriesVerdict::kDrifted;
  }
  if (!report.series.empty() && report.lead.empty()) {
    text += (text.empty() ? "" : " ") + std::to_string(worse_series) + " of " +
            std::to_string(report.series.size()) + " nightly series " +
            (worse_series == 1 ? "is" : "are") + " worse.";
  }
  std::int64_t failed = 0;
  std::size_t incomplete = 0;
  for (const evals::RunRecord& run : report.runs) {
    failed += run.states.failed;
    incomplete += run.complete ? 0 : 1;
  }
  if (incomplete > 0) {
    text += " " + std::to_string(incomplete) + (incomplete == 1 ? " run is" : " runs are") +
            " incomplete.";
  }
  if (failed > 0) {
    text += " " + std::to_string(failed) + (failed == 1 ? " answer" : " answers") + " failed.";
  }
  return text;
}

const RunDetails* details_of(const Report& report, std::size_t index) {
  return index < report.details.size() ? &report.details[index] : nullptr;
}

std::optional<double> deciding_p(const evals::Comparison& comparison) {
  return comparison.p_value ? comparison.p_value : comparison.mcnemar_p;
}

std::vector<std::optional<double>> holm_adjusted(
    const std::vector<evals::Comparison>& comparisons) {
  std::vector<double> p_values;
  p_values.reserve(comparisons.size());
  for (const evals::Comparison& comparison : comparisons) {
    if (const auto p = deciding_p(comparison)) p_values.push_back(*p);
  }
  const std::vector<double> adjusted = stats::holm(p_values);
  std::vector<std::optional<double>> result;
  result.reserve(comparisons.size());
  std::size_t next = 0;
  for (const evals::Comparison& comparison : comparisons) {
    result.push_back(deciding_p(comparison) ? std::optional(adjusted[next++]) : std::nullopt);
  }
  return result;
}

bool is_sample_data(const evals::RunRecord& run) { return ends_with(run.dataset, "-sample"); }

std::string sample_data_notice(const std::vector<evals::RunRecord>& runs) {
  std::vector<std::string> names;
  for (const evals::RunRecord& run : runs) {
    if (is_sample_data(run) && std::find(names.begin(), names.end(), run.dataset) == names.end()) {
      names.push_back(run.dataset);
    }
  }
  if (names.empty()) return "";
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    list += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  }
  return "Generated sample data: " + list + (names.size() == 1 ? " holds" : " hold") +
         " questions made by a generator in the official format, not the questions of the "
         "benchmark. These scores do not compare with published ones.";
}

std::string incomplete_reason(const evals::RunRecord& run) {
  if (run.complete) return "";
  const std::int64_t missing = run.expected_answers - run.states.total();
  std::string reason;
  if (missing > 0) {
    reason = std::to_string(missing) + " of " + std::to_string(run.expected_answers) +
             " answers are missing";
  }
  if (run.states.failed > 0) {
    reason += (reason.empty() ? "" : ", ") + std::to_string(run.states.failed) + " failed";
  }
  return reason.empty() ? "the run did not finish" : reason;
}

std::vector<std::string> further_sentences(const evals::Comparison& comparison) {
  std::vector<std::string> sentences;
  if (comparison.equivalence) {
    sentences.push_back(evals::equivalence_sentence(*comparison.equivalence));
  }
  if (comparison.no_worse) sentences.push_back(evals::no_worse_sentence(*comparison.no_worse));
  if (!comparison.advice.empty()) sentences.push_back(comparison.advice);
  return sentences;
}

Json publishable_manifest(const evals::RunRecord& run) {
  Json manifest = run.manifest;
  if (!run.restricted || !manifest.is_object()) return manifest;
  const auto values = manifest.find("values");
  if (values == manifest.end() || !values->is_object()) return manifest;
  for (const char* part : {"prompt", "dataset"}) values->erase(part);
  return manifest;
}

std::vector<ManifestRow> manifest_rows(const evals::RunRecord& run) {
  std::vector<ManifestRow> rows;
  const Json manifest = publishable_manifest(run);
  if (!manifest.is_object() || !manifest.contains("digests")) return rows;
  for (const auto& [part, digest] : manifest["digests"].items()) {
    ManifestRow row{.part = part, .digest = {}, .value = {}};
    if (digest.is_string()) row.digest = digest.get<std::string>().substr(0, 16);
    if (manifest.contains("values") && manifest["values"].is_object() &&
        manifest["values"].contains(part)) {
      const Json& value = manifest["values"][part];
      row.value = detail::shorten(value.is_string() ? value.get<std::string>()
                                  : value.is_null() ? "none"
                                                    : dump_json(value),
                                  160);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string correction_note(const std::vector<evals::Comparison>& comparisons) {
  std::size_t tests = 0;
  for (const evals::Comparison& comparison : comparisons) tests += deciding_p(comparison) ? 1 : 0;
  if (tests < 2) return "";
  return "This report makes " + std::to_string(tests) +
         " comparisons. Their p-values are given as they are and after Holm's correction, which "
         "keeps the chance of even one false alarm among them below 5 %: judge by the corrected "
         "ones.";
}

std::string corrected_verdict(const evals::Comparison& comparison, std::optional<double> holm_p) {
  const std::optional<double> p = deciding_p(comparison);
  if (!holm_p || !p) return "";
  std::string text = "After Holm's correction: " + evals::p_value_text(*holm_p);
  if (*p < 0.05) {
    text += *holm_p < 0.05 ? ", the difference stands" : ", the difference can no longer be told";
  }
  return text + ".";
}

std::string reproduce_command(const evals::RunRecord& run) {
  std::string command = "peira run " + shell_quoted(run.suite);
  const auto add = [&command](const std::string& flag, const std::string& value) {
    command += " " + flag + " " + shell_quoted(value);
  };
  if (!run.dataset.empty()) add("--data", run.dataset);
  if (!run.profile.empty()) add("--profile", run.profile);
  if (!run.variant.empty()) add("--prompt", run.variant);
  if (!run.model.empty()) add("--model", run.model);
  if (!run.method.empty() && run.method != "generate") add("--method", run.method);
  if (run.epochs > 1) add("--epochs", std::to_string(run.epochs));
  add("--seed", std::to_string(run.seed));
  if (const Json* sampling = manifest_value(run, "sampling"); sampling && sampling->is_object()) {
    for (const char* key : {"temperature", "top_p", "top_k", "min_p", "repetition_penalty",
                            "presence_penalty", "frequency_penalty", "max_tokens"}) {
      const auto value = sampling->find(key);
      if (value == sampling->end() || !value->is_number()) continue;
      std::string flag = std::string("--") + key;
      std::replace(flag.begin(), flag.end(), '_', '-');
      add(flag, dump_json(*value));
    }
  }
  if (const Json* limit = manifest_value(run, "limit"); limit && limit->is_number_integer()) {
    add("--limit", dump_json(*limit));
  }
  if (const Json* stop = manifest_value(run, "stop"); stop && stop->is_object()) {
    if (stop->contains("rule")) add("--stop-when", stop->value("rule", ""));
    if (stop->contains("error")) add("--stop-error", dump_json((*stop)["error"]));
  }
  return command;
}

}  // namespace peira::reports
