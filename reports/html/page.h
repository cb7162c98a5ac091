// The frame of every HTML report: one file that loads nothing from anywhere, which its own
// Content-Security-Policy enforces.
#pragma once

#include <string>
#include <string_view>

namespace peira::reports::html {

// From the doctype to inside <body>: style, policy, title, the link that skips to #main. The only
// script that may run is script(), named by its digest; pictures come from the page itself.
std::string page_begin(const std::string& title, bool has_script);

// The page's own script in its element: shows what lies in inert blocks of data, on demand.
std::string script();

// footer  text.
std::string page_end(const std::string& footer);

}  // namespace peira::reports::html
