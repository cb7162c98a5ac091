#include "runner/monitor/recorded_client.h"

#include <array>
#include <charconv>
#include <string_view>

#include "runner/durations.h"

namespace peira::runner {
namespace {

// Failures without a reply, by the words of the endpoint's client (openai_client.cpp).
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kFailures{
    {{": no connection: ", "no_connection"},
     {": the connection broke: ", "connection_broken"},
     {": no trusted TLS connection: ", "tls"},
     {" does not speak HTTP as expected: ", "not_http"},
     {": a reply was delivered twice", "delivered_twice"},
     {" answered with an HTML page", "not_openai"},
     {" sent more than ", "too_large"}}};

// The status in "BASE answered 503: ..."; 0: none is told.
int status_in(std::string_view failure) {
  constexpr std::string_view kAnswered = " answered ";
  const std::size_t at = failure.find(kAnswered);
  if (at == std::string_view::npos) return 0;
  const char* const begin = failure.data() + at + kAnswered.size();
  int status = 0;
  const auto [end, error] = std::from_chars(begin, failure.data() + failure.size(), status);
  return error == std::errc() && end == begin + 3 && status >= 100 ? status : 0;
}

// The id in "... [request ID]".
std::string id_in(std::string_view failure) {
  constexpr std::string_view kRequest = " [request ";
  const std::size_t at = failure.rfind(kRequest);
  if (at == std::string_view::npos || !failure.ends_with(']')) return {};
  return std::string(
      failure.substr(at + kRequest.size(), failure.size() - at - kRequest.size() - 1));
}

}  // namespace

void take_outcome(const ModelResponse& response, RequestRecord& record) {
  if (response.finish_reason == "timeout") {
    record.outcome = RequestOutcome::kTimeout;
    record.error_class = "timeout";
    record.id = id_in(response.failure);
    return;
  }
  if (response.failure.empty()) {
    record.outcome = RequestOutcome::kOk;
    record.status = 200;
    return;
  }
  record.id = id_in(response.failure);
  record.status = status_in(response.failure);
  if (record.status > 0) {
    record.error_class = "http_" + std::to_string(record.status);
    const bool is_theirs = record.status >= 400 && record.status < 500 && record.status != 408;
    record.outcome = response.throttled ? RequestOutcome::kRejected
                     : is_theirs        ? RequestOutcome::kClientError
                                        : RequestOutcome::kFailed;
    return;
  }
  record.outcome = RequestOutcome::kFailed;
  record.error_class = "bad_reply";
  for (const auto& [words, name] : kFailures) {
    if (response.failure.find(words) == std::string::npos) continue;
    record.error_class = name;
    break;
  }
}

std::int64_t RecordedClient::submit(ModelRequest request) {
  Flight flight;
  flight.record.route = request.continuations.empty() ? "chat" : "loglikelihood";
  for (const Message& message : request.messages) {
    for (const Part& part : message.parts) {
      if (part.kind == PartKind::kImage) ++flight.record.num_images;
      if (part.kind == PartKind::kAudio) ++flight.record.num_audios;
      if (part.kind == PartKind::kVideo) ++flight.record.num_videos;
    }
  }
  flight.began = Clock::now();
  const std::int64_t ticket = inner_.submit(std::move(request));
  flights_.insert_or_assign(ticket, std::move(flight));
  return ticket;
}

std::vector<ModelClient::Finished> RecordedClient::poll() {
  std::vector<Finished> finished = inner_.poll();
  for (const Finished& one : finished) {
    auto node = flights_.extract(one.ticket);
    if (node.empty()) continue;
    const ModelResponse& response = one.response;
    RequestRecord& record = node.mapped().record;
    record.ended_ms = wall_clock_ms();
    // The exchange's own time, without its waiting here for a place.
    record.total_s =
        response.latency_s > 0
            ? response.latency_s
            : std::chrono::duration<double>(Clock::now() - node.mapped().began).count();
    take_outcome(response, record);
    if (response.num_prompt_tokens > 0) record.prompt_tokens = response.num_prompt_tokens;
    const auto told = [](std::int64_t count) {
      return count > 0 ? std::optional(count) : std::nullopt;
    };
    record.media_tokens = {told(response.num_image_tokens), told(response.num_audio_tokens),
                           told(response.num_video_tokens)};
    if (response.num_completion_tokens > 0) {
      record.completion_tokens = response.num_completion_tokens;
    }
    log_.record(std::move(record));
  }
  return finished;
}

}  // namespace peira::runner
