#include "runner/sandbox/sandbox.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <system_error>
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

TEST_F(Sandbox, ReturnsTheSameForAColdAndAWarmExit) {
  for (const char* script :
       {"import sys; sys.exit(7)", "import sys; sys.exit('words')", "import os; os.abort()",
        "raise SystemExit", "x = (", "raise KeyError('k')", "import os; os.kill(os.getpid(), 15)",
        "try:\n  1/0\nexcept Exception as e:\n  raise ValueError('v') from e",
        "import atexit; atexit.register(print, 'bye'); print('hi', end='')",
        "print('\\udcff'.encode('utf8', 'surrogateescape'))", "print(input()); print(input())"}) {
    CodeRequest request;
    request.input = "one line\n";
    const CodeResult cold = python(script, request);
    request.preload = {"json"};
    const CodeResult warm = python(script, request);

    EXPECT_EQ(warm.cause, cold.cause) << script;
    EXPECT_EQ(warm.exit_code, cold.exit_code) << script;
    EXPECT_EQ(warm.signal, cold.signal) << script;
    EXPECT_EQ(warm.out, cold.out) << script;
    EXPECT_EQ(warm.err, cold.err) << script;
  }
}

TEST_F(Sandbox, SaysWhichModuleAWarmInterpreterLacks) {
  CodeRequest request;
  request.preload = {"no_such_module"};
  try {
    python("pass", request);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    EXPECT_STREQ(error.what(),
                 "sandbox: python3: ModuleNotFoundError: No module named 'no_such_module'");
  }
}

TEST_F(Sandbox, CountsWhatAProgramUsed) {
  const CodeResult got = python(R"(
import time
held = bytearray(b"x") * (60 << 20)
end = time.process_time() + 0.2
while time.process_time() < end: pass
time.sleep(0.1)
)");

  ASSERT_TRUE(got.ok()) << got.detail;
  EXPECT_GE(got.usage.cpu_time, milliseconds(200));
  EXPECT_LE(got.usage.cpu_time, milliseconds(900));
  EXPECT_GE(got.usage.wall_time, milliseconds(300));
  EXPECT_GE(got.usage.peak_memory_bytes, std::int64_t{60} << 20);
  EXPECT_LE(got.usage.peak_memory_bytes, std::int64_t{160} << 20);
}

TEST_F(Sandbox, FeedsAndReadsMoreThanAPipeHolds) {
  CodeRequest request;
  for (int i = 0; i < 300'000; ++i) request.input += std::to_string(i) + "\n";
  const CodeResult all = shell("cat", request);
  const CodeResult none = shell("exec <&-; echo deaf", request);

  EXPECT_TRUE(all.out == request.input);
  EXPECT_EQ(none.out, "deaf\n");
}

TEST_F(Sandbox, LetsProcessesShareMemory) {
  const CodeResult got = python(R"(
import mmap, multiprocessing, os
shared = mmap.mmap(-1, 8 << 20)
if os.fork() == 0:
    shared[5] = 42
    os._exit(0)
os.wait()
with multiprocessing.Pool(2) as pool:
    print(shared[5], pool.map(abs, [-1, -2]))
)");

  EXPECT_EQ(got.out, "42 [1, 2]\n") << got.err;
}

TEST_F(Sandbox, ShowsReadOnlyFolders) {
  std::string pattern = (std::filesystem::temp_directory_path() / "peira-tool-XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  std::ofstream(folder / "tool") << "useful\n";
  std::filesystem::permissions(folder, static_cast<std::filesystem::perms>(0755));
  CodeRequest request;
  request.read_only = {{folder.string(), "/opt/tool"}, {(folder / "tool").string(), "/opt/a-file"}};
  const CodeResult got = shell(
      "cat /opt/tool/tool /opt/a-file; touch /opt/tool/new || echo kept; rm -f /opt/tool/tool || "
      "echo kept",
      request);
  const bool still_there = std::filesystem::exists(folder / "tool");
  CodeRequest hidden;
  hidden.read_only = {{folder.string(), "/tmp/tool"}};
  EXPECT_THROW(shell("true", hidden), Error);
  std::filesystem::remove_all(folder);

  EXPECT_EQ(got.out, "useful\nuseful\nkept\nkept\n");
  EXPECT_TRUE(still_there);
  CodeRequest missing;
  missing.read_only = {{folder.string(), "/opt/missing"}};
  EXPECT_THROW(shell("true", missing), Error);
}

TEST_F(Sandbox, RefusesRequestsThatCannotBe) {
  const auto message = [](CodeRequest request) -> std::string {
    if (request.argv.empty()) request.argv = {"true"};
    try {
      runner_->run(request);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kData);
      return error.what();
    }
    return "ran";
  };
  CodeRequest request;
  for (const std::string& path :
       {std::string("/etc/x"), std::string("../x"), std::string("a/../../x"), std::string("a/.."),
        std::string(), std::string("a/"), std::string("a\0b", 3)}) {
    request.files = {{path, "x"}};
    EXPECT_NE(message(request).find("is not inside the work folder"), std::string::npos) << path;
  }
  request.files = {{"a", "x"}, {"a", "y"}};
  EXPECT_EQ(message(request), "sandbox: request: file \"a\" comes twice");
  request.files = {{"a", "x"}, {"a/b", "y"}};
  EXPECT_EQ(message(request), "sandbox: file a/b: Not a directory");
  request.files = {{"large", std::string(2 << 20, 'x')}};
  request.limits.folder_bytes = 1 << 20;
  EXPECT_EQ(message(request), "sandbox: files larger than folder_bytes: No space left on device");
  request = {};
  request.limits.memory_bytes = 0;
  EXPECT_EQ(message(request), "sandbox: request: memory_bytes is 0");
  request = {};
  request.environment = {{"A=B", "x"}};
  EXPECT_EQ(message(request), "sandbox: request: environment name \"A=B\"");
}

// A host that is killed leaves no program behind.
TEST_F(Sandbox, EndsItsProgramsWithTheHost) {
  const std::string mark = "HOST_KILLED_" + std::to_string(::getpid());
  const auto is_running = [&] {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
      std::ifstream file(entry.path() / "environ", std::ios::binary);
      std::stringstream text;
      text << file.rdbuf();
      if (text.str().find(mark) != std::string::npos) return true;
    }
    return false;
  };
  const auto wait_until = [&](bool running) {
    for (int i = 0; i < 500 && is_running() != running; ++i) ::usleep(10'000);
    return is_running() == running;
  };
  const pid_t host = ::fork();
  if (host == 0) {
    CodeRequest request;
    request.argv = {"sleep", "60"};
    request.environment = {{mark, "x"}};
    request.limits.wall_time = std::chrono::seconds(60);
    open_code_runner({.num_workers = 1})->run(request);
    ::_exit(0);
  }
  EXPECT_TRUE(wait_until(true));
  ::kill(host, SIGKILL);
  ::waitpid(host, nullptr, 0);
  EXPECT_TRUE(wait_until(false));
}

TEST_F(Sandbox, StopsABatchAtTheFirstException) {
  std::int64_t last = -1;
  const auto make = [](std::int64_t i) {
    if (i == 5) throw Error(ErrorCode::kData, "no fifth");
    CodeRequest request;
    request.argv = {"true"};
    return request;
  };
  EXPECT_THROW(
      runner_->run_many(1'000'000, make, [&](std::int64_t i, const CodeResult&) { last = i; }),
      Error);
  EXPECT_LT(last, 5);
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

// No sandbox: what --unsafe-no-sandbox runs programs with.
TEST(NoSandbox, RunsProgramsAndSaysSo) {
  const auto runner = open_code_runner({.num_workers = 2, .unsafe_no_sandbox = true});
  EXPECT_EQ(runner->isolation(), "none");
  const auto shell = [&](const std::string& script) {
    CodeRequest request;
    request.argv = {"sh", "-c", script};
    request.files = {{"a/data", "seven"}};
    request.input = "in";
    request.result_channel = true;
    request.limits.wall_time = milliseconds(400);
    request.limits.output_bytes = 1000;
    return runner->run(request);
  };

  const CodeResult fine = shell("cat a/data -; echo verdict >&3; echo e >&2");
  EXPECT_TRUE(fine.ok()) << fine.detail;
  EXPECT_EQ(fine.out, "sevenin");
  EXPECT_EQ(fine.err, "e\n");
  EXPECT_EQ(fine.result, "verdict\n");
  EXPECT_EQ(shell("exit 9").exit_code, 9);
  EXPECT_EQ(shell("kill -SEGV $$").cause, ExitCause::kSignal);
  EXPECT_EQ(shell("sleep 9").cause, ExitCause::kWallTime);
  EXPECT_EQ(shell("yes").cause, ExitCause::kOutput);
  CodeRequest missing;
  missing.argv = {"no-such-program"};
  EXPECT_EQ(runner->run(missing).cause, ExitCause::kNotStarted);
}

// Without bubblewrap nothing runs, and one line says what to do.
TEST(NoBubblewrap, IsRefusedUnlessAskedFor) {
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", "/nonexistent", 1);
  std::string message;
  try {
    open_code_runner();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
    message = error.what();
  }
  const SandboxCheck check = check_sandbox();
  ::setenv("PATH", path.c_str(), 1);

  EXPECT_EQ(
      message,
      "programs are not run without isolation: bubblewrap: bwrap is not in PATH: apt-get "
      "install bubblewrap\n  try: peira sandbox check; or --unsafe-no-sandbox, which runs them "
      "as you, with all you may do");
  EXPECT_FALSE(check.available());
}

TEST(LastLine, IsTheLastThatIsNotBlank) {
  EXPECT_EQ(evals::last_line("Traceback\nValueError: x\n\n  \n"), "ValueError: x");
  EXPECT_EQ(evals::last_line("one"), "one");
  EXPECT_EQ(evals::last_line(" \n\n"), "");
  EXPECT_EQ(evals::last_line("a\nabcdef\n", 3), "abc");
}

}  // namespace
}  // namespace peira::runner
