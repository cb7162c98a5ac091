#include "model/text/guided/char_nfa.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"

namespace peira::model::guided {
namespace {

// `nfa` without states that cannot reach an accepting one.
CharNfa without_dead_ends(const CharNfa& nfa) {
  std::vector<std::vector<std::uint32_t>> sources(nfa.states.size());
  std::vector<std::uint32_t> work;
  std::vector<bool> is_live(nfa.states.size());
  for (std::uint32_t state = 0; state < nfa.states.size(); ++state) {
    for (const CharNfa::Edge& edge : nfa.states[state].edges) {
      sources[edge.target].push_back(state);
    }
    if (nfa.states[state].accepts) {
      is_live[state] = true;
      work.push_back(state);
    }
  }
  while (!work.empty()) {
    const std::uint32_t state = work.back();
    work.pop_back();
    for (const std::uint32_t source : sources[state]) {
      if (is_live[source]) continue;
      is_live[source] = true;
      work.push_back(source);
    }
  }
  CharNfa out;
  if (nfa.states.empty() || !is_live[0]) return out;
  std::vector<std::uint32_t> renamed(nfa.states.size());
  std::uint32_t count = 0;
  for (std::size_t state = 0; state < nfa.states.size(); ++state) {
    if (is_live[state]) renamed[state] = count++;
  }
  out.states.resize(count);
  for (std::size_t state = 0; state < nfa.states.size(); ++state) {
    if (!is_live[state]) continue;
    CharNfa::State& to = out.states[renamed[state]];
    to.accepts = nfa.states[state].accepts;
    for (const CharNfa::Edge& edge : nfa.states[state].edges) {
      if (is_live[edge.target]) to.edges.push_back({edge.set, renamed[edge.target]});
    }
  }
  return out;
}

}  // namespace

std::uint32_t CharNfa::add_state(const std::string& where) {
  if (states.size() >= kMaxCharStates) {
    throw Error(ErrorCode::kData, where + ": expands to more than " +
                                      std::to_string(kMaxCharStates) +
                                      " states\n  try: smaller repetition counts or lengths");
  }
  states.emplace_back();
  return static_cast<std::uint32_t>(states.size() - 1);
}

CharNfa text_of_length(std::uint64_t min, std::optional<std::uint64_t> max,
                       const std::string& where) {
  CharNfa nfa;
  const std::uint64_t last = max.value_or(min);
  if (max && *max < min) return nfa;
  nfa.add_state(where);
  for (std::uint64_t length = 0; length <= last; ++length) {
    CharNfa::State& state = nfa.states.back();
    state.accepts = length >= min;
    if (length == last) break;
    state.edges.push_back({CodePointSet::all(), static_cast<std::uint32_t>(length + 1)});
    nfa.add_state(where);
  }
  if (!max) {
    nfa.states.back().edges.push_back(
        {CodePointSet::all(), static_cast<std::uint32_t>(nfa.states.size() - 1)});
  }
  return nfa;
}

CharNfa text_except(std::span<const std::string> words, const std::string& where) {
  CharNfa nfa;
  std::vector<std::map<char32_t, std::uint32_t>> next(1);
  nfa.add_state(where);
  nfa.states[0].accepts = true;
  for (const std::string& word : words) {
    std::uint32_t state = 0;
    for (const char32_t c : to_utf32(word)) {
      const auto [found, is_new] = next[state].try_emplace(c, 0);
      if (is_new) {
        const std::uint32_t added = nfa.add_state(where);
        nfa.states[added].accepts = true;
        found->second = added;
        next.emplace_back();
      }
      state = next[state].at(c);
    }
    nfa.states[state].accepts = false;
  }
  // What has left every word is free.
  const std::uint32_t free = nfa.add_state(where);
  nfa.states[free].accepts = true;
  nfa.states[free].edges.push_back({CodePointSet::all(), free});
  for (std::uint32_t state = 0; state < free; ++state) {
    std::vector<CodePointRange> taken;
    for (const auto& [c, target] : next[state]) {
      taken.push_back({c, c});
      nfa.states[state].edges.push_back({CodePointSet::of(c), target});
    }
    nfa.states[state].edges.push_back({CodePointSet(std::move(taken)).complement(), free});
  }
  return nfa;
}

CharNfa intersect(const CharNfa& a, const CharNfa& b, const std::string& where) {
  CharNfa out;
  if (a.states.empty() || b.states.empty()) return out;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> known;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
  const auto state_of = [&](std::uint32_t in_a, std::uint32_t in_b) {
    const auto [found, is_new] = known.try_emplace({in_a, in_b}, 0);
    if (is_new) {
      found->second = out.add_state(where);
      out.states.back().accepts = a.states[in_a].accepts && b.states[in_b].accepts;
      pairs.emplace_back(in_a, in_b);
    }
    return found->second;
  };
  state_of(0, 0);
  std::size_t num_edges = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto [in_a, in_b] = pairs[i];
    for (const CharNfa::Edge& edge_a : a.states[in_a].edges) {
      for (const CharNfa::Edge& edge_b : b.states[in_b].edges) {
        CodePointSet both = edge_a.set.intersect(edge_b.set);
        if (both.empty()) continue;
        if (++num_edges > kMaxCharEdges) {
          throw Error(ErrorCode::kData, where + ": its constraints together need more than " +
                                            std::to_string(kMaxCharEdges) + " edges");
        }
        const std::uint32_t target = state_of(edge_a.target, edge_b.target);
        out.states[i].edges.push_back({std::move(both), target});
      }
    }
  }
  return without_dead_ends(out);
}

bool accepts(const CharNfa& nfa, std::string_view text) {
  if (nfa.states.empty()) return false;
  std::vector<std::uint32_t> current{0};
  for (const char32_t c : to_utf32(text)) {
    std::vector<std::uint32_t> next;
    for (const std::uint32_t state : current) {
      for (const CharNfa::Edge& edge : nfa.states[state].edges) {
        if (edge.set.contains(c)) next.push_back(edge.target);
      }
    }
    std::sort(next.begin(), next.end());
    next.erase(std::unique(next.begin(), next.end()), next.end());
    current = std::move(next);
  }
  return std::any_of(current.begin(), current.end(),
                     [&](std::uint32_t state) { return nfa.states[state].accepts; });
}

}  // namespace peira::model::guided
