#include "reports/terminal_table.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "base/error.h"
#include "base/utf8.h"
#include "reports/detail/text.h"

namespace peira::reports {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 8;  // no column is cut below this
constexpr char32_t kEmojiPresentation = 0xFE0F;

Align alignment_of(const Table& table, std::size_t column) {
  return column < table.alignments.size() ? table.alignments[column] : Align::kLeft;
}

// Every row as wide as the headers, cells made by `clean`.
template <typename Clean>
std::vector<std::vector<std::string>> cells_of(const Table& table, Clean clean) {
  std::vector<std::vector<std::string>> cells;
  cells.reserve(table.rows.size() + 1);
  const auto add = [&](const std::vector<std::string>& row) {
    if (row.size() > table.headers.size()) {
      throw Error(ErrorCode::kInternal, "a table of " + std::to_string(table.headers.size()) +
                                            " columns has a row of " + std::to_string(row.size()));
    }
    std::vector<std::string> cleaned(table.headers.size());
    std::transform(row.begin(), row.end(), cleaned.begin(), clean);
    cells.push_back(std::move(cleaned));
  };
  add(table.headers);
  for (const auto& row : table.rows) add(row);
  return cells;
}

// The longest prefix of `text` that leaves room for an ellipsis in `width` columns.
std::string cut(const std::string& text, std::size_t width) {
  if (display_width(text) <= width) return text;
  std::string kept;
  std::size_t offset = 0;
  while (offset < text.size()) {
    const std::size_t size = decode_utf8(text, offset).size_bytes;
    const std::string longer = kept + text.substr(offset, size);
    if (display_width(longer) + 1 > width) break;
    kept = longer;
    offset += size;
  }
  return kept + "\u2026";
}

std::string padded(const std::string& text, std::size_t width, Align align) {
  const std::size_t used = display_width(text);
  const std::size_t space = width > used ? width - used : 0;
  const std::size_t left = align == Align::kLeft ? 0 : align == Align::kRight ? space : space / 2;
  return std::string(left, ' ') + text + std::string(space - left, ' ');
}

std::string spelt_out(std::string_view text, bool keep_lines) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t offset = 0; offset < text.size();) {
    // Plain ASCII, as nearly all text is, is taken over as it stands.
    std::size_t end = offset;
    while (end < text.size() && text[end] >= 0x20 && text[end] < 0x7F) ++end;
    out.append(text, offset, end - offset);
    offset = end;
    if (offset == text.size()) break;
    const DecodedCodePoint decoded = decode_utf8(text, offset);
    offset += decoded.size_bytes;
    const char32_t c = decoded.code_point;
    const bool is_control = c < 0x20 || (c >= 0x7F && c < 0xA0);
    // Direction embeddings, overrides and isolates; line and paragraph separators.
    const bool is_steering = (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) ||
                             c == 0x200E || c == 0x200F || c == 0x061C || c == 0x2028 ||
                             c == 0x2029;
    if (c == '\n' || c == '\t' || c == '\r') {
      const bool begins_crlf = c == '\r' && offset < text.size() && text[offset] == '\n';
      if (!keep_lines) {
        out += ' ';
      } else if (!begins_crlf) {
        out += c == '\t' ? '\t' : '\n';
      }
    } else if (is_control || is_steering) {
      char buffer[16];
      std::snprintf(buffer, sizeof buffer, is_control ? "\\x%02x" : "\\u%04x",
                    static_cast<unsigned>(c));
      out += buffer;
    } else {
      append_utf8(out, c);
    }
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text) { return spelt_out(text, false); }
std::string printable_lines(std::string_view text) { return spelt_out(text, true); }

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  int previous = 0;
  for (std::size_t offset = 0; offset < text.size();) {
    const DecodedCodePoint decoded = decode_utf8(text, offset);
    offset += decoded.size_bytes;
    if (decoded.code_point == kEmojiPresentation && previous == 1) {
      ++width;  // the character before is drawn as an emoji, two columns wide
      previous = 2;
      continue;
    }
    previous = std::max(0, utf8proc_charwidth(static_cast<utf8proc_int32_t>(decoded.code_point)));
    width += static_cast<std::size_t>(previous);
  }
  return width;
}

std::string render_terminal(const Table& table, const TerminalOptions& options) {
  std::vector<std::vector<std::string>> cells = cells_of(table, printable);
  const std::size_t num_columns = table.headers.size();
  std::vector<std::size_t> widths(num_columns, 0);
  for (const auto& row : cells) {
    for (std::size_t i = 0; i < num_columns; ++i) {
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  // Numbers are never cut: a cut number is a wrong one.
  const std::size_t gaps = num_columns > 0 ? kGap * (num_columns - 1) : 0;
  while (options.max_width > 0 &&
         std::accumulate(widths.begin(), widths.end(), gaps) > options.max_width) {
    std::size_t widest = num_columns;
    for (std::size_t i = 0; i < num_columns; ++i) {
      const bool may_cut = alignment_of(table, i) == Align::kLeft && widths[i] > kNarrowest;
      if (may_cut && (widest == num_columns || widths[i] > widths[widest])) widest = i;
    }
    if (widest == num_columns) break;
    --widths[widest];
  }

  std::string out;
  const auto add_row = [&](const std::vector<std::string>& row, bool bold) {
    std::string line;
    for (std::size_t i = 0; i < num_columns; ++i) {
      if (i > 0) line.append(kGap, ' ');
      line += padded(cut(row[i], widths[i]), widths[i], alignment_of(table, i));
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += bold && options.colour ? "\x1b[1m" + line + "\x1b[0m\n" : line + "\n";
  };
  add_row(cells[0], true);
  std::string rule;
  for (std::size_t i = 0; i < num_columns; ++i) {
    if (i > 0) rule.append(kGap, ' ');
    for (std::size_t j = 0; j < widths[i]; ++j) rule += "\u2500";
  }
  out += options.colour ? "\x1b[2m" + rule + "\x1b[0m\n" : rule + "\n";
  for (std::size_t i = 1; i < cells.size(); ++i) add_row(cells[i], false);
  return out;
}

std::string render_markdown(const Table& table) {
  const auto cells = cells_of(table, detail::escape_markdown);
  std::string out;
  const auto add_row = [&out](const std::vector<std::string>& row) {
    out += "|";
    for (const std::string& cell : row) out += " " + cell + " |";
    out += "\n";
  };
  add_row(cells[0]);
  out += "|";
  for (std::size_t i = 0; i < table.headers.size(); ++i) {
    const Align align = alignment_of(table, i);
    out += align == Align::kRight ? " ---: |" : align == Align::kCenter ? " :---: |" : " --- |";
  }
  out += "\n";
  for (std::size_t i = 1; i < cells.size(); ++i) add_row(cells[i]);
  return out;
}

}  // namespace peira::reports
