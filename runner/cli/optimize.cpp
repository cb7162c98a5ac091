// peira optimize: is there a better prompt than the official one, and is that more than luck?

#include <atomic>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "evals/prompt_strategies.h"
#include "reports/details_tables.h"
#include "runner/cli/command.h"
#include "runner/cli/model_options.h"
#include "runner/cli/strategies.h"
#include "runner/cli/tables.h"
#include "runner/durations.h"
#include "runner/endpoints/open_model.h"
#include "runner/nightly/night_store.h"
#include "runner/optimize/optimize.h"
#include "runner/progress.h"
#include "runner/run_cost.h"
#include "runner/store.h"

namespace peira::runner::cli {
namespace {

using optimize::Verdict;

std::atomic<bool> stop_requested{false};

void request_stop(int signal_number) {
  stop_requested.store(true);
  std::signal(signal_number, SIG_DFL);
}

struct OptimizeFlags {
  std::string suite, data, profile, reference = "official", shots, store;
  std::vector<std::string> variants{"all"};
  ModelFlags model;
  SamplingFlags sampling;
  std::optional<int> max_tokens;
  std::string prices;
  std::int64_t budget = 0;
  std::optional<std::int64_t> token_budget;
  std::optional<double> dollar_budget;
  double alpha = 0.05, train_share = 0;
  std::uint64_t seed = 0;
  bool list = false, json = false, quiet = false;
};

// What the model's tokens cost today.
std::optional<Price> price_of(const Store& store, const ModelClient& model,
                              const std::string& prices) {
  const Json weights = model.identity().value("weights", Json(nullptr));
  const std::string address = weights.is_object() ? weights.value("endpoint", std::string()) : "";
  return prices_for(store, prices).find(model.name(), address, utc_now());
}

SampleSource source_for(const evals::Suite& suite, const std::string& data) {
  datasets::DatasetFile file = datasets::find_dataset(data, suite.data_kind);
  if (suite.data_kind == "table") file.fields = suite.fields;
  return source_of(file);
}

// Every prompt there is that fits the questions, the reference left out.
std::vector<evals::PromptVariant> all_variants(const OptimizeFlags& flags,
                                               const SampleSource& samples) {
  std::vector<std::string> names{"official", "direct", "chain-of-thought"};
  for (const evals::PromptStrategy& strategy : evals::prompt_strategies()) {
    names.emplace_back(strategy.name);
  }
  if (flags.train_share > 0 || !flags.shots.empty()) names.emplace_back("few-shot-3");
  const std::optional<datasets::Sample> first = samples.open()->next();
  std::vector<evals::PromptVariant> variants;
  for (const std::string& name : names) {
    if (name == flags.reference) continue;
    evals::PromptVariant variant = evals::parse_variant(name);
    if (first && evals::strategy_misfit(variant, *first)) continue;
    variants.push_back(std::move(variant));
  }
  return variants;
}

const char* to_text(Verdict verdict) {
  return verdict == Verdict::kBetter  ? "better"
         : verdict == Verdict::kWorse ? "worse"
                                      : "undecided";
}

std::string points(double value) { return fixed(100 * value, 1); }

std::string sentence(const optimize::OptimizeOutcome& outcome,
                     const optimize::OptimizeOptions& options) {
  const optimize::Final& final = outcome.selection.final;
  const std::string winner = options.challengers[outcome.selection.winner].name;
  const std::string reference = options.reference.name;
  std::ostringstream text;
  if (final.verdict == Verdict::kBetter) {
    text << "Better: " << winner << " beats " << reference;
  } else if (final.verdict == Verdict::kWorse) {
    text << "Not better: " << winner << ", the best in development, is worse than " << reference;
  } else {
    text << "Undecided: " << winner << " was the best in development; against " << reference
         << " no difference is shown";
  }
  text << " on " << final.num_pairs << " held-out questions: " << points(final.winner_mean)
       << " % against " << points(final.reference_mean) << " %, difference "
       << points(final.difference) << " points";
  if (final.low) {
    text << ", " << std::lround(100 * (1 - options.alpha)) << " % CI " << points(*final.low)
         << " to " << points(*final.high);
  }
  text << ", p = " << fixed(final.p, 4) << ".\n";
  text << "Choosing on the development questions made it look "
       << points(std::fabs(outcome.selection.optimism)) << " points "
       << (outcome.selection.optimism >= 0 ? "better" : "worse") << " than it is on those held out";
  if (outcome.selection.optimism_std_error) {
    text << " (standard error " << points(*outcome.selection.optimism_std_error) << ")";
  }
  text << "; the verdict rests on the latter alone: one comparison, at an error of "
       << fixed(options.alpha, 2) << ".\n";
  if (final.failed_pairs > 0) text << final.failed_pairs << " pairs failed and are left out.\n";
  return text.str();
}

OrderedJson json_of(const optimize::OptimizeOutcome& outcome,
                    const optimize::OptimizeOptions& options) {
  OrderedJson standings = OrderedJson::array();
  OrderedJson final = nullptr;
  if (outcome.complete) {
    for (const optimize::Standing& standing : outcome.selection.standings) {
      standings.push_back({{"prompt", options.challengers[standing.variant].name},
                           {"rounds", standing.num_rounds},
                           {"questions", standing.num_scored},
                           {"development_score", standing.mean}});
    }
    const optimize::Final& f = outcome.selection.final;
    final = {{"winner", options.challengers[outcome.selection.winner].name},
             {"reference", options.reference.name},
             {"verdict", to_text(f.verdict)},
             {"pairs", f.num_pairs},
             {"clusters", f.num_clusters},
             {"failed_pairs", f.failed_pairs},
             {"winner_score", f.winner_mean},
             {"reference_score", f.reference_mean},
             {"difference", f.difference},
             {"low", f.low ? OrderedJson(*f.low) : OrderedJson(nullptr)},
             {"high", f.high ? OrderedJson(*f.high) : OrderedJson(nullptr)},
             {"p", f.p},
             {"test", "sign flips of clusters, two-sided, held-out questions only"},
             {"alpha", options.alpha},
             {"optimism", outcome.selection.optimism},
             {"winner_run", outcome.winner_run},
             {"reference_run", outcome.reference_run}};
  }
  return {{"complete", outcome.complete},
          {"why_stopped", outcome.why_stopped},
          {"budget", options.budget},
          {"questions_planned", outcome.plan.num_questions},
          {"questions_asked", outcome.questions_asked},
          {"tokens", outcome.tokens},
          {"dollars", outcome.dollars ? OrderedJson(*outcome.dollars) : OrderedJson(nullptr)},
          {"token_budget",
           options.token_budget ? OrderedJson(*options.token_budget) : OrderedJson(nullptr)},
          {"dollar_budget",
           options.dollar_budget ? OrderedJson(*options.dollar_budget) : OrderedJson(nullptr)},
          {"split", outcome.split},
          {"development", std::move(standings)},
          {"final", std::move(final)},
          {"runs", outcome.runs}};
}

int list_prompts(const OptimizeFlags& flags) {
  if (flags.json) {
    print_json(OrderedJson{{"strategies", strategies_json()}});
  } else {
    print(strategies_text() +
          "\nalso: official, direct, chain-of-thought, few-shot-N, or a template file\n");
  }
  return kPassed;
}

int run_optimize(const OptimizeFlags& flags) {
  if (flags.list) return list_prompts(flags);
  if (flags.suite.empty() || flags.budget == 0) {
    throw Error(ErrorCode::kUsage,
                std::string(flags.suite.empty() ? "name the suite" : "--budget N is needed") +
                    "\n  try: peira optimize " + (flags.suite.empty() ? "gpqa" : flags.suite) +
                    " --budget 400");
  }
  optimize::OptimizeOptions options;
  RunOptions& run = options.run;
  run.suite = evals::find_suite(flags.suite);
  run.profile = flags.profile;
  run.samples = source_for(run.suite, flags.data.empty() ? run.suite.default_data : flags.data);
  if (!flags.shots.empty()) run.shots = source_for(run.suite, flags.shots);
  run.seed = flags.seed;
  run.max_tokens = flags.max_tokens;
  run.sampling = flags.sampling.overrides();
  run.stop_requested = &stop_requested;
  options.reference = evals::parse_variant(flags.reference);
  if (flags.variants.size() == 1 && flags.variants.front() == "all") {
    options.challengers = all_variants(flags, run.samples);
  } else {
    for (const std::string& variant : flags.variants) {
      options.challengers.push_back(evals::parse_variant(variant));
    }
  }
  options.budget = flags.budget;
  options.alpha = flags.alpha;
  options.training_share = flags.train_share;
  options.seed = flags.seed;

  Store store(flags.store.empty() ? Store::default_path() : std::filesystem::path(flags.store));
  const std::unique_ptr<ModelClient> model = open_model(flags.model.model, flags.model.options());
  options.token_budget = flags.token_budget;
  options.dollar_budget = flags.dollar_budget;
  options.price = price_of(store, *model, flags.prices);
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  ProgressDisplay display(stderr, ProgressDisplay::style_for(stderr, flags.quiet));
  run.on_progress = [&](const RunProgress& progress) { display.show(progress); };
  options.on_note = [&](const std::string& line) { display.note(line); };
  const optimize::OptimizeOutcome outcome = optimize::optimize_prompt(store, *model, options);

  if (flags.json) {
    print_json(json_of(outcome, options));
  } else if (outcome.complete) {
    reports::Table table;
    table.headers = {"Prompt", "Rounds", "Questions", "Development score"};
    table.alignments = {reports::Align::kLeft, reports::Align::kRight, reports::Align::kRight,
                        reports::Align::kRight};
    for (const optimize::Standing& standing : outcome.selection.standings) {
      table.rows.push_back({options.challengers[standing.variant].name,
                            std::to_string(standing.num_rounds),
                            std::to_string(standing.num_scored), points(standing.mean) + " %"});
    }
    print(sentence(outcome, options) + "\n" + draw(table));
    note(std::to_string(outcome.questions_asked) + " questions asked of a budget of " +
         std::to_string(options.budget) + ", " + std::to_string(outcome.tokens) + " tokens" +
         (outcome.dollars ? " (" + reports::dollars_text(*outcome.dollars) + ")" : "") +
         "; next: peira compare " + outcome.reference_run + " " + outcome.winner_run +
         " --vary prompt");
  }
  if (!outcome.complete) {
    note(outcome.why_stopped +
         "\nthe same command continues where it stopped, with a larger budget if one is spent");
    return kIncomplete;
  }
  const Verdict verdict = outcome.selection.final.verdict;
  return verdict == Verdict::kBetter ? kPassed : verdict == Verdict::kWorse ? kFailed : kIncomplete;
}

}  // namespace

Command add_optimize(CLI::App& root) {
  CLI::App* app =
      add_subcommand(root, "optimize", "Look for a better prompt, and prove that it is one",
                     R"(Examples  peira optimize gpqa --model bundled --budget 400
          peira optimize aime --variants direct,plan-first,mine.txt --budget 600 --seed 7
          peira optimize gpqa --model openai:M@URL --budget 400 --dollar-budget 2.50
          peira optimize --list
          peira optimize gpqa --variants few-shot-1,few-shot-3 --train-share 0.3 --budget 300
Half of the questions (by a seeded hash of their cluster) are for development: there the prompts are
asked in rounds, and the better half of them goes on. The best is then compared with the reference, once,
on questions held out. Exit 0: shown to be better, 1: shown to be worse, 5: undecided or interrupted.
Every answer is in a stored run; the same command continues, and asks nothing twice.
Prompts are official, direct, chain-of-thought, few-shot-N, a template file, or a strategy by name
(--list).)");
  const auto flags = std::make_shared<OptimizeFlags>();
  app->add_option("SUITE", flags->suite, "a suite's name (peira suites) or a JSON declaration");
  app->add_flag("--list", flags->list, "list the strategies and end");
  app->add_option("--variants", flags->variants,
                  "prompts to try, with commas between; all: those that fit")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str();
  app->add_option("--reference", flags->reference, "the prompt to beat")->capture_default_str();
  app->add_option("--budget", flags->budget, "questions asked in all, never more")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  app->add_option("--token-budget", flags->token_budget,
                  "stop once so many tokens were read and written, earlier sittings included")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  app->add_option("--dollar-budget", flags->dollar_budget, "stop once so many dollars are spent")
      ->type_name("DOLLARS")
      ->check(CLI::PositiveNumber);
  app->add_option("--prices", flags->prices,
                  "what models' tokens cost [prices.json beside the store]")
      ->type_name("FILE");
  app->add_option("--alpha", flags->alpha, "most chance of a wrong verdict")
      ->capture_default_str()
      ->check(CLI::Range(1e-6, 0.5));
  app->add_option("--train-share", flags->train_share,
                  "share of the questions set apart for few-shot examples, never asked")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 0.9));
  app->add_option("--shots", flags->shots, "file that few-shot examples are taken from");
  app->add_option("--data", flags->data, "file or dataset name [the suite's sample set]");
  app->add_option("--profile", flags->profile, "prompt and scorer (peira suites) [the first]");
  app->add_option("--max-tokens", flags->max_tokens, "longest answer, in tokens [the suite's]")
      ->check(CLI::Range(1, 10'000'000));
  app->add_option("--seed", flags->seed, "of the split, the orders and the answers")
      ->capture_default_str();
  add_model_flags(*app, flags->model);
  add_sampling_flags(*app, flags->sampling);
  app->add_option("--store", flags->store, "the file runs are kept in [the user's data folder]");
  app->add_flag("--json", flags->json, "one JSON object");
  app->add_flag("--quiet", flags->quiet, "no progress");
  return {app, [flags] { return run_optimize(*flags); }};
}

}  // namespace peira::runner::cli
