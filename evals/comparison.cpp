#include "evals/comparison.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "evals/comparison_text.h"
#include "evals/score_mean.h"
#include "stats/distributions.h"
#include "stats/effect_sizes.h"
#include "stats/equivalence.h"
#include "stats/mcnemar.h"
#include "stats/paired_tests.h"
#include "stats/permutation.h"
#include "stats/two_proportions.h"

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
  stats::Moments epochs;                     // of the scores of those answers
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
        sample.epochs.add(ahead_->score.value);
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

// How answers to one question scatter, over all questions: pooled squares over sum (K_i - 1).
class SamplingNoise {
 public:
  void add(const stats::Moments& epochs) {
    squares_ += epochs.sum_squared_deviations();
    df_ += epochs.count() - 1;
    inverse_.add(1 / static_cast<double>(epochs.count()));
  }
  std::optional<double> variance() const {
    if (df_ == 0) return std::nullopt;
    return squares_ / static_cast<double>(df_);
  }
  double inverse_epochs() const { return inverse_.mean(); }  // mean of 1 / K_i

 private:
  double squares_ = 0;
  std::int64_t df_ = 0;
  stats::Moments inverse_;
};

// Below it the exact permutation stands beside t.
constexpr std::int64_t kFewClusters = 20;
constexpr double kMarginAlpha = 0.05;

// The margins asked for, of a difference with a standard error.
void test_margins(Comparison& out, const ComparisonOptions& options) {
  using Outcome = MarginTest::Outcome;
  const auto check = [](double margin, const char* flag) {
    if (margin > 0 && margin < 1) return;
    throw Error(ErrorCode::kUsage, std::string(flag) + " " + std::to_string(margin) +
                                       ": a margin lies between 0 and 1, in score units\n  try: " +
                                       flag + " 0.01 for one point");
  };
  if (options.equivalent_within) check(*options.equivalent_within, "--equivalent-within");
  if (options.no_worse_by) check(*options.no_worse_by, "--no-worse-by");
  // Without spread there is no test; a single cluster says nothing of others.
  if (!out.std_error || *out.std_error <= kSameScore || !out.df) return;
  const double t = stats::t_quantile(1 - kMarginAlpha, *out.df);
  const double low = out.difference - t * *out.std_error;
  const double high = out.difference + t * *out.std_error;
  if (options.equivalent_within) {
    const double margin = *options.equivalent_within;
    const stats::Equivalence test = stats::equivalence_test(
        out.difference, *out.std_error, out.df, {.low = -margin, .high = margin}, kMarginAlpha);
    out.equivalence = MarginTest{margin, test.p, low, high,
                                 test.equivalent                    ? Outcome::kPass
                                 : low >= margin || high <= -margin ? Outcome::kFail
                                                                    : Outcome::kInconclusive};
  }
  if (options.no_worse_by) {
    const double margin = *options.no_worse_by;
    const stats::NonInferiority test = stats::non_inferiority(
        out.difference, *out.std_error, out.df,
        {.margin = margin, .better = stats::Better::kHigher, .alpha = kMarginAlpha});
    const bool worse = out.high && *out.high < 0;
    out.no_worse = MarginTest{margin, test.p_value, low, high,
                              test.non_inferior ? Outcome::kPass
                              : worse           ? Outcome::kFail
                                                : Outcome::kInconclusive};
  }
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
    if (cluster.empty() && static_cast<std::int64_t>(singles_.size()) < kFewClusters) {
      singles_.push_back(difference);
    }
    spread_.add(difference);
    arms_.add(score_a, score_b);
    sampling_a_.add(a.epochs);
    sampling_b_.add(b.epochs);
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
    if (out.binary && alone) {
      const stats::McNemar test = stats::mcnemar_test(counts_);
      out.mcnemar_p = test.exact_p;
      out.mcnemar_mid_p = test.mid_p;
      const stats::Interval tango = stats::tango_interval(counts_, options_.confidence);
      out.tango_low = tango.low;
      out.tango_high = tango.high;
    }

    const stats::ClusteredMean mean = differences_.mean();
    const stats::MeanEstimate estimate = mean.estimate();
    out.difference = estimate.mean;
    out.num_clusters = estimate.num_clusters;
    out.std_error = estimate.std_error;
    out.test = alone ? "paired t" : "paired t, clustered";
    take_apart();
    permute(mean);
    if (estimate.std_error.value_or(0) > kSameScore) {
      const stats::TTest test = stats::paired_t_test(mean, {.confidence = options_.confidence});
      out.p_value = test.p.value;
      out.df = test.df;
      if (alone) bound_effect();
      out.low = std::max(-1.0, test.interval.low);
      out.high = std::min(1.0, test.interval.high);
      out.interval = "clustered-t";
      out.detectable =
          *estimate.std_error * (stats::t_quantile(0.5 + options_.confidence / 2, test.df) +
                                 stats::t_quantile(0.8, test.df));
      test_margins(out, options_);
      return;
    }
    // No spread: a t interval would have no width. Equal scores are no evidence of a difference.
    if (out.to_right + out.to_wrong == 0) out.p_value = 1;
    if (out.tango_low) {
      out.low = out.tango_low;
      out.high = out.tango_high;
      out.interval = "tango";
    }
    test_margins(out, options_);
  }

 private:
  // The variance of the differences into questions and sampling.
  void take_apart() {
    const std::optional<double> observed = spread_.variance();
    if (!observed) return;
    VarianceParts parts;
    parts.observed = *observed;
    const double inverse_a = sampling_a_.inverse_epochs();
    const double inverse_b = sampling_b_.inverse_epochs();
    parts.epochs_a = 1 / inverse_a;
    parts.epochs_b = 1 / inverse_b;
    parts.sampling_a = sampling_a_.variance();
    parts.sampling_b = sampling_b_.variance();
    const auto n = static_cast<double>(comparison_.num_pairs);
    if (comparison_.std_error && *observed > 0 &&
        comparison_.num_clusters < comparison_.num_pairs) {
      parts.design_effect = *comparison_.std_error * *comparison_.std_error * n / *observed;
    }
    if (parts.sampling_a && parts.sampling_b) {
      parts.questions = *observed - *parts.sampling_a * inverse_a - *parts.sampling_b * inverse_b;
      parts.std_error_endless = std::sqrt(std::max(*parts.questions, 0.0) / n);
      parts.std_error_single =
          std::sqrt(std::max(*parts.questions + *parts.sampling_a + *parts.sampling_b, 0.0) / n);
    }
    comparison_.variance = parts;
  }

  // With few clusters t leans on a normality that is not there; flipping the signs of whole
  // clusters does not.
  void permute(const stats::ClusteredMean& mean) {
    if (mean.num_clusters() >= kFewClusters || mean.num_clusters() < 2) return;
    std::vector<double> sums = differences_.sums();
    sums.insert(sums.end(), singles_.begin(), singles_.end());
    comparison_.permutation_p = stats::sign_flip_test(sums).two_sided_p;
  }

  // Interval of d_z by the noncentral t, or for many pairs by its normal limit.
  void bound_effect() {
    if (!comparison_.effect_size) return;
    const auto n = static_cast<double>(comparison_.num_pairs);
    const double d = *comparison_.effect_size;
    stats::Interval interval;
    if (n <= 10'000) {
      interval = stats::noncentrality_interval(d * std::sqrt(n), n - 1, options_.confidence);
      interval = {interval.low / std::sqrt(n), interval.high / std::sqrt(n)};
    } else {
      const double z = stats::normal_quantile(0.5 + options_.confidence / 2);
      const double half_width = z * std::sqrt(1 / n + d * d / (2 * n));
      interval = {d - half_width, d + half_width};
    }
    comparison_.effect_low = interval.low;
    comparison_.effect_high = interval.high;
  }

  Comparison& comparison_;
  const ComparisonOptions& options_;
  ScoreMean means_a_, means_b_;
  ClusteredValues differences_;
  stats::Moments spread_;
  stats::PairedMoments arms_;
  stats::PairedCounts counts_;
  SamplingNoise sampling_a_, sampling_b_;
  std::vector<double> singles_;  // the first few differences of questions that stand alone
  std::vector<std::pair<std::int64_t, Flip>> flips_;
};

// Arms of different questions: Welch's t with clustered standard errors, or for right and wrong the
// score test and interval of two shares.
void compare_unpaired(Comparison& out, const ScoreMean& a, const ScoreMean& b,
                      const ComparisonOptions& options) {
  out.paired = false;
  out.score_a = a.metric("score", options.confidence);
  out.score_b = b.metric("score", options.confidence);
  out.mean_a = out.score_a.value;
  out.mean_b = out.score_b.value;
  out.difference = out.mean_b - out.mean_a;
  out.num_clusters = out.score_a.num_clusters + out.score_b.num_clusters;
  out.binary = a.is_binary() && b.is_binary();
  if (!out.score_a.std_error || !out.score_b.std_error) return;
  const double variance_a = *out.score_a.std_error * *out.score_a.std_error;
  const double variance_b = *out.score_b.std_error * *out.score_b.std_error;
  out.std_error = std::sqrt(variance_a + variance_b);
  if (*out.std_error > kSameScore) {
    // Welch's degrees of freedom, from shares of the variance so that nothing underflows.
    const double share_a = variance_a / (variance_a + variance_b);
    const double share_b = 1 - share_a;
    out.df = 1 / (share_a * share_a / static_cast<double>(out.score_a.num_clusters - 1) +
                  share_b * share_b / static_cast<double>(out.score_b.num_clusters - 1));
    const stats::TTest test = stats::t_test_from(out.difference, *out.std_error, *out.df, 1,
                                                 {.confidence = options.confidence}, "");
    out.p_value = test.p.value;
    out.low = std::max(-1.0, test.interval.low);
    out.high = std::min(1.0, test.interval.high);
    out.interval = "clustered-t";
    out.test = "Welch's t";
    out.detectable = *out.std_error * (stats::t_quantile(0.5 + options.confidence / 2, *out.df) +
                                       stats::t_quantile(0.8, *out.df));
  }
  if (out.binary && !a.has_repeated_cluster() && !b.has_repeated_cluster()) {
    const stats::ProportionCounts counts{std::llround(a.sum()), a.count(), std::llround(b.sum()),
                                         b.count()};
    const stats::Interval interval = stats::miettinen_nurminen_interval(counts, options.confidence);
    out.p_value = stats::two_proportions_test(counts).pooled_p.value;
    out.low = interval.low;
    out.high = interval.high;
    out.interval = "miettinen-nurminen";
    out.test = "z test of two shares";
  }
  test_margins(out, options);
}

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
  // Each arm by itself, for runs without a question in common.
  ScoreMean all_a, all_b;
  const auto read = [](SampleReader& reader, ScoreMean& all) {
    std::optional<PairedSample> sample = reader.next();
    if (sample && sample->num_answers > 0) {
      all.add(cluster_key(sample->cluster, sample->id), sample->mean());
    }
    return sample;
  };
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
  std::optional<PairedSample> head_a = read(reader_a, all_a);
  std::optional<PairedSample> head_b = read(reader_b, all_b);
  while (options.unpaired && head_a) head_a = read(reader_a, all_a);
  while (options.unpaired && head_b) head_b = read(reader_b, all_b);
  while (head_a || head_b) {
    if (head_a && head_b && head_a->id == head_b->id) {
      pair(std::move(*head_a), std::move(*head_b));
      head_a = read(reader_a, all_a);
      head_b = read(reader_b, all_b);
      continue;
    }
    const bool take_a = head_a && (!head_b || head_a->row <= head_b->row);
    const bool take_b = head_b && (!head_a || head_b->row <= head_a->row);
    if (take_a) {
      match_later(std::move(*head_a), waiting_a, waiting_b, comparison.a.run_id, pair);
      head_a = read(reader_a, all_a);
    }
    if (take_b) {
      match_later(std::move(*head_b), waiting_b, waiting_a, comparison.b.run_id, pair_reversed);
      head_b = read(reader_b, all_b);
    }
  }
  comparison.only_in_a = static_cast<std::int64_t>(waiting_a.size());
  comparison.only_in_b = static_cast<std::int64_t>(waiting_b.size());
  table.finish();
  const bool shares_none = comparison.num_pairs == 0 && comparison.failed_pairs == 0;
  if (shares_none && all_a.count() > 1 && all_b.count() > 1) {
    compare_unpaired(comparison, all_a, all_b, options);
  }
  comparison.advice = advice_of(comparison);
  comparison.verdict = verdict_of(comparison);
  return comparison;
}

}  // namespace peira::evals
