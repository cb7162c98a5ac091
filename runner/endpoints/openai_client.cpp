#include "runner/endpoints/openai_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "runner/endpoints/server_sent_events.h"
#include "runner/endpoints/traffic.h"

namespace peira::runner {

// A stream's chunks as they come, and what was wrong with them.
struct StreamedReply {
  EventStream events;
  OpenAiStream chunks;
  std::string failure;

  bool take(std::string_view piece) {
    bool more = true;
    try {
      events.feed(piece, [&](std::string_view data) {
        if (more) more = chunks.take(data);
      });
    } catch (const Error& error) {
      failure = error.what();
      return false;
    }
    return more;
  }
};

namespace {

constexpr int kFirstInFlight = 16;
constexpr double kLongestPause_s = 600;

std::string environment(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  return value == nullptr ? std::string() : std::string(value);
}

std::string url_part(const std::string& url, CURLUPart part) {
  const std::unique_ptr<CURLU, void (*)(CURLU*)> handle(curl_url(), curl_url_cleanup);
  char* text = nullptr;
  if (curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(handle.get(), part, &text, 0) != CURLUE_OK) {
    return {};
  }
  std::string out(text);
  curl_free(text);
  return out;
}

bool is_local(const std::string& host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

// What Retry-After asks: seconds, or a date.
// source  RFC 9110, section 10.2.3.
std::chrono::milliseconds retry_after(const HttpReply& reply) {
  const auto bounded = [](double seconds) {
    return std::chrono::milliseconds(
        static_cast<std::int64_t>(std::clamp(seconds, 0.0, kLongestPause_s) * 1000));
  };
  const auto number = [](const std::string& text) -> std::optional<double> {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (end == text.c_str() || *end != '\0' || !std::isfinite(value)) return std::nullopt;
    return value;
  };
  if (const auto ms = number(reply.header("retry-after-ms"))) return bounded(*ms / 1000);
  const std::string text = reply.header("retry-after");
  if (text.empty()) return {};
  if (const auto seconds = number(text)) return bounded(*seconds);
  const std::time_t date = curl_getdate(text.c_str(), nullptr);
  if (date == -1) return {};
  return bounded(std::difftime(date, std::time(nullptr)));
}

// What must not be written down: the key, and what headers named like one carry.
std::vector<std::string> secrets_of(const std::string& key,
                                    const std::vector<std::string>& headers) {
  std::vector<std::string> out{key};
  for (const std::string& header : headers) {
    const std::size_t colon = header.find(':');
    std::string name = header.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto has = [&](const char* word) { return name.find(word) != std::string::npos; };
    if (!has("key") && !has("auth") && !has("token") && !has("secret") && !has("cookie")) continue;
    const std::size_t begin = header.find_last_of(" :") + 1;  // behind "Bearer" and the like
    out.push_back(header.substr(begin));
  }
  return out;
}

ModelResponse failed(std::string why, bool retryable) {
  ModelResponse response;
  response.finish_reason = "error";
  response.failure = std::move(why);
  response.retryable = retryable;
  return response;
}

ModelResponse failed_exchange(const HttpReply& reply, const std::string& base) {
  switch (reply.failure) {
    case HttpFailure::kAddress:
      return failed(base + ": " + reply.reason, false);
    case HttpFailure::kTls:
      return failed(base + ": no trusted TLS connection: " + reply.reason, false);
    case HttpFailure::kProtocol:
      return failed(base + " does not speak HTTP as expected: " + reply.reason, false);
    case HttpFailure::kTooLarge:
      return failed(base + " sent " + reply.reason, false);
    case HttpFailure::kTimeout: {
      ModelResponse response = failed(base + ": " + reply.reason, true);
      response.finish_reason = "timeout";
      return response;
    }
    case HttpFailure::kConnect:
      return failed(base + ": no connection: " + reply.reason, true);
    case HttpFailure::kBroken:
    case HttpFailure::kNone:
      break;
  }
  return failed(base + ": the connection broke: " + reply.reason, true);
}

}  // namespace

EndpointAddress EndpointAddress::parse(const std::string& spec) {
  const auto fail = [&](const std::string& why) {
    throw Error(ErrorCode::kUsage, "--model openai:" + spec + ": " + why +
                                       "\n  try: openai:MODEL@http://localhost:8000/v1");
  };
  std::size_t at = spec.find("@http://");
  if (at == std::string::npos) at = spec.find("@https://");
  if (at == std::string::npos) fail("not MODEL@URL, with an URL of http or https");
  EndpointAddress out;
  out.model = spec.substr(0, at);
  if (out.model.empty()) fail("names no model before the @");
  const std::string url = spec.substr(at + 1);
  if (url_part(url, CURLUPART_HOST).empty()) fail("\"" + url + "\" is no URL");
  if (!url_part(url, CURLUPART_USER).empty() || !url_part(url, CURLUPART_PASSWORD).empty()) {
    throw Error(ErrorCode::kUsage,
                "--model openai:...: an URL with a user name or password would be stored with the "
                "run\n  try: the key in the environment variable PEIRA_API_KEY");
  }
  const std::size_t query = url.find_first_of("?#");
  out.base = url.substr(0, query);
  if (query != std::string::npos && url[query] == '?') {
    out.query = url.substr(query, url.find('#', query) - query);
  }
  while (out.base.ends_with('/')) out.base.pop_back();
  return out;
}

OpenAiClient::OpenAiClient(const std::string& spec, const EndpointOptions& options)
    : address_(EndpointAddress::parse(spec)),
      options_(options),
      video_(VideoSending::parse(options.video, url_part(address_.base, CURLUPART_HOST))),
      frames_(video_),
      limit_(kFirstInFlight, std::max(1, options.max_in_flight)) {
  dialect_.api = options_.api;
  dialect_.model = address_.model;
  dialect_.stream = options_.stream;
  dialect_.omit = options_.omit;
  dialect_.extra = options_.extra;
  dialect_.video_sound = options_.video_sound;
  if (options_.video_sound && video_.num_frames > 0) {
    throw Error(ErrorCode::kUsage,
                "--video-sound: of a video this endpoint is sent pictures (--endpoint-video " +
                    video_.text() +
                    "), which carry no sound\n  try: without it; or --endpoint-video part, for a "
                    "server that takes whole videos");
  }
  if (options_.key_variable.empty()) {
    key_ = environment("PEIRA_API_KEY");
    if (key_.empty()) key_ = environment("OPENAI_API_KEY");
  } else {
    key_ = environment(options_.key_variable);
    if (key_.empty() && options_.replay.empty()) {
      throw Error(ErrorCode::kUnavailable,
                  "the environment variable " + options_.key_variable + " is not set");
    }
  }
  const auto breaks_header = [](const std::string& text) {
    return std::any_of(text.begin(), text.end(),
                       [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  };
  if (breaks_header(key_)) {
    throw Error(ErrorCode::kUsage, "the endpoint's key holds line breaks or control characters");
  }
  for (const std::string& header : options_.headers) {
    if (breaks_header(header) || header.find(':') == std::string::npos) {
      throw Error(ErrorCode::kUsage, "--endpoint-header: not one line \"Name: value\"");
    }
  }
  if (!options_.replay.empty()) {
    if (!options_.record.empty()) {
      throw Error(ErrorCode::kUsage,
                  "--endpoint-record and --endpoint-replay contradict each other");
    }
    http_ = std::make_unique<ReplayTransport>(options_.replay);
    notes_.push_back("replies come from the recording " + options_.replay + ", not from " +
                     address_.base);
  } else {
    http_ = std::make_unique<HttpPool>(std::max(1, options_.max_in_flight));
    if (!options_.record.empty()) {
      http_ = std::make_unique<RecordingTransport>(std::move(http_), options_.record,
                                                   secrets_of(key_, options_.headers));
    }
  }
  if (options_.replay.empty() && !key_.empty() && address_.base.starts_with("http://") &&
      !is_local(url_part(address_.base, CURLUPART_HOST))) {
    notes_.push_back("the key goes to " + address_.base + " unencrypted");
  }
  // Told apart in the endpoint's log; no result depends on it.
  std::random_device entropy;
  run_nonce_ =
      sha256_hex(std::to_string(entropy()) + "." + std::to_string(entropy())).substr(0, 12);
}

Json OpenAiClient::identity() const {
  Json engine{{"kind", "openai"},
              {"api", options_.api == OpenAiApi::kChat ? "chat" : "completions"},
              {"extra", Json(dialect_.extra)},
              {"omit", dialect_.omit}};
  return {{"weights", {{"endpoint", address_.base + address_.query}, {"model", address_.model}}},
          {"tokenizer", nullptr},
          {"template", nullptr},
          {"engine", std::move(engine)}};
}

Json OpenAiClient::video_settings() const {
  if (video_.num_frames == 0) {
    Json sent{{"sent", "part"}};
    if (options_.video_sound) sent["use_audio_in_video"] = true;
    return sent;
  }
  Json sent{{"sent", "frames"}, {"frames", video_.num_frames}, {"jpeg_quality", kFrameQuality}};
  if (video_.longest_side > 0) sent["longest_side"] = video_.longest_side;
  return sent;
}

std::optional<std::vector<std::int64_t>> OpenAiClient::frames_shown(std::int64_t total,
                                                                    double) const {
  if (video_.num_frames == 0) return std::nullopt;
  return video_.frames(total);
}

void OpenAiClient::prepare(const ResponseFormat& format) {
  if (format.kind == ResponseFormat::Kind::kRegex) {
    throw Error(ErrorCode::kUsage, format.where +
                                       ": the OpenAI protocol asks for JSON schemas, not for "
                                       "patterns");
  }
  if (!format.is_free() && options_.api == OpenAiApi::kCompletions) {
    throw Error(
        ErrorCode::kUsage,
        format.where + ": completions cannot be held to a schema\n  try: --endpoint-api chat");
  }
}

std::int64_t OpenAiClient::submit(ModelRequest request) {
  const std::int64_t ticket = next_ticket_++;
  waiting_.emplace_back(ticket, std::move(request));
  start_waiting();
  return ticket;
}

void OpenAiClient::start_waiting() {
  if (waiting_.empty() || Clock::now() < limit_.paused_until()) return;
  while (!waiting_.empty() && static_cast<int>(flights_.size()) < limit_.limit()) {
    auto [ticket, request] = std::move(waiting_.front());
    waiting_.pop_front();
    try {
      start(ticket, std::move(request));
    } catch (const Error& failure) {
      if (failure.code() == ErrorCode::kInternal) throw;
      const std::string text = failure.what();
      ready_.push_back({ticket, failed(text.substr(0, text.find('\n')), false)});
    }
  }
}

void OpenAiClient::start(std::int64_t ticket, ModelRequest request) {
  const bool is_chat = options_.api == OpenAiApi::kChat;
  Flight flight;
  flight.uses_completion_tokens = dialect_.completion_tokens_field;
  flight.sent_id = run_nonce_ + "-" + std::to_string(ticket);
  HttpRequest http;
  http.url = address_.base + (is_chat ? "/chat/completions" : "/completions") + address_.query;
  if (video_.num_frames == 0) {
    http.body = dump_json(openai_body(request, dialect_));
  } else {
    ModelRequest sent = request;
    sent.messages = frames_.sendable(request.messages);
    http.body = dump_json(openai_body(sent, dialect_));
  }
  http.headers = {"Content-Type: application/json", "Accept: application/json, text/event-stream",
                  "X-Request-Id: " + flight.sent_id,
                  "Expect:"};  // a wait for "100 Continue" would cost a second at many servers
  if (!key_.empty()) http.headers.push_back("Authorization: Bearer " + key_);
  for (const std::string& header : options_.headers) http.headers.push_back(header);
  const auto milliseconds = [](double seconds) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(std::max(0.001, seconds) * 1000));
  };
  http.connect_timeout = milliseconds(options_.connect_timeout_s);
  http.idle_timeout = milliseconds(options_.idle_timeout_s);
  if (dialect_.stream && request.continuations.empty()) {
    flight.stream = std::make_shared<StreamedReply>();
    http.on_piece = [stream = flight.stream](std::string_view piece) {
      return stream->take(piece);
    };
  }
  flight.request = std::move(request);
  flight.started_at = Clock::now();
  tickets_[http_->start(std::move(http))] = ticket;
  flights_.emplace(ticket, std::move(flight));
}

bool OpenAiClient::is_delivered_twice(std::int64_t connection, const std::string& id,
                                      const ModelResponse& response) {
  if (id.empty()) return false;
  // The first reply of a connection is no other's second delivery: its id tells of the server.
  const bool is_first_here = !last_replies_.contains(connection);
  if (!first_id_.empty() && is_first_here && id == first_id_) ids_are_one_ = true;
  if (first_id_.empty()) first_id_ = id;
  ids_differ_ = ids_differ_ || id != first_id_;
  // The text counts too: some servers number replies by the second, or by the connection.
  std::string digest = sha256_hex(id + "\n" + response.text + "\n" + response.reasoning);
  std::string& last = last_replies_[connection];
  const bool is_again = (ids_differ_ || !ids_are_one_) && last == digest;
  last = std::move(digest);
  return is_again;
}

std::string OpenAiClient::without_key(std::string text) const {
  if (key_.size() < 4) return text;
  for (std::size_t at = text.find(key_); at != std::string::npos; at = text.find(key_, at)) {
    text.replace(at, key_.size(), "[key]");
  }
  return text;
}

ModelResponse OpenAiClient::response_of(const Flight& flight, const HttpReply& reply) {
  if (reply.failure != HttpFailure::kNone) return failed_exchange(reply, address_.base);
  const std::string status = address_.base + " answered " + std::to_string(reply.status);
  if (reply.status == 200) {
    std::string id;
    ModelResponse response;
    if (flight.stream) {
      if (!flight.stream->failure.empty()) return failed(flight.stream->failure, true);
      response = flight.stream->chunks.response();
      id = flight.stream->chunks.id();
    } else {
      const std::string type = reply.header("content-type");
      if (type.starts_with("text/html")) {
        return failed(
            address_.base + " answered with an HTML page: not an endpoint of the OpenAI protocol",
            false);
      }
      response = read_openai_reply(reply.body, flight.request, dialect_, &id);
    }
    if (is_delivered_twice(reply.connection, id, response)) {
      http_->retire(reply.connection);
      return failed(address_.base + ": a reply was delivered twice", true);
    }
    return response;
  }
  std::string told = openai_error_text(reply.body);
  if (!told.empty()) told = ": " + told;
  if (reply.status >= 300 && reply.status < 400) {
    return failed(
        status + ", a redirect to " + reply.header("location") + "\n  try: that address itself",
        false);
  }
  if (reply.status == 404) {
    told += told.empty() ? " (is the path right? it usually ends in /v1)" : "";
  }
  // Servers that take no such part name it: "Invalid value: 'video_url'".
  if (reply.status == 400 && reply.body.find("video_url") != std::string::npos) {
    told += " (try: --endpoint-video frames:32, for a server that takes pictures alone)";
  }
  const bool passes = reply.status == 408 || reply.status == 409 || reply.status == 425 ||
                      reply.status == 429 || reply.status >= 500;
  ModelResponse response = failed(status + told, passes && reply.status != 501);
  if (reply.status == 429 || reply.status == 503) {
    response.throttled = true;
    response.retry_after_s = std::chrono::duration<double>(retry_after(reply)).count();
  }
  return response;
}

void OpenAiClient::take(std::int64_t ticket, Flight flight, HttpReply reply) {
  const Clock::time_point now = Clock::now();
  // A model that wants the other name for the same limit is asked by that from here on.
  if (reply.status == 400 && !flight.uses_completion_tokens &&
      reply.body.find("max_completion_tokens") != std::string::npos &&
      options_.api == OpenAiApi::kChat) {
    dialect_.completion_tokens_field = true;
    waiting_.emplace_front(ticket, std::move(flight.request));
    return;
  }
  ModelResponse response = response_of(flight, reply);
  if (response.throttled) {
    limit_.rejected(
        flight.started_at, now,
        std::chrono::milliseconds(static_cast<std::int64_t>(response.retry_after_s * 1000)));
  } else if (reply.failure == HttpFailure::kConnect || reply.failure == HttpFailure::kTimeout) {
    limit_.rejected(flight.started_at, now, {});
  } else if (reply.status == 200) {
    limit_.succeeded(flight.started_at, now);
  }
  response.latency_s = reply.seconds;
  response.failure = without_key(std::move(response.failure));
  if (!response.failure.empty()) {
    // The endpoint's own log can be searched for either.
    const std::string theirs = reply.header("x-request-id");
    response.failure = response.failure.substr(0, response.failure.find('\n')) + " [request " +
                       (theirs.empty() ? flight.sent_id : theirs.substr(0, 100)) + "]";
  }
  ready_.push_back({ticket, std::move(response)});
}

std::vector<ModelClient::Finished> OpenAiClient::poll() {
  constexpr std::chrono::milliseconds kPatience{50};
  start_waiting();
  if (ready_.empty() && !flights_.empty()) {
    for (HttpTransport::Finished& finished : http_->poll(kPatience)) {
      const auto ticket = tickets_.find(finished.id);
      if (ticket == tickets_.end()) continue;
      const auto flight = flights_.find(ticket->second);
      Flight taken = std::move(flight->second);
      const std::int64_t number = ticket->second;
      flights_.erase(flight);
      tickets_.erase(ticket);
      take(number, std::move(taken), std::move(finished.reply));
    }
    start_waiting();
  } else if (ready_.empty() && !waiting_.empty()) {
    std::this_thread::sleep_for(std::min<Clock::duration>(
        kPatience,
        std::max<Clock::duration>(Clock::duration::zero(), limit_.paused_until() - Clock::now())));
  }
  return std::exchange(ready_, {});
}

void OpenAiClient::cancel(std::int64_t ticket) {
  ModelResponse response;
  response.finish_reason = "timeout";
  const auto waiting = std::find_if(waiting_.begin(), waiting_.end(),
                                    [&](const auto& item) { return item.first == ticket; });
  if (waiting != waiting_.end()) {
    waiting_.erase(waiting);
  } else {
    const auto flight = flights_.find(ticket);
    if (flight == flights_.end()) return;
    const auto id = std::find_if(tickets_.begin(), tickets_.end(),
                                 [&](const auto& item) { return item.second == ticket; });
    http_->cancel(id->first);
    tickets_.erase(id);
    limit_.rejected(flight->second.started_at, Clock::now(), {});
    flights_.erase(flight);
  }
  ready_.push_back({ticket, std::move(response)});
}

}  // namespace peira::runner
