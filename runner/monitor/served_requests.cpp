#include "runner/monitor/served_requests.h"

#include <cmath>

namespace peira::runner {

RequestRecord request_record_of(const ServedRequest& request) {
  RequestRecord record;
  record.id = request.id;
  record.route = request.api;
  record.ended_ms = std::llround((request.began_at + request.total_s) * 1000);
  record.is_streamed = request.is_streamed;
  record.total_s = request.total_s;
  record.queue_s = request.queue_s;
  record.first_token_s = request.first_token_s;
  record.outcome = request_outcome_from(request.outcome).value_or(RequestOutcome::kFailed);
  record.status = request.status;
  record.error_class = request.error_class;
  // Of a request that never reached the engine nothing was counted.
  if (request.queue_s) {
    record.prompt_tokens = request.prompt_tokens;
    record.cached_tokens = request.cached_tokens;
    record.completion_tokens = request.completion_tokens;
  }
  record.num_images = request.media.images;
  record.num_audios = request.media.sounds;
  record.num_videos = request.media.videos;
  const auto counted = [](std::int64_t tokens) {
    return tokens > 0 ? std::optional(tokens) : std::nullopt;
  };
  record.media_tokens = {counted(request.image_tokens), counted(request.audio_tokens),
                         counted(request.video_tokens)};
  return record;
}

}  // namespace peira::runner
