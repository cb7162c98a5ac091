#include "evals/extractors/answer_line.h"

#include <utf8proc.h>

#include <charconv>
#include <cstdlib>
#include <memory>

#include "base/utf8.h"
#include "evals/python_text.h"

namespace peira::evals {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// Takes off blanks and the stars and underscores of Markdown from both ends.
std::string_view unadorned(std::string_view text) {
  for (std::size_t before = text.size() + 1; text.size() < before;) {
    before = text.size();
    text = python::strip(text);
    while (text.starts_with('*') || text.starts_with('_')) text.remove_prefix(1);
    while (text.ends_with('*') || text.ends_with('_')) text.remove_suffix(1);
  }
  return text;
}

// What follows `label` and a colon at the start of `line`, headings and emphasis aside.
std::optional<std::string_view> after_label(std::string_view line, std::string_view label) {
  while (!line.empty() && (line[0] == '#' || line[0] == '*' || line[0] == '_' || line[0] == ' ' ||
                           line[0] == '\t' || line[0] == '>')) {
    line.remove_prefix(1);
  }
  if (line.size() < label.size()) return std::nullopt;
  for (std::size_t i = 0; i < label.size(); ++i) {
    if (upper(line[i]) != upper(label[i])) return std::nullopt;
  }
  line.remove_prefix(label.size());
  while (line.starts_with('*') || line.starts_with('_') || line.starts_with(' ')) {
    line.remove_prefix(1);
  }
  if (!line.starts_with(':')) return std::nullopt;
  return unadorned(line.substr(1));
}

std::optional<std::string_view> last_labelled(std::string_view reply, std::string_view label) {
  std::optional<std::string_view> found;
  for (const std::string_view line : python::splitlines(reply)) {
    if (const auto value = after_label(line, label); value && !value->empty()) found = value;
  }
  return found;
}

}  // namespace

std::optional<std::string_view> last_answer_line(std::string_view reply) {
  return last_labelled(reply, "answer");
}

std::string leading_letter(std::string_view answer) {
  answer = unadorned(answer);
  for (const std::string_view wrap : {"\\boxed{", "\\text{", "$", "(", "["}) {
    if (answer.starts_with(wrap)) answer.remove_prefix(wrap.size());
  }
  if (answer.empty() || !is_letter(answer[0])) return {};
  const std::string letter(1, upper(answer[0]));
  const std::string_view rest = answer.substr(1);
  if (rest.empty()) return letter;
  const bool ends_here = std::string_view(").:]},$*;").find(rest[0]) != std::string_view::npos;
  // "A bus" is no choice of A; "A - a bus" is.
  const bool dash = rest.starts_with(" -") || rest.starts_with(" \xE2\x80\x93");
  return ends_here || dash ? letter : std::string();
}

std::string folded_text(std::string_view text) {
  const std::string valid = to_valid_utf8(text);
  utf8proc_uint8_t* out = nullptr;
  const auto size = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t*>(valid.data()),
      static_cast<utf8proc_ssize_t>(valid.size()), &out,
      static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(out, &std::free);
  if (size < 0) return std::string(python::strip(valid));
  const std::string folded(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
  return std::string(python::strip(folded));
}

std::optional<double> stated_confidence(std::string_view reply) {
  std::optional<std::string_view> line = last_labelled(reply, "confidence");
  if (!line) return std::nullopt;
  double value = 0;
  const char* const end = line->data() + line->size();
  const auto [at, error] = std::from_chars(line->data(), end, value, std::chars_format::fixed);
  if (error != std::errc() || !(value >= 0 && value <= 100)) return std::nullopt;
  return value / 100;
}

}  // namespace peira::evals
