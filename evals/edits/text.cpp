#include "evals/edits/text.h"

#include <algorithm>

#include "evals/python_text.h"

namespace peira::evals::edits {
namespace {

bool is_line_break(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

std::vector<std::u32string> split_lines(std::u32string_view text, bool keep_ends) {
  std::vector<std::u32string> lines;
  std::size_t start = 0;
  while (start < text.size()) {
    std::size_t end = start;
    while (end < text.size() && !is_line_break(text[end])) ++end;
    std::size_t next = end;
    if (next < text.size()) {
      next += text[next] == U'\r' && next + 1 < text.size() && text[next + 1] == U'\n' ? 2 : 1;
    }
    lines.emplace_back(text.substr(start, (keep_ends ? next : end) - start));
    start = next;
  }
  return lines;
}

}  // namespace

std::vector<std::u32string> lines_with_ends(std::u32string_view text) {
  return split_lines(text, true);
}

std::vector<std::u32string> lines_without_ends(std::u32string_view text) {
  return split_lines(text, false);
}

std::u32string_view lstrip(std::u32string_view text) {
  while (!text.empty() && python::is_space(text.front())) text.remove_prefix(1);
  return text;
}

std::u32string_view rstrip(std::u32string_view text) {
  while (!text.empty() && python::is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::u32string_view strip(std::u32string_view text) { return lstrip(rstrip(text)); }

std::u32string_view lstrip(std::u32string_view text, std::u32string_view characters) {
  text.remove_prefix(std::min(text.find_first_not_of(characters), text.size()));
  return text;
}

std::u32string_view rstrip(std::u32string_view text, std::u32string_view characters) {
  return text.substr(0, text.find_last_not_of(characters) + 1);  // npos + 1 is 0
}

std::u32string_view strip(std::u32string_view text, std::u32string_view characters) {
  return lstrip(rstrip(text, characters), characters);
}

bool is_blank(std::u32string_view text) { return lstrip(text).empty(); }

std::u32string_view slice_to(std::u32string_view text, std::ptrdiff_t end) {
  const auto size = static_cast<std::ptrdiff_t>(text.size());
  const std::ptrdiff_t stop = std::clamp<std::ptrdiff_t>(end < 0 ? size + end : end, 0, size);
  return text.substr(0, static_cast<std::size_t>(stop));
}

std::u32string join(const std::vector<std::u32string>& lines, std::size_t begin, std::size_t end) {
  std::u32string text;
  for (std::size_t i = begin; i < std::min(end, lines.size()); ++i) text += lines[i];
  return text;
}

std::u32string join(const std::vector<std::u32string>& lines) {
  return join(lines, 0, lines.size());
}

std::u32string join(const std::vector<std::u32string>& lines, std::u32string_view separator) {
  std::u32string text;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) text += separator;
    text += lines[i];
  }
  return text;
}

std::size_t count(std::u32string_view text, std::u32string_view piece) {
  std::size_t found = 0;
  for (std::size_t at = text.find(piece); at != std::u32string_view::npos;
       at = text.find(piece, at + piece.size())) {
    ++found;
  }
  return found;
}

std::string path_name(std::string_view path) {
  std::string_view name;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view component = path.substr(0, slash);
    if (!component.empty() && component != ".") name = component;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return std::string(name);
}

}  // namespace peira::evals::edits
