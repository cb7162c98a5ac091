// peira experiment analyze, selfcheck, sql.

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <utility>

#include "abtest/breakdown.h"
#include "abtest/outcome_table.h"
#include "abtest/self_check.h"
#include "abtest/summary.h"
#include "abtest/summary_query.h"
#include "base/error.h"
#include "base/files.h"
#include "reports/experiment.h"
#include "reports/experiment_report.h"
#include "reports/report.h"
#include "reports/terminal_table.h"
#include "runner/cli/experiment/common.h"
#include "runner/cli/tables.h"
#include "runner/experiment_content.h"

namespace peira::runner::cli {
namespace {

using abtest::Experiment;
using Access = abtest::ExperimentStore::Access;

struct AnalyzeFlags : ExperimentFlags {
  std::string from_summary, from_outcomes, segment, with, report;
  std::vector<double> looks;
  bool last_look = false, by_day = false;
  int phase = 0;
};

// The whole of a table in flat memory.
abtest::AnalysisInput read_outcomes(const Experiment& experiment, const std::string& path) {
  abtest::OutcomeTable table(arms_of(experiment), experiment.metrics,
                             path == "-" ? "standard input" : path);
  std::FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
  if (file == nullptr) throw system_error(path, errno);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> closer(
      file == stdin ? nullptr : file, [](std::FILE* open) { return std::fclose(open); });
  std::vector<char> buffer(1 << 20);
  std::time_t last_shown = std::time(nullptr);
  while (true) {
    const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), file);
    if (got == 0) break;
    table.add({buffer.data(), got});
    if (const std::time_t now = std::time(nullptr); now - last_shown >= 2) {
      last_shown = now;
      note(std::to_string(table.num_rows()) + " rows read");
    }
  }
  if (std::ferror(file) != 0) throw system_error(path, errno);
  return table.finish();
}

std::string whole_input(const std::string& path) {
  if (path != "-") return read_file(path);
  std::string text;
  std::vector<char> buffer(1 << 16);
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), stdin)) {
    text.append(buffer.data(), got);
  }
  return text;
}

std::string signed_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%+.4g", value);
  return text;
}

std::string rows_text(const std::vector<abtest::BreakdownRow>& rows, const std::string& part,
                      abtest::Monitoring monitoring) {
  reports::Table table{
      .headers = {part, "Metric", "Variant", "Units", "Change", "CI", "p", "Adjusted"},
      .rows = {},
      .alignments = {reports::Align::kLeft, reports::Align::kLeft, reports::Align::kLeft,
                     reports::Align::kRight, reports::Align::kRight, reports::Align::kRight,
                     reports::Align::kRight, reports::Align::kRight}};
  for (const abtest::BreakdownRow& row : rows) {
    const abtest::Comparison& c = row.comparison;
    const auto interval = c.deciding_interval(monitoring);
    const auto p = c.problem ? std::nullopt : c.deciding_p(monitoring);
    table.rows.push_back(
        {row.part, c.metric, c.variant, std::to_string(c.num_control + c.num_variant),
         c.estimate ? signed_number(*c.estimate) : "-",
         interval ? signed_number(interval->low) + " to " + signed_number(interval->high) : "-",
         p ? fixed(*p, 4) : "-", row.adjusted_p ? fixed(*row.adjusted_p, 4) : "-"});
  }
  return draw(table);
}

// What another experiment on the same units does to this one.
struct Together {
  stats::IndependenceTest independence;
  std::vector<abtest::Interaction> interactions;
};

Together look_together(const abtest::ExperimentStore& store, const Experiment& experiment,
                       const Experiment& other) {
  std::map<std::string, std::size_t> variant_there;
  store.read_units(other, std::nullopt, false, [&](const abtest::ExposedUnit& unit) {
    variant_there.emplace(unit.unit, unit.variant);
  });
  const std::size_t rows = experiment.variants.size();
  const std::size_t columns = other.variants.size();
  std::vector<std::int64_t> table(rows * columns);
  using Cells = std::vector<std::vector<stats::Moments>>;
  std::vector<Cells> cells(experiment.metrics.size(),
                           Cells(rows, std::vector<stats::Moments>(columns)));
  store.read_units(experiment, std::nullopt, false, [&](const abtest::ExposedUnit& unit) {
    const auto there = variant_there.find(unit.unit);
    if (there == variant_there.end()) return;
    ++table[unit.variant * columns + there->second];
    for (std::size_t m = 0; m < experiment.metrics.size(); ++m) {
      if (unit.values[m]) cells[m][unit.variant][there->second].add(*unit.values[m]);
    }
  });
  Together out;
  out.independence = stats::assignment_independence(table, static_cast<std::int64_t>(columns));
  const auto keys = [](const Experiment& of) {
    std::vector<std::string> all;
    for (const abtest::Variant& variant : of.variants) all.push_back(variant.key);
    return all;
  };
  for (std::size_t m = 0; m < experiment.metrics.size(); ++m) {
    const abtest::MetricType type = experiment.metrics[m].type;
    if (type == abtest::MetricType::kRatio || type == abtest::MetricType::kQuantile) continue;
    for (auto& row : abtest::interactions(experiment.metrics[m].name, keys(experiment), keys(other),
                                          cells[m])) {
      out.interactions.push_back(std::move(row));
    }
  }
  return out;
}

OrderedJson together_json(const Together& together, const std::string& other) {
  OrderedJson rows = OrderedJson::array();
  const auto number = [](const std::optional<double>& value) {
    return value ? OrderedJson(*value) : OrderedJson();
  };
  for (const abtest::Interaction& row : together.interactions) {
    rows.push_back({{"metric", row.metric},
                    {"variant", row.variant},
                    {"other_variant", row.other_variant},
                    {"estimate", number(row.estimate)},
                    {"std_error", number(row.std_error)},
                    {"p", number(row.p_value)},
                    {"adjusted_p", number(row.adjusted_p)}});
  }
  return {{"experiment", other},
          {"assignment_chi2", together.independence.chi_squared},
          {"assignment_p", together.independence.p.value},
          {"interactions", rows}};
}

std::string together_text(const Together& together, const std::string& other) {
  std::string out =
      "Together with " + other + ": assignment " +
      (together.independence.p.value < 0.01 ? "DEPENDS on it" : "does not depend on it") +
      " (p = " + fixed(together.independence.p.value, 4) + ")\n";
  for (const abtest::Interaction& row : together.interactions) {
    if (!row.p_value) continue;
    out += "  " + row.metric + ": " + row.variant + "'s effect changes by " +
           signed_number(*row.estimate) + " with " + row.other_variant +
           " (p = " + fixed(*row.p_value, 4) + (*row.p_value < 0.01 ? ", an interaction" : "") +
           ")\n";
  }
  return out;
}

int status_of(abtest::Decision decision) {
  switch (decision) {
    case abtest::Decision::kShip:
      return kPassed;
    case abtest::Decision::kKeepControl:
    case abtest::Decision::kInvalid:
      return kFailed;
    case abtest::Decision::kUndecided:
      return kIncomplete;
  }
  return static_cast<int>(ErrorCode::kInternal);
}

// Writes the page, or Markdown where the file's name says so.
void write_report(const AnalyzeFlags& flags, const abtest::Analysis& analysis,
                  ExperimentParts parts) {
  reports::ExperimentReport report;
  report.id = flags.id;
  report.analysis = analysis;
  report.segment = flags.segment;
  report.segments = std::move(parts.segments);
  report.days = std::move(parts.days);
  report.cumulative = std::move(parts.cumulative);
  report.version = PEIRA_VERSION;
  report.generated_at = date_of_ms(now_ms());
  report.commands = {
      "peira experiment analyze " + reports::shell_quoted(flags.id) +
      (flags.segment.empty() ? std::string()
                             : " --segment " + reports::shell_quoted(flags.segment)) +
      (flags.by_day ? " --by-day" : "") + " --report " + reports::shell_quoted(flags.report)};
  const std::string suffix = std::filesystem::path(flags.report).extension();
  if (suffix != ".html" && suffix != ".htm" && suffix != ".md") {
    throw Error(ErrorCode::kUsage,
                flags.report + ": the suffix names no format\n  try: report.html, or report.md");
  }
  write_file_atomic(flags.report, suffix == ".md" ? reports::render_markdown(report)
                                                  : reports::render_html(report));
  note("report: " + std::filesystem::absolute(flags.report).lexically_normal().string());
}

int analyze(const AnalyzeFlags& flags) {
  const auto store = open_experiments(flags, Access::kReadOnly);
  Experiment experiment = store.get(flags.id);
  const ExperimentView view{.segment = flags.segment,
                            .by_day = flags.by_day,
                            .phase = flags.phase > 0 ? std::optional(flags.phase) : std::nullopt,
                            .looks = flags.looks,
                            .is_last_look = flags.last_look};
  const abtest::AnalysisOptions options = analysis_options(experiment, view);
  const bool from_store = flags.from_summary.empty() && flags.from_outcomes.empty();
  if (!from_store && (!flags.segment.empty() || flags.by_day || !flags.with.empty())) {
    throw Error(ErrorCode::kUsage,
                "--segment, --by-day and --with need recorded outcomes, not sums or a table");
  }
  const abtest::AnalysisInput input =
      !flags.from_summary.empty()
          ? abtest::read_summary(whole_input(flags.from_summary), arms_of(experiment),
                                 experiment.metrics, flags.from_summary)
      : !flags.from_outcomes.empty() ? read_outcomes(experiment, flags.from_outcomes)
                                     : store.read_input(experiment, view.phase);
  const abtest::Analysis analysis = abtest::analyze(input, options);
  const ExperimentParts parts = break_down(store, experiment, view);
  std::optional<Together> together;
  if (!flags.with.empty()) together = look_together(store, experiment, store.get(flags.with));
  if (!flags.report.empty()) write_report(flags, analysis, parts);
  if (flags.json) {
    reports::ExperimentReport report;
    report.id = experiment.id;
    report.analysis = analysis;
    report.segment = flags.segment;
    report.segments = parts.segments;
    report.days = parts.days;
    report.cumulative = parts.cumulative;
    OrderedJson out = reports::to_json(report);
    if (together) out["with"] = together_json(*together, flags.with);
    print_json(out);
    return status_of(analysis.decision);
  }
  std::string text = reports::experiment_text(analysis, {.colour = stdout_has_colour()});
  if (!flags.segment.empty()) {
    text += "\nBy " + flags.segment + " (adjusted: false discovery rate over these rows)\n" +
            rows_text(parts.segments, flags.segment, experiment.monitoring);
  }
  if (flags.by_day) {
    text += "\nBy day of exposure\n" + rows_text(parts.days, "Day", experiment.monitoring) +
            "\nUp to and with that day\n" +
            rows_text(parts.cumulative, "Day", experiment.monitoring);
  }
  if (together) text += "\n" + together_text(*together, flags.with);
  print(text);
  return status_of(analysis.decision);
}

struct SelfCheckFlags : ExperimentFlags {
  std::int64_t splits = 1000, units = 2000;
  std::uint64_t seed = 1;
};

int self_check(const SelfCheckFlags& flags) {
  abtest::GeneratedUnits data;
  if (flags.id.empty()) {
    data = abtest::generated_units(flags.units, flags.seed);
  } else {
    const auto store = open_experiments(flags, Access::kReadOnly);
    const Experiment experiment = store.get(flags.id);
    data.metrics = experiment.metrics;
    // Within the control, where no variant makes a difference.
    store.read_units(experiment, std::nullopt, false, [&](const abtest::ExposedUnit& unit) {
      if (unit.variant != 0) return;
      abtest::MeasuredUnit measured{.unit = unit.unit, .outcomes = {}};
      for (std::size_t m = 0; m < unit.values.size(); ++m) {
        measured.outcomes.push_back({.value = unit.values[m], .other = unit.others[m]});
      }
      data.units.push_back(std::move(measured));
    });
  }
  const abtest::SelfCheck check = abtest::self_check(
      data.units, data.metrics, {.num_splits = flags.splits, .seed = flags.seed});
  if (flags.json) {
    print_json(reports::self_check_json(check));
  } else {
    print(reports::self_check_text(check, {.colour = stdout_has_colour()}));
  }
  return check.passed ? kPassed : kFailed;
}

struct SqlFlags : ExperimentFlags {
  std::string dialect = "sqlite", exposures = "exposures", outcomes = "outcomes", covariates;
};

int sql(const SqlFlags& flags) {
  const auto store = open_experiments(flags, Access::kReadOnly);
  const Experiment experiment = store.get(flags.id);
  abtest::SummaryTables tables{.exposures = flags.exposures, .outcomes = flags.outcomes};
  if (!flags.covariates.empty()) tables.covariates = flags.covariates;
  std::vector<abtest::Metric> metrics;
  for (const abtest::Metric& metric : experiment.metrics) {
    if (metric.type == abtest::MetricType::kQuantile) {
      note("note: '" + metric.name + "' is a quantile, which has no sums: left out");
    } else {
      metrics.push_back(metric);
    }
  }
  const std::string query =
      abtest::summary_query(experiment.id, metrics, tables, abtest::sql_dialect(flags.dialect));
  if (flags.json) {
    print_json(OrderedJson{{"dialect", flags.dialect}, {"sql", query}});
  } else {
    print(query);
  }
  return kPassed;
}

}  // namespace

std::vector<Command> add_experiment_analysis(CLI::App& group) {
  const auto flags = std::make_shared<AnalyzeFlags>();
  CLI::App* app = add_experiment_command(group, "analyze", "What moved, and what follows",
                                         R"(Examples  peira experiment analyze prompt_v2
          peira experiment analyze prompt_v2 --segment country --by-day --json
          peira experiment analyze prompt_v2 --by-day --report report.html
          peira experiment analyze prompt_v2 --from-summary sums.csv       from peira experiment sql
          peira experiment analyze prompt_v2 --from-outcomes outcomes.csv  one row a unit, any size
Tables    --from-outcomes reads unit,variant,METRIC...[,METRIC:covariate][,METRIC:denominator], rows
          in ascending order of unit.
Verdicts  0 a variant is to be shipped · 1 keep the control, or the split is broken · 5 undecided)",
                                         flags);
  app->add_option("--from-summary", flags->from_summary, "sums from a warehouse; - is stdin");
  app->add_option("--from-outcomes", flags->from_outcomes, "a table of units; - is stdin")
      ->excludes("--from-summary");
  app->add_option("--segment", flags->segment, "also by this attribute of the exposures");
  app->add_flag("--by-day", flags->by_day, "also by day of exposure, alone and so far");
  app->add_option("--report", flags->report,
                  "also write a page (.html) or Markdown (.md); charts over time need --by-day");
  app->add_option("--with", flags->with,
                  "another experiment on the same units: does it interfere?");
  app->add_option("--phase", flags->phase, "bucket version to analyse [the current one]");
  app->add_option("--look", flags->looks,
                  "share of the planned information at each look so far, e.g. 0.25,0.5")
      ->delimiter(',');
  app->add_flag("--last-look", flags->last_look, "this look is the last one");

  const auto check_flags = std::make_shared<SelfCheckFlags>();
  CLI::App* check_app = add_experiment_command(
      group, "selfcheck", "A/A test: do splits without a difference show none?",
      R"(Examples  peira experiment selfcheck                 on generated units
          peira experiment selfcheck prompt_v2       on the control's units of an experiment
Verdicts  0 passed · 1 failed)",
      check_flags, false);
  check_app->add_option("ID", check_flags->id, "an experiment [generated units]");
  check_app->add_option("--splits", check_flags->splits, "how many")->capture_default_str();
  check_app->add_option("--units", check_flags->units, "generated ones")->capture_default_str();
  check_app->add_option("--seed", check_flags->seed, "of splits and units")->capture_default_str();

  const auto sql_flags = std::make_shared<SqlFlags>();
  CLI::App* sql_app = add_experiment_command(
      group, "sql", "The query that adds up outcomes in a warehouse",
      R"(Examples  peira experiment sql prompt_v2 --dialect postgres > sums.sql
          psql --csv -f sums.sql > sums.csv && peira experiment analyze prompt_v2 --from-summary sums.csv
Tables    exposures(experiment, unit, variant, ts), outcomes(unit, metric, value, ts),
          covariates(unit, metric, value))",
      sql_flags);
  sql_app->add_option("--dialect", sql_flags->dialect, "sqlite, postgres")->capture_default_str();
  sql_app->add_option("--exposures", sql_flags->exposures, "table")->capture_default_str();
  sql_app->add_option("--outcomes", sql_flags->outcomes, "table")->capture_default_str();
  sql_app->add_option("--covariates", sql_flags->covariates, "table [none]");
  return {{app, [flags] { return analyze(*flags); }},
          {check_app, [check_flags] { return self_check(*check_flags); }},
          {sql_app, [sql_flags] { return sql(*sql_flags); }}};
}

}  // namespace peira::runner::cli
