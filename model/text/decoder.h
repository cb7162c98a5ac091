// Token texts back to text: tokenizer.json's "decoder".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/text/decode_state.h"
#include "model/text/pattern.h"

namespace peira::model {

// ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace and Sequences of them; none joins tokens
// with spaces. Tokens go through one after the other, so that what is settled can be shown.
// threads: const members from any, each with its own DecodeState.
class Decoder {
 public:
  Decoder() = default;
  // throws Error(kData): a part that is unknown or wrong.
  Decoder(const Json& description, const std::string& where);

  // Takes the texts of ids 0 to num_tokens - 1, empty where there is none, and does to each what
  // needs no neighbours.
  void prepare(std::int32_t num_tokens,
               const std::function<std::string_view(std::int32_t)>& token_text,
               const std::string& where);

  // What `id` alone adds to a text, at its start or later: bytes that may be a part of a character.
  // What is stripped at a text's end is not: that is not known of a token.
  std::string bytes(std::int32_t id, bool at_start) const;
  // Whether a text is those bytes joined: nothing is rewritten across tokens.
  bool joins_bytes() const;

  DecodeState begin() const { return {std::vector<DecodeState::Stage>(stages_.size())}; }
  // Appends to `out` what `id` settles, and at the end what is left. `out` grows by whole
  // characters.
  void push(DecodeState& state, std::int32_t id, std::string& out) const;
  void finish(DecodeState& state, std::string& out) const;

 private:
  struct Stage {
    enum class Kind { kReplace, kStrip, kAlphabet, kByteFallback, kMetaspace, kFuse, kUtf8, kJoin };
    Kind kind;
    std::optional<Pattern> pattern = {};  // kReplace
    std::string content = {};             // kReplace, kStrip, kMetaspace: its character
    std::int64_t start = 0;               // kStrip: at most so many at the start and the end
    std::int64_t stop = 0;
    bool keeps_first = false;  // kMetaspace: marks in the first token become spaces too
  };
  // A token, or a part of one: Fuse makes one token of all.
  struct Part {
    std::string_view text;
    bool is_first = true;
    bool is_last = true;
  };
  void add(const Json& description, const std::string& where, int depth);
  static void replace(const Stage& stage, std::string_view text, std::string& out);
  static void strip(const Stage& stage, std::string_view text, std::string& out);
  static void put_spaces(const Stage& stage, std::string_view text, bool is_first,
                         std::string& out);
  void feed(DecodeState& state, std::size_t stage, Part part, std::string& out) const;
  void feed_strip(DecodeState& state, std::size_t stage, Part part, std::string& out) const;
  void feed_whole(DecodeState& state, std::size_t stage, std::string_view token,
                  std::string& out) const;
  void feed_metaspace(DecodeState& state, std::size_t stage, Part part, std::string& out) const;
  void flush_bytes(DecodeState& state, std::size_t stage, std::string& out) const;

  std::vector<Stage> stages_;  // after prepare(): without those done to each token beforehand
  bool has_byte_fallback_ = false;
  std::string texts_;                // each id's prepared text, one after the other
  std::vector<std::uint32_t> ends_;  // [num_tokens], where each ends
};

}  // namespace peira::model
