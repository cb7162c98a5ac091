#include "evals/code/generations.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/json.h"
#include "stats/pass_at_k.h"

namespace peira::evals {
namespace {

constexpr std::array kRunnerKs{1, 5, 10, 20, 40, 50, 75, 100, 125, 150, 200, 500, 1000};
constexpr std::array kScriptKs{1, 5, 10, 25, 50, 100, 150, 200};

// Mean over problems; fewer wrong programs than k count as 1, also where there are fewer than k.
double mean_pass(std::span<const ProblemCount> problems, std::int64_t k) {
  double sum = 0;
  for (const ProblemCount& problem : problems) {
    const bool is_sure = problem.num_programs - problem.num_right < k;
    sum += is_sure ? 1 : stats::pass_at_k(problem.num_programs, problem.num_right, k);
  }
  return sum / static_cast<double>(problems.size());
}

}  // namespace

std::vector<Generations> read_generations(std::string_view json, const std::string& where) {
  const Json list = parse_json(json, where);
  if (!list.is_array()) throw Error(ErrorCode::kData, where + ": a JSON list is needed");
  std::vector<Generations> all;
  for (const Json& entry : list) {
    const std::string place = where + ": entry " + std::to_string(all.size() + 1);
    const auto refuse = [&](const std::string& what) {
      throw Error(ErrorCode::kData, place + what);
    };
    if (!entry.is_object() || !entry.contains("question_id") || !entry.contains("code_list")) {
      refuse(": {\"question_id\", \"code_list\"} is needed");
    }
    Generations& one = all.emplace_back();
    const Json& id = entry["question_id"];
    if (!id.is_string() && !id.is_number_integer()) refuse(": \"question_id\" is no id");
    one.question_id = id.is_string() ? id.get<std::string>() : dump_json(id);
    if (!entry["code_list"].is_array()) refuse(": \"code_list\" is no list");
    for (const Json& program : entry["code_list"]) {
      if (!program.is_string()) refuse(": \"code_list\" holds something that is no text");
      one.programs.push_back(program.get<std::string>());
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Generations& a, const Generations& b) {
    return a.question_id < b.question_id;
  });
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i].question_id == all[i - 1].question_id) {
      throw Error(ErrorCode::kData,
                  where + ": question_id \"" + all[i].question_id + "\" stands twice");
    }
  }
  return all;
}

std::map<int, double> runner_pass_at_k(std::span<const ProblemCount> problems) {
  std::map<int, double> means;
  for (const int k : kRunnerKs) {
    const bool all_have = std::all_of(problems.begin(), problems.end(), [&](const auto& problem) {
      return problem.num_programs >= k;
    });
    if (all_have && !problems.empty()) means[k] = mean_pass(problems, k);
  }
  return means;
}

std::map<int, double> script_pass_at_k(std::span<const ProblemCount> problems) {
  std::map<int, double> means;
  for (const int k : kScriptKs) {
    if (!problems.empty()) means[k] = mean_pass(problems, k);
  }
  return means;
}

}  // namespace peira::evals
