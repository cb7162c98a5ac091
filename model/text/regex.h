// A tokenizer's regular expression: Oniguruma's dialect (what Hugging Face tokenizers run), matched
// by PCRE2 over UTF-8.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace peira::model {

struct RegexMatch {
  std::size_t begin;  // bytes
  std::size_t end;
};

// A compiled pattern. threads: find() may be called from any, each with its own Scratch.
class Regex {
 public:
  // Room for the matcher's work, taken at the first use; serves any number of patterns, one at a
  // time.
  class Scratch {
   public:
    Scratch();
    ~Scratch();
    Scratch(Scratch&&) noexcept;
    Scratch& operator=(Scratch&&) noexcept;

   private:
    friend class Regex;
    struct State;
    std::unique_ptr<State> state_;
  };

  // where   named in errors, e.g. "tokenizer.json: pre_tokenizer".
  // throws  Error(kData): the pattern is wrong or uses what the two dialects do not share.
  Regex(std::string_view pattern, const std::string& where);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  // The first match in `subject`, valid UTF-8, that begins at `from` or later.
  // throws Error(kData): the pattern needs more steps than a sane one.
  std::optional<RegexMatch> find(std::string_view subject, std::size_t from,
                                 Scratch& scratch) const;

 private:
  struct Code;
  std::unique_ptr<Code> code_;
};

// `text` with the code points that PCRE2's Unicode tables judge otherwise than Oniguruma's put
// as others of the same length and of the kind Oniguruma sees; empty when there are none. Offsets
// found in one hold for the other.
std::string shadow_for_matching(std::string_view text);

}  // namespace peira::model
