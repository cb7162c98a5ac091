#include "evals/edits/search_replace.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/utf8.h"
#include "evals/edits/sequence_matcher.h"
#include "evals/edits/text.h"

namespace peira::evals::edits {
namespace {

constexpr std::u32string_view kBackticks = U"```";

// 5 to 9 of `mark`, then `rest`, and nothing else but one `optional` where it is not 0.
bool is_marker(std::u32string_view line, char32_t mark, std::u32string_view rest,
               char32_t optional = 0) {
  line = strip(line);
  std::size_t count = 0;
  while (count < line.size() && line[count] == mark) ++count;
  if (count < 5 || count > 9) return false;
  line.remove_prefix(count);
  if (!line.starts_with(rest)) return false;
  line.remove_prefix(rest.size());
  return line.empty() || (optional != 0 && line.size() == 1 && line.front() == optional);
}

bool is_head(std::u32string_view line) { return is_marker(line, U'<', U" SEARCH", U'>'); }
bool is_divider(std::u32string_view line) { return is_marker(line, U'=', U""); }
bool is_end(std::u32string_view line) { return is_marker(line, U'>', U" REPLACE"); }

// A prefix decides: a fence for "shader" opens a shell's too.
bool opens_shell(std::u32string_view line) {
  static constexpr std::array<std::u32string_view, 12> kShells{
      U"```bash", U"```sh",  U"```shell", U"```cmd", U"```batch", U"```powershell",
      U"```ps1",  U"```zsh", U"```fish",  U"```ksh", U"```csh",   U"```tcsh"};
  const std::u32string_view stripped = strip(line);
  return std::any_of(kShells.begin(), kShells.end(),
                     [&](std::u32string_view shell) { return stripped.starts_with(shell); });
}

// What a line above a block names; empty for nothing.
std::u32string clean_name(std::u32string_view line, const std::u32string& fence_open) {
  std::u32string_view name = strip(line);
  if (name == U"...") return {};
  for (const std::u32string_view fence : {std::u32string_view(fence_open), kBackticks}) {
    if (!name.starts_with(fence)) continue;
    name.remove_prefix(fence.size());
    const bool is_path = name.find_first_of(U"./") != std::u32string_view::npos;
    return is_path ? std::u32string(name) : std::u32string();
  }
  name = lstrip(rstrip(name, U":"), U"#");
  return std::u32string(strip(strip(strip(name), U"`"), U"*"));
}

// Lines as they are, or empty; an empty text is no success either.
std::optional<std::u32string> replace_exact(const std::vector<std::u32string>& whole,
                                            const std::vector<std::u32string>& part,
                                            const std::vector<std::u32string>& replace) {
  for (std::size_t i = 0; i + part.size() <= whole.size(); ++i) {
    if (!std::equal(part.begin(), part.end(), whole.begin() + static_cast<std::ptrdiff_t>(i))) {
      continue;
    }
    return join(whole, 0, i) + join(replace) + join(whole, i + part.size(), whole.size());
  }
  return std::nullopt;
}

std::size_t indentation(std::u32string_view line) { return line.size() - lstrip(line).size(); }

void outdent(std::vector<std::u32string>& lines, std::size_t by) {
  for (std::u32string& line : lines) {
    if (!is_blank(line)) line.erase(0, by);
  }
}

// The one prefix by which lines of `whole` from `at` on stand further in than those of `part`.
std::optional<std::u32string> prefix_between(const std::vector<std::u32string>& whole,
                                             std::size_t at,
                                             const std::vector<std::u32string>& part) {
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (lstrip(whole[at + i]) != lstrip(part[i])) return std::nullopt;
  }
  std::optional<std::u32string> prefix;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const std::u32string& line = whole[at + i];
    if (is_blank(line)) continue;
    const auto more =
        static_cast<std::ptrdiff_t>(line.size()) - static_cast<std::ptrdiff_t>(part[i].size());
    const std::u32string_view added = slice_to(line, more);
    if (prefix && *prefix != added) return std::nullopt;
    prefix = std::u32string(added);
  }
  return prefix;
}

std::optional<std::u32string> replace_indented(const std::vector<std::u32string>& whole,
                                               std::vector<std::u32string> part,
                                               std::vector<std::u32string> replace) {
  std::optional<std::size_t> common;
  for (const auto* lines : {&part, &replace}) {
    for (const std::u32string& line : *lines) {
      if (!is_blank(line)) common = std::min(common.value_or(line.size()), indentation(line));
    }
  }
  outdent(part, common.value_or(0));
  outdent(replace, common.value_or(0));

  for (std::size_t i = 0; i + part.size() <= whole.size(); ++i) {
    const std::optional<std::u32string> prefix = prefix_between(whole, i, part);
    if (!prefix) continue;
    for (std::u32string& line : replace) {
      if (!is_blank(line)) line.insert(0, *prefix);
    }
    return join(whole, 0, i) + join(replace) + join(whole, i + part.size(), whole.size());
  }
  return std::nullopt;
}

std::optional<std::u32string> replace_lines(const std::vector<std::u32string>& whole,
                                            const std::vector<std::u32string>& part,
                                            const std::vector<std::u32string>& replace) {
  std::optional<std::u32string> result = replace_exact(whole, part, replace);
  if (!result || result->empty()) result = replace_indented(whole, part, replace);
  if (result && result->empty()) result.reset();
  return result;
}

// The text between lines of "...", and those lines with the blanks before them, taking turns.
std::vector<std::u32string> split_at_dots(std::u32string_view text) {
  std::vector<std::u32string> pieces;
  std::size_t start = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    if (at == 0 || text[at - 1] == U'\n') {
      const std::size_t dots = at + indentation(text.substr(at));
      if (text.substr(dots).starts_with(U"...\n")) {
        pieces.emplace_back(text.substr(start, at - start));
        pieces.emplace_back(text.substr(at, dots + 4 - at));
        start = at = dots + 4;
        continue;
      }
      at = dots;  // no line that starts within these blanks is one either
      if (at > 0 && text.substr(at - 1, 1) == U"\n") {
        ++at;
        continue;
      }
    }
    ++at;
  }
  pieces.emplace_back(text.substr(start));
  return pieces;
}

std::optional<std::u32string> replace_between_dots(std::u32string_view content,
                                                   std::u32string_view search,
                                                   std::u32string_view replace) {
  const std::vector<std::u32string> parts = split_at_dots(search);
  const std::vector<std::u32string> replacements = split_at_dots(replace);
  if (parts.size() != replacements.size() || parts.size() == 1) return std::nullopt;
  for (std::size_t i = 1; i < parts.size(); i += 2) {
    if (parts[i] != replacements[i]) return std::nullopt;
  }
  std::u32string whole(content);
  for (std::size_t i = 0; i < parts.size(); i += 2) {
    const std::u32string& part = parts[i];
    if (part.empty()) {
      if (replacements[i].empty()) continue;
      if (!whole.ends_with(U'\n')) whole += U'\n';
      whole += replacements[i];
      continue;
    }
    if (count(whole, part) != 1) return std::nullopt;
    whole.replace(whole.find(part), part.size(), replacements[i]);
  }
  if (whole.empty()) return std::nullopt;
  return whole;
}

std::u32string with_final_newline(std::u32string_view text) {
  std::u32string complete(text);
  if (!complete.empty() && complete.back() != U'\n') complete += U'\n';
  return complete;
}

}  // namespace

std::optional<std::string> find_file_name(const std::vector<std::u32string>& lines_above,
                                          const Fence& fence,
                                          const std::vector<std::string>& chat_files) {
  const std::u32string fence_open = to_utf32(fence.open);
  std::vector<std::string> names;
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, lines_above.size()); ++back) {
    const std::u32string& line = lines_above[lines_above.size() - back];
    if (const std::u32string name = clean_name(line, fence_open); !name.empty()) {
      names.push_back(to_utf8(name));
    }
    if (!line.starts_with(fence_open) && !line.starts_with(kBackticks)) break;
  }
  for (const std::string& name : names) {
    if (std::find(chat_files.begin(), chat_files.end(), name) != chat_files.end()) return name;
  }
  for (const std::string& name : names) {
    for (const std::string& file : chat_files) {
      if (name == path_name(file)) return file;
    }
  }
  for (const std::string& name : names) {
    if (auto match = closest_match(name, chat_files, 0.8)) return match;
  }
  for (const std::string& name : names) {
    if (name.find('.') != std::string::npos) return name;
  }
  if (names.empty()) return std::nullopt;
  return names.front();
}

ParsedBlocks parse_blocks(std::string_view reply, const Fence& fence,
                          const std::vector<std::string>& chat_files) {
  const std::vector<std::u32string> lines = lines_with_ends(to_utf32(reply));
  ParsedBlocks parsed;
  std::string file;
  std::size_t i = 0;
  const auto fault = [&](BlockFault what) {
    parsed.blocks.clear();
    parsed.fault = what;
    parsed.read_so_far = to_utf8(join(lines, 0, i + 1));
    return parsed;
  };
  for (; i < lines.size(); ++i) {
    const bool block_follows = (i + 1 < lines.size() && is_head(lines[i + 1])) ||
                               (i + 2 < lines.size() && is_head(lines[i + 2]));
    if (opens_shell(lines[i]) && !block_follows) {
      ++i;
      while (i < lines.size() && !strip(lines[i]).starts_with(kBackticks)) ++i;
      continue;  // past the closing fence
    }
    if (!is_head(lines[i])) continue;

    const std::vector<std::u32string> above(
        lines.begin() + static_cast<std::ptrdiff_t>(i < 3 ? 0 : i - 3),
        lines.begin() + static_cast<std::ptrdiff_t>(i));
    // Nothing to search for makes a new file, which may be called much like an old one.
    const bool is_new = i + 1 < lines.size() && is_divider(lines[i + 1]);
    const std::optional<std::string> name =
        find_file_name(above, fence, is_new ? std::vector<std::string>() : chat_files);
    if (name) file = *name;
    if (file.empty()) return fault(BlockFault::kNoFileName);

    SearchReplace block;
    block.file = file;
    const std::size_t search = ++i;
    while (i < lines.size() && !is_divider(lines[i])) ++i;
    if (i == lines.size()) return fault(BlockFault::kNoDivider);
    block.search = to_utf8(join(lines, search, i));
    const std::size_t replace = ++i;
    while (i < lines.size() && !is_end(lines[i]) && !is_divider(lines[i])) ++i;
    if (i == lines.size()) return fault(BlockFault::kNoEnd);
    block.replace = to_utf8(join(lines, replace, i));
    parsed.blocks.push_back(std::move(block));
  }
  return parsed;
}

Unwrapped unwrap(std::u32string_view text, std::string_view file, const Fence& fence) {
  if (text.empty()) return {};
  std::vector<std::u32string> lines = lines_without_ends(text);
  if (!file.empty() && strip(lines.front()).ends_with(to_utf32(path_name(file)))) {
    lines.erase(lines.begin());
  }
  if (lines.empty()) return {{}, false};
  if (lines.front().starts_with(to_utf32(fence.open)) &&
      lines.back().starts_with(to_utf32(fence.close))) {
    lines.pop_back();
    if (!lines.empty()) lines.erase(lines.begin());
  }
  return {with_final_newline(join(lines, U"\n")), true};
}

std::optional<std::u32string> replace_chunk(std::u32string_view content, std::u32string_view search,
                                            std::u32string_view replace) {
  const std::u32string whole = with_final_newline(content);
  const std::u32string part = with_final_newline(search);
  const std::u32string replacement = with_final_newline(replace);
  const std::vector<std::u32string> whole_lines = lines_with_ends(whole);
  std::vector<std::u32string> part_lines = lines_with_ends(part);
  const std::vector<std::u32string> replacement_lines = lines_with_ends(replacement);

  if (auto result = replace_lines(whole_lines, part_lines, replacement_lines)) return result;
  if (part_lines.size() > 2 && is_blank(part_lines.front())) {
    part_lines.erase(part_lines.begin());
    if (auto result = replace_lines(whole_lines, part_lines, replacement_lines)) return result;
  }
  return replace_between_dots(whole, part, replacement);
}

SimilarLines find_similar_lines(std::u32string_view search, std::u32string_view content) {
  const std::vector<std::u32string> wanted = lines_without_ends(search);
  const std::vector<std::u32string> lines = lines_without_ends(content);
  // Lines by number, equal where the texts are.
  std::vector<std::u32string> texts(wanted);
  texts.insert(texts.end(), lines.begin(), lines.end());
  std::sort(texts.begin(), texts.end());
  const auto numbers = [&](const std::vector<std::u32string>& of) {
    std::vector<std::uint32_t> result;
    for (const std::u32string& line : of) {
      result.push_back(static_cast<std::uint32_t>(
          std::lower_bound(texts.begin(), texts.end(), line) - texts.begin()));
    }
    return result;
  };
  const std::vector<std::uint32_t> a = numbers(wanted);
  const std::vector<std::uint32_t> b = numbers(lines);

  double best_ratio = 0;
  std::size_t best = 0;
  for (std::size_t i = 0; i + a.size() <= b.size(); ++i) {
    const double ratio = matching_ratio(a, std::span(b).subspan(i, a.size()));
    if (ratio > best_ratio) {
      best_ratio = ratio;
      best = i;
    }
  }
  if (best_ratio < 0.6) return {};
  if (wanted.empty()) return {{}, false};
  std::size_t begin = best;
  std::size_t end = best + wanted.size();
  if (lines[begin] != wanted.front() || lines[end - 1] != wanted.back()) {
    constexpr std::size_t kAround = 5;
    begin -= std::min(begin, kAround);
    end = std::min(lines.size(), end + kAround);
  }
  const std::vector<std::u32string> shown(lines.begin() + static_cast<std::ptrdiff_t>(begin),
                                          lines.begin() + static_cast<std::ptrdiff_t>(end));
  return {join(shown, U"\n"), true};
}

}  // namespace peira::evals::edits
