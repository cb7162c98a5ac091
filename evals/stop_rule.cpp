#include "evals/stop_rule.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "stats/pass_at_k.h"

namespace peira::evals {
namespace {

// Relative to the number of questions: sums of scores such as 1/3 are off by their rounding.
constexpr double kRounding = 1e-9;

constexpr const char* kHint =
    "\n  try: --stop-when 'gpqa>=0.80', --stop-when 'no-worse-than RUN by 0.01', or --stop-when "
    "'better-than against' with --against";

[[noreturn]] void refuse(const std::string& rule, const std::string& what) {
  throw Error(ErrorCode::kUsage, "--stop-when '" + rule + "': " + what + kHint);
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::size_t begin = text.find_first_not_of(" \t");
  while (begin != std::string::npos) {
    const std::size_t end = std::min(text.find_first_of(" \t", begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(" \t", end);
  }
  return words;
}

// "0.8" or "80%".
double share_from(const std::string& rule, std::string text) {
  const bool is_percent = text.ends_with('%');
  if (is_percent) text = trimmed(text.substr(0, text.size() - 1));
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() ||
      !std::isfinite(value)) {
    refuse(rule, "'" + text + "' is no number");
  }
  if (is_percent) value /= 100;
  if (value < 0 || value > 1) {
    refuse(rule, "scores lie between 0 and 1, or 0% and 100%; " + text + " does not");
  }
  return value;
}

bool is_metric(const std::string& name) {
  if (name == "score" || name == "unparsed" || name == "truncated" || name == "empty" ||
      name == "refused") {
    return true;
  }
  if (!name.starts_with("pass@")) return false;
  int k = 0;
  const auto [end, error] = std::from_chars(name.data() + 5, name.data() + name.size(), k);
  return error == std::errc() && end == name.data() + name.size() && k >= 1;
}

// "score" for the names of the headline metric.
std::string metric_named(const std::string& name) {
  return name == "accuracy" || name.starts_with("avg@") ? "score" : name;
}

StopRule difference_rule(const std::string& text, const std::vector<std::string>& words) {
  const bool no_worse = words[0] == "no-worse-than";
  StopRule rule;
  for (const std::string& word : words) rule.text += (rule.text.empty() ? "" : " ") + word;
  if (words.size() != 2 && !(words.size() == 4 && words[2] == "by")) {
    refuse(text, "expected '" + words[0] + " RUN by X'");
  }
  rule.reference = words[1];
  const double margin = words.size() == 4 ? share_from(text, words[3]) : 0;
  if (no_worse && margin == 0) {
    refuse(text,
           "say how much worse is still no worse: '" + words[0] + " " + words[1] + " by 0.01'");
  }
  rule.threshold = no_worse ? -margin : margin;
  rule.relation = margin == 0 ? StopRule::Relation::kAbove : StopRule::Relation::kAtLeast;
  return rule;
}

std::string number_text(double value, const char* pattern = "%.4g") {
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, pattern, value);
  return buffer;
}

}  // namespace

void StopRule::name_reference(const std::string& name) {
  const std::size_t at = text.find(' ') + 1;  // "no-worse-than RUN ..."
  text.replace(text.find(reference, at), reference.size(), name);
  reference = name;
}

StopRule parse_stop_rule(const std::string& given, std::span<const std::string> suites) {
  const std::string text = trimmed(given);
  const std::vector<std::string> words = words_of(text);
  if (!words.empty() && (words[0] == "no-worse-than" || words[0] == "better-than")) {
    if (words.size() < 2) refuse(text, words[0] + " what?");
    return difference_rule(text, words);
  }
  const std::size_t at = text.find_first_of("<>");
  if (at == std::string::npos || at == 0) refuse(text, "neither a comparison nor a claim");
  const bool or_equal = at + 1 < text.size() && text[at + 1] == '=';
  StopRule rule;
  const bool above = text[at] == '>';
  rule.relation = above ? (or_equal ? StopRule::Relation::kAtLeast : StopRule::Relation::kAbove)
                        : (or_equal ? StopRule::Relation::kAtMost : StopRule::Relation::kBelow);
  std::string name = trimmed(text.substr(0, at));
  const std::string number = trimmed(text.substr(at + (or_equal ? 2 : 1)));
  rule.threshold = share_from(text, number);
  rule.text = name + text.substr(at, or_equal ? 2 : 1) + number;
  for (const std::string& suite : suites) {
    if (name == suite) {
      rule.suite = suite;
      return rule;
    }
    if (name.starts_with(suite + ".")) {
      rule.suite = suite;
      name = name.substr(suite.size() + 1);
      break;
    }
  }
  rule.metric = metric_named(name);
  if (!is_metric(rule.metric)) {
    std::string known;
    for (const std::string& suite : suites) known += suite + ", ";
    refuse(text, "no metric '" + name + "' that is a mean over questions; there are " + known +
                     "score, unparsed, truncated, empty, refused, pass@K");
  }
  return rule;
}

QuestionValue question_value(const std::string& metric, std::span<const EpochResult> epochs) {
  const auto total = static_cast<double>(epochs.size());
  double sum = 0;
  double unresolved = 0;
  for (const EpochResult& epoch : epochs) {
    if (epoch.state == AnswerState::kFailed) {
      ++unresolved;
    } else if (metric == "unparsed" || metric == "truncated" || metric == "empty" ||
               metric == "refused") {
      sum += to_string(epoch.state) == metric ? 1 : 0;
    } else {
      sum += epoch.value;
    }
  }
  if (metric.starts_with("pass@")) {
    const std::int64_t k = std::stoll(metric.substr(5));
    const auto n = static_cast<std::int64_t>(epochs.size());
    if (k > n) {
      throw Error(ErrorCode::kUsage, "--stop-when " + metric + ": needs at least " +
                                         std::to_string(k) + " epochs\n  try: --epochs " +
                                         std::to_string(k));
    }
    if (sum != std::floor(sum)) {
      throw Error(ErrorCode::kUsage,
                  "--stop-when " + metric + ": answers of this suite are not just right or wrong");
    }
    const auto right = static_cast<std::int64_t>(sum);
    return {stats::pass_at_k(n, right, k),
            stats::pass_at_k(n, right + static_cast<std::int64_t>(unresolved), k)};
  }
  return {sum / total, (sum + unresolved) / total};
}

StopDecider::StopDecider(const StopRule& rule, double error, std::int64_t num_questions)
    : rule_(rule),
      error_(error),
      num_questions_(num_questions),
      threshold_(scaled(rule.threshold)),
      up_(threshold_, num_questions),
      down_(1 - threshold_, num_questions) {
  if (!(error > 0) || !(error < 0.5)) {
    throw Error(ErrorCode::kUsage,
                "InvalidProbability: the error level must lie between 0 and 0.5, "
                "is " +
                    number_text(error));
  }
}

double StopDecider::scaled(double value) const {
  return rule_.is_difference() ? (value + 1) / 2 : value;
}

void StopDecider::add(const QuestionValue& value) {
  if (num_used() >= num_questions_) {
    throw Error(ErrorCode::kInternal,
                "more questions than the " + std::to_string(num_questions_) + " of the benchmark");
  }
  const double low = std::clamp(scaled(value.low), 0.0, 1.0);
  const double high = std::clamp(scaled(value.high), 0.0, 1.0);
  up_.add(low);
  down_.add(1 - high);
  lows_.push_back(low);
  highs_.push_back(high);
  low_sum_ += low;
  high_sum_ += high;
  if (value.high > value.low) {
    ++num_unresolved_;
  } else {
    resolved_sum_ += low;
  }
  if (!decided()) look();
}

void StopDecider::look() {
  using Relation = StopRule::Relation;
  const bool claims_up = rule_.relation == Relation::kAtLeast || rule_.relation == Relation::kAbove;
  // Whether a score just at the threshold belongs above it.
  const bool equal_is_up =
      rule_.relation == Relation::kAtLeast || rule_.relation == Relation::kBelow;
  const auto all = static_cast<double>(num_questions_);
  const double least = low_sum_;
  const double most = high_sum_ + all - static_cast<double>(num_used());
  const double target = all * threshold_;
  const double slack = kRounding * all;
  const bool surely_up = equal_is_up ? least >= target - slack : least > target + slack;
  const bool surely_down = equal_is_up ? most < target - slack : most <= target + slack;
  certain_ = surely_up || surely_down;
  // With every question seen, arithmetic alone decides.
  const bool seen_all = num_used() == num_questions_;
  const bool up = surely_up || (!seen_all && !surely_down && up_.rejects(error_));
  const bool down = surely_down || (!seen_all && !surely_up && down_.rejects(error_));
  if (up != down) verdict_ = up == claims_up ? Verdict::kTrue : Verdict::kFalse;
}

StopDecision StopDecider::decision() const {
  StopDecision out;
  out.rule = rule_.text;
  out.error = error_;
  out.verdict = verdict_;
  out.certain = certain_;
  out.num_used = num_used();
  out.num_questions = num_questions_;
  out.num_unresolved = num_unresolved_;
  out.reference = rule_.reference;
  out.threshold = rule_.threshold;
  if (num_used() == 0) {
    out.low = rule_.is_difference() ? -1 : 0;
    return out;
  }
  const auto unscaled = [&](double value) { return rule_.is_difference() ? 2 * value - 1 : value; };
  const auto used = static_cast<double>(num_used());
  if (num_used() > num_unresolved_) {
    out.estimate = unscaled(resolved_sum_ / static_cast<double>(num_used() - num_unresolved_));
  }
  if (num_used() == num_questions_) {
    out.low = unscaled(low_sum_ / used);
    out.high = unscaled(high_sum_ / used);
    return out;
  }
  out.low = unscaled(stats::betting_interval(lows_, num_questions_, error_).low);
  out.high = unscaled(stats::betting_interval(highs_, num_questions_, error_).high);
  return out;
}

std::string decision_sentence(const StopDecision& decision) {
  const bool is_difference = !decision.reference.empty();
  const std::string used = std::to_string(decision.num_used) + " of " +
                           std::to_string(decision.num_questions) + " questions";
  const auto number = [&](double value) {
    return is_difference ? number_text(100 * value, "%+.1f") : number_text(100 * value, "%.1f");
  };
  const char* unit = is_difference ? " points" : " %";
  std::string text;
  if (decision.verdict == Verdict::kUndecided) {
    text = "Undecided: '" + decision.rule + "' after " + used;
  } else {
    text = std::string("Decided: '") + decision.rule + "' is " + to_string(decision.verdict) +
           " after " + used;
    if (decision.stopped_early()) {
      text += " (" + number_text(100 * decision.share_saved(), "%.0f") + " % saved)";
    }
  }
  if (decision.estimate) {
    text += std::string("; ") + (is_difference ? "difference" : "score") + " " +
            number(*decision.estimate) + unit;
    if (decision.num_used < decision.num_questions) {
      text +=
          ", of all questions between " + number(decision.low) + " and " + number(decision.high);
    }
  }
  text += decision.certain ? "; no way the rest could go would change it"
          : decision.verdict == Verdict::kUndecided
              ? ""
              : "; wrong with a chance of at most " + number_text(100 * decision.error) + " %";
  if (decision.num_unresolved > 0) {
    text += "; " + std::to_string(decision.num_unresolved) +
            (decision.num_unresolved == 1 ? " question" : " questions") +
            " failed and could have gone either way";
  }
  return text + ".";
}

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kTrue:
      return "true";
    case Verdict::kFalse:
      return "false";
    case Verdict::kUndecided:
      break;
  }
  return "undecided";
}

Json to_json(const StopDecision& decision) {
  return {{"rule", decision.rule},
          {"error", decision.error},
          {"verdict", to_string(decision.verdict)},
          {"certain", decision.certain},
          {"questions_used", decision.num_used},
          {"questions", decision.num_questions},
          {"questions_unresolved", decision.num_unresolved},
          {"stopped_early", decision.stopped_early()},
          {"share_saved", decision.share_saved()},
          {"order_seed", decision.order_seed},
          {"reference", decision.reference},
          {"role", decision.role},
          {"threshold", decision.threshold},
          {"estimate", decision.estimate ? Json(*decision.estimate) : Json(nullptr)},
          {"low", decision.low},
          {"high", decision.high},
          {"interval_confidence", 1 - 2 * decision.error},
          {"rows_beyond", decision.rows_beyond},
          {"why", decision_sentence(decision)}};
}

StopDecision decision_from_json(const Json& json, const std::string& where) {
  try {
    StopDecision decision;
    decision.rule = json.at("rule");
    decision.error = json.at("error");
    const std::string verdict = json.at("verdict");
    decision.verdict = verdict == "true"    ? Verdict::kTrue
                       : verdict == "false" ? Verdict::kFalse
                                            : Verdict::kUndecided;
    decision.certain = json.at("certain");
    decision.num_used = json.at("questions_used");
    decision.num_questions = json.at("questions");
    decision.num_unresolved = json.at("questions_unresolved");
    decision.order_seed = json.at("order_seed");
    decision.reference = json.at("reference");
    decision.role = json.at("role");
    decision.threshold = json.at("threshold");
    if (!json.at("estimate").is_null()) decision.estimate = json.at("estimate").get<double>();
    decision.low = json.at("low");
    decision.high = json.at("high");
    decision.rows_beyond = json.at("rows_beyond").get<std::vector<std::int64_t>>();
    return decision;
  } catch (const Json::exception& failure) {
    throw Error(ErrorCode::kData, where + ": not a stop decision: " + failure.what());
  }
}

}  // namespace peira::evals
