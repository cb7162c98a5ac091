// Continuous batching: which tokens of which sequences the next forward pass computes.
#pragma once

#include <cstdint>
#include <deque>
#include <iterator>
#include <memory>
#include <span>
#include <vector>

#include "model/engine.h"
#include "model/prefix_cache.h"
#include "model/towers/encoders.h"

namespace peira::model {

// One request on its way.
struct Sequence {
  std::int64_t ticket = 0;
  TokenRequest request;
  std::int64_t num_prompt_tokens = 0;
  std::vector<std::int32_t> tokens;  // the prompt, then what was generated
  // The same as cached prefixes tell them apart: where a medium's placeholders stand, a negative
  // number of that medium. Empty without media.
  std::vector<std::int32_t> keys;
  PromptMedia media;  // of the request's; without any, empty
  // [request.media]: those whose placeholders are being computed.
  std::vector<std::shared_ptr<const EncodedMedium>> encoded;
  PrefixCache::Hold hold;         // of the key-value cache
  std::int64_t num_computed = 0;  // tokens whose keys and values are cached
  bool is_cancelled = false;
  std::unique_ptr<TokenGuide> guide;  // of request.grammar, after what was generated; may be null
  // Of the prompt up to the end of each of its full pages; equal prefixes have equal hashes.
  std::vector<std::uint64_t> page_hashes;

  // Log-probabilities of given tokens: of tokens [score_from, num_prompt_tokens), done up to
  // num_scored. score_from == num_prompt_tokens asks for none.
  std::int64_t score_from = 0;
  std::int64_t num_scored = 0;
  bool is_greedy = true;  // every scored token was the most likely one

  TokenResult result;

  // What its prefixes are found by.
  std::span<const std::int32_t> cache_keys() const { return keys.empty() ? tokens : keys; }
  void append(std::int32_t token) {
    tokens.push_back(token);
    if (!keys.empty()) keys.push_back(token);
  }
  // Of the token at `index` on the axes of mrope_section.
  AxisPosition axis_position(std::int64_t index) const {
    if (index < std::ssize(media.positions))
      return media.positions[static_cast<std::size_t>(index)];
    const float position = static_cast<float>(index) + media.delta;
    return {position, position, position};
  }
};

// What one step computes.
struct Plan {
  struct Part {
    Sequence* sequence;
    std::int64_t num_tokens;  // the next ones after num_computed
    bool keep_state = false;  // the recurrent state after them is worth keeping
  };
  std::vector<Part> parts;
};

// Sequences that generate get their one token each in every step; prompts fill the step up to
// prefill_chunk tokens. A prompt that begins like one still being computed waits for it and then
// shares its pages, so that N samples of one prompt compute it once; what shares a prefix with a
// running sequence is admitted before what does not, but nobody is passed over more than
// kMaxPassedOver times. When the cache is full the youngest sequence gives its pages back and
// starts over later. All this costs or saves time but, results being independent of batching,
// changes nothing. threads: one at a time.
class Scheduler {
 public:
  Scheduler(PrefixCache& cache, int max_batch, int prefill_chunk)
      : cache_(cache),
        max_batch_(static_cast<std::size_t>(max_batch)),
        prefill_chunk_(prefill_chunk) {}

  void add(std::unique_ptr<Sequence> sequence);
  bool idle() const { return waiting_.empty() && running_.empty(); }
  // The sequence of `ticket`, or null.
  Sequence* find(std::int64_t ticket);

  // The parts of the next step, with pages reserved for their tokens. Empty only when idle.
  Plan plan();
  // The parts of `plan` are computed: moves their sequences on.
  void advance(const Plan& plan);

  // Takes `sequence` out, its pages back to the cache.
  std::unique_ptr<Sequence> remove(const Sequence& sequence);
  // Takes out all that were cancelled.
  std::vector<std::unique_ptr<Sequence>> remove_cancelled();

 private:
  static constexpr int kLookahead = 64;      // waiting sequences considered for admission
  static constexpr int kMaxPassedOver = 64;  // times the oldest lets others go first

  // Pages for `num_tokens` of `sequence`, by preempting younger ones outside `plan` if need be.
  bool reserve(Sequence& sequence, std::int64_t num_tokens, const Plan& plan);
  void admit_waiting();
  // The waiting one to admit next.
  std::size_t next_to_admit();
  bool admit(Sequence& sequence);
  void attach(Sequence& sequence);

  PrefixCache& cache_;
  std::size_t max_batch_;
  std::int64_t prefill_chunk_;
  int times_passed_over_ = 0;
  std::deque<std::unique_ptr<Sequence>> waiting_;   // oldest first
  std::vector<std::unique_ptr<Sequence>> running_;  // oldest first
};

}  // namespace peira::model
