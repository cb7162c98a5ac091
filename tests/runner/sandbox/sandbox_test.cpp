#include "runner/sandbox/sandbox.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"

namespace peira::runner {
namespace {

using evals::CodeRequest;
using evals::CodeResult;
using evals::ExitCause;
using std::chrono::milliseconds;

// Tests of programs in the sandbox; where there is no isolation they skip and say why.
class Sandbox : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    for (const auto& part : check_sandbox().parts) {
      if (part.needed && !part.works) why_not_ = part.name + ": " + part.detail;
    }
    if (why_not_.empty()) runner_ = open_code_runner({.num_workers = 2});
  }
  static void TearDownTestSuite() { runner_.reset(); }
  void SetUp() override {
    if (!why_not_.empty()) GTEST_SKIP() << why_not_;
  }

  static CodeResult shell(const std::string& script, CodeRequest request = {}) {
    request.argv = {"sh", "-c", script};
    return runner_->run(request);
  }
  static CodeResult python(const std::string& script, CodeRequest request = {}) {
    request.argv = {"python3", "main.py"};
    request.files.push_back({"main.py", script});
    return runner_->run(request);
  }

  static inline std::string why_not_;
  static inline std::unique_ptr<evals::CodeRunner> runner_;
};

TEST_F(Sandbox, GivesInputAndReturnsBothOutputsAndTheCode) {
  CodeRequest request;
  request.input = "seven\n";
  const CodeResult got = shell("read x; echo got $x; echo note >&2; exit 3", request);

  EXPECT_EQ(got.cause, ExitCause::kExited);
  EXPECT_EQ(got.exit_code, 3);
  EXPECT_EQ(got.out, "got seven\n");
  EXPECT_EQ(got.err, "note\n");
  EXPECT_EQ(got.detail, "exit code 3: note");
}

TEST_F(Sandbox, LaysFilesIntoAPrivateFolderThatIsNewForEachProgram) {
  CodeRequest request;
  request.files = {{"a/b/data.txt", std::string("x\0y", 3)},
                   {"go", "#!/bin/sh\necho went\n", true}};

  const CodeResult first =
      shell("pwd; ls -R | head -20; wc -c <a/b/data.txt; ./go; echo left >z", request);
  const CodeResult second = shell("ls -A /work /tmp /dev/shm; touch /work/ok && rm /work/ok");

  EXPECT_EQ(first.out, "/work\n.:\na\ngo\n\n./a:\nb\n\n./a/b:\ndata.txt\n3\nwent\n");
  EXPECT_EQ(second.out, "/dev/shm:\n\n/tmp:\n\n/work:\n");
  EXPECT_TRUE(second.ok()) << second.detail;
}

TEST_F(Sandbox, KeepsTheResultChannelApartFromOutput) {
  CodeRequest request;
  request.result_channel = true;
  const CodeResult got = shell("echo pass; echo real >&3", request);
  const CodeResult without = shell("echo pass >&3");

  EXPECT_EQ(got.out, "pass\n");
  EXPECT_EQ(got.result, "real\n");
  EXPECT_NE(without.exit_code, 0);
  EXPECT_EQ(without.result, "");
}

TEST_F(Sandbox, SaysWhyAProgramCannotStart) {
  CodeRequest request;
  request.argv = {"no-such-program"};
  const CodeResult got = runner_->run(request);

  EXPECT_EQ(got.cause, ExitCause::kNotStarted);
  EXPECT_EQ(got.detail, "no-such-program: No such file or directory");
}

TEST_F(Sandbox, RunsAWarmInterpreterLikeOneOfItsOwn) {
  const std::string script = R"(
import sys, os
print(__name__, __file__, sys.argv, sys.path[0], os.getcwd(), sorted(os.environ.items()))
print([name for name in globals() if name not in ('sys', 'os')])
print(sys.stdin.read(), sys.stdin.seekable(), sys.stdout.seekable(), sys.stdout.line_buffering)
print(hash("x"), sys.flags)
class A: pass
import pickle
print(pickle.loads(pickle.dumps(A())).__class__)
def f(): raise ValueError("no\n")
f()
)";
  CodeRequest request;
  request.argv = {"python3", "main.py", "one", "two"};
  request.files = {{"main.py", script}};
  request.input = "text";
  const CodeResult cold = runner_->run(request);
  request.preload = {"json", "heapq", "random"};
  const CodeResult warm = runner_->run(request);

  EXPECT_EQ(cold.exit_code, 1);
  EXPECT_NE(cold.out, "");
  EXPECT_EQ(warm.out, cold.out);
  EXPECT_EQ(warm.err, cold.err);
  EXPECT_EQ(warm.detail, cold.detail);
}

TEST_F(Sandbox, ReturnsABatchInOrder) {
  std::vector<std::string> out;
  runner_->run_many(
      40,
      [](std::int64_t i) {
        CodeRequest request;
        request.argv = {"sh", "-c",
                        (i % 7 == 0 ? "sleep 0.05; echo " : "echo ") + std::to_string(i)};
        return request;
      },
      [&](std::int64_t i, CodeResult result) {
        EXPECT_EQ(i, static_cast<std::int64_t>(out.size()));
        out.push_back(result.out);
      });

  ASSERT_EQ(out.size(), 40U);
  for (std::size_t i = 0; i < out.size(); ++i) EXPECT_EQ(out[i], std::to_string(i) + "\n");
}

}  // namespace
}  // namespace peira::runner
