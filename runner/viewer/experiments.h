// Experiments for the pages: the list, and each one analysed by a thread of its own, kept until its
// file changes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/json.h"

namespace peira::runner::viewer {

// threads: all members may be called from any.
class Experiments {
 public:
  // `path` need not exist: then there are simply no experiments.
  explicit Experiments(std::filesystem::path path);
  ~Experiments();
  Experiments(const Experiments&) = delete;
  Experiments& operator=(const Experiments&) = delete;

  // What was declared of each, the newest first.
  // throws as ExperimentStore does.
  OrderedJson list() const;

  // {"experiment": what was declared, "history": lines, "done", "report": as `peira report
  // --experiment --format json`, null until it is done}. Waits for it at most `wait`.
  // throws Error(kUsage): no such experiment; as the analysis does.
  OrderedJson one(const std::string& id, std::chrono::milliseconds wait);

 private:
  struct Analysed {
    std::string stamp;  // of the file it was made from
    bool done = false;
    OrderedJson report;
    std::string failure;
    int code = 0;
  };
  std::string stamp() const;
  void work();

  std::filesystem::path path_;
  std::mutex mutex_;
  std::condition_variable wanted_, made_;
  std::map<std::string, std::shared_ptr<Analysed>> analysed_;  // by id
  std::deque<std::pair<std::string, std::shared_ptr<Analysed>>> jobs_;
  bool stop_ = false;
  std::thread worker_;
};

}  // namespace peira::runner::viewer
