// What a model is told in Aider's polyglot benchmark. Messages, their order and all that a reply is
// parsed for are as there; the wording is ours.
#pragma once

#include <string>
#include <vector>

#include "base/message.h"
#include "evals/edits/edit_format.h"

namespace peira::evals::aider {

// What comes before the conversation: the task, the format and an example of it.
std::vector<Message> opening(edits::EditFormat format, const edits::Fence& fence);

// The rules of the format, told in the first message and at the end of the last.
std::string reminder(edits::EditFormat format, const edits::Fence& fence);

// The files as they are now, and the answer that the model is made to give.
std::vector<Message> chat_files(const edits::Workspace& workspace, const edits::Fence& fence);

// The message of the first try, and what is added to the tests' output for the second.
std::string task(const std::string& instructions, const std::string& file_list);
std::string failed_tests(const std::string& output, const std::string& file_list);

// What is said once edits were made: it stands where the model's own turn ends.
std::vector<Message> edits_made();

// What stands for a reply that had no room.
inline constexpr const char* kNoRoom = "(There was no room for a reply: too many tokens.)";

}  // namespace peira::evals::aider
