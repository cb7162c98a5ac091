// A plan over a suite of sums whose model is a file of replies: worse on whatever night one likes.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "runner/nightly/night.h"
#include "tests/support/temporary_folder.h"

namespace peira::runner::testing {

class NightlyFolder {
 public:
  static constexpr int kQuestions = 120;

  // `more`: further members of the plan, as JSON.
  explicit NightlyFolder(const std::string& more = "{}") {
    std::string csv = "id,question,answer\n";
    for (int row = 0; row < kQuestions; ++row) {
      const std::string n = std::to_string(row);
      csv += "q" + n + ",What is " + n + " plus " + n + "?," + std::to_string(2 * row) + "\n";
    }
    write("sums.csv", csv);
    write("sums.json",
          R"({"name": "sums", "data": "sums.csv",
              "fields": {"id": "id", "question": "question", "answer": "answer"},
              "prompt": "{{question}}", "extractor": "last-number", "scorer": "number"})");
    set_model([](int) { return true; });
    Json plan{{"name", "smoke"},
              {"models", {{{"model", "replay:model.jsonl"}, {"name", "replay"}}}},
              {"suites", {"sums.json"}},
              {"store", "store.sqlite"}};
    plan.update(parse_json(more, "more"));
    write("plan.json", dump_json(plan));
  }

  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, const std::string& text) const {
    write_file_atomic(folder_ / name, text);
  }
  // The model answers row i rightly where `right` says so.
  void set_model(const std::function<bool(int)>& right) const {
    std::string lines;
    for (int row = 0; row < kQuestions; ++row) {
      const int answer = right(row) ? 2 * row : 2 * row + 1;
      lines += dump_json(Json{{"id", "q" + std::to_string(row)},
                              {"response", "It is " + std::to_string(answer) + "."}}) +
               "\n";
    }
    write("model.jsonl", lines);
  }
  // A model of a night: `wrong` of the questions wrong, which ones turning from night to night.
  void set_night(int night, int wrong) const {
    set_model([=](int row) { return (row + 7 * (night % 9)) % kQuestions >= wrong; });
  }

  NightlyPlan plan() const { return read_nightly_plan(folder_ / "plan.json"); }

 private:
  test::TemporaryFolder folder_;
};

inline std::string night_date(int night) { return date_of_day(day_number("2026-01-01") + night); }

// What was said, as text: equal exactly for equal judgements.
inline std::string said_text(const std::vector<SeriesJudgement>& judgements) {
  std::string text;
  for (const auto& [series, said] : judgements)
    text += series + " " + dump_json(to_json(said)) + "\n";
  return text;
}

}  // namespace peira::runner::testing
