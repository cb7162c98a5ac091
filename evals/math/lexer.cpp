#include "evals/math/lexer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "evals/python_text.h"

namespace peira::evals::math {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Characters that say what a command says.
constexpr std::pair<std::string_view, std::string_view> kCharacters[] = {{"\u2212", "-"},
                                                                         {"\u2013", "-"},
                                                                         {"\u00d7", "\\times "},
                                                                         {"\u00b7", "\\cdot "},
                                                                         {"\u22c5", "\\cdot "},
                                                                         {"\u2217", "*"},
                                                                         {"\u00f7", "/"},
                                                                         {"\u2215", "/"},
                                                                         {"\u2044", "/"},
                                                                         {"\u221a", "\\wholesqrt "},
                                                                         {"\u03c0", "\\pi "},
                                                                         {"\u221e", "\\infty "},
                                                                         {"\u2264", "\\le "},
                                                                         {"\u2265", "\\ge "},
                                                                         {"\u2260", "\\ne "},
                                                                         {"\u222a", "\\cup "},
                                                                         {"\u2229", "\\cap "},
                                                                         {"\u2208", "\\in "},
                                                                         {"\u00b1", "\\pm "},
                                                                         {"\u2213", "\\mp "},
                                                                         {"\u00b0", "^\\circ "},
                                                                         {"\u00b2", "^{2}"},
                                                                         {"\u00b3", "^{3}"},
                                                                         {"\u2074", "^{4}"},
                                                                         {"\u00bd", "\\frac{1}{2}"},
                                                                         {"\u00bc", "\\frac{1}{4}"},
                                                                         {"\u00be", "\\frac{3}{4}"},
                                                                         {"\u03b1", "\\alpha "},
                                                                         {"\u03b2", "\\beta "},
                                                                         {"\u03b3", "\\gamma "},
                                                                         {"\u03b4", "\\delta "},
                                                                         {"\u03b5", "\\epsilon "},
                                                                         {"\u03b8", "\\theta "},
                                                                         {"\u03bb", "\\lambda "},
                                                                         {"\u03bc", "\\mu "},
                                                                         {"\u03c1", "\\rho "},
                                                                         {"\u03c3", "\\sigma "},
                                                                         {"\u03c4", "\\tau "},
                                                                         {"\u03c6", "\\phi "},
                                                                         {"\u03c9", "\\omega "},
                                                                         {"\u2205", "\\emptyset "},
                                                                         {"\u00a0", " "},
                                                                         {"\u2009", " "},
                                                                         {"\u202f", " "},
                                                                         {"\u27e8", "("},
                                                                         {"\u27e9", ")"},
                                                                         {"\u230a", "\\lfloor "},
                                                                         {"\u230b", "\\rfloor "},
                                                                         {"\u2308", "\\lceil "},
                                                                         {"\u2309", "\\rceil "}};

// Names of functions in plain text and as commands, and what we call them.
constexpr std::pair<std::string_view, std::string_view> kFunctions[] = {
    {"arcsin", "arcsin"},  {"arccos", "arccos"}, {"arctan", "arctan"},  {"arsinh", "arsinh"},
    {"arcosh", "arcosh"},  {"artanh", "artanh"}, {"arcsinh", "arsinh"}, {"arccosh", "arcosh"},
    {"arctanh", "artanh"}, {"asinh", "arsinh"},  {"acosh", "arcosh"},   {"atanh", "artanh"},
    {"asin", "arcsin"},    {"acos", "arccos"},   {"atan", "arctan"},    {"sinh", "sinh"},
    {"cosh", "cosh"},      {"tanh", "tanh"},     {"sqrt", "sqrt"},      {"cbrt", "cbrt"},
    {"sin", "sin"},        {"cos", "cos"},       {"tan", "tan"},        {"cot", "cot"},
    {"sec", "sec"},        {"csc", "csc"},       {"log", "log"},        {"ln", "ln"},
    {"lg", "lg"},          {"exp", "exp"},       {"abs", "abs"},        {"floor", "floor"},
    {"ceil", "ceil"},      {"max", "max"},       {"min", "min"},        {"gcd", "gcd"},
    {"lcm", "lcm"},        {"binom", "binom"},   {"binomial", "binom"}, {"sgn", "sign"},
    {"sign", "sign"}};

constexpr std::string_view kGreek[] = {
    "alpha",    "beta",    "gamma", "delta",  "epsilon", "varepsilon", "zeta",  "eta",   "theta",
    "vartheta", "iota",    "kappa", "lambda", "mu",      "nu",         "xi",    "rho",   "sigma",
    "tau",      "upsilon", "phi",   "varphi", "chi",     "psi",        "omega", "Gamma", "Delta",
    "Theta",    "Lambda",  "Xi",    "Sigma",  "Phi",     "Psi",        "Omega", "ell",   "hbar"};

// Commands with the symbol that they are.
constexpr std::pair<std::string_view, std::string_view> kCommands[] = {{"times", "*"},
                                                                       {"cdot", "*"},
                                                                       {"ast", "*"},
                                                                       {"div", "/"},
                                                                       {"le", "<="},
                                                                       {"leq", "<="},
                                                                       {"leqslant", "<="},
                                                                       {"ge", ">="},
                                                                       {"geq", ">="},
                                                                       {"geqslant", ">="},
                                                                       {"lt", "<"},
                                                                       {"gt", ">"},
                                                                       {"ne", "!="},
                                                                       {"neq", "!="},
                                                                       {"pm", "pm"},
                                                                       {"mp", "mp"},
                                                                       {"cup", "cup"},
                                                                       {"cap", "cap"},
                                                                       {"in", "in"},
                                                                       {"infty", "infty"},
                                                                       {"pi", "pi"},
                                                                       {"emptyset", "emptyset"},
                                                                       {"varnothing", "emptyset"},
                                                                       {"circ", "circ"},
                                                                       {"degree", "circ"},
                                                                       {"lvert", "|"},
                                                                       {"rvert", "|"},
                                                                       {"vert", "|"},
                                                                       {"mid", "|"},
                                                                       {"lfloor", "lfloor"},
                                                                       {"rfloor", "rfloor"},
                                                                       {"lceil", "lceil"},
                                                                       {"rceil", "rceil"},
                                                                       {"langle", "("},
                                                                       {"rangle", ")"},
                                                                       {"lbrace", "{"},
                                                                       {"rbrace", "}"},
                                                                       {"lbrack", "["},
                                                                       {"rbrack", "]"},
                                                                       {"equiv", "="},
                                                                       {"approx", "="},
                                                                       {"to", "to"},
                                                                       {"rightarrow", "to"}};

// Commands that say nothing of the meaning.
constexpr std::string_view kIgnored[] = {
    "left",     "right",  "big",          "Big",       "bigg",   "Bigg", "bigl",  "bigr",
    "Bigl",     "Bigr",   "displaystyle", "textstyle", "limits", "quad", "qquad", "thinspace",
    "medspace", "hspace", "boldsymbol",   "mathstrut", "middle", "bf",   "rm",    "it"};

// Commands whose group is words.
constexpr std::string_view kWords[] = {"text",   "textrm", "textbf",       "textit",
                                       "mathrm", "mbox",   "operatorname", "mathit",
                                       "mathsf", "texttt", "textnormal"};
// Commands whose group is read as if they were not there.
constexpr std::string_view kTransparent[] = {
    "mathbf", "bm", "boxed", "fbox", "vec", "overline", "hat", "bar", "mathbb", "mathcal", "tilde"};

template <typename Table>
const std::string_view* find_name(const Table& table, std::string_view name) {
  for (const auto& [from, to] : table) {
    if (from == name) return &to;
  }
  return nullptr;
}

template <typename List>
bool has(const List& list, std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

std::string with_commands(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto* const found =
        std::find_if(std::begin(kCharacters), std::end(kCharacters),
                     [&](const auto& entry) { return text.substr(i).starts_with(entry.first); });
    if (found == std::end(kCharacters)) {
      out += text[i++];
    } else {
      out += found->second;
      i += found->first.size();
    }
  }
  return out;
}

// The name we know at the start of a run of letters, longest first; "" for none.
std::string_view known_at(std::string_view run) {
  std::string_view best;
  const auto offer = [&](std::string_view name) {
    if (name.size() > best.size() && run.starts_with(name)) best = name;
  };
  for (const auto& [name, unused] : kFunctions) offer(name);
  for (const std::string_view name : kGreek) {
    if (name.size() > 2) offer(name);
  }
  for (const std::string_view name : {"pi", "infinity", "infty", "inf"}) offer(name);
  return best;
}

class Lexer {
 public:
  Lexer(std::string_view text, bool commas_group) : text_(text), commas_group_(commas_group) {}

  std::optional<std::vector<Token>> run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (is_blank(c) || c == '~' || c == '$') {
        space_ = true;
        ++at_;
      } else if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
        number();
      } else if (is_letter(c)) {
        letters();
      } else if (c == '\\') {
        if (!command()) return std::nullopt;
      } else if (!symbol()) {
        return std::nullopt;
      }
    }
    push(Token::Kind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  void push(Token::Kind kind, std::string text, bool is_brace_shown = false) {
    tokens_.push_back({kind, std::move(text), space_, is_brace_shown});
    space_ = false;
  }

  std::size_t digits_from(std::size_t at) const {
    while (at < text_.size() && is_digit(text_[at])) ++at;
    return at;
  }

  // Digits in threes behind commas: 1,234,567; or behind {,} whatever the reading.
  void number() {
    std::size_t end = digits_from(at_);
    std::string digits(text_.substr(at_, end - at_));
    while (true) {
      const std::string_view rest = text_.substr(end);
      const std::size_t comma = rest.starts_with("{,}")                  ? 3
                                : rest.starts_with("\\,")                ? 2
                                : commas_group_ && rest.starts_with(",") ? 1
                                                                         : 0;
      if (comma == 0 || digits.empty()) break;
      const std::size_t next = digits_from(end + comma);
      if (next - end - comma != 3) break;
      digits += text_.substr(end + comma, 3);
      end = next;
    }
    if (end < text_.size() && text_[end] == '.') {
      const std::size_t fraction = digits_from(end + 1);
      if (fraction > end + 1) {
        digits += text_.substr(end, fraction - end);
        end = fraction;
      } else if (fraction == text_.size() || !is_letter(text_[fraction])) {
        end = fraction;  // "5." is 5
      }
    }
    // 1.5e-3, but not "2e" nor 2 e x.
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      std::size_t power = end + 1;
      if (power < text_.size() && (text_[power] == '-' || text_[power] == '+')) ++power;
      const std::size_t stop = digits_from(power);
      if (stop > power && stop - power < 4) {
        digits += "e" + std::string(text_.substr(end + 1, stop - end - 1));
        end = stop;
      }
    }
    at_ = end;
    push(Token::Kind::kNumber, std::move(digits));
  }

  void letters() {
    std::size_t end = at_;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    std::string_view run = text_.substr(at_, end - at_);
    at_ = end;
    if (run == "i" || run == "e") {
      push(Token::Kind::kLetter, std::string(run));
      return;
    }
    if (run == "or" || run == "and") {
      push(Token::Kind::kSymbol, ",");
      return;
    }
    if (run == "U" && space_) {
      push(Token::Kind::kSymbol, "cup");
      return;
    }
    while (!run.empty()) {
      const std::string_view known = known_at(run);
      if (known.empty()) {
        push(Token::Kind::kLetter, std::string(run.substr(0, 1)));
        run.remove_prefix(1);
        continue;
      }
      named(known);
      run.remove_prefix(known.size());
    }
  }

  void named(std::string_view name) {
    if (const auto* const function = find_name(kFunctions, name)) {
      push(Token::Kind::kName, std::string(*function));
    } else if (name == "pi") {
      push(Token::Kind::kSymbol, "pi");
    } else if (name.starts_with("inf")) {
      push(Token::Kind::kSymbol, "infty");
    } else {
      push(Token::Kind::kLetter, std::string(name));
    }
  }

  // What the group at `at_` holds, braces within balanced; moves past it.
  std::optional<std::string_view> group() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    if (at_ >= text_.size() || text_[at_] != '{') return std::nullopt;
    int depth = 0;
    for (std::size_t i = at_; i < text_.size(); ++i) {
      if (text_[i] == '{') ++depth;
      if (text_[i] == '}' && --depth == 0) {
        const std::string_view inner = text_.substr(at_ + 1, i - at_ - 1);
        at_ = i + 1;
        return inner;
      }
    }
    return std::nullopt;
  }

  bool command() {
    ++at_;
    if (at_ >= text_.size()) return false;
    const char c = text_[at_];
    if (!is_letter(c)) {
      ++at_;
      switch (c) {
        case '{':
        case '}':
          push(Token::Kind::kSymbol, std::string(1, c), /*is_brace_shown=*/true);
          return true;
        case '%':
          push(Token::Kind::kWord, "%");
          return true;
        case '|':
          push(Token::Kind::kSymbol, "|");
          return true;
        case '\\':
          push(Token::Kind::kSymbol, "row");
          return true;
        case '$':
          push(Token::Kind::kWord, "$");
          return true;
        default:
          space_ = true;
          return std::string_view(",;:! ()[]").find(c) != std::string_view::npos;
      }
    }
    std::size_t end = at_;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    const std::string_view name = text_.substr(at_, end - at_);
    at_ = end;
    if (has(kIgnored, name)) {
      // \left. and \right. have no sign of their own.
      if ((name == "left" || name == "right") && at_ < text_.size() && text_[at_] == '.') ++at_;
      space_ = true;
      return true;
    }
    if (has(kTransparent, name)) return true;
    if (has(kWords, name)) {
      const std::optional<std::string_view> inner = group();
      if (!inner) return false;
      const std::string_view word = python::strip(*inner);
      if (const auto* const function = find_name(kFunctions, word)) {
        push(Token::Kind::kName, std::string(*function));
      } else if (word == "or" || word == "and") {
        push(Token::Kind::kSymbol, ",");
      } else if (word == "i" || word == "e") {
        push(Token::Kind::kLetter, std::string(word));
      } else {
        push(Token::Kind::kWord, std::string(word));
      }
      return true;
    }
    if (name == "frac" || name == "dfrac" || name == "tfrac" || name == "cfrac") {
      push(Token::Kind::kName, "frac");
    } else if (name == "binom" || name == "dbinom" || name == "tbinom") {
      push(Token::Kind::kName, "binom");
    } else if (name == "wholesqrt") {
      push(Token::Kind::kName, "wholesqrt");
    } else if (name == "begin" || name == "end") {
      const std::optional<std::string_view> inner = group();
      if (!inner || inner->find("matrix") == std::string_view::npos) return false;
      push(Token::Kind::kSymbol, name == "begin" ? "matrix" : "endmatrix");
    } else if (const auto* const symbol = find_name(kCommands, name)) {
      const bool is_brace = name == "lbrace" || name == "rbrace";
      push(Token::Kind::kSymbol, std::string(*symbol), is_brace);
    } else if (const auto* const function = find_name(kFunctions, name)) {
      push(Token::Kind::kName, std::string(*function));
    } else if (has(kGreek, name)) {
      push(Token::Kind::kLetter, std::string(name));
    } else {
      return false;
    }
    return true;
  }

  bool symbol() {
    const std::string_view rest = text_.substr(at_);
    for (const std::string_view two : {"**", "<=", ">=", "!=", "=="}) {
      if (!rest.starts_with(two)) continue;
      at_ += 2;
      push(Token::Kind::kSymbol, two == "**" ? "^" : two == "==" ? "=" : std::string(two));
      return true;
    }
    const char c = rest[0];
    if (c == '%') {
      ++at_;
      push(Token::Kind::kWord, "%");
      return true;
    }
    if (std::string_view("+-*/^_!|&,;:=<>()[]{}").find(c) == std::string_view::npos) return false;
    ++at_;
    push(Token::Kind::kSymbol, std::string(1, c));
    return true;
  }

  std::string_view text_;
  bool commas_group_;
  std::size_t at_ = 0;
  bool space_ = false;
  std::vector<Token> tokens_;
};

}  // namespace

bool is_prose(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {  // a command's name is no word
      while (i + 1 < text.size() && is_letter(text[i + 1])) ++i;
      // Nor is what \text and its like hold.
      continue;
    }
    if (!is_letter(text[i])) continue;
    std::size_t end = i;
    while (end < text.size() && is_letter(text[end])) ++end;
    const std::string_view run = text.substr(i, end - i);
    const bool in_group = i > 0 && text[i - 1] == '{';
    if (run.size() >= 3 && known_at(run).empty() && run != "and" && !in_group) return true;
    i = end - 1;
  }
  return false;
}

std::optional<std::vector<Token>> tokenize(std::string_view text, bool commas_group) {
  const std::string plain = with_commands(text);
  return Lexer(plain, commas_group).run();
}

std::string_view unwrapped(std::string_view text) {
  for (std::size_t before = text.size() + 1; text.size() < before;) {
    before = text.size();
    text = python::strip(text);
    for (const auto& [open, close] : {std::pair<std::string_view, std::string_view>{"$$", "$$"},
                                      {"$", "$"},
                                      {"\\(", "\\)"},
                                      {"\\[", "\\]"},
                                      {"\\boxed{", "}"},
                                      {"\\fbox{", "}"},
                                      {"**", "**"}}) {
      if (text.size() < open.size() + close.size() || !text.starts_with(open) ||
          !text.ends_with(close)) {
        continue;
      }
      const std::string_view inner =
          text.substr(open.size(), text.size() - open.size() - close.size());
      // "$1$ and $2$" is not one group, nor is \boxed{1}, \boxed{2}.
      if (inner.find(open.back() == '{' ? "\\boxed" : close) != std::string_view::npos) continue;
      int depth = 0;
      bool is_balanced = true;
      for (const char c : inner) {
        depth += c == '{' ? 1 : c == '}' ? -1 : 0;
        is_balanced = is_balanced && depth >= 0;
      }
      if (is_balanced && depth == 0) text = inner;
    }
    if (text.ends_with('.') || text.ends_with(',')) text.remove_suffix(1);
  }
  return text;
}

}  // namespace peira::evals::math
