// Starts bubblewrap with a cell's serving process in it.
#pragma once

#include <sys/types.h>

#include "runner/sandbox/cell_host.h"
#include "runner/sandbox/descriptor.h"

namespace peira::runner {

struct Launched {
  pid_t process = -1;  // bubblewrap, leader of a process group that ends with it
  Descriptor control;  // to the serving process
  Descriptor said;     // what bubblewrap and the serving process write to stderr
};

// Does not wait: a cell that cannot start says why in `said` and closes `control`.
//
// cgroup  the group that the cell joins; may be null.
// throws  Error(kUnavailable): bubblewrap is not installed, no process can be started.
// throws  Error(kData): a folder of spec.read_only cannot be opened.
Launched launch_cell(const CellSpec& spec, const Cgroup* cgroup);

// Where bubblewrap is. Empty: not in PATH.
std::string find_bubblewrap();

}  // namespace peira::runner
