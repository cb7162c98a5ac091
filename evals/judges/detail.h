// What the judges share: how question, replies and gold answer are shown, and fields of replies.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "evals/judge.h"

namespace peira::evals::detail {

// The question as it was asked: its text, then the options as shown.
std::string shown_question(const JudgeRequest& request);
// The gold answer; for options its letter and text.
std::string shown_reference(const JudgeRequest& request);

// `text` with {{name}} replaced by values.at(name); what was put in is not looked at again.
std::string filled(std::string_view text, const std::map<std::string, std::string>& values);

// No reply, or an empty one.
std::optional<Score> settled_without_judge(const JudgeRequest& request);

// The form of a reply: an object of the members, all required, in order.
ResponseFormat object_format(const std::vector<std::pair<std::string, OrderedJson>>& members);

// What is wrong with reply's member `key` that must be one of `words`; "" when nothing is.
std::string word_defect(const Json& verdict, const char* key,
                        const std::vector<std::string>& words);

// "; the judge: ..." of the member "reasoning".
std::string reasoning_of(const Json& verdict);

}  // namespace peira::evals::detail
