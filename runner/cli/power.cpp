// peira power: how many questions and epochs a comparison needs, and what a finished one could see.

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "evals/planning.h"
#include "reports/terminal_table.h"
#include "runner/cli/command.h"
#include "runner/cli/tables.h"
#include "runner/store.h"
#include "runner/summary.h"
#include "stats/clustered_mean.h"

namespace peira::runner::cli {
namespace {

struct PowerFlags {
  std::string from, run, against, store;
  std::optional<double> difference, score, sampling_share, cluster_size, icc;
  std::optional<std::int64_t> questions;
  std::vector<int> epochs;
  double correlation = 0.5;
  stats::PowerOptions options;
  bool json = false;
};

struct Row {
  int epochs = 1;
  std::optional<std::int64_t> questions;           // for the difference; empty past a billion
  std::optional<std::int64_t> questions_unpaired;  // of either run, on different questions
  std::optional<double> smallest;                  // difference that the questions there are show
};

struct Answer {
  evals::ComparisonPlan plan;
  std::optional<std::int64_t> num_questions;  // there are, or asked about
  std::vector<Row> rows;
  std::optional<std::int64_t> mcnemar;
  std::optional<double> observed;  // difference of two finished runs
};

std::optional<std::int64_t> size_of(const stats::EvalDesign& design, double difference,
                                    const stats::PowerOptions& options) {
  try {
    return stats::sample_size_eval(design, difference, options).needed;
  } catch (const Error& failure) {
    if (!std::string(failure.what()).starts_with("BudgetExceeded")) throw;
    return std::nullopt;
  }
}

Answer answer_for(const PowerFlags& flags) {
  Answer answer;
  const std::string& run = flags.run.empty() ? flags.from : flags.run;
  if (!run.empty()) {
    const Store store(
        flags.store.empty() ? Store::default_path() : std::filesystem::path(flags.store),
        Store::Access::kReadOnly);
    const std::string id = store.resolve_run(run);
    if (flags.against.empty()) {
      const auto reader = std::make_shared<OutcomeReader>(store.scores(id));
      const evals::RunVariance pilot = evals::run_variance([reader] { return reader->next(); });
      answer.plan = evals::plan_from(pilot, flags.correlation);
      if (!flags.run.empty()) answer.num_questions = pilot.num_questions;
    } else {
      const evals::Comparison comparison =
          compare_runs(store, store.resolve_run(flags.against), id, {"all"});
      answer.plan = evals::plan_from(comparison);
      answer.observed = comparison.difference;
      if (!flags.run.empty()) answer.num_questions = comparison.num_pairs;
    }
  } else {
    answer.plan = evals::plan_from(*flags.score, flags.correlation, flags.sampling_share);
  }
  if (flags.questions) answer.num_questions = flags.questions;
  if (flags.cluster_size) {
    answer.plan.design.design_effect =
        stats::kish_design_effect(*flags.cluster_size, flags.icc.value_or(0));
    if (!(answer.plan.design.design_effect > 0)) {
      throw Error(ErrorCode::kUsage, "--cluster-size and --icc leave no variance");
    }
  }

  std::vector<int> epochs = flags.epochs;
  if (!answer.plan.split) {
    if (epochs.size() > 1 || (epochs.size() == 1 && epochs[0] != std::lround(answer.plan.epochs))) {
      throw Error(ErrorCode::kUsage,
                  "--epochs: with one answer a question, what more epochs would do is not known\n  "
                  "try: a pilot run with --epochs 2 or more, or --sampling-share S");
    }
    epochs = {static_cast<int>(std::lround(answer.plan.epochs))};
  } else if (epochs.empty()) {
    epochs = {1, 2, 4, 8, 16};
  }
  for (const int k : epochs) {
    stats::EvalDesign design = answer.plan.design;
    if (answer.plan.split) design.epochs_a = design.epochs_b = k;
    Row row;
    row.epochs = k;
    if (flags.difference) row.questions = size_of(design, *flags.difference, flags.options);
    if (flags.difference && !answer.plan.split) {
      stats::EvalDesign unpaired = design;
      unpaired.question_variance = answer.plan.unpaired_variance;
      row.questions_unpaired = size_of(unpaired, *flags.difference, flags.options);
    }
    if (answer.num_questions) {
      row.smallest = stats::detectable_difference_eval(
          design, static_cast<double>(*answer.num_questions), flags.options);
    }
    answer.rows.push_back(row);
  }
  if (answer.plan.binary && flags.difference && answer.plan.design.design_effect == 1) {
    answer.mcnemar = evals::mcnemar_size(answer.plan, *flags.difference, flags.options).needed;
  }
  return answer;
}

OrderedJson as_json(const PowerFlags& flags, const Answer& answer) {
  const auto optional_json = [](const auto& value) {
    return value ? OrderedJson(*value) : OrderedJson(nullptr);
  };
  OrderedJson rows = OrderedJson::array();
  for (const Row& row : answer.rows) {
    rows.push_back({{"epochs", row.epochs},
                    {"questions", optional_json(row.questions)},
                    {"questions_unpaired", optional_json(row.questions_unpaired)},
                    {"smallest_difference", optional_json(row.smallest)}});
  }
  const stats::EvalDesign& design = answer.plan.design;
  return {{"difference", optional_json(flags.difference)},
          {"power", flags.options.power},
          {"alpha", flags.options.alpha},
          {"one_sided", flags.options.one_sided},
          {"num_questions", optional_json(answer.num_questions)},
          {"observed_difference", optional_json(answer.observed)},
          {"basis", answer.plan.basis},
          {"question_variance", design.question_variance},
          {"sampling_variance_a",
           answer.plan.split ? OrderedJson(design.sampling_variance_a) : OrderedJson(nullptr)},
          {"sampling_variance_b",
           answer.plan.split ? OrderedJson(design.sampling_variance_b) : OrderedJson(nullptr)},
          {"design_effect", design.design_effect},
          {"questions_mcnemar", optional_json(answer.mcnemar)},
          {"epochs", rows}};
}

std::string as_text(const PowerFlags& flags, const Answer& answer) {
  const auto points = [](double share) { return fixed(100 * share, 1); };
  const std::string level = "power " + fixed(100 * flags.options.power, 0) + " %, error " +
                            fixed(100 * flags.options.alpha, 1) + " % " +
                            (flags.options.one_sided ? "one-sided" : "two-sided");
  std::string out;
  // Of a finished run, the sentence is about the epochs it had.
  const auto own = std::find_if(answer.rows.begin(), answer.rows.end(), [&](const Row& row) {
    return !flags.run.empty() && row.epochs == std::lround(answer.plan.epochs);
  });
  const Row& first = own == answer.rows.end() ? answer.rows.front() : *own;
  if (flags.difference) {
    out += "To see a difference of " + points(*flags.difference) + " points (" + level +
           "): " + (first.questions ? std::to_string(*first.questions) : "more than a billion") +
           " questions at " + std::to_string(first.epochs) +
           (first.epochs == 1 ? " epoch" : " epochs") + ", both runs on the same ones.\n";
  }
  if (answer.num_questions && first.smallest) {
    out += std::to_string(*answer.num_questions) + " questions at " + std::to_string(first.epochs) +
           (first.epochs == 1 ? " epoch" : " epochs") + " show a difference of " +
           points(*first.smallest) + " points or more (" + level + ").\n";
  }
  if (answer.observed) {
    out += "The runs differ by " + points(std::abs(*answer.observed)) + " points.\n";
  }
  out += answer.plan.basis + "\n\n";
  using reports::Align;
  reports::Table table{.headers = {"Epochs"}, .rows = {}, .alignments = {Align::kRight}};
  const auto column = [&table](const std::string& header) {
    table.headers.push_back(header);
    table.alignments.push_back(Align::kRight);
  };
  if (flags.difference) {
    column("Questions needed");
    column("Answers of each run");
    if (!answer.plan.split) column("Questions, unpaired");
  }
  if (answer.num_questions) {
    column("Smallest difference, " + std::to_string(*answer.num_questions) + " questions");
  }
  for (const Row& row : answer.rows) {
    std::vector<std::string> cells{std::to_string(row.epochs)};
    const auto count = [](const std::optional<std::int64_t>& n, int times) {
      return n ? std::to_string(*n * times) : std::string("> 10^9");
    };
    if (flags.difference) {
      cells.push_back(count(row.questions, 1));
      cells.push_back(count(row.questions, row.epochs));
      if (!answer.plan.split) cells.push_back(count(row.questions_unpaired, 1));
    }
    if (answer.num_questions) {
      cells.push_back(row.smallest ? points(*row.smallest) + " points" : "");
    }
    table.rows.push_back(std::move(cells));
  }
  out += draw(table);
  if (answer.mcnemar) {
    out +=
        "McNemar's test of right and wrong: " + std::to_string(*answer.mcnemar) + " questions.\n";
  }
  return out;
}

int power(const PowerFlags& flags) {
  const auto usage = [](const std::string& message) { throw Error(ErrorCode::kUsage, message); };
  const int bases =
      (flags.from.empty() ? 0 : 1) + (flags.run.empty() ? 0 : 1) + (flags.score ? 1 : 0);
  if (bases != 1) {
    usage("say where the spread comes from\n  try: one of --from RUN, --run RUN, --score 0.7");
  }
  if (!flags.against.empty() && flags.score) usage("--against goes with --from or --run");
  if (!flags.difference && flags.run.empty() && !flags.questions) {
    usage(
        "nothing is asked\n  try: --difference 0.03 for the questions needed, --questions 500 for "
        "the smallest difference");
  }
  if (flags.sampling_share && !flags.score) usage("--sampling-share goes with --score");
  if (flags.icc && !flags.cluster_size) usage("--icc goes with --cluster-size");
  const Answer answer = answer_for(flags);
  if (flags.json) {
    print_json(as_json(flags, answer));
  } else {
    print(as_text(flags, answer));
  }
  return kPassed;
}

}  // namespace

Command add_power(CLI::App& root) {
  CLI::App* app = add_subcommand(
      root, "power", "Say how many questions and epochs a comparison needs",
      R"(Examples  peira power --difference 0.03 --score 0.7              nothing known but the level
          peira power --difference 0.03 --from PILOT             a pilot run's own spread (--epochs 2 or
                                                                 more of it tell what epochs would buy)
          peira power --difference 0.02 --from A --against B     the spread of two runs' differences
          peira power --run A --against B                        the smallest difference they could show
          peira power --questions 500 --score 0.7 --sampling-share 0.4
          peira power --difference 0.03 --score 0.7 --cluster-size 5 --icc 0.2
Differences and scores are shares: 0.03 is three points. What a finished run "would have had" for the
difference it observed is not told: it says nothing that its p-value does not.)");
  const auto flags = std::make_shared<PowerFlags>();
  const auto share = CLI::Range(1e-9, 1.0);
  app->add_option("--difference", flags->difference, "to be seen, as a share")
      ->check(share)
      ->group("Question");
  app->add_option("--questions", flags->questions, "there are: the smallest difference they show")
      ->check(CLI::Range(2LL, 1'000'000'000LL))
      ->group("Question");
  app->add_option("--power", flags->options.power, "chance that it is seen")
      ->capture_default_str()
      ->group("Question");
  app->add_option("--alpha", flags->options.alpha, "error level")
      ->capture_default_str()
      ->group("Question");
  app->add_flag("--one-sided", flags->options.one_sided, "as for gates and non-inferiority")
      ->group("Question");
  app->add_option("--epochs", flags->epochs, "answers a question, several with commas [1,2,4,8,16]")
      ->delimiter(',')
      ->check(CLI::Range(1, 100000))
      ->allow_extra_args(false)
      ->group("Question");
  app->add_option("--from", flags->from, "a pilot run to take the spread from")->group("Spread");
  app->add_option("--run", flags->run, "a finished run: what could it show?")->group("Spread");
  app->add_option("--against", flags->against, "the other run of a comparison")->group("Spread");
  app->add_option("--score", flags->score, "assumed share of right answers")->group("Spread");
  app->add_option("--correlation", flags->correlation,
                  "assumed, of the two runs' scores over questions")
      ->capture_default_str()
      ->group("Spread");
  app->add_option("--sampling-share", flags->sampling_share,
                  "of the variance of one answer, what is noise between answers to one question")
      ->group("Spread");
  app->add_option("--cluster-size", flags->cluster_size, "questions that share a context")
      ->check(CLI::Range(1.0, 1e9))
      ->group("Spread");
  app->add_option("--icc", flags->icc, "correlation of differences within a cluster [0]")
      ->check(CLI::Range(-1.0, 1.0))
      ->group("Spread");
  app->add_option("--store", flags->store, "the file runs are kept in [the user's data folder]");
  app->add_flag("--json", flags->json, "one JSON object");
  return {app, [flags] { return power(*flags); }};
}

}  // namespace peira::runner::cli
