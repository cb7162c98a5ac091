#include "runner/cli/judged_score.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "datasets/dataset.h"
#include "evals/comparison.h"
#include "evals/judges/judges.h"
#include "evals/suite.h"
#include "reports/json.h"
#include "reports/tables.h"
#include "runner/cli/command.h"
#include "runner/cli/tables.h"
#include "runner/judging/agreement.h"
#include "runner/rescore.h"
#include "runner/summary.h"
#include "stats/mcnemar.h"

namespace peira::runner::cli {
namespace {

constexpr std::size_t kMostShown = 20;

// Everything that judging one run again needs.
struct Bench {
  explicit Bench(const std::filesystem::path& path) : store(path) {}

  Store store;
  RunInfo info;
  evals::Suite suite;
  std::string profile;  // of `suite`
  SampleSource samples;
  std::string against;  // id of the run with the other replies; "" for none
};

std::shared_ptr<const evals::ModelJudge> declared_judge(const JudgedScoreFlags& flags) {
  if (!flags.judge.rubric.empty()) {
    auto judge = evals::judge_from_file(flags.judge.rubric);
    if (!flags.against.empty() && judge->name != "pairwise") {
      throw Error(ErrorCode::kUsage, "--against compares replies in pairs, and " +
                                         flags.judge.rubric + " declares a judge of kind " +
                                         judge->name);
    }
    return judge;
  }
  return flags.against.empty() ? nullptr : evals::plain_pairwise_judge();
}

std::unique_ptr<Bench> set_up(const JudgedScoreFlags& flags) {
  auto made = std::make_unique<Bench>(flags.store.empty() ? Store::default_path()
                                                          : std::filesystem::path(flags.store));
  Bench& bench = *made;
  bench.profile = flags.profile;
  bench.info = bench.store.run(bench.store.resolve_run(flags.run));
  bench.suite = evals::find_suite(flags.suite.empty() ? bench.info.suite : flags.suite);
  if (const auto judge = declared_judge(flags)) {
    // The profile the run was made with says how options were shown.
    std::string base = flags.profile.empty() ? bench.info.profile : flags.profile;
    const bool is_known =
        std::any_of(bench.suite.profiles.begin(), bench.suite.profiles.end(),
                    [&base](const evals::Profile& profile) { return profile.name == base; });
    if (!is_known) base = base.substr(0, base.find('+'));
    bench.suite = evals::with_judge(bench.suite, base, judge);
    bench.profile.clear();
  }
  bench.samples = source_of(bench.suite, flags.data.empty() ? bench.info.dataset : flags.data);
  if (!flags.against.empty()) {
    bench.against = bench.store.resolve_run(flags.against);
    const RunInfo other = bench.store.run(bench.against);
    if (other.suite != bench.info.suite) {
      throw Error(ErrorCode::kUsage, "run " + other.id + " is of suite " + other.suite + ", run " +
                                         bench.info.id + " of " + bench.info.suite);
    }
  }
  return made;
}

// The replies of a run by row and epoch.
std::function<std::optional<std::string>(std::int64_t, int)> replies_of(const Bench& bench) {
  if (bench.against.empty()) return {};
  const auto reader = std::make_shared<Store>(bench.store.path(), Store::Access::kReadOnly);
  const auto stories = std::make_shared<StoryReader>(reader->stories(bench.against));
  const auto current = std::make_shared<std::optional<SampleStory>>(stories->next());
  // Both runs are read in the order of row and epoch: nothing needs to be kept.
  return [reader, stories, current](std::int64_t row, int epoch) -> std::optional<std::string> {
    while (*current &&
           std::pair((*current)->answer.row, (*current)->answer.epoch) < std::pair(row, epoch)) {
      *current = stories->next();
    }
    if (!*current || (*current)->answer.row != row || (*current)->answer.epoch != epoch) {
      return std::nullopt;
    }
    return (*current)->transcript.response;
  };
}

// A new run of the same replies with the verdicts of the model `judge`.
std::string judge_run(Bench& bench, const std::string& judge, const JudgedScoreFlags& flags) {
  const evals::Profile& profile = bench.suite.profile(bench.profile);
  if (profile.judge == nullptr) {
    throw Error(ErrorCode::kUsage, "profile " + profile.name + " of suite " + bench.suite.name +
                                       " is judged by rules\n  try: --rubric FILE, a text that "
                                       "says what a good reply is");
  }
  const std::unique_ptr<ModelClient> model = open_judge(judge, flags.judge, flags.models);
  JudgeDesk desk(*model, profile.judge, bench.store.path(), flags.judge.settings);
  JudgeProgress progress(bench.info.answers, flags.quiet);
  Judging judging;
  judging.desk = &desk;
  judging.other = replies_of(bench);
  judging.against = bench.against;
  judging.on_progress = [&](std::int64_t done) { progress.show(done); };
  const RescoreResult result =
      rescore(bench.store, bench.info.id, bench.suite, bench.profile, bench.samples, judging);
  progress.end();
  note_judge_counts(desk);
  return result.run_id;
}

// What `word` of --judges stands for: a run of the same replies, or a model.
std::string run_of(Bench& bench, const std::string& word, const JudgedScoreFlags& flags) {
  try {
    const std::string id = bench.store.resolve_run(word);
    if (bench.store.run(id).transcript_key == bench.info.transcript_key) return id;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUsage) throw;
  }
  return judge_run(bench, word, flags);
}

// ---- pairs ----

struct Pairs {
  std::int64_t wins = 0, ties = 0, losses = 0, first = 0, second = 0;
  std::int64_t total() const { return wins + ties + losses; }
};

Pairs count_pairs(const Store& store, const std::string& run_id) {
  Pairs pairs;
  OutcomeReader reader = store.outcomes(run_id);
  while (const auto outcome = reader.next()) {
    if (outcome->score.state == evals::AnswerState::kFailed) continue;
    ++(outcome->score.value == 1   ? pairs.wins
       : outcome->score.value == 0 ? pairs.losses
                                   : pairs.ties);
    const int position = evals::position_of(outcome->score);
    pairs.first += position == 1 ? 1 : 0;
    pairs.second += position == 2 ? 1 : 0;
  }
  return pairs;
}

// Of the chance that position favours neither side.
double position_p(const Pairs& pairs) {
  if (pairs.first + pairs.second == 0) return 1;
  stats::PairedCounts counts;
  counts.only_a = pairs.first;
  counts.only_b = pairs.second;
  return stats::mcnemar_test(counts).exact_p;
}

std::string pairs_text(const Pairs& pairs) {
  const auto of_all = [&](std::int64_t count) {
    const double share = static_cast<double>(count) / static_cast<double>(pairs.total());
    return std::to_string(count) + " (" + reports::percent(share) + ")";
  };
  if (pairs.total() == 0) return {};
  std::string text = "Pairs: " + of_all(pairs.wins) + " won, " + of_all(pairs.ties) + " tied, " +
                     of_all(pairs.losses) + " lost, each asked in both orders.\n";
  const std::int64_t decided = pairs.first + pairs.second;
  text += "Position: " + of_all(decided) +
          " went with it and count as ties: " + std::to_string(pairs.first) +
          " to the first shown, " + std::to_string(pairs.second) + " to the second (" +
          evals::p_value_text(position_p(pairs)) + " that it favours neither).\n";
  return text;
}

// ---- agreement ----

std::string interval(double low, double high, int decimals) {
  return fixed(low, decimals) + " to " + fixed(high, decimals);
}

std::string category_text(double value) {
  std::string text = fixed(value, 2);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string agreement_text(const JudgeAgreement& agreement, const std::string& a,
                           const std::string& b) {
  std::string text = "A is " + a + ", B is " + b + ".\n";
  text += "Equal verdicts on " + reports::percent(agreement.observed) + " of " +
          std::to_string(agreement.num_items) + " answers";
  if (agreement.num_left_out > 0) {
    text += " (" + std::to_string(agreement.num_left_out) + " without a verdict by both left out)";
  }
  text += "; mean score of A " + fixed(agreement.mean_a, 3) + ", of B " +
          fixed(agreement.mean_b, 3) + ".\n";
  if (agreement.kappa) {
    const stats::Interval bounds = agreement.kappa->interval();
    text += std::string("Cohen's kappa") +
            (agreement.categories.size() > 2 ? ", weighted by squares, " : " ") +
            fixed(agreement.kappa->kappa, 3) + " (95 % CI " + interval(bounds.low, bounds.high, 3) +
            ")";
  } else {
    text += "Cohen's kappa is not defined: " + agreement.why_no_kappa;
  }
  if (agreement.ac1) text += "; Gwet's AC1 " + fixed(*agreement.ac1, 3);
  text += ".\n\n";

  reports::Table table;
  table.headers = {"A \\ B"};
  table.alignments = {reports::Align::kRight};
  for (const double category : agreement.categories) {
    table.headers.push_back(category_text(category));
    table.alignments.push_back(reports::Align::kRight);
  }
  for (std::size_t i = 0; i < agreement.categories.size(); ++i) {
    std::vector<std::string> row{category_text(agreement.categories[i])};
    for (const std::int64_t count : agreement.counts[i]) row.push_back(std::to_string(count));
    table.rows.push_back(std::move(row));
  }
  text += draw(table);
  if (agreement.disagreements.empty()) return text;
  text += "\n" + std::to_string(agreement.disagreements.size()) + " disagreements:\n";
  for (std::size_t i = 0; i < std::min(kMostShown, agreement.disagreements.size()); ++i) {
    const Disagreement& one = agreement.disagreements[i];
    text += "  " + reports::printable(one.sample_id) +
            (one.epoch > 0 ? ", epoch " + std::to_string(one.epoch) : "") + "  A " +
            category_text(one.value_a) + ", B " + category_text(one.value_b) + "\n" +
            quoted("A: " + one.why_a, "      ") + quoted("B: " + one.why_b, "      ");
  }
  if (agreement.disagreements.size() > kMostShown) {
    text += "  " + std::to_string(agreement.disagreements.size() - kMostShown) +
            " more: --json has all\n";
  }
  return text;
}

OrderedJson agreement_json(const JudgeAgreement& agreement) {
  OrderedJson out{{"num_items", agreement.num_items}, {"num_left_out", agreement.num_left_out},
                  {"observed", agreement.observed},   {"mean_a", agreement.mean_a},
                  {"mean_b", agreement.mean_b},       {"categories", agreement.categories},
                  {"counts", agreement.counts}};
  if (agreement.kappa) {
    const stats::Interval bounds = agreement.kappa->interval();
    out["kappa"] = agreement.kappa->kappa;
    out["kappa_low"] = bounds.low;
    out["kappa_high"] = bounds.high;
  } else {
    out["kappa"] = nullptr;
    out["why_no_kappa"] = agreement.why_no_kappa;
  }
  out["ac1"] = agreement.ac1 ? Json(*agreement.ac1) : Json(nullptr);
  out["disagreements"] = OrderedJson::array();
  for (const Disagreement& one : agreement.disagreements) {
    out["disagreements"].push_back({{"sample_id", one.sample_id},
                                    {"epoch", one.epoch},
                                    {"value_a", one.value_a},
                                    {"value_b", one.value_b},
                                    {"why_a", one.why_a},
                                    {"why_b", one.why_b}});
  }
  return out;
}

// ---- labels ----

std::string estimate_text(const stats::PredictionPoweredMean& mean) {
  const stats::Interval bounds = mean.interval();
  return fixed(100 * mean.estimate, 1) + " % (95 % CI " +
         interval(100 * bounds.low, 100 * bounds.high, 1) + ")";
}

std::string labels_text(const LabelledScore& score) {
  std::string text = "Labels of people on " + std::to_string(score.num_labels) + " questions, " +
                     std::to_string(score.num_unlabelled) + " have the judge's verdict alone.\n" +
                     "  by the judge        " + fixed(100 * score.judge_mean, 1) + " %\n" +
                     "  by the labels alone " + estimate_text(score.labels_alone) + "\n";
  if (score.powered) {
    text += "  by both (PPI++)     " + estimate_text(*score.powered) + ", the judge trusted at " +
            fixed(score.powered->lambda, 2) + " of 1\n";
    for (const std::string& warning : score.powered->warnings) {
      if (warning == "few_labels") {
        text += "  fewer than 30 labels: the intervals are rough\n";
      } else if (warning == "constant_judge") {
        text += "  the judge says the same of all: it adds nothing\n";
      }
    }
  }
  if (score.kappa) {
    const stats::Interval bounds = score.kappa->interval();
    text += "Judge and labels: Cohen's kappa " + fixed(score.kappa->kappa, 3) + " (95 % CI " +
            interval(bounds.low, bounds.high, 3) + ").\n";
  }
  return text + "The labelled questions must be a random choice of all.\n";
}

OrderedJson estimate_json(const stats::PredictionPoweredMean& mean) {
  const stats::Interval bounds = mean.interval();
  return {{"estimate", mean.estimate}, {"std_error", mean.std_error}, {"low", bounds.low},
          {"high", bounds.high},       {"lambda", mean.lambda},       {"warnings", mean.warnings}};
}

OrderedJson labels_json(const LabelledScore& score) {
  OrderedJson out{{"num_labels", score.num_labels},
                  {"num_unlabelled", score.num_unlabelled},
                  {"judge_mean", score.judge_mean},
                  {"labels_alone", estimate_json(score.labels_alone)},
                  {"powered", nullptr},
                  {"kappa", nullptr}};
  if (score.powered) out["powered"] = estimate_json(*score.powered);
  if (score.kappa) out["kappa"] = score.kappa->kappa;
  return out;
}

}  // namespace

void add_judged_score_flags(CLI::App& app, JudgedScoreFlags& flags) {
  add_judge_flags(app, flags.judge);
  app.add_option("--judges", flags.judges,
                 "two judges, models or runs judged already: how far they agree")
      ->type_name("A,B")
      ->group("Judge");
  app.add_option("--against", flags.against,
                 "judge the replies of the run in pairs with those of another")
      ->type_name("RUN")
      ->group("Judge");
  app.add_option("--labels", flags.labels,
                 "labels of people (id or row, label): the score that they and the judge give "
                 "together")
      ->type_name("FILE")
      ->group("Judge");
}

int judged_score(const JudgedScoreFlags& flags) {
  if (!flags.judges.empty() && flags.judge.is_given()) {
    throw Error(ErrorCode::kUsage, "--judge and --judges: give one of them");
  }
  const std::unique_ptr<Bench> made = set_up(flags);
  Bench& bench = *made;
  std::vector<std::string> runs;
  if (!flags.judges.empty()) {
    const std::size_t comma = flags.judges.find(',');
    if (comma == std::string::npos || comma == 0 || comma + 1 == flags.judges.size() ||
        flags.judges.find(',', comma + 1) != std::string::npos) {
      throw Error(ErrorCode::kUsage, "--judges " + flags.judges +
                                         ": names two models, or runs judged already, with a comma "
                                         "between");
    }
    runs.push_back(run_of(bench, flags.judges.substr(0, comma), flags));
    runs.push_back(run_of(bench, flags.judges.substr(comma + 1), flags));
  } else if (flags.judge.is_given()) {
    runs.push_back(judge_run(bench, flags.judge.model, flags));
  } else if (!flags.labels.empty() && flags.judge.rubric.empty() && flags.against.empty()) {
    runs.push_back(bench.info.id);
  } else {
    throw Error(ErrorCode::kUsage,
                std::string(flags.against.empty() ? "--rubric" : "--against") +
                    " says what is to be judged, and not by whom\n  try: --judge MODEL");
  }

  std::vector<evals::RunRecord> records;
  for (const std::string& run : runs) records.push_back(summarize(bench.store, run));
  std::optional<JudgeAgreement> agreement;
  if (runs.size() == 2) agreement = judge_agreement(bench.store, runs[0], runs[1]);
  std::vector<LabelledScore> labelled;
  if (!flags.labels.empty()) {
    for (const std::string& run : runs) {
      labelled.push_back(score_with_labels(bench.store, run, flags.labels));
    }
  }
  std::vector<Pairs> pairs;
  const auto& judge = bench.suite.profile(bench.profile).judge;
  if (judge != nullptr && judge->name == "pairwise") {
    for (const std::string& run : runs) pairs.push_back(count_pairs(bench.store, run));
  }

  if (flags.json) {
    OrderedJson out{{"rescored_from", bench.info.id}, {"runs", OrderedJson::array()}};
    for (const evals::RunRecord& record : records) out["runs"].push_back(reports::to_json(record));
    if (agreement) out["agreement"] = agreement_json(*agreement);
    for (const Pairs& one : pairs) {
      out["pairs"].push_back({{"wins", one.wins},
                              {"ties", one.ties},
                              {"losses", one.losses},
                              {"position_first", one.first},
                              {"position_second", one.second},
                              {"position_p", position_p(one)}});
    }
    for (const LabelledScore& one : labelled) out["labels"].push_back(labels_json(one));
    print_json(out);
    return kPassed;
  }
  if (agreement) {
    print(run_table(records) + "\n" +
          agreement_text(*agreement, records[0].run_id, records[1].run_id));
  } else {
    print(run_details(records.front()));
  }
  for (const Pairs& one : pairs) print("\n" + pairs_text(one));
  for (const LabelledScore& one : labelled) print("\n" + labels_text(one));
  return kPassed;
}

}  // namespace peira::runner::cli
