// Experiments in one SQLite file: declarations with their history, sticky assignments, exposures
// and outcomes. Two processes may write at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abtest/analysis.h"
#include "abtest/assigner.h"
#include "abtest/experiment.h"
#include "base/sqlite.h"

namespace peira::abtest {

// That a unit met a variant, at the moment the variant changed what it saw.
struct Exposure {
  std::string unit;
  std::string variant;
  std::int64_t ts_ms = 0;
  std::string source = "prod";  // others (replay, eval, synthetic) are kept but never analysed
  std::string reason = "assigned";
  int bucket = -1;
  Json attributes = Json::object();  // for segments; frozen at assignment
  std::string model = {}, prompt_version = {}, request_id = {}, trace_id = {};
};

// Something measured of a unit. NAME:covariate holds what was known before exposure (its time does
// not matter), NAME:denominator the denominator of the ratio NAME.
struct Outcome {
  std::string event_id;  // the same event twice is one
  std::string unit;
  std::string metric;
  double value = 0;
  std::int64_t ts_ms = 0;
  std::string source = "prod";
};

enum class Recorded { kNew, kDuplicate, kConflict };  // kConflict: same event id, other content

// One unit as analysis sees it: exposed to one variant, what it had of each metric.
struct ExposedUnit {
  std::string unit;
  std::size_t variant = 0;
  std::int64_t exposed_ms = 0;
  Json attributes = Json::object();
  // As the experiment's metrics go: values of outcomes at or after the exposure, aggregated to one.
  std::vector<std::optional<double>> values = {};
  std::vector<std::optional<double>> others = {};  // covariates or denominators
  std::vector<std::vector<std::pair<std::int64_t, double>>> events = {};  // filled on request
};

struct ReadCounts {
  std::vector<std::int64_t> num_units;  // by variant
  std::int64_t num_crossovers = 0;
  std::int64_t num_unexposed = 0;  // outcomes of units never exposed
  std::int64_t num_early = 0;      // outcomes before their unit's exposure
  std::int64_t num_excluded = 0;   // exposures and outcomes whose source is not prod
};

// threads: one at a time; several processes may hold the same file.
class ExperimentStore {
 public:
  enum class Access { kReadWrite, kReadOnly };

  // throws Error(kUnavailable): the file cannot be opened, or is locked for more than ten seconds;
  //        Error(kData): not an experiment store, or one of a later version.
  explicit ExperimentStore(const std::filesystem::path& path, Access access = Access::kReadWrite);

  // $PEIRA_EXPERIMENTS, else experiments.sqlite in the user's data folder.
  static std::filesystem::path default_path();

  // A draft; with `start`, running at once or not there at all.
  // throws Error(kUsage): the id exists, or id or salt is another experiment's salt (their arms
  // would
  //        be the same); as start().
  void create(Experiment experiment, std::int64_t now_ms, bool start = false,
              int cooldown_days = 7);
  // throws Error(kUsage) listing the ids there are.
  Experiment get(const std::string& id) const;
  std::vector<Experiment> list() const;
  std::vector<std::string> history(const std::string& id) const;  // "TIME WHAT DETAIL" lines

  // Changes of state. All throw Error(kUsage) for a change that the state or the rules forbid.

  // Draft to running. Ranges of the layer must be free, also of experiments stopped less than
  // `cooldown_days` ago.
  Experiment start(const std::string& id, std::int64_t now_ms, int cooldown_days = 7);
  // Raises or lowers the coverage; with `shares` (basis points, one a variant) a new phase begins:
  // a higher bucket version N and salt "ID.vN", as changed boundaries would mix histories.
  Experiment ramp(const std::string& id, std::optional<int> coverage,
                  const std::optional<std::vector<int>>& shares, std::int64_t now_ms);
  Experiment stop(const std::string& id, const std::string& conclusion, std::int64_t now_ms);

  // Keeps a sticky assignment; the first one wins. Returns the variant that is kept.
  std::string stick(const Experiment& experiment, const std::string& attribute,
                    const std::string& value, const std::string& variant, std::int64_t now_ms);
  // Lookup for decide_assignment; keeps a reference to this store.
  std::unique_ptr<StickyLookup> sticky(const std::string& experiment) const;

  // First exposures: of the same unit and variant the earliest is kept.
  // throws Error(kUsage): a draft, an unknown variant, a bad unit.
  Recorded expose(const Experiment& experiment, const Exposure& exposure);
  // throws Error(kUsage): an unknown metric, a bad unit, a value that is not finite, no event id.
  Recorded record(const Experiment& experiment, const Outcome& outcome);
  // One transaction around many of the two above.
  void in_transaction(const std::function<void()>& work);

  // Units in ascending order, each with its outcomes put together as OutcomeTable does; in memory
  // that does not grow with their number. Units of two variants are counted and left out.
  //
  // bucket_version  the phase; empty: the current one.
  // with_events     also single outcomes with their times.
  ReadCounts read_units(const Experiment& experiment, std::optional<int> bucket_version,
                        bool with_events,
                        const std::function<void(const ExposedUnit&)>& take) const;
  // The same as sums, for analyze().
  AnalysisInput read_input(const Experiment& experiment,
                           std::optional<int> bucket_version = std::nullopt) const;

 private:
  void save(const Experiment& experiment, const std::string& what, const std::string& detail,
            std::int64_t now_ms);

  void begin(Experiment& experiment, std::int64_t now_ms, int cooldown_days) const;
  bool is_salt_taken(const std::string& salt, const std::string& by_other_than) const;
  Statement& cached(std::optional<Statement>& statement, const char* sql);

  mutable Database database_;
  std::optional<Statement> write_exposure_, write_outcome_;  // kept: a bulk load runs them often
};

// Adds what `unit` had to the sums of its variant's metrics.
void add_unit(std::vector<ArmInput>& arms, const std::vector<Metric>& metrics,
              const ExposedUnit& unit);

}  // namespace peira::abtest
