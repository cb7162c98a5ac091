// Requests to a scripted endpoint, as the monitor keeps them.
#include "runner/monitor/recorded_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/durations.h"
#include "runner/endpoints/openai_client.h"
#include "tests/runner/monitor/support.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temporary_folder.h"

namespace peira::runner {
namespace {

using test::ServedReply;

// What is kept of one request that is answered by `reply`.
RequestRecord kept_of(const ServedReply& reply, double idle_timeout_s = 5) {
  const test::TemporaryFolder folder;
  test::ScriptedServer server([&](const test::ServedRequest&) { return reply; });
  EndpointOptions options;
  options.idle_timeout_s = idle_timeout_s;
  OpenAiClient endpoint("mini@" + server.url(), options);
  {
    RequestLog log(folder / "store", {.source = "run", .model = endpoint.name()});
    RecordedClient client(endpoint, log);
    ModelRequest request;
    request.messages = {Message::from_text("user", "What is 17 + 25?")};
    client.submit(std::move(request));
    while (client.poll().empty()) {
    }
  }
  const MonitorStore store(folder / "store", MonitorStore::Access::kReadOnly);
  std::vector<RequestRecord> kept;
  store.visit(0, wall_clock_ms() + 1000, {"openai:mini", "run", ""},
              [&](const RequestRecord& one, const MonitorSession&) { kept.push_back(one); });
  EXPECT_EQ(kept.size(), 1U);
  return kept.empty() ? RequestRecord() : kept.front();
}

TEST(RecordedClient, KeepsHowRequestsToAnEndpointEnded) {
  const RequestRecord good = kept_of(ServedReply::of(
      200, R"({"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"42"},)"
           R"("finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":3}})"));
  EXPECT_EQ(good.outcome, RequestOutcome::kOk);
  EXPECT_EQ(good.prompt_tokens, 12);
  EXPECT_EQ(good.completion_tokens, 3);
  EXPECT_GT(good.total_s, 0);
  EXPECT_EQ(good.error_class, "");

  const RequestRecord full = kept_of(ServedReply::of(
      429, R"({"error":{"message":"secret"}})", "application/json", "X-Request-Id: req-7\r\n"));
  EXPECT_EQ(full.outcome, RequestOutcome::kRejected);
  EXPECT_EQ(full.status, 429);
  EXPECT_EQ(full.error_class, "http_429");
  EXPECT_EQ(full.id, "req-7");

  const RequestRecord broken = kept_of(ServedReply::of(500, "{}"));
  EXPECT_EQ(broken.outcome, RequestOutcome::kFailed);
  EXPECT_EQ(broken.error_class, "http_500");
  // What the endpoint says of no connection is its own; the status counts.
  const RequestRecord wrong =
      kept_of(ServedReply::of(400, R"({"error":{"message":"x: no connection: y"}})"));
  EXPECT_EQ(wrong.outcome, RequestOutcome::kClientError);
  EXPECT_EQ(wrong.error_class, "http_400");

  ServedReply reset;
  reset.reset = true;
  EXPECT_EQ(kept_of(reset).error_class, "connection_broken");
  ServedReply nonsense;
  nonsense.bytes = "SSH-2.0-OpenSSH\r\n\r\n";
  nonsense.close = true;
  EXPECT_EQ(kept_of(nonsense).error_class, "not_http");
  EXPECT_EQ(kept_of(ServedReply::of(200, "<html></html>", "text/html")).error_class, "not_openai");
  EXPECT_EQ(kept_of(ServedReply::of(200, "{")).error_class, "bad_reply");
  ServedReply late = ServedReply::of(200, "{}");
  late.delay_ms = 60'000;
  const RequestRecord timeout = kept_of(late, 0.2);
  EXPECT_EQ(timeout.outcome, RequestOutcome::kTimeout);
  EXPECT_EQ(timeout.error_class, "timeout");
}

}  // namespace
}  // namespace peira::runner
