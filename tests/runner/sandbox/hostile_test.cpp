// Programs that try to get out: hostile_programs.txt, each with the cause it must end by.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "base/files.h"
#include "runner/sandbox/sandbox.h"

namespace peira::runner {
namespace {

namespace fs = std::filesystem;
using evals::CodeRequest;
using evals::CodeResult;
using std::chrono::milliseconds;

struct HostileProgram {
  std::string name;
  std::vector<std::string> causes;             // any of these
  std::map<std::string, std::string> options;  // exit, signal, refused, limits; flags map to ""
  std::map<std::string, std::string> checks;   // says, prints, result
  bool is_shell = false;
  std::string source;
};

std::vector<HostileProgram> read_programs(const fs::path& path) {
  std::ifstream file(path);
  std::vector<HostileProgram> programs;
  bool in_source = false;
  bool in_preface = true;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("=== ")) {
      if (line == "=== NAME") continue;  // the form, in the preface
      in_preface = in_source = false;
      programs.push_back({});
      programs.back().name = line.substr(4);
    } else if (in_preface) {
      continue;
    } else if (line.starts_with("--- ")) {
      programs.back().is_shell = line == "--- sh";
      in_source = true;
    } else if (in_source) {
      programs.back().source += line + "\n";
    } else if (const auto colon = line.find(": "); line.starts_with("expect: ")) {
      // Causes may have blanks; options follow the first word with '=' or a known flag.
      std::string causes;
      std::istringstream words(line.substr(8));
      for (std::string word; words >> word;) {
        const auto equals = word.find('=');
        if (equals != std::string::npos) {
          programs.back().options[word.substr(0, equals)] = word.substr(equals + 1);
        } else if (word == "result" || word == "loopback" || word == "warm") {
          programs.back().options[word] = "";
        } else {
          causes += (causes.empty() ? "" : " ") + word;
        }
      }
      std::istringstream list(causes);
      for (std::string cause; std::getline(list, cause, '|');) {
        programs.back().causes.push_back(cause);
      }
    } else if (colon != std::string::npos) {
      std::string value = line.substr(colon + 2);
      value.erase(0, value.find_first_not_of(' '));
      programs.back().checks[line.substr(0, colon)] = value;
    }
  }
  return programs;
}

void replace_all(std::string& text, const std::string& what, const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

// What the programs would like to reach on the host: a file, two servers, a process.
class Bait {
 public:
  Bait() {
    std::string pattern = (fs::temp_directory_path() / "peira-bait-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    secret_ = folder_ / "secret";
    std::ofstream(secret_) << "the caller's own";
    ::setenv("PEIRA_CANARY", "sings", 1);
    tcp_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(tcp_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(tcp_, 8), 0);
    ::getsockname(tcp_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    abstract_ = "peira-bait-" + std::to_string(::getpid());
    unix_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path + 1, abstract_.data(), abstract_.size());
    EXPECT_EQ(
        ::bind(unix_, reinterpret_cast<sockaddr*>(&name),
               static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + abstract_.size())),
        0);
    EXPECT_EQ(::listen(unix_, 8), 0);
    process_ = ::fork();
    if (process_ == 0) {
      ::execlp("sleep", "sleep", "600", nullptr);
      ::_exit(1);
    }
  }
  ~Bait() {
    ::close(tcp_);
    ::close(unix_);
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Bait(const Bait&) = delete;
  Bait& operator=(const Bait&) = delete;

  void fill_in(std::string& source) const {
    replace_all(source, "@SECRET@", secret_.string());
    replace_all(source, "@PORT@", std::to_string(port_));
    replace_all(source, "@ABSTRACT@", abstract_);
    replace_all(source, "@PID@", std::to_string(process_));
  }

  void expect_untouched() const {
    EXPECT_EQ(read_file(secret_), "the caller's own");
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
    EXPECT_LT(::accept(tcp_, nullptr, nullptr), 0) << "a program reached the host's TCP port";
    EXPECT_LT(::accept(unix_, nullptr, nullptr), 0) << "a program reached the host's socket";
    EXPECT_EQ(::waitpid(process_, nullptr, WNOHANG), 0) << "a program ended the host's process";
  }

 private:
  fs::path folder_, secret_;
  int tcp_ = -1, unix_ = -1, port_ = 0;
  std::string abstract_;
  pid_t process_ = -1;
};

// Whether a program does nothing until its wall limit: many of these can run at once, and soon end.
bool waits(const HostileProgram& program) {
  return program.causes == std::vector<std::string>{"wall time"};
}

constexpr const char* kMark = "HOSTILE_MARK";

CodeRequest request_of(const HostileProgram& program, const Bait& bait,
                       const std::string& helpers) {
  CodeRequest request;
  std::string source = program.source;
  bait.fill_in(source);
  const auto has = [&](const char* option) { return program.options.count(option) != 0; };
  const auto number = [&](const char* option, std::int64_t otherwise) {
    return has(option) ? std::stoll(program.options.at(option)) : otherwise;
  };
  if (program.is_shell) {
    request.argv = {"sh", "main.sh"};
    request.files = {{"main.sh", source}};
  } else {
    request.argv = {"python3", "main.py"};
    request.files = {{"main.py", "from hostile_helpers import *\n" + source},
                     {"hostile_helpers.py", helpers}};
  }
  if (has("warm")) request.preload = {"json"};
  request.result_channel = has("result");
  request.loopback = has("loopback");
  request.environment = {{kMark, std::to_string(::getpid())}};
  request.limits.memory_bytes = std::int64_t{160} << 20;
  request.limits.cpu_time = milliseconds(number("cpu_ms", 300));
  request.limits.wall_time = milliseconds(number("wall_ms", waits(program) ? 700 : 20'000));
  request.limits.num_processes = 24;
  request.limits.file_size_bytes = 8 << 20;
  request.limits.folder_bytes = 24 << 20;
  request.limits.output_bytes = 1 << 20;
  return request;
}

// Processes of this machine that a program of this test has left behind.
std::vector<std::string> leftovers() {
  const std::string mark = std::string(kMark) + "=" + std::to_string(::getpid());
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "environ", std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    if (text.str().find(mark) != std::string::npos) found.push_back(name);
  }
  return found;
}

std::string shown(const std::string& text) { return text.substr(0, 600); }

void expect_contained(const HostileProgram& program, const CodeResult& got) {
  SCOPED_TRACE(program.name + ": " + name(got.cause) + ", " + got.detail +
               "\nstdout: " + shown(got.out) + "\nstderr: " + shown(got.err));
  EXPECT_EQ(got.out.find("ESCAPED"), std::string::npos);
  EXPECT_EQ(got.err.find("ESCAPED"), std::string::npos);
  EXPECT_EQ(got.result.find("ESCAPED"), std::string::npos);
  EXPECT_NE(std::find(program.causes.begin(), program.causes.end(), name(got.cause)),
            program.causes.end());
  for (const auto& [option, value] : program.options) {
    if (option == "exit") {
      EXPECT_EQ(std::to_string(got.exit_code), value);
    } else if (option == "signal") {
      EXPECT_STREQ(::sigabbrev_np(got.signal), value.c_str());
    } else if (option == "refused") {
      EXPECT_EQ(got.refused, value);
    }
  }
  for (const auto& [check, value] : program.checks) {
    const std::string& where = check == "says"     ? got.detail
                               : check == "prints" ? got.out
                                                   : got.result;
    EXPECT_NE(where.find(value), std::string::npos) << check << ": " << value;
  }
}

TEST(HostilePrograms, AreContainedAndNamedForWhatTheyDid) {
  for (const auto& part : check_sandbox().parts) {
    if (part.needed && !part.works) GTEST_SKIP() << part.name << ": " << part.detail;
  }
  const fs::path folder = fs::path(PEIRA_SOURCE_DIR) / "tests/runner/sandbox";
  auto programs = read_programs(folder / "hostile_programs.txt");
  ASSERT_GE(programs.size(), 60U);
  const auto first_waiting =
      std::stable_partition(programs.begin(), programs.end(),
                            [](const HostileProgram& program) { return !waits(program); });
  const std::string helpers = read_file(folder / "hostile_helpers.py");
  const Bait bait;
  auto runner = open_code_runner();
  const auto run_all = [&](evals::CodeRunner& by, std::span<const HostileProgram> part) {
    by.run_many(
        static_cast<std::int64_t>(part.size()),
        [&](std::int64_t i) {
          return request_of(part[static_cast<std::size_t>(i)], bait, helpers);
        },
        [&](std::int64_t i, CodeResult got) {
          expect_contained(part[static_cast<std::size_t>(i)], got);
        });
  };
  run_all(*runner, std::span(programs.begin(), first_waiting));
  run_all(*open_code_runner({.num_workers = 16}), std::span(first_waiting, programs.end()));

  // And it still works, in cells that have seen all of this.
  CodeRequest honest;
  honest.argv = {"sh", "-c", "echo fine"};
  EXPECT_EQ(runner->run(honest).out, "fine\n");
  runner.reset();
  EXPECT_EQ(leftovers(), std::vector<std::string>{});
  bait.expect_untouched();
}

}  // namespace
}  // namespace peira::runner
