// A small store for the viewer's tests: two runs of twelve samples, written answer by answer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "abtest/experiment_store.h"
#include "runner/manifest.h"
#include "runner/store.h"

namespace peira::runner::testing {

// What a hostile model says: a script, an attribute that runs one, a terminal's escape, a control
// that turns the writing direction.
inline const std::string kHostile =
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "\x1b]0;owned\x07\x1b[2J\xe2\x80\xaetxt.exe</pre><h1>owned</h1>";

// A picture of one pixel, in base64.
inline const std::string kPixel =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg==";

// Row 0 is hostile, row 1 has media, row 3 says "It\n\"QUOTED\"", row 4 is unparsed, row 5 failed;
// even rows are right in run "a", rows 0, 1, 2 and 6 in run "b". Rows below 6 are of group "low".
inline FinishedAnswer viewer_answer(std::int64_t row, bool right) {
  FinishedAnswer finished;
  finished.sample = {row,
                     "sample-" + std::to_string(row),
                     "sample-" + std::to_string(row),
                     std::string(64, 'd'),
                     {{"group", row < 6 ? "low" : "high"}}};
  AnswerRecord& answer = finished.answer;
  answer.row = row;
  answer.gold = "G";
  answer.finish_reason = "stop";
  answer.score.state = evals::AnswerState::kScored;
  answer.score.value = right ? 1 : 0;
  answer.score.answer = right ? "G" : "W";
  answer.score.rule = "exact";
  answer.score.why = "said so";
  finished.transcript.response = "reply " + std::to_string(row);
  finished.transcript.messages =
      R"([{"role":"user","content":"question )" + std::to_string(row) + R"("}])";
  if (row == 0) finished.transcript.response = kHostile;
  if (row == 1) {
    finished.transcript.messages =
        R"([{"role":"user","content":[{"type":"text","text":"look"},{"type":"image","data":")" +
        kPixel + R"("},{"type":"image","path":"/etc/passwd","sha256":")" + std::string(64, '0') +
        R"("},{"type":"image","data":"PHN2Zz48c2NyaXB0Pjwvc2NyaXB0Pjwvc3ZnPg=="}]}])";
  }
  if (row == 3) finished.transcript.response = "It\n\"QUOTED\"";
  if (row == 4) {
    answer.score.state = evals::AnswerState::kUnparsed;
    answer.score.value = 0;
    answer.score.answer = "";
  }
  if (row == 5) {
    answer.score.state = evals::AnswerState::kFailed;
    answer.score.value = 0;
    answer.failure = "timeout";
  }
  return finished;
}

// An experiment of 400 units on four days, of which the new variant solves 90 in 100 and the
// control 60, described by a hostile hand.
inline void make_viewer_experiments(const std::filesystem::path& path) {
  abtest::ExperimentStore store(path);
  abtest::Experiment experiment = abtest::parse_experiment(
      Json{{"id", "prompt_v2"},
           {"description", kHostile},
           {"variants", {{{"key", "control"}, {"share", 50}}, {{"key", "new"}, {"share", 50}}}},
           {"metrics", {"solved:proportion"}}},
      "test");
  constexpr std::int64_t kBegin = 1'795'651'200'000;  // 2026-11-26
  constexpr std::int64_t kDay = 86'400'000;
  store.create(experiment, kBegin, true);
  experiment = store.get("prompt_v2");
  store.in_transaction([&] {
    for (int i = 0; i < 400; ++i) {
      const std::string unit = "u" + std::to_string(i);
      const std::int64_t at = kBegin + (i % 4) * kDay + 1000;
      abtest::Exposure exposure;
      exposure.unit = unit;
      exposure.variant = i / 4 % 2 == 0 ? "control" : "new";
      exposure.ts_ms = at;
      store.expose(experiment, exposure);
      const bool is_new = exposure.variant == "new";
      const double value = i / 8 % 10 < (is_new ? 9 : 6) ? 1 : 0;
      store.record(experiment, {.event_id = "e" + unit,
                                .unit = unit,
                                .metric = "solved",
                                .value = value,
                                .ts_ms = at + 1});
    }
  });
}

inline RunInfo viewer_run(const std::string& id) {
  RunInfo info;
  info.id = id;
  info.suite = "exact";
  info.model = "fake";
  info.variant = id;
  info.manifest = make_manifest({{"prompt", id}});
  info.identity = manifest_identity(info.manifest);
  info.num_rows = info.expected_answers = 12;
  info.breakdowns = {"group"};
  return info;
}

inline void make_viewer_store(const std::filesystem::path& path) {
  Store store(path);
  for (const std::string id : {"a", "b"}) {
    const Store::OpenedRun run = store.create_run(viewer_run(id));
    std::vector<FinishedAnswer> batch;
    for (std::int64_t row = 0; row < 12; ++row) {
      const bool right = id == "a" ? row % 2 == 0 : row < 3 || row == 6;
      batch.push_back(viewer_answer(row, right));
    }
    store.commit(run.info, batch, 1);
    store.finish_run(run.info, true, "", {});
  }
}

}  // namespace peira::runner::testing
