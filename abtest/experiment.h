// An experiment as it is declared: who takes part, which variants there are, what is measured and
// how it will be read. Everything else follows from this and a unit's id.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "abtest/comparison.h"
#include "abtest/metric.h"
#include "base/json.h"

namespace peira::abtest {

// How a unit's bucket is made; never changes once an experiment exists.
enum class HashMode {
  kMd5_100,    // MD5(unit:salt) mod 100; whole percents
  kMd5_10000,  // its refinement to 0.01 %, same variants for whole percents: the default
  kFnv1aV1,    // GrowthBook's first hash: biased, for experiments begun there
  kFnv1aV2     // GrowthBook's second hash
};

const char* to_string(HashMode mode);         // "md5_100", ...
HashMode hash_mode(const std::string& name);  // throws Error(kUsage)

enum class Status { kDraft, kRunning, kStopped };

const char* to_string(Status status);  // "draft", "running", "stopped"

struct Variant {
  std::string key;
  int share = 0;  // basis points of the split
};

// Buckets [low, high) of a layer or a namespace, in basis points.
struct BucketRange {
  int low = 0;
  int high = 0;
};

// Experiments of one layer exclude each other: each owns ranges of bucket_10000(unit,
// "layer/NAME").
struct LayerPlace {
  std::string name;
  std::vector<BucketRange> ranges;
};

// Units kept out of experiments: the first `share` buckets of "holdout/NAME".
struct Holdout {
  std::string name;
  int share = 0;  // basis points
};

// GrowthBook's namespace: a part of [0, 1), for the FNV modes.
struct Namespace {
  std::string id;
  double low = 0;
  double high = 1;
};

// GrowthBook's filter: a unit passes when its place by this hash lies in one of the ranges.
struct Filter {
  std::string seed;
  std::string attribute = "id";
  int hash_version = 2;
  std::vector<std::pair<double, double>> ranges = {};
};

// A time during which the split did not change. Outcomes are analysed within one phase.
struct Phase {
  int bucket_version = 1;
  std::vector<int> shares;  // basis points, of the variants in order
  std::int64_t started_ms = 0;
  std::optional<std::int64_t> ended_ms = {};
};

struct Experiment {
  std::string id;
  std::string description = {};
  std::vector<Variant> variants = {};  // the control first
  HashMode mode = HashMode::kMd5_10000;
  std::string salt = {};  // of the variant hash; the id, and "ID.vN" in later phases
  int coverage = 10'000;  // basis points of units that take part
  std::optional<LayerPlace> layer = {};
  std::optional<Holdout> holdout = {};
  std::optional<Namespace> name_space = {};
  std::vector<Filter> filters = {};  // where there are any, the namespace is ignored
  Json condition = Json::object();   // abtest/condition.h; {} is everyone
  std::string hash_attribute = "id";
  std::string fallback_attribute = {};  // consulted with `sticky` only
  bool sticky = false;                  // a unit keeps the variant it had first
  int bucket_version = 1;
  int min_bucket_version = 0;                      // units stuck to an older one are excluded
  std::map<std::string, std::string> forced = {};  // unit -> variant key, for tests of one's own
  std::vector<Metric> metrics = {};
  Monitoring monitoring = Monitoring::kFixed;  // declared before the first outcome
  double alpha = 0.05;
  std::int64_t tuning_n = 5000;

  Status status = Status::kDraft;
  std::int64_t created_ms = 0;
  std::optional<std::int64_t> started_ms = {};
  std::optional<std::int64_t> stopped_ms = {};
  std::string conclusion = {};
  std::vector<Phase> phases = {};

  std::vector<int> shares() const;
  // Index of the variant; empty when there is none of that key.
  std::optional<std::size_t> variant_index(const std::string& key) const;
};

// Reads a declaration:
//
//     {"id": "prompt_v2", "variants": [{"key": "control", "share": 50}, {"key": "new", "share":
//     50}],
//      "metrics": [{"name": "solved", "type": "proportion", "better": "higher", "role":
//      "primary"}], "hash_mode": "md5_10000", "coverage": 100, "monitoring": "anytime", "alpha":
//      0.05, ...}
//
// Shares and coverage in percent; every member but id, variants and metrics may be left out.
// throws  Error(kData) "where: field: ...": an unknown or missing member, a wrong type, shares that
//         do not add up to 100, a share finer than the hash mode's buckets, equal keys, ...
Experiment parse_experiment(const Json& declaration, const std::string& where);

// The declaration of `experiment`, and its state; parse_stored_experiment reads it back to the
// same.
OrderedJson to_json(const Experiment& experiment);
Experiment parse_stored_experiment(const Json& stored, const std::string& where);

// One metric, as above, or in short "NAME:TYPE[:ROLE][:BETTER][:margin=X]" in any order after the
// name, e.g. "latency:mean:guardrail:lower:margin=10%".
// throws  Error(kData) or Error(kUsage).
Metric parse_metric(const Json& declaration, const std::string& where);
Metric parse_metric(const std::string& text);
OrderedJson to_json(const Metric& metric);

// throws Error(kUsage) naming the field: what parse_experiment refuses, for one made otherwise.
void check_experiment(const Experiment& experiment);

// `percent` in basis points. throws Error(kUsage): not a multiple of 0.01 in [0, 100].
int basis_points(double percent, const std::string& what);

}  // namespace peira::abtest
