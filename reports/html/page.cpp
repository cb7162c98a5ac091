#include "reports/html/page.h"

#include <span>

#include "base/base64.h"
#include "base/embedded.h"
#include "base/error.h"
#include "base/hash.h"
#include "reports/detail/text.h"

namespace peira {
std::span<const EmbeddedFile> embedded_report_files();
}

namespace peira::reports::html {
namespace {

std::string_view embedded(std::string_view name) {
  for (const EmbeddedFile& file : embedded_report_files()) {
    if (file.name == name) {
      return {reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size()};
    }
  }
  throw Error(ErrorCode::kInternal, std::string(name) + " is not in the binary");
}

// 'sha256-...' of `source`, as Content-Security-Policy names a script.
std::string script_digest(std::string_view source) {
  const std::string hex = sha256_hex(source);
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return "'sha256-" + to_base64(bytes) + "'";
}

}  // namespace

std::string page_begin(const std::string& title, bool has_script) {
  std::string policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
  if (has_script) policy += "; script-src " + script_digest(embedded("samples.js"));
  policy += "; base-uri 'none'; form-action 'none'";
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"" +
      policy + "\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>" +
      detail::escape_html(title) + "</title>\n<style>\n";
  out += embedded("style.css");
  return out +
         "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the results</a>\n";
}

std::string script() { return "<script>" + std::string(embedded("samples.js")) + "</script>\n"; }

std::string page_end(const std::string& footer) {
  return "<footer>" + detail::escape_html(footer) + "</footer>\n</body>\n</html>\n";
}

}  // namespace peira::reports::html
