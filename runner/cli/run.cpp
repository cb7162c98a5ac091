// peira run: suites on a model, every sample recorded.

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "evals/judge.h"
#include "evals/judges/judges.h"
#include "evals/suite.h"
#include "reports/json.h"
#include "runner/cli/command.h"
#include "runner/cli/episode_options.h"
#include "runner/cli/judge_options.h"
#include "runner/cli/media_options.h"
#include "runner/cli/model_options.h"
#include "runner/cli/stop_options.h"
#include "runner/cli/tables.h"
#include "runner/endpoints/open_model.h"
#include "runner/executor.h"
#include "runner/judge.h"
#include "runner/manifest.h"
#include "runner/monitor/recorded_client.h"
#include "runner/progress.h"
#include "runner/store.h"
#include "runner/summary.h"

namespace peira::runner::cli {
namespace {

// Set by SIGINT and SIGTERM: the executor then commits what it has and leaves a run to resume.
std::atomic<bool> stop_requested{false};

void request_stop(int signal_number) {
  stop_requested.store(true);
  // A second signal ends the process at once; what is committed stays.
  std::signal(signal_number, SIG_DFL);
}

struct RunFlags {
  std::vector<std::string> suites;
  ModelFlags model;
  model::Overflow overflow = model::Overflow::kFail;
  bool video_sound = false;
  TemplateFlags chat_template;
  SamplingFlags sampling;
  FormatFlags format;
  StopFlags decision;
  JudgeFlags judge;
  EpisodeFlags episode;
  std::vector<std::string> data, variants{"official"};
  std::string since, until, subtitles;
  std::string name, profile, method = "generate", shots, store, resume, max_failures = "5%";
  std::optional<std::int64_t> limit;
  std::optional<int> max_tokens;
  std::optional<double> timeout_s;
  std::vector<std::string> stop;
  int epochs = 1, retries = 3, in_flight = 0;
  std::uint64_t seed = 0;
  std::int64_t keep_media_mib = MediaFolder::kDefaultLimit >> 20U;
  bool begin_new = false, retry_failed = false, no_cache = false, no_format = false, json = false,
       quiet = false;
};

// The data for `suite` among what was given as --data: "PATH" when there is one suite, "SUITE=PATH"
// when there are more; the suite's own default when nothing was given for it.
std::string data_for(const RunFlags& flags, const std::string& word, const evals::Suite& suite) {
  for (const std::string& given : flags.data) {
    const std::size_t equals = given.find('=');
    const bool names_suite =
        equals != std::string::npos && !std::filesystem::exists(std::filesystem::path(given));
    if (names_suite) {
      const std::string name = given.substr(0, equals);
      if (name == suite.name || name == word) return given.substr(equals + 1);
      bool known = false;
      for (const std::string& other : flags.suites) known = known || other == name;
      if (!known) {
        throw Error(ErrorCode::kUsage,
                    "--data " + given + ": " + name + " is not among the suites of this command");
      }
    } else if (flags.suites.size() == 1) {
      return given;
    } else {
      throw Error(ErrorCode::kUsage, "--data " + given +
                                         ": several suites need to be told apart\n  try: --data " +
                                         flags.suites.front() + "=" + given);
    }
  }
  return suite.default_data;
}

RunOptions options_for(const RunFlags& flags, const std::string& word, const std::string& variant) {
  RunOptions options;
  options.suite = evals::find_suite(word);
  options.profile = flags.profile;
  if (!flags.judge.rubric.empty()) {
    options.suite =
        evals::with_judge(options.suite, flags.profile, evals::judge_from_file(flags.judge.rubric));
    options.profile.clear();
  }
  options.variant = evals::parse_variant(variant);
  options.samples = source_of(options.suite, data_for(flags, word, options.suite),
                              datasets::parse_window(flags.since, flags.until));
  options.unsafe_no_sandbox = flags.episode.unsafe_no_sandbox;
  if (!flags.shots.empty()) options.shots = source_of(options.suite, flags.shots);
  options.limit = flags.limit;
  options.epochs = flags.epochs;
  options.seed = flags.seed;
  options.method = flags.method;
  options.max_tokens = flags.max_tokens;
  // Checked here so that a bad value is told before a model is loaded.
  static_cast<void>(flags.sampling.overrides().over({}));
  options.sampling = flags.sampling.overrides();
  options.stop = flags.stop;
  if (!flags.subtitles.empty() && options.suite.data_kind == "video-mme-subtitles") {
    options.subtitles = datasets::SubtitleSelection::parse(flags.subtitles);
  }
  if (const ResponseFormat format = flags.format.format(); !format.is_free()) {
    if (flags.no_format) {
      throw Error(ErrorCode::kUsage,
                  format.where + " and --no-response-format contradict each other");
    }
    options.response_format = format;
  } else if (flags.no_format) {
    options.response_format = ResponseFormat();
  }
  options.max_failures = FailureLimit::parse(flags.max_failures);
  options.timeout_s = flags.timeout_s;
  options.retries = flags.retries;
  options.in_flight = flags.in_flight;
  options.use_cache = !flags.no_cache;
  options.keep_media_bytes = flags.keep_media_mib << 20U;
  options.retry_failed = flags.retry_failed;
  options.stop_requested = &stop_requested;
  if (flags.begin_new) options.resume = Resume::kNew;
  if (!flags.name.empty()) {
    options.name = flags.name;
    if (flags.suites.size() > 1) options.name += "-" + options.suite.name;
    if (flags.variants.size() > 1) options.name += "-" + options.variant.name;
    // "template:NAME" names a template; a run's name has no colon.
    std::replace(options.name.begin(), options.name.end(), ':', '-');
  }
  return options;
}

// The arm beside: what --against names is changed, all else is as in `options`.
RunOptions against_options(const RunOptions& options, const AgainstArm& against) {
  RunOptions beside = options;
  if (against.variant) beside.variant = *against.variant;
  if (!beside.name.empty()) beside.name += "-against";
  beside.on_progress = nullptr;
  return beside;
}

// What is asked of endpoints is kept for `peira monitor`.
class Recording {
 public:
  explicit Recording(std::filesystem::path store) : store_(std::move(store)) {}

  std::unique_ptr<ModelClient> over(std::unique_ptr<ModelClient> client, const std::string& name,
                                    const ModelOptions& options) {
    if (!name.starts_with("openai:") || !options.endpoint.replay.empty()) return client;
    logs_.push_back(std::make_unique<RequestLog>(
        store_, RequestLogOptions{.source = "run", .model = client->name(), .on_trouble = note}));
    clients_.push_back(std::move(client));
    return std::make_unique<RecordedClient>(*clients_.back(), *logs_.back());
  }

 private:
  std::filesystem::path store_;
  std::vector<std::unique_ptr<RequestLog>> logs_;
  std::vector<std::unique_ptr<ModelClient>> clients_;
};

// Told before a model is loaded: a judge that is missing, and one that nobody needs.
void check_judges(const RunFlags& flags, const std::vector<RunOptions>& planned) {
  bool is_needed = false;
  for (const RunOptions& options : planned) {
    const evals::Profile& profile = options.suite.profile(options.profile);
    is_needed = is_needed || profile.judge != nullptr;
    if (profile.judge != nullptr && !flags.judge.is_given()) {
      check_judge(options.suite, profile, nullptr);
    }
  }
  if (flags.judge.is_given() && !is_needed) {
    throw Error(ErrorCode::kUsage,
                "--judge " + flags.judge.model +
                    ": rules judge the replies of what is run here\n  try: without --judge, or a "
                    "suite that declares a judge");
  }
}

int run(const RunFlags& flags) {
  std::vector<RunOptions> planned;
  for (const std::string& word : flags.suites) {
    for (const std::string& variant : flags.variants) {
      planned.push_back(options_for(flags, word, variant));
    }
  }
  check_judges(flags, planned);
  if (!flags.subtitles.empty() &&
      std::none_of(planned.begin(), planned.end(),
                   [](const RunOptions& options) { return options.subtitles.has_value(); })) {
    throw Error(ErrorCode::kUsage, "--subtitles " + flags.subtitles +
                                       ": no suite of this command shows any\n  try: peira run "
                                       "video-mme-subtitles");
  }
  Programs programs(flags.episode);
  for (RunOptions& options : planned) programs.equip(options);
  if (!flags.resume.empty() && planned.size() != 1) {
    throw Error(ErrorCode::kUsage, "--resume continues one run: give one suite and one --prompt");
  }
  if (!flags.resume.empty() && flags.begin_new) {
    throw Error(ErrorCode::kUsage, "--resume and --new contradict each other");
  }

  const std::optional<AgainstArm> against = parse_against(flags.decision.against);
  std::vector<std::optional<evals::StopRule>> rules = rules_for(flags.decision, planned);
  if (against && !flags.resume.empty()) {
    throw Error(ErrorCode::kUsage,
                "--resume continues one run, --against makes two\n  try: the same command again, "
                "without --resume: it continues both");
  }

  Store store(flags.store.empty() ? Store::default_path() : std::filesystem::path(flags.store));
  if (!flags.resume.empty()) {
    planned.front().resume = Resume::kRun;
    planned.front().resume_run = store.resolve_run(flags.resume);
  }
  const auto open = [&](const std::string& name) {
    ModelOptions options = flags.model.options();
    options.template_options = flags.chat_template.variables();
    options.template_date = flags.chat_template.date;
    options.overflow = flags.overflow;
    options.video_sound = flags.video_sound;
    return open_model(name, options);
  };
  Recording recording(store.path());
  const std::unique_ptr<ModelClient> model =
      recording.over(open(flags.model.model), flags.model.model, flags.model.options());
  const std::unique_ptr<ModelClient> model_against =
      against && !against->model.empty()
          ? recording.over(open(against->model), against->model, flags.model.options())
          : nullptr;

  const std::unique_ptr<ModelClient> judge_model =
      flags.judge.is_given() ? open_judge(flags.judge.model, flags.judge, flags.model) : nullptr;

  const std::string today = model->opening_date();
  if (!today.empty()) {
    note("the chat template asks for the date and is told " + today +
         "; a run keeps its date when it continues on another day (--template-date chooses one)");
  }

  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  ProgressDisplay display(stderr, ProgressDisplay::style_for(stderr, flags.quiet));
  std::vector<evals::RunRecord> records;
  bool interrupted = false;
  bool incomplete = false;
  for (std::size_t i = 0; i < planned.size(); ++i) {
    RunOptions& options = planned[i];
    options.on_start = [&](const RunInfo& info, bool resumed, std::int64_t done) {
      if (!resumed) return;
      display.note("resuming " + info.id + ": " + std::to_string(done) + " of " +
                   std::to_string(info.expected_answers) + " answers are there");
      const std::string date = template_date(info.manifest);
      if (!today.empty() && date != today) {
        display.note("its prompts keep the date on which it was begun: " + date);
      }
    };
    options.on_progress = [&](const RunProgress& progress) { display.show(progress); };
    const std::unique_ptr<DecisionControl> control =
        rules[i] ? control_for(store, *rules[i], flags.decision, options) : nullptr;
    options.control = control.get();
    const std::unique_ptr<JudgeDesk> desk =
        judge_model != nullptr && options.suite.profile(options.profile).judge != nullptr
            ? std::make_unique<JudgeDesk>(*judge_model,
                                          options.suite.profile(options.profile).judge,
                                          store.path(), flags.judge.settings)
            : nullptr;
    options.judge = desk.get();
    std::vector<RunOutcome> outcomes;
    prepare_format(options.response_format.value_or(ResponseFormat()), [&] {
      if (!against || control == nullptr) {
        outcomes.push_back(execute_run(store, *model, options));
        return;
      }
      ModelClient& other = model_against ? *model_against : *model;
      auto [arm, beside] = execute_pair(store, {*model, options},
                                        {other, against_options(options, *against)}, *control);
      outcomes = {std::move(arm), std::move(beside)};
    });
    if (desk != nullptr) note_judge_counts(*desk);
    for (const RunOutcome& outcome : outcomes) {
      for (const std::string& warning : outcome.warnings) display.note("warning: " + warning);
      if (!outcome.complete) display.note(outcome.run_id + ": " + outcome.why_stopped);
      records.push_back(summarize(store, outcome.run_id));
      incomplete = incomplete || !outcome.complete;
      interrupted = interrupted || outcome.interrupted;
    }
    if (interrupted) break;
  }

  if (flags.json) {
    OrderedJson list = OrderedJson::array();
    for (const evals::RunRecord& record : records) {
      list.push_back(reports::to_json(record));
      if (const auto totals = editing_totals(store, record.run_id)) {
        list.back()["editing"] = editing_json(*totals);
      }
    }
    print_json(OrderedJson{{"runs", std::move(list)}});
  } else {
    std::string sentences;
    for (const evals::RunRecord& record : records) {
      if (!record.decision || !record.decision->role.empty()) continue;
      sentences += evals::decision_sentence(*record.decision) + "\n";
    }
    print((sentences.empty() ? "" : sentences + "\n") + run_table(records));
    for (const evals::RunRecord& record : records) {
      if (const auto totals = editing_totals(store, record.run_id)) {
        print("\n" + editing_text(*totals));
      }
    }
    std::string ids;
    for (const evals::RunRecord& record : records) ids += " " + record.run_id;
    note("stored as" + ids + "\nnext: peira show" + ids.substr(0, ids.find(' ', 1)) +
         "   peira report" + ids + " -o report.html");
  }
  if (interrupted) note("interrupted: the same command continues where it stopped");
  return decision_status(records, incomplete);
}

}  // namespace

Command add_run(CLI::App& root) {
  CLI::App* app = add_subcommand(root, "run", "Run suites on a model and record every sample",
                                 R"(Examples  peira run gpqa aime --model bundled
          peira run gpqa --model ./Qwen3-30B-A3B --data gpqa_diamond --epochs 4 --temperature 0.6
          peira run gpqa --prompt direct --prompt chain-of-thought      two runs to compare
          peira run my-suite.json --data answers.csv --limit 50 --json
          peira run aime --regex 'The answer is \\boxed\{[0-9]{1,3}\}'    replies of this form only
          peira run hle --judge openai:JUDGE@URL         a model judges what the model answered
          peira run gpqa --stop-when 'gpqa>=0.80'                 stop once it is decided, right or not
          peira run gpqa --prompt direct --against chain-of-thought \
                    --stop-when 'no-worse-than against by 0.02'    two arms, question by question
          peira run video-mme video-mme-subtitles --model ./MODEL    both settings, a run each
          peira run aider-polyglot --edit-format diff --data polyglot-benchmark --model ./MODEL
A claim of --stop-when is about the score that the whole benchmark would have in this very run: its
questions are asked in a seeded random order until no doubt is left at --stop-error. Exit 0: the
claim is true, 1: false, 5: undecided (questions failed, or the run was interrupted).
A run that was interrupted or killed continues when the same command is given again. A finished one
is not repeated: its replies come from the response cache (--no-cache asks the model again).)");
  const auto flags = std::make_shared<RunFlags>();
  app->add_option("SUITE", flags->suites, "a suite's name (peira suites) or a JSON declaration")
      ->required();
  app->add_option("--data", flags->data,
                  "file or dataset name; SUITE=PATH with several suites [the suite's sample set]")
      ->allow_extra_args(false)
      ->group("Questions");
  app->add_option("--profile", flags->profile,
                  "prompt and scorer to reproduce (peira suites lists them) [the suite's first]")
      ->group("Questions");
  app->add_option("--prompt", flags->variants,
                  "official, direct, chain-of-thought, few-shot-N or a template file; repeatable")
      ->allow_extra_args(false)
      ->capture_default_str()
      ->group("Questions");
  app->add_option("--shots", flags->shots,
                  "file that few-shot examples are taken from [the suite's data itself]")
      ->group("Questions");
  app->add_option("--limit", flags->limit, "first N samples only; the report says so")
      ->type_name("N")
      ->check(CLI::PositiveNumber)
      ->group("Questions");
  app->add_option("--since", flags->since,
                  "questions of contests from this day on (YYYY-MM-DD), for suites that date them")
      ->group("Questions");
  app->add_option("--until", flags->until,
                  "questions of contests up to the midnight that begins it")
      ->group("Questions");
  app->add_option("--epochs", flags->epochs, "answers per sample")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000))
      ->group("Questions");
  app->add_option("--method", flags->method,
                  "generate, or loglikelihood: the most probable option (multiple choice only)")
      ->capture_default_str()
      ->check(CLI::IsMember({"generate", "loglikelihood"}))
      ->group("Questions");
  add_model_flags(*app, flags->model);
  add_endpoint_flags(*app, flags->model);
  add_overflow_flag(*app, flags->overflow);
  add_video_sound_flag(*app, flags->video_sound);
  app->add_option(
         "--subtitles", flags->subtitles,
         "of suites with subtitles, the lines that prompts show: shown (at the frames that "
         "the model sees), all, uniform-inclusive:N, uniform-interior:N, fps:X [shown]")
      ->type_name("WHICH")
      ->group("Media");
  add_template_flags(*app, flags->chat_template);
  add_sampling_flags(*app, flags->sampling);
  app->add_option("--max-tokens", flags->max_tokens, "longest answer, in tokens [the suite's]")
      ->check(CLI::Range(1, 10'000'000))
      ->group("Sampling");
  app->add_option("--seed", flags->seed, "the only source of randomness, kept in the manifest")
      ->capture_default_str()
      ->group("Sampling");
  app->add_option("--stop", flags->stop, "end answers before this text; repeatable")
      ->allow_extra_args(false)
      ->group("Sampling");
  add_format_flags(*app, flags->format);
  add_stop_flags(*app, flags->decision);
  add_judge_flags(*app, flags->judge);
  add_episode_flags(*app, flags->episode);
  app->add_flag("--no-response-format", flags->no_format,
                "free answers, also where the suite declares a form")
      ->group("Sampling");
  app->add_option("--max-failures", flags->max_failures,
                  "failed samples (N or P%) beyond which the run stops as incomplete")
      ->capture_default_str()
      ->group("Run");
  app->add_option("--timeout", flags->timeout_s, "seconds a sample may take, per attempt [none]")
      ->check(CLI::PositiveNumber)
      ->group("Run");
  app->add_option("--retries", flags->retries, "further attempts after a failure that may pass")
      ->capture_default_str()
      ->check(CLI::Range(0, 100))
      ->group("Run");
  app->add_option("--in-flight", flags->in_flight, "requests held at the model; 0: as it prefers")
      ->capture_default_str()
      ->check(CLI::Range(0, 100000))
      ->group("Run");
  app->add_option("--name", flags->name,
                  "what to call the run; -SUITE and -PROMPT are added where there are several")
      ->group("Run");
  app->add_option("--store", flags->store, "the file runs are kept in [the user's data folder]")
      ->group("Run");
  app->add_option("--resume", flags->resume, "continue this run, or refuse and say what changed")
      ->group("Run");
  app->add_flag("--new", flags->begin_new, "begin anew even if an equal run can be continued")
      ->group("Run");
  app->add_flag("--retry-failed", flags->retry_failed, "ask again what failed before")
      ->group("Run");
  app->add_option("--keep-media", flags->keep_media_mib,
                  "most MiB of pictures, sounds and films kept beside the store, in all; 0: none")
      ->capture_default_str()
      ->check(CLI::Range(0, 1'000'000));
  app->add_flag("--no-cache", flags->no_cache, "never take a reply from the response cache")
      ->group("Run");
  app->add_flag("--json", flags->json, "the records as one JSON object")->group("Output");
  app->add_flag("--quiet", flags->quiet, "no progress")->group("Output");
  return {app, [flags] { return run(*flags); }};
}

}  // namespace peira::runner::cli
