// What aider's own code does with some hundred invented replies, frozen by
// tests/golden/edits/make_edit_rows.py. PEIRA_EDIT_ROWS names a file with more of them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "evals/edits/edit_format.h"
#include "evals/edits/workspace.h"
#include "evals/python_text.h"

namespace peira::evals::edits {
namespace {

using Names = std::vector<std::string>;
using Texts = std::map<std::string, std::string>;

std::string_view to_string(EditResult result) {
  switch (result) {
    case EditResult::kApplied:
      return "applied";
    case EditResult::kMalformed:
      return "malformed";
    case EditResult::kBroken:
      break;
  }
  return "broken";
}

// Carries one row out and compares all that aider tells of it.
void expect_as_aider(const Json& row) {
  SCOPED_TRACE(dump_json(row));
  Workspace workspace;
  const auto files = row.at("files").get<Texts>();
  const auto chat = row.at("chat").get<std::set<std::string>>();
  for (const auto& [name, text] : files) workspace.put(name, text, chat.contains(name));
  int errors = 0;
  const Fence fence = choose_fence(workspace, errors);
  EXPECT_EQ((Names{fence.open, fence.close}), row.at("fence").get<Names>());

  const EditFormat format = *edit_format_from(row.at("format").get<std::string>());
  const EditOutcome outcome =
      apply_reply(format, row.at("reply").get<std::string>(), fence, workspace);

  EXPECT_EQ(to_string(outcome.result), row.at("result").get<std::string>());
  EXPECT_EQ((Names{outcome.edited.begin(), outcome.edited.end()}), row.at("edited").get<Names>());
  EXPECT_EQ(workspace.chat_files(), row.at("chat_after").get<Names>());
  EXPECT_EQ(outcome.num_error_outputs, row.at("errors").get<int>());
  EXPECT_EQ(outcome.num_user_asks, row.at("asks").get<int>());
  Texts changed;
  for (const auto& [name, text] : workspace.files_inside()) {
    const auto before = files.find(name);
    if (before == files.end() || before->second != text) changed.emplace(name, text);
  }
  EXPECT_EQ(changed, row.at("after").get<Texts>());

  // The wording of what is told back is ours; what it is made of is not.
  if (row.contains("read_so_far")) {
    EXPECT_EQ(outcome.feedback.substr(0, outcome.feedback.rfind("\n^^^ ")),
              row.at("read_so_far").get<std::string>());
  }
  if (row.contains("similar")) {
    std::vector<std::string> told;
    const std::string heading = "\n## No exact match";
    for (std::size_t at = outcome.feedback.find(heading); at != std::string::npos;) {
      const std::size_t next = outcome.feedback.find(heading, at + 1);
      told.push_back(outcome.feedback.substr(at, next == std::string::npos ? next : next - at));
      at = next;
    }
    ASSERT_EQ(told.size(), row.at("similar").size());
    for (std::size_t i = 0; i < told.size(); ++i) {
      const std::string lines = row["similar"][i][0].get<std::string>();
      const std::string shown = "\n" + fence.open + "\n" + lines + "\n" + fence.close + "\n";
      EXPECT_EQ(told[i].find("Were some of these") != std::string::npos, !lines.empty());
      if (!lines.empty()) {
        EXPECT_NE(told[i].find(shown), std::string::npos) << told[i];
      }
      EXPECT_EQ(told[i].find("already!") != std::string::npos, row["similar"][i][1].get<bool>());
    }
  }
}

int expect_rows_as_aider(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  int rows = 0;
  for (const std::string_view line : python::split(text, "\n")) {
    if (line.empty()) continue;
    expect_as_aider(parse_json(line, path.filename().string()));
    ++rows;
  }
  return rows;
}

TEST(EditRows, AreAppliedAsAiderDoes) {
  const int rows = expect_rows_as_aider(std::filesystem::path(PEIRA_SOURCE_DIR) / "tests" /
                                        "golden" / "edits" / "edit_rows.jsonl");
  EXPECT_GE(rows, 100);
  RecordProperty("rows", rows);
}

TEST(EditRows, Extra) {
  const char* const path = std::getenv("PEIRA_EDIT_ROWS");
  if (path == nullptr) GTEST_SKIP() << "PEIRA_EDIT_ROWS names no file of more rows";
  EXPECT_GT(expect_rows_as_aider(path), 0);
}

}  // namespace
}  // namespace peira::evals::edits
