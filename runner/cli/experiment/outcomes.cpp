// peira experiment record.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>

#include "abtest/csv_line.h"
#include "base/error.h"
#include "base/hash.h"
#include "runner/cli/experiment/common.h"

namespace peira::runner::cli {
namespace {

struct RecordFlags : ExperimentFlags {
  std::string unit, metric, event, time, file, source = "prod", on_error = "stop";
  double value = 0;
  bool has_value = false;
};

struct Counts {
  std::int64_t num_new = 0, num_known = 0, num_conflicts = 0, num_bad = 0, num_future = 0;
};

constexpr std::int64_t kClockSlackMs = 5 * 60'000;

double number_of(const std::string& text, const std::string& where) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw Error(ErrorCode::kData, where + ": value '" + text.substr(0, 40) + "' is no number");
  }
  return value;
}

// Outcomes of a file, a line each, whatever its format.
class OutcomeLines {
 public:
  explicit OutcomeLines(const std::string& path) : lines_(path) {}

  // False at the end. Empty lines are passed over.
  bool next(abtest::Outcome& out) {
    std::string_view line;
    do {
      if (!lines_.next(line)) return false;
    } while (line.find_first_not_of(" \t") == std::string_view::npos);
    if (lines_.line_number() == 1 || (!is_json_ && header_.empty())) {
      is_json_ = line.front() == '{';
      if (!is_json_) {
        read_header(line);
        return next(out);
      }
    }
    if (is_json_) {
      read_json(line, out);
    } else {
      read_csv(line, out);
    }
    return true;
  }
  std::string where() const { return lines_.name() + ":" + std::to_string(lines_.line_number()); }

 private:
  void read_header(std::string_view line) {
    if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    header_ = abtest::csv_cells(line, where());
    for (const char* needed : {"event_id", "unit", "metric", "value", "ts"}) {
      if (std::ranges::find(header_, needed) == header_.end()) {
        throw Error(ErrorCode::kData,
                    where() + ": no column '" + needed + "'\n  try: event_id,unit,metric,value,ts");
      }
    }
  }
  void read_csv(std::string_view line, abtest::Outcome& out) const {
    const std::vector<std::string> cells = abtest::csv_cells(line, where());
    if (cells.size() != header_.size()) {
      throw Error(ErrorCode::kData, where() + ": has " + std::to_string(cells.size()) +
                                        " cells, the header " + std::to_string(header_.size()));
    }
    for (std::size_t i = 0; i < cells.size(); ++i) set(header_[i], cells[i], out);
  }
  void read_json(std::string_view line, abtest::Outcome& out) const {
    const Json object = parse_json(line, where());
    for (const char* needed : {"event_id", "unit", "metric", "value", "ts"}) {
      const Json& value = require(object, needed, where());
      if (!value.is_string() && !value.is_number()) {
        throw Error(ErrorCode::kData, where() + ": " + needed + " is neither text nor a number");
      }
      set(needed, value.is_string() ? value.get<std::string>() : dump_json(value), out);
    }
    if (object.contains("source") && object["source"].is_string()) {
      out.source = object["source"].get<std::string>();
    }
  }
  void set(const std::string& name, const std::string& text, abtest::Outcome& out) const {
    if (name == "event_id") out.event_id = text;
    if (name == "unit") out.unit = text;
    if (name == "metric") out.metric = text;
    if (name == "value") out.value = number_of(text, where());
    if (name == "ts") out.ts_ms = parse_time(text);
    if (name == "source" && !text.empty()) out.source = text;
  }

  LineReader lines_;
  std::vector<std::string> header_;
  bool is_json_ = false;
};

void count(Counts& counts, abtest::Recorded recorded) {
  switch (recorded) {
    case abtest::Recorded::kNew:
      ++counts.num_new;
      return;
    case abtest::Recorded::kDuplicate:
      ++counts.num_known;
      return;
    case abtest::Recorded::kConflict:
      ++counts.num_conflicts;
      return;
  }
}

void record_file(const RecordFlags& flags, abtest::ExperimentStore& store,
                 const abtest::Experiment& experiment, Counts& counts) {
  OutcomeLines lines(flags.file);
  // A batch a transaction: a run that is killed has kept whole batches, and the same command then
  // finds them by their event ids.
  constexpr int kBatch = 10'000;
  const std::int64_t now = now_ms();
  auto last_shown = std::chrono::steady_clock::now();
  std::int64_t num_lines = 0;
  bool more = true;
  while (more) {
    store.in_transaction([&] {
      for (int i = 0; i < kBatch && more; ++i) {
        try {
          abtest::Outcome outcome;
          outcome.source = flags.source;
          more = lines.next(outcome);
          if (!more) break;
          ++num_lines;
          counts.num_future += outcome.ts_ms > now + kClockSlackMs ? 1 : 0;
          count(counts, store.record(experiment, outcome));
        } catch (const Error& error) {
          if (error.code() != ErrorCode::kUsage && error.code() != ErrorCode::kData) throw;
          const std::string what = error.code() == ErrorCode::kUsage
                                       ? lines.where() + ": " + error.what()
                                       : error.what();
          if (flags.on_error != "skip") throw Error(ErrorCode::kData, what);
          if (++counts.num_bad <= 5) note("skipped: " + what);
        }
      }
    });
    const auto now_shown = std::chrono::steady_clock::now();
    if (now_shown - last_shown > std::chrono::seconds(2)) {
      last_shown = now_shown;
      note(std::to_string(num_lines) + " outcomes read");
    }
  }
}

int record(const RecordFlags& flags) {
  if (flags.on_error != "stop" && flags.on_error != "skip") {
    throw Error(ErrorCode::kUsage, "--on-error is stop or skip");
  }
  abtest::ExperimentStore store = open_experiments(flags);
  const abtest::Experiment experiment = store.get(flags.id);
  Counts counts;
  if (!flags.file.empty()) {
    record_file(flags, store, experiment, counts);
  } else {
    if (flags.unit.empty() || flags.metric.empty() || !flags.has_value) {
      throw Error(ErrorCode::kUsage, "--unit, --metric and --value, or --file, are needed");
    }
    abtest::Outcome outcome{.event_id = flags.event,
                            .unit = flags.unit,
                            .metric = flags.metric,
                            .value = flags.value,
                            .ts_ms = flags.time.empty() ? now_ms() : parse_time(flags.time),
                            .source = flags.source};
    if (outcome.event_id.empty()) {
      // The same unit, metric, value and time is the same event.
      char number[40];
      std::snprintf(number, sizeof number, "%.17g", outcome.value);
      outcome.event_id = sha256_hex(outcome.unit + "\n" + outcome.metric + "\n" + number + "\n" +
                                    std::to_string(outcome.ts_ms));
    }
    counts.num_future += outcome.ts_ms > now_ms() + kClockSlackMs ? 1 : 0;
    count(counts, store.record(experiment, outcome));
  }
  if (flags.json) {
    print_json(OrderedJson{{"new", counts.num_new},
                           {"known", counts.num_known},
                           {"conflicts", counts.num_conflicts},
                           {"skipped", counts.num_bad},
                           {"in_the_future", counts.num_future}});
  } else {
    print(std::to_string(counts.num_new) + " outcomes recorded, " +
          std::to_string(counts.num_known) + " known before\n");
  }
  if (counts.num_conflicts > 0) {
    note("warning: " + std::to_string(counts.num_conflicts) +
         " event ids came again with other contents: the first ones stand");
  }
  if (counts.num_future > 0) {
    note("warning: " + std::to_string(counts.num_future) +
         " outcomes lie in the future: a clock is wrong");
  }
  if (counts.num_bad > 0) {
    note("warning: " + std::to_string(counts.num_bad) + " lines were skipped");
    return static_cast<int>(ErrorCode::kData);
  }
  return kPassed;
}

}  // namespace

std::vector<Command> add_experiment_outcomes(CLI::App& group) {
  const auto flags = std::make_shared<RecordFlags>();
  CLI::App* app = add_experiment_command(
      group, "record", "Record outcomes of units",
      R"(Examples  peira experiment record prompt_v2 --unit user_17 --metric solved --value 1
          peira experiment record prompt_v2 --file outcomes.csv
Files     CSV with the columns event_id,unit,metric,value,ts, or JSON Lines with these members. The
          same event counts once, so a file may be given again. NAME:covariate is what was known of
          the unit before, NAME:denominator the denominator of the ratio NAME.
Lines     0 all recorded · 3 lines were bad (with --on-error stop nothing after the first of them))",
      flags);
  app->add_option("--unit", flags->unit, "the unit's id");
  app->add_option("--metric", flags->metric, "one of the experiment's");
  app->add_option_function<double>(
      "--value",
      [flags](double value) {
        flags->value = value;
        flags->has_value = true;
      },
      "what was measured");
  app->add_option("--event", flags->event, "event id [from unit, metric, value and time]");
  app->add_option("--time", flags->time, "when [now]");
  app->add_option("--source", flags->source, "prod, replay, eval, synthetic, ...")
      ->capture_default_str();
  app->add_option("--file", flags->file, "many outcomes; - is standard input");
  app->add_option("--on-error", flags->on_error, "stop or skip at a bad line")
      ->capture_default_str();
  return {{app, [flags] { return record(*flags); }}};
}

}  // namespace peira::runner::cli
