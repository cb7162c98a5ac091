// The strokes charts are made of. Horizontal places are shares of the width, so that a chart is
// fluid while its text keeps its size; vertical ones are pixels.
#pragma once

#include <string>

namespace peira::reports::charts {

// "12.500%" of the width, of a share of it.
std::string place(double share);

std::string line(const std::string& x1, double y1, const std::string& x2, double y2,
                 const std::string& classes);

// anchor  "start", "middle" or "end". Escapes `content`.
std::string text(const std::string& x, double y, const std::string& anchor,
                 const std::string& classes, const std::string& content);

std::string circle(const std::string& x, double y, double radius, const std::string& classes);

// The opening tag with what a screen reader says: a title, and a summary as its description.
// id  unique in the page.
std::string open_svg(const std::string& id, const std::string& title, const std::string& summary,
                     int height);

// Round steps for an axis: the least of 1, 2, 2.5 or 5 times a power of ten with which at most
// `most` of them span `reach` > 0.
double round_step(double reach, int most);

}  // namespace peira::reports::charts
