// The traps of aider's edit formats, one to one. Row names are those of the table that they were
// collected in: W the whole format, E1 to E25 reading blocks, E26 to E50 applying them.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "evals/edits/edit_format.h"
#include "evals/edits/workspace.h"

namespace peira::evals::edits {
namespace {

using Texts = std::map<std::string, std::string>;

struct Trap {
  const char* row;
  EditFormat format;
  Texts files;  // all shown to the model
  std::string reply;
  EditResult result;
  Texts after;  // files that changed or are new
};
void PrintTo(const Trap& trap, std::ostream* out) { *out << trap.row; }

// "E2 lower case" as a test's name: E2_lower_case.
std::string row_name(const testing::TestParamInfo<Trap>& trap) {
  std::string name = trap.param.row;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

class EditTrap : public testing::TestWithParam<Trap> {};

TEST_P(EditTrap, EndsAsWithAider) {
  const Trap& trap = GetParam();
  Workspace workspace;
  for (const auto& [name, text] : trap.files) workspace.put(name, text, true);

  const EditOutcome outcome = apply_reply(trap.format, trap.reply, Fence(), workspace);

  EXPECT_EQ(outcome.result, trap.result) << outcome.feedback;
  EXPECT_EQ(outcome.feedback.empty(), trap.result != EditResult::kMalformed);
  Texts changed;
  for (const auto& [name, text] : workspace.files_inside()) {
    const auto before = trap.files.find(name);
    if (before == trap.files.end() || before->second != text) changed.emplace(name, text);
  }
  EXPECT_EQ(changed, trap.after);
}

constexpr EditFormat kWhole = EditFormat::kWhole;
constexpr EditFormat kDiff = EditFormat::kDiff;
constexpr EditResult kApplied = EditResult::kApplied;
constexpr EditResult kMalformed = EditResult::kMalformed;
constexpr EditResult kBroken = EditResult::kBroken;

const Texts kA{{"a.py", "old\n"}};
const Texts kAB{{"a.py", "old\n"}, {"b.py", "other\n"}};

std::string fenced(const std::string& label, const std::string& text) {
  return label + "\n```\n" + text + "```\n";
}

// One block under `label`, in a fence.
std::string block(const std::string& search, const std::string& replace,
                  const std::string& label = "a.py") {
  return fenced(label, "<<<<<<< SEARCH\n" + search + "=======\n" + replace + ">>>>>>> REPLACE\n");
}

std::string old_to_new(const std::string& label) { return block("old\n", "new\n", label); }

const Texts kNewA{{"a.py", "new\n"}};

INSTANTIATE_TEST_SUITE_P(
    Whole, EditTrap,
    testing::Values(
        Trap{"W1",
             kWhole,
             kA,
             fenced("Here is the code:", "new\n"),
             kApplied,
             {{"Here is the code", "new\n"}}},
        Trap{"W2", kWhole, kA, "Here is the code:\n" + fenced("", "new\n"), kApplied, kNewA},
        Trap{"W3", kWhole, kAB, "Here is the code:\n" + fenced("", "new\n"), kMalformed, {}},
        Trap{"W4",
             kWhole,
             kAB,
             "Update `b.py` now:\n" + fenced("", "new\n"),
             kApplied,
             {{"b.py", "new\n"}}},
        Trap{"W5", kWhole, kA, fenced("**a.py**:", "new\n"), kApplied, {{"a.py**", "new\n"}}},
        Trap{"W6", kWhole, kA, fenced("### `a.py`", "new\n"), kApplied, {{"`a.py", "new\n"}}},
        Trap{"W7", kWhole, kA, fenced("path/to/a.py", "new\n"), kApplied, kNewA},
        Trap{"W8", kWhole, kA, fenced("a.py", "new\n") + fenced("a.py", "newer\n"), kApplied,
             kNewA},
        Trap{"W9", kWhole, kA, fenced("a.py", "new\n") + "Use it so:\n" + fenced("", "a()\n"),
             kApplied, kNewA},
        Trap{"W10 indented", kWhole, kA, "a.py\n  ```\nnew\n  ```\n", kApplied, {}},
        Trap{"W10 no fence", kWhole, kA, "a.py\nnew\n", kApplied, {}},
        Trap{"W11",
             kWhole,
             kA,
             "a.py\n```\nnew\n```\nrest\n```\n",
             kApplied,
             {{"a.py", "new\n"}, {"rest", ""}}},
        Trap{"W11 the rest",
             kWhole,
             kA,
             "a.py\n```\nnew\n```\nrest\n```\nmore\n",
             kApplied,
             {{"a.py", "new\n"}, {"rest", "more"}}},
        Trap{"W12",
             kWhole,
             kA,
             "a.py\n````\nnew\n```\nrest\n````\nmore\n",
             kApplied,
             {{"a.py", "new\n"}, {"rest", "more"}}},
        Trap{"W13", kWhole, kA, "a.py\n```\nnew\nmore\n", kApplied, {{"a.py", "new\nmore"}}},
        Trap{"W14", kWhole, kA, fenced(std::string(251, 'n'), "new\n"), kApplied, kNewA}),
    row_name);

// W15: a file of the first reply is shown from then on, so that a listing without a name is no
// longer told by there being one file.
TEST(EditTrap, W15StrayFilesJoinTheChat) {
  Workspace workspace;
  workspace.put("a.py", "old\n", true);
  apply_reply(kWhole, fenced("Here is the code:", "x\n"), Fence(), workspace);

  const EditOutcome outcome = apply_reply(kWhole, fenced("", "new\n"), Fence(), workspace);

  EXPECT_EQ(outcome.result, kMalformed);
  EXPECT_EQ(workspace.chat_files(), (std::vector<std::string>{"Here is the code", "a.py"}));
}

std::string with_head(const std::string& head) {
  return "a.py\n```\n" + head + "\nold\n=======\nnew\n>>>>>>> REPLACE\n```\n";
}

INSTANTIATE_TEST_SUITE_P(
    Reading, EditTrap,
    testing::Values(
        Trap{"E1", kDiff, kA, "a.py\n```\n<<<<< SEARCH\nold\n=====\nnew\n>>>>> REPLACE\n```\n",
             kApplied, kNewA},
        Trap{"E2 four", kDiff, kA, with_head("<<<< SEARCH"), kApplied, {}},
        Trap{"E2 ten", kDiff, kA, with_head("<<<<<<<<<< SEARCH"), kApplied, {}},
        Trap{"E2 lower case", kDiff, kA, with_head("<<<<<<< search"), kApplied, {}},
        Trap{"E2 no blank", kDiff, kA, with_head("<<<<<<<SEARCH"), kApplied, {}},
        Trap{"E2 two blanks", kDiff, kA, with_head("<<<<<<<  SEARCH"), kApplied, {}},
        Trap{"E2 other words",
             kDiff,
             kA,
             "a.py\n```\n<<<<<<< ORIGINAL\nold\n=======\nnew\n>>>>>>> UPDATED\n```\n",
             kApplied,
             {}},
        Trap{"E3", kDiff, kA, with_head("<<<<<<< SEARCH>"), kApplied, kNewA},
        Trap{"E3 end",
             kDiff,
             kA,
             "a.py\n```\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE>\n```\n",
             kMalformed,
             {}},
        Trap{"E4", kDiff, kA,
             "a.py\n```\n  <<<<<<< SEARCH\nold\n  =======\nnew\n  >>>>>>> REPLACE\n```\n", kApplied,
             kNewA},
        Trap{"E5", kDiff, kA, with_head("// <<<<<<< SEARCH"), kApplied, {}},
        Trap{"E6", kDiff, kA, block("old\n", "new\n=====\nlost\n"), kApplied, kNewA},
        Trap{"E7",
             kDiff,
             {{"a.py", "old\nrest\n"}},
             block("old\n", "=======\nnew\n"),
             kApplied,
             {{"a.py", "rest\n"}}},
        Trap{"E8 no divider",
             kDiff,
             kA,
             old_to_new("a.py") + "a.py\n```\n<<<<<<< SEARCH\nnew\n>>>>>>> REPLACE\n```\n",
             kMalformed,
             {}},
        Trap{"E8 no end",
             kDiff,
             kA,
             old_to_new("a.py") + "a.py\n```\n<<<<<<< SEARCH\nnew\n=======\nx\n```\n",
             kMalformed,
             {}},
        Trap{"E8 more after the end",
             kDiff,
             kA,
             "a.py\n```\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE done\n```\n",
             kMalformed,
             {}},
        Trap{"E9",
             kDiff,
             kA,
             "a.py\n\n```\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n```",
             kMalformed,
             {}},
        Trap{"E10",
             kDiff,
             {{"a.py", "one\ntwo\n"}},
             "a.py\n```\n<<<<<<< SEARCH\none\n=======\n1\n>>>>>>> REPLACE\n<<<<<<< "
             "SEARCH\ntwo\n=======\n2\n>>>>>>> REPLACE\n```\n",
             kApplied,
             {{"a.py", "1\n2\n"}}},
        Trap{"E11",
             kDiff,
             {{"a.py", "one\ntwo\n"}},
             block("one\n", "1\n") + block("two\n", "2\n", ""),
             kApplied,
             {{"a.py", "1\n2\n"}}},
        Trap{"E12",
             kDiff,
             {{"a.py", "one\ntwo\n"}},
             block("one\n", "1\n") + block("two\n", "2\n", "And:"),
             kApplied,
             {{"a.py", "1\n2\n"}}},
        Trap{"E13",
             kDiff,
             kA,
             block("nothing\n", "new\n", "Here it is"),
             kMalformed,
             {{"Here it is", ""}}},
        Trap{"E14",
             kDiff,
             kA,
             block("", "new\n", "Here it is"),
             kApplied,
             {{"Here it is", "new\n"}}},
        Trap{"E15", kDiff, kA, old_to_new("a.py (updated)"), kApplied, kNewA},
        Trap{"E16",
             kDiff,
             {{"bowling.py", "old\n"}},
             old_to_new("bowlng.py"),
             kApplied,
             {{"bowling.py", "new\n"}}},
        Trap{"E17 bold",
             kDiff,
             kA,
             block("", "new\n", "**a.py**"),
             kApplied,
             {{"a.py", "old\nnew\n"}}},
        Trap{"E17 quoted",
             kDiff,
             kA,
             block("", "new\n", "`a.py`:"),
             kApplied,
             {{"a.py", "old\nnew\n"}}},
        Trap{"E17 heading",
             kDiff,
             kA,
             block("", "new\n", "## a.py"),
             kApplied,
             {{"a.py", "old\nnew\n"}}},
        Trap{"E17 in the fence",
             kDiff,
             kA,
             "```a.py\n<<<<<<< SEARCH\n=======\nnew\n>>>>>>> REPLACE\n```\n",
             kApplied,
             {{"a.py", "old\nnew\n"}}},
        Trap{"E18", kDiff, kA, old_to_new("**`a.py`**"), kApplied, kNewA},
        Trap{"E19",
             kDiff,
             {{"file1.py", "old\n"}},
             old_to_new("file2.py"),
             kApplied,
             {{"file1.py", "new\n"}}},
        Trap{"E20",
             kDiff,
             {{"file1.py", "old\n"}},
             block("", "new\n", "file2.py"),
             kApplied,
             {{"file2.py", "new\n"}}},
        Trap{"E21", kDiff, kA,
             "a.py\n```bash\n# one\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n```\n",
             kApplied, kNewA},
        Trap{"E22",
             kDiff,
             kA,
             "a.py\n```bash\n# one\n# two\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> "
             "REPLACE\n```\n",
             kApplied,
             {}},
        Trap{"E23",
             kDiff,
             kA,
             "a.py\n```shader\n\n\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n```\n",
             kApplied,
             {}},
        Trap{"E24", kDiff, kA, fenced("a.py", "new\n"), kApplied, {}}),
    row_name);

// E18: without the stars, the name is as like "a.py" as it must be, and no less.
TEST(EditTrap, E18IsDecidedByLikeness) {
  Workspace workspace;
  workspace.put("a.py", "x\n", true);
  workspace.put("b.py", "old\n", true);

  const EditOutcome outcome =
      apply_reply(kDiff, block("x\n", "y\n", "**`a.py`**"), Fence(), workspace);

  EXPECT_EQ(outcome.edited, (std::set<std::string>{"a.py"}));
  EXPECT_EQ(outcome.num_user_asks, 0);
}

// E25: a file with a line of backticks makes <source> the fence; backticks are read all the same.
TEST(EditTrap, E25BackticksAreReadUnderAnyFence) {
  Workspace workspace;
  workspace.put("a.py", "old\n", true);
  workspace.put("b.md", "```\n````\n", true);
  int errors = 0;
  const Fence fence = choose_fence(workspace, errors);
  EXPECT_EQ(fence.open, "<source>");

  const EditOutcome outcome = apply_reply(kDiff, old_to_new("a.py"), fence, workspace);

  EXPECT_EQ(outcome.result, kApplied);
  EXPECT_EQ(workspace.read("a.py"), "new\n");
}

Texts a(const std::string& text) { return {{"a.py", text}}; }

INSTANTIATE_TEST_SUITE_P(
    Applying, EditTrap,
    testing::Values(
        Trap{"E26", kDiff, a("a\nb\na\n"), block("a\n", "X\n"), kApplied, a("X\nb\na\n")},
        Trap{"E27", kDiff, a("    a\n    b\n"), block("a\nb\n", "X\nY\n"), kApplied,
             a("    X\n    Y\n")},
        Trap{"E28", kDiff, a("a\nb\n"), block("    a\n    b\n", "    X\n    Y\n"), kApplied,
             a("X\nY\n")},
        Trap{"E29", kDiff, a("\ta\n\tb\n"), block("    a\n    b\n", "    X\n    Y\n"), kApplied,
             a("\tX\n\tY\n")},
        Trap{"E30", kDiff, a("  a\n    b\n"), block("a\nb\n", "X\nY\n"), kMalformed, {}},
        Trap{"E31", kDiff, a("a  \n"), block("a\n", "X\n"), kMalformed, {}},
        Trap{"E32", kDiff, a("a = 1\n"), block("a  =  1\n", "X\n"), kMalformed, {}},
        Trap{"E33",
             kDiff,
             a("a line that is long enough to be like another\n"),
             block("a line that is long enough to be like anothe\n", "X\n"),
             kMalformed,
             {}},
        Trap{"E34", kDiff, a("a\nb\n"), block("\na\nb\n", "X\n"), kApplied, a("X\n")},
        Trap{"E35", kDiff, a("a\nb\n"), block("\na\n", "X\n"), kMalformed, {}},
        Trap{"E36", kDiff, a("a\nb\nc\nd\n"), block("a\n...\nd\n", "A\n...\nD\n"), kApplied,
             a("A\nb\nc\nD\n")},
        Trap{"E37", kDiff, a("a\nb\na\nd\n"), block("a\n...\nd\n", "A\n...\nD\n"), kMalformed, {}},
        Trap{"E38", kDiff, a("xa\nb\nc\n"), block("a\n...\nc\n", "A\n...\nC\n"), kApplied,
             a("xA\nb\nC\n")},
        Trap{"E39", kDiff, a("a\nb\nc\n"), block("a\n...\nc\n", "A\nC\n"), kMalformed, {}},
        Trap{"E40", kDiff, a("x\n"), block("x\n", ""), kMalformed, {}},
        Trap{"E41", kDiff, a("x"), block("", "y\n"), kApplied, a("xy\n")},
        Trap{"E42", kDiff, a("x\n"), block("\n  \n", "y\n"), kApplied, a("x\ny\n")},
        Trap{"E43 name", kDiff, a("x\n"), block("a.py\nx\n", "a.py\ny\n"), kApplied, a("y\n")},
        Trap{"E43 fence", kDiff, a("x\n"), block("```\nx\n```\n", "```\ny\n```\n"), kApplied,
             a("y\n")},
        // A fault inside aider that it takes for one of git's: neither told nor counted as
        // malformed.
        Trap{"E44", kDiff, a("x\n"), block("a.py\n", "y\n"), kBroken, {}},
        Trap{"E45",
             kDiff,
             {{"b.py", "x\n"}, {"c.py", "z\n"}},
             block("x\n", "y\n", "c.py"),
             kApplied,
             {{"b.py", "y\n"}}},
        Trap{"E46", kDiff, a("x\n"), block("x\n", "y\n") + block("y\n", "z\n"), kApplied, a("z\n")},
        Trap{"E47", kDiff, a("x\n"), block("x\n", "y\n") + block("none\n", "z\n"), kMalformed,
             a("y\n")},
        Trap{"E48", kDiff, a("x\n"), block("none\n", "z\n") + block("x\n", "y\n"), kMalformed,
             a("y\n")},
        Trap{"E49", kDiff, a("x\ny\n"),
             "a.py\r\n```\r\n<<<<<<< SEARCH\r\nx\r\n=======\r\nz\r\n>>>>>>> REPLACE\r\n```\r\n",
             kApplied, a("z\ny\n")},
        Trap{"E50", kDiff, a("x\n"), block("x\n", "x\n"), kApplied, {}}),
    row_name);

// A reply can name any path; none leads out of the workspace.
TEST(EditPaths, NothingOutsideIsEverPartOfWhatRuns) {
  Workspace workspace;
  workspace.put("a.py", "old\n", true);

  for (const char* name : {"../x.py", "/etc/passwd", "b/../../x.py", "../workspace/in.py"}) {
    apply_reply(kDiff, block("", "x\n", name), Fence(), workspace);
  }

  const Texts inside = workspace.files_inside();
  EXPECT_EQ(inside, (Texts{{"a.py", "old\n"}, {"in.py", "x\n"}}));
}

}  // namespace
}  // namespace peira::evals::edits
