#include "model/text/guided/guided_grammar.h"

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "base/error.h"
#include "model/text/guided/grammar.h"
#include "model/text/guided/matcher.h"
#include "model/text/guided/pattern.h"
#include "model/text/guided/schema_grammar.h"

namespace peira::model::guided {
namespace {

// What all guides of one grammar share: what one finds out serves the others.
class SharedMatcher {
 public:
  SharedMatcher(std::shared_ptr<const Grammar> grammar, Grammar::Rule root,
                std::shared_ptr<const Vocabulary> vocabulary)
      : vocabulary_(std::move(vocabulary)), matcher_(std::move(grammar), root) {}

  // A place in the text: a state of the matcher, as long as it forgets nothing.
  struct Position {
    Matcher::State state = Matcher::kDead;
    std::uint64_t generation = 0;
    bool may_end = false, must_end = false;
  };

  Position start() {
    const std::lock_guard lock(mutex_);
    return position(matcher_.start());
  }
  // From `position`, which `text` led to, on by `bytes`.
  Position next(const Position& from, const std::string& text, std::string_view bytes) {
    const std::lock_guard lock(mutex_);
    return position(matcher_.next(refreshed(from, text), bytes));
  }
  std::shared_ptr<const std::vector<std::uint64_t>> allowed(const Position& at,
                                                            const std::string& text) {
    const std::lock_guard lock(mutex_);
    if (matcher_.forget_if_large()) ++generation_;
    // Every token adds a byte at least, so no text is the start.
    if (text.empty() && vocabulary_->differs_at_start()) {
      if (!allowed_at_start_) {
        allowed_at_start_ = matcher_.find_allowed(matcher_.start(), vocabulary_->at_start());
      }
      return allowed_at_start_;
    }
    return matcher_.allowed(refreshed(at, text), *vocabulary_);
  }
  // What `token` adds behind `text`.
  const std::string& bytes(const std::string& text, std::int32_t token) const {
    return (text.empty() ? vocabulary_->at_start() : *vocabulary_).bytes(token);
  }

 private:
  Position position(Matcher::State state) const {
    return {state, generation_, matcher_.may_end(state), matcher_.must_end(state)};
  }
  Matcher::State refreshed(const Position& at, const std::string& text) {
    return at.generation == generation_ ? at.state : matcher_.next(matcher_.start(), text);
  }

  std::mutex mutex_;
  std::shared_ptr<const Vocabulary> vocabulary_;
  Matcher matcher_;
  std::uint64_t generation_ = 0;
  std::shared_ptr<const std::vector<std::uint64_t>> allowed_at_start_;
};

class Guide : public TokenGuide {
 public:
  explicit Guide(std::shared_ptr<SharedMatcher> matcher)
      : matcher_(std::move(matcher)), at_(matcher_->start()) {}

  std::span<const std::uint64_t> allowed() override {
    mask_ = matcher_->allowed(at_, text_);
    return *mask_;
  }
  void accept(std::int32_t token) override {
    const std::string& bytes = matcher_->bytes(text_, token);
    at_ = matcher_->next(at_, text_, bytes);
    text_ += bytes;
    if (at_.state == Matcher::kDead) {
      throw std::logic_error("a token that the grammar does not allow: " + std::to_string(token));
    }
  }
  bool may_end() const override { return at_.may_end; }
  bool must_end() const override { return at_.must_end; }

 private:
  std::shared_ptr<SharedMatcher> matcher_;
  std::string text_;
  SharedMatcher::Position at_;
  std::shared_ptr<const std::vector<std::uint64_t>> mask_;
};

class Compiled : public GuidedGrammar {
 public:
  Compiled(std::shared_ptr<const Grammar> grammar, Grammar::Rule root,
           std::shared_ptr<const Vocabulary> vocabulary, const std::string& where)
      : matcher_(std::make_shared<SharedMatcher>(std::move(grammar), root, std::move(vocabulary))) {
    const auto guide = start();
    const std::span<const std::uint64_t> first = guide->allowed();
    if (!guide->may_end() &&
        std::all_of(first.begin(), first.end(), [](std::uint64_t word) { return word == 0; })) {
      throw Error(ErrorCode::kData,
                  where +
                      ": no token can be the first: the tokenizer drops a space at the start of an "
                      "answer\n  try: let answers begin with something else than a space");
    }
  }
  std::unique_ptr<TokenGuide> start() const override { return std::make_unique<Guide>(matcher_); }
  bool accepts(std::string_view text) const override {
    return matcher_->next(matcher_->start(), std::string(), text).may_end;
  }

 private:
  std::shared_ptr<SharedMatcher> matcher_;
};

}  // namespace

std::shared_ptr<const GuidedGrammar> compile_json_schema(
    const OrderedJson& schema, std::shared_ptr<const Vocabulary> vocabulary,
    const std::string& where) {
  auto grammar = std::make_shared<Grammar>(where);
  const Grammar::Rule root = add_schema(*grammar, schema, where, vocabulary->single_bytes());
  return std::make_shared<Compiled>(std::move(grammar), root, std::move(vocabulary), where);
}

std::shared_ptr<const GuidedGrammar> compile_regex(std::string_view pattern,
                                                   std::shared_ptr<const Vocabulary> vocabulary,
                                                   const std::string& where) {
  auto grammar = std::make_shared<Grammar>(where);
  const Grammar::Rule root = grammar->add_rule();
  const Grammar::State end = grammar->add_state();
  grammar->accept(end);
  const CharNfa texts = parse_pattern(pattern, PatternMatch::kWhole, where);
  grammar->add_chars(grammar->start(root), texts, Spelling::kPlain, end);
  if (!grammar->remove_dead_ends(vocabulary->single_bytes(), root)) {
    throw Error(ErrorCode::kData, where +
                                      ": no text matches the pattern, or the vocabulary lacks "
                                      "its characters");
  }
  return std::make_shared<Compiled>(std::move(grammar), root, std::move(vocabulary), where);
}

}  // namespace peira::model::guided
