// Python's text semantics over code points, for edit formats: their official parsers count and
// slice by code point and break lines as str.splitlines() does.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace peira::evals::edits {

// str.splitlines(keepends=True).
std::vector<std::u32string> lines_with_ends(std::u32string_view text);
// str.splitlines().
std::vector<std::u32string> lines_without_ends(std::u32string_view text);

// str.strip(), str.lstrip(), str.rstrip() of blanks.
std::u32string_view strip(std::u32string_view text);
std::u32string_view lstrip(std::u32string_view text);
std::u32string_view rstrip(std::u32string_view text);
// str.strip(characters) and its halves.
std::u32string_view strip(std::u32string_view text, std::u32string_view characters);
std::u32string_view lstrip(std::u32string_view text, std::u32string_view characters);
std::u32string_view rstrip(std::u32string_view text, std::u32string_view characters);

bool is_blank(std::u32string_view text);  // nothing but blanks, or nothing

// text[:end] with Python's meaning of a negative end.
std::u32string_view slice_to(std::u32string_view text, std::ptrdiff_t end);

std::u32string join(const std::vector<std::u32string>& lines, std::size_t begin, std::size_t end);
std::u32string join(const std::vector<std::u32string>& lines);
std::u32string join(const std::vector<std::u32string>& lines, std::u32string_view separator);

// str.count(piece), occurrences that do not overlap. `piece` is not empty.
std::size_t count(std::u32string_view text, std::u32string_view piece);

// pathlib.Path(path).name.
std::string path_name(std::string_view path);

}  // namespace peira::evals::edits
