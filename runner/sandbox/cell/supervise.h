// Process 1 of a program's pid namespace: starts it, watches what it uses, ends it, reports.
#pragma once

#include "runner/sandbox/cell/request.h"
#include "runner/sandbox/cell/serve.h"

namespace peira::cell {

// Runs the request's program. Returns only in the program's process; the supervisor itself ends
// once all is dead and reported.
Program supervise(int control, const Request& request, const ProgramDescriptors& descriptors);

}  // namespace peira::cell
