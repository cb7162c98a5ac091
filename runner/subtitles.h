// The subtitles that a prompt shows: those of the frames that the model sees.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "datasets/sample.h"
#include "datasets/subtitles.h"
#include "runner/endpoints/model_client.h"

namespace peira::runner {

// threads: one at a time.
class SubtitleDesk {
 public:
  // model  must outlive it: it knows which frames of a video it is shown.
  SubtitleDesk(const ModelClient& model, datasets::SubtitleSelection selection)
      : model_(model), selection_(selection) {}

  // Puts the lines chosen of sample.subtitle_file into sample.subtitles; samples without such a
  // file stay as they are. throws Error(kData), naming sample and file: subtitles or video cannot
  // be read.
  void choose(datasets::Sample& sample);

  // What is chosen, for the manifest: {"selection": "shown", "frames": "model"}; "unknown" of a
  // model that does not tell its frames and is shown all lines.
  Json value() const;
  // What people should know of the files read so far, a line each.
  std::vector<std::string> notes() const;

 private:
  std::string lines_of(const datasets::Sample& sample);

  const ModelClient& model_;
  datasets::SubtitleSelection selection_;
  // The last file: several questions follow each other on one video.
  std::string last_key_;
  std::string last_lines_;
  std::int64_t num_without_markup_ = 0;
  std::string first_without_markup_;
};

}  // namespace peira::runner
