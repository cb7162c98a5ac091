// An OpenAI-compatible endpoint as a model: hundreds of requests in flight on one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runner/endpoints/adaptive_limit.h"
#include "runner/endpoints/http_pool.h"
#include "runner/endpoints/model_client.h"
#include "runner/endpoints/openai_protocol.h"
#include "runner/endpoints/video_sending.h"

namespace peira::runner {

struct EndpointOptions {
  OpenAiApi api = OpenAiApi::kChat;
  int max_in_flight = 256;
  bool stream = false;
  double connect_timeout_s = 10;
  double idle_timeout_s = 600;  // without a byte; a reply that is not streamed comes at its end
  // Variable of the environment that holds the key; "": PEIRA_API_KEY, else OPENAI_API_KEY.
  std::string key_variable = {};
  std::vector<std::string> headers = {};      // "Name: value", sent and never stored
  OrderedJson extra = OrderedJson::object();  // more members of each request's body
  std::vector<std::string> omit = {};         // members of it that the server does not take
  std::string record = {};  // file to which all traffic is written, as RecordingTransport does
  std::string replay = {};  // such a file, that answers in the endpoint's place; no key is needed
  std::string video = "auto";  // see VideoSending
  bool video_sound = false;    // the server is asked to let videos be heard
};

// MODEL@URL: "gpt-x@https://api.openai.com/v1". The URL may carry a query, which goes with each
// request.
struct EndpointAddress {
  std::string model;
  std::string base;   // scheme, host, port and path, without a slash at its end
  std::string query;  // with its "?", or ""

  // throws  Error(kUsage): no MODEL@http(s)://..., or a user name or password inside.
  static EndpointAddress parse(const std::string& spec);
};

// Asking again is safe: completions change nothing at the endpoint, and the executor stores one
// answer whatever came before. What may pass (connection failures, replies cut short or malformed,
// 408, 409, 429, 5xx) is told as retryable; 400, 401, 403, 404 and the like are not. 429 and 503
// are told as throttled, with what Retry-After asks.
//
// A reply with the id and the text of the one before on its connection is that one, delivered
// twice: it is dropped with its connection, over which the real one may still come, unless the
// server is known to give all its replies one id: by the first replies of two connections.
//
// threads: one at a time.
class OpenAiClient : public ModelClient {
 public:
  // throws  Error(kUsage): a bad address, a key that a header cannot carry, both record and replay;
  //         Error(kUnavailable): libcurl cannot be started, the named variable is not set, a
  //         recording cannot be written or read; Error(kData): it is none.
  OpenAiClient(const std::string& spec, const EndpointOptions& options);

  std::string name() const override { return "openai:" + dialect_.model; }
  Json identity() const override;
  std::vector<std::string> notes() const override { return notes_; }
  int preferred_in_flight() const override { return limit_.limit(); }
  model::SamplingParams default_sampling() const override { return {}; }
  void prepare(const ResponseFormat& format) override;
  Json video_settings() const override;
  // Of a server that is sent the whole video nothing is known.
  std::optional<std::vector<std::int64_t>> frames_shown(std::int64_t total,
                                                        double fps) const override;
  std::int64_t submit(ModelRequest request) override;
  std::vector<Finished> poll() override;
  void cancel(std::int64_t ticket) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Flight {
    ModelRequest request;
    Clock::time_point started_at;
    std::string sent_id;  // X-Request-Id
    std::shared_ptr<struct StreamedReply> stream;
    bool uses_completion_tokens = false;
  };

  void start_waiting();
  void start(std::int64_t ticket, ModelRequest request);
  void take(std::int64_t ticket, Flight flight, HttpReply reply);
  ModelResponse response_of(const Flight& flight, const HttpReply& reply);
  bool is_delivered_twice(std::int64_t connection, const std::string& id,
                          const ModelResponse& response);
  std::string without_key(std::string text) const;

  EndpointAddress address_;
  EndpointOptions options_;
  OpenAiDialect dialect_;
  VideoSending video_;
  FrameMaker frames_;
  std::string key_;
  std::vector<std::string> notes_;
  std::unique_ptr<HttpTransport> http_;
  AdaptiveLimit limit_;
  std::int64_t next_ticket_ = 1;
  std::deque<std::pair<std::int64_t, ModelRequest>> waiting_;  // for room or the end of a pause
  std::map<std::int64_t, Flight> flights_;                     // by ticket
  std::map<std::int64_t, std::int64_t> tickets_;               // by the pool's ids
  std::vector<Finished> ready_;
  std::map<std::int64_t, std::string> last_replies_;  // digests, by connection
  std::string first_id_;
  bool ids_differ_ = false, ids_are_one_ = false;
  std::string run_nonce_;
};

}  // namespace peira::runner
