// The trap rows of MMMU and MMMU-Pro, one to one (benchmarks.md, 10.10 to 10.12), and what the
// official script prints.
#include "evals/extractors/mmmu.h"

#include <gtest/gtest.h>

#include "datasets/mmmu_subjects.h"
#include "datasets/python_list.h"
#include "evals/metrics/mmmu.h"
#include "evals/metrics/official_accuracy.h"

namespace peira::evals {
namespace {

const std::vector<std::string> kOptions{"Mitosis", "Meiosis", "12", "Photosynthesis"};

std::string letter(const std::optional<MmmuChoice>& choice) {
  return choice ? std::string(1, static_cast<char>('A' + choice->option)) : "random";
}

struct Trap {
  const char* row;
  std::vector<std::string> replies;
  const char* expected;
};
void PrintTo(const Trap& trap, std::ostream* out) { *out << trap.row; }

class MmmuChoiceTrap : public testing::TestWithParam<Trap> {};

TEST_P(MmmuChoiceTrap, ReadsTheOptionTheOfficialCodeReads) {
  for (const std::string& reply : GetParam().replies) {
    EXPECT_EQ(letter(parse_mmmu_choice(reply, kOptions)), GetParam().expected) << reply;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, MmmuChoiceTrap,
    testing::Values(
        Trap{"M1", {"B", "B.", " B", "(B)", "'B'", "B.,"}, "B"}, Trap{"M2", {"B,."}, "random"},
        Trap{"M3", {"B\n", "B.\n"}, "random"},
        Trap{"M4", {"**B**", "[B]", "\"B\"", "(B", "B)"}, "random"}, Trap{"M5", {"b"}, "random"},
        Trap{"M6a", {"Answer:B"}, "random"}, Trap{"M6b", {"Answer: B"}, "B"},
        Trap{"M7", {"The answer is B!?"}, "random"},
        Trap{"M8", {"D. Photosynthesis", "B) Meiosis"}, "random"},
        Trap{"M9", {"Meiosis", "It is meiosis"}, "random"},
        Trap{"M10", {"The process shown here is clearly meiosis not mitosis at all"}, "A"},
        Trap{"M11", {"We obtain 120 units in the final sum total"}, "C"},
        Trap{"M12", {"A vitamin is B."}, "B"}, Trap{"M13", {"A: because C and D fail"}, "D"},
        Trap{"M14", {"The answer is (B) not (A) since (A) is wrong"}, "A"},
        Trap{"M15", {"I think a cell uses (C) but (A) too"}, "A"},
        Trap{"M16", {"A or B", "A B"}, "B"}, Trap{"M17", {""}, "random"}),
    [](const auto& row) { return std::string(row.param.row); });

TEST(MmmuChoice, M18TakesTheLaterOfEAndI) {
  const std::vector<std::string> nine(9, "no such text");
  EXPECT_EQ(letter(parse_mmmu_choice("I think it is E so", nine)), "E");
}

struct OpenTrap {
  const char* row;
  std::vector<std::string> gold;
  std::string reply;
  bool is_right;
};
void PrintTo(const OpenTrap& trap, std::ostream* out) { *out << trap.row; }

class MmmuOpenTrap : public testing::TestWithParam<OpenTrap> {};

TEST_P(MmmuOpenTrap, JudgesAsTheOfficialCode) {
  std::vector<MmmuValue> gold;
  for (const std::string& answer : GetParam().gold) {
    for (MmmuValue& value : normalize_mmmu(answer)) gold.push_back(std::move(value));
  }
  EXPECT_EQ(mmmu_open_matches(parse_mmmu_open(GetParam().reply), gold), GetParam().is_right)
      << GetParam().reply;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, MmmuOpenTrap,
    testing::Values(
        OpenTrap{"M19", {"1.25"}, "The answer is 1.25, obviously", false},
        OpenTrap{"M20", {"1"}, "The answer is 1.25, obviously", true},
        OpenTrap{"M21a", {"3.14"}, "3.14159", true}, OpenTrap{"M21b", {"3.14159"}, "3.14", true},
        OpenTrap{"M22a", {"1000"}, "The total is 1,000 dollars", true},
        OpenTrap{"M22b", {"0"}, "The total is 1,000 dollars", true},
        OpenTrap{"M23a", {"5"}, "$5,000$", false}, OpenTrap{"M23b", {"5000"}, "$5,000$", true},
        OpenTrap{"M23c", {"0"}, "$5,000$", true}, OpenTrap{"M24a", {"0.5"}, "50%", false},
        OpenTrap{"M24b", {"50"}, "50%", true}, OpenTrap{"M25a", {"-5"}, "x = \u22125", false},
        OpenTrap{"M25b", {"5"}, "x = \u22125", true}, OpenTrap{"M26", {"5"}, "x=-5", false},
        OpenTrap{"M27", {"5"}, "minus 5", true}, OpenTrap{"M28a", {"3"}, "5-3", false},
        OpenTrap{"M28b", {"-3"}, "5-3", true}, OpenTrap{"M29a", {"2.675"}, "2.68", false},
        OpenTrap{"M29b", {"2.675"}, "2.67", true}, OpenTrap{"M30", {"0.005"}, "0.01", true},
        OpenTrap{"M31", {"0.001"}, "0", true}, OpenTrap{"M32", {"24"}, "24/7", true},
        OpenTrap{"M33a", {"12"}, "12cm", false}, OpenTrap{"M33b", {"12"}, "12 cm", true},
        OpenTrap{"M33c", {"12"}, "a12", true}, OpenTrap{"M34", {"2"}, "x2 is best", false},
        OpenTrap{"M35", {"10"}, "Step 1: 10\nStep 2: so 20", false},
        OpenTrap{"M36", {"10"}, "10\n20", true},
        OpenTrap{"M37", {"Paris"}, "Rome is nice.\nThe answer is\nParis", false},
        OpenTrap{"M38", {"4"}, "This 4 is it. So answer is unknown", false},
        OpenTrap{"M39", {"B"}, "The answer is option B", true},
        OpenTrap{"M40", {"b"}, "cab", false}, OpenTrap{"M41", {"cat"}, "concatenate", true},
        OpenTrap{"M42", {"Tampa"}, "It is near tampa bay", true},
        OpenTrap{"M43a", {"inf"}, "inf", true}, OpenTrap{"M43b", {"nan"}, "nan", false},
        OpenTrap{"M44", {"1_000"}, "1000", true}, OpenTrap{"M45a", {"1"}, "1,2", false},
        OpenTrap{"M45b", {"2"}, "1,2", true}, OpenTrap{"M45c", {"12"}, "1,2", true},
        OpenTrap{"M46a", {"1"}, "1, 2, 3", false}, OpenTrap{"M46b", {"3"}, "1, 2, 3", true},
        OpenTrap{"M47", {"7"}, "The answer is seven", false},
        OpenTrap{"M48", {"1234"}, "1234567", false},
        OpenTrap{"M49", {"24/7", "3.429"}, "x = 3.43", true},
        OpenTrap{"M50", {"infinity"}, "The answer is infinite", false}),
    [](const auto& row) { return std::string(row.param.row); });

class MmmuProTrap : public testing::TestWithParam<Trap> {};

TEST_P(MmmuProTrap, ReadsTheOptionTheOfficialCodeReads) {
  const std::vector<std::string> ten(10, "no such text");
  for (const std::string& reply : GetParam().replies) {
    EXPECT_EQ(letter(parse_mmmu_pro_choice(reply, ten)), GetParam().expected) << reply;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, MmmuProTrap,
    testing::Values(Trap{"P1", {"Answer: Because"}, "B"}, Trap{"P2", {"Answer: C. Diode"}, "C"},
                    Trap{"P3", {"Answer: None", "Answer:"}, "random"},
                    Trap{"P4", {"Answer: A or B"}, "B"}, Trap{"P5", {"Answer: I'd say G"}, "G"},
                    Trap{"P6", {"Let me see. Answer: $LETTER"}, "E"},
                    Trap{"P7", {"answer: B"}, "B"}, Trap{"P8", {"Answer: B\nAnswer: C"}, "C"},
                    Trap{"P9", {"Answer: C\nWait, no."}, "C"},
                    Trap{"P10a", {"Answer: \\boxed{H}"}, "H"}, Trap{"P10b", {"**Answer: B**"}, "B"},
                    Trap{"P11", {"DNA is the option"}, "A"}, Trap{"P12", {"so E. coli"}, "E"},
                    Trap{"P13", {"B)", "**B**", "J\n"}, "random"}),
    [](const auto& row) { return std::string(row.param.row); });

// random.seed(42); [random.choice("ABCD") for _ in range(8)] in CPython 3.11, then choice("AB")
// twice.
TEST(MmmuGuesses, AreTheOfficialStream) {
  MmmuGuesses guesses;
  std::string drawn;
  for (int i = 0; i < 8; ++i) drawn += static_cast<char>('A' + guesses.next(4));
  for (int i = 0; i < 2; ++i) drawn += static_cast<char>('A' + guesses.next(2));
  EXPECT_EQ(drawn, "AACBBBAABA");
}

SampleOutcome outcome(double value, const std::string& gold, const std::string& note) {
  SampleOutcome made;
  made.gold = gold;
  made.score.value = value;
  made.score.state = note.empty() ? AnswerState::kScored : AnswerState::kUnparsed;
  if (!note.empty()) made.score.notes.push_back(note);
  return made;
}

// The stream draws A, A, C, B for four options each (above): of the guesses the first and the third
// are right.
TEST(OfficialAccuracy, DrawsTheGuessesInOrder) {
  OfficialAccuracy official;
  for (const SampleOutcome& made :
       {outcome(1, "B", ""), outcome(0, "A", "official-guess-of-4"),
        outcome(0, "B", "official-guess-of-4"), outcome(0, "C", ""),
        outcome(0, "C", "official-guess-of-4"), outcome(0, "D", "official-guess-of-4")}) {
    official.add(made);
  }
  std::vector<Metric> metrics;
  official.append_to(metrics);
  ASSERT_EQ(metrics.size(), 2U);
  EXPECT_EQ(metrics[0].name, "official_accuracy");
  EXPECT_DOUBLE_EQ(metrics[0].value, 3.0 / 6);
  EXPECT_EQ(metrics[1].name, "expected_accuracy");
  EXPECT_DOUBLE_EQ(metrics[1].value, 2.0 / 6);
}

TEST(OfficialAccuracy, LeavesOutWhatIsNotCounted) {
  OfficialAccuracy official;
  official.add(outcome(1, "A", ""));
  official.add(outcome(0, "A", "officially-not-counted"));
  std::vector<Metric> metrics;
  official.append_to(metrics);
  ASSERT_EQ(metrics.size(), 1U);
  EXPECT_DOUBLE_EQ(metrics[0].value, 1.0);
  EXPECT_EQ(metrics[0].num_samples, 1);
}

TEST(MmmuFigures, AreMeansOverPredictions) {
  const std::vector<MmmuVerdict> verdicts{
      {"Art", true}, {"Art", false}, {"Art", false}, {"Music", true}, {"Math", true}};
  const std::vector<MmmuFigure> figures = mmmu_figures(verdicts);
  ASSERT_EQ(figures.size(), 6U);
  EXPECT_EQ(figures[0].name, "Overall-Art and Design");
  EXPECT_EQ(figures[0].num, 4);
  EXPECT_DOUBLE_EQ(figures[0].accuracy, 0.5);
  EXPECT_EQ(figures[1].name, "Art");
  EXPECT_DOUBLE_EQ(figures[1].accuracy, 0.333);
  EXPECT_EQ(figures[3].name, "Overall-Science");
  EXPECT_EQ(figures[5].name, "Overall");
  EXPECT_DOUBLE_EQ(figures[5].accuracy, 0.6);
  EXPECT_EQ(datasets::mmmu_subject("validation_Diagnostics_and_Laboratory_Medicine_7"),
            "Diagnostics_and_Laboratory_Medicine");
  EXPECT_EQ(datasets::mmmu_discipline("Psychology"), "Humanities and Social Science");
}

TEST(ParsePythonList, ReadsLiteralsAndNothingElse) {
  using datasets::parse_python_list;
  const auto list = [](std::initializer_list<const char*> items) {
    return std::vector<std::string>(items.begin(), items.end());
  };
  EXPECT_EQ(parse_python_list("[]").value(), list({}));
  EXPECT_EQ(parse_python_list("['a', \"it's\", 'x\\'y\\\\', '\\u00e9\\n']").value(),
            list({"a", "it's", "x'y\\", "\u00e9\n"}));
  EXPECT_EQ(parse_python_list(" [ '<image 2>' , 3.5, -1, ] ").value(),
            list({"<image 2>", "3.5", "-1"}));
  EXPECT_EQ(parse_python_list("['\\$5']").value(), list({"\\$5"}));
  for (const char* const bad : {"", "a", "['a'", "['a' 'b']", "[f('x')]", "['a'] + ['b']",
                                "[\"a\nb\"]", "[,]", "['\\x4']"}) {
    EXPECT_FALSE(parse_python_list(bad)) << bad;
  }
}

}  // namespace
}  // namespace peira::evals
