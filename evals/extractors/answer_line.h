// The three labelled lines of a reply: explanation, answer, confidence.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace peira::evals {

// What stands after the last "Answer:" that begins a line (emphasis and case aside), up to the end
// of that line, without outer blanks and emphasis. Empty where there is no such line, or nothing
// on it.
std::optional<std::string_view> last_answer_line(std::string_view reply);

// The option letter that an answer begins with, in upper case: of "B", "(b)", "B. Paris", "B)
// Paris",
// "\boxed{B}"; "" for a text that begins with a word ("Bases") or has none.
std::string leading_letter(std::string_view answer);

// `text` as the offline rule compares it: NFKC, outer blanks gone, case folded.
std::string folded_text(std::string_view text);

// The share that the last "Confidence:" at the start of a line gives in per cent ("90%" and "90"
// are 0.9). Empty where there is none, or it is not in [0, 100].
std::optional<double> stated_confidence(std::string_view reply);

}  // namespace peira::evals
