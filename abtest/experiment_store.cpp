#include "abtest/experiment_store.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <thread>

#include "abtest/assignment.h"
#include "base/error.h"
#include "base/files.h"

namespace peira::abtest {
namespace {

constexpr int kSchemaVersion = 1;
constexpr int kApplicationId = 0x70656578;  // "peex"
constexpr std::int64_t kDayMs = 86'400'000;

constexpr const char* kSchema = R"(
CREATE TABLE experiments (id TEXT PRIMARY KEY, declaration TEXT NOT NULL, updated_ms INTEGER NOT NULL);
CREATE TABLE changes (number INTEGER PRIMARY KEY, experiment TEXT NOT NULL, at_ms INTEGER NOT NULL,
  what TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE sticky (experiment TEXT NOT NULL, attribute TEXT NOT NULL, value TEXT NOT NULL,
  bucket_version INTEGER NOT NULL, variant TEXT NOT NULL, at_ms INTEGER NOT NULL,
  PRIMARY KEY (experiment, attribute, value, bucket_version)) WITHOUT ROWID;
CREATE TABLE exposures (experiment TEXT NOT NULL, bucket_version INTEGER NOT NULL, unit TEXT NOT NULL,
  variant TEXT NOT NULL, ts_ms INTEGER NOT NULL, source TEXT NOT NULL, reason TEXT NOT NULL,
  bucket INTEGER NOT NULL, hash_mode TEXT NOT NULL, attributes TEXT NOT NULL, model TEXT NOT NULL,
  prompt_version TEXT NOT NULL, request_id TEXT NOT NULL, trace_id TEXT NOT NULL,
  PRIMARY KEY (experiment, bucket_version, unit, variant, source)) WITHOUT ROWID;
CREATE TABLE outcomes (experiment TEXT NOT NULL, event_id TEXT NOT NULL, unit TEXT NOT NULL,
  metric TEXT NOT NULL, value REAL NOT NULL, ts_ms INTEGER NOT NULL, source TEXT NOT NULL,
  PRIMARY KEY (experiment, event_id)) WITHOUT ROWID;
CREATE INDEX outcomes_by_unit ON outcomes (experiment, unit, ts_ms);
)";

[[noreturn]] void refuse(const std::string& what) { throw Error(ErrorCode::kUsage, what); }

std::int64_t pragma(const Database& database, const std::string& name) {
  Statement statement = database.prepare("PRAGMA " + name);
  return statement.step() ? statement.integer(0) : 0;
}

// Readers and one writer at a time, none waiting for another's reading. Two processes that open a
// new file at once may meet in this one step, for which SQLite does not wait by itself.
void make_wal(Database& database) {
  for (int attempt = 0;; ++attempt) {
    try {
      database.execute("PRAGMA journal_mode = WAL");
      break;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnavailable || attempt == 100) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  database.execute("PRAGMA synchronous = FULL");
}

std::string percent(int basis_points) {
  char text[40];
  std::snprintf(text, sizeof text, "%.10g %%", basis_points / 100.0);
  return text;
}

bool overlaps(const LayerPlace& a, const LayerPlace& b) {
  return std::ranges::any_of(a.ranges, [&b](const BucketRange& x) {
    return std::ranges::any_of(
        b.ranges, [&x](const BucketRange& y) { return x.low < y.high && y.low < x.high; });
  });
}

class StoreLookup : public StickyLookup {
 public:
  StoreLookup(const Database& database, std::string experiment)
      : experiment_(std::move(experiment)),
        statement_(database.prepare("SELECT variant FROM sticky WHERE experiment = ? AND attribute "
                                    "= ? AND value = ? AND bucket_version = ?")) {}

  std::optional<std::string> find(const std::string& attribute, const std::string& value,
                                  int bucket_version) const override {
    statement_.reset();
    statement_.bind_all(std::string_view(experiment_), std::string_view(attribute),
                        std::string_view(value), bucket_version);
    if (!statement_.step()) return std::nullopt;
    std::string variant = statement_.text(0);
    statement_.reset();
    return variant;
  }

 private:
  std::string experiment_;
  mutable Statement statement_;
};

// Where an outcome's name belongs: a metric, or its covariate or denominator.
struct MetricName {
  std::size_t metric = 0;
  bool is_other = false;
};

std::optional<MetricName> find_metric(const Experiment& experiment, const std::string& name) {
  const std::size_t colon = name.find(':');
  const auto metric = std::ranges::find(experiment.metrics, name.substr(0, colon), &Metric::name);
  if (metric == experiment.metrics.end()) return std::nullopt;
  const auto index = static_cast<std::size_t>(metric - experiment.metrics.begin());
  if (colon == std::string::npos) return MetricName{.metric = index, .is_other = false};
  const char* suffix = metric->type == MetricType::kRatio ? ":denominator" : ":covariate";
  if (name.substr(colon) != suffix) return std::nullopt;
  return MetricName{.metric = index, .is_other = true};
}

// One metric of one unit, put together outcome by outcome.
struct Gathered {
  std::optional<double> value = {};
  std::int64_t count = 0;

  void add(double next, bool sums, bool largest) {
    if (!value) {
      value = next;
    } else if (largest) {
      value = std::max(*value, next);
    } else if (sums) {
      *value += next;
    } else {
      *value += (next - *value) / static_cast<double>(count + 1);
    }
    ++count;
  }
};

}  // namespace

ExperimentStore::ExperimentStore(const std::filesystem::path& path, Access access)
    : database_(path, access == Access::kReadWrite ? Database::Mode::kReadWriteCreate
                                                   : Database::Mode::kReadOnly) {
  database_.execute("PRAGMA busy_timeout = 10000");
  if (access == Access::kReadWrite) make_wal(database_);
  if (access == Access::kReadWrite && pragma(database_, "application_id") == 0) {
    Transaction transaction(database_);
    // Another process may have made it while this one waited for the lock.
    if (pragma(database_, "application_id") == 0) {
      if (pragma(database_, "schema_version") != 0) {
        throw Error(ErrorCode::kData, path.string() +
                                          ": is a database, but not of experiments"
                                          "\n  try: --experiments FILE");
      }
      database_.execute(kSchema);
      database_.execute("PRAGMA user_version = " + std::to_string(kSchemaVersion));
      database_.execute("PRAGMA application_id = " + std::to_string(kApplicationId));
    }
    transaction.commit();
  }
  if (pragma(database_, "application_id") != kApplicationId) {
    throw Error(ErrorCode::kData, path.string() + ": is not a store of experiments");
  }
  if (pragma(database_, "user_version") > kSchemaVersion) {
    throw Error(ErrorCode::kData,
                path.string() + ": was written by a later version of peira\n  try: update peira");
  }
}

std::filesystem::path ExperimentStore::default_path() {
  if (const char* given = std::getenv("PEIRA_EXPERIMENTS"); given != nullptr && *given != '\0') {
    return given;
  }
  return user_data_dir() / "experiments.sqlite";
}

void ExperimentStore::save(const Experiment& experiment, const std::string& what,
                           const std::string& detail, std::int64_t now_ms) {
  const std::string declaration = dump_json(to_json(experiment));
  Statement write = database_.prepare(
      "INSERT INTO experiments VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET declaration = "
      "excluded.declaration, updated_ms = excluded.updated_ms");
  write.bind_all(std::string_view(experiment.id), std::string_view(declaration), now_ms);
  write.run();
  Statement log = database_.prepare(
      "INSERT INTO changes (experiment, at_ms, what, detail) VALUES (?, ?, ?, ?)");
  log.bind_all(std::string_view(experiment.id), now_ms, std::string_view(what),
               std::string_view(detail));
  log.run();
}

bool ExperimentStore::is_salt_taken(const std::string& salt,
                                    const std::string& by_other_than) const {
  return std::ranges::any_of(list(), [&](const Experiment& other) {
    if (other.id == by_other_than) return false;
    return other.id == salt || other.salt == salt ||
           std::ranges::any_of(other.phases, [&](const Phase& phase) {
             return salt == other.id + ".v" + std::to_string(phase.bucket_version);
           });
  });
}

void ExperimentStore::create(Experiment experiment, std::int64_t now_ms, bool start,
                             int cooldown_days) {
  check_experiment(experiment);
  Transaction transaction(database_);
  Statement find = database_.prepare("SELECT 1 FROM experiments WHERE id = ?");
  find.bind(1, std::string_view(experiment.id));
  if (find.step()) {
    refuse("there is an experiment '" + experiment.id + "' already\n  try: another id");
  }
  for (const std::string& salt : {experiment.id, experiment.salt}) {
    if (is_salt_taken(salt, experiment.id)) {
      refuse("'" + salt +
             "' is the salt of another experiment: their variants would go together"
             "\n  try: another id or salt");
    }
  }
  experiment.created_ms = now_ms;
  experiment.status = Status::kDraft;
  save(experiment, "create", "", now_ms);
  if (start) {
    begin(experiment, now_ms, cooldown_days);
    save(experiment, "start", "", now_ms);
  }
  transaction.commit();
}

Experiment ExperimentStore::get(const std::string& id) const {
  Statement find = database_.prepare("SELECT declaration FROM experiments WHERE id = ?");
  find.bind(1, std::string_view(id));
  if (!find.step()) {
    std::string ids;
    for (const Experiment& known : list()) ids += (ids.empty() ? "" : ", ") + known.id;
    refuse("there is no experiment '" + id + "'" +
           (ids.empty() ? "\n  try: peira experiment create" : "; there are " + ids));
  }
  const std::string where = database_.name() + ": " + id;
  return parse_stored_experiment(parse_json(find.text(0), where), where);
}

std::vector<Experiment> ExperimentStore::list() const {
  std::vector<Experiment> all;
  Statement read = database_.prepare("SELECT id, declaration FROM experiments ORDER BY id");
  while (read.step()) {
    const std::string where = database_.name() + ": " + read.text(0);
    all.push_back(parse_stored_experiment(parse_json(read.text(1), where), where));
  }
  return all;
}

std::vector<std::string> ExperimentStore::history(const std::string& id) const {
  std::vector<std::string> lines;
  Statement read = database_.prepare(
      "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', at_ms / 1000, 'unixepoch'), what, detail FROM changes "
      "WHERE experiment = ? ORDER BY number");
  read.bind(1, std::string_view(id));
  while (read.step()) {
    const std::string detail = read.text(2);
    lines.push_back(read.text(0) + " " + read.text(1) + (detail.empty() ? "" : " " + detail));
  }
  return lines;
}

void ExperimentStore::begin(Experiment& experiment, std::int64_t now_ms, int cooldown_days) const {
  if (experiment.status != Status::kDraft) {
    refuse("experiment '" + experiment.id + "' is " + to_string(experiment.status) +
           ": only a draft can be started");
  }
  for (const Experiment& other : list()) {
    if (other.id == experiment.id || !other.layer || !experiment.layer ||
        other.layer->name != experiment.layer->name || other.status == Status::kDraft) {
      continue;
    }
    const bool in_quarantine = other.status == Status::kStopped && other.stopped_ms &&
                               now_ms - *other.stopped_ms < cooldown_days * kDayMs;
    if ((other.status == Status::kRunning || in_quarantine) &&
        overlaps(*experiment.layer, *other.layer)) {
      refuse("layer '" + other.layer->name + "': experiment '" + other.id + "' " +
             (in_quarantine ? "was stopped less than " + std::to_string(cooldown_days) +
                                  " days ago and its buckets may still carry its effects"
                            : std::string("owns some of these buckets")) +
             "\n  try: other ranges" +
             (in_quarantine ? ", or start it with --cooldown-days 0" : ""));
    }
  }
  experiment.status = Status::kRunning;
  experiment.started_ms = now_ms;
  experiment.phases.push_back({.bucket_version = experiment.bucket_version,
                               .shares = experiment.shares(),
                               .started_ms = now_ms});
}

Experiment ExperimentStore::start(const std::string& id, std::int64_t now_ms, int cooldown_days) {
  Transaction transaction(database_);
  Experiment experiment = get(id);
  begin(experiment, now_ms, cooldown_days);
  save(experiment, "start", "", now_ms);
  transaction.commit();
  return experiment;
}

Experiment ExperimentStore::ramp(const std::string& id, std::optional<int> coverage,
                                 const std::optional<std::vector<int>>& shares,
                                 std::int64_t now_ms) {
  Transaction transaction(database_);
  Experiment experiment = get(id);
  if (experiment.status == Status::kStopped) {
    refuse("experiment '" + id + "' is stopped: its traffic cannot change any more");
  }
  if (!coverage && !shares) refuse("nothing to change\n  try: --coverage 20 or --split 50,50");
  std::string detail;
  if (coverage) {
    detail = "coverage " + percent(experiment.coverage) + " -> " + percent(*coverage);
    experiment.coverage = *coverage;
  }
  if (shares) {
    if (shares->size() != experiment.variants.size()) {
      refuse("the split has " + std::to_string(shares->size()) + " shares, the experiment " +
             std::to_string(experiment.variants.size()) + " variants");
    }
    for (std::size_t i = 0; i < shares->size(); ++i) experiment.variants[i].share = (*shares)[i];
    if (experiment.status == Status::kRunning) {
      do {
        ++experiment.bucket_version;
        experiment.salt = experiment.id + ".v" + std::to_string(experiment.bucket_version);
      } while (is_salt_taken(experiment.salt, experiment.id));
      if (!experiment.phases.empty()) experiment.phases.back().ended_ms = now_ms;
      experiment.phases.push_back(
          {.bucket_version = experiment.bucket_version, .shares = *shares, .started_ms = now_ms});
      detail += (detail.empty() ? "" : ", ") + std::string("split: phase ") +
                std::to_string(experiment.bucket_version);
    }
  }
  check_experiment(experiment);
  save(experiment, "ramp", detail, now_ms);
  transaction.commit();
  return experiment;
}

Experiment ExperimentStore::stop(const std::string& id, const std::string& conclusion,
                                 std::int64_t now_ms) {
  Transaction transaction(database_);
  Experiment experiment = get(id);
  if (experiment.status != Status::kRunning) {
    refuse("experiment '" + id + "' is " + to_string(experiment.status) + ", not running");
  }
  experiment.status = Status::kStopped;
  experiment.stopped_ms = now_ms;
  experiment.conclusion = conclusion;
  if (!experiment.phases.empty()) experiment.phases.back().ended_ms = now_ms;
  save(experiment, "stop", conclusion, now_ms);
  transaction.commit();
  return experiment;
}

Statement& ExperimentStore::cached(std::optional<Statement>& statement, const char* sql) {
  if (!statement) statement = database_.prepare(sql);
  return *statement;
}

std::string ExperimentStore::stick(const Experiment& experiment, const std::string& attribute,
                                   const std::string& value, const std::string& variant,
                                   std::int64_t now_ms) {
  Statement write = database_.prepare("INSERT OR IGNORE INTO sticky VALUES (?, ?, ?, ?, ?, ?)");
  write.bind_all(std::string_view(experiment.id), std::string_view(attribute),
                 std::string_view(value), experiment.bucket_version, std::string_view(variant),
                 now_ms);
  write.run();
  return sticky(experiment.id)->find(attribute, value, experiment.bucket_version).value_or(variant);
}

std::unique_ptr<StickyLookup> ExperimentStore::sticky(const std::string& experiment) const {
  return std::make_unique<StoreLookup>(database_, experiment);
}

Recorded ExperimentStore::expose(const Experiment& experiment, const Exposure& exposure) {
  if (experiment.status == Status::kDraft) {
    refuse("experiment '" + experiment.id +
           "' is not started: nobody can be exposed to it"
           "\n  try: peira experiment start " +
           experiment.id);
  }
  check_unit(exposure.unit);
  if (!experiment.variant_index(exposure.variant)) {
    std::string keys;
    for (const Variant& v : experiment.variants) keys += (keys.empty() ? "" : ", ") + v.key;
    refuse("variant '" + exposure.variant + "' is not of experiment '" + experiment.id +
           "'; its variants are " + keys);
  }
  const std::string attributes = dump_json(exposure.attributes);
  // The earliest stands: a late copy must not move an outcome to before its exposure.
  Statement& write = cached(
      write_exposure_,
      "INSERT INTO exposures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO "
      "UPDATE "
      "SET ts_ms = excluded.ts_ms, reason = excluded.reason, attributes = excluded.attributes, "
      "request_id = excluded.request_id, trace_id = excluded.trace_id WHERE excluded.ts_ms < "
      "ts_ms");
  write.bind_all(std::string_view(experiment.id), experiment.bucket_version,
                 std::string_view(exposure.unit), std::string_view(exposure.variant),
                 exposure.ts_ms, std::string_view(exposure.source),
                 std::string_view(exposure.reason), exposure.bucket,
                 std::string_view(to_string(experiment.mode)), std::string_view(attributes),
                 std::string_view(exposure.model), std::string_view(exposure.prompt_version),
                 std::string_view(exposure.request_id), std::string_view(exposure.trace_id));
  write.run();
  return database_.changes() > 0 ? Recorded::kNew : Recorded::kDuplicate;
}

Recorded ExperimentStore::record(const Experiment& experiment, const Outcome& outcome) {
  check_unit(outcome.unit);
  if (outcome.event_id.empty() || outcome.event_id.size() > 512) {
    refuse("an outcome needs an event id of 1 to 512 bytes, so that it cannot count twice");
  }
  if (!find_metric(experiment, outcome.metric)) {
    std::string names;
    for (const Metric& metric : experiment.metrics) {
      names += (names.empty() ? "" : ", ") + metric.name;
    }
    refuse("metric '" + outcome.metric + "' is not of experiment '" + experiment.id +
           "'; its metrics are " + names +
           " (NAME:covariate for what was known before, NAME:denominator for ratios)");
  }
  if (!std::isfinite(outcome.value)) refuse("NonFiniteInput: a value must be a finite number");
  Statement write =
      database_.prepare("INSERT OR IGNORE INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?)");
  write.bind_all(std::string_view(experiment.id), std::string_view(outcome.event_id),
                 std::string_view(outcome.unit), std::string_view(outcome.metric), outcome.value,
                 outcome.ts_ms, std::string_view(outcome.source));
  write.run();
  if (database_.changes() > 0) return Recorded::kNew;
  Statement same = database_.prepare(
      "SELECT 1 FROM outcomes WHERE experiment = ? AND event_id = ? AND unit = ? AND metric = ? "
      "AND "
      "value = ? AND ts_ms = ?");
  same.bind_all(std::string_view(experiment.id), std::string_view(outcome.event_id),
                std::string_view(outcome.unit), std::string_view(outcome.metric), outcome.value,
                outcome.ts_ms);
  return same.step() ? Recorded::kDuplicate : Recorded::kConflict;
}

void ExperimentStore::in_transaction(const std::function<void()>& work) {
  Transaction transaction(database_);
  work();
  transaction.commit();
}

ReadCounts ExperimentStore::read_units(const Experiment& experiment,
                                       std::optional<int> bucket_version, bool with_events,
                                       const std::function<void(const ExposedUnit&)>& take) const {
  const int version = bucket_version.value_or(experiment.bucket_version);
  ReadCounts counts;
  counts.num_units.resize(experiment.variants.size());
  Statement exposures = database_.prepare(
      "SELECT unit, variant, ts_ms, attributes FROM exposures WHERE experiment = ? AND "
      "bucket_version = ? AND source = 'prod' ORDER BY unit, ts_ms, variant");
  exposures.bind_all(std::string_view(experiment.id), version);
  Statement outcomes = database_.prepare(
      "SELECT unit, metric, value, ts_ms FROM outcomes WHERE experiment = ? AND source = 'prod' "
      "ORDER BY unit, ts_ms, event_id");
  outcomes.bind(1, std::string_view(experiment.id));
  Statement others = database_.prepare(
      "SELECT (SELECT COUNT(*) FROM exposures WHERE experiment = ?1 AND source <> 'prod') + "
      "(SELECT COUNT(*) FROM outcomes WHERE experiment = ?1 AND source <> 'prod')");
  others.bind(1, std::string_view(experiment.id));
  if (others.step()) counts.num_excluded = others.integer(0);

  bool has_outcome = outcomes.step();
  bool has_exposure = exposures.step();
  const std::size_t num_metrics = experiment.metrics.size();
  // Outcomes of units that sort before `unit` and were never exposed in this phase.
  const auto skip_to = [&](const std::string* unit) {
    while (has_outcome && (unit == nullptr || outcomes.text(0) < *unit)) {
      ++counts.num_unexposed;
      has_outcome = outcomes.step();
    }
  };
  while (has_exposure) {
    ExposedUnit unit;
    unit.unit = exposures.text(0);
    unit.exposed_ms = exposures.integer(2);
    unit.variant = experiment.variant_index(exposures.text(1)).value_or(0);
    unit.attributes = parse_json(exposures.text(3), database_.name());
    bool crosses = false;
    const std::string variant = exposures.text(1);
    while ((has_exposure = exposures.step()) && exposures.text(0) == unit.unit) {
      crosses = crosses || exposures.text(1) != variant;
    }
    skip_to(&unit.unit);
    std::vector<Gathered> values(num_metrics), known(num_metrics);
    if (with_events) unit.events.resize(num_metrics);
    for (; has_outcome && outcomes.text(0) == unit.unit; has_outcome = outcomes.step()) {
      const std::optional<MetricName> name = find_metric(experiment, outcomes.text(1));
      if (!name) continue;
      const Metric& metric = experiment.metrics[name->metric];
      const bool is_ratio = metric.type == MetricType::kRatio;
      const bool is_covariate = name->is_other && !is_ratio;
      if (!is_covariate && outcomes.integer(3) < unit.exposed_ms) {
        ++counts.num_early;
        continue;
      }
      double value = outcomes.real(2);
      if (name->is_other) {
        known[name->metric].add(value, is_ratio, false);
        continue;
      }
      if (metric.cap) value = std::min(value, *metric.cap);
      values[name->metric].add(value, is_ratio || metric.type == MetricType::kCount,
                               metric.type == MetricType::kProportion);
      if (with_events) unit.events[name->metric].emplace_back(outcomes.integer(3), value);
    }
    if (crosses) {
      ++counts.num_crossovers;
      continue;
    }
    ++counts.num_units[unit.variant];
    for (std::size_t m = 0; m < num_metrics; ++m) {
      if (!values[m].value && experiment.metrics[m].missing_is_zero) values[m].value = 0;
      unit.values.push_back(values[m].value);
      unit.others.push_back(known[m].value);
    }
    take(unit);
  }
  skip_to(nullptr);
  return counts;
}

void add_unit(std::vector<ArmInput>& arms, const std::vector<Metric>& metrics,
              const ExposedUnit& unit) {
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    if (!unit.values[m]) continue;
    ArmData& data =
        arms[unit.variant].metrics.try_emplace(metrics[m].name, metrics[m].type).first->second;
    if (metrics[m].type == MetricType::kRatio) {
      if (unit.others[m]) data.add_ratio(*unit.values[m], *unit.others[m]);
    } else if (unit.others[m]) {
      data.add(*unit.values[m], *unit.others[m]);
    } else {
      data.add(*unit.values[m]);
    }
  }
}

AnalysisInput ExperimentStore::read_input(const Experiment& experiment,
                                          std::optional<int> bucket_version) const {
  AnalysisInput input;
  input.metrics = experiment.metrics;
  const int version = bucket_version.value_or(experiment.bucket_version);
  std::vector<int> shares = experiment.shares();
  for (const Phase& phase : experiment.phases) {
    if (phase.bucket_version == version) shares = phase.shares;
  }
  for (std::size_t i = 0; i < experiment.variants.size(); ++i) {
    input.arms.push_back(
        {.key = experiment.variants[i].key, .weight = static_cast<double>(shares[i])});
  }
  const ReadCounts counts =
      read_units(experiment, bucket_version, false, [&](const ExposedUnit& unit) {
        try {
          add_unit(input.arms, experiment.metrics, unit);
        } catch (const Error& error) {
          throw Error(error.code(), "unit '" + unit.unit + "': " + error.what());
        }
      });
  for (std::size_t i = 0; i < input.arms.size(); ++i) {
    input.arms[i].num_units = counts.num_units[i];
  }
  input.num_crossovers = counts.num_crossovers;
  input.num_unexposed = counts.num_unexposed;
  input.num_early = counts.num_early;
  return input;
}

}  // namespace peira::abtest
