// The figures that Video-MME's official script prints.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace peira::evals {

// One question. Empty is_correct: no letter was found, which the official script leaves out of
// every count.
struct VideoMmeVerdict {
  std::string duration;  // "short", "medium", "long"
  std::string domain, sub_category, task_type;
  std::optional<bool> is_correct = {};
};

// One printed figure.
//
// duration        a length class or "all", which pools the counts of the classes.
// field, value    "domain", "sub_category" or "task_type" and its value, or "overall" and "".
// percent         right of those answered, one decimal; empty when none was.
// strict_percent  right of all questions, as lmms-eval counts.
struct VideoMmeFigure {
  std::string duration, field, value;
  std::int64_t num_answered = 0, num_unanswered = 0;
  std::optional<double> percent = {};
  double strict_percent = 0;
};

// Short, medium, long, then all; in each domains, sub-categories, task types (by name), overall
// last. Length classes without a question are left out. source  BradyFU/Video-MME,
// evaluation/eval_your_results.py.
std::vector<VideoMmeFigure> video_mme_figures(std::span<const VideoMmeVerdict> verdicts);

// The official script scores a length class only when its 300 videos are there.
//
// num_videos  by length class.
// throws      Error(kData): another number of videos in any of them.
void check_video_mme_counts(const std::map<std::string, std::int64_t>& num_videos);

}  // namespace peira::evals
