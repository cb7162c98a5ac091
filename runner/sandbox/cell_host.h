// The outside of a cell: starts bubblewrap with the serving process in it, and exchanges programs
// for reports.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "evals/code_runner.h"
#include "runner/sandbox/cell/wire.h"
#include "runner/sandbox/cgroup.h"

namespace peira::runner {

// What a cell is started with; programs that agree in it can share one, one after another.
struct CellSpec {
  std::vector<evals::HostFolder> read_only;
  // For a warm interpreter; empty: a cell for any command.
  std::string interpreter;
  std::vector<std::string> preload;
  std::vector<std::string> environment;  // NAME=value

  std::string key() const;
};

// What `request` needs its cell to be.
CellSpec cell_spec(const evals::CodeRequest& request);

// The environment of a program: what every program gets, then what the request adds or replaces.
std::vector<std::string> program_environment(const evals::CodeRequest& request);

// throws Error(kData): no argv, a file path that leaves /work or comes twice, a limit not above 0.
void check_request(const evals::CodeRequest& request);

// The result that `report` on `request` means; `streams` holds what the program wrote.
evals::CodeResult result_of(const cell::Report& report, const evals::CodeRequest& request,
                            evals::CodeResult streams);

// One running cell. threads: one at a time.
class Cell {
 public:
  // Starts it and waits until it serves.
  // throws Error(kUnavailable): the isolation cannot be set up here; says what bubblewrap said.
  // throws Error(kData): a folder of `read_only` does not exist, or the interpreter or a module of
  //        `preload` does not.
  explicit Cell(const CellSpec& spec);
  ~Cell();
  Cell(const Cell&) = delete;
  Cell& operator=(const Cell&) = delete;

  // Runs one program to its end.
  // throws Error(kUnavailable): the cell failed; it must not be used again.
  evals::CodeResult run(const evals::CodeRequest& request);

 private:
  void kill() noexcept;

  pid_t process_ = -1;
  int control_ = -1;
  int said_ = -1;  // what bubblewrap and the server write to stderr
  std::unique_ptr<Cgroup> cgroup_;
};

}  // namespace peira::runner
