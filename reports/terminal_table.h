// Aligned tables for terminals, and the same tables as Markdown.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace peira::reports {

enum class Align { kLeft, kRight, kCenter };

// Cells are plain text; what a terminal or Markdown would take for more is made harmless when
// rendered.
struct Table {
  std::vector<std::string> headers;
  std::vector<std::vector<std::string>> rows;  // short rows are filled up with empty cells
  std::vector<Align> alignments;               // of the columns; missing ones are kLeft
};

struct TerminalOptions {
  bool colour = false;        // bold header; ask only when the output is a terminal
  std::size_t max_width = 0;  // columns of the terminal: the widest text columns are cut with an
                              // ellipsis to fit; 0 for no limit
};

// Columns two spaces apart, a rule under the headers, no trailing spaces; ends in a newline.
// throws Error(kInternal): a row has more cells than there are headers.
std::string render_terminal(const Table& table, const TerminalOptions& options = {});

// A GitHub-flavoured Markdown table; ends in a newline. throws as render_terminal.
std::string render_markdown(const Table& table);

// Columns `text` takes on a terminal: 2 for wide East Asian characters and emoji, 0 for combining
// marks.
std::size_t display_width(std::string_view text);

// `text` with what would steer a terminal (escape sequences, other control characters, direction
// overrides) spelt out as \x1b or \u202e, line breaks and tabs as spaces, and bytes that are not
// UTF-8 as U+FFFD.
std::string printable(std::string_view text);

// The same, with line breaks (of any form) as "\n" and tabs kept: for text shown line by line.
std::string printable_lines(std::string_view text);

}  // namespace peira::reports
