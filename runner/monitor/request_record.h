// A request to a model as it ended: what a monitor keeps of it. Never a prompt, an answer, a key or
// the text of an error, which may quote any of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace peira::runner {

enum class RequestOutcome {
  kOk,
  kClientError,  // what was asked cannot be: the client's to mend
  kRejected,     // turned away: too much to do, or stopping
  kTimeout,
  kCancelled,  // the client went away
  kFailed,     // the server, the engine or the way there
};
constexpr int kNumRequestOutcomes = 6;

// "ok", "client_error", "rejected", "timeout", "cancelled", "failed".
std::string_view to_string(RequestOutcome outcome);
// Empty: none of these.
std::optional<RequestOutcome> request_outcome_from(std::string_view name);

// Tokens of one kind of content, where they are told.
struct ModalityTokens {
  std::optional<std::int64_t> image, audio, video;
};

struct RequestRecord {
  std::string id;             // as the client was told it: "chatcmpl-..."
  std::string route;          // "chat", "completions", "loglikelihood"
  std::int64_t ended_ms = 0;  // since 1970
  bool is_streamed = false;
  double total_s = 0;                            // from arrival to the end
  std::optional<double> queue_s, first_token_s;  // from arrival; empty where unknown
  RequestOutcome outcome = RequestOutcome::kOk;
  int status = 0;           // of HTTP; 0 where unknown
  std::string error_class;  // of a small vocabulary: "queue_full", "invalid_request: stop"
  // Empty where unknown.
  std::optional<std::int64_t> prompt_tokens, cached_tokens, completion_tokens;
  std::int64_t num_images = 0, num_audios = 0, num_videos = 0;  // in the request
  ModalityTokens media_tokens = {};                             // of prompt_tokens
};

}  // namespace peira::runner
