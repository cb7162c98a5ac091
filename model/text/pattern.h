// What a Split or a Replace looks for: {"String": "..."} or {"Regex": "..."}.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "model/text/regex.h"

namespace peira::model {

// threads: const members from any, each with its own Scratch.
class Pattern {
 public:
  // description  an object with member "pattern".
  // throws       Error(kData): it has none, or the regular expression is wrong.
  Pattern(const Json& description, const std::string& where);
  static Pattern regex(std::string_view expression, const std::string& where);
  static Pattern literal(std::string_view text);

  bool is_literal() const { return !regex_.has_value(); }

  // Calls take(begin, end) for each match in turn. A match of no length counts unless it follows
  // another at once, as the reference has it.
  // text  valid UTF-8.
  // seen  `text` for a regular expression's eyes: see shadow_for_matching.
  template <typename Take>
  void for_each_match(std::string_view text, std::string_view seen, Regex::Scratch& scratch,
                      Take take) const {
    if (!regex_) {
      for (std::size_t at = text.find(literal_); at != std::string_view::npos;
           at = text.find(literal_, at + literal_.size())) {
        take(at, at + literal_.size());
      }
      return;
    }
    std::size_t from = 0;
    std::optional<std::size_t> last_end;
    while (from <= seen.size()) {
      const std::optional<RegexMatch> match = regex_->find(seen, from, scratch);
      if (!match) return;
      if (match->begin == match->end && last_end == match->end) {
        from += step(seen, from);
        continue;
      }
      take(match->begin, match->end);
      from = match->end;
      last_end = match->end;
    }
  }

 private:
  Pattern() = default;
  static std::size_t step(std::string_view text, std::size_t at);  // size of the character there

  std::optional<Regex> regex_;
  std::string literal_;  // not empty where there is no regex_
};

}  // namespace peira::model
