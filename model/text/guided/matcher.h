// A grammar being followed byte by byte, and which tokens it lets through: a lazy automaton.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/text/guided/grammar.h"
#include "model/text/guided/vocabulary.h"

namespace peira::model::guided {

// States are sets of places in the grammar with what each must return to, found once and kept, as
// are the tokens that each lets through; so that in the steady state a step is one look-up. A set
// of more than kMaxPlaces takes nothing: what is written then is still of the grammar.
// threads: one at a time.
class Matcher {
 public:
  using State = std::uint32_t;
  static constexpr State kDead = 0;
  static constexpr std::size_t kMaxPlaces = 4'000;
  static constexpr std::size_t kMaxMemoryBytes = std::size_t{256} << 20U;

  // grammar  without dead ends.
  Matcher(std::shared_ptr<const Grammar> grammar, Grammar::Rule root);

  State start() const { return start_; }
  State next(State state, unsigned char byte);
  State next(State state, std::string_view bytes);
  bool may_end(State state) const { return states_[state].may_end; }
  bool must_end(State state) const { return may_end(state) && states_[state].places.empty(); }

  // The tokens that may come next, a bit each. Lives on when the matcher forgets.
  std::shared_ptr<const std::vector<std::uint64_t>> allowed(State state,
                                                            const Vocabulary& vocabulary);

  // The same, found anew each time: for the start of a text, where tokens may have other bytes.
  std::shared_ptr<const std::vector<std::uint64_t>> find_allowed(State state,
                                                                 const Vocabulary& vocabulary);

  // Forgets all states if they take more than kMaxMemoryBytes; true if it did. States must then be
  // found again from start().
  bool forget_if_large();

 private:
  struct Place {
    Grammar::State state;
    std::uint32_t stack;  // number of a Frame; 0: nothing to return to
    auto operator<=>(const Place&) const = default;
  };
  struct Frame {
    Grammar::State state;  // where to go on
    std::uint32_t parent;
    auto operator<=>(const Frame&) const = default;
  };
  struct StateInfo {
    std::vector<Place> places;  // sorted; each can take a byte
    bool may_end = false;
    std::shared_ptr<const std::vector<std::uint64_t>> allowed;
  };
  struct PlacesHash {
    std::size_t operator()(const std::vector<Place>& places) const;
  };

  void reset();
  State intern(std::vector<Place> work);
  std::uint32_t push(Frame frame);

  std::shared_ptr<const Grammar> grammar_;
  Grammar::Rule root_;
  std::vector<std::uint8_t> class_of_;  // [256]: bytes that no edge tells apart
  std::size_t num_classes_ = 0;
  State start_ = kDead;

  std::vector<StateInfo> states_;
  std::vector<std::int32_t> next_;  // [states, classes]; -1: not found yet
  std::unordered_map<std::vector<Place>, State, PlacesHash> known_[2];  // by may_end
  std::vector<Frame> frames_;
  std::unordered_map<std::uint64_t, std::uint32_t> known_frames_;
  std::size_t num_places_ = 0, mask_bytes_ = 0;
  std::vector<State> trail_;  // of allowed(): the state at each depth of the trie
};

}  // namespace peira::model::guided
