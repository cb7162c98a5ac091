// SEARCH/REPLACE blocks: reading them out of a reply, and finding where in a file one belongs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evals/edits/edit_format.h"

namespace peira::evals::edits {

struct SearchReplace {
  std::string file;
  std::string search, replace;  // lines with their ends
};

// Why a reply's blocks cannot be read.
enum class BlockFault { kNone, kNoFileName, kNoDivider, kNoEnd };

struct ParsedBlocks {
  std::vector<SearchReplace> blocks;  // without shell commands
  BlockFault fault = BlockFault::kNone;
  std::string read_so_far;  // the reply up to the fault
};

// All blocks of `reply`; of one that cannot be read, everything counts as unread.
//
// chat_files  names that a block's file name is matched with: exactly, by their last component,
//             then by likeness of at least 0.8.
ParsedBlocks parse_blocks(std::string_view reply, const Fence& fence,
                          const std::vector<std::string>& chat_files);

// The file that the lines above a block name; empty when none does.
// lines_above  in the order of the reply; the last three count.
std::optional<std::string> find_file_name(const std::vector<std::u32string>& lines_above,
                                          const Fence& fence,
                                          const std::vector<std::string>& chat_files);

// `text` without a first line that ends in the name of `file` and without a pair of fences around
// the rest. `fits` is false where the official code fails on an index: only the name's line is
// there.
struct Unwrapped {
  std::u32string text;
  bool fits = true;
};
Unwrapped unwrap(std::u32string_view text, std::string_view file, const Fence& fence);

// `content` with the block carried out; empty when it has no place there, or nothing would be left.
// In this order: the lines as they are; with their indentation changed by one prefix; without a
// leading blank line; piece by piece where SEARCH leaves lines out by "...". Both texts unwrapped.
std::optional<std::u32string> replace_chunk(std::u32string_view content, std::u32string_view search,
                                            std::u32string_view replace);

// What find_similar_lines() found.
struct SimilarLines {
  std::u32string text;  // empty: nothing alike enough
  bool fits = true;     // false where the official code fails on an index: there are no lines
};
// The lines of `content` most like those of `search`, with five more around them unless the first
// and last agree. At least 0.6 alike.
SimilarLines find_similar_lines(std::u32string_view search, std::u32string_view content);

// The reply's blocks applied, as apply_reply().
EditOutcome apply_blocks(std::string_view reply, const Fence& fence, Workspace& workspace);

}  // namespace peira::evals::edits
