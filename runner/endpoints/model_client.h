// One interface to whatever answers: the engine, a replay of stored responses, an endpoint.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/message.h"
#include "base/response_format.h"
#include "datasets/sample.h"
#include "model/sampling.h"

namespace peira::runner {

struct ModelRequest {
  std::vector<Message> messages;
  int max_tokens = 1024;
  model::SamplingParams sampling;
  std::uint64_t seed = 0;
  std::vector<std::string> stop;
  // Multiple choice by log-likelihood: when not empty, nothing is generated; each continuation is
  // scored after the messages.
  std::vector<std::string> continuations;
  // What may be answered, besides everything. Only of a form that prepare() took.
  ResponseFormat format = {};
  std::string sample_id;  // for replay, as are row and epoch; never reaches the model
  std::shared_ptr<const datasets::Sample> sample = nullptr;  // for conversations, likewise
  std::int64_t row = -1;
  int epoch = 0;
};

struct ModelResponse {
  std::string text;
  std::string reasoning;
  std::string finish_reason;                // "stop", "length", "refusal", "error", "timeout"
  std::string failure;                      // why, one line, when finish_reason is error or timeout
  bool retryable = false;                   // a failure that may pass when asked again
  bool throttled = false;                   // of those: there was too much to do; says nothing of
                                            // the request
  double retry_after_s = 0;                 // and not to be asked again before
  std::vector<std::int32_t> prompt_tokens;  // exact ids; empty when the other side does not tell
  std::vector<std::int32_t> tokens;
  std::string prompt_text;  // rendered prompt bytes, when known
  std::int64_t num_prompt_tokens = 0, num_completion_tokens = 0;
  // Of the prompt's tokens those of media, where the model tells them apart.
  std::int64_t num_image_tokens = 0, num_audio_tokens = 0, num_video_tokens = 0;
  std::int64_t num_media_left_out = 0;        // did not fit, and were left out as the user asked
  std::vector<double> continuation_logprobs;  // [continuations]
  double latency_s = 0;
};

// threads: one caller at a time.
class ModelClient {
 public:
  virtual ~ModelClient() = default;

  // What to call it in tables: "bundled", "Qwen3-30B-A3B", "openai:gpt-x".
  virtual std::string name() const = 0;
  // Identity for the manifest: {"weights": ..., "tokenizer": ..., "template": ..., "engine": ...},
  // each value a string to be digested or already a digest.
  virtual Json identity() const = 0;
  // What people should know of how the model runs, a line each; becomes warnings of the run.
  virtual std::vector<std::string> notes() const { return {}; }
  // How many requests keep it full: the executor holds about this many in flight. May change as
  // answers come.
  virtual int preferred_in_flight() const = 0;
  // Sampling used where the user says nothing.
  virtual model::SamplingParams default_sampling() const = 0;

  // Makes ready for answers of a form, before the first request that asks for it: what cannot be
  // met is told once, not sample by sample.
  //
  // An endpoint refuses here what its protocol cannot ask for, and puts the rest into the body of
  // each request. OpenAI's has a schema as "response_format": {"type": "json_schema",
  // "json_schema": {"name": ..., "strict": true, "schema": SCHEMA}} and no patterns.
  // throws  Error(kUsage): this model cannot be held to a form; Error(kData), beginning with
  //         format.where: the form is not supported, or no text has it.
  virtual void prepare(const ResponseFormat& format);

  // The day on which the client was opened ("2026-11-26"), where prompts are told the date and
  // nobody chose one; empty otherwise.
  virtual std::string opening_date() const { return {}; }
  // What prompts are told from here on, as identity() then says: a run that was begun on another
  // day continues under that day's date. Only where opening_date() is not empty.
  virtual void set_date(const std::string& date) { static_cast<void>(date); }

  // How videos reach it, where that is not part of identity(): for the manifests of runs that show
  // some. Null: they do not, or nothing is to be said of it.
  virtual Json video_settings() const { return nullptr; }
  // The frames that are shown of a video of `total` frames, `fps` of them a second; empty where
  // that is not known here.
  virtual std::optional<std::vector<std::int64_t>> frames_shown(std::int64_t total,
                                                                double fps) const {
    static_cast<void>(total);
    static_cast<void>(fps);
    return std::nullopt;
  }

  // Starts a request; the ticket comes back with the response. A request that can never run (too
  // long, bad) finishes with finish_reason "error", not with an exception.
  virtual std::int64_t submit(ModelRequest request) = 0;
  struct Finished {
    std::int64_t ticket;
    ModelResponse response;
  };
  // Works or waits a little and returns what finished. Returns at once when nothing is in flight.
  virtual std::vector<Finished> poll() = 0;
  // Gives up on a request (per-sample timeout); it finishes as "timeout".
  virtual void cancel(std::int64_t ticket) = 0;
};

}  // namespace peira::runner
