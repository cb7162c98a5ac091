#include "evals/metrics/mmmu.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "datasets/mmmu_subjects.h"

namespace peira::evals {
namespace {

struct Count {
  std::int64_t num = 0, correct = 0;
};

MmmuFigure figure(std::string name, const Count& count) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f",
                static_cast<double>(count.correct) / static_cast<double>(count.num));
  return {std::move(name), count.num, std::strtod(text.data(), nullptr)};
}

}  // namespace

std::vector<MmmuFigure> mmmu_figures(std::span<const MmmuVerdict> verdicts) {
  std::map<std::string_view, Count> counts;
  for (const MmmuVerdict& verdict : verdicts) {
    Count& count = counts[verdict.subject];
    ++count.num;
    count.correct += verdict.is_correct ? 1 : 0;
  }
  std::vector<MmmuFigure> figures;
  Count overall;
  for (const datasets::MmmuDiscipline& discipline : datasets::mmmu_disciplines()) {
    Count in_discipline;
    std::vector<MmmuFigure> subjects;
    for (const std::string_view subject : discipline.subjects) {
      const auto found = counts.find(subject);
      if (subject.empty() || found == counts.end()) continue;
      in_discipline.num += found->second.num;
      in_discipline.correct += found->second.correct;
      subjects.push_back(figure(std::string(subject), found->second));
    }
    if (in_discipline.num == 0) continue;
    figures.push_back(figure("Overall-" + std::string(discipline.name), in_discipline));
    figures.insert(figures.end(), subjects.begin(), subjects.end());
    overall.num += in_discipline.num;
    overall.correct += in_discipline.correct;
  }
  if (overall.num > 0) figures.push_back(figure("Overall", overall));
  return figures;
}

}  // namespace peira::evals
