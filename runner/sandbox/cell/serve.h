// The inside of a cell: waits for programs and gives each a sandbox of its own.
//
// Compiled twice: into a static program that then executes any command, and into a shared object
// that a warm Python interpreter loads and that returns in a fork of it.
#pragma once

#include "runner/sandbox/cell/wire.h"

namespace peira::cell {

// The program to run, as the process sees it that serve() has returned in.
struct Program {
  char** arguments = nullptr;    // null-terminated
  char** environment = nullptr;  // null-terminated
  int start_pipe = -1;  // close-on-exec; a written errno says that the program cannot start
};

// Serves requests from `control` until it closes. Returns only in a program's own process, which is
// by then inside its namespaces, limits and filter, in /work, with descriptors 0 to 2 (and 3) its
// own.
Program serve(int control);

}  // namespace peira::cell

// What ctypes calls. serve returns 0 in the program's process.
extern "C" int peira_cell_serve(int control);
extern "C" const char* peira_cell_argument(int index);  // null after the last
extern "C" void peira_cell_started();                   // the program is about to begin
