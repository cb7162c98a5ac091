#include "model/text/jinja/clock.h"

#include <cstddef>
#include <cstdio>

#include "model/text/jinja/failure.h"

namespace peira::model::jinja {

std::tm local_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  return parts;
}

std::tm parse_time(const std::string& text) {
  std::tm parts{};
  const bool has_time = text.size() == 19;
  const std::string pattern = has_time ? "dddd-dd-ddTdd:dd:dd" : "dddd-dd-dd";
  bool fits = text.size() == pattern.size();
  for (std::size_t i = 0; fits && i < pattern.size(); ++i) {
    fits = pattern[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == pattern[i];
  }
  const auto number = [&](std::size_t from, std::size_t count) {
    int value = 0;
    for (std::size_t i = from; fits && i < from + count; ++i) value = value * 10 + (text[i] - '0');
    return value;
  };
  parts.tm_year = number(0, 4) - 1900;
  parts.tm_mon = number(5, 2) - 1;
  parts.tm_mday = number(8, 2);
  if (has_time) {
    parts.tm_hour = number(11, 2);
    parts.tm_min = number(14, 2);
    parts.tm_sec = number(17, 2);
  }
  // timegm() fills in the days of week and year, and moves a day that does not exist.
  const std::tm written = parts;
  if (fits) timegm(&parts);
  if (!fits || parts.tm_year < -900 || parts.tm_mday != written.tm_mday ||
      parts.tm_mon != written.tm_mon || parts.tm_hour != written.tm_hour ||
      parts.tm_min != written.tm_min || parts.tm_sec != written.tm_sec) {
    fail("\"" + text + "\" is not a time as in 2026-11-26 or 2026-11-26T15:04:05");
  }
  return parts;
}

std::string format_time(const std::tm& time, const std::string& format) {
  if (format.size() > 1000) fail("strftime_now: the format is too long");
  // What strftime() would take from the machine: Python has no zone here, and microseconds.
  std::string plain = ".";  // tells an empty result from one that did not fit
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      plain += format[i];
      continue;
    }
    const char kind = format[++i];
    if (kind == 'f') {
      plain += "000000";
    } else if (kind != 'z' && kind != 'Z') {
      plain += '%';
      plain += kind;
    }
  }
  std::string out(16384, '\0');
  const std::size_t size = std::strftime(out.data(), out.size(), plain.c_str(), &time);
  if (size == 0) fail("strftime_now: the result is too long");
  return out.substr(1, size - 1);
}

}  // namespace peira::model::jinja
