// Answers as the official graders of MMMU and MMMU-Pro read them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace peira::evals {

struct MmmuChoice {
  int option = 0;         // 0 = A
  std::string_view rule;  // static storage
};

// The option that `response` names, by MMMU's chain: "(X)", then " X ", then, in more than five
// words, the text of an option; of several the one named last. Empty where the official code draws
// at random.
//
// options  as displayed; at most 26.
// source   MMMU-Benchmark/MMMU, mmmu/utils/eval_utils.py, parse_multi_choice_response.
std::optional<MmmuChoice> parse_mmmu_choice(std::string_view response,
                                            const std::vector<std::string>& options);

// The same for MMMU-Pro: first what follows the last "Answer:", if exactly one option's letter
// occurs there; then the chain, whose bare letter needs no blank before it and may be followed by a
// full stop.
//
// source  MMMU-Benchmark/MMMU, mmmu-pro/evaluate.py, parse_multi_choice_response.
std::optional<MmmuChoice> parse_mmmu_pro_choice(std::string_view response,
                                                const std::vector<std::string>& options);

// An answer to an open question once normalised: a number rounded to two decimals, or text in lower
// case.
using MmmuValue = std::variant<double, std::string>;

// What `response` may be taken to say: the ends of its key sentences and every number in them.
// source  the same file, parse_open_response, extract_numbers, normalize_str.
std::vector<MmmuValue> parse_mmmu_open(std::string_view response);

// One gold answer, or an alternative of it. A single character becomes two texts, with a blank on
// either side.
std::vector<MmmuValue> normalize_mmmu(std::string_view answer);

// True if a text among `predictions` holds a gold text, or a number equals a gold number.
bool mmmu_open_matches(const std::vector<MmmuValue>& predictions,
                       const std::vector<MmmuValue>& gold);

}  // namespace peira::evals
