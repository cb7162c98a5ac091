#include "evals/code_judge.h"

namespace peira::evals {

Score judge_by_running(const CodeJudge& judge, const ScoreRequest& request, CodeRunner& runner) {
  if (std::optional<Score> settled = judge.settled(request)) return std::move(*settled);
  return judge.verdict(request, runner.run(judge.program(request)));
}

}  // namespace peira::evals
