// A template's text and where its tags lie: what errors show of it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace peira::model::jinja {

// A stretch of a template.
struct Place {
  int line = 1;
  std::size_t begin = 0;  // bytes of Source::text
  std::size_t end = 0;
};

// The template cannot be read.
struct SyntaxError {
  Place place;
  std::string message;
};

struct Source {
  struct Tag {
    std::size_t begin;
    std::size_t end;  // behind its last brace; the text's size while it has none
  };
  std::string text;       // line ends are '\n'
  std::vector<Tag> tags;  // in order

  // The tag around `place` on one line; of a long one that place alone, between dots. "" outside of
  // tags.
  std::string excerpt(const Place& place) const;
};

}  // namespace peira::model::jinja
