#include "runner/report_content.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "runner/media_folder.h"

namespace peira::runner {
namespace {

constexpr std::size_t kMostFailureIds = 20;
constexpr std::size_t kMostReasons = 50;

std::set<std::int64_t> rows_beyond(const RunInfo& info) {
  if (!info.decision) return {};
  return {info.decision->rows_beyond.begin(), info.decision->rows_beyond.end()};
}

// A reason without what differs from one failure to the next: digits as "N".
std::string kind_of_failure(const std::string& failure) {
  std::string kind;
  for (const char c : failure.empty() ? std::string("no reason given") : failure) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit) kind += c;
    if (is_digit && (kind.empty() || kind.back() != 'N')) kind += 'N';
  }
  return kind;
}

// Failures under their own words while these are few, else by kind.
std::vector<reports::FailureGroup> grouped(
    const std::map<std::string, reports::FailureGroup>& all) {
  std::map<std::string, reports::FailureGroup> kinds;
  const bool are_few = all.size() <= kMostReasons;
  for (const auto& [reason, group] : all) {
    const std::string name = are_few ? reason : kind_of_failure(reason);
    reports::FailureGroup& kind = kinds[name];
    kind.reason = name;
    kind.count += group.count;
    for (const std::string& id : group.sample_ids) {
      if (kind.sample_ids.size() < kMostFailureIds) kind.sample_ids.push_back(id);
    }
  }
  std::vector<reports::FailureGroup> groups;
  for (auto& [name, group] : kinds) groups.push_back(std::move(group));
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto& a, const auto& b) { return a.count > b.count; });
  return groups;
}

// What the most probable of the options weighed has of their probability together; empty where none
// has any.
std::optional<double> confidence_of(const std::vector<double>& logprobs) {
  double best = -INFINITY;
  for (const double logprob : logprobs) {
    if (std::isfinite(logprob)) best = std::max(best, logprob);
  }
  if (!std::isfinite(best)) return std::nullopt;
  double sum = 0;
  for (const double logprob : logprobs) {
    if (std::isfinite(logprob)) sum += std::exp(logprob - best);
  }
  return 1 / sum;
}

std::optional<reports::Calibration> calibration(const Store& store, const RunInfo& info) {
  if (info.method != "loglikelihood") return std::nullopt;
  const std::set<std::int64_t> beyond = rows_beyond(info);
  std::vector<double> confidences, correct;
  StoryReader stories = store.stories(info.id);
  while (const std::optional<SampleStory> story = stories.next()) {
    if (beyond.contains(story->answer.row)) continue;
    if (story->answer.score.state == evals::AnswerState::kFailed) continue;
    const auto confidence = confidence_of(story->transcript.continuation_logprobs);
    if (!confidence) continue;
    confidences.push_back(*confidence);
    correct.push_back(story->answer.score.value);
  }
  return reports::calibration_of("share of the options' probability that the chosen one has",
                                 confidences, correct,
                                 derive_seed({"report-calibration", info.identity}));
}

std::string text_member(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Media of stored prompts, read back as long as there is room in the report.
class MediaReader {
 public:
  explicit MediaReader(const Store& store) : folder_(store.path()) {}

  std::string read(const std::string& sha256) {
    std::optional<std::string> bytes = folder_.read(sha256);
    if (!bytes || bytes->size() > left_) return "";
    left_ -= bytes->size();
    return std::move(*bytes);
  }

 private:
  MediaFolder folder_;
  std::size_t left_ = std::size_t{32} << 20U;
};

Part part_of(const Json& stored, MediaReader& media) {
  const std::string type = text_member(stored, "type");
  Part part = Part::from_text(text_member(stored, "text"));
  if (type.find("image") != std::string::npos) part.kind = PartKind::kImage;
  if (type.find("audio") != std::string::npos) part.kind = PartKind::kAudio;
  if (type.find("video") != std::string::npos) part.kind = PartKind::kVideo;
  if (part.kind != PartKind::kText) part.bytes = media.read(text_member(stored, "sha256"));
  return part;
}

// Messages as they were stored: [{"role", "content": text or parts}].
std::vector<Message> messages_of(const std::string& stored, MediaReader& media) {
  std::vector<Message> messages;
  if (stored.empty()) return messages;
  const Json list = parse_json(stored, "stored messages");
  if (!list.is_array()) return messages;
  for (const Json& entry : list) {
    if (!entry.is_object()) continue;
    Message message{.role = text_member(entry, "role"), .parts = {}};
    const auto content = entry.find("content");
    if (content != entry.end() && content->is_string()) {
      message.parts.push_back(Part::from_text(content->get<std::string>()));
    } else if (content != entry.end() && content->is_array()) {
      for (const Json& part : *content) {
        if (part.is_object()) message.parts.push_back(part_of(part, media));
      }
    }
    messages.push_back(std::move(message));
  }
  return messages;
}

// What one run made of one sample, before its transcript is read.
struct Judged {
  std::int64_t row = 0;
  std::string id;
  double sum = 0;
  std::int64_t answered = 0;
  bool failed = false;

  double value() const { return answered == 0 ? 0 : sum / static_cast<double>(answered); }
  bool is_wrong() const { return failed || answered == 0 || value() < 1; }
};

std::vector<Judged> judged(const Store& store, const RunInfo& info) {
  const std::set<std::int64_t> beyond = rows_beyond(info);
  std::vector<Judged> samples;
  OutcomeReader reader = store.scores(info.id);
  while (const std::optional<evals::SampleOutcome> outcome = reader.next()) {
    if (beyond.contains(outcome->row)) continue;
    if (samples.empty() || samples.back().row != outcome->row) {
      samples.push_back({.row = outcome->row, .id = outcome->sample_id});
    }
    Judged& sample = samples.back();
    if (outcome->score.state == evals::AnswerState::kFailed) {
      sample.failed = true;
    } else {
      sample.sum += outcome->score.value;
      ++sample.answered;
    }
  }
  return samples;
}

struct Chosen {
  std::string id;
  std::vector<std::int64_t> rows;  // in each run
};

std::vector<Chosen> choose(const Store& store, const std::vector<RunInfo>& infos,
                           SampleChoice choice) {
  std::vector<Chosen> chosen;
  const std::vector<Judged> first = judged(store, infos[0]);
  if (infos.size() == 1) {
    for (const Judged& sample : first) {
      const bool is_wanted =
          choice == SampleChoice::kAll || (choice == SampleChoice::kWrong && sample.is_wrong());
      if (is_wanted) chosen.push_back({.id = sample.id, .rows = {sample.row}});
    }
    return chosen;
  }
  const std::vector<Judged> second = judged(store, infos[1]);
  std::unordered_map<std::string, const Judged*> by_id;
  for (const Judged& sample : second) by_id.emplace(sample.id, &sample);
  for (const Judged& a : first) {
    const auto found = by_id.find(a.id);
    if (found == by_id.end()) continue;
    const Judged& b = *found->second;
    const bool are_scored = a.answered > 0 && b.answered > 0;
    const bool is_wanted =
        choice == SampleChoice::kAll ||
        (choice == SampleChoice::kFlipped && are_scored && a.value() != b.value()) ||
        (choice == SampleChoice::kWrong && (a.is_wrong() || b.is_wrong()));
    if (is_wanted) chosen.push_back({.id = a.id, .rows = {a.row, b.row}});
  }
  return chosen;
}

// Puts one stored answer into its place; counts the bytes it takes.
std::size_t take(runner::SampleStory story, reports::SampleStory& sample, std::size_t side_index,
                 bool restricted, MediaReader& media) {
  reports::SampleSide& side = sample.sides[side_index];
  std::size_t bytes = story.transcript.response.size() + story.transcript.reasoning.size() +
                      story.answer.score.why.size() + 200;
  if (!restricted) {
    if (side.answers.empty()) {
      side.prompt = messages_of(story.transcript.messages, media);
      bytes += story.transcript.messages.size();
    }
    constexpr std::size_t kMostFieldBytes = 80;  // longer ones are explanations, not fields
    for (auto& [key, value] : story.sample.metadata) {
      if (value.size() <= kMostFieldBytes) sample.metadata.emplace(key, std::move(value));
    }
  }
  reports::AnswerStory answer;
  answer.epoch = story.answer.epoch;
  answer.score = std::move(story.answer.score);
  answer.gold = std::move(story.answer.gold);
  answer.finish_reason = std::move(story.answer.finish_reason);
  answer.failure = std::move(story.answer.failure);
  answer.prompt_tokens = story.answer.prompt_tokens;
  answer.completion_tokens = story.answer.completion_tokens;
  answer.latency_s = story.answer.latency_s;
  if (!restricted) {
    answer.reasoning = std::move(story.transcript.reasoning);
    answer.response = std::move(story.transcript.response);
    answer.continuations = std::move(story.transcript.continuations);
    answer.continuation_logprobs = std::move(story.transcript.continuation_logprobs);
  }
  side.answers.push_back(std::move(answer));
  return bytes;
}

std::string label_of(const RunInfo& info, std::size_t index, std::size_t count) {
  const std::string name = info.variant + ", " + info.model + " (" + info.id + ")";
  return count == 1 ? name : std::string(index == 0 ? "A: " : "B: ") + name;
}

std::string title_of(const std::vector<RunInfo>& infos, SampleChoice choice) {
  const std::string& suite = infos[0].suite;
  switch (choice) {
    case SampleChoice::kFlipped:
      return suite + ": questions that changed";
    case SampleChoice::kWrong:
      return suite + (infos.size() > 1 ? ": questions not right in both" : ": questions not right");
    case SampleChoice::kAll:
    case SampleChoice::kNone:
      break;
  }
  return suite + ": all questions";
}

}  // namespace

SampleChoice sample_choice(const std::string& name) {
  if (name == "none") return SampleChoice::kNone;
  if (name == "flipped") return SampleChoice::kFlipped;
  if (name == "wrong") return SampleChoice::kWrong;
  if (name == "all") return SampleChoice::kAll;
  throw Error(ErrorCode::kUsage, "samples '" + name + "': one of none, flipped, wrong, all");
}

reports::RunDetails run_details(const Store& store, const std::string& run_id) {
  const RunInfo info = store.run(run_id);
  const std::set<std::int64_t> beyond = rows_beyond(info);
  std::vector<double> latency, completion, prompt;
  std::map<std::string, reports::FailureGroup> failures;
  OutcomeReader reader = store.outcomes(run_id);
  while (const std::optional<evals::SampleOutcome> outcome = reader.next()) {
    if (beyond.contains(outcome->row)) continue;
    if (outcome->score.state == evals::AnswerState::kFailed) {
      reports::FailureGroup& group = failures[outcome->failure];
      group.reason = outcome->failure.empty() ? "no reason given" : outcome->failure;
      ++group.count;
      if (group.sample_ids.size() < kMostFailureIds) group.sample_ids.push_back(outcome->sample_id);
      continue;
    }
    latency.push_back(outcome->latency_s);
    completion.push_back(static_cast<double>(outcome->completion_tokens));
    prompt.push_back(static_cast<double>(outcome->prompt_tokens));
  }
  reports::RunDetails details;
  const auto add = [&details](const char* name, const char* unit, const std::vector<double>& of) {
    // All zero: not measured, as of replies that were replayed.
    if (std::all_of(of.begin(), of.end(), [](double value) { return value == 0; })) return;
    if (auto distribution = reports::distribution_of(name, unit, of)) {
      details.distributions.push_back(std::move(*distribution));
    }
  };
  add("Length of the reply", "tokens", completion);
  add("Length of the prompt", "tokens", prompt);
  add("Latency", "s", latency);
  details.failures = grouped(failures);
  details.calibration = calibration(store, info);
  return details;
}

std::optional<reports::Cost> report_cost(const std::optional<RunCost>& cost) {
  if (!cost) return std::nullopt;
  return reports::Cost{.dollars = cost->dollars,
                       .prompt_tokens = cost->prompt_tokens,
                       .completion_tokens = cost->completion_tokens,
                       .input_price = cost->price.input,
                       .output_price = cost->price.output};
}

reports::SampleSection sample_section(const Store& store, const std::vector<std::string>& runs,
                                      SampleChoice choice, const SampleLimits& limits) {
  std::vector<RunInfo> infos;
  for (const std::string& run : runs) infos.push_back(store.run(run));
  reports::SampleSection section;
  section.title = title_of(infos, choice);
  for (std::size_t i = 0; i < infos.size(); ++i) {
    section.labels.push_back(label_of(infos[i], i, infos.size()));
    section.restricted = section.restricted || infos[i].restricted;
  }
  if (choice == SampleChoice::kNone) return section;
  std::vector<Chosen> chosen = choose(store, infos, choice);
  if (chosen.size() > limits.samples) {
    section.num_left_out = chosen.size() - limits.samples;
    chosen.resize(limits.samples);
  }
  section.samples.resize(chosen.size());
  std::vector<std::size_t> bytes(chosen.size(), 0);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    section.samples[i].id = chosen[i].id;
    section.samples[i].sides.resize(infos.size());
  }
  MediaReader media(store);
  for (std::size_t side = 0; side < infos.size(); ++side) {
    // Few samples of a large run are looked up; many are read in one go.
    if (static_cast<std::int64_t>(chosen.size()) * 20 < infos[side].answers) {
      for (std::size_t i = 0; i < chosen.size(); ++i) {
        for (auto& story :
             store.story(infos[side].id, "#" + std::to_string(chosen[i].rows[side]))) {
          bytes[i] += take(std::move(story), section.samples[i], side, section.restricted, media);
        }
      }
      continue;
    }
    std::unordered_map<std::int64_t, std::size_t> place;
    for (std::size_t i = 0; i < chosen.size(); ++i) place.emplace(chosen[i].rows[side], i);
    StoryReader stories = store.stories(infos[side].id);
    while (std::optional<runner::SampleStory> story = stories.next()) {
      const auto found = place.find(story->answer.row);
      if (found == place.end()) continue;
      bytes[found->second] +=
          take(std::move(*story), section.samples[found->second], side, section.restricted, media);
    }
  }
  std::size_t total = 0, kept = 0;
  while (kept < bytes.size() && total + bytes[kept] <= limits.bytes) total += bytes[kept++];
  section.num_left_out += section.samples.size() - kept;
  section.samples.resize(kept);
  return section;
}

}  // namespace peira::runner
