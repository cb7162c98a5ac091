#include "evals/edits/whole_file.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/utf8.h"
#include "evals/edits/applying.h"
#include "evals/edits/text.h"
#include "evals/edits/workspace.h"
#include "evals/python_text.h"

namespace peira::evals::edits {
namespace {

// What the line above a fence names; empty for nothing.
std::string clean_name(std::u32string_view line, const std::vector<std::string>& chat_files) {
  std::u32string_view name = rstrip(strip(strip(line), U"*"), U":");
  name = strip(lstrip(strip(name, U"`"), U"#"));
  if (name.size() > 250) return {};
  const std::string file = to_utf8(name);
  const auto shown = [&](const std::string& wanted) {
    return std::find(chat_files.begin(), chat_files.end(), wanted) != chat_files.end();
  };
  // Folders that only the example in the instructions had.
  if (!file.empty() && !shown(file) && shown(path_name(file))) return path_name(file);
  return file;
}

}  // namespace

ParsedFiles parse_whole_files(std::string_view reply, const Fence& fence,
                              const std::vector<std::string>& chat_files) {
  const std::u32string text = to_utf32(reply);
  const std::vector<std::u32string> lines = lines_with_ends(rstrip(text));
  const std::u32string open = to_utf32(fence.open);
  const std::u32string close = to_utf32(fence.close);
  std::vector<WholeFile> listings;
  std::optional<WholeFile> listing;  // the open one
  std::string mentioned;             // the last chat file quoted in prose since a listing ended
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::u32string& line = lines[i];
    if (line.starts_with(open) || line.starts_with(close)) {
      if (listing) {
        if (listing->file.find('\0') != std::string::npos) return {{}, ListingFault::kNul};
        mentioned.clear();
        listings.push_back(std::move(*listing));
        listing.reset();
        continue;
      }
      listing.emplace();
      if (i > 0) listing->file = clean_name(lines[i - 1], chat_files);
      if (!listing->file.empty()) continue;
      if (!mentioned.empty()) {
        listing->file = mentioned;
        listing->source = NameSource::kMentioned;
      } else if (chat_files.size() == 1) {
        listing->file = chat_files.front();
        listing->source = NameSource::kOnlyFile;
      } else {
        return {{}, ListingFault::kNoFileName};
      }
    } else if (listing) {
      listing->text += to_utf8(line);
    } else {
      const std::string prose = to_utf8(line);
      for (const std::string_view word : python::split(prose)) {
        const std::string_view bare = word.substr(0, word.find_last_not_of(".:,;!") + 1);
        for (const std::string& file : chat_files) {
          if (bare == "`" + file + "`") mentioned = file;
        }
      }
    }
  }
  if (listing) listings.push_back(std::move(*listing));

  ParsedFiles parsed;
  std::set<std::string> seen;
  for (const NameSource source :
       {NameSource::kAbove, NameSource::kMentioned, NameSource::kOnlyFile}) {
    for (WholeFile& file : listings) {
      if (file.source == source && seen.insert(file.file).second) {
        parsed.files.push_back(std::move(file));
      }
    }
  }
  return parsed;
}

EditOutcome apply_whole_files(std::string_view reply, const Fence& fence, Workspace& workspace) {
  Applying applying(workspace);
  const ParsedFiles parsed = parse_whole_files(reply, fence, workspace.chat_files());
  if (parsed.fault == ListingFault::kNul) return applying.malformed(kNulInName);
  if (parsed.fault == ListingFault::kNoFileName) {
    return applying.malformed("A file listing has no file name on the line before its " +
                              fence.open);
  }
  std::vector<const WholeFile*> allowed;
  for (const WholeFile& file : parsed.files) {
    const bool may = applying.allow(file.file);
    if (applying.failed()) return applying.outcome();
    if (may) allowed.push_back(&file);
  }
  for (const WholeFile* file : allowed) applying.edited(file->file);
  for (const WholeFile* file : allowed) {
    if (!applying.write(file->file, file->text)) return applying.outcome();
  }
  return applying.outcome();
}

}  // namespace peira::evals::edits
