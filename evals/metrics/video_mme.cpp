#include "evals/metrics/video_mme.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace peira::evals {
namespace {

constexpr std::array<std::string_view, 3> kDurations{"short", "medium", "long"};
constexpr std::int64_t kVideosPerDuration = 300;

struct Count {
  std::int64_t correct = 0, answered = 0, asked = 0;

  void add(const std::optional<bool>& is_correct) {
    ++asked;
    if (!is_correct) return;
    ++answered;
    correct += *is_correct ? 1 : 0;
  }
};

double percent(std::int64_t part, std::int64_t whole) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f",
                100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return std::strtod(text.data(), nullptr);
}

// Fields in the order in which they are printed.
struct Tables {
  std::map<std::string, Count> domains, sub_categories, task_types;
  Count overall;

  void add(const VideoMmeVerdict& verdict) {
    domains[verdict.domain].add(verdict.is_correct);
    sub_categories[verdict.sub_category].add(verdict.is_correct);
    task_types[verdict.task_type].add(verdict.is_correct);
    overall.add(verdict.is_correct);
  }
};

void append(const std::string& duration, const Tables& tables,
            std::vector<VideoMmeFigure>& figures) {
  const auto add = [&](std::string field, std::string value, const Count& count) {
    VideoMmeFigure figure;
    figure.duration = duration;
    figure.field = std::move(field);
    figure.value = std::move(value);
    figure.num_answered = count.answered;
    figure.num_unanswered = count.asked - count.answered;
    if (count.answered > 0) figure.percent = percent(count.correct, count.answered);
    figure.strict_percent = percent(count.correct, count.asked);
    figures.push_back(std::move(figure));
  };
  for (const auto& [value, count] : tables.domains) add("domain", value, count);
  for (const auto& [value, count] : tables.sub_categories) add("sub_category", value, count);
  for (const auto& [value, count] : tables.task_types) add("task_type", value, count);
  add("overall", "", tables.overall);
}

}  // namespace

std::vector<VideoMmeFigure> video_mme_figures(std::span<const VideoMmeVerdict> verdicts) {
  std::map<std::string_view, Tables> by_duration;
  Tables all;
  for (const VideoMmeVerdict& verdict : verdicts) {
    by_duration[verdict.duration].add(verdict);
    all.add(verdict);
  }
  std::vector<VideoMmeFigure> figures;
  for (const std::string_view duration : kDurations) {
    const auto found = by_duration.find(duration);
    if (found != by_duration.end()) append(std::string(duration), found->second, figures);
  }
  if (!verdicts.empty()) append("all", all, figures);
  return figures;
}

void check_video_mme_counts(const std::map<std::string, std::int64_t>& num_videos) {
  for (const auto& [duration, count] : num_videos) {
    if (count == kVideosPerDuration) continue;
    throw Error(ErrorCode::kData, std::to_string(count) + " " + duration +
                                      " videos, the official count is " +
                                      std::to_string(kVideosPerDuration) + ": no official score");
  }
}

}  // namespace peira::evals
