#include "evals/prompt_strategies.h"

#include <algorithm>

namespace peira::evals {
namespace {

constexpr PromptStrategy kStrategies[] = {
    {"plan-first", "reasoning", "a short plan, then its steps, then the answer", StrategyFit::kAny,
     "{{question}}\n\n{{choices}}\n\nFirst write a plan of at most three lines. Then carry it out "
     "step by step. {{answer_format}}"},
    {"check-answer", "reasoning", "solve, then check the answer another way before giving it",
     StrategyFit::kAny,
     "{{question}}\n\n{{choices}}\n\nSolve this step by step. Before you answer, check your result "
     "in a second way; where the two differ, find the mistake. {{answer_format}}"},
    {"rule-out", "reasoning", "say of each option why it is wrong until one is left",
     StrategyFit::kChoices,
     "{{question}}\n\n{{choices}}\n\nGo through the options one by one and say why each can or "
     "cannot be right. Keep the one that is left. {{answer_format}}"},
    {"question-last", "reasoning", "instructions first, the question at the end", StrategyFit::kAny,
     "Think step by step about the question below. {{answer_format}}\n\n{{question}}\n\n"
     "{{choices}}"},
    {"read-code-first", "coding", "say what the code shown does before working on it",
     StrategyFit::kCode,
     "{{question}}\n\n{{choices}}\n\nBefore you answer, say in one line each what the inputs, the "
     "outputs and the invariants of the code shown are. Then work from these. {{answer_format}}"},
    {"look-first", "multimodal", "describe what is shown or heard, then answer from that",
     StrategyFit::kMedia,
     "{{question}}\n\n{{choices}}\n\nFirst list what you see or hear that bears on the question: "
     "objects, text, numbers, their places and order. Then answer from that list alone. "
     "{{answer_format}}"},
    {"two-ideas", "creative", "two different approaches, then the better one", StrategyFit::kAny,
     "{{question}}\n\n{{choices}}\n\nSketch two quite different approaches in a line each. Follow "
     "the more promising one. {{answer_format}}"},
};

}  // namespace

std::span<const PromptStrategy> prompt_strategies() { return kStrategies; }

const PromptStrategy* find_strategy(std::string_view name) {
  const auto* const found = std::find_if(std::begin(kStrategies), std::end(kStrategies),
                                         [&](const PromptStrategy& s) { return s.name == name; });
  return found == std::end(kStrategies) ? nullptr : found;
}

std::optional<std::string> strategy_misfit(const PromptVariant& variant,
                                           const datasets::Sample& sample) {
  const PromptStrategy* const strategy = find_strategy(variant.name);
  if (strategy == nullptr) return std::nullopt;
  const auto has = [&](const auto& holds) {
    return std::any_of(sample.parts.begin(), sample.parts.end(), holds);
  };
  switch (strategy->fit) {
    case StrategyFit::kAny:
      return std::nullopt;
    case StrategyFit::kChoices:
      if (!sample.choices.empty()) return std::nullopt;
      return "is for questions with options, and these have none";
    case StrategyFit::kCode:
      if (has([](const Part& part) { return part.text.find("```") != std::string::npos; })) {
        return std::nullopt;
      }
      return "is for questions that show code, and the first shows none";
    case StrategyFit::kMedia:
      if (has([](const Part& part) { return part.kind != PartKind::kText; })) return std::nullopt;
      return "is for questions with images, sound or video, and the first has none";
  }
  return std::nullopt;
}

}  // namespace peira::evals
