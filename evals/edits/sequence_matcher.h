// How alike two sequences are: Ratcliff and Obershelp's longest matching blocks, as CPython's
// difflib counts them, its treatment of frequent elements among it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace peira::evals::edits {

// difflib.SequenceMatcher(None, a, b).ratio(): twice the elements in matching blocks over all
// elements; 1 for two empty sequences. Not symmetric: elements that make up more than 1 % of a `b`
// of 200 or more start no block.
//
// a, b     elements, equal where their numbers are.
// cost     quadratic in the worst case.
// source   CPython 3.11, Lib/difflib.py
double matching_ratio(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b);

// difflib.get_close_matches(word, possibilities, n=1, cutoff): the most alike, the greater text of
// equals; empty when none reaches `cutoff`.
std::optional<std::string> closest_match(const std::string& word,
                                         const std::vector<std::string>& possibilities,
                                         double cutoff);

}  // namespace peira::evals::edits
