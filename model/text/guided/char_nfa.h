// Finite automata over characters: what patterns, lengths and number ranges become, and can be met
// in one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/text/guided/code_points.h"

namespace peira::model::guided {

// Most states and edges of one automaton; more is refused, as what a schema asks for by mistake.
constexpr std::size_t kMaxCharStates = 50'000;
constexpr std::size_t kMaxCharEdges = 200'000;

// No edge is free: every one takes a character. State 0 is the start.
struct CharNfa {
  struct Edge {
    CodePointSet set;
    std::uint32_t target;
  };
  struct State {
    std::vector<Edge> edges;
    bool accepts = false;
  };
  std::vector<State> states;

  // Adds a state and returns its number. throws Error(kData): there are too many, says `where`.
  std::uint32_t add_state(const std::string& where);
};

// Texts of `min` to `max` characters.
CharNfa text_of_length(std::uint64_t min, std::optional<std::uint64_t> max,
                       const std::string& where);

// All texts but `words`.
CharNfa text_except(std::span<const std::string> words, const std::string& where);

// Texts that both accept, without states that lead nowhere: no states at all when there are none.
// throws Error(kData): it would be too large.
CharNfa intersect(const CharNfa& a, const CharNfa& b, const std::string& where);

// Whether `text`, valid UTF-8, is accepted.
bool accepts(const CharNfa& nfa, std::string_view text);

}  // namespace peira::model::guided
