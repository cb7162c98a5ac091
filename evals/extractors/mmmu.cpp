#include "evals/extractors/mmmu.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/utf8.h"
#include "evals/python_text.h"
#include "evals/regex.h"

namespace peira::evals {
namespace {

// str.strip(c) for each of these once, in this order; blanks stay.
std::string_view strip_punctuation(std::string_view text) {
  for (const char c : std::string_view(",.!?;:'")) {
    while (text.starts_with(c)) text.remove_prefix(1);
    while (text.ends_with(c)) text.remove_suffix(1);
  }
  return text;
}

std::string letter_of(std::size_t option) {
  return std::string(1, static_cast<char>('A' + option));
}

// Where `needle` last starts, -1 if nowhere; of bytes, whose order is that of code points.
std::ptrdiff_t last_start(std::string_view text, std::string_view needle) {
  const std::size_t found = text.rfind(needle);
  return found == std::string_view::npos ? -1 : static_cast<std::ptrdiff_t>(found);
}

// The chain common to both graders. `bare_suffixes`: what must follow a letter without parentheses,
// rule by rule.
struct BareRule {
  std::string_view before, after, name;
};

std::optional<MmmuChoice> chain(std::string_view response, const std::vector<std::string>& options,
                                std::initializer_list<BareRule> bare_rules) {
  const std::string padded = " " + std::string(strip_punctuation(response)) + " ";
  std::vector<std::size_t> candidates;
  const auto with_letter = [&](std::string_view before, std::string_view after) {
    for (std::size_t option = 0; option < options.size(); ++option) {
      if (padded.find(std::string(before) + letter_of(option) + std::string(after)) !=
          std::string::npos) {
        candidates.push_back(option);
      }
    }
  };
  // Of several candidates the one that starts last; the first of equals.
  const auto last_of = [&](std::string_view rule, const auto& start_of) {
    std::size_t best = candidates.front();
    std::ptrdiff_t best_start = start_of(best);
    for (const std::size_t option : candidates) {
      if (const std::ptrdiff_t start = start_of(option); start > best_start)
        best = option, best_start = start;
    }
    return MmmuChoice{static_cast<int>(best), rule};
  };

  with_letter("(", ")");
  if (!candidates.empty()) {
    return last_of("parentheses", [&](std::size_t option) {
      return last_start(padded, "(" + letter_of(option) + ")");
    });
  }
  for (const BareRule& rule : bare_rules) {
    with_letter(rule.before, rule.after);
    if (candidates.empty()) continue;
    // Whichever rule found them, ties look for blanks on both sides.
    return last_of(rule.name, [&](std::size_t option) {
      return last_start(padded, " " + letter_of(option) + " ");
    });
  }
  constexpr std::size_t kFewWords = 5;
  if (python::split(padded).size() <= kFewWords) return std::nullopt;
  const std::string lowered = python::lower(padded);
  std::vector<std::string> texts;
  for (const std::string& option : options) texts.push_back(python::lower(option));
  for (std::size_t option = 0; option < options.size(); ++option) {
    if (lowered.find(texts[option]) != std::string::npos) candidates.push_back(option);
  }
  if (candidates.empty()) return std::nullopt;
  return last_of("option-text",
                 [&](std::size_t option) { return last_start(lowered, texts[option]); });
}

// float(text) with commas deleted, rounded as Python's round(x, 2): correctly, from the double's
// exact value.
std::optional<double> number_of(std::string_view text) {
  const std::optional<double> value = python::to_float(python::replace(text, ",", ""));
  if (!value || !std::isfinite(*value)) return value;
  // Beyond this no double has decimals, and "%.2f" would print hundreds of digits.
  if (std::abs(*value) > 1e15) return value;
  std::array<char, 64> digits{};
  std::snprintf(digits.data(), digits.size(), "%.2f", *value);
  return std::strtod(digits.data(), nullptr);
}

std::size_t num_code_points(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) at += decode_utf8(text, at).size_bytes;
  return count;
}

// The shortest end of `piece` after an indicator, "" for none.
std::string key_of(std::string_view piece, bool is_last) {
  static constexpr std::array<std::string_view, 9> kIndicators{
      "could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ", "="};
  std::string_view shortest;
  for (std::size_t i = 0; i < kIndicators.size() - (is_last ? 0 : 1); ++i) {
    const std::size_t found = piece.rfind(kIndicators[i]);
    if (found == std::string_view::npos) continue;
    const std::string_view tail = python::strip(piece.substr(found + kIndicators[i].size()));
    if (shortest.empty() || num_code_points(tail) < num_code_points(shortest)) shortest = tail;
  }
  const bool is_punctuation = shortest.size() == 1 && std::string_view(":,.!?;'").find(
                                                          shortest[0]) != std::string_view::npos;
  return is_punctuation ? "" : std::string(shortest);
}

void add_numbers(std::string_view text, std::vector<std::string>& out) {
  static const std::array<Regex, 3> kFinders{
      Regex(R"(-?\b\d{1,3}(?:,\d{3})+\b)"), Regex(R"(-?\d+(?:\.\d+)?[eE][+-]?\d+)"),
      Regex(R"(-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d]))")};
  for (const Regex& finder : kFinders) {
    Regex::Match match;
    for (std::size_t start = 0; finder.search(text, start, match) == Regex::Status::kMatch;) {
      out.emplace_back(match.groups.front());
      start = std::max(match.end, match.begin + 1);
    }
  }
}

}  // namespace

std::optional<MmmuChoice> parse_mmmu_choice(std::string_view response,
                                            const std::vector<std::string>& options) {
  return chain(response, options, {{" ", " ", "bare-letter"}});
}

std::optional<MmmuChoice> parse_mmmu_pro_choice(std::string_view response,
                                                const std::vector<std::string>& options) {
  constexpr std::string_view kMarker = "Answer:";
  if (const std::size_t marker = response.rfind(kMarker); marker != std::string_view::npos) {
    const std::string_view tail = python::strip(response.substr(marker + kMarker.size()));
    std::vector<int> named;
    for (std::size_t option = 0; option < options.size(); ++option) {
      if (tail.find(static_cast<char>('A' + option)) != std::string_view::npos)
        named.push_back(static_cast<int>(option));
    }
    if (named.size() == 1) return MmmuChoice{named.front(), "answer-colon"};
  }
  return chain(response, options, {{"", " ", "bare-letter"}, {"", ".", "letter-full-stop"}});
}

std::vector<MmmuValue> normalize_mmmu(std::string_view answer) {
  const std::string_view stripped = python::strip(answer);
  if (const std::optional<double> number = number_of(stripped)) return {*number};
  std::string lowered = python::lower(stripped);
  if (num_code_points(lowered) == 1) return {" " + lowered, lowered + " "};
  return {std::move(lowered)};
}

std::vector<MmmuValue> parse_mmmu_open(std::string_view response) {
  const std::string valid = to_valid_utf8(response);
  std::string_view stripped = python::strip(valid);
  while (stripped.starts_with('.')) stripped.remove_prefix(1);
  while (stripped.ends_with('.')) stripped.remove_suffix(1);
  const std::string lowered = python::lower(stripped);
  // The official code also splits at a full stop before a capital, of which none is left.
  const std::vector<std::string_view> pieces = python::split(lowered, "\n");
  std::vector<std::string> found;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (std::string key = key_of(pieces[i], i + 1 == pieces.size()); !key.empty())
      found.push_back(std::move(key));
  }
  if (found.empty()) found.push_back(lowered);
  const std::size_t num_keys = found.size();
  for (std::size_t i = 0; i < num_keys; ++i) add_numbers(std::string(found[i]), found);
  std::vector<MmmuValue> values;
  for (const std::string& text : found) {
    for (MmmuValue& value : normalize_mmmu(text)) {
      if (std::find(values.begin(), values.end(), value) == values.end())
        values.push_back(std::move(value));
    }
  }
  return values;
}

bool mmmu_open_matches(const std::vector<MmmuValue>& predictions,
                       const std::vector<MmmuValue>& gold) {
  return std::any_of(predictions.begin(), predictions.end(), [&](const MmmuValue& prediction) {
    return std::any_of(gold.begin(), gold.end(), [&](const MmmuValue& answer) {
      if (prediction.index() != answer.index()) return false;
      if (const double* const number = std::get_if<double>(&prediction))
        return *number == std::get<double>(answer);
      return std::get<std::string>(prediction).find(std::get<std::string>(answer)) !=
             std::string::npos;
    });
  });
}

}  // namespace peira::evals
