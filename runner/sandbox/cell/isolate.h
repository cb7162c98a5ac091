// Namespaces, mounts, files, limits and the system call filter of one program.
#pragma once

#include "runner/sandbox/cell/request.h"
#include "runner/sandbox/cell/serve.h"

namespace peira::cell {

// Puts this process into new user, mount and IPC namespaces and its children into a new pid
// namespace. (Network, UTS and cgroup namespaces are the cell's; nothing of a program survives in
// them once its processes are dead.)
void enter_namespaces(int control);

// From inside, as process 1: its own /proc; /work, /tmp and /dev/shm on one tmpfs of limited size.
// returns  a descriptor of that tmpfs, to ask how full it is.
int mount_private(int control, const Request& request);

// Lays the request's files into /work.
void write_files(int control, Request request);

// Installs the request's filter on this process and those it will start.
// returns  the descriptor on which refused calls arrive, to be recorded and answered.
int install_filter(int control, const Request& request);

// In the program's process: session, descriptors, limits, no privileges. Returns what to run.
Program become_program(const Request& request, const ProgramDescriptors& descriptors,
                       int start_pipe);

// Where `request`'s seccomp program and files begin.
Reader after_environment(const Request& request);

}  // namespace peira::cell
