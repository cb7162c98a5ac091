#include "runner/durations.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <utility>

#include "base/error.h"

namespace peira::runner {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ms;
};
constexpr std::array<Unit, 6> kUnits{{{"w", 604'800'000},
                                      {"d", 86'400'000},
                                      {"h", 3'600'000},
                                      {"m", 60'000},
                                      {"s", 1'000},
                                      {"ms", 1}}};
constexpr std::int64_t kMostMs = std::int64_t{10'000} * 86'400'000;

}  // namespace

std::int64_t parse_duration_ms(std::string_view text) {
  const auto refuse = [&](const char* why) {
    throw Error(ErrorCode::kUsage, "\"" + std::string(text.substr(0, 40)) + "\": " + why +
                                       "\n  try: 90s, 5m, 1h, 24h, 30d");
  };
  std::int64_t total = 0;
  std::size_t at = 0, least_unit = 0;
  while (at < text.size()) {
    std::int64_t count = 0;
    const std::size_t begin = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      count = count * 10 + (text[at] - '0');
      if (count > kMostMs) refuse("longer than 10,000 days");
    }
    if (at == begin) refuse("not a length of time");
    const std::size_t name = at;
    while (at < text.size() && text[at] >= 'a' && text[at] <= 'z') ++at;
    std::size_t unit = least_unit;
    while (unit < kUnits.size() && kUnits[unit].name != text.substr(name, at - name)) ++unit;
    if (unit == kUnits.size()) refuse("not a length of time with a unit (ms, s, m, h, d, w)");
    if (count > kMostMs / kUnits[unit].ms) refuse("longer than 10,000 days");
    total += count * kUnits[unit].ms;
    if (total > kMostMs) refuse("longer than 10,000 days");
    least_unit = unit + 1;
  }
  if (total == 0) refuse("no time at all");
  return total;
}

std::string duration_text(std::int64_t ms) {
  if (ms < 0) return "-" + duration_text(-ms);
  if (ms < 1000) return std::to_string(ms) + "ms";
  constexpr std::int64_t kDay = 86'400'000;
  if (ms >= 2 * kDay) return std::to_string((ms + kDay / 2) / kDay) + "d";
  const std::int64_t seconds = ms / 1000;
  const std::int64_t h = seconds / 3600, m = seconds / 60 % 60, s = seconds % 60;
  if (h > 0) return std::to_string(h) + "h" + (m > 0 ? std::to_string(m) + "m" : "");
  if (m > 0) return std::to_string(m) + "m" + (s > 0 ? std::to_string(s) + "s" : "");
  return std::to_string(s) + "s";
}

std::int64_t parse_utc_ms(const std::string& text) {
  for (const char* const format :
       {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    std::tm parts{};
    const char* const end = strptime(text.c_str(), format, &parts);
    if (end == nullptr || std::string_view(end).size() > 1 || (*end != '\0' && *end != 'Z')) {
      continue;
    }
    const int day = parts.tm_mday;
    const std::time_t seconds = timegm(&parts);
    // timegm() makes the 2nd of March of the 30th of February.
    if (parts.tm_mday != day) break;
    return std::int64_t{seconds} * 1000;
  }
  throw Error(ErrorCode::kUsage,
              "\"" + text.substr(0, 40) + "\": not a time in UTC\n  try: 2026-11-27T02:15:00Z");
}

std::string utc_text_of(std::int64_t ms) {
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

std::string utc_now() { return utc_text_of(wall_clock_ms()); }

std::int64_t wall_clock_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace peira::runner
