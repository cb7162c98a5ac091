#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/nearest.h"
#include "evals/gate/gate.h"

namespace peira::evals {
namespace {

bool is_pass_at(const std::string& metric) {
  if (!metric.starts_with("pass@")) return false;
  int k = 0;
  const char* end = metric.data() + metric.size();
  const auto [stop, error] = std::from_chars(metric.data() + 5, end, k);
  return error == std::errc() && stop == end && k >= 1;
}

}  // namespace

const std::vector<std::string>& gate_metrics() {
  static const std::vector<std::string> metrics = {
      "accuracy",     "unparsed",    "truncated",   "refused",           "empty",         "failed",
      "latency.mean", "latency.p50", "latency.p95", "completion_tokens", "prompt_tokens", "cost"};
  return metrics;
}

std::string GateTarget::text() const {
  return suite + (field.empty() ? "" : "[" + field + "=" + value + "]") + "." + metric;
}

GateTarget parse_gate_target(const std::string& text) {
  constexpr std::size_t kMostChars = 1000;
  const auto refuse = [&text](const std::string& what) {
    throw Error(ErrorCode::kUsage, "gate \"" + text.substr(0, 80) + "\": " + what +
                                       "\n  try: gpqa.accuracy, or gpqa[High-level "
                                       "domain=Physics].accuracy");
  };
  if (text.size() > kMostChars) refuse("too long");
  GateTarget target;
  std::size_t at = text.find_first_of("[.");
  target.suite = text.substr(0, at);
  if (target.suite.empty()) refuse("names no suite");
  if (at != std::string::npos && text[at] == '[') {
    const std::size_t close = text.find(']', at);
    const std::size_t equals = text.find('=', at);
    if (close == std::string::npos || equals == std::string::npos || equals > close ||
        equals == at + 1) {
      refuse("a cell is written [field=value]");
    }
    target.field = text.substr(at + 1, equals - at - 1);
    target.value = text.substr(equals + 1, close - equals - 1);
    at = close + 1;
  }
  if (at == std::string::npos || at >= text.size()) return target;
  if (text[at] != '.') refuse("a metric follows after a point");
  target.metric = text.substr(at + 1);
  const std::vector<std::string>& known = gate_metrics();
  if (std::find(known.begin(), known.end(), target.metric) != known.end() ||
      is_pass_at(target.metric)) {
    return target;
  }
  const std::string nearest = nearest_name(target.metric, known);
  std::string all = "pass@K";
  for (const std::string& metric : known) all += ", " + metric;
  throw Error(ErrorCode::kUsage, "gate \"" + text + "\": no metric is called \"" + target.metric +
                                     "\"; there are " + all +
                                     (nearest.empty() ? "" : "\n  try: " + nearest));
}

const char* to_string(GateKind kind) {
  switch (kind) {
    case GateKind::kMin:
      return "min";
    case GateKind::kMax:
      return "max";
    case GateKind::kNoWorse:
      return "no-worse-than";
    case GateKind::kEquivalent:
      break;
  }
  return "equivalent-to";
}

const char* to_string(GateStatus status) {
  switch (status) {
    case GateStatus::kPass:
      return "pass";
    case GateStatus::kFail:
      return "fail";
    case GateStatus::kUndecided:
      break;
  }
  return "undecided";
}

std::string Gate::text() const {
  char number[32];
  const auto written = std::to_chars(number, number + sizeof number, bound);
  const std::string value(number, written.ptr);
  switch (kind) {
    case GateKind::kMin:
      return target.text() + " >= " + value;
    case GateKind::kMax:
      return target.text() + " <= " + value;
    case GateKind::kNoWorse:
      return target.text() + " no worse than " + baseline + " by " + value;
    case GateKind::kEquivalent:
      break;
  }
  return target.text() + " equivalent to " + baseline + " within " + value;
}

}  // namespace peira::evals
