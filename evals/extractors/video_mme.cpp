#include "evals/extractors/video_mme.h"

#include <array>
#include <string>

#include "evals/python_text.h"

namespace peira::evals {

std::optional<char> extract_video_mme(std::string_view response) {
  static constexpr std::array<std::string_view, 10> kPhrases{
      "The best answer is",
      "The correct answer is",
      "The answer is",
      "The answer",
      "The best option isThe correct option is",
      "Best answer:Best option:",
      "Answer:",
      "Option:",
      "The correct answer",
      "The correct option"};
  std::string text(python::strip(response));
  for (const std::string_view phrase : kPhrases) text = python::replace(text, phrase, "");
  // Long texts without a letter are tested apart in the official code, to the same end.
  const std::size_t found = text.find_first_of("ABCD");
  if (found == std::string::npos) return std::nullopt;
  return text[found];
}

}  // namespace peira::evals
