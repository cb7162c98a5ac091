// A control group around a cell, where this process may make one: a hard ceiling on memory and
// processes that holds between two looks of the supervisor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace peira::runner {

class Cgroup {
 public:
  // A new group with memory and pids control, v2 or v1. Null where none can be made; `why_not`,
  // unless null, then says why.
  static std::unique_ptr<Cgroup> make(std::string* why_not = nullptr);
  ~Cgroup();
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  // The files into which a process writes "0" to join; opened write-only by who starts it.
  std::vector<std::string> joining_files() const;
  // Sets the ceilings for the next program.
  void limit(std::int64_t memory_bytes, std::int64_t num_tasks);
  // How often the kernel has killed for memory in this group, ever.
  std::int64_t num_memory_kills() const;
  // How often a new process was refused, ever.
  std::int64_t num_refused_tasks() const;

  int version() const { return version_; }

 private:
  Cgroup() = default;
  int version_ = 2;
  std::string memory_folder_;
  std::string pids_folder_;                        // v2: the same folder
  std::int64_t memory_bytes_ = 0, num_tasks_ = 0;  // as last set
};

}  // namespace peira::runner
