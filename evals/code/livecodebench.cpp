#include "evals/code/livecodebench.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include "base/embedded.h"
#include "base/error.h"
#include "base/json.h"
#include "evals/python_text.h"

namespace peira {
std::span<const EmbeddedFile> embedded_code_drivers();  // made by peira_embed()
}

namespace peira::evals {
namespace {

constexpr std::string_view kDriver = "livecodebench_driver.py";

std::string driver_text() {
  for (const EmbeddedFile& file : embedded_code_drivers()) {
    if (file.name == kDriver) {
      return {reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size()};
    }
  }
  throw Error(ErrorCode::kInternal, std::string(kDriver) + " is not embedded");
}

Json lengths(const std::vector<datasets::ProgramTest>& tests,
             std::string datasets::ProgramTest::*text) {
  Json list = Json::array();
  for (const datasets::ProgramTest& test : tests) list.push_back((test.*text).size());
  return list;
}

std::string text_of(const Json& verdict, const char* key) {
  const auto found = verdict.find(key);
  return found != verdict.end() && found->is_string() ? found->get<std::string>() : std::string();
}

int result_of(const Json& entry) {
  if (entry.is_boolean())
    return entry.get<bool>() ? ProgramVerdict::kPassed : ProgramVerdict::kFalse;
  return entry.get<int>();
}

}  // namespace

std::string extract_program(std::string_view response) {
  const std::vector<std::string_view> lines = python::split(response, "\n");
  std::vector<std::size_t> fences;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].find("```") != std::string_view::npos) fences.push_back(i);
  }
  std::string program;
  if (fences.size() < 2) return program;
  for (std::size_t i = fences[fences.size() - 2] + 1; i < fences.back(); ++i) {
    if (i > fences[fences.size() - 2] + 1) program += "\n";
    program += lines[i];
  }
  return program;
}

CodeRequest program_request(const datasets::ProgramTask& task, std::string_view program,
                            ProgramRules rules, int timeout_s) {
  const std::vector<datasets::ProgramTest> tests = task.tests();
  CodeRequest request;
  request.argv = {"python3", std::string(kDriver)};
  request.files.push_back({std::string(kDriver), driver_text()});
  // What the driver imports, and all that its prelude puts before a program.
  request.preload = {"ast",       "base64",     "bisect",   "builtins",     "collections",
                     "copy",      "ctypes",     "datetime", "decimal",      "faulthandler",
                     "functools", "heapq",      "io",       "itertools",    "json",
                     "math",      "operator",   "os",       "random",       "re",
                     "select",    "shutil",     "signal",   "statistics",   "string",
                     "struct",    "subprocess", "sys",      "threading",    "time",
                     "traceback", "types",      "typing",   "unittest.mock"};
  request.result_channel = true;

  using datasets::ProgramTest;
  request.input =
      dump_json(Json{{"profile", rules == ProgramRules::kOfficial ? "official" : "fixed"},
                     {"function", task.function_name},
                     {"timeout", timeout_s},
                     {"program", program.size()},
                     {"inputs", lengths(tests, &ProgramTest::input)}}) +
      "\n";
  request.input += program;
  for (const ProgramTest& test : tests) request.input += test.input;
  request.input += dump_json(lengths(tests, &ProgramTest::output)) + "\n";
  for (const ProgramTest& test : tests) request.input += test.output;

  // The official grader sets none of these but the time for all tests together; programs that it
  // passes stay far below them.
  CodeLimits& limits = request.limits;
  const auto num_tests = static_cast<std::int64_t>(tests.size());
  limits.wall_time = std::chrono::seconds((timeout_s + 1) * num_tests + 5 + 10);
  limits.cpu_time = 2 * limits.wall_time;
  limits.memory_bytes = std::int64_t{4} << 30;
  limits.num_processes = 256;
  return request;
}

bool ProgramVerdict::is_right() const {
  return std::all_of(results.begin(), results.end(), [](int result) { return result > 0; });
}

ProgramVerdict read_verdict(const CodeResult& result) {
  ProgramVerdict verdict;
  if (result.result.empty()) {
    if (result.cause == ExitCause::kNotStarted) {
      throw Error(ErrorCode::kUnavailable, "programs cannot be run: " + result.detail);
    }
    if (result.cause == ExitCause::kExited && result.exit_code != 0) {
      throw Error(ErrorCode::kInternal,
                  "the driver of LiveCodeBench failed: " + last_line(result.err));
    }
    verdict.results = {ProgramVerdict::kWrong};
    verdict.code = ProgramVerdict::kRunnerError;
    const bool is_limit = result.cause != ExitCause::kExited && result.cause != ExitCause::kSignal;
    if (is_limit) verdict.limit = name(result.cause);
    verdict.message = "the program ended the process that judges it";
    if (!result.detail.empty()) verdict.message += ": " + result.detail;
    return verdict;
  }
  const Json json = parse_json(result.result, "verdict");
  try {
    for (const Json& entry : json.at("results")) verdict.results.push_back(result_of(entry));
    verdict.code = json.value("code", 0);
  } catch (const Json::exception& failure) {
    throw Error(ErrorCode::kInternal, std::string("a verdict of the driver: ") + failure.what());
  }
  verdict.message = text_of(json, "message");
  verdict.error = text_of(json, "error");
  verdict.output = text_of(json, "output");
  verdict.input = text_of(json, "input");
  verdict.expected = text_of(json, "expected");
  return verdict;
}

}  // namespace peira::evals
