// LiveCodeBench's grader: the program in a reply, how it is run, and what its verdict means.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/program.h"
#include "evals/code_runner.h"

namespace peira::evals {

// The program of a chat model's reply: the lines between the last two that hold ``` anywhere,
// whatever they belong to. "" with fewer than two such lines.
// source  LiveCodeBench 28fef95, lcb_runner/utils/extraction_utils.py
std::string extract_program(std::string_view response);

// Finish reason of a "reply" that is a program and nothing else: of a file of programs.
inline constexpr std::string_view kGivenProgram = "program";

enum class ProgramRules {
  kOfficial,  // wrapped into a function, in one process for all tests, stdin a stand-in
  kFixed      // as it is, in a process for each test, with real pipes
};

// What runs `program` against the tests of `task`: our driver, which holds the expected answers in
// a process that the program cannot look into, and writes a verdict to descriptor 3.
// timeout_s  of each test, and of loading the program.
CodeRequest program_request(const datasets::ProgramTask& task, std::string_view program,
                            ProgramRules rules, int timeout_s = 6);

// What the grader says: one result for each test that was run, the last of them the first failure.
struct ProgramVerdict {
  static constexpr int kPassed = 1, kFalse = 0, kWrong = -2, kTimeLimit = -3, kError = -4;
  static constexpr int kRunnerError = -5;  // code only: the judging process was ended, or too slow

  std::vector<int> results;             // kFalse: a function's value differs
  int code = 0;                         // of the failure; 0 where there is none
  std::string message;                  // what failed, a line
  std::string error;                    // what the program raised
  std::string output, input, expected;  // of the failed test, at most 322 characters each
  std::string limit;                    // of the sandbox's, which ended the program; else ""

  // Every result is above 0. So is none at all: a problem without tests is solved by anything.
  bool is_right() const;
};

// The verdict of a finished run of program_request(). A run that was ended from outside has the
// result [-2] and code -5, as the official grader has it of a process that died.
ProgramVerdict read_verdict(const CodeResult& result);

}  // namespace peira::evals
