// peira experiment assign, expose, hash.

#include <charconv>
#include <cstdio>

#include "abtest/assigner.h"
#include "abtest/assignment.h"
#include "abtest/batch_assigner.h"
#include "abtest/growthbook.h"
#include "abtest/md5.h"
#include "base/error.h"
#include "base/hash.h"
#include "runner/cli/experiment/common.h"

namespace peira::runner::cli {
namespace {

using abtest::Experiment;
using Access = abtest::ExperimentStore::Access;

struct AssignFlags : ExperimentFlags {
  std::string unit, attributes;
  bool batch = false, expose = false;
};

// Output in large pieces: a line a unit would spend the time in the C library.
class Output {
 public:
  ~Output() = default;
  void line(std::string_view unit, std::string_view variant) {
    text_.append(unit);
    text_ += '\t';
    text_.append(variant);
    text_ += '\n';
    if (text_.size() > kPiece) flush();
  }
  void flush() {
    if (text_.empty()) return;
    print(text_);
    text_.clear();
  }

 private:
  static constexpr std::size_t kPiece = 1 << 16;
  std::string text_;
};

// Many ids from standard input, one a line; "-" stands for not in the experiment.
int assign_batch(const Experiment& experiment) {
  abtest::BatchAssigner assigner(experiment);
  LineReader lines("-");
  Output out;
  constexpr std::size_t kUnits = 4096;
  std::string bytes;
  std::vector<std::pair<std::size_t, std::size_t>> places;
  std::vector<std::string_view> units;
  std::vector<int> variants;
  std::int64_t num_bad = 0;
  const auto flush = [&] {
    units.clear();
    for (const auto& [begin, length] : places) {
      units.push_back(std::string_view(bytes).substr(begin, length));
    }
    variants.resize(units.size());
    assigner.assign(units, variants);
    for (std::size_t i = 0; i < units.size(); ++i) {
      num_bad += variants[i] == abtest::kBadUnit ? 1 : 0;
      out.line(units[i], variants[i] < 0
                             ? std::string_view("-")
                             : experiment.variants[static_cast<std::size_t>(variants[i])].key);
    }
    bytes.clear();
    places.clear();
  };
  std::string_view line;
  while (lines.next(line)) {
    places.emplace_back(bytes.size(), line.size());
    bytes.append(line);
    if (places.size() == kUnits) flush();
  }
  flush();
  out.flush();
  if (num_bad > 0) {
    note(std::to_string(num_bad) + " ids are empty, above 512 bytes or not UTF-8: not assigned");
  }
  return kPassed;
}

OrderedJson decision_json(const Experiment& experiment,
                          const abtest::AssignmentDecision& decision) {
  OrderedJson out{{"experiment", experiment.id},
                  {"unit", decision.unit},
                  {"variant", nullptr},
                  {"in_experiment", decision.variant.has_value()},
                  {"reason", abtest::to_string(decision.reason)},
                  {"attribute", decision.attribute},
                  {"bucket", nullptr},
                  {"bucket_version", experiment.bucket_version},
                  {"hash_mode", abtest::to_string(experiment.mode)}};
  if (decision.variant) out["variant"] = experiment.variants[*decision.variant].key;
  if (decision.bucket >= 0) out["bucket"] = decision.bucket;
  return out;
}

int assign_one(const AssignFlags& flags, abtest::ExperimentStore& store,
               const Experiment& experiment) {
  Json attributes = Json::object();
  if (!flags.attributes.empty()) attributes = parse_json(flags.attributes, "--attributes");
  if (!attributes.is_object()) throw Error(ErrorCode::kUsage, "--attributes must be an object");
  if (!flags.unit.empty()) attributes[experiment.hash_attribute] = flags.unit;
  const auto sticky = store.sticky(experiment.id);
  abtest::AssignmentDecision decision =
      abtest::decide_assignment(experiment, attributes, sticky.get());
  if (decision.should_stick) {
    const std::string kept = store.stick(experiment, decision.attribute, decision.unit,
                                         experiment.variants[*decision.variant].key, now_ms());
    decision.variant = experiment.variant_index(kept);
  }
  if (flags.expose && decision.variant) {
    store.expose(experiment, {.unit = decision.unit,
                              .variant = experiment.variants[*decision.variant].key,
                              .ts_ms = now_ms(),
                              .reason = abtest::to_string(decision.reason),
                              .bucket = decision.bucket,
                              .attributes = attributes});
  }
  if (flags.json) {
    print_json(decision_json(experiment, decision));
  } else {
    print((decision.variant ? experiment.variants[*decision.variant].key
                            : "- (" + std::string(abtest::to_string(decision.reason)) + ")") +
          "\n");
  }
  return kPassed;
}

int assign(const AssignFlags& flags) {
  const bool writes = flags.expose || !flags.batch;
  abtest::ExperimentStore store =
      open_experiments(flags, writes ? Access::kReadWrite : Access::kReadOnly);
  const Experiment experiment = store.get(flags.id);
  if (flags.batch) {
    if (flags.json || flags.expose || !flags.unit.empty() || !flags.attributes.empty()) {
      throw Error(ErrorCode::kUsage, "--batch reads ids from standard input and goes alone");
    }
    return assign_batch(experiment);
  }
  if (flags.unit.empty() && flags.attributes.empty()) {
    throw Error(ErrorCode::kUsage, "which unit?\n  try: peira experiment assign " + flags.id +
                                       " user_17, or --batch with ids on standard input");
  }
  return assign_one(flags, store, experiment);
}

struct ExposeFlags : ExperimentFlags {
  std::string unit, variant, time, source = "prod", file, attributes;
};

abtest::Exposure exposure_of(const Json& object, const std::string& where) {
  const auto text = [&object, &where](const char* key, const std::string& fallback) {
    if (!object.contains(key)) return fallback;
    if (!object[key].is_string()) throw Error(ErrorCode::kData, where + ": " + key + " is no text");
    return object[key].get<std::string>();
  };
  abtest::Exposure out;
  out.unit = text("unit", "");
  out.variant = text("variant", "");
  out.source = text("source", "prod");
  out.reason = text("reason", "assigned");
  out.model = text("model", "");
  out.prompt_version = text("prompt_version", "");
  out.request_id = text("request_id", "");
  out.trace_id = text("trace_id", "");
  if (object.contains("attributes")) out.attributes = object["attributes"];
  if (!object.contains("ts")) throw Error(ErrorCode::kData, where + ": ts is missing");
  out.ts_ms =
      parse_time(object["ts"].is_string() ? object["ts"].get<std::string>() : object["ts"].dump());
  return out;
}

int expose(const ExposeFlags& flags) {
  abtest::ExperimentStore store = open_experiments(flags);
  const Experiment experiment = store.get(flags.id);
  std::int64_t num_new = 0, num_known = 0;
  const auto count = [&](abtest::Recorded recorded) {
    (recorded == abtest::Recorded::kNew ? num_new : num_known) += 1;
  };
  if (!flags.file.empty()) {
    LineReader lines(flags.file);
    // Batches: what was written stays when a later line is wrong, and a second run adds the rest.
    constexpr int kBatch = 5000;
    bool more = true;
    while (more) {
      store.in_transaction([&] {
        std::string_view line;
        for (int i = 0; i < kBatch && (more = lines.next(line)); ++i) {
          if (line.empty()) continue;
          const std::string where = lines.name() + ":" + std::to_string(lines.line_number());
          try {
            count(store.expose(experiment, exposure_of(parse_json(line, where), where)));
          } catch (const Error& error) {
            if (error.code() != ErrorCode::kUsage) throw;
            throw Error(ErrorCode::kData, where + ": " + error.what());
          }
        }
      });
    }
  } else {
    if (flags.unit.empty() || flags.variant.empty()) {
      throw Error(ErrorCode::kUsage, "--unit and --variant, or --file, are needed");
    }
    abtest::Exposure exposure{.unit = flags.unit,
                              .variant = flags.variant,
                              .ts_ms = flags.time.empty() ? now_ms() : parse_time(flags.time),
                              .source = flags.source};
    if (!flags.attributes.empty()) {
      exposure.attributes = parse_json(flags.attributes, "--attributes");
    }
    count(store.expose(experiment, exposure));
  }
  if (flags.json) {
    print_json(OrderedJson{{"new", num_new}, {"known", num_known}});
  } else {
    print(std::to_string(num_new) + " exposures kept, " + std::to_string(num_known) +
          " known before or later than one that is\n");
  }
  return kPassed;
}

struct HashFlags {
  std::string scheme = "md5_10000", seed;
  std::vector<std::string> ids;
};

std::string hash_text(const std::string& scheme, const std::string& seed, std::string_view id) {
  if (scheme == "md5") {
    const std::array<std::string_view, 3> pieces{id, ":", seed};
    return abtest::to_hex(abtest::md5(pieces));
  }
  switch (abtest::hash_mode(scheme)) {
    case abtest::HashMode::kMd5_100:
      return std::to_string(abtest::bucket_100(id, seed));
    case abtest::HashMode::kMd5_10000:
      return std::to_string(abtest::bucket_10000(id, seed));
    case abtest::HashMode::kFnv1aV1:
    case abtest::HashMode::kFnv1aV2: {
      const int version = scheme == "fnv1a_v1" ? 1 : 2;
      char text[32];
      const auto end =
          std::to_chars(text, text + sizeof text, *abtest::growthbook::hash(seed, id, version));
      return {text, end.ptr};
    }
  }
  return {};
}

int hash(const HashFlags& flags) {
  Output out;
  for (const std::string& id : flags.ids) out.line(id, hash_text(flags.scheme, flags.seed, id));
  if (flags.ids.empty()) {
    LineReader lines("-");
    std::string_view line;
    while (lines.next(line)) out.line(line, hash_text(flags.scheme, flags.seed, line));
  }
  out.flush();
  return kPassed;
}

}  // namespace

std::vector<Command> add_experiment_traffic(CLI::App& group) {
  const auto assign_flags = std::make_shared<AssignFlags>();
  CLI::App* assign_app =
      add_experiment_command(group, "assign", "Which variant a unit gets, and why",
                             R"(Examples  peira experiment assign prompt_v2 user_17
          peira experiment assign prompt_v2 user_17 --attributes '{"country": "DE"}' --expose
          cut -f1 users.tsv | peira experiment assign prompt_v2 --batch > variants.tsv
A unit that is not in the experiment is "-", with the reason: coverage, condition, layer, holdout,
namespace, no_unit, not_running, sticky_version.)",
                             assign_flags);
  assign_app->add_option("UNIT", assign_flags->unit, "the unit's id");
  assign_app->add_option("--attributes", assign_flags->attributes, "an object in JSON");
  assign_app->add_flag("--expose", assign_flags->expose, "record the exposure as well");
  assign_app->add_flag("--batch", assign_flags->batch,
                       "ids on standard input, ID<TAB>VARIANT out; sticky is not consulted");

  const auto expose_flags = std::make_shared<ExposeFlags>();
  CLI::App* expose_app = add_experiment_command(
      group, "expose", "Record that units met their variant",
      R"(Examples  peira experiment expose prompt_v2 --unit user_17 --variant new
          peira experiment expose prompt_v2 --file exposures.jsonl
Lines of a file are {"unit", "variant", "ts"[, "source", "attributes", "model", "prompt_version",
"request_id", "trace_id"]}. The first exposure of a unit counts; other sources than prod are kept
but not analysed.)",
      expose_flags);
  expose_app->add_option("--unit", expose_flags->unit, "the unit's id");
  expose_app->add_option("--variant", expose_flags->variant, "what it met");
  expose_app->add_option("--time", expose_flags->time, "when [now]");
  expose_app->add_option("--source", expose_flags->source, "prod, replay, eval, synthetic, ...")
      ->capture_default_str();
  expose_app->add_option("--attributes", expose_flags->attributes, "an object in JSON");
  expose_app->add_option("--file", expose_flags->file, "JSON Lines; - is standard input");

  const auto hash_flags = std::make_shared<HashFlags>();
  CLI::App* hash_app = add_subcommand(
      group, "hash", "A unit's bucket, for checking against other systems",
      R"(Examples  peira experiment hash --scheme md5_10000 --seed prompt_v2_test user_1
          peira experiment hash --scheme fnv1a_v2 --seed exp1 < ids.txt
Schemes   md5_100, md5_10000 (buckets of MD5(ID:SEED)), md5 (its digits), fnv1a_v1, fnv1a_v2
          (GrowthBook's place in [0, 1)))");
  hash_app->add_option("IDS", hash_flags->ids, "ids [one a line on standard input]");
  hash_app->add_option("--scheme", hash_flags->scheme, "how")->capture_default_str();
  hash_app->add_option("--seed", hash_flags->seed, "experiment id or salt")->required();
  return {{assign_app, [assign_flags] { return assign(*assign_flags); }},
          {expose_app, [expose_flags] { return expose(*expose_flags); }},
          {hash_app, [hash_flags] { return hash(*hash_flags); }}};
}

}  // namespace peira::runner::cli
