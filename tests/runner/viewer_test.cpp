// The viewer's data and its server, over a loopback port.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/base64.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "runner/tags.h"
#include "runner/viewer/api.h"
#include "runner/viewer/media.h"
#include "runner/viewer/server.h"
#include "tests/runner/viewer_store.h"
#include "tests/support/temporary_folder.h"

namespace peira::runner::viewer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ViewerApi : public ::testing::Test {
 protected:
  ViewerApi() : path_(folder_ / "peira.sqlite") {
    testing::make_viewer_store(path_);
    api_.emplace(path_);
  }

  Json get(const std::string& path, const Parameters& parameters, int status = 200) {
    const Reply reply = api_->get(path, parameters);
    EXPECT_EQ(reply.status, status) << path << " " << reply.body;
    return parse_json(reply.body, path);
  }

  // Rows of a list, asked for until it says it is at its end, as the pages do.
  std::vector<int> rows(Parameters parameters, const std::string& limit = "100") {
    parameters.emplace("run", "a");
    parameters.emplace("limit", limit);
    std::vector<int> found;
    for (int piece = 0; piece < 1000; ++piece) {
      const Json reply = get("/api/samples", parameters);
      for (const Json& line : reply["lines"]) found.push_back(line["row"].get<int>());
      if (reply["at_end"].get<bool>()) return found;
      const Json& next = reply["resume"].is_null() ? reply["last"] : reply["resume"];
      parameters.erase("after");
      if (next.is_string()) parameters.emplace("after", next.get<std::string>());
    }
    ADD_FAILURE() << "the list has no end";
    return found;
  }

  test::TemporaryFolder folder_;
  std::filesystem::path path_;
  std::optional<Api> api_;
};

TEST_F(ViewerApi, FiltersByVerdictStateAndBreakdown) {
  EXPECT_THAT(rows({}), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  EXPECT_THAT(rows({{"only", "right"}}), ElementsAre(0, 2, 6, 8, 10));
  // Row 5 failed: neither right nor wrong.
  EXPECT_THAT(rows({{"only", "wrong"}}), ElementsAre(1, 3, 4, 7, 9, 11));
  EXPECT_THAT(rows({{"only", "unparsed"}}), ElementsAre(4));
  EXPECT_THAT(rows({{"only", "failed"}}), ElementsAre(5));
  EXPECT_THAT(rows({{"only", "refused"}}), IsEmpty());
  EXPECT_THAT(rows({{"where", "group:high"}}), ElementsAre(6, 7, 8, 9, 10, 11));
  EXPECT_THAT(rows({{"where", "group:low"}, {"only", "wrong"}}), ElementsAre(1, 3, 4));
  EXPECT_THAT(rows({{"where", "group:none"}}), IsEmpty());
  // b is right at 0, 1, 2 and 6; 4 and 5 cannot be right in either, and 5 has no answer at all.
  EXPECT_THAT(rows({{"only", "flipped"}, {"against", "b"}}), ElementsAre(1, 8, 10));
}

TEST_F(ViewerApi, PagesByKeyEitherWayWithoutGapsOrDoubles) {
  EXPECT_THAT(rows({}, "5"), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  const Json second = get("/api/samples", {{"run", "a"}, {"limit", "3"}, {"after", "2.0"}});
  EXPECT_EQ(second["ahead"], 3);
  EXPECT_EQ(second["matching"], 12);
  const Json before = get("/api/samples", {{"run", "a"}, {"limit", "3"}, {"before", "5.0"}});
  EXPECT_EQ(before["first"], "2.0");
  EXPECT_EQ(before["last"], "4.0");
}

TEST_F(ViewerApi, FindsTextInPromptsRepliesIdsAndAnswersOnly) {
  EXPECT_THAT(rows({{"text", "QUESTION 7"}}), ElementsAre(7));
  EXPECT_THAT(rows({{"text", "it\n\"quoted\""}}), ElementsAre(3));
  EXPECT_THAT(rows({{"text", "sample-11"}}), ElementsAre(11));
  EXPECT_THAT(rows({{"text", "timeout"}}), ElementsAre(5));
  EXPECT_THAT(rows({{"text", "reply"}, {"only", "right"}}), ElementsAre(2, 6, 8, 10));
  // Keys and roles of stored messages are not text that anybody wrote.
  EXPECT_THAT(rows({{"text", "content"}}), IsEmpty());
  EXPECT_THAT(rows({{"text", "user"}}), IsEmpty());
}

TEST_F(ViewerApi, TellsWhatARunCameTo) {
  const Json reply = get("/api/run", {{"run", "a"}});
  EXPECT_EQ(reply["run"]["status"], "complete");
  EXPECT_EQ(reply["tally"]["right"], 5);
  EXPECT_EQ(reply["tally"]["wrong"], 6);
  EXPECT_EQ(reply["tally"]["failed"], 1);
  EXPECT_DOUBLE_EQ(reply["record"]["metrics"][0]["value"].get<double>(), 5.0 / 11);
}

TEST_F(ViewerApi, ShowsMediaKeptBesideTheStore) {
  const std::string picture = from_base64(testing::kPixel).value();
  Part part;
  part.kind = PartKind::kImage;
  part.bytes = picture;
  const std::string digest = sha256_hex(picture);
  Store store(path_);
  const Store::OpenedRun run = store.create_run(testing::viewer_run("c"));
  FinishedAnswer finished = testing::viewer_answer(2, true);
  finished.transcript.messages =
      R"([{"role":"user","content":[{"type":"image","sha256":")" + digest + R"("}]}])";
  store.commit(run.info, std::vector<FinishedAnswer>{finished}, 1);
  store.finish_run(run.info, true, "", {});
  const Parameters place{{"run", "c"}, {"row", "2"}, {"message", "0"}, {"part", "0"}};
  EXPECT_EQ(api_->get("/api/media", place).status, 404);
  MediaFolder(path_).keep({{"user", {part}}});
  const Reply reply = api_->get("/api/media", place);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "image/png");
  EXPECT_EQ(reply.body, picture);
  EXPECT_EQ(
      get("/api/sample", {{"run", "c"}, {"row", "2"}})["story"]["messages"][0]["parts"][0]["shown"],
      true);
}

TEST_F(ViewerApi, TellsOfExperiments) {
  EXPECT_TRUE(get("/api/experiments", {})["experiments"].empty());
  get("/api/experiment", {{"id", "prompt_v2"}}, 404);
  testing::make_viewer_experiments(folder_ / "experiments.sqlite");
  Api api(path_, folder_ / "experiments.sqlite");
  const Json list = parse_json(api.get("/api/experiments", {}).body, "list");
  ASSERT_EQ(list["experiments"].size(), 1U);
  EXPECT_EQ(list["experiments"][0]["status"], "running");
  Json one;
  do {
    one = parse_json(api.get("/api/experiment", {{"id", "prompt_v2"}}).body, "one");
  } while (!one["done"].get<bool>());
  const Json& report = one["report"];
  EXPECT_EQ(report["arms"][0]["units"], 200);
  EXPECT_EQ(report["srm"]["status"], "ok");
  EXPECT_EQ(report["decision"], "ship");
  EXPECT_NEAR(report["metrics"][0]["estimate"].get<double>(), 0.3, 1e-12);
  ASSERT_EQ(report["cumulative"].size(), 4U);
  EXPECT_EQ(report["cumulative"][3]["n_variant"], 200);
  const Reply gone = api.get("/api/experiment", {{"id", "prompt_v3"}});
  EXPECT_EQ(gone.status, 404);
  EXPECT_THAT(gone.body, HasSubstr("prompt_v2"));
}

TEST_F(ViewerApi, ListsRunsWithTheirTags) {
  const auto tags_of = [&](const std::string& id) {
    const Json reply = get("/api/runs", {});
    for (const Json& run : reply["runs"]) {
      if (run["run_id"] == id) return run["tags"].get<std::vector<std::string>>();
    }
    return std::vector<std::string>{"no such run"};
  };
  EXPECT_THAT(tags_of("a"), IsEmpty());
  Tags tags(path_);
  tags.set("main", "a");
  tags.set("v1", "a");
  tags.set("other", "b");
  EXPECT_THAT(tags_of("a"), ElementsAre("main", "v1"));
  EXPECT_THAT(tags_of("b"), ElementsAre("other"));
}

TEST_F(ViewerApi, PairsTwoRunsSampleBySample) {
  const Json compared = get("/api/compare", {{"a", "a"}, {"b", "b"}});
  ASSERT_TRUE(compared["done"].get<bool>());
  // Eleven pairs have an answer: 1 goes to right, 8 and 10 to wrong.
  EXPECT_EQ(compared["comparison"]["num_pairs"], 11);
  EXPECT_EQ(compared["counts"]["flips"], 3);
  EXPECT_EQ(compared["counts"]["to-right"], 1);
  EXPECT_EQ(compared["counts"]["failed"], 1);
  EXPECT_DOUBLE_EQ(compared["comparison"]["difference"].get<double>(), -1.0 / 11);
  const Json pairs =
      get("/api/pairs", {{"a", "a"}, {"b", "b"}, {"show", "to-wrong"}, {"limit", "1"}});
  EXPECT_EQ(pairs["matching"], 2);
  EXPECT_EQ(pairs["pairs"][0]["row_a"], 8);
  EXPECT_EQ(pairs["pairs"][0]["a"]["answer"], "G");
  EXPECT_EQ(pairs["pairs"][0]["b"]["answer"], "W");
}

TEST_F(ViewerApi, FollowsARunInFlight) {
  Store store(path_);
  Store::OpenedRun run = store.create_run(testing::viewer_run("c"));
  store.commit(run.info, std::vector{testing::viewer_answer(7, true)}, 1);
  const Json one = get("/api/run", {{"run", "c"}});
  EXPECT_EQ(one["run"]["status"], "running");
  EXPECT_EQ(one["tally"]["all"], 1);
  // Answers arrive in any order; the list has them by row.
  store.commit(run.info, std::vector{testing::viewer_answer(2, true)}, 1);
  store.finish_run(run.info, false, "interrupted", {});
  run.lock = RunLock();
  const Json two = get("/api/samples", {{"run", "c"}});
  ASSERT_EQ(two["lines"].size(), 2U);
  EXPECT_EQ(two["lines"][0]["row"], 2);
  EXPECT_EQ(get("/api/run", {{"run", "c"}})["run"]["status"], "incomplete");
}

TEST_F(ViewerApi, RefusesWhatIsNotThereInOneLine) {
  for (const auto& [path, parameters] : std::vector<std::pair<std::string, Parameters>>{
           {"/api/run", {{"run", "../../etc/passwd"}}},
           {"/api/run", {}},
           {"/api/samples", {{"run", "a"}, {"only", "nonsense"}}},
           {"/api/samples", {{"run", "a"}, {"where", "colour:red"}}},
           {"/api/samples", {{"run", "a"}, {"after", "1e9"}}},
           {"/api/samples", {{"run", "a"}, {"limit", "99999999999999999999"}}},
           {"/api/sample", {{"run", "a"}, {"row", "12"}}},
           {"/api/sample", {{"run", "a"}, {"row", "-1"}}},
           {"/api/sample", {{"run", "a"}, {"row", "0"}, {"epoch", "99999999999"}}},
           {"/api/samples", {{"run", "a"}, {"text", std::string(2000, 'x')}}},
           {"/api/nothing", {}}}) {
    const Json reply = get(path, parameters, 404);
    EXPECT_FALSE(reply["error"].get<std::string>().empty());
    EXPECT_EQ(reply["error"].get<std::string>().find('\n'), std::string::npos);
  }
}

TEST_F(ViewerApi, ShowsMediaOfTheStoreAndNoOtherFile) {
  const Parameters image{{"run", "a"}, {"row", "1"}, {"message", "0"}, {"part", "1"}};
  const Reply pixel = api_->get("/api/media", image);
  EXPECT_EQ(pixel.status, 200);
  EXPECT_EQ(pixel.content_type, "image/png");
  EXPECT_EQ(pixel.body.substr(1, 3), "PNG");
  // Part 2 names a file without its digest, part 3 is a picture that can hold scripts.
  for (const std::string part : {"0", "2", "3", "4", "18446744073709551616", "/etc/passwd"}) {
    const Reply reply =
        api_->get("/api/media", {{"run", "a"}, {"row", "1"}, {"message", "0"}, {"part", part}});
    EXPECT_EQ(reply.status, 404) << part;
    EXPECT_THAT(reply.content_type, "application/json");
  }
}

TEST(ViewerMedia, TakesBase64AsItIsDefined) {
  EXPECT_EQ(from_base64("TWFu"), "Man");  // RFC 4648
  EXPECT_EQ(from_base64("TWE="), "Ma");
  EXPECT_EQ(from_base64("TQ=="), "M");
  EXPECT_EQ(from_base64(""), "");
  for (const char* bad : {"TQ", "TQ=", "T===", "TQ==TQ==", "T-E=", "=", "TWFu="}) {
    EXPECT_EQ(from_base64(bad), std::nullopt) << bad;
  }
}

class ViewerServer : public ViewerApi {
 protected:
  ViewerServer() : server_({.store = path_, .host = "127.0.0.1", .port = 0}) {
    thread_ = std::thread([this] { server_.run(); });
    client_.emplace("127.0.0.1", server_.port());
    while (!client_->Get("/api/store")) std::this_thread::yield();
  }
  ~ViewerServer() override {
    client_.reset();
    server_.stop();
    thread_.join();
  }

  Server server_;
  std::thread thread_;
  std::optional<httplib::Client> client_;
};

TEST_F(ViewerServer, ServesPagesUnderAStrictPolicy) {
  for (const char* path : {"/", "/run?run=a", "/assets/app.js", "/assets/style.css", "/api/runs"}) {
    const auto reply = client_->Get(path);
    ASSERT_TRUE(reply) << path;
    EXPECT_EQ(reply->status, 200) << path;
    EXPECT_EQ(reply->get_header_value("X-Content-Type-Options"), "nosniff");
    EXPECT_THAT(reply->get_header_value("Content-Security-Policy"),
                HasSubstr("default-src 'none'; script-src 'self'"));
    EXPECT_EQ(reply->get_header_value("Access-Control-Allow-Origin"), "");
  }
}

TEST_F(ViewerServer, AnswersUnderItsOwnNameOnly) {
  const std::string port = std::to_string(server_.port());
  for (const std::string& host : {"localhost:" + port, "127.0.0.1:" + port, "[::1]:" + port}) {
    EXPECT_EQ(client_->Get("/", {{"Host", host}})->status, 200) << host;
  }
  for (const std::string& host :
       {std::string("evil.example"), "evil.example:" + port, std::string("127.0.0.1:1"),
        "127.0.0.1.evil.example:" + port, std::string("localhost"), std::string(" ")}) {
    const auto reply = client_->Get("/api/runs", {{"Host", host}});
    ASSERT_TRUE(reply) << host;
    EXPECT_EQ(reply->status, 403) << host;
    EXPECT_THAT(reply->body, ::testing::Not(HasSubstr("run_id")));
  }
}

TEST_F(ViewerServer, OnlyReads) {
  EXPECT_EQ(client_->Post("/api/runs", "", "text/plain")->status, 405);
  EXPECT_EQ(client_->Delete("/api/runs")->status, 405);
  const auto reply = client_->Put("/", "", "text/plain");
  EXPECT_EQ(reply->get_header_value("Allow"), "GET, HEAD");
  EXPECT_EQ(client_->Head("/")->status, 200);
}

TEST_F(ViewerServer, HasNoPathsOnDisk) {
  for (const char* path :
       {"/../../etc/passwd", "/assets/../../../etc/passwd", "/assets/..%2f..%2fetc/passwd",
        "/assets/%2e%2e/%2e%2e/etc/passwd", "/assets//etc/passwd", "/assets/", "/peira.sqlite",
        "/assets/index.html%00.js", "/run/", "/%2e%2e%5c", "/api/../assets/app.js"}) {
    const auto reply = client_->Get(path);
    ASSERT_TRUE(reply) << path;
    EXPECT_EQ(reply->status, 404) << path;
    EXPECT_THAT(reply->body, ::testing::Not(HasSubstr("root:"))) << path;
  }
}

TEST_F(ViewerServer, SaysThatAPortIsInUseAndTakesAnotherWhenNoneWasAskedFor) {
  try {
    const Server second({.store = path_, .host = "127.0.0.1", .port = server_.port()});
    ADD_FAILURE() << "two viewers on one port";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
    EXPECT_THAT(error.what(), HasSubstr(std::to_string(server_.port()) + ": the port is in use"));
  }
  const Server first_usual({.store = path_, .host = "127.0.0.1", .port = std::nullopt});
  const Server second_usual({.store = path_, .host = "127.0.0.1", .port = std::nullopt});
  EXPECT_NE(first_usual.port(), second_usual.port());
}

TEST_F(ViewerServer, ListensOnLoopbackOnly) {
  for (const char* host : {"0.0.0.0", "::", "192.168.0.1", "example.org", ""}) {
    EXPECT_THROW(Server({.store = path_, .host = host, .port = 0}), Error) << host;
  }
}

}  // namespace
}  // namespace peira::runner::viewer
