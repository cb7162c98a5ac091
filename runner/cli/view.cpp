// peira view: the store in a browser.

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "abtest/experiment_store.h"
#include "runner/cli/command.h"
#include "runner/store.h"
#include "runner/viewer/server.h"

namespace peira::runner::cli {
namespace {

struct ViewFlags {
  std::string store, experiments, host = "127.0.0.1";
  std::optional<int> port;
  bool no_open = false, json = false;
};

// Shows `url` in the desktop's browser, if there is a desktop. No shell is asked, and nothing is
// waited for.
void open_browser(const std::string& url) {
  const bool desktop =
      std::getenv("DISPLAY") != nullptr || std::getenv("WAYLAND_DISPLAY") != nullptr;
  if (!desktop) return;
  std::string program = "xdg-open";
  std::string argument = url;
  char* arguments[] = {program.data(), argument.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_RDWR, 0);
  }
  pid_t child = 0;
  static_cast<void>(posix_spawnp(&child, program.c_str(), &actions, nullptr, arguments, environ));
  posix_spawn_file_actions_destroy(&actions);
}

int view(const ViewFlags& flags) {
  viewer::ServerOptions options;
  options.store = flags.store.empty() ? Store::default_path() : std::filesystem::path(flags.store);
  options.experiments = flags.experiments.empty() ? abtest::ExperimentStore::default_path()
                                                  : std::filesystem::path(flags.experiments);
  options.host = flags.host;
  options.port = flags.port;

  // Taken by this thread alone: the server ends its requests before the process ends.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGCHLD, SIG_IGN);  // the browser's launcher leaves no zombie

  viewer::Server server(options);
  std::thread serving([&] { server.run(); });
  if (flags.json) {
    print_json(OrderedJson{{"url", server.url()}, {"store", options.store.string()}});
  } else {
    print(server.url() + "\n");
    note("showing " + options.store.string() + " to this machine only; Ctrl-C ends it");
  }
  if (!flags.no_open) open_browser(server.url());
  int signal = 0;
  sigwait(&signals, &signal);
  server.stop();
  serving.join();
  return kPassed;
}

}  // namespace

Command add_view(CLI::App& root) {
  CLI::App* app = add_subcommand(root, "view", "Look at runs and samples in a browser",
                                 R"(Examples  peira view
          peira view --store nightly.sqlite --port 8000
          peira view --no-open                 prints the address only
          ssh -L 7357:127.0.0.1:7357 HOST      then http://127.0.0.1:7357/ shows a viewer over there
It reads the store and writes nothing, runs in flight included, and is reachable from this machine
only. Ctrl-C ends it.)");
  const auto flags = std::make_shared<ViewFlags>();
  app->add_option("--store", flags->store, "the file runs are kept in [the user's data folder]");
  app->add_option(
      "--experiments", flags->experiments,
      "the file experiments are kept in [$PEIRA_EXPERIMENTS, or the user's data folder]");
  app->add_option("--port", flags->port,
                  "the port to listen on, 0 for any [7357, or the next free]");
  app->add_option("--host", flags->host, "a loopback address: 127.0.0.1, ::1 or localhost")
      ->capture_default_str();
  app->add_flag("--no-open", flags->no_open, "do not open a browser");
  app->add_flag("--json", flags->json, "the address as one JSON object");
  return {app, [flags] { return view(*flags); }};
}

}  // namespace peira::runner::cli
