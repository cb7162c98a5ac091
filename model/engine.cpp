#include "model/engine.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "base/error.h"
#include "model/backend/backend.h"
#include "model/backend/device.h"
#include "model/families/family.h"
#include "model/inspection.h"
#include "model/layers/decoder.h"
#include "model/layers/placement.h"
#include "model/logit_processor.h"
#include "model/memory_plan.h"
#include "model/prefix_cache.h"
#include "model/random.h"
#include "model/sampler.h"
#include "model/scheduler.h"

namespace peira::model {
namespace {

ModelConfig config_with_options(const CheckpointFiles& files, const EngineOptions& options) {
  ModelConfig config = load_config(files);
  if (options.num_experts_per_tok != 0) {
    if (options.num_experts_per_tok < 0 || options.num_experts_per_tok > config.num_experts) {
      throw Error(ErrorCode::kUsage,
                  "num_experts_per_tok " + std::to_string(options.num_experts_per_tok) +
                      " is not from 1 to the " + std::to_string(config.num_experts) +
                      " experts of " + files.name());
    }
    config.num_experts_per_tok = options.num_experts_per_tok;
  }
  return config;
}

void check_options(const EngineOptions& options) {
  const auto expect = [](bool holds, const char* name, std::int64_t value) {
    if (!holds) {
      throw Error(ErrorCode::kUsage, std::string("engine option ") + name + " is " +
                                         std::to_string(value) + ", which is too small");
    }
  };
  expect(options.num_threads >= 0, "num_threads", options.num_threads);
  expect(options.max_batch >= 1, "max_batch", options.max_batch);
  expect(options.prefill_chunk >= 1, "prefill_chunk", options.prefill_chunk);
  expect(options.max_encoder_bytes >= 0, "max_encoder_bytes", options.max_encoder_bytes);
  expect(options.max_kv_tokens >= 0, "max_kv_tokens", options.max_kv_tokens);
}

std::int64_t most_rows(const EngineOptions& options) {
  return std::int64_t{options.max_batch} + options.prefill_chunk;
}

DeviceChoice device_for(const EngineOptions& options, std::int64_t needed_bytes) {
  // The driver is asked only where its answer counts: that takes a second.
  const bool is_auto = options.device == "auto";
  return choose_device(options.device, needed_bytes, is_auto ? find_cuda_devices() : CudaDevices{});
}

constexpr std::int32_t kNoToken = -1;

// Whether a sequence's next token needs more of the logits than the largest.
bool chooses_from_all(const Sequence& sequence) {
  const TokenRequest& request = sequence.request;
  const bool is_plain_greedy = static_cast<float>(request.sampling.temperature) == 0 &&
                               !LogitProcessor::changes(request.sampling) && !sequence.guide;
  const bool keeps_all = request.last_prompt_logits && sequence.result.last_prompt_logits.empty();
  return !is_plain_greedy || keeps_all || request.top_logprobs > 0;
}

// Whether scoring a token of its prompt needs more than that token's and the largest.
bool scores_from_all(const Sequence& sequence) {
  const TokenRequest& request = sequence.request;
  return request.on_prompt_logits != nullptr ||
         (request.prompt_logprobs && request.sampling_logprobs);
}

}  // namespace

struct Engine::Impl {
  Impl(const CheckpointFiles& checkpoint, const EngineOptions& options)
      : files(checkpoint),
        config(config_with_options(files, options)),
        tensors(files),
        host_weights(take_decoder_weights(config, tensors)),
        weights(count_weights(config, host_weights)),
        device(device_for(options,
                          weights.bytes(options.weights) +
                              Decoder::buffers_bytes(config, most_rows(options)) +
                              cuda_working_bytes(Decoder::work_sizes(config, most_rows(options))))),
        backend(make_backend({.device = device.device,
                              .num_threads = options.num_threads,
                              .weights = options.weights})),
        memory(
            plan_memory(config,
                        {.weights = options.weights,
                         .weight_count = weights,
                         .memory_bytes = backend->memory_bytes(),
                         .copies_weights = backend->copies_weights(),
                         .most_copied_bytes = backend->most_copied_bytes(),
                         .working_bytes = backend->copies_weights() ? cuda_working_bytes : nullptr,
                         .max_batch = options.max_batch,
                         .prefill_chunk = options.prefill_chunk,
                         .max_kv_tokens = options.max_kv_tokens,
                         .kv_dtype = options.kv_dtype,
                         .prefix_cache = options.prefix_cache,
                         .max_encoder_bytes = options.max_encoder_bytes},
                        device.device)),
        encoders(*backend, config, std::exchange(host_weights.towers, {}),
                 options.max_encoder_bytes),
        decoder(*backend, config, placed(*backend, std::move(host_weights)), most_rows(options)),
        cache(*backend, config, memory.num_pages, memory.num_slots, options.kv_dtype),
        prefixes(cache, options.prefix_cache, static_cast<int>(memory.num_snapshots)),
        scheduler(prefixes, options.max_batch, options.prefill_chunk) {
    if (!device.reason.empty()) notes.push_back(device.reason);
    for (const std::string& note : decoder.notes()) notes.push_back(files.name() + ": " + note);
  }

  // throws Error(kUsage): see Engine::submit(). Returns where its media stand.
  PromptMedia check(const TokenRequest& request) const;
  // See Sequence::keys.
  std::vector<std::int32_t> cache_keys(const TokenRequest& request, const PromptMedia& media);
  // Adds the placeholders among the sequence's next tokens, whose rows begin at first_row, to the
  // batch; encodes what is not encoded yet.
  void add_media(Sequence& sequence, std::int64_t num_tokens, std::int64_t first_row);
  std::int64_t submit(TokenRequest request, std::int64_t score_from);
  std::vector<std::unique_ptr<Sequence>> step();
  void compute(const Plan& plan, std::vector<std::unique_ptr<Sequence>>& finished);
  void score(Sequence& sequence, std::int64_t position, const Decoder::RowLogits& logits);
  // The next token of the request's distribution; kNoToken where its grammar leaves none.
  Sampler::Choice choose(Sequence& sequence, std::span<const float> logits);
  // Appends the next token; true when the sequence is done.
  bool advance(Sequence& sequence, const Decoder::RowLogits& logits);

  // Runs until all of `tickets` are finished; what else finishes is kept for step().
  std::vector<std::unique_ptr<Sequence>> run(const std::vector<std::int64_t>& tickets);

  CheckpointFiles files;
  ModelConfig config;
  CheckpointTensors tensors;
  DecoderWeights host_weights;  // until they are placed
  WeightCount weights;
  DeviceChoice device;
  std::unique_ptr<Backend> backend;
  MemoryPlan memory;
  MediaEncoders encoders;
  Decoder decoder;
  KvCache cache;
  PrefixCache prefixes;
  Scheduler scheduler;
  LogitProcessor processor;
  Sampler sampler;
  Batch batch;
  std::vector<std::string> notes;
  // Numbers of media by digest, for Sequence::keys; see cache_keys().
  std::map<std::string, std::int32_t> medium_keys;
  std::int32_t next_medium_key = -1;
  std::int64_t next_ticket = 1;
  std::vector<std::unique_ptr<Sequence>> finished_aside;  // by generate(), for others' tickets
};

PromptMedia Engine::Impl::check(const TokenRequest& request) const {
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorCode::kUsage, files.name() + ": " + what);
  };
  const auto num_prompt = static_cast<std::int64_t>(request.tokens.size());
  if (request.tokens.empty()) fail("an empty prompt\n  try: at least one token");
  for (std::size_t i = 0; i < request.tokens.size(); ++i) {
    const std::int32_t token = request.tokens[i];
    if (token < 0 || token >= config.vocab_size) {
      fail("token id " + std::to_string(token) + " at position " + std::to_string(i) +
           " is outside the vocabulary of " + std::to_string(config.vocab_size));
    }
  }
  if (request.max_tokens < 0) fail("max_tokens is " + std::to_string(request.max_tokens));
  if (request.top_logprobs < 0) fail("top_logprobs is " + std::to_string(request.top_logprobs));
  const std::int64_t total = num_prompt + request.max_tokens;
  const std::string asked = "the prompt's " + std::to_string(num_prompt) +
                            " tokens and max_tokens " + std::to_string(request.max_tokens) +
                            " together exceed ";
  if (total > config.max_position_embeddings) {
    fail(asked + "the model's " + std::to_string(config.max_position_embeddings) +
         " positions\n  try: " +
         (request.media.empty() ? "" : "fewer media (--overflow keep-first), ") +
         "a shorter prompt or a smaller max_tokens");
  }
  if (KvCache::pages_for(total) > cache.num_pages()) {
    fail(asked + "the key-value cache's room for " +
         std::to_string(cache.num_pages() * kKvPageTokens) +
         " tokens\n  try: a larger max_kv_tokens");
  }
  check_sampling(request.sampling, config.vocab_size);
  if (request.media.empty()) return {};
  try {
    return place_media(request.tokens, request.media, config.media_tokens, encoders);
  } catch (const Error& error) {
    throw Error(error.code(), files.name() + ": " + error.what());
  }
}

std::vector<std::int32_t> Engine::Impl::cache_keys(const TokenRequest& request,
                                                   const PromptMedia& media) {
  if (media.spans.empty()) return {};
  std::vector<std::int32_t> out = request.tokens;
  for (const MediaSpan& span : media.spans) {
    // One number for all of a medium's placeholders: which of them one is follows from those before
    // it. Numbers are never given twice, so that a forgotten medium only gets a new one.
    constexpr std::size_t kMostKnown = std::size_t{1} << 20U;
    if (medium_keys.size() >= kMostKnown) medium_keys.clear();
    const auto [known, is_new] =
        medium_keys.try_emplace(request.media[span.medium]->digest, next_medium_key);
    if (is_new) --next_medium_key;
    std::fill_n(out.begin() + span.first_token, span.num_tokens, known->second);
  }
  return out;
}

void Engine::Impl::add_media(Sequence& sequence, std::int64_t num_tokens, std::int64_t first_row) {
  const std::int64_t begin = sequence.num_computed;
  const std::int64_t end = begin + num_tokens;
  sequence.encoded.resize(sequence.request.media.size());
  for (const MediaSpan& span : sequence.media.spans) {
    const std::int64_t from = std::max(begin, span.first_token);
    const std::int64_t to = std::min(end, span.first_token + span.num_tokens);
    if (from >= to) continue;
    std::shared_ptr<const EncodedMedium>& encoded = sequence.encoded[span.medium];
    if (encoded == nullptr) encoded = encoders.encode(*sequence.request.media[span.medium]);
    batch.media.push_back({.first_row = first_row + from - begin,
                           .num_rows = to - from,
                           .medium = encoded,
                           .first_embedding = span.first_embedding + from - span.first_token});
  }
  if (end >= sequence.num_prompt_tokens) sequence.encoded.clear();
}

std::int64_t Engine::Impl::submit(TokenRequest request, std::int64_t score_from) {
  auto sequence = std::make_unique<Sequence>();
  sequence->media = check(request);
  sequence->keys = cache_keys(request, sequence->media);
  sequence->ticket = next_ticket++;
  sequence->tokens = request.tokens;
  sequence->num_prompt_tokens = static_cast<std::int64_t>(request.tokens.size());
  sequence->request = std::move(request);
  sequence->score_from = std::min(score_from, sequence->num_prompt_tokens);
  sequence->num_scored = sequence->score_from;
  if (sequence->request.grammar) sequence->guide = sequence->request.grammar->start();
  if (sequence->request.prompt_logprobs) {
    constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
    sequence->result.prompt_logprobs.assign(sequence->tokens.size(), kNone);
    if (sequence->request.sampling_logprobs) {
      sequence->result.prompt_sampling_logprobs.assign(sequence->tokens.size(), kNone);
    }
  }
  const std::int64_t ticket = sequence->ticket;
  scheduler.add(std::move(sequence));
  return ticket;
}

std::vector<std::unique_ptr<Sequence>> Engine::Impl::step() {
  std::vector<std::unique_ptr<Sequence>> finished = scheduler.remove_cancelled();
  for (const auto& sequence : finished) {
    sequence->result.finish_reason = FinishReason::kCancelled;
  }
  const Plan plan = scheduler.plan();
  if (!plan.parts.empty()) compute(plan, finished);
  return finished;
}

void Engine::Impl::compute(const Plan& plan, std::vector<std::unique_ptr<Sequence>>& finished) {
  // A row whose logits are needed: to score the token that follows, or to choose one.
  struct Wanted {
    std::int64_t position;
    Sequence* sequence;
  };
  std::vector<Wanted> wanted;
  std::vector<Decoder::LogitRow> rows;  // of the same
  batch.clear();
  for (const Plan::Part& part : plan.parts) {
    Sequence& sequence = *part.sequence;
    const auto num_tokens = static_cast<std::int64_t>(sequence.tokens.size());
    const auto first_row = static_cast<std::int32_t>(batch.num_rows());
    for (std::int64_t i = 0; i < part.num_tokens; ++i) {
      const std::int64_t position = sequence.num_computed + i;
      const std::int64_t next = position + 1;
      batch.tokens.push_back(sequence.tokens[static_cast<std::size_t>(position)]);
      batch.positions.push_back(static_cast<std::int32_t>(position));
      if (!config.mrope_section.empty()) {
        batch.axis_positions.push_back(sequence.axis_position(position));
      }
      const bool is_scored = next >= sequence.num_scored && next < sequence.num_prompt_tokens &&
                             next >= sequence.score_from;
      const bool is_last = next == num_tokens;
      const bool is_choice =
          is_last && (sequence.request.max_tokens > 0 || sequence.request.last_prompt_logits);
      if (is_scored || is_choice) {
        wanted.push_back({position, &sequence});
        rows.push_back({.row = first_row + static_cast<std::int32_t>(i),
                        .whole = is_last ? chooses_from_all(sequence) : scores_from_all(sequence),
                        .token = is_last ? 0 : sequence.tokens[static_cast<std::size_t>(next)]});
      }
    }
    if (!sequence.media.spans.empty()) add_media(sequence, part.num_tokens, first_row);
    batch.sequences.push_back({.first_row = first_row,
                               .num_rows = static_cast<int>(part.num_tokens),
                               .first_position = static_cast<int>(sequence.num_computed),
                               .pages = sequence.hold.pages,
                               .state_slot = sequence.hold.state_slot});
  }
  decoder.forward(batch, cache);
  scheduler.advance(plan);

  std::vector<const Sequence*> done;
  for (std::size_t first = 0; first < wanted.size(); first += Decoder::kMaxLogitRows) {
    const std::size_t count = std::min<std::size_t>(Decoder::kMaxLogitRows, wanted.size() - first);
    const std::span logits = decoder.logits(std::span(rows).subspan(first, count));
    for (std::size_t i = 0; i < count; ++i) {
      Sequence& sequence = *wanted[first + i].sequence;
      const std::int64_t position = wanted[first + i].position;
      const Decoder::RowLogits& row = logits[i];
      if (!std::isfinite(row.log_sum_exp)) {
        throw Error(ErrorCode::kData, files.name() + ": the logits after position " +
                                          std::to_string(position) +
                                          " are not finite: the weights are damaged or overflow");
      }
      if (position + 1 < static_cast<std::int64_t>(sequence.tokens.size())) {
        if (sequence.request.on_prompt_logits) sequence.request.on_prompt_logits(position, row.all);
        score(sequence, position, row);
      } else if (advance(sequence, row)) {
        done.push_back(&sequence);
      }
    }
  }
  // Requests that only score end with their prompt.
  for (const Plan::Part& part : plan.parts) {
    const Sequence& sequence = *part.sequence;
    const bool is_computed =
        sequence.num_computed == static_cast<std::int64_t>(sequence.tokens.size());
    if (is_computed && sequence.request.max_tokens == 0 && !sequence.request.last_prompt_logits) {
      part.sequence->result.finish_reason = FinishReason::kLength;
      done.push_back(&sequence);
    }
  }
  for (const Sequence* sequence : done) finished.push_back(scheduler.remove(*sequence));
}

void Engine::Impl::score(Sequence& sequence, std::int64_t position,
                         const Decoder::RowLogits& logits) {
  const std::int64_t scored = position + 1;
  const std::int32_t token = sequence.tokens[static_cast<std::size_t>(scored)];
  sequence.num_scored = scored + 1;
  const float logit =
      logits.all.empty() ? logits.token_logit : logits.all[static_cast<std::size_t>(token)];
  const float logprob = logit - logits.log_sum_exp;
  if (sequence.request.prompt_logprobs) {
    sequence.result.prompt_logprobs[static_cast<std::size_t>(scored)] = logprob;
    if (sequence.request.sampling_logprobs) {
      const SamplingParams& sampling = sequence.request.sampling;
      const std::span<const std::int32_t> before =
          std::span(sequence.tokens).first(static_cast<std::size_t>(scored));
      sequence.result.prompt_sampling_logprobs[static_cast<std::size_t>(scored)] =
          sampler.logprob(processor.process(logits.all, sampling, before, {}), sampling, token);
    }
  } else {
    sequence.result.logprobs.push_back(logprob);  // of log_likelihood(), read there
    const std::int32_t best = logits.all.empty() ? logits.best : greedy_token(logits.all);
    sequence.is_greedy = sequence.is_greedy && best == token;
  }
}

Sampler::Choice Engine::Impl::choose(Sequence& sequence, std::span<const float> logits) {
  const TokenRequest& request = sequence.request;
  const std::span<const std::int32_t> tokens = sequence.tokens;
  const auto num_prompt = static_cast<std::size_t>(sequence.num_prompt_tokens);
  std::span<const float> processed = processor.process(
      logits, request.sampling, tokens.first(num_prompt), tokens.subspan(num_prompt));
  if (sequence.guide) {
    processed = processor.restrict(processed, *sequence.guide, request.stop_tokens);
    if (processed.empty()) return {kNoToken, 0};
  }
  return sampler.sample(processed, request.sampling, uniform_at(request.seed, tokens.size()));
}

bool Engine::Impl::advance(Sequence& sequence, const Decoder::RowLogits& logits) {
  TokenRequest& request = sequence.request;
  TokenResult& result = sequence.result;
  if (request.last_prompt_logits && result.last_prompt_logits.empty()) {
    result.last_prompt_logits.assign(logits.all.begin(), logits.all.end());
  }
  if (request.max_tokens == 0) {
    result.finish_reason = FinishReason::kLength;
    return true;
  }
  TokenGuide* const guide = sequence.guide.get();
  if (guide != nullptr && guide->must_end()) {
    result.finish_reason = FinishReason::kStop;
    return true;
  }
  const auto [token, sampling_logprob] =
      logits.all.empty() ? Sampler::Choice{logits.best, 0} : choose(sequence, logits.all);
  if (token == kNoToken) {  // every way on begins with a stop token: cut short
    result.finish_reason = FinishReason::kLength;
    return true;
  }
  if (std::find(request.stop_tokens.begin(), request.stop_tokens.end(), token) !=
      request.stop_tokens.end()) {
    result.finish_reason = FinishReason::kStop;
    return true;
  }
  if (guide != nullptr) guide->accept(token);
  sequence.append(token);
  result.tokens.push_back(token);
  const float logit =
      logits.all.empty() ? logits.best_logit : logits.all[static_cast<std::size_t>(token)];
  result.logprobs.push_back(logit - logits.log_sum_exp);
  if (request.sampling_logprobs) result.sampling_logprobs.push_back(sampling_logprob);
  if (request.top_logprobs > 0) {
    result.top_logprobs.push_back(top_tokens(logits.all, logits.log_sum_exp, request.top_logprobs));
  }
  const bool must_end = guide != nullptr && guide->must_end();
  if (must_end || (request.should_stop && request.should_stop(result.tokens))) {
    result.finish_reason = FinishReason::kStop;
    return true;
  }
  if (static_cast<int>(result.tokens.size()) == request.max_tokens) {
    result.finish_reason = FinishReason::kLength;
    return true;
  }
  return false;
}

std::vector<std::unique_ptr<Sequence>> Engine::Impl::run(const std::vector<std::int64_t>& tickets) {
  std::map<std::int64_t, std::size_t> place;
  for (std::size_t i = 0; i < tickets.size(); ++i) place.emplace(tickets[i], i);
  std::vector<std::unique_ptr<Sequence>> out(tickets.size());
  std::size_t num_done = 0;
  while (num_done < tickets.size()) {
    for (std::unique_ptr<Sequence>& sequence : step()) {
      const auto mine = place.find(sequence->ticket);
      if (mine == place.end()) {
        finished_aside.push_back(std::move(sequence));
      } else {
        out[mine->second] = std::move(sequence);
        ++num_done;
      }
    }
  }
  return out;
}

Engine::Engine(const CheckpointFiles& files, const EngineOptions& options) {
  check_options(options);
  impl_ = std::make_unique<Impl>(files, options);
}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

const ModelConfig& Engine::config() const { return impl_->config; }
const std::vector<std::string>& Engine::notes() const { return impl_->notes; }
std::int64_t Engine::max_context() const {
  return std::min<std::int64_t>(impl_->config.max_position_embeddings,
                                impl_->cache.num_pages() * kKvPageTokens);
}
bool Engine::takes(Modality modality) const { return impl_->encoders.takes(modality); }
const EncoderCounts& Engine::encoder_counts() const { return impl_->encoders.counts(); }
std::vector<PlaceholderRun> Engine::placeholder_runs(const Medium& medium) const {
  return impl_->encoders.runs(medium);
}
std::int64_t Engine::bytes_copied_to_host() const { return impl_->backend->bytes_copied_to_host(); }
const std::string& Engine::backend_name() const { return impl_->backend->name(); }

std::int64_t Engine::submit(TokenRequest request) {
  const std::int64_t score_from =
      request.prompt_logprobs ? 1 : std::numeric_limits<std::int64_t>::max();
  return impl_->submit(std::move(request), score_from);
}

std::vector<Engine::Finished> Engine::step() {
  std::vector<Finished> out;
  const auto hand_over = [&](std::vector<std::unique_ptr<Sequence>> sequences) {
    for (std::unique_ptr<Sequence>& sequence : sequences) {
      out.push_back({sequence->ticket, std::move(sequence->result)});
    }
  };
  hand_over(std::exchange(impl_->finished_aside, {}));
  hand_over(impl_->step());
  return out;
}

bool Engine::idle() const { return impl_->scheduler.idle() && impl_->finished_aside.empty(); }

void Engine::cancel(std::int64_t ticket) {
  if (Sequence* sequence = impl_->scheduler.find(ticket)) sequence->is_cancelled = true;
}

std::vector<TokenResult> Engine::generate(std::span<const TokenRequest> requests) {
  // All are checked before the first is queued: an error then leaves nothing behind.
  for (const TokenRequest& request : requests) (void)impl_->check(request);
  std::vector<std::int64_t> tickets;
  tickets.reserve(requests.size());
  for (const TokenRequest& request : requests) tickets.push_back(submit(request));
  std::vector<TokenResult> out;
  out.reserve(requests.size());
  for (std::unique_ptr<Sequence>& sequence : impl_->run(tickets)) {
    out.push_back(std::move(sequence->result));
  }
  return out;
}

std::vector<Engine::Likelihood> Engine::log_likelihood(
    std::span<const std::pair<std::vector<std::int32_t>, std::vector<std::int32_t>>>
        context_and_continuation) {
  std::vector<TokenRequest> requests;
  requests.reserve(context_and_continuation.size());
  for (const auto& [context, continuation] : context_and_continuation) {
    if (context.empty()) {
      throw Error(ErrorCode::kUsage, impl_->files.name() +
                                         ": an empty context\n  try: at least one token before the "
                                         "continuation");
    }
    TokenRequest& request = requests.emplace_back();
    request.tokens = context;
    request.tokens.insert(request.tokens.end(), continuation.begin(), continuation.end());
    request.max_tokens = 0;
    (void)impl_->check(request);
  }
  std::vector<std::int64_t> tickets;
  tickets.reserve(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto score_from = static_cast<std::int64_t>(context_and_continuation[i].first.size());
    tickets.push_back(impl_->submit(std::move(requests[i]), score_from));
  }
  std::vector<Likelihood> out;
  out.reserve(tickets.size());
  for (const std::unique_ptr<Sequence>& sequence : impl_->run(tickets)) {
    double logprob = 0;
    for (const float token_logprob : sequence->result.logprobs) logprob += double{token_logprob};
    out.push_back({logprob, sequence->is_greedy});
  }
  return out;
}

}  // namespace peira::model
