// peira experiment create, list, show, start, ramp, stop.

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "base/error.h"
#include "base/files.h"
#include "reports/terminal_table.h"
#include "runner/cli/experiment/common.h"
#include "runner/cli/tables.h"

namespace peira::runner::cli {
namespace {

using abtest::Experiment;

struct CreateFlags : ExperimentFlags {
  std::string file, description, mode = "md5_10000", monitoring = "fixed", condition, layer,
                                 holdout;
  std::vector<std::string> variants, metrics;
  double coverage = 100, alpha = 0.05;
  std::int64_t tuning_n = 5000;
  bool sticky = false, start = false;
};

double percent(const std::string& text, const std::string& what) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') {
    throw Error(ErrorCode::kUsage, what + ": '" + text + "' is no number");
  }
  return value;
}

// "name=50" into its parts.
std::pair<std::string, double> keyed_percent(const std::string& text, const std::string& option) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string::npos) {
    throw Error(ErrorCode::kUsage, option + " '" + text + "' is not KEY=PERCENT");
  }
  return {text.substr(0, equals), percent(text.substr(equals + 1), option)};
}

Experiment from_flags(const CreateFlags& flags) {
  if (!flags.file.empty()) {
    const std::string text = read_file(flags.file);
    Experiment experiment = abtest::parse_experiment(parse_json(text, flags.file), flags.file);
    if (!flags.id.empty() && flags.id != experiment.id) {
      throw Error(ErrorCode::kUsage, flags.file + " declares '" + experiment.id + "', not '" +
                                         flags.id + "'\n  try: leave the id out");
    }
    return experiment;
  }
  Experiment out;
  out.id = flags.id;
  out.salt = flags.id;
  out.description = flags.description;
  for (const std::string& text : flags.variants) {
    const auto [key, share] = keyed_percent(text, "--variant");
    out.variants.push_back({.key = key, .share = abtest::basis_points(share, "share of " + key)});
  }
  for (const std::string& text : flags.metrics) out.metrics.push_back(abtest::parse_metric(text));
  out.mode = abtest::hash_mode(flags.mode);
  out.monitoring = abtest::monitoring(flags.monitoring);
  out.coverage = abtest::basis_points(flags.coverage, "coverage");
  out.alpha = flags.alpha;
  out.tuning_n = flags.tuning_n;
  out.sticky = flags.sticky;
  if (!flags.condition.empty()) out.condition = parse_json(flags.condition, "--condition");
  if (!flags.layer.empty()) {
    int low = 0, high = 0;
    char name[129] = "";
    if (std::sscanf(flags.layer.c_str(), "%128[^:]:%d-%d", name, &low, &high) != 3 || low < 0 ||
        high > 10'000 || low >= high) {
      throw Error(ErrorCode::kUsage,
                  "--layer '" + flags.layer + "' is not NAME:LOW-HIGH in buckets of 10000");
    }
    out.layer = abtest::LayerPlace{.name = name, .ranges = {{.low = low, .high = high}}};
  }
  if (!flags.holdout.empty()) {
    const auto [name, share] = keyed_percent(flags.holdout, "--holdout");
    out.holdout =
        abtest::Holdout{.name = name, .share = abtest::basis_points(share, "holdout " + name)};
  }
  abtest::check_experiment(out);
  return out;
}

std::string split_text(const Experiment& experiment) {
  std::string out;
  for (const abtest::Variant& variant : experiment.variants) {
    char share[32];
    std::snprintf(share, sizeof share, "%.4g", variant.share / 100.0);
    out += (out.empty() ? "" : ", ") + variant.key + " " + share + " %";
  }
  return out;
}

std::string coverage_text(const Experiment& experiment) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g %%", experiment.coverage / 100.0);
  return text;
}

void show_changed(const ExperimentFlags& flags, const Experiment& experiment,
                  const std::string& what) {
  if (flags.json) {
    print_json(abtest::to_json(experiment));
    return;
  }
  print("experiment " + experiment.id + ": " + what + "\n");
}

int create(const CreateFlags& flags) {
  const Experiment experiment = from_flags(flags);
  abtest::ExperimentStore store = open_experiments(flags);
  store.create(experiment, now_ms(), flags.start);
  if (flags.start) {
    show_changed(flags, store.get(experiment.id), "running (" + split_text(experiment) + ")");
  } else {
    show_changed(flags, store.get(experiment.id),
                 "created (" + split_text(experiment) + ")\n  next: peira experiment start " +
                     experiment.id);
  }
  return kPassed;
}

int list(const ExperimentFlags& flags) {
  const auto store = open_experiments(flags, abtest::ExperimentStore::Access::kReadOnly);
  const std::vector<Experiment> all = store.list();
  if (flags.json) {
    OrderedJson out = OrderedJson::array();
    for (const Experiment& experiment : all) out.push_back(abtest::to_json(experiment));
    print_json(out);
    return kPassed;
  }
  reports::Table table{.headers = {"Experiment", "Status", "Split", "Traffic", "Metrics", "Read"},
                       .rows = {},
                       .alignments = {}};
  for (const Experiment& experiment : all) {
    std::string metrics;
    for (const abtest::Metric& metric : experiment.metrics) {
      metrics += (metrics.empty() ? "" : ", ") + metric.name;
    }
    table.rows.push_back({experiment.id, abtest::to_string(experiment.status),
                          split_text(experiment), coverage_text(experiment), metrics,
                          abtest::to_string(experiment.monitoring)});
  }
  print(all.empty() ? "no experiments\n" : draw(table));
  return kPassed;
}

int show(const ExperimentFlags& flags) {
  const auto store = open_experiments(flags, abtest::ExperimentStore::Access::kReadOnly);
  const Experiment experiment = store.get(flags.id);
  const std::vector<std::string> history = store.history(flags.id);
  if (flags.json) {
    OrderedJson out = abtest::to_json(experiment);
    out["history"] = history;
    print_json(out);
    return kPassed;
  }
  std::string out = experiment.id + " (" + abtest::to_string(experiment.status) + ")\n";
  const auto line = [&out](const std::string& name, const std::string& value) {
    if (!value.empty()) out += "  " + name + std::string(14 - name.size(), ' ') + value + "\n";
  };
  line("description", experiment.description);
  line("split", split_text(experiment));
  line("traffic", coverage_text(experiment));
  line("hash", std::string(abtest::to_string(experiment.mode)) + ", salt " + experiment.salt +
                   ", phase " + std::to_string(experiment.bucket_version));
  if (experiment.layer) {
    std::string ranges;
    for (const abtest::BucketRange& range : experiment.layer->ranges) {
      ranges += " [" + std::to_string(range.low) + ", " + std::to_string(range.high) + ")";
    }
    line("layer", experiment.layer->name + ranges);
  }
  if (experiment.holdout) line("holdout", experiment.holdout->name);
  if (!experiment.condition.empty()) line("condition", dump_json(experiment.condition));
  line("sticky", experiment.sticky ? "yes" : "no");
  for (const abtest::Metric& metric : experiment.metrics) {
    line("metric", metric.name + ": " + abtest::to_string(metric.role) + " " +
                       abtest::to_string(metric.type) + ", " + abtest::to_string(metric.better) +
                       " is better");
  }
  line("read", abtest::to_string(experiment.monitoring));
  line("conclusion", experiment.conclusion);
  for (const std::string& change : history) line("history", change);
  print(out);
  return kPassed;
}

struct RampFlags : ExperimentFlags {
  double coverage = -1;
  std::vector<double> split;
};

int ramp(const RampFlags& flags) {
  std::optional<int> coverage;
  if (flags.coverage >= 0) coverage = abtest::basis_points(flags.coverage, "coverage");
  std::optional<std::vector<int>> shares;
  if (!flags.split.empty()) {
    shares.emplace();
    for (const double share : flags.split) {
      shares->push_back(abtest::basis_points(share, "share"));
    }
  }
  abtest::ExperimentStore store = open_experiments(flags);
  const Experiment experiment = store.ramp(flags.id, coverage, shares, now_ms());
  show_changed(flags, experiment,
               "traffic " + coverage_text(experiment) + ", " + split_text(experiment) + ", phase " +
                   std::to_string(experiment.bucket_version));
  return kPassed;
}

Command create_command(CLI::App& group) {
  const auto flags = std::make_shared<CreateFlags>();
  CLI::App* app = add_experiment_command(
      group, "create", "Declare an experiment",
      R"(Examples  peira experiment create prompt_v2 --variant control=50 --variant new=50 \
              --metric solved:proportion --metric cost:mean:guardrail:lower:margin=5% --start
          peira experiment create --file exp.json
Metrics   NAME[:mean|proportion|count|ratio|p95][:primary|secondary|guardrail][:higher|lower]
          [:margin=X|X%][:cap=X][:missing=zero]
The first variant is the control. Monitoring says when results may be read: fixed (once, at the
end), group-sequential (a few looks), anytime (whenever).)",
      flags, false);
  app->add_option("ID", flags->id, "A-Z a-z 0-9 _ . -, at most 128");
  app->add_option("--file", flags->file, "a declaration in JSON, in place of the options below");
  app->add_option("--description", flags->description, "what is tried, for people");
  app->add_option("--variant", flags->variants, "KEY=PERCENT; repeat it, the control first")
      ->allow_extra_args(false);
  app->add_option("--metric", flags->metrics, "what is measured; repeatable")
      ->allow_extra_args(false);
  app->add_option("--hash-mode", flags->mode, "md5_10000, md5_100, fnv1a_v2, fnv1a_v1")
      ->capture_default_str();
  app->add_option("--coverage", flags->coverage, "percent of the units that take part")
      ->capture_default_str();
  app->add_option("--layer", flags->layer, "NAME:LOW-HIGH: exclude the layer's other experiments");
  app->add_option("--holdout", flags->holdout, "NAME=PERCENT: units kept out of experiments");
  app->add_option("--condition", flags->condition, R"(who takes part, e.g. {"country": "DE"})");
  app->add_flag("--sticky", flags->sticky, "a unit keeps the variant it had first");
  app->add_option("--monitoring", flags->monitoring, "fixed, group-sequential, anytime")
      ->capture_default_str();
  app->add_option("--alpha", flags->alpha, "error level")->capture_default_str();
  app->add_option("--tuning-n", flags->tuning_n,
                  "units at which the always-valid interval is tightest")
      ->capture_default_str();
  app->add_flag("--start", flags->start, "start it at once");
  return {app, [flags] { return create(*flags); }};
}

}  // namespace

std::vector<Command> add_experiment_definition(CLI::App& group) {
  std::vector<Command> out{create_command(group)};
  const auto list_flags = std::make_shared<ExperimentFlags>();
  out.push_back({add_experiment_command(group, "list", "All experiments",
                                        "Examples  peira experiment list", list_flags, false),
                 [list_flags] { return list(*list_flags); }});
  const auto show_flags = std::make_shared<ExperimentFlags>();
  out.push_back({add_experiment_command(group, "show", "One experiment and its history",
                                        "Examples  peira experiment show prompt_v2", show_flags),
                 [show_flags] { return show(*show_flags); }});

  struct StartFlags : ExperimentFlags {
    int cooldown_days = 7;
  };
  const auto start_flags = std::make_shared<StartFlags>();
  CLI::App* start =
      add_experiment_command(group, "start", "Begin assigning units",
                             "Examples  peira experiment start prompt_v2", start_flags);
  start
      ->add_option("--cooldown-days", start_flags->cooldown_days,
                   "days a stopped experiment's layer buckets rest")
      ->capture_default_str();
  out.push_back({start, [start_flags] {
                   auto store = open_experiments(*start_flags);
                   show_changed(*start_flags,
                                store.start(start_flags->id, now_ms(), start_flags->cooldown_days),
                                "running");
                   return kPassed;
                 }});

  const auto ramp_flags = std::make_shared<RampFlags>();
  CLI::App* ramp_app =
      add_experiment_command(group, "ramp", "Change the traffic without moving anybody",
                             R"(Examples  peira experiment ramp prompt_v2 --coverage 20
          peira experiment ramp prompt_v2 --split 20,80      a new phase, analysed apart)",
                             ramp_flags);
  ramp_app->add_option("--coverage", ramp_flags->coverage, "percent of the units that take part");
  ramp_app->add_option("--split", ramp_flags->split, "percent a variant, in order; a new phase")
      ->delimiter(',');
  out.push_back({ramp_app, [ramp_flags] { return ramp(*ramp_flags); }});

  struct StopFlags : ExperimentFlags {
    std::string conclusion;
  };
  const auto stop_flags = std::make_shared<StopFlags>();
  CLI::App* stop = add_experiment_command(
      group, "stop", "End it, with what was concluded",
      R"(Examples  peira experiment stop prompt_v2 --conclusion "ship new")", stop_flags);
  stop->add_option("--conclusion", stop_flags->conclusion, "kept with the experiment");
  out.push_back({stop, [stop_flags] {
                   auto store = open_experiments(*stop_flags);
                   show_changed(*stop_flags,
                                store.stop(stop_flags->id, stop_flags->conclusion, now_ms()),
                                "stopped");
                   return kPassed;
                 }});
  return out;
}

}  // namespace peira::runner::cli
