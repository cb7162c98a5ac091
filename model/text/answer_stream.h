// An answer while it is written: what can be shown of it already, and where it stops.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/text/tokenizer.h"

namespace peira::model {

// A further piece of an answer, whole characters; either part may be empty.
struct TextDelta {
  std::string text;
  std::string reasoning;
};

// Thoughts and what is said, taken apart as text comes: up to </think>, which the prompt or the
// text itself opened, it is thoughts. Line ends around either are left out. Text that closes
// thoughts which nothing opened is told as said, as far as it came.
// threads: one at a time.
class ReasoningSplit {
 public:
  // is_open  the prompt ends inside thoughts.
  explicit ReasoningSplit(bool is_open) : is_open_(is_open) {}
  TextDelta push(std::string_view text);

 private:
  enum class State { kStart, kThoughts, kAnswer, kPlain };
  bool is_open_;
  State state_ = State::kStart;
  bool began_ = false;  // of thoughts or answer: something other than line ends came
  std::string held_;    // what the next text decides
};

// Special tokens that are text all the same, and how they are spelled.
using ShownTokens = std::map<std::int32_t, std::string>;

// Tokens to text, up to the first of the stop strings wherever token borders fall.
// threads: one at a time. The tokenizer must outlive it.
class AnswerStream {
 public:
  // shown  special tokens that are not left out.
  AnswerStream(const Tokenizer& tokenizer, std::vector<std::string> stop, ShownTokens shown = {});

  // Takes the tokens that are new in `tokens`, all generated so far. True: a stop string is there.
  bool take(std::span<const std::int32_t> tokens);
  // What is sure since the last call: nothing that may yet turn out to begin a stop string.
  std::string settled();

 private:
  StreamDecoder decoder_;
  std::vector<std::string> stop_;
  ShownTokens shown_;
  std::string text_;
  std::size_t num_seen_ = 0;
  std::size_t num_given_ = 0;                // bytes of text_ given by settled()
  std::size_t stop_at_ = std::string::npos;  // where the first stop string begins
};

// All of `tokens` as text, special ones left out but for `shown`.
std::string decode_answer(const Tokenizer& tokenizer, std::span<const std::int32_t> tokens,
                          const ShownTokens& shown);

// The first place where one of `stop` begins in `text`, searching those that end after `from`;
// npos: none. Empty ones are none.
std::size_t find_stop(std::string_view text, const std::vector<std::string>& stop,
                      std::size_t from);

}  // namespace peira::model
