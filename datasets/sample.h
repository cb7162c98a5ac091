// One question of a benchmark, as every suite sees it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/message.h"
#include "datasets/exercise.h"
#include "datasets/program.h"
#include "datasets/subtitles.h"

namespace peira::datasets {

struct Sample {
  // Stable across machines and orders: the source's own id, else "sha256:" and 16 digits of the
  // content's hash. Unique within a dataset.
  std::string id;
  std::int64_t row = 0;     // zero-based row in the source file, whatever filter is applied later
  std::vector<Part> parts;  // the question
  std::vector<std::string> choices;  // multiple choice: options as the file orders them, verbatim
  int correct_choice = -1;           // index into `choices`; -1 when there are none
  std::string target;  // the gold answer as text ("70"; for choices the option's text)
  std::map<std::string, std::string> metadata;  // breakdown fields: domain, difficulty, year ...
  std::shared_ptr<const ProgramTask> program;   // of programming problems; else null
  std::string cluster;  // equal for samples that are not independent; by default the id
  std::shared_ptr<const Exercise> exercise;  // of kind "exercises"; else null
  // Of kind "video-mme-subtitles"; else null. Its lines are chosen when the frames are known that a
  // model is shown (runner/subtitles.h), and are then in `subtitles`.
  std::shared_ptr<const SubtitleFile> subtitle_file;
  std::string subtitles;
};

}  // namespace peira::datasets
