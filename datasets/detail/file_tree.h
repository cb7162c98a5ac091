// A folder of files, on disk or packed into one file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace peira::datasets {

struct TreeFile {
  std::string path;  // relative, with "/"
  bool executable = false;
  std::function<std::string()> read;
};

// The files of `file` whose path `wanted` takes, sorted by path. A packed tree has one JSON object
// a line: {"path", "text", "executable" [false]}.
//
// wanted  also asked about folders, with a "/" at their end: those it refuses are not entered.
// throws  Error(kData): a packed line that is none, a path that leads out, a path twice, more than
//         200,000 files; Error(kUnavailable): a folder that cannot be read.
std::vector<TreeFile> list_tree(const DatasetFile& file,
                                const std::function<bool(const std::string& path)>& wanted);

// Whether `path` is relative and stays inside: no "..", ".", empty component or NUL.
bool is_inside(const std::string& path);

}  // namespace peira::datasets
