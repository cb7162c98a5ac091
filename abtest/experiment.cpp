#include "abtest/experiment.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <set>

#include "abtest/assignment.h"
#include "abtest/condition.h"
#include "base/error.h"

namespace peira::abtest {
namespace {

// Members of an object, each read once; finish() refuses those that nobody asked for.
class Members {
 public:
  Members(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) fail("", "must be an object");
  }

  [[noreturn]] void fail(const std::string& key, const std::string& what) const {
    throw Error(ErrorCode::kData, where_ + ": " + key + (key.empty() ? "" : ": ") + what);
  }

  const Json* find(const std::string& key) {
    known_.insert(key);
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  const Json& need(const std::string& key) {
    const Json* value = find(key);
    if (value == nullptr) fail(key, "is missing");
    return *value;
  }
  std::string text(const std::string& key, const std::string& fallback) {
    const Json* value = find(key);
    if (value == nullptr) return fallback;
    if (!value->is_string()) fail(key, "must be text");
    return value->get<std::string>();
  }
  double number(const std::string& key, double fallback) {
    const Json* value = find(key);
    if (value == nullptr) return fallback;
    if (!value->is_number()) fail(key, "must be a number");
    return value->get<double>();
  }
  std::int64_t integer(const std::string& key, std::int64_t fallback) {
    const Json* value = find(key);
    if (value == nullptr) return fallback;
    if (!value->is_number_integer()) fail(key, "must be a whole number");
    return value->get<std::int64_t>();
  }
  std::optional<std::int64_t> optional_integer(const std::string& key) {
    return find(key) == nullptr ? std::nullopt : std::optional(integer(key, 0));
  }
  bool flag(const std::string& key, bool fallback) {
    const Json* value = find(key);
    if (value == nullptr) return fallback;
    if (!value->is_boolean()) fail(key, "must be true or false");
    return value->get<bool>();
  }
  const Json& array(const std::string& key) {
    static const Json kEmpty = Json::array();
    const Json* value = find(key);
    if (value == nullptr) return kEmpty;
    if (!value->is_array()) fail(key, "must be an array");
    return *value;
  }
  std::string place(const std::string& key) const { return where_ + ": " + key; }
  const std::string& where() const { return where_; }

  void finish() const {
    for (const auto& [key, value] : object_.items()) {
      if (known_.contains(key)) continue;
      std::string names;
      for (const std::string& known : known_) names += (names.empty() ? "" : ", ") + known;
      fail(key, "is not known; there are " + names);
    }
  }

 private:
  const Json& object_;
  std::string where_;
  std::set<std::string> known_;
};

// What check_experiment and the name readers find wrong is, in a file, bad data.
template <typename Call>
auto in_file(const std::string& where, Call call) {
  try {
    return call();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUsage) throw;
    throw Error(ErrorCode::kData, where + ": " + error.what());
  }
}

[[noreturn]] void refuse(const std::string& what) { throw Error(ErrorCode::kUsage, what); }

double percent_of(int basis) { return static_cast<double>(basis) / 100; }

std::vector<BucketRange> ranges_of(const Json& ranges, const std::string& where) {
  std::vector<BucketRange> out;
  for (const Json& range : ranges) {
    if (!range.is_array() || range.size() != 2 || !range[0].is_number_integer() ||
        !range[1].is_number_integer()) {
      throw Error(ErrorCode::kData, where + ": a range is [low, high] in buckets of 10000");
    }
    const auto low = range[0].get<std::int64_t>();
    const auto high = range[1].get<std::int64_t>();
    if (low < 0 || high > kNumBuckets || low >= high) {
      throw Error(ErrorCode::kData, where + ": range [" + std::to_string(low) + ", " +
                                        std::to_string(high) + ") does not lie in [0, 10000)");
    }
    out.push_back({static_cast<int>(low), static_cast<int>(high)});
  }
  return out;
}

Filter filter_of(const Json& object, const std::string& where) {
  Members members(object, where);
  Filter filter;
  filter.seed = members.text("seed", "");
  filter.attribute = members.text("attribute", "id");
  filter.hash_version = static_cast<int>(members.integer("hash_version", 2));
  for (const Json& range : members.array("ranges")) {
    if (!range.is_array() || range.size() != 2 || !range[0].is_number() || !range[1].is_number()) {
      members.fail("ranges", "a range is [low, high) within [0, 1]");
    }
    filter.ranges.emplace_back(range[0].get<double>(), range[1].get<double>());
  }
  members.finish();
  return filter;
}

void read_traffic(Experiment& out, Members& members) {
  for (const Json& object : members.array("variants")) {
    Members variant(object, members.place("variants"));
    const std::string key = variant.text("key", "");
    out.variants.push_back({.key = key, .share = in_file(members.place("variants"), [&] {
                                          return basis_points(variant.number("share", 0),
                                                              "share of " + key);
                                        })});
    variant.finish();
  }
  out.mode = in_file(members.where(), [&] {
    return hash_mode(members.text("hash_mode", to_string(HashMode::kMd5_10000)));
  });
  out.salt = members.text("salt", out.id);
  out.coverage = in_file(members.where(),
                         [&] { return basis_points(members.number("coverage", 100), "coverage"); });
  if (const Json* layer = members.find("layer")) {
    Members inner(*layer, members.place("layer"));
    LayerPlace place{.name = inner.text("name", ""),
                     .ranges = ranges_of(inner.array("ranges"), members.place("layer"))};
    inner.finish();
    out.layer = std::move(place);
  }
  if (const Json* holdout = members.find("holdout")) {
    Members inner(*holdout, members.place("holdout"));
    Holdout kept{.name = inner.text("name", ""),
                 .share = in_file(members.place("holdout"),
                                  [&] { return basis_points(inner.number("share", 0), "share"); })};
    inner.finish();
    out.holdout = std::move(kept);
  }
  if (const Json* space = members.find("namespace")) {
    Members inner(*space, members.place("namespace"));
    Namespace part{
        .id = inner.text("id", ""), .low = inner.number("low", 0), .high = inner.number("high", 1)};
    inner.finish();
    out.name_space = std::move(part);
  }
  for (const Json& filter : members.array("filters")) {
    out.filters.push_back(filter_of(filter, members.place("filters")));
  }
  if (const Json* condition = members.find("condition")) out.condition = *condition;
  out.hash_attribute = members.text("hash_attribute", "id");
  out.fallback_attribute = members.text("fallback_attribute", "");
  out.sticky = members.flag("sticky", false);
  if (const Json* forced = members.find("forced")) {
    if (!forced->is_object()) members.fail("forced", "must be an object of unit: variant");
    for (const auto& [unit, key] : forced->items()) {
      if (!key.is_string()) members.fail("forced", "must be an object of unit: variant");
      out.forced[unit] = key.get<std::string>();
    }
  }
  out.min_bucket_version = static_cast<int>(members.integer("min_bucket_version", 0));
}

Experiment read_declaration(Members& members) {
  Experiment out;
  out.id = members.text("id", "");
  out.description = members.text("description", "");
  read_traffic(out, members);
  for (const Json& metric : members.array("metrics")) {
    out.metrics.push_back(metric.is_string()
                              ? in_file(members.place("metrics"),
                                        [&] { return parse_metric(metric.get<std::string>()); })
                              : parse_metric(metric, members.place("metrics")));
  }
  out.monitoring = in_file(members.where(), [&] {
    return monitoring(members.text("monitoring", to_string(Monitoring::kFixed)));
  });
  out.alpha = members.number("alpha", 0.05);
  out.tuning_n = members.integer("tuning_n", 5000);
  return out;
}

void check_unique(const std::vector<std::string>& names, const std::string& what) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) refuse("two " + what + " are called '" + name + "'");
  }
}

void check_split(const Experiment& experiment) {
  if (experiment.variants.size() < 2) refuse("variants: an experiment has at least two");
  std::vector<std::string> keys;
  int total = 0;
  for (const Variant& variant : experiment.variants) {
    if (variant.key.empty() || variant.key.size() > 128) {
      refuse("variants: a key has 1 to 128 bytes");
    }
    if (variant.key.find_first_of("\t\r\n") != std::string::npos) {
      refuse("variants: a key holds no tab or line break");
    }
    keys.push_back(variant.key);
    if (variant.share < 0) refuse("variants: the share of '" + variant.key + "' is negative");
    if (experiment.mode == HashMode::kMd5_100 && variant.share % 100 != 0) {
      refuse("variants: md5_100 has whole percents only, the share of '" + variant.key + "' is " +
             std::to_string(percent_of(variant.share)) + "\n  try: hash_mode md5_10000");
    }
    total += variant.share;
  }
  check_unique(keys, "variants");
  if (total != kNumBuckets) {
    char text[40];
    std::snprintf(text, sizeof text, "%.10g", percent_of(total));
    refuse("variants: the shares add up to " + std::string(text) +
           " %, not 100\n  try: coverage for a part of the traffic");
  }
  if (experiment.coverage < 0 || experiment.coverage > kNumBuckets) {
    refuse("coverage must lie between 0 and 100 %");
  }
  for (const auto& [unit, key] : experiment.forced) {
    if (!experiment.variant_index(key)) refuse("forced: there is no variant '" + key + "'");
  }
}

void check_places(const Experiment& experiment) {
  const bool is_fnv =
      experiment.mode == HashMode::kFnv1aV1 || experiment.mode == HashMode::kFnv1aV2;
  if (experiment.layer) {
    if (experiment.layer->name.empty()) refuse("layer: needs a name");
    if (experiment.layer->ranges.empty()) refuse("layer: needs ranges of buckets, [[0, 4000]]");
  }
  if (experiment.holdout && (experiment.holdout->name.empty() || experiment.holdout->share <= 0 ||
                             experiment.holdout->share >= kNumBuckets)) {
    refuse("holdout: needs a name and a share between 0 and 100 %");
  }
  if ((experiment.name_space || !experiment.filters.empty()) && !is_fnv) {
    refuse(
        "namespace and filters are GrowthBook's: they need hash_mode fnv1a_v1 or fnv1a_v2"
        "\n  try: layer");
  }
  if (experiment.name_space) {
    const Namespace& space = *experiment.name_space;
    if (space.id.empty() || !(space.low >= 0 && space.low < space.high && space.high <= 1)) {
      refuse("namespace: needs an id and 0 <= low < high <= 1");
    }
  }
}

}  // namespace

const char* to_string(HashMode mode) {
  switch (mode) {
    case HashMode::kMd5_100:
      return "md5_100";
    case HashMode::kMd5_10000:
      return "md5_10000";
    case HashMode::kFnv1aV1:
      return "fnv1a_v1";
    case HashMode::kFnv1aV2:
      return "fnv1a_v2";
  }
  throw Error(ErrorCode::kInternal, "a hash mode without a name");
}

HashMode hash_mode(const std::string& name) {
  for (const HashMode mode :
       {HashMode::kMd5_100, HashMode::kMd5_10000, HashMode::kFnv1aV1, HashMode::kFnv1aV2}) {
    if (name == to_string(mode)) return mode;
  }
  refuse("hash mode '" + name + "' is not known\n  try: md5_10000, md5_100, fnv1a_v2, fnv1a_v1");
}

const char* to_string(Status status) {
  switch (status) {
    case Status::kDraft:
      return "draft";
    case Status::kRunning:
      return "running";
    case Status::kStopped:
      return "stopped";
  }
  throw Error(ErrorCode::kInternal, "a status without a name");
}

std::vector<int> Experiment::shares() const {
  std::vector<int> out;
  for (const Variant& variant : variants) out.push_back(variant.share);
  return out;
}

std::optional<std::size_t> Experiment::variant_index(const std::string& key) const {
  const auto found = std::ranges::find(variants, key, &Variant::key);
  if (found == variants.end()) return std::nullopt;
  return static_cast<std::size_t>(found - variants.begin());
}

int basis_points(double percent, const std::string& what) {
  const double points = percent * 100;
  const double whole = std::round(points);
  // 33.33 * 100 is not 3333 in binary: within rounding it is.
  if (!(percent >= 0 && percent <= 100) || std::abs(points - whole) > 1e-7) {
    char text[40];
    std::snprintf(text, sizeof text, "%.10g", percent);
    refuse(what + " is " + text + ": a multiple of 0.01 % between 0 and 100 is needed");
  }
  return static_cast<int>(whole);
}

void check_experiment(const Experiment& experiment) {
  check_experiment_id(experiment.id);
  check_split(experiment);
  check_places(experiment);
  if (experiment.salt.empty() || experiment.salt.size() > 256) {
    refuse("salt has 1 to 256 bytes");
  }
  check_condition(experiment.condition);
  if (experiment.hash_attribute.empty()) refuse("hash_attribute is empty");
  if (experiment.metrics.empty()) refuse("metrics: an experiment measures at least one");
  std::vector<std::string> names;
  for (const Metric& metric : experiment.metrics) {
    check_metric(metric);
    if (metric.name.find(':') != std::string::npos) {
      refuse("metric '" + metric.name + "': a name holds no colon");
    }
    names.push_back(metric.name);
  }
  check_unique(names, "metrics");
  if (!(experiment.alpha > 0 && experiment.alpha < 0.5)) {
    refuse("alpha must lie between 0 and 1/2");
  }
  if (experiment.tuning_n < 100) refuse("tuning_n must be at least 100 units");
}

Metric parse_metric(const Json& declaration, const std::string& where) {
  Members members(declaration, where);
  Metric metric;
  metric.name = members.text("name", "");
  const std::string place = where + ": " + metric.name;
  in_file(place, [&] {
    metric.type = metric_type(members.text("type", "mean"));
    metric.better = better(members.text("better", "higher"));
    metric.role = metric_role(members.text("role", "primary"));
    return 0;
  });
  metric.margin = members.number("margin", 0);
  metric.margin_is_relative = members.flag("margin_is_relative", false);
  metric.quantile = members.number("quantile", 0.5);
  metric.missing_is_zero = members.flag("missing_is_zero", false);
  if (members.find("cap") != nullptr) metric.cap = members.number("cap", 0);
  members.finish();
  in_file(where, [&] {
    check_metric(metric);
    return 0;
  });
  return metric;
}

Metric parse_metric(const std::string& text) {
  Metric metric;
  std::size_t begin = text.find(':');
  metric.name = text.substr(0, begin);
  const auto number = [&text](std::string_view part) {
    double value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc{} || end != part.data() + part.size()) {
      refuse("metric '" + text + "': '" + std::string(part) + "' is no number");
    }
    return value;
  };
  while (begin != std::string::npos) {
    const std::size_t end = text.find(':', begin + 1);
    const std::string part =
        text.substr(begin + 1, end == std::string::npos ? end : end - begin - 1);
    begin = end;
    if (part.starts_with("margin=")) {
      std::string_view value = std::string_view(part).substr(7);
      metric.margin_is_relative = value.ends_with('%');
      if (metric.margin_is_relative) value.remove_suffix(1);
      metric.margin = number(value) / (metric.margin_is_relative ? 100 : 1);
    } else if (part.starts_with("cap=")) {
      metric.cap = number(std::string_view(part).substr(4));
    } else if (part == "missing=zero") {
      metric.missing_is_zero = true;
    } else if (part.size() > 1 && part[0] == 'p' && part[1] >= '0' && part[1] <= '9') {
      metric.type = MetricType::kQuantile;
      metric.quantile = number(std::string_view(part).substr(1)) / 100;
    } else if (part == "higher" || part == "lower") {
      metric.better = better(part);
    } else if (part == "primary" || part == "secondary" || part == "guardrail") {
      metric.role = metric_role(part);
    } else if (part == "mean" || part == "proportion" || part == "count" || part == "ratio") {
      metric.type = metric_type(part);
    } else {
      refuse("metric '" + text + "': '" + part +
             "' is not known\n  try: NAME:mean|proportion|count|ratio|p95"
             "[:primary|secondary|guardrail][:higher|lower][:margin=0.02|margin=5%][:cap=X]"
             "[:missing=zero]");
    }
  }
  check_metric(metric);
  return metric;
}

OrderedJson to_json(const Metric& metric) {
  OrderedJson out{{"name", metric.name},
                  {"type", to_string(metric.type)},
                  {"better", to_string(metric.better)},
                  {"role", to_string(metric.role)}};
  if (metric.role == MetricRole::kGuardrail) {
    out["margin"] = metric.margin;
    out["margin_is_relative"] = metric.margin_is_relative;
  }
  if (metric.type == MetricType::kQuantile) out["quantile"] = metric.quantile;
  if (metric.missing_is_zero) out["missing_is_zero"] = true;
  if (metric.cap) out["cap"] = *metric.cap;
  return out;
}

Experiment parse_experiment(const Json& declaration, const std::string& where) {
  Members members(declaration, where);
  for (const char* needed : {"id", "variants", "metrics"}) members.need(needed);
  Experiment experiment = read_declaration(members);
  members.finish();
  in_file(where, [&] {
    check_experiment(experiment);
    return 0;
  });
  return experiment;
}

OrderedJson to_json(const Experiment& experiment) {
  OrderedJson out{{"id", experiment.id}, {"description", experiment.description}};
  out["variants"] = OrderedJson::array();
  for (const Variant& variant : experiment.variants) {
    out["variants"].push_back({{"key", variant.key}, {"share", percent_of(variant.share)}});
  }
  out["metrics"] = OrderedJson::array();
  for (const Metric& metric : experiment.metrics) out["metrics"].push_back(to_json(metric));
  out["hash_mode"] = to_string(experiment.mode);
  out["salt"] = experiment.salt;
  out["coverage"] = percent_of(experiment.coverage);
  if (experiment.layer) {
    OrderedJson ranges = OrderedJson::array();
    for (const BucketRange& range : experiment.layer->ranges) {
      ranges.push_back(OrderedJson::array({range.low, range.high}));
    }
    out["layer"] = {{"name", experiment.layer->name}, {"ranges", ranges}};
  }
  if (experiment.holdout) {
    out["holdout"] = {{"name", experiment.holdout->name},
                      {"share", percent_of(experiment.holdout->share)}};
  }
  if (experiment.name_space) {
    out["namespace"] = {{"id", experiment.name_space->id},
                        {"low", experiment.name_space->low},
                        {"high", experiment.name_space->high}};
  }
  if (!experiment.filters.empty()) {
    out["filters"] = OrderedJson::array();
    for (const Filter& filter : experiment.filters) {
      OrderedJson ranges = OrderedJson::array();
      for (const auto& [low, high] : filter.ranges) {
        ranges.push_back(OrderedJson::array({low, high}));
      }
      out["filters"].push_back({{"seed", filter.seed},
                                {"attribute", filter.attribute},
                                {"hash_version", filter.hash_version},
                                {"ranges", ranges}});
    }
  }
  if (!experiment.condition.empty()) out["condition"] = OrderedJson(experiment.condition);
  out["hash_attribute"] = experiment.hash_attribute;
  if (!experiment.fallback_attribute.empty()) {
    out["fallback_attribute"] = experiment.fallback_attribute;
  }
  out["sticky"] = experiment.sticky;
  out["min_bucket_version"] = experiment.min_bucket_version;
  if (!experiment.forced.empty()) out["forced"] = experiment.forced;
  out["monitoring"] = to_string(experiment.monitoring);
  out["alpha"] = experiment.alpha;
  out["tuning_n"] = experiment.tuning_n;
  out["status"] = to_string(experiment.status);
  out["bucket_version"] = experiment.bucket_version;
  out["created_ms"] = experiment.created_ms;
  if (experiment.started_ms) out["started_ms"] = *experiment.started_ms;
  if (experiment.stopped_ms) out["stopped_ms"] = *experiment.stopped_ms;
  if (!experiment.conclusion.empty()) out["conclusion"] = experiment.conclusion;
  out["phases"] = OrderedJson::array();
  for (const Phase& phase : experiment.phases) {
    OrderedJson shares = OrderedJson::array();
    for (const int share : phase.shares) shares.push_back(percent_of(share));
    OrderedJson object{{"bucket_version", phase.bucket_version},
                       {"shares", shares},
                       {"started_ms", phase.started_ms}};
    if (phase.ended_ms) object["ended_ms"] = *phase.ended_ms;
    out["phases"].push_back(object);
  }
  return out;
}

Experiment parse_stored_experiment(const Json& stored, const std::string& where) {
  Members members(stored, where);
  Experiment out = read_declaration(members);
  const std::string status = members.text("status", "draft");
  out.status = status == "running"   ? Status::kRunning
               : status == "stopped" ? Status::kStopped
                                     : Status::kDraft;
  out.bucket_version = static_cast<int>(members.integer("bucket_version", 1));
  out.created_ms = members.integer("created_ms", 0);
  out.started_ms = members.optional_integer("started_ms");
  out.stopped_ms = members.optional_integer("stopped_ms");
  out.conclusion = members.text("conclusion", "");
  for (const Json& object : members.array("phases")) {
    Members inner(object, members.place("phases"));
    Phase phase;
    phase.bucket_version = static_cast<int>(inner.integer("bucket_version", 1));
    for (const Json& share : inner.array("shares")) {
      phase.shares.push_back(basis_points(share.is_number() ? share.get<double>() : -1, "share"));
    }
    phase.started_ms = inner.integer("started_ms", 0);
    phase.ended_ms = inner.optional_integer("ended_ms");
    inner.finish();
    out.phases.push_back(std::move(phase));
  }
  members.finish();
  return out;
}

}  // namespace peira::abtest
