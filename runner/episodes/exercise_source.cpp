#include "runner/episodes/exercise_source.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "base/error.h"

namespace peira::runner {
namespace {

class ReaderWithout : public datasets::SampleReader {
 public:
  ReaderWithout(std::unique_ptr<datasets::SampleReader> reader,
                std::shared_ptr<const std::set<std::string>> without)
      : reader_(std::move(reader)), without_(std::move(without)) {}

  std::optional<datasets::Sample> next() override {
    std::optional<datasets::Sample> sample = reader_->next();
    while (sample && without_->contains(sample->id)) sample = reader_->next();
    return sample;
  }
  std::vector<std::string> warnings() const override { return reader_->warnings(); }

 private:
  std::unique_ptr<datasets::SampleReader> reader_;
  std::shared_ptr<const std::set<std::string>> without_;
};

}  // namespace

RunnableExercises runnable_exercises(const SampleSource& source,
                                     const std::vector<Toolchain>& toolchains,
                                     const std::vector<std::string>& languages) {
  for (const std::string& language : languages) {
    std::string known;
    bool is_known = false;
    for (const Toolchain& tools : toolchains) {
      is_known = is_known || tools.name == language;
      known += (known.empty() ? "" : ", ") + tools.name;
    }
    if (!is_known) {
      throw Error(ErrorCode::kUsage,
                  "--languages " + language + ": no such language\n  try: " + known);
    }
  }

  const auto without = std::make_shared<std::set<std::string>>();
  std::map<std::pair<std::string, std::string>, int> reasons;  // (language, why) -> how many
  std::int64_t count = 0;
  const std::unique_ptr<datasets::SampleReader> reader = source.open();
  while (const std::optional<datasets::Sample> sample = reader->next()) {
    if (sample->exercise == nullptr) {
      throw Error(ErrorCode::kUsage, source.name + ": its samples are no exercises");
    }
    const std::string& language = sample->exercise->language;
    const bool unwanted = !languages.empty() && std::find(languages.begin(), languages.end(),
                                                          language) == languages.end();
    const std::string why =
        unwanted ? "not among --languages" : why_not(*sample->exercise, toolchains);
    if (why.empty()) {
      ++count;
      continue;
    }
    without->insert(sample->id);
    ++reasons[{language, why}];
  }

  RunnableExercises runnable;
  for (const auto& [reason, number] : reasons) {
    if (reason.second == "not among --languages") continue;
    runnable.left_out.push_back(std::to_string(number) + " exercises in " + reason.first +
                                " are left out: " + reason.second);
  }
  if (count == 0) {
    std::string lines;
    for (const std::string& line : runnable.left_out) lines += "\n  " + line;
    throw Error(ErrorCode::kUnavailable,
                source.name + ": no exercise can be run on this machine" + lines);
  }
  runnable.source = source;
  if (!without->empty()) {
    runnable.source.identity["left_out"] = *without;
    runnable.source.open = [open = source.open,
                            without]() -> std::unique_ptr<datasets::SampleReader> {
      return std::make_unique<ReaderWithout>(open(), without);
    };
    runnable.source.count = [count] { return count; };
  }
  return runnable;
}

}  // namespace peira::runner
