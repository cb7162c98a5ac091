// How a reply says which files it changes, and into what.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace peira::evals::edits {

class Workspace;

enum class EditFormat {
  kWhole,      // whole files between fences
  kDiff,       // SEARCH/REPLACE blocks, file names above the fence
  kDiffFenced  // the same blocks, file names inside the fence
};
std::string_view to_string(EditFormat format);
// "whole", "diff" or "diff-fenced".
std::optional<EditFormat> edit_format_from(std::string_view name);

// The marks around a file's text.
struct Fence {
  std::string open = "```", close = "```";
  bool operator==(const Fence&) const = default;
};

// The first of three backticks, four backticks, <source>, <code>, <pre>, <codeblock> and
// <sourcecode> that no line of a chat file starts with; three backticks where none is free.
// Chat files that cannot be read leave the chat; the errors printed about them are added.
Fence choose_fence(Workspace& workspace, int& num_error_outputs);

// What became of one reply's edits.
enum class EditResult {
  kApplied,    // all of them, also when there were none
  kMalformed,  // the format was not kept: the reply counts as malformed
  kBroken      // a fault of the system or of the official code: the rest of the reply is dropped,
               // and the model is told nothing
};

struct EditOutcome {
  EditResult result = EditResult::kApplied;
  std::string feedback;          // what the model is told when malformed
  std::string problem;           // one line when broken
  std::set<std::string> edited;  // names of files that edits were for, tried ones among them
  int num_error_outputs = 0;     // errors that the official tool prints
  int num_user_asks = 0;         // questions that it asks, and answers itself with yes
};

// Reads the edits of `reply` and carries them out in `workspace`, as aider does with all questions
// answered yes: files are created without asking and join the chat; blocks that fail do not undo
// those that succeed.
//
// reply   without reasoning.
// fence   that the files were shown in.
// source  Aider-AI/aider 5dc9490, aider/coders/{base,wholefile,editblock}_coder.py
EditOutcome apply_reply(EditFormat format, std::string_view reply, const Fence& fence,
                        Workspace& workspace);

}  // namespace peira::evals::edits
