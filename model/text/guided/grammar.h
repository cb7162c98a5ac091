// Texts as bytes: a recursive transition network over UTF-8, the form in which tokens are tried.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "model/text/guided/char_nfa.h"

namespace peira::model::guided {

constexpr std::size_t kMaxGrammarStates = 2'000'000;

// How characters are written: as they are, or inside a JSON string. There every character has one
// spelling (but for the case of hexadecimal digits): itself, or the shortest escape where JSON asks
// for one.
enum class Spelling { kPlain, kJson };

// Rules of states; an edge takes a byte, nothing, or whatever another rule takes.
// No rule may reach itself before a byte is taken.
class Grammar {
 public:
  using State = std::uint32_t;
  using Rule = std::uint32_t;
  enum class EdgeKind : std::uint8_t { kBytes, kFree, kCall };
  struct Edge {
    EdgeKind kind;
    unsigned char first, last;  // kBytes, inclusive
    Rule rule;                  // kCall
    State target;
  };

  // `where` is named in errors. throws, here and below, Error(kData): more than kMaxGrammarStates.
  explicit Grammar(std::string where) : where_(std::move(where)) {}

  Rule add_rule();
  State start(Rule rule) const { return starts_[rule]; }
  State add_state();
  void accept(State state) { accepts_[state] = true; }
  void add_free(State from, State to) { edges_[from].push_back({EdgeKind::kFree, 0, 0, 0, to}); }
  void add_bytes(State from, unsigned char first, unsigned char last, State to) {
    edges_[from].push_back({EdgeKind::kBytes, first, last, 0, to});
  }
  void add_call(State from, Rule rule, State to) {
    edges_[from].push_back({EdgeKind::kCall, 0, 0, rule, to});
  }
  // The state after `text`, on edges of its own; on shared ones where the same text or the
  // beginning of it was shared from `from` before.
  State add_text(State from, std::string_view text);
  State share_text(State from, std::string_view text);
  State share_free(State from);  // behind a free edge, the same state every time

  // From `from` to `to` by any text of `nfa`.
  void add_chars(State from, const CharNfa& nfa, Spelling spelling, State to);
  // A rule that takes one character of `set`; the same for equal sets.
  Rule rule_of(const CodePointSet& set, Spelling spelling);

  // Takes out all edges from which no text of bytes in `bytes` comes to an end; false when `root`
  // has no text left.
  bool remove_dead_ends(const std::bitset<256>& bytes, Rule root);
  bool is_live(Rule rule) const { return live_.at(starts_[rule]); }  // after remove_dead_ends()

  std::size_t num_states() const { return edges_.size(); }
  const std::vector<Edge>& edges(State state) const { return edges_[state]; }
  bool accepts(State state) const { return accepts_[state]; }

 private:
  void add_code_points(State from, const CodePointSet& set, State to);

  std::string where_;
  std::vector<std::vector<Edge>> edges_;
  std::vector<bool> accepts_;
  std::vector<State> starts_;
  std::vector<bool> live_;
  std::map<std::pair<State, int>, State> shared_;  // by byte; -1: behind a free edge
  std::map<std::pair<CodePointSet, Spelling>, Rule> set_rules_;
};

// `text`, valid UTF-8, as it stands between the quotes of a JSON string.
std::string json_spelling(std::string_view text);

}  // namespace peira::model::guided
