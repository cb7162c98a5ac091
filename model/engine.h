// The engine core: token ids in, token ids and log-probabilities out. Knows no text and no files'
// meaning beyond a checkpoint folder in Hugging Face format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/checkpoint_files.h"
#include "model/config.h"
#include "model/sampling.h"
#include "model/token_guide.h"
#include "model/towers/encoders.h"
#include "model/weight.h"

namespace peira::model {

struct EngineOptions {
  std::string device = "cpu";      // "cpu", "reference" (plain loops), "cuda", "cuda:1", "auto"
  int num_threads = 0;             // 0: all cores this process may use
  int max_batch = 32;              // sequences decoded together
  int prefill_chunk = 256;         // tokens of prompts processed per step
  int num_experts_per_tok = 0;     // 0: the checkpoint's; else overrides it (a model variant)
  std::int64_t max_kv_tokens = 0;  // room for cached tokens over all sequences; 0: planned from
                                   // the device's memory
  bool prefix_cache = true;        // prompts that begin alike share what is computed of them
  // Room for embeddings of media that were shown, kept for requests that show them again.
  std::int64_t max_encoder_bytes = std::int64_t{256} << 20;
  // These two change results, and belong into a run's record.
  WeightPrecision weights = WeightPrecision::kStored;
  DType kv_dtype = DType::kF32;  // of cached keys and values: kF32, kBF16 or kI8
};

enum class FinishReason { kStop, kLength, kCancelled };

// One sequence to continue.
struct TokenRequest {
  std::vector<std::int32_t> tokens;  // the prompt; not empty
  // Pictures, videos and sounds in the order in which their placeholders stand in `tokens`, each
  // repeated as often as the medium has tokens there. Without any, placeholders are tokens like
  // others.
  std::vector<std::shared_ptr<const Medium>> media = {};
  int max_tokens = 16;  // most tokens to generate; 0: only score the prompt
  SamplingParams sampling;
  std::uint64_t seed = 0;                 // the only source of randomness, with the position
  std::vector<std::int32_t> stop_tokens;  // generation ends with one of these, which is kept out
  bool prompt_logprobs = false;           // log p(tokens[i] | tokens[<i]) for every i >= 1
  bool last_prompt_logits = false;        // the logits after the prompt, [vocab_size]
  int top_logprobs = 0;                   // the most likely alternatives kept for each new token
  // Also log-probabilities of the distribution that tokens are drawn from, after bias, penalties,
  // temperature and filters; of the prompt's tokens too if prompt_logprobs.
  bool sampling_logprobs = false;
  // Called with the logits after each position whose next token prompt_logprobs scores, in order.
  std::function<void(std::int64_t position, std::span<const float> logits)> on_prompt_logits;
  // Called after every new token with all tokens generated so far; true ends the sequence there
  // (stop strings live in the text layer). May be empty.
  std::function<bool(std::span<const std::int32_t>)> should_stop;
  // What the generated tokens must spell: others are never drawn, a stop token only where it may
  // end, and where it must end the sequence stops by itself. Log-probabilities stay the model's.
  // Null: anything. max_tokens and should_stop cut an answer before its grammar ends.
  std::shared_ptr<const TokenGrammar> grammar;
};

struct TokenLogprob {
  std::int32_t token;
  float logprob;
};

struct TokenResult {
  std::vector<std::int32_t> tokens;  // generated, without the stop token
  std::vector<float> logprobs;       // [tokens], of the model's raw distribution (temperature 1)
  std::vector<std::vector<TokenLogprob>> top_logprobs;  // [tokens][top_logprobs], best first
  std::vector<float> prompt_logprobs;  // [prompt], raw, the first NaN; empty unless asked for
  // After sampling's changes, -infinity for what could not have been drawn; empty unless asked for.
  std::vector<float> sampling_logprobs;         // [tokens]
  std::vector<float> prompt_sampling_logprobs;  // [prompt], the first NaN
  std::vector<float> last_prompt_logits;        // [vocab_size], empty unless asked for
  FinishReason finish_reason = FinishReason::kStop;
  // Prompt tokens that came from the cache, over all attempts. Of no account for the result, and
  // the one part of it that depends on what else runs.
  std::int64_t num_cached_tokens = 0;
};

// A checkpoint loaded on one device, with continuous batching over its requests.
// A request's result depends on the checkpoint, the request and the device's kernels only: never
// on batch mates, batch size, chunking, thread count or order of arrival.
// threads: one caller at a time; the engine runs its own pool inside.
class Engine {
 public:
  // throws Error(kData): config or tensors wrong (names file, tensor, shapes); unknown architecture
  //        (lists the supported); Error(kUnavailable): the device is absent.
  Engine(const CheckpointFiles& files, const EngineOptions& options);
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  const ModelConfig& config() const;
  const std::string& backend_name() const;  // e.g. "cpu/AVX3_ZEN4", for the run's manifest
  // Bytes of results that came from the device's memory so far; 0 where the host has the same.
  std::int64_t bytes_copied_to_host() const;
  // Tokens that prompt and answer of one request may have together: the model's positions, or the
  // key-value cache's room where that is less.
  std::int64_t max_context() const;
  // Whether the model has a tower for it.
  bool takes(Modality modality) const;
  // Media that were encoded so far, and that were found encoded.
  const EncoderCounts& encoder_counts() const;
  // Tokens that `medium` takes in a prompt: its runs of placeholders, see PlaceholderRun.
  // throws Error(kUsage): no tower takes it, or its features are not what the tower reads.
  std::vector<PlaceholderRun> placeholder_runs(const Medium& medium) const;
  // Parts of the checkpoint that were knowingly left out, a line each, naming it.
  const std::vector<std::string>& notes() const;

  // Queues a request; its ticket is unique in this engine.
  // throws Error(kUsage): empty prompt, a token id outside the vocabulary, prompt + max_tokens
  //        longer than the model's positions (says both numbers), or media that do not fit their
  //        placeholders or the model.
  std::int64_t submit(TokenRequest request);

  struct Finished {
    std::int64_t ticket;
    TokenResult result;
  };
  // Advances every sequence in flight by one scheduler step; returns those that finished.
  std::vector<Finished> step();
  bool idle() const;                 // nothing queued or in flight
  void cancel(std::int64_t ticket);  // finishes it as kCancelled at the next step

  // Runs all requests to the end, results in their order.
  std::vector<TokenResult> generate(std::span<const TokenRequest> requests);

  // Sum of log p of `continuation` after `context`, and whether every token was the greedy choice.
  struct Likelihood {
    double logprob;
    bool is_greedy;
  };
  std::vector<Likelihood> log_likelihood(
      std::span<const std::pair<std::vector<std::int32_t>, std::vector<std::int32_t>>>
          context_and_continuation);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace peira::model
