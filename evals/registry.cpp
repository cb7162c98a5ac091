#include <vector>

#include "base/error.h"
#include "evals/suite.h"
#include "evals/suites/suites.h"

namespace peira::evals {

std::span<const Suite> registered_suites() {
  // Written out: a linker drops self-registering objects from archives.
  static const std::vector<Suite> suites{
      gpqa_suite(),
      aime_suite(),
      aider_suite(),
      hle_suite(/*text_only=*/false),
      hle_suite(/*text_only=*/true),
      livecodebench_suite(),
      mmmu_suite(),
      mmmu_pro_suite(),
      video_mme_suite(/*with_subtitles=*/false),
      video_mme_suite(/*with_subtitles=*/true),
  };
  return suites;
}

Suite find_suite(const std::string& name_or_file) {
  std::string known;
  for (const Suite& suite : registered_suites()) {
    if (suite.name == name_or_file) return suite;
    known += suite.name + ", ";
  }
  if (name_or_file.ends_with(".json") || name_or_file.find('/') != std::string::npos) {
    return declared_suite(name_or_file);
  }
  throw Error(ErrorCode::kUsage, "there is no suite \"" + name_or_file + "\"\n  try: " + known +
                                     "or the path of a suite's JSON file");
}

}  // namespace peira::evals
