#include "runner/failure_limit.h"

#include "base/error.h"

namespace peira::runner {

FailureLimit FailureLimit::parse(const std::string& text) {
  FailureLimit limit;
  std::string number = text;
  limit.is_percent = !number.empty() && number.back() == '%';
  if (limit.is_percent) number.pop_back();
  const char* allowed = limit.is_percent ? "0123456789." : "0123456789";
  std::size_t used = 0;
  try {
    if (number.find_first_not_of(allowed) == std::string::npos) {
      limit.value = std::stod(number, &used);
    }
  } catch (const std::exception&) {
    used = 0;
  }
  if (number.empty() || used != number.size() || (limit.is_percent && limit.value > 100)) {
    throw Error(ErrorCode::kUsage, "--max-failures '" + text +
                                       "': neither a number nor a percentage\n  try: "
                                       "--max-failures 10, or --max-failures 5%");
  }
  return limit;
}

std::string FailureLimit::text() const {
  std::string number = std::to_string(value);
  number.erase(number.find_last_not_of('0') + 1);
  if (number.back() == '.') number.pop_back();
  return number + (is_percent ? "%" : "");
}

bool FailureLimit::exceeded(std::int64_t failures, std::int64_t expected) const {
  const double most = is_percent ? value / 100 * static_cast<double>(expected) : value;
  return static_cast<double>(failures) > most;
}

}  // namespace peira::runner
