// Prompt strategies: wordings known by name that any suite they fit can be asked in. The wordings
// are this project's own; no suite's official prompt is among them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "datasets/sample.h"
#include "evals/suite.h"

namespace peira::evals {

enum class StrategyFit {
  kAny,      // every question
  kChoices,  // questions with options to choose from
  kCode,     // questions that show code: a fenced block
  kMedia     // questions with an image, a sound or a video
};

struct PromptStrategy {
  std::string_view name;   // what --prompt takes: "plan-first"
  std::string_view kind;   // "reasoning", "coding", "multimodal", "creative"
  std::string_view title;  // one line
  StrategyFit fit;
  std::string_view template_text;  // as a user's template file has it
};

// In the order they are listed to people.
std::span<const PromptStrategy> prompt_strategies();

const PromptStrategy* find_strategy(std::string_view name);

// Why the strategy behind `variant` does not fit questions like `sample`; empty when it does, or
// when the variant is no strategy.
std::optional<std::string> strategy_misfit(const PromptVariant& variant,
                                           const datasets::Sample& sample);

}  // namespace peira::evals
