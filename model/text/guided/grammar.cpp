#include "model/text/guided/grammar.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <utility>

#include "base/error.h"

namespace peira::model::guided {
namespace {

// The letter after the backslash, for characters that have one.
std::optional<char> short_escape(char32_t c) {
  switch (c) {
    case '"':
      return '"';
    case '\\':
      return '\\';
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return std::nullopt;
  }
}

// Characters that a JSON string holds as they are.
CodePointSet unescaped() { return CodePointSet({{0x20, 0x21}, {0x23, 0x5B}, {0x5D, 0x10FFFF}}); }

struct ByteRange {
  unsigned char first, last;
  auto operator<=>(const ByteRange&) const = default;
};
using Utf8Sequence = std::vector<ByteRange>;

// Calls `take` with byte ranges that together spell first..last, code points of one encoded length
// `size`. Each range of lead bytes is either whole or a single byte, so that the sequences of
// disjoint code points share leads exactly or not at all.
template <typename Take>
void split_range(char32_t first, char32_t last, int size, const Take& take) {
  for (int i = 1; i < size; ++i) {
    const char32_t mask = (char32_t{1} << (6U * static_cast<unsigned>(i))) - 1;
    if ((first & ~mask) == (last & ~mask)) continue;
    if ((first & mask) != 0) {
      split_range(first, first | mask, size, take);
      split_range((first | mask) + 1, last, size, take);
      return;
    }
    if ((last & mask) != mask) {
      split_range(first, (last & ~mask) - 1, size, take);
      split_range(last & ~mask, last, size, take);
      return;
    }
  }
  constexpr std::array<unsigned, 5> kLead{0, 0x00, 0xC0, 0xE0, 0xF0};
  Utf8Sequence sequence(static_cast<std::size_t>(size));
  for (int i = size - 1; i >= 0; --i) {
    const unsigned mark = i == 0 ? kLead[static_cast<std::size_t>(size)] : 0x80;
    const char32_t low = i == 0 ? first : first & 0x3F;
    const char32_t high = i == 0 ? last : last & 0x3F;
    sequence[static_cast<std::size_t>(i)] = {static_cast<unsigned char>(mark | low),
                                             static_cast<unsigned char>(mark | high)};
    first >>= 6U;
    last >>= 6U;
  }
  take(sequence);
}

template <typename Take>
void split_utf8(const CodePointSet& set, const Take& take) {
  constexpr std::array<char32_t, 4> kLastOfSize{0x7F, 0x7FF, 0xFFFF, 0x10FFFF};
  for (const CodePointRange& range : set.ranges()) {
    char32_t first = range.first;
    for (int size = 1; size <= 4 && first <= range.last; ++size) {
      const char32_t last = std::min(range.last, kLastOfSize[static_cast<std::size_t>(size - 1)]);
      if (first > last) continue;
      split_range(first, last, size, take);
      first = last + 1;
    }
  }
}

}  // namespace

Grammar::Rule Grammar::add_rule() {
  starts_.push_back(add_state());
  return static_cast<Rule>(starts_.size() - 1);
}

Grammar::State Grammar::add_state() {
  if (edges_.size() >= kMaxGrammarStates) {
    throw Error(ErrorCode::kData, where_ + ": the grammar has more than " +
                                      std::to_string(kMaxGrammarStates) +
                                      " states\n  try: smaller lengths, counts or enumerations");
  }
  edges_.emplace_back();
  accepts_.push_back(false);
  return static_cast<State>(edges_.size() - 1);
}

Grammar::State Grammar::add_text(State from, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const State to = add_state();
    add_bytes(from, byte, byte, to);
    from = to;
  }
  return from;
}

Grammar::State Grammar::share_text(State from, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const auto [found, is_new] = shared_.try_emplace({from, byte}, 0);
    if (is_new) {
      found->second = add_state();
      add_bytes(from, byte, byte, found->second);
    }
    from = found->second;
  }
  return from;
}

Grammar::State Grammar::share_free(State from) {
  const auto [found, is_new] = shared_.try_emplace({from, -1}, 0);
  if (is_new) {
    found->second = add_state();
    add_free(from, found->second);
  }
  return found->second;
}

void Grammar::add_code_points(State from, const CodePointSet& set, State to) {
  std::map<std::pair<State, ByteRange>, State> next;
  split_utf8(set, [&](const Utf8Sequence& sequence) {
    State state = from;
    for (std::size_t i = 0; i + 1 < sequence.size(); ++i) {
      const auto [found, is_new] = next.try_emplace({state, sequence[i]}, 0);
      if (is_new) {
        found->second = add_state();
        add_bytes(state, sequence[i].first, sequence[i].last, found->second);
      }
      state = found->second;
    }
    add_bytes(state, sequence.back().first, sequence.back().last, to);
  });
}

Grammar::Rule Grammar::rule_of(const CodePointSet& set, Spelling spelling) {
  if (const auto found = set_rules_.find({set, spelling}); found != set_rules_.end()) {
    return found->second;
  }
  const Rule rule = add_rule();
  const State end = add_state();
  accept(end);
  if (spelling == Spelling::kPlain) {
    add_code_points(start(rule), set, end);
  } else {
    add_code_points(start(rule), set.intersect(unescaped()), end);
    const CodePointSet escaped_ones = set.intersect(unescaped().complement());
    for (const CodePointRange& range : escaped_ones.ranges()) {
      for (char32_t c = range.first; c <= range.last; ++c) {
        const State escaped = share_text(start(rule), "\\");
        if (const auto letter = short_escape(c)) {
          const auto byte = static_cast<unsigned char>(*letter);
          add_bytes(escaped, byte, byte, end);
          continue;
        }
        const State digit =
            share_text(share_text(escaped, "u00"), std::string_view(c < 0x10 ? "0" : "1"));
        const char32_t low = c & 0xF;
        if (low < 10) {
          const auto byte = static_cast<unsigned char>('0' + low);
          add_bytes(digit, byte, byte, end);
        } else {
          for (const char ten : {'a', 'A'}) {
            const auto byte = static_cast<unsigned char>(static_cast<char32_t>(ten) + low - 10);
            add_bytes(digit, byte, byte, end);
          }
        }
      }
    }
  }
  set_rules_.emplace(std::pair(set, spelling), rule);
  return rule;
}

void Grammar::add_chars(State from, const CharNfa& nfa, Spelling spelling, State to) {
  if (nfa.states.empty()) return;
  std::vector<State> states(nfa.states.size());
  for (State& state : states) state = add_state();
  add_free(from, states[0]);
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (nfa.states[i].accepts) add_free(states[i], to);
    for (const CharNfa::Edge& edge : nfa.states[i].edges) {
      add_call(states[i], rule_of(edge.set, spelling), states[edge.target]);
    }
  }
}

bool Grammar::remove_dead_ends(const std::bitset<256>& bytes, Rule root) {
  for (std::vector<Edge>& edges : edges_) {
    std::vector<Edge> kept;
    for (const Edge& edge : edges) {
      if (edge.kind != EdgeKind::kBytes) {
        kept.push_back(edge);
        continue;
      }
      // Split where the vocabulary has no token for a byte.
      for (int byte = edge.first; byte <= edge.last;) {
        if (!bytes[static_cast<std::size_t>(byte)]) {
          ++byte;
          continue;
        }
        Edge piece = edge;
        piece.first = static_cast<unsigned char>(byte);
        while (byte <= edge.last && bytes[static_cast<std::size_t>(byte)]) ++byte;
        piece.last = static_cast<unsigned char>(byte - 1);
        kept.push_back(piece);
      }
    }
    edges = std::move(kept);
  }
  // A state is live when it accepts, or has an edge whose target and rule are live.
  std::vector<std::vector<State>> waiting(edges_.size());
  live_.assign(edges_.size(), false);
  std::vector<State> work;
  const auto is_way_on = [&](const Edge& edge) {
    return live_[edge.target] && (edge.kind != EdgeKind::kCall || live_[starts_[edge.rule]]);
  };
  for (State state = 0; state < edges_.size(); ++state) {
    for (const Edge& edge : edges_[state]) {
      waiting[edge.target].push_back(state);
      if (edge.kind == EdgeKind::kCall) waiting[starts_[edge.rule]].push_back(state);
    }
    if (accepts_[state]) {
      live_[state] = true;
      work.push_back(state);
    }
  }
  while (!work.empty()) {
    const State state = work.back();
    work.pop_back();
    for (const State source : waiting[state]) {
      if (live_[source]) continue;
      if (!std::any_of(edges_[source].begin(), edges_[source].end(), is_way_on)) continue;
      live_[source] = true;
      work.push_back(source);
    }
  }
  for (std::vector<Edge>& edges : edges_) std::erase_if(edges, std::not_fn(is_way_on));
  return live_[starts_[root]];
}

std::string json_spelling(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (const auto letter = short_escape(byte)) {
      out += '\\';
      out += *letter;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4U];
      out += kHex[byte & 0xFU];
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace peira::model::guided
