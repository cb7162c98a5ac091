// peira stats: every statistical procedure, JSON lines in and out.

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "reports/terminal_table.h"
#include "runner/cli/command.h"
#include "runner/cli/tables.h"
#include "stats/procedures/procedure.h"

namespace peira::runner::cli {
namespace {

using stats::Procedure;

struct StatsFlags {
  std::string procedure;
  std::string file;
  bool json = false;
  bool example = false;
};

int list_procedures(bool json) {
  if (json) {
    OrderedJson all = OrderedJson::array();
    for (const Procedure& procedure : stats::all_procedures()) {
      all.push_back({{"name", procedure.name},
                     {"section", procedure.section},
                     {"purpose", procedure.purpose},
                     {"example", {{"in", OrderedJson::parse(procedure.example)}}}});
    }
    print_json(OrderedJson{{"procedures", std::move(all)}});
    return kPassed;
  }
  reports::Table table{
      .headers = {"procedure", "section", "purpose"}, .rows = {}, .alignments = {}};
  for (const Procedure& procedure : stats::all_procedures()) {
    table.rows.push_back({std::string(procedure.name), std::string(procedure.section),
                          std::string(procedure.purpose)});
  }
  print(draw(table) +
        "\npeira stats PROC --example prints a request, peira stats PROC answers requests\n");
  return kPassed;
}

// Names that hold `text` or begin as it does, for a mistyped one.
std::string names_like(const std::string& text) {
  std::string names;
  for (const Procedure& procedure : stats::all_procedures()) {
    const bool near = procedure.name.find(text) != std::string_view::npos ||
                      procedure.name.substr(0, 3) == text.substr(0, 3);
    if (near) names += (names.empty() ? "" : ", ") + std::string(procedure.name);
  }
  return names;
}

const Procedure& procedure_of(const std::string& name) {
  if (const Procedure* procedure = stats::find_procedure(name)) return *procedure;
  const std::string near = names_like(name);
  throw Error(ErrorCode::kUsage,
              "peira stats: there is no procedure \"" + name + "\"\n  try: " +
                  (near.empty() ? "peira stats list" : near + ", or peira stats list"));
}

// One answer a line; returns whether every line had a result.
bool answer_lines(const Procedure& procedure, std::istream& input, const std::string& name) {
  bool all_answered = true;
  std::string line;
  for (std::int64_t number = 1; std::getline(input, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    OrderedJson answer;
    try {
      answer = stats::answer(procedure, parse_json(line, name + ":" + std::to_string(number)));
    } catch (const Error& error) {
      answer = stats::error_answer(error);
    }
    all_answered = all_answered && answer.contains("out");
    print_json(answer);
  }
  if (input.bad()) throw Error(ErrorCode::kUnavailable, name + ": cannot be read to its end");
  return all_answered;
}

int run_stats(const StatsFlags& flags) {
  if (flags.procedure == "list") return list_procedures(flags.json);
  const Procedure& procedure = procedure_of(flags.procedure);
  if (flags.example) {
    print_json(OrderedJson{{"in", OrderedJson::parse(procedure.example)}});
    return kPassed;
  }
  bool all_answered = false;
  if (flags.file.empty() || flags.file == "-") {
    if (::isatty(STDIN_FILENO) == 1) {
      note("reading requests from the terminal, one a line, such as {\"in\":" +
           std::string(procedure.example) + "}");
    }
    all_answered = answer_lines(procedure, std::cin, "<stdin>");
  } else {
    std::ifstream file(flags.file);
    if (!file) throw system_error(flags.file, errno);
    all_answered = answer_lines(procedure, file, flags.file);
  }
  return all_answered ? kPassed : static_cast<int>(ErrorCode::kData);
}

}  // namespace

Command add_stats(CLI::App& root) {
  CLI::App* app = add_subcommand(root, "stats", "Run a statistical procedure on JSON lines",
                                 R"(Examples  peira stats list
          peira stats t_test --example
          peira stats t_test --example | peira stats t_test
          echo '{"in":{"n11":58,"n10":9,"n01":21,"n00":32}}' | peira stats mcnemar
          peira stats one_proportion requests.jsonl >answers.jsonl
Each line {"in": {arguments}} is answered by one line {"out": {results}} or
{"error": NAME, "message": TEXT}, with "estimate" where the data give one although they give no
test; an "id" beside "in" comes back. A line that fails does not stop the others: the exit status
is 3 if any failed, 0 if none did. Infinities are "+inf" and "-inf"; an undefined statistic is
null. Differences are b - a.)");
  const auto flags = std::make_shared<StatsFlags>();
  app->add_option("procedure", flags->procedure, "its name, or list")->required();
  app->add_option("file", flags->file, "requests, one a line [standard input]");
  app->add_flag("--example", flags->example, "print a request this procedure answers");
  app->add_flag("--json", flags->json, "with list: one JSON object; answers always are JSON");
  return {app, [flags] { return run_stats(*flags); }};
}

}  // namespace peira::runner::cli
