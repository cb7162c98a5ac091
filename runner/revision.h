// What was being worked on when a run was made: branch and commit, read without asking git.
#pragma once

#include <filesystem>
#include <string>

#include "base/json.h"

namespace peira::runner {

struct Revision {
  std::string branch, commit;  // "" where unknown
};

// GITHUB_HEAD_REF or GITHUB_REF_NAME and GITHUB_SHA, else those of the git folder that holds
// `folder`. Outside of one, and where its files are not as git writes them, nothing is known.
Revision revision_of(const std::filesystem::path& folder);

// Puts it into a manifest, beside the parts that make its identity, where something is known.
void put_revision(const Revision& revision, Json& manifest);
// What put_revision() left in `manifest`.
Revision revision_from(const Json& manifest);

}  // namespace peira::runner
