#include "reports/details_json.h"

#include <cmath>
#include <cstdio>
#include <optional>

#include "base/hash.h"
#include "base/utf8.h"
#include "reports/detail/json_number.h"

namespace peira::reports {
namespace {

using detail::number;

OrderedJson interval(const stats::Interval& of) {
  return OrderedJson::array({number(of.low), number(of.high)});
}

OrderedJson to_json(const Distribution& distribution) {
  return {{"name", distribution.name},
          {"unit", distribution.unit},
          {"count", distribution.count},
          {"mean", number(distribution.mean)},
          {"smallest", number(distribution.smallest)},
          {"median", number(distribution.median)},
          {"p90", number(distribution.p90)},
          {"p95", number(distribution.p95)},
          {"p99", number(distribution.p99)},
          {"largest", number(distribution.largest)},
          {"histogram",
           {{"low", number(distribution.bins_low)},
            {"bin_width", number(distribution.bin_width)},
            {"counts", distribution.bins},
            {"last_is_open", distribution.last_is_open}}}};
}

OrderedJson to_json(const Calibration& calibration) {
  OrderedJson bins = OrderedJson::array();
  for (const stats::CalibrationBin& bin : calibration.error.bins) {
    bins.push_back(OrderedJson{{"count", bin.count},
                               {"mean_confidence", number(bin.mean_confidence)},
                               {"accuracy", number(bin.accuracy)}});
  }
  OrderedJson out{{"confidence", calibration.source},
                  {"num_answers", calibration.num_answers},
                  {"ece", number(calibration.error.expected)},
                  {"rms", number(calibration.error.root_mean_square)},
                  {"mce", number(calibration.error.largest)},
                  {"brier", number(calibration.brier)},
                  {"auroc", number(calibration.auroc)},
                  {"bins", bins}};
  out["ece_95"] = calibration.interval ? interval(calibration.interval->expected) : OrderedJson();
  out["rms_95"] =
      calibration.interval ? interval(calibration.interval->root_mean_square) : OrderedJson();
  return out;
}

OrderedJson to_json(const Cost& cost) {
  return {{"dollars", number(cost.dollars)},
          {"prompt_tokens", cost.prompt_tokens},
          {"completion_tokens", cost.completion_tokens},
          {"input_dollars_per_million", number(cost.input_price)},
          {"output_dollars_per_million", number(cost.output_price)}};
}

OrderedJson to_json(const Message& message) {
  OrderedJson parts = OrderedJson::array();
  static constexpr const char* kKinds[] = {"text", "image", "audio", "video"};
  for (const Part& part : message.parts) {
    const char* kind = kKinds[static_cast<int>(part.kind)];
    if (part.kind == PartKind::kText) {
      parts.push_back(OrderedJson{{"type", kind}, {"text", part.text}});
    } else {
      parts.push_back(OrderedJson{
          {"type", kind},
          {"sha256", part.bytes.empty() ? OrderedJson() : OrderedJson(sha256_hex(part.bytes))}});
    }
  }
  return {{"role", message.role}, {"parts", parts}};
}

OrderedJson to_json(const AnswerStory& answer, bool restricted) {
  OrderedJson out{{"epoch", answer.epoch},
                  {"value", number(answer.score.value)},
                  {"state", evals::to_string(answer.score.state)}};
  if (restricted) return out;
  out["answer"] = answer.score.answer;
  out["gold"] = answer.gold;
  out["rule"] = answer.score.rule;
  out["why"] = answer.score.why;
  out["finish_reason"] = answer.finish_reason;
  out["failure"] = answer.failure;
  out["reasoning"] = answer.reasoning;
  out["response"] = answer.response;
  if (!answer.continuations.empty()) {
    out["continuations"] = answer.continuations;
    OrderedJson logprobs = OrderedJson::array();
    for (const double logprob : answer.continuation_logprobs) logprobs.push_back(number(logprob));
    out["continuation_logprobs"] = std::move(logprobs);
  }
  out["prompt_tokens"] = answer.prompt_tokens;
  out["completion_tokens"] = answer.completion_tokens;
  out["latency_s"] = number(answer.latency_s);
  return out;
}

}  // namespace

OrderedJson to_json(const RunDetails& details) {
  OrderedJson distributions = OrderedJson::array();
  for (const Distribution& distribution : details.distributions) {
    distributions.push_back(to_json(distribution));
  }
  OrderedJson failures = OrderedJson::array();
  for (const FailureGroup& group : details.failures) {
    failures.push_back(OrderedJson{
        {"reason", group.reason}, {"count", group.count}, {"sample_ids", group.sample_ids}});
  }
  return {
      {"distributions", distributions},
      {"failures", failures},
      {"calibration", details.calibration ? to_json(*details.calibration) : OrderedJson(nullptr)},
      {"cost", details.cost ? to_json(*details.cost) : OrderedJson(nullptr)}};
}

OrderedJson to_json(const SampleSection& section) {
  OrderedJson samples = OrderedJson::array();
  for (const SampleStory& sample : section.samples) {
    OrderedJson sides = OrderedJson::array();
    for (const SampleSide& side : sample.sides) {
      OrderedJson answers = OrderedJson::array();
      for (const AnswerStory& answer : side.answers) {
        answers.push_back(to_json(answer, section.restricted));
      }
      OrderedJson row{{"answers", std::move(answers)}};
      if (!section.restricted) {
        row["prompt"] = OrderedJson::array();
        for (const Message& message : side.prompt) row["prompt"].push_back(to_json(message));
      }
      sides.push_back(std::move(row));
    }
    OrderedJson row{{"id", sample.id}, {"outcome", outcome_of(sample)}};
    if (!section.restricted) row["metadata"] = sample.metadata;
    row["sides"] = std::move(sides);
    samples.push_back(std::move(row));
  }
  return {{"title", section.title},
          {"labels", section.labels},
          {"restricted", section.restricted},
          {"left_out", section.num_left_out},
          {"samples", std::move(samples)}};
}

OrderedJson to_json(const evals::SeriesReport& series) {
  OrderedJson nights = OrderedJson::array();
  for (const evals::NightJudgement& night : series.nights)
    nights.push_back(OrderedJson(evals::to_json(night)));
  return {{"suite", series.suite},
          {"model", series.model},
          {"variant", series.variant},
          {"metric", series.metric},
          {"higher_is_better", series.higher_is_better},
          {"nights", std::move(nights)}};
}

std::string without_steering(const std::string& json) {
  std::string out;
  out.reserve(json.size());
  for (std::size_t offset = 0; offset < json.size();) {
    std::size_t end = offset;
    while (end < json.size() && static_cast<unsigned char>(json[end]) < 0x7F) ++end;
    out.append(json, offset, end - offset);
    offset = end;
    if (offset == json.size()) break;
    const DecodedCodePoint decoded = decode_utf8(json, offset);
    offset += decoded.size_bytes;
    const char32_t c = decoded.code_point;
    const bool is_steering = (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) ||
                             (c >= 0x2066 && c <= 0x2069) || c == 0x200E || c == 0x200F ||
                             c == 0x061C || c == 0x2028 || c == 0x2029;
    if (is_steering) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c) & 0xFFFFU);
      out += escape;
    } else {
      append_utf8(out, c);
    }
  }
  return out;
}

}  // namespace peira::reports
