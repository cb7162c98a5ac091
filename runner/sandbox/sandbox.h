// The host of untrusted programs: bubblewrap namespaces, a seccomp filter and limits around each.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "evals/code_runner.h"

namespace peira::runner {

struct SandboxOptions {
  int num_workers = 0;  // programs at once; 0: one for each core
  bool unsafe_no_sandbox =
      false;  // --unsafe-no-sandbox: run programs as this user, isolated by nothing
};

// What of the isolation this machine has.
struct SandboxCheck {
  struct Part {
    std::string name;  // "bubblewrap", "user namespaces", ...
    bool works = false;
    bool needed = true;  // programs are refused without it
    std::string detail;  // version, or what is missing and how to get it
  };
  std::vector<Part> parts;
  bool available() const;  // all that is needed works
};

// Tries each part of the isolation on this machine, in well under a second.
SandboxCheck check_sandbox();

// A runner of programs in the sandbox, or with `unsafe_no_sandbox` in none.
//
// throws Error(kUnavailable): the isolation does not work here; one line says which part, and what
//        to install or allow.
std::unique_ptr<evals::CodeRunner> open_code_runner(const SandboxOptions& options = {});

}  // namespace peira::runner
