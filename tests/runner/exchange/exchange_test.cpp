// Runs out to every format and back, others' logs in, and files that would do harm.
#include "runner/exchange/exchange.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "runner/exchange/archive.h"
#include "runner/exchange/columns.h"
#include "runner/exchange/fields.h"
#include "runner/exchange/table_writer.h"
#include "runner/manifest.h"
#include "runner/summary.h"
#include "tests/runner/support.h"

namespace peira::runner::exchange {
namespace {

using testing::TempFolder;

std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(PEIRA_SOURCE_DIR) / "tests/golden/exchange" / name;
}

// A run whose texts hold what formats trip over.
std::string store_awkward_run(Store& store, bool restricted) {
  RunInfo info;
  info.suite = "awkward";
  info.profile = "exact";
  info.variant = "official";
  info.model = "=cmd()";
  info.dataset = "memory";
  info.method = "generate";
  info.manifest = make_manifest({{"weights", {{"name", "m"}}},
                                 {"dataset", {{"sha256", "ab"}}},
                                 {"seed", std::uint64_t{18446744073709551615U}}});
  info.identity = manifest_identity(info.manifest);
  info.epochs = 2;
  info.seed = 18446744073709551615U;
  info.num_rows = 3;
  info.expected_answers = 6;
  info.restricted = restricted;
  info.breakdowns = {"kind"};
  const Store::OpenedRun opened = store.create_run(info);
  const std::vector<std::string> replies{
      "plain", "=HYPERLINK(\"http://x\")\r\n,\"q\"", "'quoted",
      "",      "-1.5 \xE2\x80\x94 \xF0\x9F\x98\x80", "\ttab\nline"};
  std::vector<FinishedAnswer> batch;
  for (int i = 0; i < 6; ++i) {
    FinishedAnswer finished;
    finished.sample.row = i / 2;
    finished.sample.id = i / 2 == 1 ? "a/b \xC3\xA9" : "s" + std::to_string(i / 2);
    finished.sample.cluster = "c" + std::to_string(i / 4);
    finished.sample.digest = sha256_hex(finished.sample.id);
    finished.sample.metadata = {{"kind", "+x"}, {"secret", "gold is 7"}};
    AnswerRecord& answer = finished.answer;
    answer.row = finished.sample.row;
    answer.epoch = i % 2;
    answer.gold = "70";
    answer.permutation = {2, 0, 1};
    answer.score.state = i == 3 ? evals::AnswerState::kFailed : evals::AnswerState::kScored;
    answer.score.value = i == 3 ? 0 : 1.0 / 3;
    answer.score.answer = "@70";
    answer.score.rule = "boxed";
    answer.score.why = "said 70";
    answer.score.notes = {"n1", "n2"};
    answer.finish_reason = i == 3 ? "error" : "length";
    answer.failure = i == 3 ? "timed out" : "";
    answer.prompt_tokens = 12;
    answer.completion_tokens = 5;
    answer.latency_s = 0.1;
    answer.attempts = 2;
    answer.cached = i == 4;
    Transcript& transcript = finished.transcript;
    transcript.messages = "[{\"content\":\"q " + std::to_string(i) + "\",\"role\":\"user\"}]";
    transcript.prompt_text = "<q>";
    transcript.prompt_tokens = {1, -2, 2147483647};
    transcript.tokens = {5};
    transcript.response = replies[static_cast<std::size_t>(i)];
    transcript.reasoning = "@why";
    transcript.continuations =
        i == 5 ? std::vector<std::string>{"A", "B"} : std::vector<std::string>{};
    transcript.continuation_logprobs =
        i == 5 ? std::vector<double>{-0.25, -std::numeric_limits<double>::infinity()}
               : std::vector<double>{};
    transcript.shots = {"s9"};
    transcript.seed = 18446744073709551615U;
    batch.push_back(std::move(finished));
  }
  store.commit(opened.info, batch, 1.25);
  store.finish_run(opened.info, true, "", {"a warning"});
  return opened.info.id;
}

// All there is to a run's answers, a line each.
std::vector<std::string> lines_of(const Store& store, const std::string& id) {
  std::vector<std::string> lines;
  const RunInfo info = store.run(id);
  StoryReader stories = store.stories(id);
  while (const std::optional<SampleStory> story = stories.next()) {
    lines.push_back(dump_json(object_of(info, *story, {})));
  }
  return lines;
}

struct Target {
  Format format;
  const char* out;        // relative to the folder
  const char* to_import;  // "" : the first file written
};

class RoundTrip : public ::testing::TestWithParam<Target> {
 protected:
  void SetUp() override {
    if (GetParam().format != Format::kParquet) return;
    const TempFolder folder;
    Store store(folder.path() / "a.sqlite");
    try {
      export_runs(store, {store_awkward_run(store, false)}, Format::kParquet,
                  folder.path() / GetParam().out);
    } catch (const Error& error) {  // a build without Arrow
      if (error.code() != ErrorCode::kUnavailable) throw;
      GTEST_SKIP() << error.what();
    }
  }
};

TEST_P(RoundTrip, GivesTheSameRunAgain) {
  const TempFolder folder;
  Store store(folder.path() / "a.sqlite");
  const std::string id = store_awkward_run(store, false);

  const ExportResult written =
      export_runs(store, {id}, GetParam().format, folder.path() / GetParam().out);
  EXPECT_EQ(written.num_answers, 6);
  EXPECT_FALSE(written.withheld);
  Store other(folder.path() / "b.sqlite");
  const std::vector<ImportedRun> imported = import_file(other, written.files.front());

  ASSERT_EQ(imported.size(), 1U);
  EXPECT_EQ(imported[0].id, id);
  EXPECT_EQ(lines_of(other, id), lines_of(store, id));
  const RunInfo before = store.run(id);
  const RunInfo after = other.run(id);
  EXPECT_EQ(after.manifest["digests"], before.manifest["digests"]);
  bool named = false;
  for (const Json& file : after.manifest["imported"]["files"]) {
    named = named || file["sha256"] == sha256_file(written.files.front());
  }
  EXPECT_TRUE(named);
  EXPECT_NE(after.identity, before.identity);
  EXPECT_EQ(after.seed, before.seed);
  EXPECT_EQ(after.started_at, before.started_at);
  EXPECT_EQ(after.finished_at, before.finished_at);
  EXPECT_EQ(after.wall_s, before.wall_s);
  EXPECT_EQ(after.warnings, before.warnings);
  EXPECT_EQ(after.breakdowns, before.breakdowns);
  EXPECT_TRUE(after.complete);

  // Once is enough, and what was asked elsewhere is not continued here.
  EXPECT_TRUE(import_file(other, written.files.front())[0].was_there);
  EXPECT_EQ(other.runs().size(), 1U);
  EXPECT_THROW(other.resume_run(id, before), Error);
}

TEST_P(RoundTrip, KeepsGatedContentOut) {
  const TempFolder folder;
  Store store(folder.path() / "a.sqlite");
  const std::string id = store_awkward_run(store, true);
  const ExportResult written =
      export_runs(store, {id}, GetParam().format, folder.path() / GetParam().out);
  EXPECT_TRUE(written.withheld);

  Store other(folder.path() / "b.sqlite");
  import_file(other, written.files.front());
  EXPECT_TRUE(other.run(id).restricted);
  EXPECT_EQ(summarize(other, id).metrics[0].value, summarize(store, id).metrics[0].value);
  for (const std::string& line : lines_of(other, id)) {
    for (const char* const secret :
         {"\"70\"", "@70", "gold is", "\"q ", "plain", "@why", "<q>", "[2,0,1]"}) {
      EXPECT_EQ(line.find(secret), std::string::npos) << secret << " in " << line;
    }
  }
  // The bytes that no compression hides.
  for (const std::filesystem::path& file : written.files) {
    if (file.extension() == ".eval" || file.extension() == ".parquet") continue;
    const std::string text = read_file(file);
    for (const char* const secret : {"\"70\"", "gold is 7", "plain", "@why", "HYPERLINK"}) {
      EXPECT_EQ(text.find(secret), std::string::npos) << secret << " in " << file;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, RoundTrip,
                         ::testing::Values(Target{Format::kCsv, "run.csv", ""},
                                           Target{Format::kJsonl, "run.jsonl", ""},
                                           Target{Format::kParquet, "run.parquet", ""},
                                           Target{Format::kInspect, "run.eval", ""},
                                           Target{Format::kInspect, "run.json", ""},
                                           Target{Format::kLmEval, "folder", ""}),
                         [](const auto& param) {
                           std::string name = param.param.out;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST(Csv, KeepsFormulasFromSpreadsheets) {
  EXPECT_TRUE(needs_guard("=1+1"));
  EXPECT_TRUE(needs_guard("@SUM(A1)"));
  EXPECT_TRUE(needs_guard("\t=1"));
  EXPECT_TRUE(needs_guard("\uFF1D1"));
  EXPECT_TRUE(needs_guard("'x"));  // so that taking the apostrophe off gives it back
  EXPECT_FALSE(needs_guard("1-1"));
  EXPECT_FALSE(needs_guard(""));

  const TempFolder folder;
  Store store(folder.path() / "a.sqlite");
  const std::string id = store_awkward_run(store, false);
  export_runs(store, {id}, Format::kCsv, folder.path() / "run.csv");
  const std::string text = read_file(folder.path() / "run.csv");
  EXPECT_EQ(text.find(",=cmd()"), std::string::npos);
  EXPECT_NE(text.find(",'=cmd(),"), std::string::npos);
  EXPECT_NE(text.find(",\"'=HYPERLINK(\"\"http://x\"\")\r\n"), std::string::npos);
}

// What inspect_ai 0.3.285 wrote (tests/golden/exchange/make.py): of four replies A, B, C, D one is
// right, accuracy 0.25.
TEST(InspectLog, OfInspectItselfIsRead) {
  const TempFolder folder;
  Store store(folder.path() / "a.sqlite");
  std::vector<std::string> ids;
  for (const char* const name : {"picks.eval", "picks.json"}) {
    const std::vector<ImportedRun> imported = import_file(store, golden(name));
    ASSERT_EQ(imported.size(), 1U);
    ids.push_back(imported[0].id);
    const RunInfo info = store.run(imported[0].id);
    EXPECT_EQ(info.suite, "picks");
    EXPECT_EQ(info.profile, "choice");
    EXPECT_EQ(info.model, "mockllm/model");
    EXPECT_EQ(info.answers, 4);
    EXPECT_TRUE(info.complete);
    EXPECT_EQ(info.manifest["imported"]["format"], "inspect_ai 0.3.285");
    EXPECT_TRUE(info.manifest["values"]["tokenizer"].is_null());
    EXPECT_DOUBLE_EQ(summarize(store, info.id).metrics[0].value, 0.25);
    const SampleStory story = store.story(info.id, "c1").front();
    EXPECT_EQ(story.transcript.response, "ANSWER: B");
    EXPECT_EQ(story.answer.gold, "B");
    EXPECT_EQ(story.answer.score.value, 1);
    EXPECT_NE(story.transcript.messages.find("Pick 1"), std::string::npos);
  }
  // The same questions, so pairs: found by the digest of what the logs say of them.
  const evals::Comparison comparison = compare_runs(store, ids[0], ids[1], {});
  EXPECT_EQ(comparison.num_pairs, 4);
  EXPECT_EQ(comparison.difference, 0);
}

// What lm_eval 0.4.13 wrote: toy acc 2 of 6, gen exact_match 0 of 6 under both filters.
TEST(LmEval, OfTheHarnessItselfIsRead) {
  const TempFolder folder;
  Store store(folder.path() / "a.sqlite");
  const std::vector<ImportedRun> imported =
      import_file(store, golden("results_2026-11-26T22-36-24.245222.json"));
  ASSERT_EQ(imported.size(), 2U);
  const RunInfo gen = store.run(imported[0].id);
  const RunInfo toy = store.run(imported[1].id);
  EXPECT_EQ(gen.profile, "strict/exact_match");
  EXPECT_EQ(toy.profile, "none/acc");
  EXPECT_EQ(toy.method, "loglikelihood");
  EXPECT_EQ(toy.started_at, "2026-11-26T22:36:24Z");
  EXPECT_NEAR(summarize(store, toy.id).metrics[0].value, 2.0 / 6, 1e-12);
  const SampleStory story = store.story(toy.id, "#0").front();
  EXPECT_EQ(story.transcript.continuations, (std::vector<std::string>{" 0", " 1", " no"}));
  EXPECT_EQ(story.transcript.continuation_logprobs.at(0), -0.10905784593110368);
  EXPECT_EQ(store.story(gen.id, "#0").front().transcript.response, "lol");

  ImportOptions options;
  options.scorer = "acc_norm";
  const auto norm =
      import_file(store, golden("samples_toy_2026-11-26T22-36-24.245222.jsonl"), options);
  EXPECT_EQ(store.run(norm[0].id).profile, "none/acc_norm");
  options.scorer = "f1";
  EXPECT_THROW(import_file(store, golden("samples_toy_2026-11-26T22-36-24.245222.jsonl"), options),
               Error);
}

std::string failure_of(Store& store, const std::filesystem::path& file) {
  try {
    import_file(store, file);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Table, OfOthersNeedsIdAndScore) {
  const TempFolder folder;
  Store store(folder.path() / "a.sqlite");
  const auto write = [&](const std::string& name, const std::string& text) {
    write_file_atomic(folder.path() / name, text);
    return folder.path() / name;
  };
  const auto imported =
      import_file(store, write("mine.csv", "id,score,response\nq1,1,yes\nq2,0.5,\nq3,False,no\n"));
  const RunInfo info = store.run(imported[0].id);
  EXPECT_EQ(info.model, "unknown");
  EXPECT_EQ(info.answers, 3);
  EXPECT_TRUE(info.manifest["values"]["weights"].is_null());
  EXPECT_DOUBLE_EQ(summarize(store, info.id).metrics[0].value, 0.5);

  EXPECT_NE(failure_of(store, write("a.csv", "id,value\n1,2\n")).find("no column \"score\""),
            std::string::npos);
  EXPECT_NE(failure_of(store, write("b.csv", "id,score\n1,1\n1,0\n")).find("answered twice"),
            std::string::npos);
  EXPECT_NE(failure_of(store, write("d.csv", "id,score\n1,7\n")).find("d.csv:2: field \"score\""),
            std::string::npos);
  EXPECT_NE(failure_of(store, write("e.jsonl", "{\"id\":\"1\",\"score\":\"x\"}\n"))
                .find("\"x\" is not a number"),
            std::string::npos);
  EXPECT_NE(failure_of(store, write("f.csv", "id,score\n")).find("holds no answers"),
            std::string::npos);
  EXPECT_NE(failure_of(store, write("g.csv", "id,score,row\n1,1,0\n2,1,0\n")).find("row 0"),
            std::string::npos);
  EXPECT_EQ(store.runs().size(), 1U);  // nothing of a bad file is stored
}

TEST(Import, RefusesAChangedManifest) {
  const TempFolder folder;
  Store store(folder.path() / "a.sqlite");
  const std::string id = store_awkward_run(store, false);
  export_runs(store, {id}, Format::kJsonl, folder.path() / "run.jsonl");
  std::string text = read_file(folder.path() / "run.jsonl");
  const std::size_t at = text.find("{\"sha256\":\"ab\"}");
  ASSERT_NE(at, std::string::npos);
  text[at + 11] = 'b';
  write_file_atomic(folder.path() / "run.jsonl", text);
  Store other(folder.path() / "b.sqlite");
  EXPECT_NE(failure_of(other, folder.path() / "run.jsonl").find("digests do not fit"),
            std::string::npos);
}

TEST(Archive, StopsAtBombs) {
  const TempFolder folder;
  const std::filesystem::path path = folder.path() / "bomb.eval";
  {
    ZipWriter zip(path);
    zip.begin("header.json");
    const std::string zeros(1U << 20U, ' ');
    for (int i = 0; i < 8; ++i) zip.write(zeros);
    zip.commit();
  }
  const auto read = [&](const ZipLimits& limits) {
    std::size_t size = 0;
    read_zip(
        path, [](std::string_view) { return true; },
        [&](const std::string&, std::string_view content) { size = content.size(); }, limits);
    return size;
  };
  EXPECT_EQ(read({}), 8U << 20U);
  EXPECT_THROW(read({.entry_bytes = 1U << 20U}), Error);
  EXPECT_THROW(read({.ratio = 10, .spare_bytes = 0}), Error);
  EXPECT_THROW(read({.num_entries = 0}), Error);
}

// Every prefix and many single-byte changes of real files: one clear error or a run, never a crash.
TEST(Import, SurvivesDamage) {
  const TempFolder folder;
  for (const char* const name : {"picks.eval", "samples_gen_2026-11-26T22-36-24.245222.jsonl"}) {
    const std::string whole = read_file(golden(name));
    const std::filesystem::path file =
        folder.path() / ("damaged" + std::filesystem::path(name).extension().string());
    std::uint64_t state = 1;
    for (int i = 0; i < 120; ++i) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      std::string text = whole;
      const std::size_t at = (state >> 20U) % text.size();
      if (i % 3 == 0) {
        text.resize(at);
      } else {
        text[at] = static_cast<char>(state >> 56U);
      }
      std::ofstream(file, std::ios::binary) << text;
      Store store(folder.path() / "damaged.sqlite");
      try {
        import_file(store, file);
      } catch (const Error& error) {
        EXPECT_NE(error.code(), ErrorCode::kInternal) << error.what();
        EXPECT_EQ(std::string(error.what()).find('\r'), std::string::npos);
      }
    }
  }
}

TEST(PythonJson, ReadsItsConstantsAsNull) {
  EXPECT_EQ(parse_python_json(R"({"a": NaN, "b": [-Infinity, "NaN \" NaN"]})", "x"),
            (Json{{"a", nullptr}, {"b", {nullptr, "NaN \" NaN"}}}));
}

}  // namespace
}  // namespace peira::runner::exchange
