#include "runner/nightly/schedule.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "base/error.h"

namespace peira::runner {
namespace {

// Howard Hinnant's civil calendar: days from 0000-03-01 in eras of 400 years.
constexpr int kDaysOfEra = 146'097;
constexpr int kEpochOffset = 719'468;

int days_in_month(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

std::string days_text(int days) { return std::to_string(days) + (days == 1 ? " day" : " days"); }

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

}  // namespace

int day_number(const std::string& date) {
  int year = 0, month = 0, day = 0;
  bool good = date.size() == 10 && date[4] == '-' && date[7] == '-';
  for (std::size_t i = 0; good && i < date.size(); ++i) {
    if (i != 4 && i != 7) good = date[i] >= '0' && date[i] <= '9';
  }
  if (good) {
    year = std::stoi(date.substr(0, 4));
    month = std::stoi(date.substr(5, 2));
    day = std::stoi(date.substr(8, 2));
    good =
        year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= days_in_month(year, month);
  }
  if (!good) {
    throw Error(ErrorCode::kUsage, "'" + date + "' is no date\n  try: 2026-11-26");
  }
  const int y = month <= 2 ? year - 1 : year;
  const int era = y / 400;
  const int year_of_era = y - era * 400;
  const int day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * kDaysOfEra + day_of_era - kEpochOffset;
}

std::string date_of_day(int day) {
  const int z = day + kEpochOffset;
  const int era = z / kDaysOfEra;
  const int day_of_era = z - era * kDaysOfEra;
  const int year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int shifted = (5 * day_of_year + 2) / 153;
  const int month = shifted < 10 ? shifted + 3 : shifted - 9;
  char text[40];
  std::snprintf(text, sizeof(text), "%04d-%02d-%02d",
                year_of_era + era * 400 + (month <= 2 ? 1 : 0), month,
                day_of_year - (153 * shifted + 2) / 5 + 1);
  return text;
}

std::string_view to_string(EntryAction action) {
  switch (action) {
    case EntryAction::kRun:
      return "run";
    case EntryAction::kRepeat:
      return "repeat";
    case EntryAction::kMeasure:
      return "measure";
    case EntryAction::kSkip:
      return "skip";
  }
  return "run";
}

EntryAction entry_action_from(std::string_view name) {
  for (const EntryAction action :
       {EntryAction::kRun, EntryAction::kRepeat, EntryAction::kMeasure, EntryAction::kSkip}) {
    if (to_string(action) == name) return action;
  }
  throw Error(ErrorCode::kData, "store: unknown action of a night '" + std::string(name) + "'");
}

EntryDecision decide_entry(const NightlySchedule& schedule, const EntryFacts& facts,
                           bool repeatable, const std::string& date) {
  if (!facts.leftover_run.empty()) {
    return {EntryAction::kRun, "continues " + facts.leftover_run};
  }
  if (facts.last_night.empty()) return {EntryAction::kRun, "no night yet"};
  const int passed = day_number(date) - day_number(facts.last_night);
  const bool changed = facts.identity != facts.last_identity;
  const bool due = schedule.every_days && passed >= *schedule.every_days;
  if (changed && (schedule.when_changed || due)) {
    const std::string what = facts.changed.empty() ? "the manifest" : joined(facts.changed);
    return {EntryAction::kRun, "changed since " + facts.last_night + ": " + what};
  }
  if (due && repeatable && facts.measure_due) {
    return {EntryAction::kMeasure, "nothing changed since " + facts.last_night +
                                       ": asked again to see that the answers are the same"};
  }
  if (due && repeatable) {
    return {EntryAction::kRepeat, "nothing changed since " + facts.last_night +
                                      ": the answers of " + facts.last_run +
                                      " would be the same bytes"};
  }
  if (due) return {EntryAction::kRun, "due: last run on " + facts.last_night};
  std::string why = "not due: last run " + days_text(passed) + " ago, " + to_string(schedule);
  return {EntryAction::kSkip, std::move(why)};
}

std::vector<std::size_t> running_order(std::span<const EntryFacts> facts) {
  std::vector<std::size_t> order(facts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return facts[a].last_night < facts[b].last_night;
  });
  return order;
}

}  // namespace peira::runner
