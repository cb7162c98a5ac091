#include "model/text/jinja/source.h"

#include <algorithm>
#include <string_view>

namespace peira::model::jinja {
namespace {

constexpr std::size_t kLongestExcerpt = 120;

// White space as single spaces, none at the ends.
std::string on_one_line(std::string_view text) {
  std::string out;
  bool gap = false;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ') {
      gap = !out.empty();
      continue;
    }
    if (gap) out += ' ';
    gap = false;
    out += c;
  }
  return out;
}

// The first bytes of `text`, no character cut.
std::string beginning(std::string text) {
  if (text.size() <= kLongestExcerpt) return text;
  std::size_t size = kLongestExcerpt;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;
  text.resize(size);
  return text + " ...";
}

}  // namespace

std::string Source::excerpt(const Place& place) const {
  const auto after =
      std::upper_bound(tags.begin(), tags.end(), place.begin,
                       [](std::size_t at, const Tag& tag) { return at < tag.begin; });
  if (after == tags.begin()) return "";
  const Tag& tag = *(after - 1);
  if (place.begin >= tag.end && tag.end < text.size()) return "";
  const std::string_view all = std::string_view(text).substr(tag.begin, tag.end - tag.begin);
  std::string whole = on_one_line(all.substr(0, 2 * kLongestExcerpt));
  if (all.size() <= 2 * kLongestExcerpt && whole.size() <= kLongestExcerpt) return whole;
  const std::size_t end = std::min(std::max(place.end, place.begin + 1), tag.end);
  const std::string part =
      on_one_line(std::string_view(text).substr(place.begin, end - place.begin));
  if (place.begin <= tag.begin + 3) return beginning(on_one_line(all));
  return text.substr(tag.begin, 2) + " ... " + beginning(part) + " ... " +
         (text[tag.begin + 1] == '{' ? "}}" : text.substr(tag.begin + 1, 1) + "}");
}

}  // namespace peira::model::jinja
