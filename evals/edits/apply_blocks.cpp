#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "evals/edits/applying.h"
#include "evals/edits/search_replace.h"
#include "evals/edits/text.h"

namespace peira::evals::edits {
namespace {

constexpr const char* kOutOfRange = "list index out of range";

std::string fault_text(const ParsedBlocks& parsed, const Fence& fence) {
  std::string what;
  switch (parsed.fault) {
    case BlockFault::kNoFileName:
      what = "The file name is bad or missing: it must stand alone on the line above the opening " +
             fence.open;
      break;
    case BlockFault::kNoDivider:
      what = "Expected a line `=======`";
      break;
    case BlockFault::kNoEnd:
      what = "Expected a line `>>>>>>> REPLACE` or `=======`";
      break;
    case BlockFault::kNone:
      break;
  }
  return parsed.read_so_far + "\n^^^ " + what;
}

// The blocks of one reply, applied to the files as they are or, dry, to see where they belong.
class Blocks {
 public:
  Blocks(const Fence& fence, Workspace& workspace, Applying& applying)
      : fence_(fence), workspace_(workspace), applying_(applying) {}

  // Where each block would be applied; its file changes where another holds its lines.
  void find_places(std::vector<SearchReplace>& blocks) {
    for (SearchReplace& block : blocks) {
      std::string target, text;
      place(block, target, text);
      if (applying_.failed()) return;
    }
  }

  void apply(std::vector<SearchReplace> blocks) {
    std::vector<SearchReplace> failed;
    std::size_t num_passed = 0;
    for (const SearchReplace& block : blocks) {
      SearchReplace placed = block;
      std::string target, text;
      const bool fits = place(placed, target, text);
      if (applying_.failed()) return;
      if (!fits) {
        failed.push_back(block);
        continue;
      }
      if (!applying_.write(target, text)) return;
      ++num_passed;
    }
    if (!failed.empty()) report(failed, num_passed);
  }

 private:
  // The text of the file that `block` belongs to, with the block carried out. Its own file comes
  // first, then every chat file when there is something to search for.
  bool place(SearchReplace& block, std::string& target, std::string& text) {
    target = block.file;
    std::optional<std::string> replaced;
    const bool is_there = applying_.exists(block.file);
    if (applying_.failed()) return false;
    if (is_there) replaced = replace_in(target, block);
    if (applying_.failed()) return false;
    if ((!replaced || replaced->empty()) && !is_blank(to_utf32(block.search))) {
      for (const std::string& file : workspace_.chat_files()) {
        target = file;
        replaced = replace_in(file, block);
        if (applying_.failed()) return false;
        if (replaced && !replaced->empty()) {
          block.file = file;
          break;
        }
      }
    }
    if (!replaced || replaced->empty()) return false;
    text = std::move(*replaced);
    return true;
  }

  std::optional<std::string> replace_in(const std::string& file, const SearchReplace& block) {
    const std::optional<std::string> content = applying_.read(file);
    const std::string name = Workspace::full_path(file);
    const Unwrapped search = unwrap(to_utf32(block.search), name, fence_);
    const Unwrapped replace = unwrap(to_utf32(block.replace), name, fence_);
    if (!search.fits || !replace.fits) {
      applying_.broken(kOutOfRange);
      return std::nullopt;
    }
    if (!content) return std::nullopt;
    if (is_blank(search.text)) return *content + to_utf8(replace.text);
    const auto changed = replace_chunk(to_utf32(*content), search.text, replace.text);
    return changed ? std::optional(to_utf8(*changed)) : std::nullopt;
  }

  void report(const std::vector<SearchReplace>& failed, std::size_t num_passed) {
    const std::string blocks = failed.size() == 1 ? "block" : "blocks";
    std::string feedback =
        "# " + std::to_string(failed.size()) + " SEARCH/REPLACE " + blocks + " did not match!\n";
    for (const SearchReplace& block : failed) {
      const std::optional<std::string> content = applying_.read(block.file);
      feedback += "\n## No exact match: these SEARCH lines are not in " + block.file +
                  "\n<<<<<<< SEARCH\n" + block.search + "=======\n" + block.replace +
                  ">>>>>>> REPLACE\n\n";
      if (!content) {
        applying_.broken(block.file + ": cannot be read");
        return;
      }
      const SimilarLines similar = find_similar_lines(to_utf32(block.search), to_utf32(*content));
      if (!similar.fits) {
        applying_.broken(kOutOfRange);
        return;
      }
      if (!similar.text.empty()) {
        feedback += "Were some of these lines of " + block.file + " meant?\n\n" + fence_.open +
                    "\n" + to_utf8(similar.text) + "\n" + fence_.close + "\n\n";
      }
      if (!block.replace.empty() && content->find(block.replace) != std::string::npos) {
        feedback += "Is this SEARCH/REPLACE block needed? Its REPLACE lines are in " + block.file +
                    " already!\n\n";
      }
    }
    feedback +=
        "SEARCH must be equal to lines of the file, one after the other: blanks, indentation, "
        "comments and docstrings included.\n";
    if (num_passed > 0) {
      feedback += "\n# The other " + std::to_string(num_passed) + " SEARCH/REPLACE " +
                  (num_passed == 1 ? "block was" : "blocks were") +
                  " applied.\nDo not send them again.\nReply only with corrected versions of the " +
                  blocks + " above that did not match.\n";
    }
    applying_.malformed(feedback);
  }

  const Fence& fence_;
  Workspace& workspace_;
  Applying& applying_;
};

}  // namespace

EditOutcome apply_blocks(std::string_view reply, const Fence& fence, Workspace& workspace) {
  Applying applying(workspace);
  ParsedBlocks parsed = parse_blocks(reply, fence, workspace.chat_files());
  if (parsed.fault != BlockFault::kNone) return applying.malformed(fault_text(parsed, fence));

  // All on the files as they are; then those that are absent are made, and only then is written.
  Blocks blocks(fence, workspace, applying);
  blocks.find_places(parsed.blocks);
  if (applying.failed()) return applying.outcome();
  std::vector<SearchReplace> allowed;
  for (SearchReplace& block : parsed.blocks) {
    const bool may = applying.allow(block.file);
    if (applying.failed()) return applying.outcome();
    if (may) allowed.push_back(std::move(block));
  }
  for (const SearchReplace& block : allowed) applying.edited(block.file);
  blocks.apply(std::move(allowed));
  return applying.outcome();
}

}  // namespace peira::evals::edits
