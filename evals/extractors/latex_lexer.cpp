#include "evals/extractors/latex_lexer.h"

#include <algorithm>
#include <array>

namespace peira::evals::latex {
namespace {

struct Fixed {
  std::string_view text;
  T type;
};

// Tokens written one way. Longest match wins, so the order does not matter.
// clang-format off
constexpr Fixed kFixed[] = {
    {"^T", T::kTranspose}, {"^{T}", T::kTranspose}, {"'", T::kTranspose},
    {"^\\circ", T::kDegree}, {"^\\degree", T::kDegree}, {"^\\circle", T::kDegree},
    {"^\u00b0", T::kDegree}, {"^{\\circ}", T::kDegree}, {"^{\\degree}", T::kDegree},
    {"^{\\circle}", T::kDegree}, {"^{\u00b0}", T::kDegree}, {"+", T::kAdd}, {"\u2214", T::kAdd},
    {"\u2295", T::kAdd}, {"\u229e", T::kAdd}, {"-", T::kSub}, {"\u2212", T::kSub},
    {"\u2238", T::kSub}, {"*", T::kMul}, {"\u00d7", T::kMul}, {"\u22c5", T::kMul},
    {"\u22c4", T::kMul}, {"\u22a1", T::kMul}, {"\u2217", T::kMul}, {"\u22c6", T::kMul},
    {"\u2218", T::kMul}, {"\u2219", T::kMul}, {"\u2297", T::kMul}, {"\u22a0", T::kMul},
    {"\u22c8", T::kMul}, {"\u22c9", T::kMul}, {"\u22ca", T::kMul}, {"\\times", T::kMul},
    {"\\cdot", T::kMul}, {"/", T::kDiv}, {"\u00f7", T::kDiv}, {"\u2215", T::kDiv},
    {"\\over", T::kDiv}, {"\\div", T::kDiv}, {":", T::kColon}, {"\\mod", T::kMod},
    {"^", T::kCaret}, {"_", T::kUnderscore}, {",", T::kComma}, {";", T::kSemicolon},
    {"!", T::kBang}, {".", T::kOther}, {"(", T::kLParen}, {")", T::kRParen},
    {"\\(", T::kLParenVisual}, {"\\)", T::kRParenVisual}, {"\\lgroup", T::kLGroup},
    {"\\rgroup", T::kRGroup}, {"{", T::kLBrace}, {"}", T::kRBrace}, {"\\{", T::kLBraceVisual},
    {"\\}", T::kRBraceVisual}, {"\\lbrace", T::kLBraceCmd}, {"\\rbrace", T::kRBraceCmd},
    {"[", T::kLBracket}, {"]", T::kRBracket}, {"\\lbrack", T::kLBrack}, {"\\rbrack", T::kRBrack},
    {"\\phantom", T::kPhantom}, {"\\boxed", T::kBoxed}, {"|", T::kBar}, {"\\lvert", T::kLVert},
    {"\\rvert", T::kRVert}, {"\\vert", T::kVert}, {"\\|", T::kNorm}, {"\\langle", T::kLAngle},
    {"\\rangle", T::kRAngle}, {"\\lfloor", T::kLFloor}, {"\\rfloor", T::kRFloor},
    {"\\llcorner", T::kLlCorner}, {"\\lrcorner", T::kLrCorner}, {"\\lceil", T::kLCeil},
    {"\\rceil", T::kRCeil}, {"\\ulcorner", T::kUlCorner}, {"\\urcorner", T::kUrCorner},
    {"\\lim", T::kLim}, {"\\to", T::kTo}, {"\\rightarrow", T::kTo}, {"\\Rightarrow", T::kTo},
    {"\\longrightarrow", T::kTo}, {"\\Longrightarrow", T::kTo}, {"\\int", T::kInt},
    {"\\sum", T::kSum}, {"\\prod", T::kProd}, {"\\log", T::kFunction}, {"\\ln", T::kFunction},
    {"\\exp", T::kFunction}, {"\\sin", T::kFunction}, {"\\cos", T::kFunction},
    {"\\tan", T::kFunction}, {"\\csc", T::kFunction}, {"\\sec", T::kFunction},
    {"\\cot", T::kFunction}, {"\\arcsin", T::kFunction}, {"\\arccos", T::kFunction},
    {"\\arctan", T::kFunction}, {"\\arccsc", T::kFunction}, {"\\arcsec", T::kFunction},
    {"\\arccot", T::kFunction}, {"\\sinh", T::kFunction}, {"\\cosh", T::kFunction},
    {"\\tanh", T::kFunction}, {"\\arsinh", T::kFunction}, {"\\arcosh", T::kFunction},
    {"\\artanh", T::kFunction}, {"\\arcsinh", T::kFunction}, {"\\arccosh", T::kFunction},
    {"\\arctanh", T::kFunction}, {"\\floor", T::kFunction}, {"\\ceil", T::kFunction},
    {"\\det", T::kFunction}, {"\\Gamma", T::kGamma}, {"\\gamma", T::kGamma},
    {"\\gcd", T::kMultiFunction}, {"\\lcm", T::kMultiFunction}, {"\\max", T::kMultiFunction},
    {"\\min", T::kMultiFunction}, {"\\sqrt", T::kSqrt}, {"\\frac", T::kFrac},
    {"\\dfrac", T::kFrac}, {"\\tfrac", T::kFrac}, {"\\cfrac", T::kFrac}, {"\\binom", T::kBinom},
    {"\\tbinom", T::kBinom}, {"\\dbinom", T::kBinom}, {"\\choose", T::kChoose},
    {"\\operatorname", T::kOperatorName}, {"\\mathit", T::kOther}, {"arsinh", T::kSingleName},
    {"arcsinh", T::kSingleName}, {"arcosh", T::kSingleName}, {"arccosh", T::kSingleName},
    {"artanh", T::kSingleName}, {"arctanh", T::kSingleName}, {"gcd", T::kMultiName},
    {"lcm", T::kMultiName}, {"floor", T::kSingleName}, {"ceil", T::kSingleName},
    {"eye", T::kSingleName}, {"zeros", T::kMultiName}, {"ones", T::kMultiName},
    {"cols", T::kSingleName}, {"rows", T::kSingleName}, {"diag", T::kMultiName},
    {"norm", T::kSingleName}, {"rank", T::kSingleName}, {"trace", T::kSingleName},
    {"tr", T::kSingleName}, {"rref", T::kSingleName}, {"hstack", T::kMultiName},
    {"vstack", T::kMultiName}, {"orth", T::kMultiName}, {"ortho", T::kMultiName},
    {"orthogonal", T::kMultiName}, {"orthogonalize", T::kMultiName},
    {"nullspace", T::kSingleName}, {"eig", T::kSingleName}, {"eigen", T::kSingleName},
    {"diagonalize", T::kSingleName}, {"eigenvals", T::kSingleName},
    {"eigenvalues", T::kSingleName}, {"eigenvects", T::kSingleName},
    {"eigenvectors", T::kSingleName}, {"svd", T::kSingleName}, {"SVD", T::kSingleName},
    {"matrix", T::kWord}, {"pmatrix", T::kWord}, {"bmatrix", T::kWord}, {"vmatrix", T::kWord},
    {"&", T::kMatrixColumn}, {"\\\\", T::kMatrixRow}, {"e", T::kExpE},
    {"\\exponentialE", T::kExpE}, {"E", T::kLetterE}, {"\\xrightarrow", T::kOther},
    {"\\xRightarrow", T::kOther}, {"<->", T::kOther}, {"<=>", T::kOther},
    {"\\leftrightarrow", T::kOther}, {"\\Leftrightarrow", T::kOther}, {"\\in", T::kIn},
    {"=", T::kAssign}, {"\u2261", T::kAssign}, {"\u2263", T::kAssign}, {"\u225f", T::kAssign},
    {"\u224e", T::kAssign}, {"\u224f", T::kAssign}, {"\u2250", T::kAssign},
    {"\u2251", T::kAssign}, {"\u2252", T::kAssign}, {"\u2253", T::kAssign},
    {"\u2254", T::kAssign}, {"\u2255", T::kAssign}, {"\u2256", T::kAssign},
    {"\u2257", T::kAssign}, {"==", T::kEqual}, {"\\equiv", T::kEqual}, {"~=", T::kApprox},
    {"\u2248", T::kApprox}, {"\u224a", T::kApprox}, {"\u224b", T::kApprox},
    {"\u2243", T::kApprox}, {"\u2245", T::kApprox}, {"\\approx", T::kApprox}, {"<", T::kLess},
    {"\u226a", T::kLess}, {"\u227a", T::kLess}, {"\u22d6", T::kLess}, {"\\lt", T::kLess},
    {"\\leq", T::kLessEqual}, {"\\le", T::kLessEqual}, {"\\leqslant", T::kLessEqual},
    {"\u2264", T::kLessEqual}, {"\u2266", T::kLessEqual}, {"\u2272", T::kLessEqual},
    {"\u227e", T::kLessEqual}, {"<=", T::kLessEqual}, {">", T::kGreater},
    {"\u226b", T::kGreater}, {"\u227b", T::kGreater}, {"\u22d7", T::kGreater},
    {"\\gt", T::kGreater}, {"\\geq", T::kGreaterEqual}, {"\\ge", T::kGreaterEqual},
    {"\\geqslant", T::kGreaterEqual}, {"\u2265", T::kGreaterEqual}, {"\u2267", T::kGreaterEqual},
    {"\u2273", T::kGreaterEqual}, {"\u227f", T::kGreaterEqual}, {">=", T::kGreaterEqual},
    {"!=", T::kUnequal}, {"!==", T::kUnequal}, {"\\ne", T::kUnequal}, {"\\neq", T::kUnequal},
    {"\\not\\equiv", T::kUnequal}, {"\u2260", T::kUnequal}, {"\u2241", T::kUnequal},
    {"\u2244", T::kUnequal}, {"\u2247", T::kUnequal}, {"\u2249", T::kUnequal},
    {"\u2262", T::kUnequal}, {"\\partial", T::kSymbol}, {"\\infty", T::kSymbol},
    {"\\infty\\%", T::kSymbol}, {"\\infty%", T::kSymbol}, {"\\$\\infty", T::kSymbol},
    {"\\mathbb{N}", T::kLiteralSet}, {"\u2115", T::kLiteralSet}, {"\\mathbb{Z}", T::kLiteralSet},
    {"\u2124", T::kLiteralSet}, {"\\mathbb{Q}", T::kLiteralSet}, {"\u211a", T::kLiteralSet},
    {"\\mathbb{R}", T::kLiteralSet}, {"\u211d", T::kLiteralSet}, {"\\mathbb{C}", T::kLiteralSet},
    {"\u2102", T::kLiteralSet}, {"\\mathbb{P}", T::kLiteralSet}, {"\u2119", T::kLiteralSet},
    {"\\cup", T::kUnion}, {"\u222a", T::kUnion}, {"\\cap", T::kIntersection},
    {"\u2229", T::kIntersection}, {"\\setminus", T::kSetMinus}, {"\u2216", T::kSetMinus},
    {"\\pm", T::kPlusMinus}, {"\u00b1", T::kPlusMinus}, {"\u2213", T::kPlusMinus},
    {"\\mp", T::kPlusMinus}, {"\\emptyset", T::kSetEmpty}, {"\u2205", T::kSetEmpty},
    {"\\{\\}", T::kSetEmpty}, {"\\lbrace\\rbrace", T::kSetEmpty}, {"\\supseteq", T::kSuperset},
    {"\u2287", T::kSuperset}, {"\\subseteq", T::kSubset}, {"\u2286", T::kSubset},
    {"\\notin", T::kNotIn}, {"\u2209", T::kNotIn},
};
// clang-format on

// Written and then forgotten: spaces of all widths.
constexpr std::string_view kSkipped[] = {
    "\\,",           "\\thinspace",     "\\:",      "\\medspace", "\\;",
    "\\thickspace",  "\\quad",          "\\qquad",  "\\!",        "\\negthinspace",
    "\\negmedspace", "\\negthickspace", "\\$",      "\\vrule",    "\\vcenter",
    "\\vbox",        "\\vskip",         "\\vspace", "\\hfil"};

constexpr std::string_view kGreek[] = {
    "\\alpha",    "\u03b1",     "\\beta",   "\u03b2",    "\u03b3",    "\u0393",       "\\delta",
    "\u03b4",     "\\Delta",    "\u0394",   "\\epsilon", "\u03b5",    "\\varepsilon", "\u03f5",
    "\\zeta",     "\u03b6",     "\\eta",    "\u03b7",    "\\theta",   "\u03b8",       "\\Theta",
    "\u0398",     "\\vartheta", "\u03d1",   "\\iota",    "\u03b9",    "\\kappa",      "\u03ba",
    "\\lambda",   "\u03bb",     "\\Lambda", "\u039b",    "\\mu",      "\u03bc",       "\\nu",
    "\u03bd",     "\\xi",       "\u03be",   "\\Xi",      "\u039e",    "\\omicron",    "\u03bf",
    "\\pi",       "\u03c0",     "\\Pi",     "\u03a0",    "\\varpi",   "\u03d6",       "\\rho",
    "\u03c1",     "\\varrho",   "\u03f1",   "\\sigma",   "\u03c3",    "\\Sigma",      "\u03a3",
    "\\varsigma", "\u03c2",     "\\tau",    "\u03c4",    "\\upsilon", "\u03c5",       "\\Upsilon",
    "\u03a5",     "\\phi",      "\u03c6",   "\\Phi",     "\u03a6",    "\\varphi",     "\u03d5",
    "\\chi",      "\u03c7",     "\\psi",    "\u03c8",    "\\Psi",     "\u03a8",       "\\omega",
    "\u03c9",     "\\Omega",    "\u03a9"};

constexpr std::string_view kOtherSymbols[] = {
    "\\Bbbk",          "\\wp",      "\\nabla",          "\\bigstar",
    "\\angle",         "\\nexists", "\\diagdown",       "\\measuredangle",
    "\\eth",           "\u2135",    "\u2136",           "\u2137",
    "\u2138",          "\\diagup",  "\\sphericalangle", "\\clubsuit",
    "\\varnothing",    "\\Diamond", "\\complement",     "\\diamondsuit",
    "\\imath",         "\\Finv",    "\\triangledown",   "\\heartsuit",
    "\\jmath",         "\\Game",    "\\triangle",       "\\spadesuit",
    "\\ell",           "\\hbar",    "\\vartriangle",    "\\hslash",
    "\\blacklozenge",  "\\lozenge", "\\blacksquare",    "\\mho",
    "\\blacktriangle", "\\sharp",   "\\prime",          "\\Im",
    "\\flat",          "\\square",  "\\backprime",      "\\Re",
    "\\natural",       "\\surd",    "\\circledS"};

constexpr std::string_view kAccents[] = {"\\acute",        "\\bar",
                                         "\\overline",     "\\breve",
                                         "\\check",        "\\widecheck",
                                         "\\dot",          "\\ddot",
                                         "\\grave",        "\\hat",
                                         "\\tilde",        "\\widetilde",
                                         "\\vec",          "\\overrightarrow",
                                         "\\bm",           "\\boldsymbol",
                                         "\\text",         "\\textit",
                                         "\\textbf",       "\\textnormal",
                                         "\\mathbb",       "\\mathbin",
                                         "\\mathbf",       "\\mathcal",
                                         "\\mathclap",     "\\mathclose",
                                         "\\mathellipsis", "\\mathfrak",
                                         "\\mathinner",    "\\mathit",
                                         "\\mathnormal",   "\\mathop",
                                         "\\mathopen",     "\\mathord",
                                         "\\mathpunct",    "\\mathrel",
                                         "\\mathring",     "\\mathrlap",
                                         "\\mathrm",       "\\mathscr",
                                         "\\mathsf",       "\\mathsterling",
                                         "\\mathtt",       "\\mbox"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Tokens by their first byte, longest first: one table, built once.
struct Lexicon {
  struct Entry {
    std::string_view text;
    T type;
    bool skipped;
  };
  std::array<std::vector<Entry>, 256> by_first;

  Lexicon() {
    const auto put = [this](std::string_view text, T type, bool skipped = false) {
      by_first[static_cast<unsigned char>(text[0])].push_back({text, type, skipped});
    };
    for (const Fixed& fixed : kFixed) put(fixed.text, fixed.type);
    for (const std::string_view text : kSkipped) put(text, T::kOther, true);
    for (const std::string_view text : kGreek) put(text, T::kGreek);
    for (const std::string_view text : kOtherSymbols) put(text, T::kOtherSymbol);
    for (auto& entries : by_first) {
      std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        return a.text.size() > b.text.size();
      });
    }
  }
};

}  // namespace

std::size_t number_length(std::string_view text) {
  std::size_t whole = 0;
  while (whole < text.size() && is_digit(text[whole])) ++whole;
  if (whole + 1 < text.size() && text[whole] == '.' && is_digit(text[whole + 1])) {
    std::size_t end = whole + 1;
    while (end < text.size() && is_digit(text[end])) ++end;
    return end;
  }
  return whole;
}

namespace {

// Bytes an accent takes: a command, at most one blank, and a group without nested braces.
std::size_t accent_length(std::string_view text) {
  std::size_t best = 0;
  for (const std::string_view command : kAccents) {
    if (!text.starts_with(command)) continue;
    std::size_t at = command.size();
    if (at < text.size() && is_blank(text[at])) ++at;
    if (at >= text.size() || text[at] != '{') continue;
    const std::size_t close = text.find('}', at);
    if (close != std::string_view::npos) best = std::max(best, close + 1);
  }
  return best;
}

std::size_t matrix_length(std::string_view text, std::string_view command) {
  if (!text.starts_with(command)) return 0;
  for (const std::string_view type : {"{matrix}", "{pmatrix}", "{bmatrix}", "{vmatrix}"}) {
    if (text.substr(command.size()).starts_with(type)) return command.size() + type.size();
  }
  return 0;
}

}  // namespace

std::optional<std::vector<Token>> tokenize(std::string_view text) {
  static const Lexicon lexicon;
  std::vector<Token> tokens;
  std::size_t i = 0;
  while (i < text.size()) {
    if (is_blank(text[i])) {
      ++i;
      continue;
    }
    const std::string_view rest = text.substr(i);
    std::size_t length = 0;
    T type = T::kOther;
    bool skipped = false;
    for (const auto& entry : lexicon.by_first[static_cast<unsigned char>(rest[0])]) {
      if (!rest.starts_with(entry.text)) continue;
      length = entry.text.size();
      type = entry.type;
      skipped = entry.skipped;
      break;
    }
    const auto offer = [&](std::size_t size, T kind) {
      if (size <= length) return;
      length = size;
      type = kind;
      skipped = false;
    };
    if (type == T::kGreek || type == T::kOtherSymbol) {
      if (length < rest.size() && rest[length] == ' ') ++length;
    }
    if (rest[0] == '\\') {
      offer(accent_length(rest), T::kAccent);
      offer(matrix_length(rest, "\\begin"), T::kMatrixStart);
      offer(matrix_length(rest, "\\end"), T::kMatrixEnd);
    } else if (is_digit(rest[0]) || rest[0] == '.') {
      const std::size_t size = number_length(rest);
      offer(size, T::kNumber);
      if (size > 0) {
        std::size_t at = size;
        if (at < rest.size() && is_blank(rest[at])) ++at;
        if (rest.substr(at).starts_with("\\%")) {
          offer(at + 2, T::kPercent);
        } else if (rest.substr(at).starts_with("%")) {
          offer(at + 1, T::kPercent);
        }
        if (size < rest.size() && rest[size] == 'E') {
          std::size_t end = size + 1;
          if (rest.substr(end).starts_with("\u2212") || rest.substr(end).starts_with("\u2238")) {
            end += 3;
          } else if (end < rest.size() && (rest[end] == '+' || rest[end] == '-')) {
            ++end;
          }
          const std::size_t digits = end;
          while (end < rest.size() && is_digit(rest[end])) ++end;
          if (end > digits) offer(end, T::kENotation);
        }
      }
    } else if (is_letter(rest[0])) {
      if (rest[0] == 'd') {
        std::size_t at = 1;
        while (at < rest.size() && is_blank(rest[at])) ++at;
        if (at < rest.size() && is_letter(rest[at])) {
          offer(at + 1, T::kDifferential);
        } else if (at + 1 < rest.size() && rest[at] == '\\' && is_letter(rest[at + 1])) {
          ++at;
          while (at < rest.size() && is_letter(rest[at])) ++at;
          offer(at, T::kDifferential);
        }
      }
      offer(1, T::kLetter);
    }
    if (length == 0) return std::nullopt;
    if (!skipped) tokens.push_back({type, rest.substr(0, length)});
    i += length;
  }
  tokens.push_back({T::kEnd, {}});
  return tokens;
}

}  // namespace peira::evals::latex
