// peira sandbox: what isolation this machine has, and one program in it.

#include <chrono>
#include <cstdint>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "runner/cli/command.h"
#include "runner/cli/tables.h"
#include "runner/sandbox/sandbox.h"

namespace peira::runner::cli {
namespace {

struct SandboxFlags {
  bool json = false;
  std::vector<std::string> command;
  std::vector<std::string> files;
  std::vector<std::string> read_only;
  double memory_mib = 1024, folder_mib = 256, output_mib = 16;
  double cpu_s = 10, wall_s = 20;
  int processes = 64;
  bool stdin_too = false, loopback = false, unsafe_no_sandbox = false;
};

int check(const SandboxFlags& flags) {
  const SandboxCheck got = check_sandbox();
  if (flags.json) {
    OrderedJson parts = OrderedJson::array();
    for (const auto& part : got.parts) {
      parts.push_back({{"name", part.name},
                       {"works", part.works},
                       {"needed", part.needed},
                       {"detail", part.detail}});
    }
    print_json(OrderedJson{{"available", got.available()}, {"parts", parts}});
  } else {
    reports::Table table;
    table.headers = {"part", "works", "detail"};
    for (const auto& part : got.parts) {
      table.rows.push_back({part.name,
                            part.works    ? "yes"
                            : part.needed ? "no"
                                          : "no (not needed)",
                            part.detail});
    }
    print(draw(table));
    print(got.available() ? "Programs are run in isolation here.\n"
                          : "Programs are not run here: see what is missing above.\n");
  }
  return got.available() ? kPassed : static_cast<int>(ErrorCode::kUnavailable);
}

std::int64_t bytes_of(double mib) { return static_cast<std::int64_t>(mib * 1048576); }

std::chrono::milliseconds time_of(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

OrderedJson result_json(const evals::CodeResult& result) {
  return {{"cause", evals::name(result.cause)},
          {"exit_code", result.exit_code},
          {"signal", result.signal},
          {"detail", result.detail},
          {"refused", result.refused},
          {"stdout", result.out},
          {"stderr", result.err},
          {"cpu_ms", static_cast<double>(result.usage.cpu_time.count()) / 1000},
          {"wall_ms", static_cast<double>(result.usage.wall_time.count()) / 1000},
          {"peak_memory_bytes", result.usage.peak_memory_bytes}};
}

int run(const SandboxFlags& flags) {
  evals::CodeRequest request;
  request.argv = flags.command;
  for (const std::string& path : flags.files) {
    const auto slash = path.find_last_of('/');
    request.files.push_back(
        {slash == std::string::npos ? path : path.substr(slash + 1), read_file(path), true});
  }
  for (const std::string& path : flags.read_only) request.read_only.push_back({path, ""});
  if (flags.stdin_too) {
    request.input.assign(std::istreambuf_iterator<char>(std::cin),
                         std::istreambuf_iterator<char>());
  }
  request.loopback = flags.loopback;
  request.limits = {.memory_bytes = bytes_of(flags.memory_mib),
                    .cpu_time = time_of(flags.cpu_s),
                    .wall_time = time_of(flags.wall_s),
                    .num_processes = flags.processes,
                    .file_size_bytes = bytes_of(flags.folder_mib),
                    .folder_bytes = bytes_of(flags.folder_mib),
                    .output_bytes = bytes_of(flags.output_mib)};
  const auto runner =
      open_code_runner({.num_workers = 1, .unsafe_no_sandbox = flags.unsafe_no_sandbox});
  const evals::CodeResult result = runner->run(request);
  if (flags.json) {
    print_json(result_json(result));
  } else {
    print(result.out);
    std::cerr << result.err;
    note(std::string(evals::name(result.cause)) +
         (result.detail.empty() ? "" : ": " + result.detail) + " (CPU " +
         fixed(static_cast<double>(result.usage.cpu_time.count()) / 1000, 1) + " ms, wall " +
         fixed(static_cast<double>(result.usage.wall_time.count()) / 1000, 1) + " ms, peak " +
         fixed(static_cast<double>(result.usage.peak_memory_bytes) / 1048576, 1) + " MiB" +
         (result.refused.empty() ? "" : ", refused " + result.refused) + ")");
  }
  return result.ok() ? kPassed : kFailed;
}

}  // namespace

Command add_sandbox(CLI::App& root) {
  CLI::App* app = add_subcommand(root, "sandbox", "What isolation untrusted programs get here",
                                 R"(Examples  peira sandbox check
          peira sandbox run -f solve.py -- python3 solve.py <input.txt --stdin
          peira sandbox run --memory-mib 64 --cpu-s 1 -f bomb.py --json -- python3 bomb.py
Exit      0 isolation works; the program ended with code 0 · 1 the program failed, by itself or at a
          limit · 2 usage · 3 a folder is missing · 4 a file cannot be read, or the isolation
          does not work here)");
  const auto flags = std::make_shared<SandboxFlags>();
  app->require_subcommand(1);
  CLI::App* checking = app->add_subcommand("check", "Try each part of the isolation");
  checking->add_flag("--json", flags->json, "one JSON object");
  CLI::App* running = app->add_subcommand("run", "Run one program in the sandbox");
  running->add_option("command", flags->command, "the program and its arguments, after --")
      ->required();
  // One value each: a "--" after a greedy option would end its values and not the options.
  running->add_option("-f,--file", flags->files, "a file laid into the program's folder /work")
      ->allow_extra_args(false);
  running
      ->add_option("--read-only", flags->read_only,
                   "a folder the program may read, e.g. a toolchain outside /usr")
      ->allow_extra_args(false);
  running->add_flag("--stdin", flags->stdin_too, "give this command's stdin to the program");
  running->add_flag("--loopback", flags->loopback, "allow sockets to 127.0.0.1 inside the sandbox");
  running->add_option("--memory-mib", flags->memory_mib, "memory of all its processes")
      ->capture_default_str();
  running->add_option("--cpu-s", flags->cpu_s, "CPU seconds of all its processes")
      ->capture_default_str();
  running->add_option("--wall-s", flags->wall_s, "seconds until it is killed")
      ->capture_default_str();
  running->add_option("--processes", flags->processes, "processes and threads")
      ->capture_default_str();
  running->add_option("--folder-mib", flags->folder_mib, "its files")->capture_default_str();
  running->add_option("--output-mib", flags->output_mib, "stdout and stderr, each")
      ->capture_default_str();
  running->add_flag("--unsafe-no-sandbox", flags->unsafe_no_sandbox,
                    "run it as you, isolated by nothing");
  running->add_flag("--json", flags->json, "one JSON object");
  return {app, [flags, checking] { return checking->parsed() ? check(*flags) : run(*flags); }};
}

}  // namespace peira::runner::cli
