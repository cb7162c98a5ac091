// Lengths and points of time as people write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace peira::runner {

// Milliseconds of "90s", "5m", "1h30m", "24h", "30d", "250ms", "2w": whole numbers with units, the
// longer unit first.
//
// throws  Error(kUsage): none of these, zero, or more than 10,000 days.
std::int64_t parse_duration_ms(std::string_view text);

// The same back, at most two units: "24h", "1h30m", "1m30s", "250ms", "30d". Whole days from two
// days on.
std::string duration_text(std::int64_t ms);

// Milliseconds since 1970 of "2026-11-27T02:15:00Z" (also without seconds, without Z, with a blank
// for the T, or a day alone), in UTC. throws  Error(kUsage): no such time.
std::int64_t parse_utc_ms(const std::string& text);
std::string utc_text_of(std::int64_t ms);  // "2026-11-27T02:15:00Z"
std::string utc_now();

// Milliseconds since 1970, now.
std::int64_t wall_clock_ms();

}  // namespace peira::runner
