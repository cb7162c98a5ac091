// Text to token ids and back: BPE of both kinds, byte-level and SentencePiece-style with byte
// fallback, as Hugging Face's tokenizer.json describes it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/text/decode_state.h"

namespace peira::model {

// A loaded tokenizer. threads: all const members may be called from any.
class Tokenizer {
 public:
  // text   the whole of tokenizer.json; not needed after the call.
  // where  named in errors, e.g. "Qwen3-0.6B/tokenizer.json".
  // throws Error(kData): not well formed, or a part that is not supported (names it and those that
  //        are).
  Tokenizer(std::string_view text, const std::string& where);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  // Added tokens in `text` are recognised. Bytes that are not UTF-8 become U+FFFD first.
  // add_special_tokens  puts around it what the post-processor says (<s>, for one): for raw text. A
  //                     rendered chat template has them already and takes false: never two of them.
  // cost                about linear in the text, whatever it is.
  std::vector<std::int32_t> encode(std::string_view text, bool add_special_tokens = false) const;

  // What encode(text, true) puts before and after the tokens of `text`; empty: nothing.
  std::span<const std::int32_t> tokens_before() const;
  std::span<const std::int32_t> tokens_after() const;
  bool adds_bos() const { return !tokens_before().empty(); }

  // The text of `ids`; byte sequences that are not UTF-8 become U+FFFD, ids without a token
  // nothing. skip_special  leaves out the tokens marked special.
  std::string decode(std::span<const std::int32_t> ids, bool skip_special) const;

  // The largest id there is, plus one.
  std::int32_t id_limit() const;
  std::optional<std::int32_t> find(std::string_view token) const;  // by its text in the vocabulary
  std::string_view token(std::int32_t id) const;  // as the vocabulary spells it; empty: no such id
  // What it adds to decoded text, as the first token of it or a later one: a part of a character,
  // too. Many tokenizers drop a space at the start.
  std::string bytes(std::int32_t id, bool at_start) const;
  // Whether decode() gives those bytes joined: nothing is rewritten across tokens.
  bool joins_bytes() const;
  bool is_special(std::int32_t id) const;

 private:
  friend class StreamDecoder;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Decodes a growing list of ids piece by piece; the pieces joined are what decode() gives for all.
// Each is valid UTF-8. threads: one at a time.
// The tokenizer must outlive it.
class StreamDecoder {
 public:
  StreamDecoder(const Tokenizer& tokenizer, bool skip_special);

  // The text that `id` settles: empty while a character is not whole. A run of fallback bytes is
  // settled by the token behind it.
  std::string push(std::int32_t id);
  // What is left, as U+FFFD: the ids ended inside a character.
  std::string finish();

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_;
  DecodeState state_;
};

}  // namespace peira::model
