// The letter that Video-MME's official script reads.
#pragma once

#include <optional>
#include <string_view>

namespace peira::evals {

// The first of A, B, C, D anywhere in `response`, capitals, once every occurrence of certain
// phrases is removed; empty when there is none, and then the question is not counted at all.
//
// source  BradyFU/Video-MME, evaluation/eval_your_results.py, extract_characters_regex; two of its
// phrases are
//         fused by missing commas, and stay so.
std::optional<char> extract_video_mme(std::string_view response);

}  // namespace peira::evals
