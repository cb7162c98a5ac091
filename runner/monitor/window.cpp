#include "runner/monitor/window.h"

#include <algorithm>
#include <numeric>

#include "runner/durations.h"
#include "stats/quantiles.h"

namespace peira::runner {
namespace {

// A recorder says at least every five seconds that it is alive.
constexpr std::int64_t kSilenceMs = 15'000;

LatencySummary summary_of(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  if (values.empty()) return {};
  return {std::ssize(values),
          std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size()),
          stats::sorted_quantile(values, 0.5),
          stats::sorted_quantile(values, 0.9),
          stats::sorted_quantile(values, 0.95),
          stats::sorted_quantile(values, 0.99),
          values.back()};
}

std::string modality_of(const RequestRecord& request) {
  std::string out = "text";
  if (request.num_images > 0) out += "+image";
  if (request.num_audios > 0) out += "+audio";
  if (request.num_videos > 0) out += "+video";
  return out;
}

void add_up(std::optional<std::int64_t>& sum, const std::optional<std::int64_t>& value) {
  if (value) sum = sum.value_or(0) + *value;
}

// Milliseconds of (from, to] that at least one of the sessions covers; they are by begin.
std::int64_t covered_ms(const std::vector<MonitorSession>& sessions, std::int64_t from,
                        std::int64_t to) {
  std::int64_t covered = 0, reached = from;
  for (const MonitorSession& session : sessions) {
    const bool lives = !session.has_ended && session.alive_ms + kSilenceMs >= to;
    const std::int64_t begin = std::max(reached, session.began_ms);
    const std::int64_t end = std::min(to, lives ? to : session.alive_ms);
    if (end <= begin) continue;
    covered += end - begin;
    reached = end;
  }
  return covered;
}

OrderedJson latency_json(const LatencySummary& latency) {
  if (latency.count == 0) return {{"count", 0}};
  return {{"count", latency.count}, {"mean", latency.mean}, {"p50", latency.p50},
          {"p90", latency.p90},     {"p95", latency.p95},   {"p99", latency.p99},
          {"max", latency.max}};
}

template <typename Value>
OrderedJson or_null(const std::optional<Value>& value) {
  return value ? OrderedJson(*value) : OrderedJson(nullptr);
}

}  // namespace

std::int64_t WindowSummary::num_requests() const {
  return std::accumulate(outcomes.begin(), outcomes.end(), std::int64_t{0});
}
std::int64_t WindowSummary::num_server_errors() const {
  return count(RequestOutcome::kRejected) + count(RequestOutcome::kTimeout) +
         count(RequestOutcome::kFailed);
}
std::int64_t WindowSummary::num_accountable() const {
  return count(RequestOutcome::kOk) + num_server_errors();
}
std::optional<double> WindowSummary::success_rate() const {
  if (num_requests() == 0) return std::nullopt;
  return static_cast<double>(count(RequestOutcome::kOk)) / static_cast<double>(num_requests());
}
std::optional<double> WindowSummary::error_rate() const {
  if (num_accountable() == 0) return std::nullopt;
  return static_cast<double>(num_server_errors()) / static_cast<double>(num_accountable());
}
std::optional<double> WindowSummary::rate(std::int64_t number) const {
  if (recorded_s < 1) return std::nullopt;
  return static_cast<double>(number) / recorded_s;
}

WindowAccumulator::WindowAccumulator(std::int64_t from_ms, std::int64_t to_ms) {
  summary_.from_ms = from_ms;
  summary_.to_ms = to_ms;
}

void WindowAccumulator::add(const RequestRecord& request, const std::string& model) {
  if (request.ended_ms <= summary_.from_ms || request.ended_ms > summary_.to_ms) return;
  ++summary_.outcomes[static_cast<std::size_t>(request.outcome)];
  ++summary_.models[model];
  const std::int64_t prompt = request.prompt_tokens.value_or(0);
  const std::int64_t completion = request.completion_tokens.value_or(0);
  summary_.prompt_tokens += prompt;
  summary_.cached_tokens += request.cached_tokens.value_or(0);
  summary_.completion_tokens += completion;
  add_up(summary_.media_tokens.image, request.media_tokens.image);
  add_up(summary_.media_tokens.audio, request.media_tokens.audio);
  add_up(summary_.media_tokens.video, request.media_tokens.video);
  ModalityShare& share = summary_.modalities[modality_of(request)];
  ++share.requests;
  share.prompt_tokens += prompt;
  share.completion_tokens += completion;
  if (request.outcome == RequestOutcome::kOk) {
    summary_.totals.push_back(request.total_s);
    if (request.queue_s) summary_.queues.push_back(*request.queue_s);
    if (request.first_token_s) {
      summary_.first_tokens.push_back(*request.first_token_s);
      const double rest = request.total_s - *request.first_token_s;
      if (completion > 1 && rest > 0) {
        generation_rates_.push_back(static_cast<double>(completion - 1) / rest);
      }
    }
    return;
  }
  ErrorGroup& group = errors_[{request.outcome, request.error_class}];
  if (group.count == 0) {
    group.outcome = request.outcome;
    group.error_class = request.error_class;
    group.first_ms = request.ended_ms;
  }
  ++group.count;
  group.last_ms = request.ended_ms;
  constexpr std::size_t kExamples = 3;
  if (request.id.empty()) return;
  group.examples.insert(group.examples.begin(), request.id);
  if (group.examples.size() > kExamples) group.examples.pop_back();
}

WindowSummary WindowAccumulator::finish(const std::vector<MonitorSession>& sessions,
                                        std::int64_t num_dropped) && {
  WindowSummary& out = summary_;
  out.num_dropped = num_dropped;
  out.recorded_s = static_cast<double>(covered_ms(sessions, out.from_ms, out.to_ms)) / 1000;
  for (const MonitorSession& session : sessions) {
    if (!session.has_ended && session.alive_ms > out.from_ms &&
        session.alive_ms + kSilenceMs < out.to_ms) {
      ++out.num_crashed;
    }
  }
  out.total = summary_of(out.totals);
  out.first_token = summary_of(out.first_tokens);
  out.queue = summary_of(out.queues);
  out.generation_rate = summary_of(generation_rates_);
  for (auto& [key, group] : errors_) out.errors.push_back(std::move(group));
  std::stable_sort(out.errors.begin(), out.errors.end(),
                   [](const ErrorGroup& a, const ErrorGroup& b) { return a.count > b.count; });
  return std::move(out);
}

std::vector<WindowSummary> summarize_windows(const MonitorStore& store, std::int64_t to_ms,
                                             const std::vector<std::int64_t>& lengths_ms,
                                             const RequestFilter& filter) {
  std::vector<WindowAccumulator> windows;
  std::int64_t longest = 0;
  for (const std::int64_t length : lengths_ms) {
    windows.emplace_back(to_ms - length, to_ms);
    longest = std::max(longest, length);
  }
  store.visit(to_ms - longest, to_ms, filter,
              [&](const RequestRecord& request, const MonitorSession& session) {
                // The same model, seen from its clients' end, is another row.
                const std::string name =
                    session.source == "run" ? session.model + " (asked)" : session.model;
                for (WindowAccumulator& window : windows) window.add(request, name);
              });
  std::vector<WindowSummary> out;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const std::int64_t from_ms = to_ms - lengths_ms[i];
    out.push_back(std::move(windows[i])
                      .finish(store.sessions(from_ms, to_ms, filter),
                              store.num_dropped(from_ms, to_ms, filter)));
  }
  return out;
}

OrderedJson to_json(const WindowSummary& window) {
  OrderedJson out{{"window", duration_text(window.to_ms - window.from_ms)},
                  {"from", utc_text_of(window.from_ms)},
                  {"to", utc_text_of(window.to_ms)},
                  {"recorded_s", window.recorded_s},
                  {"requests", window.num_requests()},
                  {"dropped", window.num_dropped},
                  {"crashed_recorders", window.num_crashed}};
  OrderedJson outcomes;
  for (int i = 0; i < kNumRequestOutcomes; ++i) {
    const auto outcome = static_cast<RequestOutcome>(i);
    outcomes[std::string(to_string(outcome))] = window.count(outcome);
  }
  out["outcomes"] = std::move(outcomes);
  const auto with_interval = [](std::optional<double> value, std::int64_t part,
                                std::int64_t whole) -> OrderedJson {
    if (!value) return nullptr;
    const stats::Interval interval =
        stats::wilson_interval(static_cast<double>(part), static_cast<double>(whole));
    return {{"value", *value}, {"low", interval.low}, {"high", interval.high}};
  };
  out["success_rate"] = with_interval(window.success_rate(), window.count(RequestOutcome::kOk),
                                      window.num_requests());
  out["error_rate"] =
      with_interval(window.error_rate(), window.num_server_errors(), window.num_accountable());
  out["latency_s"] = latency_json(window.total);
  out["first_token_s"] = latency_json(window.first_token);
  out["queue_s"] = latency_json(window.queue);
  out["generation_tokens_per_s"] = latency_json(window.generation_rate);
  out["requests_per_s"] = or_null(window.rate(window.num_requests()));
  out["prompt_tokens_per_s"] = or_null(window.rate(window.prompt_tokens));
  out["completion_tokens_per_s"] = or_null(window.rate(window.completion_tokens));
  out["tokens"] = {{"prompt", window.prompt_tokens},
                   {"cached", window.cached_tokens},
                   {"completion", window.completion_tokens},
                   {"image", or_null(window.media_tokens.image)},
                   {"audio", or_null(window.media_tokens.audio)},
                   {"video", or_null(window.media_tokens.video)}};
  OrderedJson modalities = OrderedJson::object();
  for (const auto& [name, share] : window.modalities) {
    modalities[name] = {
        {"requests", share.requests},
        {"share", static_cast<double>(share.requests) / static_cast<double>(window.num_requests())},
        {"prompt_tokens", share.prompt_tokens},
        {"completion_tokens", share.completion_tokens}};
  }
  out["modalities"] = std::move(modalities);
  OrderedJson models = OrderedJson::object();
  for (const auto& [name, count] : window.models) models[name] = count;
  out["models"] = std::move(models);
  OrderedJson errors = OrderedJson::array();
  for (const ErrorGroup& group : window.errors) {
    errors.push_back({{"outcome", to_string(group.outcome)},
                      {"class", group.error_class},
                      {"count", group.count},
                      {"first_seen", utc_text_of(group.first_ms)},
                      {"last_seen", utc_text_of(group.last_ms)},
                      {"examples", group.examples}});
  }
  out["errors"] = std::move(errors);
  return out;
}

}  // namespace peira::runner
