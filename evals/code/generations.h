// LiveCodeBench's files of programs made elsewhere, and how its scripts count over problems.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace peira::evals {

// One entry of a custom generations file: [{"question_id", "code_list"}, ...].
struct Generations {
  std::string question_id;
  std::vector<std::string> programs;
};

// Reads such a file, sorted by id as text ("10", "9", "abc"), which is how the official evaluator
// lines it up with the problems. That evaluator then goes by position and checks lengths alone;
// here ids are kept, for the caller to check. throws Error(kData) naming `where`: not such a list;
// an id twice.
std::vector<Generations> read_generations(std::string_view json, const std::string& where);

// Programs of one problem, and how many of them are right.
struct ProblemCount {
  std::int64_t num_programs = 0, num_right = 0;
};

// Mean pass@k over problems as LiveCodeBench's main runner prints it: each k of 1, 5, 10, 20, 40,
// 50, 75, 100, 125, 150, 200, 500, 1000 that no problem has fewer programs than.
std::map<int, double> runner_pass_at_k(std::span<const ProblemCount> problems);

// The same as its stand-alone script prints it: k of 1, 5, 10, 25, 50, 100, 150, 200, whatever the
// number of programs; with fewer than k wrong ones a problem counts as solved.
std::map<int, double> script_pass_at_k(std::span<const ProblemCount> problems);

}  // namespace peira::evals
