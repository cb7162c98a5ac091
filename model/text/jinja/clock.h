// What strftime_now() tells.
#pragma once

#include <ctime>
#include <string>

namespace peira::model::jinja {

// The local time of this moment.
std::tm local_now();
// "2026-11-26" (its midnight) or "2026-11-26T15:04:05". throws Failure: no such time.
std::tm parse_time(const std::string& text);
// As Python's datetime.strftime of a time without zone. throws Failure: too long.
std::string format_time(const std::tm& time, const std::string& format);

}  // namespace peira::model::jinja
