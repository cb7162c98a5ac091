// What the engine asks of a grammar that its output must obey. Knows no text: tokens are ids.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace peira::model {

// Follows one sequence through a grammar.
// threads: one at a time; the guides of one grammar may be used from several.
class TokenGuide {
 public:
  virtual ~TokenGuide() = default;

  // One bit per token id, the lowest bit of word 0 first: set where the token may come next. Ids
  // past its end may not. Stop tokens have no part in it. Valid until the next call of this guide.
  virtual std::span<const std::uint64_t> allowed() = 0;
  // Takes the next token, which must be one of allowed().
  virtual void accept(std::int32_t token) = 0;
  virtual bool may_end() const = 0;   // what was accepted is complete
  virtual bool must_end() const = 0;  // and no token can follow
};

// A grammar made ready for one vocabulary. Immutable to its users. threads: any.
class TokenGrammar {
 public:
  virtual ~TokenGrammar() = default;
  // A guide at the beginning; it keeps this alive.
  virtual std::unique_ptr<TokenGuide> start() const = 0;
};

}  // namespace peira::model
