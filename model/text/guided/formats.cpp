#include "model/text/guided/formats.h"

namespace peira::model::guided {
namespace {

// Days that exist: 30 and 31 where the month has them, 29 February in leap years (but not in year
// 0000, which Python's calendar lacks).
std::string date() {
  const std::string year = "(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)";
  const std::string month_day =
      "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|"
      "02-(?:0[1-9]|1[0-9]|2[0-8]))";
  const std::string divisible_by_4 = "(?:0[48]|[2468][048]|[13579][26])";
  const std::string leap_year = "(?:[0-9]{2}" + divisible_by_4 + "|" + divisible_by_4 + "00)";
  return "(?:" + year + "-" + month_day + "|" + leap_year + "-02-29)";
}

// source  RFC 3339, section 5.6.
std::string time() {
  return "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?"
         "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
}

std::string ipv4() {
  const std::string byte = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
  return "(?:" + byte + "(?:\\." + byte + "){3})";
}

// source  RFC 4291, section 2.2: eight groups, of which one run of zeros may be left out.
std::string ipv6() {
  const std::string group = "[0-9A-Fa-f]{1,4}";
  std::string out = "(?:(?:" + group + ":){7}" + group;
  for (int before = 0; before <= 7; ++before) {
    out += before == 0 ? "|:" : "|(?:" + group + ":){" + std::to_string(before) + "}";
    out += ":";
    const int after = 7 - before;
    if (after == 0) continue;
    out += "(?:" + group + "(?::" + group + "){0," + std::to_string(after - 1) + "})?";
  }
  return out + ")";
}

// source  RFC 1123, section 2.1; labels of at most 63 characters.
std::string hostname() {
  const std::string label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
  return label + "(?:\\." + label + "){0,3}";
}

}  // namespace

std::optional<std::string> format_pattern(std::string_view format) {
  if (format == "date") return date();
  if (format == "time") return time();
  if (format == "date-time") return date() + "T" + time();
  // source  RFC 3339, appendix A.
  if (format == "duration") {
    return "P(?:[0-9]+W|(?:[0-9]+D|[0-9]+M(?:[0-9]+D)?|[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?)"
           "(?:T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S))?|"
           "T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S))";
  }
  if (format == "uuid") {
    return "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}";
  }
  if (format == "email") {
    return "[A-Za-z0-9_+-]+(?:\\.[A-Za-z0-9_+-]+)*@" + hostname();
  }
  if (format == "hostname") return hostname();
  if (format == "ipv4") return ipv4();
  if (format == "ipv6") return ipv6();
  if (format == "uri") {
    return "[a-z][a-z0-9+.-]*://" + hostname() +
           "(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]*)*"
           "(?:\\?[A-Za-z0-9._~!$&'()*+,;=:@/?-]*)?(?:#[A-Za-z0-9._~!$&'()*+,;=:@/?-]*)?";
  }
  return std::nullopt;
}

std::string_view format_names() {
  return "date, date-time, duration, email, hostname, ipv4, ipv6, time, uri, uuid";
}

}  // namespace peira::model::guided
