// peira toolchains: which languages' exercises can be run here.

#include <memory>
#include <string>

#include "reports/terminal_table.h"
#include "runner/cli/command.h"
#include "runner/cli/tables.h"
#include "runner/episodes/toolchains.h"

namespace peira::runner::cli {
namespace {

int toolchains(bool json) {
  OrderedJson list = OrderedJson::array();
  reports::Table table;
  table.headers = {"language", "found", "version, or what is missing"};
  std::string packages;
  for (const Toolchain& tools : detect_toolchains()) {
    list.push_back({{"name", tools.name},
                    {"available", tools.available()},
                    {"version", tools.version},
                    {"missing", tools.missing},
                    {"packages", tools.packages},
                    {"has_packages", tools.has_packages}});
    table.rows.push_back({tools.name, tools.available() ? "yes" : "no",
                          tools.available() ? tools.version : tools.missing});
    if (!tools.packages.empty()) {
      packages += "  " + tools.name + ": " +
                  (tools.has_packages ? "" : "not prepared; to prepare: ") + tools.packages + "\n";
    }
  }
  if (json) {
    print_json(OrderedJson{{"toolchains", std::move(list)}});
  } else {
    print(draw(table) +
          "\nPackages, for exercises that need some (programs that are tested have no network):\n" +
          packages);
  }
  return kPassed;
}

}  // namespace

Command add_toolchains(CLI::App& root) {
  CLI::App* app = add_subcommand(
      root, "toolchains", "List the languages whose exercises can be run here, and what is missing",
      "Examples  peira toolchains\n          peira toolchains --json\n"
      "Exercises whose tools or packages are missing are left out of a run, which says so; they "
      "never count as failed.");
  const auto json = std::make_shared<bool>(false);
  app->add_flag("--json", *json, "one JSON object");
  return {app, [json] { return toolchains(*json); }};
}

}  // namespace peira::runner::cli
