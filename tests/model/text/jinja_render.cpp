// Renders templates for tests/golden/text/compare_templates.py. Each line of standard input is
// {"template", "where", "variables", "now": "2026-01-02T03:04:05"}; each of the output {"out"} or
// {"error"}.
#include <iostream>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "model/text/jinja.h"

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    peira::OrderedJson answer = peira::OrderedJson::object();
    try {
      const peira::OrderedJson request = peira::parse_ordered_json(line, "request");
      peira::model::JinjaTemplate parsed(request["template"].get<std::string>(),
                                         request["where"].get<std::string>());
      parsed.set_time(request["now"].get<std::string>());
      answer["out"] = parsed.render(request["variables"]);
    } catch (const peira::Error& error) {
      answer["error"] = error.what();
    }
    std::cout << answer.dump() << "\n";
  }
}
