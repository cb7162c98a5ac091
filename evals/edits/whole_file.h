// Whole files between fences, each under a line with its name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "evals/edits/edit_format.h"

namespace peira::evals::edits {

// Where a listing's name comes from, the most reliable first.
enum class NameSource { kAbove, kMentioned, kOnlyFile };

struct WholeFile {
  std::string file;
  NameSource source = NameSource::kAbove;
  std::string text;
};

enum class ListingFault {
  kNone,
  kNoFileName,  // several files are shown and nothing says which is meant
  kNul          // a name holds a NUL
};

struct ParsedFiles {
  std::vector<WholeFile> files;  // the first of the best source for each name
  ListingFault fault = ListingFault::kNone;
};

// All listings of `reply`; of one without a name, everything counts as unread.
ParsedFiles parse_whole_files(std::string_view reply, const Fence& fence,
                              const std::vector<std::string>& chat_files);

// The reply's files written, as apply_reply().
EditOutcome apply_whole_files(std::string_view reply, const Fence& fence, Workspace& workspace);

}  // namespace peira::evals::edits
