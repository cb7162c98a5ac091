// peira serve and peira monitor, as a user has them side by side.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"
#include "command.h"

extern char** environ;

namespace peira::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A serving process, killed at the end if it still runs.
class Serving {
 public:
  Serving(const Workspace& space, std::vector<std::string> more) {
    const auto err_path = space.dir() / "serve.err";
    std::vector<std::string> words{PEIRA_BINARY, "serve",   "--port",
                                   "0",          "--store", (space.dir() / "store").string()};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, err_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0644);
    EXPECT_EQ(::posix_spawn(&pid_, PEIRA_BINARY, &actions, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (port_ == 0 && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      const std::string text = read_file(err_path);
      const std::size_t at = text.find("http://127.0.0.1:");
      if (at != std::string::npos && text.find("/v1", at) != std::string::npos) {
        port_ = std::stoi(text.substr(at + 17));
      }
    }
    EXPECT_NE(port_, 0);
  }
  ~Serving() { end(SIGKILL); }

  int ask(const std::string& body, const std::string& key = "") {
    httplib::Client client("127.0.0.1", port_);
    client.set_read_timeout(60);
    if (!key.empty()) client.set_bearer_token_auth(key);
    const auto result = client.Post("/v1/chat/completions", body, "application/json");
    return result ? result->status : -1;
  }
  int port() const { return port_; }
  void end(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  int port_ = 0;
};

constexpr const char* kQuestion =
    R"({"messages": [{"role": "user", "content": "What is zanzibar 17 + 25?"}], "max_tokens": 4})";

TEST(Monitor, ReportsWhatWasServedAlsoByAKilledServer) {
  const Workspace space;
  const std::string store = (space.dir() / "store").string();
  ::setenv("PEIRA_TEST_KEY", "open-sesame-1234", 1);
  {
    Serving server(space, {"--api-key-env", "PEIRA_TEST_KEY"});
    for (int i = 0; i < 5; ++i) EXPECT_EQ(server.ask(kQuestion, "open-sesame-1234"), 200);
    EXPECT_EQ(server.ask(R"({"messages": [], "stop": 7})", "open-sesame-1234"), 400);
    EXPECT_EQ(server.ask(kQuestion, "wrong-key-9876"), 401);
    // Twice the time between two batches.
    std::this_thread::sleep_for(std::chrono::milliseconds(1000));
    server.end(SIGKILL);
  }
  const CommandResult report =
      space.peira({"monitor", "report", "--window", "1h", "--json", "--store", store});
  ASSERT_EQ(report.exit_status, 0) << report.err;
  const Json json = report.json();
  EXPECT_EQ(json["requests"], 7);
  EXPECT_EQ(json["outcomes"]["ok"], 5);
  EXPECT_EQ(json["outcomes"]["client_error"], 2);
  EXPECT_EQ(json["latency_s"]["count"], 5);
  EXPECT_GT(json["latency_s"]["p50"].get<double>(), 0);
  EXPECT_GE(json["latency_s"]["p50"], json["first_token_s"]["p50"]);
  EXPECT_GT(json["tokens"]["completion"], 0);
  EXPECT_EQ(json["modalities"]["text"]["requests"], 7);
  EXPECT_EQ(json["models"]["bundled"], 7);
  std::vector<std::string> classes;
  for (const Json& error : json["errors"]) classes.push_back(error["class"]);
  EXPECT_THAT(classes, ::testing::UnorderedElementsAre("invalid_request: stop", "invalid_api_key"));
  EXPECT_THAT(json["errors"][0]["examples"][0].get<std::string>(), HasSubstr("chatcmpl-"));
  // Neither what was asked nor a key is in any file of the store.
  for (const char* const suffix : {"", "-wal"}) {
    const std::filesystem::path file = store + suffix;
    if (!std::filesystem::exists(file)) continue;
    const std::string bytes = read_file(file);
    for (const char* const secret : {"zanzibar", "sesame", "wrong-key"}) {
      EXPECT_EQ(bytes.find(secret), std::string::npos) << secret;
    }
  }
  const CommandResult text = space.peira({"monitor", "report", "--window", "1h", "--store", store});
  EXPECT_THAT(text.out, HasSubstr("7 requests in 1h, 71.4 % answered"));
  const CommandResult markdown =
      space.peira({"monitor", "report", "--window", "1h", "--markdown", "--store", store});
  EXPECT_THAT(markdown.out, HasSubstr("## Outcomes"));
  EXPECT_THAT(space.peira({"monitor", "report", "--model", "other", "--store", store}).out,
              HasSubstr("0 requests in 24h"));

  const auto check = [&](const std::string& rules) {
    return space.peira({"monitor", "check", "--store", store, "--rules",
                        space.write("rules.json", rules).string()});
  };
  const CommandResult slow = check(
      R"({"rules": [{"metric": "latency.p50", "above": 0.000001, "min_requests": 1, "for": "0s",
      "evidence": "point"}]})");
  EXPECT_EQ(slow.exit_status, 1) << slow.out << slow.err;
  EXPECT_THAT(slow.out, HasSubstr("FIRING"));
  EXPECT_EQ(check(R"({"rules": [{"metric": "latency.p50", "above": 1000, "min_requests": 1}]})")
                .exit_status,
            0);
  EXPECT_EQ(space.peira({"monitor", "check", "--store", store}).exit_status, 5);
  const CommandResult typo = check(R"({"rules": [{"metric": "latency.p50", "abov": 1}]})");
  EXPECT_EQ(typo.exit_status, 3);
  EXPECT_THAT(typo.err, HasSubstr("rules[0].abov: no such key"));

  EXPECT_EQ(space.peira({"monitor", "prune", "--older-than", "1d", "--store", store, "--json"})
                .json()["removed"],
            0);
  EXPECT_EQ(space.peira({"monitor", "prune", "--older-than", "1ms", "--store", store, "--json"})
                .json()["removed"],
            7);
}

TEST(Monitor, AServerWatchesItsOwnRules) {
  const Workspace space;
  const std::string store = (space.dir() / "store").string();
  const auto rules = space.write("rules.json", R"({"every": "100ms", "rules": [
      {"name": "any answer", "metric": "latency.p50", "above": 0.000001, "min_requests": 1,
       "for": "0s", "evidence": "point", "resolve": 0}],
      "sinks": [{"type": "log", "file": "alerts.log"}]})");
  {
    Serving server(space, {"--rules", rules.string()});
    EXPECT_EQ(server.ask(kQuestion), 200);
    // A run against it is recorded at its own end too.
    EXPECT_EQ(
        space
            .peira({"run", "aime", "--limit", "3", "--quiet", "--store", store, "--model",
                    "openai:bundled@http://127.0.0.1:" + std::to_string(server.port()) + "/v1"})
            .exit_status,
        0);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (read_file(space.dir() / "alerts.log").empty() &&
           std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    server.end(SIGTERM);
  }
  EXPECT_THAT(read_file(space.dir() / "alerts.log"), HasSubstr("ALERT any answer: p50 of latency"));
  const Json json =
      space.peira({"monitor", "report", "--window", "1h", "--json", "--store", store}).json();
  EXPECT_EQ(json["models"]["bundled"], 4);
  EXPECT_EQ(json["models"]["openai:bundled (asked)"], 3);
  ASSERT_EQ(json["quality"].size(), 1U);
  EXPECT_EQ(json["quality"][0]["suite"], "aime");
  ASSERT_EQ(json["alerts"].size(), 1U);
  EXPECT_EQ(json["alerts"][0]["rule"], "any answer");
  EXPECT_EQ(json["crashed_recorders"], 0);
  const CommandResult watch =
      space.peira({"monitor", "watch", "--rules", rules.string(), "--store", store, "--every",
                   "100ms", "--for", "10s", "--exit-on-alert"});
  EXPECT_EQ(watch.exit_status, 1) << watch.err;
  EXPECT_THAT(watch.out, HasSubstr("any answer: FIRING"));
}

TEST(Monitor, SaysWhatIsMissing) {
  const Workspace space;
  const CommandResult nothing = space.peira({"monitor", "report"});
  EXPECT_EQ(nothing.exit_status, 4);
  EXPECT_THAT(nothing.err, HasSubstr("try:"));
  EXPECT_EQ(space.peira({"monitor"}).exit_status, 2);
  EXPECT_EQ(space.peira({"monitor", "report", "--window", "soon"}).exit_status, 2);
  const CommandResult rules = space.peira({"monitor", "rules"});
  const auto file = space.write("mine.json", rules.out);
  EXPECT_EQ(space.peira({"monitor", "rules", "--rules", file.string()}).exit_status, 0);
  EXPECT_EQ(space.peira({"serve", "--rules", "x", "--no-monitor"}).exit_status, 2);
}

}  // namespace
}  // namespace peira::e2e
