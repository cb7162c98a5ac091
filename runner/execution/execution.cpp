#include "runner/execution/execution.h"

#include <exception>
#include <set>
#include <utility>

namespace peira::runner {
namespace {

constexpr std::chrono::seconds kLongestFarewell{10};

}  // namespace

void Execution::begin() {
  open_run();
  nothing_to_do_ = opened_.info.complete;
  if (!nothing_to_do_) guarded([&] { begin_work(); });
}

bool Execution::turn() {
  if (nothing_to_do_ || must_stop()) return false;
  bool more = true;
  guarded([&] {
    fill(target());
    if (in_flight_.empty() && waiting_.empty() && judging_.empty() && running_.empty()) {
      more = held_back_ && !must_stop();
      return;
    }
    if (!judging_.empty()) take_verdicts(in_flight_.empty() ? 0.02 : 0);
    take_programs(std::chrono::milliseconds(in_flight_.empty() ? 20 : 0));
    if (in_flight_.empty()) {
      if (judging_.empty() && running_.empty() && !waiting_.empty()) wait_for_retry();
    } else {
      for (ModelClient::Finished& finished : model_.poll()) take(std::move(finished));
      cancel_late();
    }
    commit_if_due();
    show_progress(false);
  });
  return more;
}

void Execution::end() {
  if (nothing_to_do_) return;
  guarded([&] {
    // What is still in flight is asked again by the next sitting.
    for (const auto& [ticket, flight] : in_flight_) model_.cancel(ticket);
    // Replies that were paid for are judged before the run is left, unless that takes too long.
    const Clock::time_point deadline = Clock::now() + kLongestFarewell;
    while (!running_.empty() && Clock::now() < deadline) take_programs(kLeastPatience);
    keep_unjudged();
    commit();
  });
}

void Execution::open_run() {
  RunInfo& info = plan_.info;
  const std::string dataset_digest = info.manifest["digests"]["dataset"].get<std::string>();
  // Counting reads and checks the whole file; once is enough for the same bytes.
  const std::optional<std::int64_t> known = store_.known_num_rows(dataset_digest);
  info.num_rows = known ? *known : options_.samples.count();
  const std::int64_t num_samples =
      options_.limit ? std::min(*options_.limit, info.num_rows) : info.num_rows;
  info.limited = num_samples < info.num_rows;
  info.expected_answers = num_samples * options_.epochs;
  info.id = options_.name;
  switch (options_.resume) {
    case Resume::kAuto:
      opened_ = options_.name.empty() ? store_.resume_or_create_run(info)
                                      : store_.resume_or_create_named(info);
      break;
    case Resume::kNew:
      opened_ = store_.create_run(info);
      break;
    case Resume::kRun:
      opened_ = store_.resume_run(options_.resume_run, info);
      break;
  }
  started_at_ = last_commit_ = Clock::now();

  progress_.run_id = opened_.info.id;
  progress_.suite = opened_.info.suite;
  progress_.variant = opened_.info.variant;
  progress_.model = opened_.info.model;
  progress_.expected = opened_.info.expected_answers;
  progress_.done = opened_.info.answers;
  progress_.failures = opened_.info.failures;
  progress_.cached = opened_.info.cached;
  value_sum_ = opened_.info.value_sum;
  std::set<std::pair<std::int64_t, int>> unjudged;
  if (options_.judge != nullptr) {
    judgement_store_.emplace(store_.path(), VerdictStore::Access::kReadWrite);
    if (opened_.resumed) unjudged = judgement_store_->failures(opened_.info.key);
  }
  if (opened_.resumed && !opened_.info.complete) {
    store_.visit_finished(opened_.info.key, [&](std::int64_t row, int epoch, bool failed) {
      if ((failed && options_.retry_failed) || unjudged.contains({row, epoch})) {
        --progress_.done;
        --progress_.failures;
      } else {
        finished_.insert(row, epoch);
      }
    });
  }
  progress_.resumed = progress_.done;
  if (options_.on_start) options_.on_start(opened_.info, opened_.resumed, progress_.done);
}

template <typename Deed>
void Execution::guarded(Deed deed) {
  try {
    deed();
  } catch (const std::exception& failure) {
    leave_after(failure.what());
    throw;
  }
}

void Execution::begin_work() {
  reader_ = options_.samples.open();
  if (plan_.variant.num_shots > 0) {
    pool_ = std::make_unique<FewShotPool>(options_.shots ? *options_.shots : options_.samples,
                                          options_.seed);
  }
  orders_ = std::make_unique<evals::OptionOrders>(plan_.profile->option_order,
                                                  opened_.info.num_rows, options_.seed);
  if (plan_.programs != nullptr) {
    programs_ = std::make_unique<CodeDesk>(plan_.programs->num_workers());
  }
  if (options_.control != nullptr) begin_decision();
  show_progress(false);
}

std::size_t Execution::target() const {
  std::int64_t target = options_.in_flight > 0 ? options_.in_flight : model_.preferred_in_flight();
  if (options_.control != nullptr && options_.in_flight == 0) {
    target = std::min(target, std::max<std::int64_t>(4, progress_.expected / 20));
  }
  return static_cast<std::size_t>(std::max<std::int64_t>(1, target));
}

void Execution::begin_decision() {
  options_.control->check_reference(plan_.info.manifest);
  std::vector<std::pair<std::int64_t, std::string>> questions;
  while (!options_.limit || num_read_ < *options_.limit) {
    std::optional<datasets::Sample> sample = reader_->next();
    if (!sample) break;
    ++num_read_;
    questions.emplace_back(sample->row, sample->id);
    questions_.push_back(std::make_shared<const datasets::Sample>(std::move(*sample)));
  }
  options_.control->set_questions(options_.arm, questions, options_.epochs);
  if (!opened_.resumed) return;
  OutcomeReader earlier = store_.outcomes(opened_.info.id);
  while (const std::optional<evals::SampleOutcome> outcome = earlier.next()) {
    if (!finished_.contains(outcome->row, outcome->epoch)) continue;
    options_.control->record(options_.arm, outcome->row, outcome->epoch, outcome->score);
  }
}

bool Execution::must_stop() {
  if (options_.stop_requested != nullptr && options_.stop_requested->load()) interrupted_ = true;
  return interrupted_ || too_many_failures() ||
         (options_.control != nullptr && options_.control->finished());
}

bool Execution::too_many_failures() const {
  return options_.max_failures.exceeded(progress_.failures, progress_.expected);
}

RunOutcome Execution::outcome() {
  RunOutcome outcome;
  outcome.run_id = opened_.info.id;
  outcome.resumed = opened_.resumed;
  outcome.interrupted = interrupted_;
  if (reader_ != nullptr) {
    for (std::string& warning : reader_->warnings()) plan_.warnings.push_back(std::move(warning));
  }
  if (plan_.subtitles != nullptr) {
    for (std::string& note : plan_.subtitles->notes()) plan_.warnings.push_back(std::move(note));
  }
  if (media_.num_left_out() > 0) {
    plan_.warnings.push_back(std::to_string(media_.num_left_out()) +
                             " media of prompts are not kept in " + media_.path().string() +
                             ": too large or too many (--keep-media), or not readable");
  }
  if (answers_without_media_ > 0) {
    plan_.warnings.push_back(std::to_string(answers_without_media_) +
                             " prompts do not hold all their media (--overflow keep-first), the "
                             "first of sample " +
                             first_without_media_);
  }
  outcome.warnings = plan_.warnings;
  const std::int64_t missing = progress_.expected - progress_.done;
  const bool decided = options_.control != nullptr && options_.control->finished();
  if (too_many_failures()) {
    outcome.why_stopped =
        std::to_string(progress_.failures) + " of " + std::to_string(progress_.expected) +
        " answers failed, more than --max-failures " + options_.max_failures.text() +
        (first_failure_.empty() ? "" : "; the first: " + first_failure_);
  } else if (decided) {
    if (!nothing_to_do_) outcome.decision = options_.control->decision(options_.arm);
  } else if (interrupted_ && missing > 0) {
    outcome.why_stopped = "interrupted";
  } else if (missing > 0) {
    outcome.why_stopped = options_.control != nullptr
                              ? "the other arm stopped"
                              : std::to_string(missing) +
                                    " answers are missing: " + options_.samples.name +
                                    " holds fewer samples than counted";
  }
  outcome.complete = nothing_to_do_ || outcome.why_stopped.empty();
  return outcome;
}

void Execution::close(RunOutcome& outcome) {
  opened_.lock = RunLock();
  show_progress(true);
  outcome.progress = progress_;
}

}  // namespace peira::runner
