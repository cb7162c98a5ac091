#include "runner/monitor/alerts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <utility>

#include "base/error.h"
#include "runner/durations.h"
#include "stats/quantiles.h"

namespace peira::runner {
namespace {

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

// A value in the units of the rule's metric.
std::string in_units(const AlertRule& rule, double value) {
  if (rule.is_latency()) {
    return value < 1 ? short_number(1000 * value) + " ms" : short_number(value) + " s";
  }
  if (rule.is_throughput()) return short_number(value) + " a second";
  return percent(value);
}

std::string name_of(const AlertRule& rule) {
  char text[64];
  const auto percentile = [&](const char* of) {
    std::snprintf(text, sizeof text, "p%.10g of %s", 100 * rule.percentile, of);
    return std::string(text);
  };
  switch (rule.metric) {
    case AlertMetric::kLatency:
      return percentile("latency");
    case AlertMetric::kFirstToken:
      return percentile("time to the first token");
    case AlertMetric::kQueue:
      return percentile("time in the queue");
    case AlertMetric::kErrorRate:
      return "server errors";
    case AlertMetric::kSuccessRate:
      return "answered";
    case AlertMetric::kClientErrorRate:
      return "client errors";
    case AlertMetric::kRejectedRate:
      return "rejected";
    case AlertMetric::kRequestsPerS:
      return "requests";
    case AlertMetric::kPromptTokensPerS:
      return "prompt tokens";
    case AlertMetric::kTokensPerS:
      return "generated tokens";
    case AlertMetric::kQuality:
      return "quality";
  }
  return rule.metric_text;
}

struct Estimate {
  double value = 0;
  std::optional<double> low, high;
};

// Numerator and denominator of a rule over shares.
std::pair<std::int64_t, std::int64_t> share_of(const AlertRule& rule, const WindowSummary& window) {
  switch (rule.metric) {
    case AlertMetric::kErrorRate:
      return {window.num_server_errors(), window.num_accountable()};
    case AlertMetric::kSuccessRate:
      return {window.count(RequestOutcome::kOk), window.num_requests()};
    case AlertMetric::kClientErrorRate:
      return {window.count(RequestOutcome::kClientError), window.num_requests()};
    default:
      return {window.count(RequestOutcome::kRejected), window.num_requests()};
  }
}

std::optional<Estimate> estimate_of(const AlertRule& rule, const WindowSummary& window) {
  if (rule.is_latency()) {
    const std::vector<double>& values = rule.metric == AlertMetric::kLatency ? window.totals
                                        : rule.metric == AlertMetric::kFirstToken
                                            ? window.first_tokens
                                            : window.queues;
    if (values.empty()) return std::nullopt;
    const stats::QuantileInterval interval = stats::quantile_interval(values, rule.percentile);
    Estimate out{interval.estimate, std::nullopt, std::nullopt};
    if (std::isfinite(interval.low)) out.low = interval.low;
    if (std::isfinite(interval.high)) out.high = interval.high;
    return out;
  }
  if (rule.is_throughput()) {
    const std::int64_t count = rule.metric == AlertMetric::kRequestsPerS ? window.num_requests()
                               : rule.metric == AlertMetric::kPromptTokensPerS
                                   ? window.prompt_tokens
                                   : window.completion_tokens;
    const std::optional<double> rate = window.rate(count);
    if (!rate) return std::nullopt;
    Estimate out{*rate, std::nullopt, std::nullopt};
    // Tokens come many at a time: of them there is no interval without a model of requests.
    if (rule.metric == AlertMetric::kRequestsPerS) {
      // Score interval of a Poisson mean: n + z^2/2 -+ z sqrt(n + z^2/4).
      constexpr double kZ = 1.959963984540054;
      const double n = static_cast<double>(count);
      const double centre = n + kZ * kZ / 2, half = kZ * std::sqrt(n + kZ * kZ / 4);
      out.low = std::max(0.0, centre - half) / window.recorded_s;
      out.high = (centre + half) / window.recorded_s;
    }
    return out;
  }
  const auto [part, whole] = share_of(rule, window);
  if (whole == 0) return std::nullopt;
  const stats::Interval interval =
      stats::wilson_interval(static_cast<double>(part), static_cast<double>(whole));
  return Estimate{static_cast<double>(part) / static_cast<double>(whole), interval.low,
                  interval.high};
}

std::int64_t basis_of(const AlertRule& rule, const WindowSummary& window) {
  switch (rule.metric) {
    case AlertMetric::kLatency:
      return window.total.count;
    case AlertMetric::kFirstToken:
      return window.first_token.count;
    case AlertMetric::kQueue:
      return window.queue.count;
    case AlertMetric::kErrorRate:
      return window.num_accountable();
    default:
      return window.num_requests();
  }
}

}  // namespace

RuleReading read_requests(const AlertRule& rule, const WindowSummary& window) {
  RuleReading out;
  out.num_requests = basis_of(rule, window);
  const std::string in_window = " in " + duration_text(rule.window_ms);
  const std::string over = " over " + std::to_string(out.num_requests) +
                           (rule.is_latency() ? " answered" : "") +
                           (out.num_requests == 1 ? " request" : " requests") + in_window;
  if (rule.is_throughput()) {
    const double length_s = static_cast<double>(rule.window_ms) / 1000;
    if (window.recorded_s < 0.9 * length_s) {
      out.state =
          window.recorded_s > 0 ? RuleReading::State::kTooLittle : RuleReading::State::kNothing;
      out.text = name_of(rule) + ": recorded for " +
                 duration_text(std::llround(window.recorded_s * 1000)) + " of " +
                 duration_text(rule.window_ms);
      return out;
    }
  } else if (out.num_requests == 0) {
    out.text = name_of(rule) + ": no requests" + in_window;
    return out;
  }
  const std::optional<Estimate> estimate = estimate_of(rule, window);
  if (!estimate) {
    out.text = name_of(rule) + ": unknown" + over;
    return out;
  }
  out.value = estimate->value;
  out.low = estimate->low;
  out.high = estimate->high;
  out.text = name_of(rule) + " " + in_units(rule, estimate->value);
  if (estimate->low && estimate->high) {
    out.text += " (95 % CI " + in_units(rule, *estimate->low) + " to " +
                in_units(rule, *estimate->high) + ")";
  } else if (estimate->low) {
    out.text += " (95 % CI from " + in_units(rule, *estimate->low) + ")";
  }
  out.text += over;
  if (out.num_requests < rule.min_requests) {
    out.state = RuleReading::State::kTooLittle;
    out.text += ", " + std::to_string(rule.min_requests) + " needed";
    return out;
  }
  const bool by_interval = rule.by_interval && rule.metric != AlertMetric::kPromptTokensPerS &&
                           rule.metric != AlertMetric::kTokensPerS;
  if (rule.above) {
    const std::optional<double> shown = by_interval ? estimate->low : estimate->value;
    out.state = shown && *shown > *rule.above     ? RuleReading::State::kBreach
                : estimate->value <= rule.resolve ? RuleReading::State::kFine
                                                  : RuleReading::State::kBetween;
  } else {
    const std::optional<double> shown = by_interval ? estimate->high : estimate->value;
    out.state = shown && *shown < *rule.below     ? RuleReading::State::kBreach
                : estimate->value >= rule.resolve ? RuleReading::State::kFine
                                                  : RuleReading::State::kBetween;
  }
  return out;
}

RuleReading read_quality(const AlertRule& rule, const Store& store, std::int64_t now_ms) {
  RuleReading worst;
  worst.text = "quality: no run finished in " + duration_text(rule.window_ms);
  for (const QualitySeries& series : quality_series(store, rule.suite, rule.filter.model, now_ms)) {
    const RunInfo& newest = series.runs.back();
    if (finished_ms(newest) <= now_ms - rule.window_ms) continue;
    const std::string name = series.suite + " (" + series.variant + ") on " + series.model;
    RuleReading reading;
    reading.state = RuleReading::State::kTooLittle;
    const auto change = newest_change(store, series, rule.history, rule.confidence);
    if (!change || change->num_runs < rule.min_runs) {
      const int runs = change ? change->num_runs : 0;
      reading.text = name + ": " + std::to_string(runs) + (runs == 1 ? " run" : " runs") +
                     " before " + newest.id + ", " + std::to_string(rule.min_runs) + " needed";
    } else {
      reading.value = change->difference;
      reading.low = change->low;
      reading.high = change->high;
      reading.num_requests = change->num_questions;
      const auto points = [](double difference) {
        char text[32];
        std::snprintf(text, sizeof text, "%+.1f", 100 * difference);
        return std::string(text);
      };
      reading.text = name + ": " + points(change->difference) + " points";
      if (change->low && change->high) {
        reading.text += " (" + short_number(100 * rule.confidence) + " % CI " +
                        points(*change->low) + " to " + points(*change->high) + ")";
        // Shown: the whole interval lies beyond the drop that is put up with.
        reading.state =
            *change->high < -rule.drop ? RuleReading::State::kBreach : RuleReading::State::kFine;
      }
      reading.text += ", from " + percent(change->before) + " to " + percent(change->after) +
                      " over " + std::to_string(change->num_questions) + " questions, against " +
                      std::to_string(change->num_runs) +
                      (change->num_runs == 1 ? " run" : " runs") + " before " + newest.id;
    }
    const auto rank = [](const RuleReading& one) {
      return std::pair(one.state == RuleReading::State::kBreach
                           ? 2
                           : static_cast<int>(one.state != RuleReading::State::kNothing),
                       -one.value.value_or(2));
    };
    if (rank(reading) > rank(worst)) worst = std::move(reading);
  }
  return worst;
}

bool AlertTracker::step(std::int64_t now_ms, RuleReading::State reading) {
  using Reading = RuleReading::State;
  if (state_ == State::kFiring) {
    // Where there are no requests any more, there is nothing left to be slow or wrong.
    const bool is_back = reading == Reading::kFine || reading == Reading::kNothing;
    if (!is_back) {
      fine_since_ms_.reset();
      return false;
    }
    if (!fine_since_ms_) fine_since_ms_ = now_ms;
    if (now_ms - *fine_since_ms_ < resolve_ms_) return false;
    state_ = State::kOk;
    since_ms_ = now_ms;
    return true;
  }
  if (reading != Reading::kBreach) {
    state_ = State::kOk;
    return false;
  }
  if (state_ == State::kOk) {
    state_ = State::kPending;
    since_ms_ = now_ms;
  }
  if (now_ms - since_ms_ < for_ms_) return false;
  state_ = State::kFiring;
  fine_since_ms_.reset();
  return true;
}

std::string to_string(AlertTracker::State state) {
  return state == AlertTracker::State::kFiring    ? "firing"
         : state == AlertTracker::State::kPending ? "pending"
                                                  : "ok";
}

AlertBoard::AlertBoard(AlertRules rules, const std::filesystem::path& store, std::int64_t now_ms)
    : rules_(std::move(rules)), path_(store) {
  for (const AlertRule& rule : rules_.rules) trackers_.emplace_back(rule);
  status_.resize(rules_.rules.size());
  // At least five looks over each rule's `for`, none of them now: that is look()'s.
  constexpr std::int64_t kLooks = 5;
  std::vector<std::int64_t> times;
  for (const AlertRule& rule : rules_.rules) {
    for (std::int64_t i = 1; rule.for_ms > 0 && i <= kLooks; ++i) {
      times.push_back(now_ms - rule.for_ms * i / kLooks);
    }
  }
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  for (const std::int64_t time : times) {
    const std::vector<RuleReading> readings = read_all(time, false);
    for (std::size_t i = 0; i < trackers_.size(); ++i) {
      if (rules_.rules[i].metric == AlertMetric::kQuality) continue;
      // No earlier than `for`: nothing fires before now, when somebody is told.
      if (now_ms - time <= rules_.rules[i].for_ms) trackers_[i].step(time, readings[i].state);
    }
  }
}

std::vector<RuleReading> AlertBoard::read_all(std::int64_t now_ms, bool with_quality) {
  // Rules over one window read it once.
  std::map<RequestFilter, std::vector<std::int64_t>> wanted;
  for (const AlertRule& rule : rules_.rules) {
    if (rule.metric == AlertMetric::kQuality) continue;
    std::vector<std::int64_t>& lengths = wanted[rule.filter];
    if (std::find(lengths.begin(), lengths.end(), rule.window_ms) == lengths.end()) {
      lengths.push_back(rule.window_ms);
    }
  }
  std::map<std::pair<RequestFilter, std::int64_t>, WindowSummary> windows;
  if (!wanted.empty()) {
    const MonitorStore store(path_, MonitorStore::Access::kReadOnly);
    for (const auto& [filter, lengths] : wanted) {
      std::vector<WindowSummary> read = summarize_windows(store, now_ms, lengths, filter);
      for (std::size_t i = 0; i < lengths.size(); ++i) {
        windows.emplace(std::pair(filter, lengths[i]), std::move(read[i]));
      }
    }
  }
  std::optional<Store> runs;
  std::vector<RuleReading> out;
  for (const AlertRule& rule : rules_.rules) {
    if (rule.metric != AlertMetric::kQuality) {
      out.push_back(read_requests(rule, windows.at({rule.filter, rule.window_ms})));
      continue;
    }
    if (!with_quality) {
      out.emplace_back();
      continue;
    }
    if (!runs) runs.emplace(path_, Store::Access::kReadOnly);
    out.push_back(read_quality(rule, *runs, now_ms));
  }
  return out;
}

std::vector<AlertEvent> AlertBoard::look(std::int64_t now_ms) {
  const std::vector<RuleReading> readings = read_all(now_ms, true);
  std::vector<AlertEvent> events;
  for (std::size_t i = 0; i < trackers_.size(); ++i) {
    const AlertRule& rule = rules_.rules[i];
    const bool changed = trackers_[i].step(now_ms, readings[i].state);
    status_[i] = {trackers_[i].state(), trackers_[i].since_ms(), readings[i]};
    if (!changed) continue;
    const bool has_fired = trackers_[i].state() == AlertTracker::State::kFiring;
    std::string text = readings[i].text;
    if (rule.above) text += ", threshold " + in_units(rule, *rule.above);
    if (rule.below) text += ", threshold " + in_units(rule, *rule.below);
    if (const std::string filter = rule.filter_text(); !filter.empty()) text += " [" + filter + "]";
    events.push_back(
        {now_ms, rule.name, rule.metric_text, rule.filter_text(), has_fired, std::move(text)});
  }
  return events;
}

bool AlertBoard::is_firing() const {
  return std::any_of(status_.begin(), status_.end(), [](const RuleStatus& one) {
    return one.state == AlertTracker::State::kFiring;
  });
}

OrderedJson to_json(const AlertRule& rule, const RuleStatus& status) {
  static const std::map<RuleReading::State, const char*> kReadings{
      {RuleReading::State::kFine, "fine"},
      {RuleReading::State::kBetween, "between"},
      {RuleReading::State::kBreach, "breach"},
      {RuleReading::State::kTooLittle, "too_little_data"},
      {RuleReading::State::kNothing, "no_data"}};
  const auto or_null = [](const std::optional<double>& value) {
    return value ? OrderedJson(*value) : OrderedJson(nullptr);
  };
  const RuleReading& reading = status.reading;
  OrderedJson out{{"rule", rule.name},
                  {"metric", rule.metric_text},
                  {"state", to_string(status.state)},
                  {"reading", kReadings.at(reading.state)},
                  {"value", or_null(reading.value)},
                  {"low", or_null(reading.low)},
                  {"high", or_null(reading.high)}};
  if (rule.above) out["above"] = *rule.above;
  if (rule.below) out["below"] = *rule.below;
  if (rule.metric == AlertMetric::kQuality) out["drop"] = rule.drop;
  out["window"] = duration_text(rule.window_ms);
  out["requests"] = reading.num_requests;
  if (status.state != AlertTracker::State::kOk) out["since"] = utc_text_of(status.since_ms);
  if (const std::string filter = rule.filter_text(); !filter.empty()) out["filter"] = filter;
  out["text"] = reading.text;
  return out;
}

}  // namespace peira::runner
