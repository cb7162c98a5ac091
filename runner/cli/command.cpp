#include "runner/cli/command.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "reports/details_json.h"

namespace peira::runner::cli {
namespace {

bool is_terminal(int fd) {
  const char* terminal = std::getenv("TERM");
  return ::isatty(fd) == 1 && (terminal == nullptr || std::strcmp(terminal, "dumb") != 0);
}

}  // namespace

CLI::App* add_subcommand(CLI::App& root, const std::string& name, const std::string& purpose,
                         const std::string& examples) {
  CLI::App* app = root.add_subcommand(name, purpose);
  app->footer(examples +
              "\nExit  0 done and passed · 1 failed · 2 usage · 3 bad data · 4 unavailable · "
              "5 incomplete or undecided · 70 a bug of ours");
  return app;
}

void print(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return;
  // A reader that went away (`| head`) has what it wanted: the command goes on to its exit status.
  if (errno != EPIPE) throw system_error("standard output", errno);
}

void print_json(const Json& value) { print(reports::without_steering(dump_json(value)) + "\n"); }
void print_json(const OrderedJson& value) {
  print(reports::without_steering(dump_json(value)) + "\n");
}

void note(const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); }

bool stdout_has_colour() {
  return is_terminal(STDOUT_FILENO) && std::getenv("NO_COLOR") == nullptr;
}
bool stderr_is_terminal() { return is_terminal(STDERR_FILENO); }

Json json_number(float value) {
  if (!std::isfinite(value)) return nullptr;
  // The double nearest to the float's shortest decimal form dumps as that form.
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof(text), value);
  double shortest = static_cast<double>(value);
  if (error == std::errc()) std::from_chars(text, end, shortest);
  return shortest;
}

}  // namespace peira::runner::cli
