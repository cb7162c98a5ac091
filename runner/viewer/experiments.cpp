#include "runner/viewer/experiments.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "abtest/experiment_store.h"
#include "base/error.h"
#include "runner/experiment_content.h"

namespace peira::runner::viewer {
namespace {

using abtest::ExperimentStore;

constexpr std::size_t kMostKept = 32;

OrderedJson declared(const abtest::Experiment& experiment) {
  const auto day = [](const std::optional<std::int64_t>& ms) {
    return ms && *ms > 0 ? OrderedJson(date_of_ms(*ms)) : OrderedJson();
  };
  OrderedJson variants = OrderedJson::array();
  for (const abtest::Variant& variant : experiment.variants) {
    variants.push_back({{"key", variant.key}, {"share", variant.share / 10'000.0}});
  }
  OrderedJson metrics = OrderedJson::array();
  for (const abtest::Metric& metric : experiment.metrics) {
    metrics.push_back({{"name", metric.name},
                       {"type", abtest::to_string(metric.type)},
                       {"role", abtest::to_string(metric.role)}});
  }
  return {{"id", experiment.id},
          {"description", experiment.description},
          {"status", abtest::to_string(experiment.status)},
          {"variants", std::move(variants)},
          {"metrics", std::move(metrics)},
          {"coverage", experiment.coverage / 10'000.0},
          {"monitoring", abtest::to_string(experiment.monitoring)},
          {"alpha", experiment.alpha},
          {"created", day(experiment.created_ms)},
          {"started", day(experiment.started_ms)},
          {"stopped", day(experiment.stopped_ms)},
          {"conclusion", experiment.conclusion}};
}

}  // namespace

Experiments::Experiments(std::filesystem::path path)
    : path_(std::move(path)), worker_([this] { work(); }) {}

Experiments::~Experiments() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wanted_.notify_all();
  worker_.join();
}

// Changes whenever somebody writes to the file or its log.
std::string Experiments::stamp() const {
  std::string out;
  for (const char* suffix : {"", "-wal"}) {
    const std::filesystem::path file = path_.string() + suffix;
    std::error_code error;
    const auto time = std::filesystem::last_write_time(file, error);
    const auto size = error ? 0 : std::filesystem::file_size(file, error);
    out += std::to_string(error ? 0 : time.time_since_epoch().count()) + "." +
           std::to_string(error ? 0 : size) + " ";
  }
  return out;
}

OrderedJson Experiments::list() const {
  OrderedJson out = OrderedJson::array();
  if (path_.empty() || !std::filesystem::exists(path_)) return out;
  const ExperimentStore store(path_, ExperimentStore::Access::kReadOnly);
  std::vector<abtest::Experiment> all = store.list();
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.created_ms > b.created_ms; });
  for (const abtest::Experiment& experiment : all) out.push_back(declared(experiment));
  return out;
}

OrderedJson Experiments::one(const std::string& id, std::chrono::milliseconds wait) {
  if (path_.empty() || !std::filesystem::exists(path_)) {
    throw Error(ErrorCode::kUsage, "there is no experiment '" + id + "'");
  }
  const ExperimentStore store(path_, ExperimentStore::Access::kReadOnly);
  const abtest::Experiment experiment = store.get(id);
  const std::string now = stamp();
  std::shared_ptr<Analysed> mine;
  bool done = false;
  {
    std::unique_lock lock(mutex_);
    std::shared_ptr<Analysed>& kept = analysed_[id];
    // What is being made is waited for, also when the file has changed meanwhile.
    if (!kept || (kept->done && kept->stamp != now)) {
      kept = std::make_shared<Analysed>();
      kept->stamp = now;
      jobs_.emplace_back(id, kept);
      wanted_.notify_one();
    }
    mine = kept;
    made_.wait_for(lock, wait, [&] { return mine->done; });
    done = mine->done;
    if (analysed_.size() > kMostKept) {
      std::erase_if(analysed_,
                    [&](const auto& item) { return item.second->done && item.first != id; });
    }
  }
  if (done && !mine->failure.empty()) {
    throw Error(static_cast<ErrorCode>(mine->code), mine->failure);
  }
  OrderedJson history = OrderedJson::array();
  for (const std::string& line : store.history(id)) history.push_back(line);
  return {{"experiment", declared(experiment)},
          {"history", std::move(history)},
          {"done", done},
          {"report", done ? mine->report : OrderedJson(nullptr)}};
}

void Experiments::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wanted_.wait(lock, [&] { return stop_ || !jobs_.empty(); });
    if (stop_) return;
    const auto [id, analysed] = jobs_.front();
    jobs_.pop_front();
    lock.unlock();
    OrderedJson report;
    std::string failure;
    int code = 0;
    try {
      const ExperimentStore store(path_, ExperimentStore::Access::kReadOnly);
      report = reports::to_json(experiment_report(store, id, {.by_day = true}));
    } catch (const Error& error) {
      failure = error.what();
      code = error.exit_status();
    } catch (const std::exception& error) {
      failure = std::string("internal: ") + error.what();
      code = static_cast<int>(ErrorCode::kInternal);
    }
    lock.lock();
    analysed->report = std::move(report);
    analysed->failure = std::move(failure);
    analysed->code = code;
    analysed->done = true;
    made_.notify_all();
  }
}

}  // namespace peira::runner::viewer
