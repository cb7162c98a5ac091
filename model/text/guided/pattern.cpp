#include "model/text/guided/pattern.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "model/text/unicode.h"

namespace peira::model::guided {
namespace {

constexpr int kMaxDepth = 200;  // of groups
constexpr std::uint64_t kMaxCount = 1'000'000;

CodePointSet digits() { return CodePointSet({{'0', '9'}}); }
CodePointSet word_characters() {
  return CodePointSet({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}});
}
// WhiteSpace and LineTerminator of ECMA-262.
CodePointSet white_space() {
  return CodePointSet({{9, 13},
                       {' ', ' '},
                       {0xA0, 0xA0},
                       {0x1680, 0x1680},
                       {0x2000, 0x200A},
                       {0x2028, 0x2029},
                       {0x202F, 0x202F},
                       {0x205F, 0x205F},
                       {0x3000, 0x3000},
                       {0xFEFF, 0xFEFF}});
}
CodePointSet line_terminators() {
  return CodePointSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}});
}

// By name, of one letter and of two.
const std::map<std::string, CodePointSet>& general_categories() {
  static const std::map<std::string, CodePointSet> categories = [] {
    std::map<std::string, std::vector<CodePointRange>> ranges;
    const auto add = [&](const std::string& name, char32_t c) {
      std::vector<CodePointRange>& list = ranges[name];
      if (!list.empty() && list.back().last + 1 == c) {
        list.back().last = c;
      } else {
        list.push_back({c, c});
      }
    };
    for (char32_t c = 0; c <= 0x10FFFF; ++c) {
      const std::string name(general_category(c));
      if (name == "Cs") continue;  // surrogates: in no text
      add(name, c);
      add(name.substr(0, 1), c);
    }
    std::map<std::string, CodePointSet> out;
    for (auto& [name, list] : ranges) out.emplace(name, CodePointSet(std::move(list)));
    return out;
  }();
  return categories;
}

struct Node {
  enum class Kind { kSet, kSequence, kChoice, kRepeat, kBegin, kEnd };
  Kind kind = Kind::kSequence;
  CodePointSet set = {};                             // kSet
  std::vector<std::unique_ptr<Node>> children = {};  // kSequence, kChoice; kRepeat has one
  std::uint64_t min = 0;                             // kRepeat
  std::optional<std::uint64_t> max = {};             // kRepeat; none: without end
};
using NodePtr = std::unique_ptr<Node>;

NodePtr make_node(Node::Kind kind) {
  auto node = std::make_unique<Node>();
  node->kind = kind;
  return node;
}

class Parser {
 public:
  Parser(std::string_view pattern, const std::string& where)
      : text_(to_utf32(pattern)), where_(where) {
    if (!is_valid_utf8(pattern)) {
      throw Error(ErrorCode::kData, where + ": the pattern is not valid UTF-8");
    }
  }

  NodePtr parse() {
    NodePtr node = choice(0);
    if (!at_end()) fail("unmatched )");
    return node;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kData,
                where_ + ": pattern, character " + std::to_string(at_ + 1) + ": " + what);
  }
  [[noreturn]] void unsupported(const std::string& what) const {
    fail(what + " is not supported: the text is written from left to right");
  }
  bool at_end() const { return at_ >= text_.size(); }
  char32_t peek() const { return at_end() ? U'\0' : text_[at_]; }
  bool starts_with(std::u32string_view word) const {
    return std::u32string_view(text_).substr(std::min(at_, text_.size())).starts_with(word);
  }
  bool take(std::u32string_view word) {
    if (!starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  NodePtr choice(int depth) {
    if (depth > kMaxDepth) fail("groups nest deeper than " + std::to_string(kMaxDepth));
    NodePtr node = make_node(Node::Kind::kChoice);
    do {
      node->children.push_back(sequence(depth));
    } while (take(U"|"));
    return node;
  }

  NodePtr sequence(int depth) {
    NodePtr node = make_node(Node::Kind::kSequence);
    while (!at_end() && peek() != U'|' && peek() != U')') {
      NodePtr item = atom(depth);
      node->children.push_back(quantified(std::move(item)));
    }
    return node;
  }

  NodePtr atom(int depth) {
    if (take(U"(")) return group(depth);
    if (take(U"^")) return make_node(Node::Kind::kBegin);
    if (take(U"$")) return make_node(Node::Kind::kEnd);
    NodePtr node = make_node(Node::Kind::kSet);
    if (take(U"[")) {
      node->set = character_class();
    } else if (take(U".")) {
      node->set = line_terminators().complement();
    } else if (take(U"\\")) {
      node->set = escape(false);
    } else if (peek() == U'*' || peek() == U'+' || peek() == U'?') {
      fail("nothing to repeat");
    } else {
      std::uint64_t min = 0;
      std::optional<std::uint64_t> max;
      if (peek() == U'{' && counts(min, max)) fail("nothing to repeat");
      node->set = CodePointSet::of(text_[at_++]);
    }
    return node;
  }

  NodePtr group(int depth) {
    if (take(U"?")) {
      if (starts_with(U"=") || starts_with(U"!")) unsupported("lookahead");
      if (starts_with(U"<=") || starts_with(U"<!")) unsupported("lookbehind");
      if (starts_with(U"P=")) unsupported("a backreference");
      if (starts_with(U">")) unsupported("an atomic group");
      if (take(U"P<") || take(U"<")) {
        const std::size_t begin = at_;
        while (!at_end() && peek() != U'>') ++at_;
        if (at_end() || at_ == begin) fail("a group's name is not closed or empty");
        ++at_;
      } else if (!take(U":")) {
        fail("(? is followed by something else than : or <name>; flags are not supported");
      }
    }
    NodePtr node = choice(depth + 1);
    if (!take(U")")) fail("a group is not closed");
    return node;
  }

  NodePtr quantified(NodePtr item) {
    std::uint64_t min = 0;
    std::optional<std::uint64_t> max;
    if (take(U"*")) {
    } else if (take(U"+")) {
      min = 1;
    } else if (take(U"?")) {
      max = 1;
    } else if (!(peek() == U'{' && counts(min, max))) {
      return item;
    }
    if (item->kind == Node::Kind::kBegin || item->kind == Node::Kind::kEnd) {
      fail("^ and $ cannot be repeated");
    }
    if (take(U"+")) unsupported("a possessive quantifier");
    take(U"?");
    if (peek() == U'*' || peek() == U'+' || peek() == U'?') fail("repeated twice");
    NodePtr node = make_node(Node::Kind::kRepeat);
    node->min = min;
    node->max = max;
    node->children.push_back(std::move(item));
    return node;
  }

  std::optional<std::uint64_t> number(std::size_t& at) const {
    const std::size_t begin = at;
    std::uint64_t value = 0;
    for (; at < text_.size() && text_[at] >= U'0' && text_[at] <= U'9'; ++at) {
      value = std::min<std::uint64_t>(value * 10 + (text_[at] - U'0'), kMaxCount + 1);
    }
    return at == begin ? std::nullopt : std::optional(value);
  }

  // {m} {m,} {m,n}; anything else is literal braces, as in both dialects, but {,n} means different
  // things to them.
  bool counts(std::uint64_t& min, std::optional<std::uint64_t>& max) {
    std::size_t at = at_ + 1;
    const std::optional<std::uint64_t> low = number(at);
    const bool has_comma = at < text_.size() && text_[at] == U',';
    if (has_comma) ++at;
    const std::optional<std::uint64_t> high = has_comma ? number(at) : low;
    if (at >= text_.size() || text_[at] != U'}') return false;
    if (!low && high) fail("{,n} is ambiguous\n  try: {0,n}");
    if (!low) return false;
    if (*low > kMaxCount || (high && *high > kMaxCount)) {
      fail("a repetition count is above " + std::to_string(kMaxCount));
    }
    if (high && *high < *low) fail("a repetition's counts are in the wrong order");
    at_ = at + 1;
    min = *low;
    max = high;
    return true;
  }

  char32_t hex(std::size_t num_digits) {
    char32_t value = 0;
    for (std::size_t i = 0; i < num_digits; ++i, ++at_) {
      const char32_t c = peek();
      char32_t digit = 0;
      if (c >= U'0' && c <= U'9') {
        digit = c - U'0';
      } else if (c >= U'a' && c <= U'f') {
        digit = c - U'a' + 10;
      } else if (c >= U'A' && c <= U'F') {
        digit = c - U'A' + 10;
      } else {
        fail("expected " + std::to_string(num_digits) + " hexadecimal digits");
      }
      value = value * 16 + digit;
    }
    return value;
  }

  char32_t code_point_escape() {
    char32_t value = 0;
    if (take(U"{")) {
      std::size_t num_digits = 0;
      while (!at_end() && peek() != U'}') {
        if (++num_digits > 6) fail("\\u{...} holds more than 6 digits");
        value = value * 16 + hex(1);
      }
      if (num_digits == 0 || !take(U"}")) fail("\\u{...} is empty or not closed");
    } else {
      value = hex(4);
      // A surrogate pair is one character.
      if (value >= 0xD800 && value < 0xDC00 && take(U"\\u")) {
        const char32_t low = hex(4);
        if (low < 0xDC00 || low > 0xDFFF) fail("a surrogate without its other half");
        value = 0x10000 + ((value - 0xD800) << 10U) + (low - 0xDC00);
      }
    }
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
      fail("an escape that is no character");
    }
    return value;
  }

  CodePointSet property(bool is_negated) {
    std::string name;
    if (!take(U"{")) fail("\\p needs {Category}");
    while (!at_end() && peek() != U'}' && name.size() < 40) {
      if (peek() > 0x7E) break;
      name += static_cast<char>(text_[at_++]);
    }
    if (!take(U"}")) fail("\\p{ is not closed");
    for (const std::string_view prefix : {"General_Category=", "gc="}) {
      if (name.starts_with(prefix)) name.erase(0, prefix.size());
    }
    static const std::map<std::string, std::string, std::less<>> kLong{{"Letter", "L"},
                                                                       {"Lowercase_Letter", "Ll"},
                                                                       {"Uppercase_Letter", "Lu"},
                                                                       {"Mark", "M"},
                                                                       {"Number", "N"},
                                                                       {"Decimal_Number", "Nd"},
                                                                       {"Punctuation", "P"},
                                                                       {"Symbol", "S"},
                                                                       {"Separator", "Z"},
                                                                       {"Other", "C"}};
    if (const auto found = kLong.find(name); found != kLong.end()) name = found->second;
    const auto& categories = general_categories();
    const auto found = categories.find(name);
    if (found == categories.end()) {
      fail("\\p{" + name + "} is not supported\n  try: a general category, such as L, Lu, Nd, P");
    }
    return is_negated ? found->second.complement() : found->second;
  }

  // What follows a backslash.
  CodePointSet escape(bool in_class) {
    if (at_end()) fail("a backslash at the end");
    const char32_t c = text_[at_++];
    switch (c) {
      case U'd':
        return digits();
      case U'D':
        return digits().complement();
      case U'w':
        return word_characters();
      case U'W':
        return word_characters().complement();
      case U's':
        return white_space();
      case U'S':
        return white_space().complement();
      case U'p':
        return property(false);
      case U'P':
        return property(true);
      case U'n':
        return CodePointSet::of('\n');
      case U'r':
        return CodePointSet::of('\r');
      case U't':
        return CodePointSet::of('\t');
      case U'f':
        return CodePointSet::of('\f');
      case U'v':
        return CodePointSet::of('\v');
      case U'x':
        return CodePointSet::of(hex(2));
      case U'u':
        return CodePointSet::of(code_point_escape());
      case U'b':
        if (in_class) return CodePointSet::of('\b');
        unsupported("a word boundary");
      case U'B':
        unsupported("a word boundary");
      case U'k':
        unsupported("a backreference");
      case U'0':
        if (peek() < U'0' || peek() > U'9') return CodePointSet::of(0);
        fail("octal escapes are not supported\n  try: \\xHH");
      default:
        break;
    }
    if (c >= U'1' && c <= U'9') unsupported("a backreference");
    if ((c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z')) {
      --at_;
      fail("\\" + to_utf8(std::u32string_view(&c, 1)) + " is not supported");
    }
    return CodePointSet::of(c);
  }

  CodePointSet character_class() {
    const bool is_negated = take(U"^");
    CodePointSet set;
    bool is_first = true;
    for (;; is_first = false) {
      if (at_end()) fail("a class is not closed");
      if (peek() == U']') {
        // [] is nothing in one dialect and the start of a class with ] in the other.
        if (is_first) fail("an empty class, or ] as its first character\n  try: \\]");
        ++at_;
        break;
      }
      if (starts_with(U"[:")) fail("POSIX classes are not supported\n  try: \\p{...}");
      const CodePointSet low = class_item();
      if (peek() != U'-' || (at_ + 1 < text_.size() && text_[at_ + 1] == U']')) {
        set = set.unite(low);
        continue;
      }
      ++at_;
      if (at_end()) fail("a class is not closed");
      const CodePointSet high = class_item();
      if (!is_one(low) || !is_one(high)) fail("a range between classes");
      const char32_t first = low.ranges()[0].first;
      const char32_t last = high.ranges()[0].first;
      if (last < first) fail("a range in the wrong order");
      set = set.unite(CodePointSet({{first, last}}));
    }
    return is_negated ? set.complement() : set;
  }

  CodePointSet class_item() {
    if (take(U"\\")) return escape(true);
    return CodePointSet::of(text_[at_++]);
  }

  static bool is_one(const CodePointSet& set) {
    return set.ranges().size() == 1 && set.ranges()[0].first == set.ranges()[0].last;
  }

  std::u32string text_;
  const std::string& where_;
  std::size_t at_ = 0;
};

// Thompson's construction: free edges, edges that take a character, and the two assertions.
class Machine {
 public:
  explicit Machine(const std::string& where) : where_(where) {}

  std::uint32_t add_state() {
    if (states_.size() >= kMaxCharStates * 2) {
      throw Error(ErrorCode::kData, where_ + ": the pattern expands to more than " +
                                        std::to_string(kMaxCharStates) +
                                        " states\n  try: smaller repetition counts");
    }
    states_.emplace_back();
    return static_cast<std::uint32_t>(states_.size() - 1);
  }
  void add_free(std::uint32_t from, std::uint32_t to) { states_[from].free.push_back(to); }
  void add_any_loop(std::uint32_t state) {
    states_[state].sets.push_back({CodePointSet::all(), state});
  }

  // Emits `node` after `from`; returns the state behind it.
  std::uint32_t emit(const Node& node, std::uint32_t from) {
    switch (node.kind) {
      case Node::Kind::kSet: {
        const std::uint32_t to = add_state();
        if (!node.set.empty()) states_[from].sets.push_back({node.set, to});
        return to;
      }
      case Node::Kind::kSequence:
        for (const NodePtr& child : node.children) from = emit(*child, from);
        return from;
      case Node::Kind::kChoice: {
        if (node.children.size() == 1) return emit(*node.children[0], from);
        const std::uint32_t to = add_state();
        for (const NodePtr& child : node.children) {
          // Behind a free edge: a repetition inside must not lead back into the others.
          const std::uint32_t begin = add_state();
          add_free(from, begin);
          add_free(emit(*child, begin), to);
        }
        return to;
      }
      case Node::Kind::kRepeat:
        return emit_repeat(node, from);
      case Node::Kind::kBegin: {
        const std::uint32_t to = add_state();
        states_[from].begin.push_back(to);
        return to;
      }
      case Node::Kind::kEnd: {
        const std::uint32_t to = add_state();
        states_[from].end.push_back(to);
        return to;
      }
    }
    return from;
  }

  // The automaton without free edges whose texts lead from `start` to `final`.
  CharNfa without_free_edges(std::uint32_t start, std::uint32_t final) const;

 private:
  struct State {
    std::vector<std::uint32_t> free, begin, end;
    std::vector<CharNfa::Edge> sets;
  };

  std::uint32_t emit_repeat(const Node& node, std::uint32_t from) {
    const Node& item = *node.children[0];
    for (std::uint64_t i = 0; i < node.min; ++i) {
      const std::size_t before = states_.size();
      from = emit(item, from);
      if (states_.size() == before) break;  // an empty item, repeated
    }
    if (!node.max) {
      const std::uint32_t loop = add_state();
      add_free(from, loop);
      add_free(emit(item, loop), loop);
      return loop;
    }
    const std::uint32_t to = add_state();
    add_free(from, to);
    for (std::uint64_t i = node.min; i < *node.max; ++i) {
      const std::uint32_t begin = add_state();
      add_free(from, begin);
      from = emit(item, begin);
      add_free(from, to);
      if (from == begin) break;
    }
    return to;
  }

  const std::string& where_;
  std::vector<State> states_;
};

CharNfa Machine::without_free_edges(std::uint32_t start, std::uint32_t final) const {
  CharNfa out;
  // By state and whether it is still the beginning of the text.
  std::map<std::pair<std::uint32_t, bool>, std::uint32_t> known;
  std::vector<std::pair<std::uint32_t, bool>> entries;
  const auto entry_of = [&](std::uint32_t state, bool at_begin) {
    const auto [found, is_new] = known.try_emplace({state, at_begin}, 0);
    if (is_new) {
      found->second = out.add_state(where_);
      entries.emplace_back(state, at_begin);
    }
    return found->second;
  };
  entry_of(start, true);
  std::vector<std::size_t> seen(states_.size() * 2, 0);  // by state and whether the text has ended
  std::size_t num_edges = 0;
  std::size_t num_steps = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto [first, at_begin] = entries[i];
    std::vector<std::uint32_t> work{first * 2};
    seen[first * 2] = i + 1;
    const auto visit = [&](std::uint32_t state, bool at_end) {
      const std::uint32_t key = state * 2 + (at_end ? 1 : 0);
      if (seen[key] == i + 1) return;
      seen[key] = i + 1;
      work.push_back(key);
    };
    bool accepts = false;
    std::map<std::uint32_t, CodePointSet> next;  // by target
    while (!work.empty()) {
      const std::uint32_t state = work.back() / 2;
      const bool at_end = work.back() % 2 == 1;
      work.pop_back();
      num_steps += 1 + states_[state].free.size();
      accepts = accepts || state == final;
      for (const std::uint32_t to : states_[state].free) visit(to, at_end);
      for (const std::uint32_t to : states_[state].end) visit(to, true);
      if (at_begin) {
        for (const std::uint32_t to : states_[state].begin) visit(to, at_end);
      }
      if (at_end) continue;
      for (const CharNfa::Edge& edge : states_[state].sets) {
        CodePointSet& set = next[edge.target];
        set = set.empty() ? edge.set : set.unite(edge.set);
      }
    }
    num_edges += next.size();
    if (num_edges > kMaxCharEdges || num_steps > 100 * kMaxCharEdges) {
      throw Error(ErrorCode::kData, where_ + ": the pattern expands to more than " +
                                        std::to_string(kMaxCharEdges) +
                                        " edges\n  try: smaller or fewer nested repetitions");
    }
    out.states[i].accepts = accepts;
    for (auto& [target, set] : next) {
      const std::uint32_t to = entry_of(target, false);
      out.states[i].edges.push_back({std::move(set), to});
    }
  }
  // Met with every text, it loses the states that lead nowhere.
  return intersect(out, text_of_length(0, std::nullopt, where_), where_);
}

}  // namespace

CharNfa parse_pattern(std::string_view pattern, PatternMatch match, const std::string& where) {
  const NodePtr node = Parser(pattern, where).parse();
  Machine machine(where);
  const std::uint32_t start = machine.add_state();
  if (match == PatternMatch::kAnywhere) machine.add_any_loop(start);
  // The loop stays outside: `begin` in the pattern asks for the beginning of the text.
  const std::uint32_t inner = machine.add_state();
  machine.add_free(start, inner);
  std::uint32_t final = machine.emit(*node, inner);
  if (match == PatternMatch::kAnywhere) {
    const std::uint32_t rest = machine.add_state();
    machine.add_free(final, rest);
    machine.add_any_loop(rest);
    final = rest;
  }
  return machine.without_free_edges(start, final);
}

}  // namespace peira::model::guided
