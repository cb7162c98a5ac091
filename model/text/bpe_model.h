// The BPE model of a tokenizer.json: its vocabulary, merges and options, and how a word becomes
// ids.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "model/text/bpe.h"
#include "model/text/json_reader.h"

namespace peira::model {

// Which characters a merge may join: `false` for a pair means that none does, so that a text can be
// cut between them and its parts encoded apart. Answers `true` for some pairs too many.
class Joints {
 public:
  void add(char32_t left, char32_t right);
  bool may_join(char32_t left, char32_t right) const {
    const std::size_t bit = bit_of(left, right);
    return ((bits_[bit / 64] >> (bit % 64)) & 1U) != 0;
  }
  bool is_empty() const { return bits_.empty(); }

 private:
  static constexpr unsigned kLogBits = 20;
  static std::size_t bit_of(char32_t left, char32_t right) {
    const std::uint64_t pair = (std::uint64_t{left} << 32U) | right;
    return static_cast<std::size_t>((pair * 0x9E3779B97F4A7C15ULL) >> (64 - kLogBits));
  }
  std::vector<std::uint64_t> bits_;
};

// threads: const members from any, each with its own WordCache.
class BpeModel {
 public:
  // Room for what a file of this size holds, a hint.
  void reserve(std::size_t file_bytes);
  // Reads the value of "model". throws Error(kData): not well formed, or not a BPE of this kind.
  void read(JsonReader& reader);
  // words_are_bytes  what append_word gets: bytes for a byte-level vocabulary, or text as it is.
  void prepare(bool words_are_bytes);

  // Appends the ids of `word` to `out`.
  void append_word(std::string_view word, WordCache& cache, std::vector<std::int32_t>& out) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  void read_vocabulary(JsonReader& reader);
  void read_merges(JsonReader& reader);
  void read_options(const std::vector<std::pair<std::string, Json>>& options,
                    const std::string& where);
  void find_joints();
  std::int32_t symbol(char32_t code_point, std::string_view character) const;
  bool append_whole(std::string_view word, std::vector<std::int32_t>& out) const;
  void append_bytes(std::string_view word, std::vector<std::int32_t>& out) const;
  void append_characters(std::string_view text, std::vector<std::int32_t>& out) const;
  void append_part(std::string_view text, WordCache& cache, std::vector<std::int32_t>& out) const;
  void append_text(std::string_view text, WordCache& cache, std::vector<std::int32_t>& out) const;

  Vocabulary vocabulary_;
  Merges merges_;
  std::vector<std::pair<std::int32_t, std::int32_t>> pairs_;  // as read; let go by prepare()
  std::optional<std::int32_t> unknown_;
  bool fuse_unknown_ = false;
  bool byte_fallback_ = false;
  bool ignore_merges_ = false;
  bool words_are_bytes_ = false;
  bool bytes_have_tokens_ = false;               // each byte's character is in the vocabulary
  std::array<std::int32_t, 256> byte_tokens_{};  // words_are_bytes_: the byte's character's, or -1
  std::array<std::int32_t, 256> fallback_{};     // the ids of <0x00> to <0xFF>, or -1
  std::vector<std::int32_t> symbols_;            // by code point below 2^16: its token, or -1
  Joints joints_;                                // empty: words are not cut
};

}  // namespace peira::model
