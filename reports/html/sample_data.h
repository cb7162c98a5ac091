// Samples as data inside a page: inert until the page's script shows one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reports/sample_story.h"

namespace peira::reports::html {

// What pictures may take of one page.
struct PictureLimits {
  std::size_t each_bytes = std::size_t{2} << 20U;
  std::size_t all_bytes = std::size_t{24} << 20U;
};

// "image/png" of bytes that begin as one: PNG, JPEG, GIF or WebP, in which nothing can run. Empty
// for anything else, SVG above all.
std::optional<std::string> picture_type(std::string_view bytes);

// A block with an index of all samples for the list, and a block a section with one line of JSON a
// sample, read only when somebody opens it. Text from runs is made printable first; "<" is written
// as an escape, so that no text ends the block.
std::string sample_blocks(const std::vector<SampleSection>& sections,
                          const PictureLimits& limits = {});

}  // namespace peira::reports::html
