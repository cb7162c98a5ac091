// What a report of many samples costs to write: 10,000 flipped samples with prompts and two
// replies.
#include <benchmark/benchmark.h>

#include <string>

#include "reports/html.h"
#include "reports/json.h"
#include "reports/markdown.h"
#include "reports/report.h"

namespace peira::reports {
namespace {

AnswerStory answer(double value, int number) {
  AnswerStory story;
  story.score.value = value;
  story.score.state = evals::AnswerState::kScored;
  story.score.answer = value == 1 ? "C" : "A";
  story.score.rule = "answer-colon";
  story.score.why = "extracted by answer-colon; gold is C";
  story.gold = "C";
  story.finish_reason = "stop";
  story.completion_tokens = 200;
  story.latency_s = 1.5;
  for (int i = 0; i < 40; ++i) {
    story.response += "Step " + std::to_string(i + number % 7) + ": a < b & c, so that ";
  }
  story.response += "\nAnswer: " + story.score.answer;
  return story;
}

Report report_of(int num_samples) {
  Report report;
  report.title = "Many samples";
  SampleSection section;
  section.title = "questions that changed";
  section.labels = {"A", "B"};
  for (int i = 0; i < num_samples; ++i) {
    SampleStory sample;
    sample.id = "question-" + std::to_string(i);
    sample.metadata = {{"domain", "Physics"}};
    std::string question;
    for (int word = 0; word < 120; ++word) question += "word" + std::to_string(word + i) + " ";
    const Message asked = Message::from_text("user", question);
    sample.sides = {{.prompt = {asked}, .answers = {answer(i % 2, i)}},
                    {.prompt = {asked}, .answers = {answer(1 - i % 2, i + 1)}}};
    section.samples.push_back(std::move(sample));
  }
  report.samples.push_back(std::move(section));
  return report;
}

template <typename Render>
void run(benchmark::State& state, const Render& render) {
  const Report report = report_of(static_cast<int>(state.range(0)));
  std::size_t bytes = 0;
  for (auto _ : state) bytes = render(report).size();
  state.counters["MB"] = static_cast<double>(bytes) / 1e6;
}

void BM_Html(benchmark::State& state) {
  run(state, [](const Report& report) { return render_html(report); });
}
void BM_Json(benchmark::State& state) {
  run(state, [](const Report& report) { return render_json(report); });
}
void BM_Markdown(benchmark::State& state) {
  run(state, [](const Report& report) { return render_markdown(report); });
}
BENCHMARK(BM_Html)->ArgName("samples")->Arg(10'000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Json)->ArgName("samples")->Arg(10'000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Markdown)->ArgName("samples")->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace peira::reports
