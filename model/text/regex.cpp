#include "model/text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <new>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"

namespace peira::model {
namespace {

// A stretch of code points and the one that stands in for them.
struct Shadow {
  char32_t first;
  char32_t last;
  char32_t stand_in;
};

// Assigned in Unicode 15 to 16, which Oniguruma 6.9.10 knows and PCRE2 10.42 (Unicode 14) does not;
// and U+180E, which PCRE2 alone calls white space. Made by tests/golden/text/make_shadow_table.py.
constexpr Shadow kShadows[] = {
    // clang-format off
    {0x897, 0x897, 0x900}, {0xCF3, 0xCF3, 0x900}, {0xECE, 0xECE, 0x900}, {0x180E, 0x180E, 0x200B},
    {0x1B4E, 0x1B4F, 0x2020}, {0x1B7F, 0x1B7F, 0x2020}, {0x1C89, 0x1C89, 0x2C6D},
    {0x1C8A, 0x1C8A, 0x1D00}, {0x2427, 0x2429, 0x2600}, {0x2FFC, 0x2FFF, 0x2600},
    {0x31E4, 0x31E5, 0x2600}, {0x31EF, 0x31EF, 0x2600}, {0xA7CB, 0xA7CC, 0x2C6D},
    {0xA7CD, 0xA7CD, 0x1D00}, {0xA7DA, 0xA7DA, 0x2C6D}, {0xA7DB, 0xA7DB, 0x1D00},
    {0xA7DC, 0xA7DC, 0x2C6D}, {0x105C0, 0x105F3, 0x10000}, {0x10D40, 0x10D49, 0x1D7CE},
    {0x10D4A, 0x10D4D, 0x10000}, {0x10D4E, 0x10D4E, 0x16B40}, {0x10D4F, 0x10D4F, 0x10000},
    {0x10D50, 0x10D65, 0x1D400}, {0x10D69, 0x10D6D, 0x101FD}, {0x10D6E, 0x10D6E, 0x10100},
    {0x10D6F, 0x10D6F, 0x16B40}, {0x10D70, 0x10D85, 0x1D41A}, {0x10D8E, 0x10D8F, 0x1F300},
    {0x10EC2, 0x10EC4, 0x10000}, {0x10EFC, 0x10EFF, 0x101FD}, {0x1123F, 0x11240, 0x10000},
    {0x11241, 0x11241, 0x101FD}, {0x11380, 0x11389, 0x10000}, {0x1138B, 0x1138B, 0x10000},
    {0x1138E, 0x1138E, 0x10000}, {0x11390, 0x113B5, 0x10000}, {0x113B7, 0x113B7, 0x10000},
    {0x113B8, 0x113C0, 0x101FD}, {0x113C2, 0x113C2, 0x101FD}, {0x113C5, 0x113C5, 0x101FD},
    {0x113C7, 0x113CA, 0x101FD}, {0x113CC, 0x113D0, 0x101FD}, {0x113D1, 0x113D1, 0x10000},
    {0x113D2, 0x113D2, 0x101FD}, {0x113D3, 0x113D3, 0x10000}, {0x113D4, 0x113D5, 0x10100},
    {0x113D7, 0x113D8, 0x10100}, {0x113E1, 0x113E2, 0x101FD}, {0x116D0, 0x116E3, 0x1D7CE},
    {0x11B00, 0x11B09, 0x10100}, {0x11BC0, 0x11BE0, 0x10000}, {0x11BE1, 0x11BE1, 0x10100},
    {0x11BF0, 0x11BF9, 0x1D7CE}, {0x11F00, 0x11F01, 0x101FD}, {0x11F02, 0x11F02, 0x10000},
    {0x11F03, 0x11F03, 0x101FD}, {0x11F04, 0x11F10, 0x10000}, {0x11F12, 0x11F33, 0x10000},
    {0x11F34, 0x11F3A, 0x101FD}, {0x11F3E, 0x11F42, 0x101FD}, {0x11F43, 0x11F4F, 0x10100},
    {0x11F50, 0x11F59, 0x1D7CE}, {0x11F5A, 0x11F5A, 0x101FD}, {0x1342F, 0x1342F, 0x10000},
    {0x13440, 0x13440, 0x101FD}, {0x13441, 0x13446, 0x10000}, {0x13447, 0x13455, 0x101FD},
    {0x13460, 0x143FA, 0x10000}, {0x16100, 0x1611D, 0x10000}, {0x1611E, 0x1612F, 0x101FD},
    {0x16130, 0x16139, 0x1D7CE}, {0x16D40, 0x16D42, 0x16B40}, {0x16D43, 0x16D6A, 0x10000},
    {0x16D6B, 0x16D6C, 0x16B40}, {0x16D6D, 0x16D6F, 0x10100}, {0x16D70, 0x16D79, 0x1D7CE},
    {0x18CFF, 0x18CFF, 0x10000}, {0x1B132, 0x1B132, 0x10000}, {0x1B155, 0x1B155, 0x10000},
    {0x1CC00, 0x1CCEF, 0x1F300}, {0x1CCF0, 0x1CCF9, 0x1D7CE}, {0x1CD00, 0x1CEB3, 0x1F300},
    {0x1D2C0, 0x1D2D3, 0x10107}, {0x1DF25, 0x1DF2A, 0x1D41A}, {0x1E030, 0x1E06D, 0x16B40},
    {0x1E08F, 0x1E08F, 0x101FD}, {0x1E4D0, 0x1E4EA, 0x10000}, {0x1E4EB, 0x1E4EB, 0x16B40},
    {0x1E4EC, 0x1E4EF, 0x101FD}, {0x1E4F0, 0x1E4F9, 0x1D7CE}, {0x1E5D0, 0x1E5ED, 0x10000},
    {0x1E5EE, 0x1E5EF, 0x101FD}, {0x1E5F0, 0x1E5F0, 0x10000}, {0x1E5F1, 0x1E5FA, 0x1D7CE},
    {0x1E5FF, 0x1E5FF, 0x10100}, {0x1F6DC, 0x1F6DC, 0x1F300}, {0x1F774, 0x1F776, 0x1F300},
    {0x1F77B, 0x1F77F, 0x1F300}, {0x1F7D9, 0x1F7D9, 0x1F300}, {0x1F8B2, 0x1F8BB, 0x1F300},
    {0x1F8C0, 0x1F8C1, 0x1F300}, {0x1FA75, 0x1FA77, 0x1F300}, {0x1FA87, 0x1FA89, 0x1F300},
    {0x1FA8F, 0x1FA8F, 0x1F300}, {0x1FAAD, 0x1FAAF, 0x1F300}, {0x1FABB, 0x1FABF, 0x1F300},
    {0x1FAC6, 0x1FAC6, 0x1F300}, {0x1FACE, 0x1FACF, 0x1F300}, {0x1FADA, 0x1FADC, 0x1F300},
    {0x1FADF, 0x1FADF, 0x1F300}, {0x1FAE8, 0x1FAE9, 0x1F300}, {0x1FAF7, 0x1FAF8, 0x1F300},
    {0x1FBCB, 0x1FBEF, 0x1F300}, {0x2B739, 0x2B739, 0x20000}, {0x2EBF0, 0x2EE5D, 0x20000},
    {0x31350, 0x323AF, 0x20000},
    // clang-format on
};

const Shadow* find_shadow(char32_t code_point) {
  const auto* found =
      std::lower_bound(std::begin(kShadows), std::end(kShadows), code_point,
                       [](const Shadow& shadow, char32_t value) { return shadow.last < value; });
  return found != std::end(kShadows) && found->first <= code_point ? found : nullptr;
}

std::string pcre2_message(int code) {
  PCRE2_UCHAR buffer[256];
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

// Oniguruma's \w, for a set. PCRE2's leaves out marks and letter numbers and takes other numbers.
// Found, as is all that follows, by matching every code point below U+20000 with tokenizers 0.23.3.
constexpr std::string_view kWord =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24B6}-\x{24E9}\x{1F130}-\x{1F149})"
    R"(\x{1F150}-\x{1F169}\x{1F170}-\x{1F189})";
constexpr std::string_view kWordOfLatin1 = R"(\xB2\xB3\xB9\xBC-\xBE)";  // in \w, not in [[:word:]]
// Letters and marks that became Alphabetic after PCRE2's version of Unicode.
constexpr std::string_view kAlphabetic =
    R"(\p{Alphabetic}\x{363}-\x{36F}\x{C04}\x{F82}\x{F83}\x{1DD3}-\x{1DE6}\x{11080}\x{11081})";

// What a named class holds, for a set; empty: the name is not one that is known to mean the same.
std::string named_class(std::string name) {
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (name == "alpha" || name == "alphabetic") return std::string(kAlphabetic);
  if (name == "alnum") return std::string(kAlphabetic) + R"(\p{Nd})";
  if (name == "word") return std::string(kWord).append(kWordOfLatin1);
  if (name == "upper" || name == "uppercase") return R"(\p{Uppercase})";
  if (name == "lower" || name == "lowercase")
    return R"(\p{Lowercase}\x{10FC}\x{A7F2}-\x{A7F4}\x{AB69})";
  if (name == "digit") return R"(\p{Nd})";
  if (name == "space" || name == "white_space") return R"(\s)";
  if (name == "blank") return R"(\p{Zs}\t)";
  return {};
}

// Rewrites Oniguruma's Ruby dialect for PCRE2. An interval followed by '+' (as in \p{N}{1,3}+)
// repeats the interval in Oniguruma and is possessive in PCRE2; scripts are those of the
// characters, not of their extensions; (?m) lets the dot match a line's end; named classes and \w
// hold other characters. What has no counterpart is refused, set operations inside brackets among
// it: PCRE2 would read them as plain characters.
class Translator {
 public:
  Translator(std::string_view pattern, const std::string& where)
      : pattern_(pattern), where_(where) {}

  std::string run() {
    while (at_ < pattern_.size()) step();
    return std::move(out_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorCode::kData, where_ + ": the regular expression " + std::string(pattern_) +
                                      " uses " + what + ", which is not supported");
  }

  void copy(std::size_t count) {
    count = std::min(count, pattern_.size() - at_);
    out_ += pattern_.substr(at_, count);
    at_ += count;
  }

  void step() {
    const char c = pattern_[at_];
    switch (c) {
      case '\\':
        atom_ = out_.size();
        escape(false);
        return;
      case '[':
        atom_ = out_.size();
        char_class();
        return;
      case '(':
        group();
        return;
      case ')':
        atom_ = groups_.empty() ? std::string::npos : groups_.back();
        if (!groups_.empty()) groups_.pop_back();
        copy(1);
        return;
      case '{':
        interval();
        return;
      case '*':
      case '+':
      case '?':
      case '|':
        copy(1);
        return;
      default:
        atom_ = out_.size();
        copy(decode_utf8(pattern_, at_).size_bytes);
    }
  }

  // `set` as a set of its own, or as a part of the one around it.
  void put_set(std::string_view set, bool negated, bool in_class) {
    if (in_class) {
      if (negated) refuse("a negated class inside a set");
      out_ += set;
    } else {
      out_.append(negated ? "[^" : "[").append(set).append("]");
    }
  }

  void escape(bool in_class) {
    const char kind = at_ + 1 < pattern_.size() ? pattern_[at_ + 1] : '\0';
    const std::string word = std::string(kWord).append(kWordOfLatin1);
    switch (kind) {
      case 'h':  // a hexadecimal digit in Ruby, white space in PCRE2
      case 'H':
        refuse("\\h");
      case 'X':  // by another version's rules
        refuse("\\X");
      case 'w':
      case 'W':
        at_ += 2;
        put_set(word, kind == 'W', in_class);
        return;
      case 'b':
      case 'B':
        if (in_class) break;
        at_ += 2;
        border("[" + word + "]", kind == 'b');
        return;
      case 'u':
        code_point();
        return;
      case 'p':
      case 'P':
        if (at_ + 2 < pattern_.size() && pattern_[at_ + 2] == '{') {
          property(in_class);
          return;
        }
        break;
      case 'x':
        copy(2);
        if (at_ < pattern_.size() && pattern_[at_] == '{') {
          const std::size_t end = pattern_.find('}', at_);
          copy(end == std::string_view::npos ? pattern_.size() : end + 1 - at_);
        }
        return;
      default:
        break;
    }
    copy(2);
  }

  // Where a word character and another one, or an end, meet; or where they do not.
  void border(const std::string& word, bool is_border) {
    const std::string here = "(?=" + word + ")";
    const std::string not_here = "(?!" + word + ")";
    out_.append("(?:(?<=").append(word).append(")").append(is_border ? not_here : here);
    out_.append("|(?<!").append(word).append(")").append(is_border ? here : not_here).append(")");
  }

  void code_point() {  // \uHHHH
    const std::string_view digits = pattern_.substr(std::min(at_ + 2, pattern_.size()), 4);
    if (digits.size() != 4 ||
        digits.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) {
      refuse("\\u without four hexadecimal digits");
    }
    out_.append("\\x{").append(digits).append("}");
    at_ += 6;
  }

  void property(bool in_class) {  // \p{Name}, \p{^Name}, \P{Name}
    const std::size_t end = pattern_.find('}', at_);
    if (end == std::string_view::npos) refuse("\\p without an end");
    std::string name(pattern_.substr(at_ + 3, end - at_ - 3));
    bool negated = pattern_[at_ + 1] == 'P';
    if (name.starts_with('^')) {
      negated = !negated;
      name.erase(0, 1);
    }
    at_ = end + 1;
    const std::string set = named_class(name);
    if (!set.empty()) {
      put_set(set, negated, in_class);
    } else {
      // One or two letters are a category; a longer name must be a script, or PCRE2 says what it
      // takes it for.
      out_.append(negated ? "\\P{" : "\\p{").append(name.size() > 2 && name != "Any" ? "sc:" : "");
      out_.append(name).append("}");
    }
  }

  // (?m) is PCRE2's (?s): a dot that matches a line's end.
  void group() {
    groups_.push_back(out_.size());
    atom_ = std::string::npos;
    copy(1);
    if (pattern_.substr(at_, 1) != "?") return;
    const std::size_t end = pattern_.find_first_not_of("imx-", at_ + 1);
    if (end == std::string_view::npos || (pattern_[end] != ')' && pattern_[end] != ':')) {
      if (end != std::string_view::npos && end > at_ + 1) refuse("an unknown option of a group");
      if (end == at_ + 1 && (pattern_[end] == 's' || pattern_[end] == '~')) {
        refuse("(?" + std::string(1, pattern_[end]));
      }
      return;
    }
    for (const char c : pattern_.substr(at_, end - at_)) out_ += c == 'm' ? 's' : c;
    at_ = end;
  }

  void char_class() {
    copy(1);
    if (at_ < pattern_.size() && pattern_[at_] == '^') copy(1);
    if (at_ < pattern_.size() && pattern_[at_] == ']') copy(1);
    while (at_ < pattern_.size() && pattern_[at_] != ']') {
      if (pattern_[at_] == '\\') {
        escape(true);
      } else if (pattern_.substr(at_, 2) == "[:") {
        const std::size_t end = pattern_.find(":]", at_);
        if (end == std::string_view::npos) refuse("a set inside a set");
        posix_class(std::string(pattern_.substr(at_ + 2, end - at_ - 2)));
        at_ = end + 2;
      } else if (pattern_[at_] == '[') {
        refuse("a set inside a set");
      } else if (pattern_.substr(at_, 2) == "&&") {
        refuse("an intersection of sets");
      } else {
        copy(decode_utf8(pattern_, at_).size_bytes);
      }
    }
    copy(1);
  }

  void posix_class(const std::string& name) {
    std::string set = named_class(name);
    if (name == "word") set = kWord;
    if (name == "punct") set = R"(\p{P}\p{S})";  // which \p{Punct} is not
    if (name == "cntrl") set = R"(\p{Cc})";
    if (set.empty()) refuse("[:" + name + ":]");
    out_ += set;
  }

  void interval() {
    std::size_t end = at_ + 1;
    while (end < pattern_.size() &&
           ((pattern_[end] >= '0' && pattern_[end] <= '9') || pattern_[end] == ',')) {
      ++end;
    }
    const bool is_interval = end > at_ + 1 && end < pattern_.size() && pattern_[end] == '}';
    if (!is_interval) {
      atom_ = out_.size();
      copy(1);
      return;
    }
    copy(end + 1 - at_);
    if (at_ < pattern_.size() && pattern_[at_] == '+') {
      if (atom_ == std::string::npos) refuse("an interval without something to repeat");
      out_.insert(atom_, "(?:");
      out_ += ")";
    }
  }

  std::string_view pattern_;
  const std::string& where_;
  std::string out_;
  std::size_t at_ = 0;
  std::size_t atom_ = std::string::npos;  // where the last repeatable piece begins in out_
  std::vector<std::size_t> groups_;
};

}  // namespace

struct Regex::Code {
  pcre2_code* code = nullptr;
  std::string pattern;
  std::string where;
  ~Code() { pcre2_code_free(code); }
};

struct Regex::Scratch::State {
  pcre2_match_data* match = pcre2_match_data_create(16, nullptr);
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { pcre2_match_data_free(match); }
};

Regex::Scratch::Scratch() = default;
Regex::Scratch::~Scratch() = default;
Regex::Scratch::Scratch(Scratch&&) noexcept = default;
Regex::Scratch& Regex::Scratch::operator=(Scratch&&) noexcept = default;

Regex::Regex(std::string_view pattern, const std::string& where) : code_(std::make_unique<Code>()) {
  code_->pattern = std::string(pattern);
  code_->where = where;
  if (pattern.size() > 100000) {
    throw Error(ErrorCode::kData, where + ": the regular expression is longer than 100000 bytes");
  }
  if (!is_valid_utf8(pattern)) {
    throw Error(ErrorCode::kData, where + ": the regular expression is not valid UTF-8");
  }
  const std::string translated = Translator(pattern, where).run();
  int error = 0;
  PCRE2_SIZE offset = 0;
  // Ruby's ^ and $ always match at line ends.
  const std::uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
  code_->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                              options, &error, &offset, nullptr);
  if (code_->code == nullptr) {
    throw Error(ErrorCode::kData, where + ": bad regular expression " + std::string(pattern) +
                                      ": " + pcre2_message(error) + " at byte " +
                                      std::to_string(offset));
  }
  // Without JIT (a system that forbids it) matching is slower and equal.
  pcre2_jit_compile(code_->code, PCRE2_JIT_COMPLETE);
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

std::optional<RegexMatch> Regex::find(std::string_view subject, std::size_t from,
                                      Scratch& scratch) const {
  if (!scratch.state_) {
    scratch.state_ = std::make_unique<Scratch::State>();
    if (scratch.state_->match == nullptr) throw std::bad_alloc();
  }
  pcre2_match_data* const match = scratch.state_->match;
  const auto run = [&](std::uint32_t options) {
    return pcre2_match(code_->code, reinterpret_cast<PCRE2_SPTR>(subject.data()), subject.size(),
                       from, options, match, nullptr);
  };
  int result = run(PCRE2_NO_UTF_CHECK);
  if (result == PCRE2_ERROR_JIT_STACKLIMIT) result = run(PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT);
  if (result == PCRE2_ERROR_NOMATCH) return std::nullopt;
  if (result < 0) {
    throw Error(ErrorCode::kData, code_->where + ": the regular expression " + code_->pattern +
                                      " cannot be matched: " + pcre2_message(result));
  }
  const PCRE2_SIZE* const offsets = pcre2_get_ovector_pointer(match);
  // \K inside a lookahead can put the begin past the end.
  if (offsets[0] > offsets[1] || offsets[0] < from) {
    throw Error(ErrorCode::kData, code_->where + ": the regular expression " + code_->pattern +
                                      " moves the start of its match");
  }
  return RegexMatch{offsets[0], offsets[1]};
}

std::string shadow_for_matching(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if (static_cast<unsigned char>(text[i]) < 0xE0) {  // below U+0800: none differs
      ++i;
      continue;
    }
    const DecodedCodePoint decoded = decode_utf8(text, i);
    const Shadow* const shadow = find_shadow(decoded.code_point);
    if (shadow != nullptr) {
      if (out.empty()) out = std::string(text);
      std::string stand_in;
      append_utf8(stand_in, shadow->stand_in);
      out.replace(i, stand_in.size(), stand_in);
    }
    i += decoded.size_bytes;
  }
  return out;
}

}  // namespace peira::model
