// The languages' tools on this machine: where they are, and how a program in the sandbox gets them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "datasets/exercise.h"
#include "evals/code_runner.h"

namespace peira::runner {

struct Toolchain {
  std::string name;      // "cpp", "go", "java", "javascript", "python", "rust"
  std::string version;   // "cargo 1.91.0"; "" when it is not here
  std::string missing;   // what is not here, and how to get it; "" when nothing is
  std::string packages;  // what of further packages is prepared, or how to prepare it; one line
  bool has_packages = false;
  std::vector<evals::HostFolder> read_only;  // beyond /usr
  std::vector<std::pair<std::string, std::string>> environment;

  bool available() const { return missing.empty(); }
};

// Looks for all six. Tools outside /usr are found by PATH; packages that exercises need, and that
// nothing can download in the sandbox, in user_cache_dir()/toolchains/{python,npm,gradle,cargo}.
std::vector<Toolchain> detect_toolchains();

// Why the tests of `exercise` cannot be run with what is here, one line; "" when they can.
std::string why_not(const datasets::Exercise& exercise, const std::vector<Toolchain>& toolchains);

// Gives `request` the folders and environment of the toolchain called `name`.
void equip(evals::CodeRequest& request, const std::string& name,
           const std::vector<Toolchain>& toolchains);

}  // namespace peira::runner
