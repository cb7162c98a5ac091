#include "evals/comparison.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "evals/score_mean.h"
#include "stats/mcnemar.h"
#include "stats/paired_tests.h"

namespace peira::evals {
namespace {

constexpr const char* kPartOrder[] = {"weights",        "tokenizer",       "template", "engine",
                                      "engine_options", "prompt",          "dataset",  "scorer",
                                      "sampling",       "response_format", "media",    "seed",
                                      "epochs",         "limit",           "method"};

// Scores that differ by less than rounding are equal.
constexpr double kSameScore = 1e-12;

// ---- manifests ----

const Json& digests_of(const Json& manifest) {
  const Json& digests = require(manifest, "digests", "manifest");
  if (!digests.is_object()) {
    throw Error(ErrorCode::kData, "manifest: \"digests\" is not an object");
  }
  return digests;
}

std::string shorten(const std::string& text, std::size_t max_chars = 120) {
  const std::u32string points = to_utf32(text);
  if (points.size() <= max_chars) return text;
  return to_utf8(std::u32string_view(points).substr(0, max_chars)) + "...";
}

std::string text_of(const Json& value) {
  if (value.is_string()) return shorten(value.get<std::string>());
  if (value.is_null()) return "none";
  return shorten(dump_json(value));
}

std::string value_of(const Json& manifest, const std::string& part) {
  const Json& digests = digests_of(manifest);
  if (!digests.contains(part)) return "absent";
  if (manifest.contains("values") && manifest["values"].is_object() &&
      manifest["values"].contains(part)) {
    return text_of(manifest["values"][part]);
  }
  return "digest " + text_of(digests[part]).substr(0, 12);
}

// "temperature 0.0 in A, 0.7 in B" for objects, both whole values otherwise.
std::string explain_difference(const Json& a, const Json& b, const std::string& part) {
  const auto object_of = [&part](const Json& manifest) -> const Json* {
    const auto values = manifest.find("values");
    if (values == manifest.end() || !values->is_object()) return nullptr;
    const auto value = values->find(part);
    return value != values->end() && value->is_object() ? &*value : nullptr;
  };
  const Json* object_a = object_of(a);
  const Json* object_b = object_of(b);
  std::string fields;
  if (object_a != nullptr && object_b != nullptr) {
    std::set<std::string> keys;
    for (const auto& item : object_a->items()) keys.insert(item.key());
    for (const auto& item : object_b->items()) keys.insert(item.key());
    const auto member = [](const Json& object, const std::string& key) {
      return object.contains(key) ? text_of(object[key]) : std::string("absent");
    };
    for (const std::string& key : keys) {
      if (object_a->contains(key) && object_b->contains(key) &&
          (*object_a)[key] == (*object_b)[key]) {
        continue;
      }
      fields += (fields.empty() ? "" : "; ") + key + " " + member(*object_a, key) + " in A, " +
                member(*object_b, key) + " in B";
    }
  }
  if (!fields.empty()) return fields;
  const Json& digests_a = digests_of(a);
  const Json& digests_b = digests_of(b);
  if (value_of(a, part) == value_of(b, part) && digests_a.contains(part) &&
      digests_b.contains(part)) {
    return text_of(digests_a[part]).substr(0, 12) + " in A, " +
           text_of(digests_b[part]).substr(0, 12) + " in B (digests)";
  }
  return value_of(a, part) + " in A, " + value_of(b, part) + " in B";
}

struct VaryGroup {
  const char* name;
  std::vector<std::string> parts;
};

const std::vector<VaryGroup>& vary_groups() {
  static const std::vector<VaryGroup> groups = {
      {"model", {"weights", "tokenizer", "template", "engine", "engine_options"}},
      {"profile", {"prompt", "scorer"}},
      {"variant", {"prompt"}}};
  return groups;
}

// The word a person would give to declare `part`.
std::string vary_word(const std::string& part) {
  const std::vector<std::string>& model = vary_groups()[0].parts;
  return std::find(model.begin(), model.end(), part) != model.end() ? "model" : part;
}

// ---- streams ----

// One sample of one run, its epochs brought together.
struct PairedSample {
  std::int64_t row = 0;
  std::string id, cluster, gold;
  std::int64_t num_answers = 0;
  double score_sum = 0;
  AnswerState state = AnswerState::kScored;  // of its first epoch
  std::vector<std::string> answers;          // of every epoch

  double mean() const { return score_sum / static_cast<double>(num_answers); }
};

// Reads samples off a stream of outcomes, one ahead.
class SampleReader {
 public:
  SampleReader(const OutcomeStream& stream, const std::string& run)
      : stream_(stream), run_(run), ahead_(stream()) {}

  std::optional<PairedSample> next() {
    if (!ahead_) return std::nullopt;
    PairedSample sample;
    sample.row = ahead_->row;
    sample.id = std::move(ahead_->sample_id);
    sample.cluster = std::move(ahead_->cluster);
    sample.gold = std::move(ahead_->gold);
    sample.state = ahead_->score.state;
    int epoch = -1;
    do {
      if (ahead_->epoch <= epoch) out_of_order(sample.row);
      epoch = ahead_->epoch;
      if (ahead_->score.state != AnswerState::kFailed) {
        ++sample.num_answers;
        sample.score_sum += ahead_->score.value;
      }
      sample.answers.push_back(label(*ahead_));
      ahead_ = stream_();
    } while (ahead_ && ahead_->row == sample.row);
    if (ahead_ && ahead_->row < sample.row) out_of_order(sample.row);
    return sample;
  }

 private:
  static std::string label(SampleOutcome& outcome) {
    if (outcome.score.state == AnswerState::kScored) return std::move(outcome.score.answer);
    return "";
  }

  [[noreturn]] void out_of_order(std::int64_t row) const {
    throw Error(ErrorCode::kData, "run " + run_ + ": row " + std::to_string(ahead_->row) +
                                      ", epoch " + std::to_string(ahead_->epoch) +
                                      " comes after row " + std::to_string(row) +
                                      ": outcomes must be in order, each once");
  }

  const OutcomeStream& stream_;
  std::string run_;
  std::optional<SampleOutcome> ahead_;
};

// "B", or "B x3, C" for several epochs; "" when there was no answer.
std::string answers_text(const std::vector<std::string>& answers) {
  if (answers.size() == 1) return answers[0];
  std::string text;
  std::vector<std::string> seen;
  for (const std::string& answer : answers) {
    if (std::find(seen.begin(), seen.end(), answer) != seen.end()) continue;
    seen.push_back(answer);
    const auto count = std::count(answers.begin(), answers.end(), answer);
    text += (text.empty() ? "" : ", ") + (answer.empty() ? std::string("none") : answer);
    if (count > 1) text += " x" + std::to_string(count);
  }
  return text == "none" || (seen.size() == 1 && seen[0].empty()) ? "" : text;
}

// Takes pairs in and fills a Comparison.
class PairTable {
 public:
  PairTable(Comparison& comparison, const ComparisonOptions& options)
      : comparison_(comparison), options_(options) {}

  void add(PairedSample&& a, PairedSample&& b) {
    if (a.num_answers == 0 || b.num_answers == 0) {
      ++comparison_.failed_pairs;
      return;
    }
    const double score_a = a.mean();
    const double score_b = b.mean();
    const std::string_view cluster = cluster_key(a.cluster, a.id);
    means_a_.add(cluster, score_a);
    means_b_.add(cluster, score_b);
    // Rounding must not make a difference out of equal means of differently many epochs.
    const double difference = std::abs(score_b - score_a) < kSameScore ? 0.0 : score_b - score_a;
    differences_.add(cluster, difference);
    spread_.add(difference);
    arms_.add(score_a, score_b);
    ++(score_a == 1 ? (score_b == 1 ? counts_.both_right : counts_.only_a)
                    : (score_b == 1 ? counts_.only_b : counts_.both_wrong));
    if (difference == 0) return;
    ++(difference > 0 ? comparison_.to_right : comparison_.to_wrong);
    if (flips_.size() >= options_.max_flips) return;
    flips_.emplace_back(a.row, Flip{.sample_id = std::move(a.id),
                                    .value_a = score_a,
                                    .value_b = score_b,
                                    .answer_a = answers_text(a.answers),
                                    .answer_b = answers_text(b.answers),
                                    .gold = a.gold == b.gold ? a.gold : a.gold + " / " + b.gold,
                                    .state_a = a.state,
                                    .state_b = b.state});
  }

  void finish() {
    Comparison& out = comparison_;
    std::stable_sort(flips_.begin(), flips_.end(),
                     [](const auto& x, const auto& y) { return x.first < y.first; });
    for (auto& [row, flip] : flips_) out.flips.push_back(std::move(flip));
    out.num_pairs = differences_.count();
    if (out.num_pairs == 0) return;

    out.score_a = means_a_.metric("score", options_.confidence);
    out.score_b = means_b_.metric("score", options_.confidence);
    out.mean_a = out.score_a.value;
    out.mean_b = out.score_b.value;
    out.binary = means_a_.is_binary() && means_b_.is_binary();
    out.correlation = arms_.correlation();
    out.effect_size = stats::cohens_d_z(spread_);
    const bool alone = !differences_.has_repeated_cluster();
    if (out.binary && alone) out.mcnemar_p = stats::mcnemar_test(counts_).exact_p;

    const stats::ClusteredMean mean = differences_.mean();
    const stats::MeanEstimate estimate = mean.estimate();
    out.difference = estimate.mean;
    out.num_clusters = estimate.num_clusters;
    out.std_error = estimate.std_error;
    if (estimate.std_error.value_or(0) > kSameScore) {
      const stats::TTest test = stats::paired_t_test(mean, {.confidence = options_.confidence});
      out.p_value = test.p.value;
      out.low = std::max(-1.0, test.interval.low);
      out.high = std::min(1.0, test.interval.high);
      out.interval = "clustered-t";
      out.detectable =
          *estimate.std_error * (stats::t_quantile(0.5 + options_.confidence / 2, test.df) +
                                 stats::t_quantile(0.8, test.df));
      return;
    }
    // No spread: a t interval would have no width. Equal scores are no evidence of a difference.
    if (out.to_right + out.to_wrong == 0) out.p_value = 1;
    if (out.binary && alone) {
      const stats::Interval tango = stats::tango_interval(counts_, options_.confidence);
      out.low = tango.low;
      out.high = tango.high;
      out.interval = "tango";
    }
  }

 private:
  Comparison& comparison_;
  const ComparisonOptions& options_;
  ScoreMean means_a_, means_b_;
  ClusteredValues differences_;
  stats::Moments spread_;
  stats::PairedMoments arms_;
  stats::PairedCounts counts_;
  std::vector<std::pair<std::int64_t, Flip>> flips_;
};

using Waiting = std::map<std::string, PairedSample>;

// `sample` found no partner at the other stream's head: pairs it with one that waits, or lets it
// wait.
template <typename Pair>
void match_later(PairedSample&& sample, Waiting& own, Waiting& other, const std::string& run,
                 Pair pair) {
  const auto partner = other.find(sample.id);
  if (partner != other.end()) {
    pair(std::move(sample), std::move(partner->second));
    other.erase(partner);
    return;
  }
  const std::string id = sample.id;
  if (!own.emplace(id, std::move(sample)).second) {
    throw Error(ErrorCode::kData, "run " + run + ": sample id " + id + " comes twice");
  }
}

// ---- sentences ----

std::string format(const char* pattern, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, pattern, value);
  const std::string text = buffer;
  return text.find_first_not_of("-0.") == std::string::npos && text[0] == '-' ? text.substr(1)
                                                                              : text;
}

std::string points(double share) { return format("%.1f", 100 * share); }

std::string count_text(std::int64_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

// "B (direct)" where the runs' variants differ, else by model or profile, else just "B".
std::string name_of(const char* arm, const RunRecord& run, const RunRecord& other) {
  std::string name(arm);
  if (run.model != other.model) return name + " (" + run.model + ")";
  if (run.variant != other.variant) return name + " (" + run.variant + ")";
  if (run.profile != other.profile) return name + " (" + run.profile + ")";
  return name;
}

std::string flips_text(const Comparison& comparison) {
  if (comparison.binary) {
    return count_text(comparison.to_right, "question", "questions") + " flipped to right, " +
           std::to_string(comparison.to_wrong) + " to wrong";
  }
  return count_text(comparison.to_right, "question", "questions") + " scored higher, " +
         std::to_string(comparison.to_wrong) + " lower";
}

// What was left out of a comparison, as further sentences; "" when nothing was.
std::string left_out_text(const Comparison& comparison) {
  std::string text;
  const std::int64_t unpaired = comparison.only_in_a + comparison.only_in_b;
  if (comparison.failed_pairs > 0) {
    text += " Left out: " +
            count_text(comparison.failed_pairs, "question that failed", "questions that failed") +
            " in one run or both.";
  }
  if (unpaired > 0) {
    text += " " + count_text(unpaired, "question is", "questions are") + " in one run only.";
  }
  for (const auto& [arm, run] : {std::pair{"A", &comparison.a}, std::pair{"B", &comparison.b}}) {
    if (!run->complete) text += std::string(" Run ") + arm + " is incomplete.";
    if (run->decision && run->decision->stopped_early()) {
      text += std::string(" Run ") + arm + " was stopped early, after " +
              std::to_string(run->decision->num_used) + " of " +
              count_text(run->decision->num_questions, "question", "questions") +
              ": a comparison of its score is not protected against that.";
    }
  }
  return text;
}

}  // namespace

std::vector<std::string> differing_parts(const Json& manifest_a, const Json& manifest_b) {
  const Json& a = digests_of(manifest_a);
  const Json& b = digests_of(manifest_b);
  std::set<std::string> differing;
  for (const auto& item : a.items()) {
    if (!b.contains(item.key()) || b[item.key()] != item.value()) differing.insert(item.key());
  }
  for (const auto& item : b.items()) {
    if (!a.contains(item.key())) differing.insert(item.key());
  }
  std::vector<std::string> parts;
  for (const char* part : kPartOrder) {
    if (differing.erase(part) > 0) parts.emplace_back(part);
  }
  parts.insert(parts.end(), differing.begin(), differing.end());
  return parts;
}

std::vector<std::string> parts_of_vary(const std::string& word) {
  for (const VaryGroup& group : vary_groups()) {
    if (word == group.name) return group.parts;
  }
  return {word};
}

std::vector<std::string> check_comparable(const Json& manifest_a, const Json& manifest_b,
                                          std::span<const std::string> vary) {
  std::vector<std::string> differing = differing_parts(manifest_a, manifest_b);
  // When a run may stop changes which questions it asks, not what any answer is.
  std::erase(differing, "stop");
  std::set<std::string> declared;
  for (const std::string& word : vary) {
    if (word == "all") {
      declared.insert(differing.begin(), differing.end());
      continue;
    }
    const std::vector<std::string> parts = parts_of_vary(word);
    const bool is_known = std::any_of(parts.begin(), parts.end(), [&](const std::string& part) {
      return digests_of(manifest_a).contains(part) || digests_of(manifest_b).contains(part) ||
             std::find(std::begin(kPartOrder), std::end(kPartOrder), part) != std::end(kPartOrder);
    });
    if (!is_known) {
      std::string known = "all";
      for (const VaryGroup& group : vary_groups()) known.append(", ").append(group.name);
      std::set<std::string> parts_there(std::begin(kPartOrder), std::end(kPartOrder));
      for (const auto& item : digests_of(manifest_a).items()) parts_there.insert(item.key());
      for (const std::string& part : parts_there) known.append(", ").append(part);
      std::string message = "--vary ";
      message.append(word).append(": runs have no such part\n  try: one of ").append(known);
      throw Error(ErrorCode::kUsage, message);
    }
    declared.insert(parts.begin(), parts.end());
  }

  std::string lines;
  std::vector<std::string> words;
  for (const std::string& part : differing) {
    if (declared.contains(part)) continue;
    lines += "\n  " + part + ": " + explain_difference(manifest_a, manifest_b, part);
    const std::string word = vary_word(part);
    if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  }
  if (words.empty()) return differing;

  std::string flags;
  for (const std::string& word : words) flags += " --vary " + word;
  throw Error(ErrorCode::kUsage,
              "the runs differ in what was not declared to vary, so their scores do not compare" +
                  lines + "\n  try:" + flags + ", if that is what you mean to compare");
}

Comparison compare_outcomes(RunRecord a, RunRecord b, const OutcomeStream& outcomes_a,
                            const OutcomeStream& outcomes_b, std::vector<std::string> varied,
                            const ComparisonOptions& options) {
  if (a.suite != b.suite) {
    throw Error(ErrorCode::kUsage, "run " + a.run_id + " is of suite " + a.suite + ", run " +
                                       b.run_id + " of " + b.suite +
                                       ": only runs of one suite compare");
  }
  Comparison comparison;
  comparison.a = std::move(a);
  comparison.b = std::move(b);
  comparison.varied = std::move(varied);

  PairTable table(comparison, options);
  const auto pair = [&table](PairedSample&& from_a, PairedSample&& from_b) {
    table.add(std::move(from_a), std::move(from_b));
  };
  const auto pair_reversed = [&table](PairedSample&& from_b, PairedSample&& from_a) {
    table.add(std::move(from_a), std::move(from_b));
  };
  SampleReader reader_a(outcomes_a, comparison.a.run_id);
  SampleReader reader_b(outcomes_b, comparison.b.run_id);
  // Both runs usually go through one file in one order, so that heads meet and nothing waits.
  Waiting waiting_a, waiting_b;
  std::optional<PairedSample> head_a = reader_a.next();
  std::optional<PairedSample> head_b = reader_b.next();
  while (head_a || head_b) {
    if (head_a && head_b && head_a->id == head_b->id) {
      pair(std::move(*head_a), std::move(*head_b));
      head_a = reader_a.next();
      head_b = reader_b.next();
      continue;
    }
    const bool take_a = head_a && (!head_b || head_a->row <= head_b->row);
    const bool take_b = head_b && (!head_a || head_b->row <= head_a->row);
    if (take_a) {
      match_later(std::move(*head_a), waiting_a, waiting_b, comparison.a.run_id, pair);
      head_a = reader_a.next();
    }
    if (take_b) {
      match_later(std::move(*head_b), waiting_b, waiting_a, comparison.b.run_id, pair_reversed);
      head_b = reader_b.next();
    }
  }
  comparison.only_in_a = static_cast<std::int64_t>(waiting_a.size());
  comparison.only_in_b = static_cast<std::int64_t>(waiting_b.size());
  table.finish();
  comparison.verdict = verdict_of(comparison);
  return comparison;
}

std::string p_value_text(double p) {
  if (p < 0.001) return "p < 0.001";
  if (p < 0.1) return "p = " + format(p >= 0.0495 && p < 0.0505 ? "%.4f" : "%.3f", p);
  return "p = " + format("%.2f", p);
}

std::string verdict_of(const Comparison& comparison) {
  if (comparison.num_pairs == 0) {
    return "Nothing can be compared: no question was answered in both runs." +
           left_out_text(comparison);
  }
  const std::string name_b = name_of("B", comparison.b, comparison.a);
  const std::string pairs =
      "paired over " + count_text(comparison.num_pairs, "question", "questions") +
      (comparison.num_clusters < comparison.num_pairs
           ? " in " + count_text(comparison.num_clusters, "cluster", "clusters")
           : "");
  if (comparison.to_right + comparison.to_wrong == 0) {
    std::string text = "No difference can be told: A and B score the same on ";
    text += comparison.num_pairs == 1
                ? "the one question"
                : "every one of " + std::to_string(comparison.num_pairs) + " questions";
    if (comparison.low && comparison.high) {
      text +=
          " (95 % CI " + points(*comparison.low) + " to " + points(*comparison.high) + " points)";
    }
    return text + "." + left_out_text(comparison);
  }

  const bool higher = comparison.difference > 0;
  const std::optional<double> p = comparison.p_value ? comparison.p_value : comparison.mcnemar_p;
  const bool is_told = p && *p < 0.05 && comparison.difference != 0;
  // The interval is stated in the direction of the sentence: of the amount by which B is ahead or
  // behind.
  std::string numbers;
  if (comparison.low && comparison.high) {
    const double low = higher ? *comparison.low : -*comparison.high;
    const double high = higher ? *comparison.high : -*comparison.low;
    numbers += "95 % CI " + points(low) + " to " + points(high) + ", ";
  }
  if (p) numbers += p_value_text(*p) + ", ";
  numbers += pairs;
  const std::string amount = points(std::abs(comparison.difference)) + " points (" + numbers + ")";
  const std::string flips = "; " + flips_text(comparison) + ".";
  if (is_told) {
    return name_b + " is " + (higher ? "better" : "worse") + " by " + amount + flips +
           left_out_text(comparison);
  }
  std::string text = "No difference can be told: " + name_b + " is " +
                     (higher ? "higher" : "lower") + " by " + amount + flips;
  if (!p) {
    text +=
        " Every difference points the same way by the same amount, so nothing tells chance "
        "from effect.";
  } else if (comparison.detectable) {
    text += " A true difference of " + points(*comparison.detectable) +
            " points would be found four times in five.";
  }
  return text + left_out_text(comparison);
}

}  // namespace peira::evals
