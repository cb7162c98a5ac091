// LaTeX mathematics as latex2sympy2_extended's grammar cuts it into tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace peira::evals::latex {

// kFunction takes one argument, kMultiFunction several; kSingleName and kMultiName are the same
// inside \operatorname. kOther is a token of the lexer that no rule we follow can take.
// clang-format off
enum class T : std::uint8_t {
  kEnd, kAdd, kSub, kMul, kDiv, kColon, kMod, kCaret, kUnderscore, kComma, kSemicolon, kBang,
  kLParen, kRParen, kLParenVisual, kRParenVisual, kLGroup, kRGroup, kLBrace, kRBrace,
  kLBraceVisual, kRBraceVisual, kLBraceCmd, kRBraceCmd, kLBracket, kRBracket, kLBrack, kRBrack,
  kPhantom, kBoxed, kBar, kLVert, kRVert, kVert, kNorm, kLAngle, kRAngle, kLFloor, kRFloor,
  kLlCorner, kLrCorner, kLCeil, kRCeil, kUlCorner, kUrCorner, kLim, kTo, kInt, kSum, kProd,
  kFunction, kMultiFunction, kGamma, kSqrt, kFrac, kBinom, kChoose, kOperatorName, kSingleName,
  kMultiName, kWord, kMatrixStart, kMatrixEnd, kMatrixColumn, kMatrixRow, kDifferential, kExpE,
  kLetterE, kLetter, kNumber, kENotation, kPercent, kIn, kAssign, kEqual, kApprox, kLess,
  kLessEqual, kGreater, kGreaterEqual, kUnequal, kGreek, kOtherSymbol, kSymbol, kLiteralSet,
  kAccent, kUnion, kIntersection, kSetMinus, kPlusMinus, kSetEmpty, kSuperset, kSubset, kNotIn,
  kTranspose, kDegree, kOther,
};
// clang-format on

struct Token {
  T type;
  std::string_view text;
};

// Bytes a number takes at the start of `text`: digits, or digits, a point and digits.
std::size_t number_length(std::string_view text);

// Longest match first, as ANTLR's lexer; empty for a character that starts no token. Views into
// `text`.
std::optional<std::vector<Token>> tokenize(std::string_view text);

}  // namespace peira::evals::latex
