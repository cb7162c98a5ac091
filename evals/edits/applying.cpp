#include "evals/edits/applying.h"

#include <array>
#include <utility>

#include "base/utf8.h"
#include "evals/edits/search_replace.h"
#include "evals/edits/text.h"
#include "evals/edits/whole_file.h"

namespace peira::evals::edits {
namespace {

const char* reason(PathFault fault) {
  switch (fault) {
    case PathFault::kNul:
      return kNulInName;
    case PathFault::kTooLong:
      return "File name too long";
    case PathFault::kDirectory:
      return "Is a directory";
    case PathFault::kNotFolder:
      return "Not a directory";
    case PathFault::kNone:
      break;
  }
  return "No such file or directory";
}

}  // namespace

std::string_view to_string(EditFormat format) {
  switch (format) {
    case EditFormat::kWhole:
      return "whole";
    case EditFormat::kDiff:
      return "diff";
    case EditFormat::kDiffFenced:
      break;
  }
  return "diff-fenced";
}

std::optional<EditFormat> edit_format_from(std::string_view name) {
  for (const EditFormat format : {EditFormat::kWhole, EditFormat::kDiff, EditFormat::kDiffFenced}) {
    if (to_string(format) == name) return format;
  }
  return std::nullopt;
}

Fence choose_fence(Workspace& workspace, int& num_error_outputs) {
  std::vector<std::u32string> lines;
  for (const std::string& file : workspace.chat_files()) {
    Applying reading(workspace);
    const std::optional<std::string> text = reading.read(file);
    num_error_outputs += reading.outcome().num_error_outputs;
    if (!text) {
      workspace.drop_from_chat(file);
      continue;
    }
    for (std::u32string& line : lines_without_ends(to_utf32(*text))) {
      lines.push_back(std::move(line));
    }
  }
  static const std::array<Fence, 7> kFences{{{"```", "```"},
                                             {"````", "````"},
                                             {"<source>", "</source>"},
                                             {"<code>", "</code>"},
                                             {"<pre>", "</pre>"},
                                             {"<codeblock>", "</codeblock>"},
                                             {"<sourcecode>", "</sourcecode>"}}};
  for (const Fence& fence : kFences) {
    const std::u32string open = to_utf32(fence.open);
    const std::u32string close = to_utf32(fence.close);
    bool is_free = true;
    for (const std::u32string& line : lines) {
      is_free = is_free && !line.starts_with(open) && !line.starts_with(close);
    }
    if (is_free) return fence;
  }
  return kFences.front();
}

EditOutcome apply_reply(EditFormat format, std::string_view reply, const Fence& fence,
                        Workspace& workspace) {
  return format == EditFormat::kWhole ? apply_whole_files(reply, fence, workspace)
                                      : apply_blocks(reply, fence, workspace);
}

std::optional<std::string> Applying::read(const std::string& name) {
  std::optional<std::string> text = workspace_.read(name);
  if (!text) {
    // One line for a file that is absent or a folder, two for one that is not UTF-8.
    const bool is_file = workspace_.fault(name) == PathFault::kNone && workspace_.exists(name);
    outcome_.num_error_outputs += is_file ? 2 : 1;
  }
  return text;
}

bool Applying::exists(const std::string& name) {
  const PathFault fault = workspace_.fault(name);
  if (fault == PathFault::kNul) {
    malformed(reason(fault));
    return false;
  }
  if (fault == PathFault::kTooLong) {
    broken(std::string(reason(fault)) + ": " + name);
    return false;
  }
  return workspace_.exists(name);
}

bool Applying::allow(const std::string& name) {
  if (const auto found = allowed_.find(name); found != allowed_.end()) return found->second;
  if (workspace_.fault(name) != PathFault::kNul && workspace_.in_chat(name)) {
    return allowed_[name] = true;
  }
  const bool is_there = exists(name);
  if (failed()) return false;
  ++outcome_.num_user_asks;
  if (!is_there && !workspace_.touch(name)) {
    ++outcome_.num_error_outputs;
    return allowed_[name] = false;
  }
  workspace_.add_to_chat(name);
  return allowed_[name] = true;
}

bool Applying::write(const std::string& name, const std::string& text) {
  if (workspace_.write(name, text)) return true;
  ++outcome_.num_error_outputs;
  broken(std::string(reason(workspace_.fault(name))) + ": " + Workspace::resolve(name));
  return false;
}

EditOutcome Applying::malformed(const std::string& feedback) {
  outcome_.result = EditResult::kMalformed;
  outcome_.feedback = feedback;
  ++outcome_.num_error_outputs;
  return outcome_;
}

EditOutcome Applying::broken(const std::string& problem) {
  outcome_.result = EditResult::kBroken;
  outcome_.problem = problem;
  ++outcome_.num_error_outputs;
  return outcome_;
}

}  // namespace peira::evals::edits
