#include "runner/serve/server.h"

#include <httplib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "runner/serve/api.h"
#include "runner/serve/engine_service.h"

namespace peira::runner {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLook{200};  // how long a reply waits for the engine at once
// How often a reply that is being made sends white space, which JSON has before its values at no
// cost: writing is what tells that a client has gone, and proxies see that there is life.
constexpr std::chrono::seconds kSignOfLife{1};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Equal lengths take equal time, wherever they differ.
bool is_same_secret(const std::string& a, const std::string& b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return difference == 0;
}

void answer(httplib::Response& response, int status, const std::string& body) {
  response.status = status;
  response.set_content(body, "application/json");
}

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

struct Server::Impl {
  Impl(model::LanguageModel& language_model, ServerOptions given)
      : model(language_model),
        dialect(language_model.has_chat_template()
                    ? tool_dialect_of(language_model.template_source())
                    : ToolDialect::kNone),
        options(std::move(given)),
        service(language_model, options.most_requests) {}

  // A request that is being answered: what is told of it when it has ended. Lives as long as the
  // library's response, so to the last byte written, and is an open reply all that while: one that
  // was counted only once the engine had taken it could be cut off by a server that stops.
  struct Exchange {
    explicit Exchange(std::atomic<int>& open_replies) : open_replies_(open_replies) {
      ++open_replies_;
    }
    ~Exchange() { --open_replies_; }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    Clock::time_point began = Clock::now();
    ServedRequest served;
    ApiRequest request;
    ReplyHead head;
    std::shared_ptr<Generation> generation;
    std::vector<std::optional<model::TextResult>> results;
    std::vector<bool> has_begun;          // of streamed choices
    std::vector<ToolCallReader> readers;  // a choice each; none: what is written is said
    std::vector<std::size_t> num_calls;   // of each choice, streamed so far
    std::size_t ended = 0;
    Clock::time_point wrote_at = Clock::now();

   private:
    std::atomic<int>& open_replies_;
  };

  void route();
  void record(Exchange& exchange, int status, const std::string& outcome, const std::string& error,
              const std::string& error_class);
  bool is_allowed(const httplib::Request& request, httplib::Response& response) const;
  void complete(ServedApi api, const httplib::Request& request, httplib::Response& response);
  bool send_stream(Exchange& exchange, httplib::DataSink& sink);
  std::string reply_to(Exchange& exchange) const;
  bool send_whole(Exchange& exchange, httplib::DataSink& sink);
  std::vector<model::TextResult> take_results(Exchange& exchange) const;
  TokenSpelling spelling() const {
    return [this](std::int32_t token) { return model.token_bytes(token); };
  }

  model::LanguageModel& model;
  ToolDialect dialect;
  ServerOptions options;
  ServerMetrics metrics;
  std::atomic<std::int64_t> next_id{1};
  std::atomic<int> open_replies{0};  // exchanges
  std::string nonce;
  int port = 0;
  socket_t listener = INVALID_SOCKET;
  EngineService service;
  httplib::Server http;
};

void Server::Impl::record(Exchange& exchange, int status, const std::string& outcome,
                          const std::string& error, const std::string& error_class) {
  ServedRequest& served = exchange.served;
  if (!served.outcome.empty()) return;
  served.status = status;
  served.outcome = outcome;
  served.error = error.substr(0, error.find('\n'));
  served.error_class = error_class;
  served.total_s = seconds_since(exchange.began);
  if (exchange.generation) {
    served.queue_s = exchange.generation->queue_seconds();
    served.first_token_s = exchange.generation->first_token_seconds();
  }
  for (std::size_t i = 0; i < exchange.results.size(); ++i) {
    if (!exchange.results[i]) continue;
    const model::TextResult& result = *exchange.results[i];
    if (i % static_cast<std::size_t>(exchange.request.num_choices) == 0) {
      served.prompt_tokens += std::ssize(result.prompt_tokens);
      served.cached_tokens += result.tokens.num_cached_tokens;
      served.image_tokens += result.usage.image_tokens;
      served.audio_tokens += result.usage.audio_tokens;
      served.video_tokens += result.usage.video_tokens;
    }
    served.completion_tokens += std::ssize(result.tokens.tokens);
  }
  metrics.record(served);
  if (options.on_request) options.on_request(served);
}

bool Server::Impl::is_allowed(const httplib::Request& request, httplib::Response& response) const {
  if (options.api_key.empty()) return true;
  if (is_same_secret(request.get_header_value("Authorization"), "Bearer " + options.api_key)) {
    return true;
  }
  response.set_header("WWW-Authenticate", "Bearer");
  answer(response, 401,
         api_error("the API key is missing or wrong", "authentication_error", "invalid_api_key"));
  return false;
}

std::vector<model::TextResult> Server::Impl::take_results(Exchange& exchange) const {
  std::vector<model::TextResult> out;
  for (const auto& result : exchange.results) out.push_back(*result);
  return out;
}

void Server::Impl::complete(ServedApi api, const httplib::Request& request,
                            httplib::Response& response) {
  auto exchange = std::make_shared<Exchange>(open_replies);
  exchange->served.began_at = seconds_since_1970();
  exchange->served.api = api == ServedApi::kChat ? "chat" : "completions";
  exchange->served.id =
      (api == ServedApi::kChat ? "chatcmpl-" : "cmpl-") + nonce + "-" + std::to_string(next_id++);
  response.set_header("X-Request-Id", exchange->served.id);
  // code  for clients; also the class under which the monitor counts it, where there is one.
  const auto refuse = [&](int status, const std::string& outcome, const std::string& error_class,
                          const std::string& message, const std::string& type,
                          const std::string& code = "") {
    answer(response, status, api_error(message, type, code));
    record(*exchange, status, outcome, message, error_class);
  };
  if (!is_allowed(request, response)) {
    return record(*exchange, 401, "client_error", "the API key is missing or wrong",
                  "invalid_api_key");
  }
  try {
    exchange->request = read_api_request(api, parse_ordered_json(request.body, "body"),
                                         {.sampling = model.default_sampling(),
                                          .taken = {.images = model.takes(PartKind::kImage),
                                                    .sounds = model.takes(PartKind::kAudio),
                                                    .videos = model.takes(PartKind::kVideo)}});
  } catch (const Error& error) {
    return refuse(400, "client_error", refusal_class(error.what()), error.what(),
                  "invalid_request_error");
  }
  ApiRequest& asked = exchange->request;
  exchange->served.is_streamed = asked.stream;
  exchange->served.media = asked.media;
  if (!asked.model.empty() && asked.model != options.model_name) {
    return refuse(
        404, "client_error", "model_not_found",
        "the model \"" + asked.model + "\" is not served here; \"" + options.model_name + "\" is",
        "invalid_request_error", "model_not_found");
  }
  const std::size_t num_choices =
      asked.prompts.size() * static_cast<std::size_t>(asked.num_choices);
  exchange->results.resize(num_choices);
  exchange->has_begun.resize(num_choices, false);
  exchange->head = {exchange->served.id, std::time(nullptr), options.model_name,
                    options.fingerprint};
  // Channels are read in any case, or thoughts would stand in the answer.
  const bool reads =
      api == ServedApi::kChat &&
      (dialect == ToolDialect::kHarmony || (dialect != ToolDialect::kNone && !asked.tools.empty()));
  if (asked.must_call && dialect == ToolDialect::kNone) {
    return refuse(400, "client_error", "invalid_request: tool_choice",
                  "tool_choice: the chat template of this model knows no tools",
                  "invalid_request_error");
  }
  if (reads) {
    // A call that is held to its form has no marks.
    const ToolDialect written = asked.must_call ? ToolDialect::kLlama : dialect;
    exchange->readers.assign(num_choices, ToolCallReader(written, asked.tools));
    exchange->num_calls.resize(num_choices, 0);
    asked.prompts[0].shown_special = tool_marks(written);
  }
  exchange->generation = service.submit(asked);
  if (!exchange->generation) {
    if (const auto broken = service.broken()) {
      return refuse(500, "failed", "engine_broken", "the engine broke: " + *broken, "server_error");
    }
    if (service.is_closed()) {
      return refuse(503, "rejected", "stopping", "the server is stopping", "server_error");
    }
    response.set_header("Retry-After", "1");
    return refuse(429, "rejected", "queue_full",
                  std::to_string(options.most_requests) + " requests are being answered already",
                  "rate_limit_error", "rate_limit_exceeded");
  }
  if (const auto failure = exchange->generation->wait_taken()) {
    const bool is_theirs = failure->code == ErrorCode::kUsage || failure->code == ErrorCode::kData;
    if (is_theirs) {
      return refuse(400, "client_error", refusal_class(failure->message), failure->message,
                    "invalid_request_error");
    }
    const bool is_stopping = failure->code == ErrorCode::kUnavailable;
    return refuse(is_stopping ? 503 : 500, is_stopping ? "rejected" : "failed",
                  is_stopping ? "stopping" : "engine_broken", failure->message, "server_error");
  }
  const bool streams = asked.stream;
  // Whole replies too go out by a provider, so that a client's going away is seen.
  response.set_chunked_content_provider(
      streams ? "text/event-stream" : "application/json",
      [this, exchange, streams](std::size_t, httplib::DataSink& sink) {
        try {
          return streams ? send_stream(*exchange, sink) : send_whole(*exchange, sink);
        } catch (const std::exception& error) {
          record(*exchange, 500, "failed", error.what(), "internal");
          return false;
        }
      },
      [this, exchange](bool) {
        if (!exchange->served.outcome.empty()) return;
        exchange->generation->cancel();
        record(*exchange, 499, "cancelled", "the client went away", "client_gone");
      });
}

std::string Server::Impl::reply_to(Exchange& exchange) const {
  std::vector<model::TextResult> results = take_results(exchange);
  std::vector<std::vector<ToolCall>> calls(exchange.readers.size());
  for (std::size_t i = 0; i < exchange.readers.size(); ++i) {
    ToolCallReader& reader = exchange.readers[i];
    model::TextResult& result = results[i];
    for (ToolCallReader::Piece piece :
         {reader.push({std::exchange(result.text, {}), std::exchange(result.reasoning, {})}),
          reader.finish()}) {
      result.text += piece.text;
      result.reasoning += piece.reasoning;
      calls[i].insert(calls[i].end(), piece.calls.begin(), piece.calls.end());
    }
  }
  return dump_json(api_reply(exchange.request, exchange.head, results, spelling(), calls));
}

bool Server::Impl::send_whole(Exchange& exchange, httplib::DataSink& sink) {
  while (const auto event = exchange.generation->next(kLook)) {
    if (!event->result) continue;
    exchange.results[static_cast<std::size_t>(event->choice)] = *event->result;
    ++exchange.ended;
  }
  if (exchange.ended < exchange.results.size()) {
    if (!exchange.generation->is_done()) {
      if (Clock::now() - exchange.wrote_at < kSignOfLife) return true;
      exchange.wrote_at = Clock::now();
      return sink.write(" ", 1);
    }
    // The engine went away under it; the status is out already.
    record(exchange, 500, "failed", "the answer was cut off", "cut_off");
    return false;
  }
  const std::string body = reply_to(exchange);
  if (!sink.write(body.data(), body.size())) return false;
  record(exchange, 200, "ok", "", "");
  sink.done();
  return true;
}

bool Server::Impl::send_stream(Exchange& exchange, httplib::DataSink& sink) {
  const auto send = [&](const OrderedJson& chunk) {
    const std::string event = "data: " + dump_json(chunk) + "\n\n";
    return sink.write(event.data(), event.size());
  };
  const auto event = exchange.generation->next(kLook);
  if (!event) {
    if (!exchange.generation->is_done()) {
      if (Clock::now() - exchange.wrote_at < kSignOfLife) return true;
      exchange.wrote_at = Clock::now();
      constexpr std::string_view kComment = ": \n\n";
      return sink.write(kComment.data(), kComment.size());
    }
    if (exchange.ended < exchange.results.size()) {
      const std::string failure =
          "data: " + api_error("the answer was cut off", "server_error") + "\n\n";
      sink.write(failure.data(), failure.size());
      record(exchange, 500, "failed", "the answer was cut off", "cut_off");
      sink.done();
      return true;
    }
    if (exchange.request.stream_usage &&
        !send(api_usage_chunk(exchange.request, exchange.head, take_results(exchange)))) {
      return false;
    }
    constexpr std::string_view kDone = "data: [DONE]\n\n";
    if (!sink.write(kDone.data(), kDone.size())) return false;
    record(exchange, 200, "ok", "", "");
    sink.done();
    return true;
  }
  const auto choice = static_cast<std::size_t>(event->choice);
  const bool is_first = !exchange.has_begun[choice];
  exchange.has_begun[choice] = true;
  if (is_first && exchange.request.api == ServedApi::kChat &&
      !send(api_chunk(exchange.request, exchange.head, event->choice, {}, true))) {
    return false;
  }
  const auto send_piece = [&](const ToolCallReader::Piece& piece) {
    const model::TextDelta delta{piece.text, piece.reasoning};
    if (!(delta.text.empty() && delta.reasoning.empty()) &&
        !send(api_chunk(exchange.request, exchange.head, event->choice, delta, false))) {
      return false;
    }
    if (piece.calls.empty()) return true;
    const std::size_t before = exchange.num_calls[choice];
    exchange.num_calls[choice] += piece.calls.size();
    return send(
        api_call_chunk(exchange.request, exchange.head, event->choice, piece.calls, before));
  };
  const bool reads = !exchange.readers.empty();
  if (!event->result) {
    if (reads) return send_piece(exchange.readers[choice].push(event->delta));
    return send(api_chunk(exchange.request, exchange.head, event->choice, event->delta, false));
  }
  exchange.results[choice] = *event->result;
  ++exchange.ended;
  if (reads && !send_piece(exchange.readers[choice].finish())) return false;
  return send(api_last_chunk(exchange.request, exchange.head, event->choice, *event->result,
                             spelling(), reads && exchange.num_calls[choice] > 0));
}

void Server::Impl::route() {
  std::random_device entropy;
  nonce = sha256_hex(std::to_string(entropy()) + std::to_string(entropy())).substr(0, 8);
  // A thread a connection: those that are answered, those to be turned away, and who only looks.
  if (options.num_dropped) metrics.watch_drops(options.num_dropped);
  const auto threads = static_cast<std::size_t>(std::min(options.most_requests + 64, 2048));
  http.new_task_queue = [threads] { return new httplib::ThreadPool(threads); };
  constexpr std::size_t kMostBody = std::size_t{64} << 20U;
  http.set_payload_max_length(kMostBody);
  http.set_keep_alive_max_count(1'000'000);
  http.set_keep_alive_timeout(5);
  http.set_tcp_nodelay(true);
  // Without SO_REUSEPORT, which would let a second server share the port unseen.
  http.set_socket_options([this](socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    listener = socket;
  });
  http.Post("/v1/chat/completions", [this](const auto& request, auto& response) {
    complete(ServedApi::kChat, request, response);
  });
  http.Post("/v1/completions", [this](const auto& request, auto& response) {
    complete(ServedApi::kCompletions, request, response);
  });
  const auto started = std::time(nullptr);
  http.Get("/v1/models", [this, started](const auto& request, auto& response) {
    if (!is_allowed(request, response)) return;
    answer(
        response, 200,
        dump_json(OrderedJson{
            {"object", "list"},
            {"data", OrderedJson::array({{{"id", options.model_name},
                                          {"object", "model"},
                                          {"created", started},
                                          {"owned_by", "peira"},
                                          {"max_model_len",
                                           model.engine().config().max_position_embeddings}}})}}));
  });
  http.Get("/health", [this](const auto&, auto& response) {
    const auto broken = service.broken();
    const bool is_well = !broken && !service.is_closed();
    answer(response, is_well ? 200 : 503,
           dump_json(OrderedJson{{"status", broken    ? "broken"
                                            : is_well ? "ok"
                                                      : "stopping"}}));
  });
  http.Get("/metrics", [this](const auto&, auto& response) {
    const int waiting = service.num_waiting();
    response.set_content(metrics.text(service.num_open() - waiting, waiting),
                         "text/plain; version=0.0.4; charset=utf-8");
  });
  const auto text_route = [this](const std::string& path, auto deed) {
    http.Post(path, [this, deed](const httplib::Request& request, httplib::Response& response) {
      if (!is_allowed(request, response)) return;
      try {
        answer(response, 200, dump_json(deed(parse_json(request.body, "body"))));
      } catch (const Error& error) {
        answer(response, 400, api_error(error.what(), "invalid_request_error"));
      }
    });
  };
  text_route("/tokenize", [this](const Json& body) {
    const Json& text = require(body, "prompt", "body");
    if (!text.is_string()) throw Error(ErrorCode::kUsage, "prompt: not a text");
    const std::vector<std::int32_t> tokens = model.encode_prompt(text.get<std::string>());
    return OrderedJson{{"tokens", tokens}, {"count", tokens.size()}};
  });
  text_route("/detokenize", [this](const Json& body) {
    const Json& list = require(body, "tokens", "body");
    std::vector<std::int32_t> tokens;
    for (const Json& token : list) {
      if (!token.is_number_unsigned() || token.get<std::uint64_t>() > 0x7FFFFFFFU) {
        throw Error(ErrorCode::kUsage, "tokens: holds something that is no token id");
      }
      tokens.push_back(token.get<std::int32_t>());
    }
    return OrderedJson{{"prompt", model.decode(tokens, false)}};
  });
  http.set_error_handler([](const httplib::Request& request, httplib::Response& response) {
    if (!response.body.empty()) return;
    const int status = response.status;
    const std::string what = status == 404 ? "no such path: " + request.method + " " + request.path
                             : status == 413 ? "the body is too large"
                                             : "bad request";
    response.set_content(api_error(what, "invalid_request_error"), "application/json");
  });
  http.set_exception_handler(
      [](const httplib::Request&, httplib::Response& response, std::exception_ptr thrown) {
        std::string what = "unknown";
        try {
          std::rethrow_exception(thrown);
        } catch (const std::exception& error) {
          what = error.what();
        } catch (...) {
          // Not ours: its kind is all that can be told.
        }
        answer(response, 500, api_error(what, "server_error"));
      });
}

Server::Server(model::LanguageModel& model, ServerOptions options)
    : impl_(std::make_unique<Impl>(model, std::move(options))) {
  Impl& self = *impl_;
  self.route();
  const std::string place = self.options.host + ":" + std::to_string(self.options.port);
  if (self.options.port == 0) {
    self.port = self.http.bind_to_any_port(self.options.host);
  } else {
    self.port =
        self.http.bind_to_port(self.options.host, self.options.port) ? self.options.port : -1;
  }
  if (self.port <= 0) {
    throw Error(ErrorCode::kUnavailable,
                place +
                    ": the port is in use, or not to be bound by this user\n  try: --port 0, "
                    "which takes a free one");
  }
  // The library leaves room for five that are not accepted yet; a burst of clients needs more.
  constexpr int kBacklog = 1024;
  ::listen(self.listener, kBacklog);
}

Server::~Server() {
  impl_->service.close();
  impl_->http.stop();
}

int Server::port() const { return impl_->port; }
void Server::serve() { impl_->http.listen_after_bind(); }
void Server::stop_accepting() { impl_->service.close(); }
int Server::num_open() const { return impl_->service.num_open(); }

bool Server::finish(double grace_s) {
  impl_->service.close();
  const bool all = impl_->service.drain(
      std::chrono::milliseconds(static_cast<std::int64_t>(std::max(0.0, grace_s) * 1000)));
  // The library cuts off what is being written when it stops.
  constexpr std::chrono::seconds kToWrite{5};
  const Clock::time_point until = Clock::now() + kToWrite;
  while (all && impl_->open_replies > 0 && Clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  impl_->http.stop();
  return all;
}

}  // namespace peira::runner
