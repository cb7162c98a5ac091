// LiveCodeBench's traps that are about running programs (L11 to L102), one by one, in the sandbox;
// verdicts frozen from the official grader; and what a run of the suite comes to.
// Expected verdicts: benchmarks.md section 10, taken from the official code; tests/golden/evals/
// livecodebench.jsonl, written by compare_livecodebench.py there.
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/json.h"
#include "evals/code/livecodebench.h"
#include "evals/code_judge.h"
#include "runner/sandbox/sandbox.h"

namespace peira::runner {
namespace {

using datasets::ProgramTest;
using evals::ProgramRules;
using evals::ProgramVerdict;

using Results = std::vector<int>;
constexpr int kPass = ProgramVerdict::kPassed, kFalse = ProgramVerdict::kFalse,
              kWrong = ProgramVerdict::kWrong, kTime = ProgramVerdict::kTimeLimit,
              kError = ProgramVerdict::kError;

struct Trap {
  const char* name;
  std::string program;
  std::vector<ProgramTest> tests;
  Results results;
  int code = 0;
  std::string function = "";
  ProgramRules rules = ProgramRules::kOfficial;
};

datasets::ProgramTask task_of(const std::string& function, const std::vector<ProgramTest>& tests) {
  datasets::ProgramTask task;
  task.function_name = function;
  Json list = Json::array();
  for (const ProgramTest& test : tests) {
    list.push_back({{"input", test.input},
                    {"output", test.output},
                    {"testtype", function.empty() ? "stdin" : "functional"}});
  }
  task.public_tests = list.dump();
  task.private_tests = "[]";
  task.num_tests = tests.size();
  return task;
}

class LiveCodeBench : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    for (const auto& part : check_sandbox().parts) {
      if (part.needed && !part.works) why_not_ = part.name + ": " + part.detail;
    }
    if (why_not_.empty()) runner_ = open_code_runner({});
  }
  static void TearDownTestSuite() { runner_.reset(); }
  void SetUp() override {
    if (!why_not_.empty()) GTEST_SKIP() << why_not_;
  }

  static void check(const std::vector<Trap>& traps, int timeout_s = 6) {
    std::vector<ProgramVerdict> verdicts(traps.size());
    runner_->run_many(
        static_cast<std::int64_t>(traps.size()),
        [&](std::int64_t i) {
          const Trap& trap = traps[static_cast<std::size_t>(i)];
          return evals::program_request(task_of(trap.function, trap.tests), trap.program,
                                        trap.rules, timeout_s);
        },
        [&](std::int64_t i, const evals::CodeResult& result) {
          verdicts[static_cast<std::size_t>(i)] = evals::read_verdict(result);
        });
    for (std::size_t i = 0; i < traps.size(); ++i) {
      EXPECT_EQ(verdicts[i].results, traps[i].results)
          << traps[i].name << ": " << verdicts[i].message << " " << verdicts[i].error;
      if (traps[i].code != 0) {
        EXPECT_EQ(verdicts[i].code, traps[i].code) << traps[i].name;
      }
    }
  }

  static std::unique_ptr<evals::CodeRunner> runner_;
  static std::string why_not_;
};
std::unique_ptr<evals::CodeRunner> LiveCodeBench::runner_;
std::string LiveCodeBench::why_not_;

// A program that prints `printed`, byte for byte, where `expected` is expected.
Trap prints(const char* name, const std::string& printed, const std::string& expected, int result) {
  return {name,
          "import sys\nsys.stdout.write(" + Json(printed).dump() + ")\n",
          {{"", expected}},
          {result}};
}

TEST_F(LiveCodeBench, L11ToL44Comparison) {
  const std::string sixty(60, '0');
  check({
      prints("L11", "3  \n\n\n", "3", kPass),
      prints("L12", "a  b", "a b", kWrong),
      prints("L13", "1  2", "1 2", kPass),
      prints("L14 1.0", "1.0", "1", kPass),
      prints("L14 007", "007", "7", kPass),
      prints("L14 +5", "+5", "5", kPass),
      prints("L14 -0", "-0", "0", kPass),
      prints("L15", "1e3", "1000", kPass),
      prints("L16 1_000", "1_000", "1000", kPass),
      prints("L16 _1__0_", "_1__0_", "10", kPass),
      prints("L17 full-width", "\uff11\uff12", "12", kPass),
      prints("L17 Arabic-Indic", "\u0661\u0662", "12", kPass),
      prints("L18", "inf", "Infinity", kPass),
      prints("L19", "NaN", "nan", kWrong),
      prints("L20", "nan", "nan", kPass),
      prints("L21", "0.30000000000000004", "0.3", kWrong),
      prints("L22", "0.33333333", "0.33333334", kWrong),
      prints("L23", "100000000000000001", "100000000000000000", kWrong),
      prints("L24", "1." + sixty + "1", "1.0", kWrong),
      prints("L25", "1e400", "10e399", kPass),
      prints("L26", "YES", "Yes", kWrong),
      prints("L27", "ans 1.0", "ans 1", kWrong),
      prints("L28", "50%", "50.0%", kWrong),
      prints("L29", "0x10", "16", kWrong),
      prints("L30", "1,2", "1, 2", kWrong),
      prints("L31", "1 2", "1\n2", kWrong),
      prints("L32", "1\n\n2", "1\n2", kWrong),
      prints("L33", "\n\n1", "1", kPass),
      prints("L34", "  1\n   2", "1\n2", kPass),
      prints("L35 U+00A0", "3\u00a0", "3", kPass),
      prints("L35 U+001C", "3\u001c", "3", kPass),
      prints("L36 U+200B", "3\u200b", "3", kWrong),
      prints("L36 BOM", "\ufeff3", "3", kWrong),
      prints("L37", "1\v2", "1 2", kPass),
      prints("L38", "a\tb", "a b", kWrong),
      prints("L39", "1\n2\n", "1\r\n2\r\n", kPass),
      prints("L40", "1\r2", "1\n2", kWrong),
      prints("L41", "", "", kPass),
      prints("L42", "1\n2\n3", "1\n2", kWrong),
      prints("L43", "sNaN", "1", kError),
      prints("L44", "1/2", "0.5", kWrong),
  });
}

Trap runs(const char* name, const std::string& program, int result,
          const std::string& input = "1\n2\n", const std::string& expected = "3", int code = 0) {
  return {name, program, {{input, expected}}, {result}, code};
}

TEST_F(LiveCodeBench, L45ToL76Execution) {
  const std::string sum = "a = int(input())\nb = int(input())\n";
  check({
      runs("L45 sys.exit", "import sys\n" + sum + "print(a + b)\nsys.exit()", kPass),
      runs("L45 exit(1)", sum + "print(a + b)\nexit(1)", kPass),
      runs("L46", sum + "print(a + b)\nquit()", kError),
      runs("L47", sum + "print(a + b)\nraise ValueError", kError),
      runs("L48 double", "if __name__ == \"__main__\":\n    print(int(input()) + int(input()))",
           kPass),
      runs("L48 single", "if __name__ == '__main__':\n    print(int(input()) + int(input()))",
           kPass),
      runs("L48 parentheses",
           "if (__name__ == '__main__'):\n    print(int(input()) + int(input()))", kPass),
      runs(
          "L48 else",
          "if __name__ == '__main__':\n    print(int(input()) + int(input()))\nelse:\n    print(9)",
          kPass),
      runs("L49", "if __name__ == '__main__':\n    print(int(input()) + int(input()))\nx = 1",
           kWrong),
      runs("L50", "if '__main__' == __name__:\n    print(int(input()) + int(input()))", kWrong),
      runs("L51", "def solve():\n    print(3)", kWrong),
      runs("L52", "n = 0\ndef f():\n    global n\n    n += 3\nf()\nprint(n)", kError),
      runs("L53", "print(max(1, 2))\nmax = 3", kError),
      runs("L54",
           "import sys\na = int(input())\ninput = sys.stdin.readline\nprint(a + int(input()))",
           kError),
      runs("L55", "import sys\ninput = sys.stdin.readline\nprint(int(input()) + int(input()))",
           kPass),
      runs("L56", "import sys\nprint(sum(int(line) for line in sys.stdin))", kError),
      runs("L57", "from sys import stdin\ns = 0\nfor line in stdin:\n    s += int(line)\nprint(s)",
           kWrong),
      runs("L58", "from sys import stdin\nprint(int(stdin.readline()) + int(stdin.readline()))",
           kPass),
      runs("L59",
           "from sys import stdin\ns = 0\nwhile True:\n    line = stdin.readline()\n    if line == "
           "'':\n        break\n    s += int(line)\nprint(s)",
           kError, "1\n2"),
      runs("L60", "import sys\nprint(sum(map(int, sys.stdin.buffer.read().split())))", kPass),
      runs("L61", "import sys\nr = sys.stdin.buffer.readline\nprint(int(r()) + int(r()))", kWrong),
      runs("L62", "import sys\nprint(sum(map(int, sys.stdin.buffer.readlines())))", kError),
      runs("L63 open(0)", "print(sum(map(int, open(0).read().split())))", kWrong),
      runs("L63 os.read", "import os\nprint(sum(map(int, os.read(0, 99).split())))", kWrong),
      runs("L64", "from sys import stdout\nstdout.write('3')", kWrong),
      runs("L65", "import sys\nsys.stdout.write('3')", kPass),
      runs("L66 raised", "input()\ninput()\ninput()\ninput()\nprint(3)", kError),
      runs("L66 caught",
           "s = 0\ntry:\n    while True:\n        s += int(input())\nexcept (EOFError, "
           "ValueError):\n"
           "    print(s)",
           kPass),
      runs("L67", "q: List[int] = [1, 2]\nprint(len(deque(q)) + gcd(2, 3) + int(math.sqrt(0)))",
           kPass),
      runs("L68 bisect", "print(bisect([1, 2], 3))", kError),
      runs("L68 random", "print(random())", kError),
      runs("L68 copy", "print(copy([3]))", kError),
      runs("L68 datetime", "print(datetime.now())", kError),
      runs("L69", "print(time.time())", kError),
      runs("L70", "print(os.name)", kError),
      runs("L71", "class Solution:\n    pass\nprint(3)", kError),
      runs("L72 comments", "# nothing", kError),
      runs("L72 empty", "", kError),
      runs("L73", "from __future__ import annotations\nprint(3)", kError),
      runs("L74", "print 3", kError),
      runs("L75 get", "x = 3\nprint(globals().get('x'))", kWrong),
      runs("L75 index", "x = 3\nprint(globals()['x'])", kError),
      runs("L76 direct", "def f(n):\n    return n and f(n - 1) + 1\nprint(f(20000) - 19997)",
           kPass),
      runs("L76 thread",
           "import threading\nthreading.stack_size(256 << 20)\ndef f(n):\n    return n and f(n - "
           "1) + "
           "1\ndef g():\n    print(f(20000) - 19997)\nt = threading.Thread(target=g)\nt.start()\n"
           "t.join()",
           kPass),
      runs("L79", "import os\nprint(3)\nos._exit(0)", kWrong, "", "3", -5),
      {"L80",
       "n = int(input())\nprint(n if n != 2 else 0)",
       {{"1", "1"}, {"2", "2"}, {"3", "3"}},
       {kPass, kWrong}},
  });
}

TEST_F(LiveCodeBench, L77AndL78TimeLimits) {
  check(
      {
          runs("L77", "try:\n    while True:\n        pass\nexcept Exception:\n    pass\nprint(3)",
               kWrong),
          {"L78",
           "n = int(input())\nwhile n == 2:\n    pass\nprint(n)",
           {{"1", "1"}, {"2", "2"}, {"3", "3"}},
           {kPass, kTime}},
      },
      2);
}

Trap returns(const char* name, const std::string& value, const std::string& expected, int result) {
  return {name,
          "class Solution:\n    def f(self, x):\n        return " + value,
          {{"[3, 1]", expected}},
          {result},
          0,
          "f"};
}

Trap function(const char* name, const std::string& program, std::vector<ProgramTest> tests,
              Results results, int code = 0) {
  return {name, program, std::move(tests), std::move(results), code, "f"};
}

TEST_F(LiveCodeBench, L81ToL102Functions) {
  const std::string solution = "class Solution:\n    def f(self, x):\n        return x\n";
  check({
      returns("L81", "(1, 2)", "[1,2]", kPass),
      returns("L82", "[(1, 2)]", "[[1,2]]", kFalse),
      returns("L83 True", "True", "1", kPass),
      returns("L83 1", "1", "true", kPass),
      returns("L83 list", "[True, False]", "[1,0]", kPass),
      returns("L84", "1.0", "1", kPass),
      returns("L85", "0.1+0.2", "0.3", kFalse),
      returns("L86", "\"3\"", "3", kFalse),
      returns("L87", "None", "null", kPass),
      returns("L88", "x.sort()", "[1,3]", kFalse),
      returns("L89 set", "set(x)", "[1,3]", kFalse),
      returns("L89 generator", "(n for n in x)", "[3,1]", kFalse),
      returns("L89 dict", "{1: 2}", "{\"1\": 2}", kFalse),
      returns("L90", "x[::-1]", "[3,1]", kFalse),
      function("L91", "def f(x):\n    return x", {{"1", "1"}}, {kPass}),
      function("L92", "# class Solution\ndef f(x):\n    return x", {{"1", "1"}}, {kError}),
      function("L93", "class Other:\n    def f(self, x):\n        return x", {{"1", "1"}},
               {kError}),
      function(
          "L94",
          "class Solution:\n    seen = 0\n    def f(self, x):\n        self.seen += x\n        "
          "return self.seen",
          {{"1", "1"}, {"2", "2"}}, {kPass, kFalse}),
      function("L95", "class Solution:\n    def f(self, other):\n        return other",
               {{"1", "1"}}, {kPass}),
      function("L96 newline", solution, {{"1\n", "1"}}, {kError}),
      function("L96 empty line", solution, {{"1\n\n2", "1"}}, {kError}),
      function("L97", "class Solution:\n    def f(self, root):\n        return root.val",
               {{"[1, null, 2]", "1"}}, {kError}),
      function("L98", "n = input()\n" + solution, {{"1", "1"}}, {kError}),
      function("L99", solution + "if __name__ == '__main__':\n    print(input())", {{"1", "1"}},
               {kPass}),
      function("L100", "class Solution:\n    def f(self, x):\n        exit()", {{"1", "1"}},
               {kWrong}, -5),
      function("L102",
               "class Solution:\n    def f(self, x):\n        print('debug')\n        return x",
               {{"1", "1"}}, {kPass}),
  });
  check({function("L101", "while True:\n    pass\n" + solution, {{"1", "1"}}, {kError})}, 1);
}

// What the profile `fixed` judges otherwise: programs that any judge with pipes would pass.
TEST_F(LiveCodeBench, FixedRunsProgramsAsTheyAre) {
  std::vector<Trap> traps{
      runs("iteration", "import sys\nprint(sum(int(line) for line in sys.stdin))", kPass),
      runs("open(0)", "print(sum(map(int, open(0).read().split())))", kPass),
      runs("stdout", "from sys import stdout\nstdout.write('3')", kPass),
      runs("buffer", "import sys\nr = sys.stdin.buffer.readline\nprint(int(r()) + int(r()))",
           kPass),
      runs("global", "n = 0\ndef f():\n    global n\n    n += 3\nf()\nprint(n)", kPass),
      runs("reversed guard", "if '__main__' == __name__:\n    print(int(input()) + int(input()))",
           kPass),
      runs("future", "from __future__ import annotations\nprint(3)", kPass),
      runs("class", "class Solution:\n    pass\nprint(3)", kPass),
      runs("exit", "print(3)\nexit(0)", kPass),
      runs("exit 1", "print(3)\nexit(1)", kError),
      runs("wrong", "print(4)", kWrong),
      runs("raises", "print(3)\nraise ValueError", kError),
      runs("killed", "import os\nprint(3, flush=True)\nos.kill(os.getpid(), 9)", kError),
      function("tuples", "class Solution:\n    def f(self, x):\n        return [(1, 2)]",
               {{"1", "[[1,2]]"}}, {kPass}),
      function("state",
               "class Solution:\n    seen = []\n    def f(self, x):\n        self.seen.append(x)\n"
               "        return self.seen",
               {{"1", "[1]"}, {"2", "[2]"}}, {kPass, kPass}),
      function("wrong value", "class Solution:\n    def f(self, x):\n        return x",
               {{"1", "2"}}, {kWrong}),
  };
  for (Trap& trap : traps) trap.rules = ProgramRules::kFixed;
  check(traps);
  Trap slow = runs("slow", "import time\ntime.sleep(60)", kTime);
  slow.rules = ProgramRules::kFixed;
  check({slow}, 1);
}

// A program that looks for what it should print finds nothing, by any of these roads.
TEST_F(LiveCodeBench, ExpectedAnswersAreOutOfReach) {
  const std::string secret = "7316429058";
  const auto hunts = [&](const char* name, const std::string& body, int result = kWrong) {
    return Trap{
        name, "def hunt():\n" + body + "\nprint(hunt() or 0)\n", {{"1\n", secret}}, {result}};
  };
  check({
      hunts("frames",
            "    import sys, re\n    f = sys._getframe()\n    while f:\n        for v in "
            "list(f.f_locals.values()) + list(f.f_globals.values()):\n            m = "
            "re.search(r'73164[0-9]{5}', repr(v))\n            if m: return m.group()\n        f = "
            "f.f_back"),
      hunts("objects",
            "    import gc, re\n    for o in gc.get_objects():\n        try:\n            m = "
            "re.search(r'73164[0-9]{5}', repr(o)[:100000])\n        except Exception:\n            "
            "continue\n        if m: return m.group()"),
      hunts("parent memory",
            "    import re\n    from posix import getppid\n    p = getppid()\n    for line in "
            "io.open(f'/proc/{p}/maps'):\n        a, b = [int(x, 16) for x in "
            "line.split()[0].split('-')]\n        m = io.open(f'/proc/{p}/mem', 'rb')\n        "
            "m.seek(a)\n        hit = re.search(rb'73164[0-9]{5}', m.read(b - a))\n        if hit: "
            "return hit.group().decode()",
            kError),
      hunts("stdin of the parent",
            "    from posix import getppid\n    return io.open(f'/proc/{getppid()}/fd/0').read()",
            kError),
      hunts("descriptors",
            "    import os\n    for fd in range(3, 64):\n        try:\n            "
            "os.set_blocking(fd, "
            "False)\n            s = os.read(fd, 99999)\n        except OSError:\n            "
            "continue\n        if b'73164' in s: return s[s.index(b'73164'):][:10].decode()"),
  });
}

TEST_F(LiveCodeBench, VerdictsOfTheOfficialGrader) {
  std::ifstream file(std::string(PEIRA_SOURCE_DIR) + "/tests/golden/evals/livecodebench.jsonl");
  ASSERT_TRUE(file);
  std::vector<Trap> traps;
  std::vector<Trap> quick;
  std::vector<std::string> names;
  std::string line;
  while (std::getline(file, line)) {
    const Json json = Json::parse(line);
    Trap trap;
    trap.program = json["program"];
    trap.function = json["function"];
    for (std::size_t i = 0; i < json["inputs"].size(); ++i) {
      trap.tests.push_back({json["inputs"][i], json["outputs"][i]});
    }
    for (const Json& result : json["results"]) {
      trap.results.push_back(result.is_boolean() ? (result.get<bool>() ? kPass : kFalse)
                                                 : result.get<int>());
    }
    trap.code = json["code"].is_null() ? 0 : json["code"].get<int>();
    (json["timeout"].get<int>() < 6 ? quick : traps).push_back(std::move(trap));
  }
  ASSERT_GT(traps.size(), 90U);
  // Names are the programs: what a failure shows.
  for (std::vector<Trap>* const list : {&traps, &quick}) {
    for (Trap& trap : *list) trap.name = trap.program.c_str();
  }
  check(traps);
  check(quick, 2);
}

// A row of the sample set with its reference answer, through the suite's own judge.
TEST_F(LiveCodeBench, SuiteJudgesAReply) {
  const evals::Suite suite = evals::find_suite("livecodebench");
  const evals::Profile& profile = suite.profile("");
  datasets::Sample sample;
  sample.id = "invented";
  sample.target = "passes 2 tests";
  sample.program =
      std::make_shared<datasets::ProgramTask>(task_of("", {{"1 2\n", "3"}, {"2 3\n", "5"}}));
  evals::ScoreRequest request;
  request.sample = &sample;
  request.finish_reason = "stop";
  request.response = "Plan: add.\n```python\nprint(sum(map(int, input().split())))\n```";
  const evals::Score right = evals::judge_by_running(*profile.code, request, *runner_);
  EXPECT_EQ(right.value, 1);
  EXPECT_EQ(right.why, "the program passes all 2 tests");
  request.response = "```python\nprint(3)\n```";
  const evals::Score wrong = evals::judge_by_running(*profile.code, request, *runner_);
  EXPECT_EQ(wrong.value, 0);
  EXPECT_EQ(wrong.answer, "wrong answer");
  EXPECT_EQ(wrong.why, "test 2 of 2: wrong answer: line 1: 3 where 5 is expected");
}

}  // namespace
}  // namespace peira::runner
