// The static program inside a cell: serves requests, and in each program's process executes it.

#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "runner/sandbox/cell/serve.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const peira::cell::Program program = peira::cell::serve(std::atoi(argv[1]));
  ::environ = program.environment;
  ::execvp(program.arguments[0], program.arguments);
  const int error = errno;
  if (::write(program.start_pipe, &error, sizeof(error)) < 0) return 1;
  return 127;
}
