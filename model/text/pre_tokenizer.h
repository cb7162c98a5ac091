// Cuts text into the words that BPE merges within: tokenizer.json's "pre_tokenizer".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/text/pattern.h"

namespace peira::model {

enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

// The steps of a pre-tokenizer, in order. threads: words() may be called from any, each with its
// own Scratch.
class PreTokenizer {
 public:
  PreTokenizer() = default;  // a text is one word
  // throws Error(kData): a part that is unknown or wrong.
  PreTokenizer(const Json& description, const std::string& where);

  // The last step is ByteLevel: words are bytes, to be spelled in the byte alphabet.
  bool gives_bytes() const { return gives_bytes_; }

  // Calls word(text) for each word of `text` (valid UTF-8), in order; none is empty.
  // at_start  `text` begins where the whole input does, which Metaspace's "first" asks for.
  void words(std::string_view text, bool at_start, Regex::Scratch& scratch,
             const std::function<void(std::string_view)>& word) const;

 private:
  struct Step {
    enum class Kind {
      kSplit,   // at a pattern
      kDigits,  // the others at kinds of characters
      kPunctuation,
      kWhitespace,
      kWordsAndSymbols,
      kPrefix,        // puts `content` in front where it is not there already
      kReplaceSpace,  // with `content`
      kByteLevel      // spells bytes in the alphabet
    };
    Kind kind;
    SplitBehavior behavior = SplitBehavior::kIsolated;
    bool invert = false;
    bool only_at_start = false;  // kPrefix
    std::optional<Pattern> pattern = {};
    std::string content = {};
  };
  // A text and, where the matcher's tables differ, what it sees in its place.
  struct Piece {
    std::string_view text;
    std::string_view seen;
    bool at_start;
  };
  using Word = std::function<void(std::string_view)>;

  void add(const Json& description, const std::string& where, int depth);
  void add_metaspace(const Json& description, const std::string& where);
  void run(std::size_t step, const Piece& piece, Regex::Scratch& scratch, const Word& word) const;
  void split(std::size_t step, const Piece& piece, Regex::Scratch& scratch, const Word& word) const;
  void rewrite(std::size_t step, const Piece& piece, Regex::Scratch& scratch,
               const Word& word) const;

  std::vector<Step> steps_;
  bool gives_bytes_ = false;
  bool has_regex_ = false;
};

}  // namespace peira::model
