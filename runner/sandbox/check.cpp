// What of the isolation works here: tried, not guessed.

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "base/error.h"
#include "runner/sandbox/cell_host.h"
#include "runner/sandbox/cgroup.h"
#include "runner/sandbox/filter.h"
#include "runner/sandbox/launch.h"
#include "runner/sandbox/sandbox.h"

namespace peira::runner {
namespace {

// "0.8.0" of "bubblewrap 0.8.0". Empty: it does not start.
std::string bubblewrap_version(const std::string& path) {
  const std::string command = "'" + path + "' --version 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
  if (!pipe) return {};
  std::array<char, 128> line{};
  if (std::fgets(line.data(), static_cast<int>(line.size()), pipe.get()) == nullptr) return {};
  std::string text = evals::last_line(line.data());
  const auto blank = text.find_last_of(' ');
  return blank == std::string::npos ? text : text.substr(blank + 1);
}

// The first line of a file; empty if there is none.
std::string setting(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Why a cell did not start, in terms of what an administrator can change.
std::string namespace_hint() {
  if (setting("/proc/sys/kernel/unprivileged_userns_clone") == "0") {
    return "user namespaces are off: sysctl kernel.unprivileged_userns_clone=1";
  }
  if (setting("/proc/sys/user/max_user_namespaces") == "0") {
    return "user namespaces are off: sysctl user.max_user_namespaces=10000";
  }
  if (setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1") {
    return "AppArmor restricts user namespaces: sysctl "
           "kernel.apparmor_restrict_unprivileged_userns=0";
  }
  return "a container may forbid it: run it with --security-opt seccomp=unconfined and "
         "--security-opt systempaths=unconfined";
}

// One program through a cell of its own. Empty: it works; else why not.
std::string try_cell() {
  try {
    evals::CodeRequest request;
    request.argv = {"/bin/sh", "-c", "echo works"};
    const evals::CodeResult result = Cell(cell_spec(request)).run(request);
    if (result.ok() && result.out == "works\n") return {};
    return result.detail;
  } catch (const Error& error) {
    const std::string what = error.what();
    return what.substr(0, what.find('\n'));
  }
}

}  // namespace

bool SandboxCheck::available() const {
  return std::all_of(parts.begin(), parts.end(),
                     [](const Part& part) { return part.works || !part.needed; });
}

SandboxCheck check_sandbox() {
  SandboxCheck check;
  const std::string path = find_bubblewrap();
  const std::string version = path.empty() ? "" : bubblewrap_version(path);
  check.parts.push_back(
      {"bubblewrap", !version.empty(), true,
       version.empty() ? "bwrap is not in PATH: apt-get install bubblewrap" : version});
  std::string filter_failure;
  try {
    sandbox_filter(false);
  } catch (const Error& error) {
    filter_failure = error.what();
  }
  check.parts.push_back({"seccomp", filter_failure.empty(), true,
                         filter_failure.empty() ? "filter" : filter_failure});
  if (!version.empty() && filter_failure.empty()) {
    const std::string failure = try_cell();
    check.parts.push_back(
        {"namespaces", failure.empty(), true,
         failure.empty() ? "user pid mount net ipc uts" : failure + "; " + namespace_hint()});
  }
  std::string why_not;
  const auto group = Cgroup::make(&why_not);
  check.parts.push_back(
      {"cgroup", group != nullptr, false,
       group ? "v" + std::to_string(group->version()) + " memory pids"
             : why_not + "; memory and processes are limited by watching them every few ms"});
  return check;
}

}  // namespace peira::runner
