#include "reports/charts/svg.h"

#include <cmath>

#include "reports/detail/text.h"

namespace peira::reports::charts {
namespace {

std::string pixels(double y) { return detail::format_number("%.4g", y); }

}  // namespace

std::string place(double share) { return detail::format_number("%.3f", 100 * share) + "%"; }

std::string line(const std::string& x1, double y1, const std::string& x2, double y2,
                 const std::string& classes) {
  return "<line class=\"" + classes + "\" x1=\"" + x1 + "\" y1=\"" + pixels(y1) + "\" x2=\"" + x2 +
         "\" y2=\"" + pixels(y2) + "\" stroke=\"currentColor\"/>";
}

std::string text(const std::string& x, double y, const std::string& anchor,
                 const std::string& classes, const std::string& content) {
  return "<text class=\"" + classes + "\" x=\"" + x + "\" y=\"" + pixels(y) + "\" text-anchor=\"" +
         anchor + "\" font-size=\"13\" fill=\"currentColor\">" + detail::escape_html(content) +
         "</text>";
}

std::string circle(const std::string& x, double y, double radius, const std::string& classes) {
  return "<circle class=\"" + classes + "\" cx=\"" + x + "\" cy=\"" + pixels(y) + "\" r=\"" +
         pixels(radius) + "\" fill=\"currentColor\"/>";
}

std::string open_svg(const std::string& id, const std::string& title, const std::string& summary,
                     int height) {
  const std::string safe = detail::escape_html(id);
  return "<svg class=\"chart\" role=\"img\" aria-labelledby=\"" + safe + "-t " + safe +
         "-d\" width=\"100%\" height=\"" + std::to_string(height) +
         "\" overflow=\"visible\" xmlns=\"http://www.w3.org/2000/svg\"><title id=\"" + safe +
         "-t\">" + detail::escape_html(title) + "</title><desc id=\"" + safe + "-d\">" +
         detail::escape_html(summary) + "</desc>";
}

double round_step(double reach, int most) {
  const double least = reach / most;
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

}  // namespace peira::reports::charts
