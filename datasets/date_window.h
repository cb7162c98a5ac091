// Questions of certain dates only: a model cannot have been trained on what came after it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "datasets/dataset.h"

namespace peira::datasets {

// Days from `since` to `until`, each "YYYY-MM-DD" or empty for no bound. Both are taken as
// midnight and included, as LiveCodeBench's own filter has it: a contest at 18:30 of the last day
// is outside.
struct DateWindow {
  std::string since, until;

  bool is_open() const { return since.empty() && until.empty(); }
  // Whether the time of iso_time() lies in the window.
  bool contains(std::string_view time) const;
};

// A window of what the user wrote. throws Error(kUsage): not a day, or none lies in the window.
DateWindow parse_window(const std::string& since, const std::string& until);

// "YYYY-MM-DDTHH:MM:SS" of a date with or without a time of day, as Python's
// datetime.fromisoformat takes them without a zone; fractions of a second are dropped.
// throws Error(kData) naming `where`: neither.
std::string iso_time(std::string_view text, const std::string& where);

// The samples of `reader` whose metadata "contest_date" lies in `window`.
// throws from next(): Error(kData): a sample has no such date.
std::unique_ptr<SampleReader> within(DateWindow window, std::unique_ptr<SampleReader> reader);

}  // namespace peira::datasets
