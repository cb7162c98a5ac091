#include "datasets/date_window.h"

#include <array>
#include <optional>
#include <utility>

#include "base/error.h"

namespace peira::datasets {
namespace {

constexpr std::string_view kMidnight = "T00:00:00";

// Whether `text` is written as `pattern`, in which 0 stands for any digit.
bool is_like(std::string_view text, std::string_view pattern) {
  if (text.size() != pattern.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (pattern[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != pattern[i]) return false;
  }
  return true;
}

int number_at(std::string_view text, std::size_t at) {
  return (text[at] - '0') * 10 + (text[at + 1] - '0');
}

bool is_day(std::string_view text) {
  if (!is_like(text, "0000-00-00")) return false;
  const int year = number_at(text, 0) * 100 + number_at(text, 2);
  const int month = number_at(text, 5);
  const int day = number_at(text, 8);
  const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  return day <= kDays[static_cast<std::size_t>(month - 1)] + (month == 2 && is_leap ? 1 : 0);
}

class WindowReader final : public SampleReader {
 public:
  WindowReader(DateWindow window, std::unique_ptr<SampleReader> reader)
      : window_(std::move(window)), reader_(std::move(reader)) {}

  std::optional<Sample> next() override {
    while (std::optional<Sample> sample = reader_->next()) {
      const auto date = sample->metadata.find("contest_date");
      if (date == sample->metadata.end()) {
        throw Error(ErrorCode::kData, "sample " + sample->id +
                                          ": has no contest_date, so no date window holds\n  try: "
                                          "without --since and --until");
      }
      if (window_.contains(date->second)) return sample;
    }
    return std::nullopt;
  }
  std::vector<std::string> warnings() const override { return reader_->warnings(); }

 private:
  DateWindow window_;
  std::unique_ptr<SampleReader> reader_;
};

}  // namespace

bool DateWindow::contains(std::string_view time) const {
  return (since.empty() || time >= since + std::string(kMidnight)) &&
         (until.empty() || time <= until + std::string(kMidnight));
}

DateWindow parse_window(const std::string& since, const std::string& until) {
  for (const auto& [flag, day] : {std::pair("--since", since), std::pair("--until", until)}) {
    if (!day.empty() && !is_day(day)) {
      throw Error(ErrorCode::kUsage,
                  std::string(flag) + " " + day + ": not a day\n  try: " + flag + " 2024-10-01");
    }
  }
  if (!since.empty() && !until.empty() && since > until) {
    throw Error(ErrorCode::kUsage,
                "--since " + since + " --until " + until + ": no day lies between them");
  }
  return {since, until};
}

std::string iso_time(std::string_view text, const std::string& where) {
  const std::string_view day = text.substr(0, 10);
  std::string_view clock = text.substr(day.size());
  bool is_good = is_day(day);
  std::string time(kMidnight);
  if (is_good && !clock.empty()) {
    clock.remove_prefix(1);
    const std::size_t point = clock.find('.');
    if (point != std::string_view::npos) {
      const std::string_view fraction = clock.substr(point);
      is_good = is_like(fraction, ".000") || is_like(fraction, ".000000");
      clock = clock.substr(0, point);
    }
    is_good = is_good && (is_like(clock, "00:00:00") || is_like(clock, "00:00")) &&
              number_at(clock, 0) < 24 && number_at(clock, 3) < 60 &&
              (clock.size() == 5 || number_at(clock, 6) < 60);
    time = "T" + std::string(clock) + (clock.size() == 5 ? ":00" : "");
  }
  if (!is_good) {
    throw Error(ErrorCode::kData, where + ": \"" + std::string(text.substr(0, 40)) +
                                      "\" is not a date such as 2024-10-01T18:30:00");
  }
  return std::string(day) + time;
}

std::unique_ptr<SampleReader> within(DateWindow window, std::unique_ptr<SampleReader> reader) {
  if (window.is_open()) return reader;
  return std::make_unique<WindowReader>(std::move(window), std::move(reader));
}

}  // namespace peira::datasets
