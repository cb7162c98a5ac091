// Equivalence of mathematical answers: SymPy's word on generated pairs (tests/golden/evals/
// make_math_pairs.py), and by hand on what answers look like.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "evals/math/equivalence.h"
#include "evals/math/evaluate.h"
#include "evals/math/units.h"

namespace peira::evals::math {
namespace {

using Outcome = Equivalence::Outcome;

// Compares every pair of the file at `path`; returns how many there are, and how many are equal.
std::pair<int, int> compare_pairs(const std::string& path) {
  const std::string text = read_file(path);
  int num_pairs = 0;
  int num_equal = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    const Json pair = parse_json(text.substr(begin, end - begin), path);
    begin = end + 1;
    const auto a = pair["a"].get<std::string>();
    const auto b = pair["b"].get<std::string>();
    const Equivalence got = compare_answers(a, b);
    EXPECT_EQ(static_cast<int>(got.outcome),
              static_cast<int>(pair["equal"].get<bool>() ? Outcome::kEqual : Outcome::kUnequal))
        << pair["kind"] << ": " << a << "  |  " << b << "  " << got.how;
    ++num_pairs;
    num_equal += pair["equal"].get<bool>() ? 1 : 0;
  }
  return {num_pairs, num_equal};
}

TEST(MathEquivalence, AgreesWithSymPyOnGeneratedPairs) {
  const auto [num_pairs, num_equal] =
      compare_pairs(std::string(PEIRA_SOURCE_DIR) + "/tests/golden/evals/math_pairs.jsonl");
  EXPECT_EQ(num_pairs, 390);
  EXPECT_GT(num_equal, 150);
  EXPECT_LT(num_equal, 240);
}

// Any number of pairs more, of make_math_pairs.py --pairs N --seed S.
TEST(MathEquivalence, AgreesWithSymPyOnMorePairs) {
  const char* const path = std::getenv("PEIRA_MATH_PAIRS");
  if (path == nullptr) GTEST_SKIP() << "PEIRA_MATH_PAIRS names no file of more pairs";
  EXPECT_GT(compare_pairs(path).first, 0);
}

struct Case {
  const char* answer;
  const char* gold;
};

TEST(MathEquivalence, TakesWhatSaysTheSame) {
  for (const Case& one : std::vector<Case>{
           {"\\frac{1}{2}", "0.5"},
           {"$\\dfrac12$", "1/2"},
           {"\\boxed{7}", "7"},
           {"2\\frac{1}{2}", "\\frac{5}{2}"},
           {"1{,}234", "1234"},
           {"1,234,567", "1234567"},
           {"\xC2\xBD", "0.5"},
           {"\xE2\x88\x9A"
            "2",
            "\\sqrt{2}"},
           {"2\xCF\x80", "2\\pi"},
           {"x\xC2\xB2", "x^2"},
           {"3 \xC3\x97 10^8", "300000000"},
           {"1.5e-3", "0.0015"},
           {"2^-3", "1/8"},
           {"sqrt(2)/2", "\\frac{1}{\\sqrt{2}}"},
           {"\\sqrt{3+2\\sqrt2}", "1+\\sqrt 2"},
           {"\\sqrt[3]{-8}", "-2"},
           {"e^{i\\pi}", "-1"},
           {"\\ln 8", "3\\ln 2"},
           {"\\log 1000", "3"},
           {"\\log_2 8", "3"},
           {"\\sin 30^\\circ", "0.5"},
           {"\\tan(15^\\circ)", "2-\\sqrt3"},
           {"\\sin^{-1} 1", "\\frac{\\pi}{2}"},
           {"\\sin^2 x", "1-\\cos^2 x"},
           {"|{-3}|", "3"},
           {"\\lfloor 7/2 \\rfloor", "3"},
           {"5!", "120"},
           {"\\binom{6}{2}", "15"},
           {"n(n+1)/2", "\\frac{n^2+n}{2}"},
           {"x_1 + x_2", "x_{2}+x_{1}"},
           {"\\infty", "infinity"},
           {"x = 5", "5"},
           {"5", "x=5"},
           {"f(x)=x^2+1", "1+x^2"},
           {"y=2x+1", "2x-y+1=0"},
           {"y=2x+1", "4x-2y=-2"},
           {"\\{1,2,3\\}", "3, 2, 1"},
           {"\\{1,2,2\\}", "\\{2,1\\}"},
           {"1 and 2", "2, 1"},
           {"\\pm 2", "\\{-2, 2\\}"},
           {"1\\pm\\sqrt2", "1+\\sqrt2, 1-\\sqrt2"},
           {"(1, 2)", "\\left(1,\\, 2\\right)"},
           {"1, 2", "(1,2)"},
           {"(1,2]\\cup(2,3]", "(1,3]"},
           {"[0,1]\\cup\\{3\\}", "\\{3\\} \\cup [0, 1]"},
           {"x > 2", "(2, \\infty)"},
           {"2 < x \\le 5", "(2,5]"},
           {"x \\ne 0", "(-\\infty,0)\\cup(0,\\infty)"},
           {"x \\in [1,2]", "[1,2]"},
           {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}",
            "\\begin{bmatrix}1 & 2\\\\ 3 & \\frac{8}{2}\\end{bmatrix}"},
           {"\\begin{pmatrix}1\\\\2\\end{pmatrix}", "(1,2)"},
           {"5 m", "500 cm"},
           {"72 km/h", "20\\text{ m/s}"},
           {"9.81\\,\\mathrm{m/s^2}", "9.81"},
           {"1 N", "1 kg*m/s^2"},
           {"50\\%", "0.5"},
           {"50%", "50"},
           {"180^\\circ", "\\pi"},
           {"$5", "5"},
           {"7 \\text{ apples}", "7"},
           {"0.333", "1/3"},
           {"3.14159", "3.14"},
           {"1.41", "\\sqrt2"},
           {"Paris", "paris."},
           {"\\text{Yes}", "yes"},
       }) {
    const Equivalence got = compare_answers(one.answer, one.gold);
    EXPECT_TRUE(got.is_equal()) << one.answer << "  |  " << one.gold << "  " << got.how;
  }
}

TEST(MathEquivalence, TellsApartWhatDiffers) {
  for (const Case& one : std::vector<Case>{
           {"0.3", "1/3"},    // too few digits to be a rounding
           {"0.334", "1/3"},  // not its rounding
           {"3.1", "3.14"},   // fewer digits than the gold
           {"2.00", "2.004"},
           {"2", "3"},
           {"x", "y"},
           {"\\sqrt{x^2}", "x"},  // not for negative x
           {"\\ln(x^2)", "2\\ln x"},
           {"(1,2)", "[1,2]"},
           {"(1,2)", "(2,1)"},
           {"(1,2)", "\\{1,2\\}"},
           {"\\{1,2\\}", "\\{1,3\\}"},
           {"1, 2", "1, 2, 3"},
           {"x > 2", "[2,\\infty)"},
           {"x \\ge 2", "x > 2"},
           {"-\\infty", "\\infty"},
           {"y=2x+1", "y=2x-1"},
           {"\\begin{pmatrix}1&2\\end{pmatrix}", "\\begin{pmatrix}1\\\\2\\end{pmatrix}"},
           {"5 m", "5 s"},
           {"5 km", "5 m"},
           {"1,234", "1.234"},
           {"\\sqrt2+\\sqrt3", "3.1462643699419723424"},  // off in the 19th place
           {"yes", "no"},
           {"Paris", "7"},
       }) {
    const Equivalence got = compare_answers(one.answer, one.gold, {.decimals_round = true});
    EXPECT_EQ(static_cast<int>(got.outcome), static_cast<int>(Outcome::kUnequal))
        << one.answer << "  |  " << one.gold << "  " << got.how;
  }
}

TEST(MathEquivalence, SaysHowItKnows) {
  EXPECT_EQ(compare_answers("(x-1)(x+1)", "x^2-1").how, "equal exactly");
  EXPECT_EQ(compare_answers("x^2", "x^2+1").how, "differ as polynomials");
  EXPECT_EQ(compare_answers("\\sqrt{5+2\\sqrt6}", "\\sqrt2+\\sqrt3").how,
            "equal by a root separation bound");
  // Gauss's formula: nothing exact here knows it.
  EXPECT_EQ(compare_answers("4\\arctan\\frac15-\\arctan\\frac1{239}", "\\frac{\\pi}{4}").how,
            "equal to 40 digits, not proved");
  EXPECT_EQ(compare_answers("\\cos^2\\frac{x}{2}", "\\frac{1+\\cos x}{2}").how,
            "equal to 40 digits at 12 points, not proved");
  EXPECT_EQ(compare_answers("0.333", "1/3").how, "the gold rounds to the answer's 3 decimals");
  EXPECT_EQ(compare_answers("0.333", "1/3", {.decimals_round = false}).outcome, Outcome::kUnequal);
  EXPECT_EQ(compare_answers("\\log 100", "2").how, "equal exactly, with logarithms to base 10");
}

TEST(MathEquivalence, DecidesRealAlgebraicNumbersFarBeyondTheirDigits) {
  const Term root2 = power(number(2), number(Rational(1, 2)));
  const Term close =
      number(Rational(BigInt("1414213562373095048801688724209698078569671875376948073"
                             "176679737990732478462"),
                      BigInt("1000000000000000000000000000000000000000000000000000000"
                             "000000000000000000000")));
  EXPECT_EQ(is_zero_by_bound(sum({root2, negate(close)})), false);
  EXPECT_EQ(is_zero_by_bound(sum({product({root2, root2}), number(-2)})), true);
  EXPECT_EQ(is_zero_by_bound(sum({symbol("x"), number(-2)})), std::nullopt);
}

TEST(MathEquivalence, IsBoundedOnWhatIsMeantToBeHeavy) {
  std::string nested;
  for (int i = 0; i < 3000; ++i) nested += "\\frac{1}{1+";
  EXPECT_FALSE(compare_answers(nested, "1").is_equal());
  EXPECT_FALSE(compare_answers("9^{9^{9^{9}}}", "1").is_equal());
  EXPECT_FALSE(compare_answers("(a+b+c+d+e_1+f+g)^{100}", "(a+b+c+d+e_1+f+h)^{100}").is_equal());
  EXPECT_FALSE(compare_answers(std::string(100'000, '('), "1").is_equal());
  EXPECT_FALSE(compare_answers("100000000!", "1").is_equal());
  EXPECT_FALSE(compare_answers("\\frac{1}{0}", "1").is_equal());
  EXPECT_FALSE(compare_answers("", "1").is_equal());
  EXPECT_FALSE(compare_answers("\xFF\xFE{", "1").is_equal());
}

TEST(Units, AreExact) {
  EXPECT_EQ(read_unit("km/h")->factor, Rational(5, 18));
  EXPECT_EQ(read_unit("kg m/s^2")->dimensions, read_unit("N")->dimensions);
  EXPECT_EQ(read_unit("meters per second")->dimensions, read_unit("m/s")->dimensions);
  EXPECT_EQ(read_unit("mm^2")->factor, Rational(1, 1'000'000));
  EXPECT_FALSE(read_unit("xyzzy").has_value());
  EXPECT_FALSE(read_unit("/s").has_value());
}

}  // namespace
}  // namespace peira::evals::math
