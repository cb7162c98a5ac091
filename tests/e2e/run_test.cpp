// run, list, show, compare, report: a run's whole life, on the bundled model and on one that
// answers at once.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/files.h"
#include "command.h"

namespace peira::e2e {
namespace {

using testing::HasSubstr;

// Every answer of a run without what depends on the clock.
std::vector<Json> stories(const Workspace& workspace, const std::string& run,
                          const std::vector<std::int64_t>& rows) {
  std::vector<Json> all;
  for (const std::int64_t row : rows) {
    const auto shown = workspace.peira({"show", run, "#" + std::to_string(row), "--json"});
    EXPECT_EQ(shown.exit_status, 0) << shown.err;
    for (Json story : shown.json_lines()) {
      story.erase("latency_s");
      story.erase("cached");
      story.erase("attempts");
      all.push_back(std::move(story));
    }
  }
  return all;
}

// peira-mini with a template that asks for the date.
std::filesystem::path dated_checkpoint(const Workspace& workspace) {
  const std::filesystem::path folder = workspace.dir() / "dated";
  std::filesystem::create_directories(folder);
  const auto mini = std::filesystem::path(PEIRA_SOURCE_DIR) / "model/peira-mini";
  for (const auto& file : std::filesystem::directory_iterator(mini)) {
    if (file.path().filename() == "chat_template.jinja") continue;
    std::filesystem::create_symlink(file.path(), folder / file.path().filename());
  }
  write_file_atomic(folder / "chat_template.jinja",
                    "On {{ strftime_now('%d %B %Y') }}{{ ' slowly' if slowly else '' }}: "
                    "{% for m in messages %}{{ m.content }}{% endfor %}");
  return folder;
}

TEST(Run, AnswersScoresListsShowsComparesAndReports) {
  const Workspace workspace;
  const auto run = workspace.peira({"run", "gpqa", "--model", "bundled", "--prompt", "official",
                                    "--prompt", "direct", "--limit", "24", "--json", "--quiet"});
  ASSERT_EQ(run.exit_status, 0) << run.err;
  const Json runs = run.json()["runs"];
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0]["suite"], "gpqa");
  EXPECT_EQ(runs[0]["variant"], "official");
  EXPECT_EQ(runs[1]["variant"], "direct");
  EXPECT_EQ(runs[0]["states"]["failed"], 0);
  EXPECT_TRUE(runs[0]["limited"]);
  const std::string a = runs[0]["run_id"];
  const std::string b = runs[1]["run_id"];

  const auto list = workspace.peira({"list"});
  EXPECT_THAT(list.out, HasSubstr(a));
  EXPECT_THAT(list.out, HasSubstr("24/24"));

  const auto story = workspace.peira({"show", a, "#3"});
  EXPECT_EQ(story.exit_status, 0) << story.err;
  EXPECT_THAT(story.out, HasSubstr("LETTER is one of ABCD"));
  EXPECT_THAT(story.out, HasSubstr("verdict: "));

  const auto undeclared = workspace.peira({"compare", a, b});
  EXPECT_EQ(undeclared.exit_status, 2);
  EXPECT_THAT(undeclared.err, HasSubstr("prompt"));
  EXPECT_THAT(undeclared.err, HasSubstr("--vary"));

  const auto compared = workspace.peira({"compare", a, b, "--vary", "prompt", "--json"});
  ASSERT_EQ(compared.exit_status, 0) << compared.err;
  EXPECT_EQ(compared.json()["num_pairs"], 24);

  const std::string page = (workspace.dir() / "report.html").string();
  const auto report =
      workspace.peira({"report", "--compare", a + "," + b, "--vary", "prompt", "-o", page});
  ASSERT_EQ(report.exit_status, 0) << report.err;
  const std::string html = read_file(page);
  // Not EXPECT_THAT: a failure would print the whole page.
  EXPECT_TRUE(html.find(a) != std::string::npos);
  EXPECT_TRUE(html.find("Generated sample data") != std::string::npos);
  // No script but the page's own, which its policy names by its digest.
  EXPECT_TRUE(html.find("script-src 'sha256-") != std::string::npos);
  EXPECT_TRUE(html.find("http://") == html.find("http://www.w3.org/2000/svg"));
  const auto told = workspace.peira(
      {"report", "--compare", a + "," + b, "--vary", "prompt", "--samples", "none", "-o", page});
  ASSERT_EQ(told.exit_status, 0) << told.err;
  EXPECT_TRUE(read_file(page).find("<script") == std::string::npos);

  // Gates and costs: judged now by a policy, or as a gate said it, in all three forms.
  const std::string policy =
      workspace.write("gates.json", R"({"gates": [{"target": "gpqa", "min": 0.1, "min_items": 5},
                                                  {"target": "gpqa.unparsed", "max": 0.5}]})");
  const std::string prices =
      workspace.write("p.json", R"({"bundled": {"input": 1000, "output": 2000}})");
  const auto judged =
      workspace.peira({"report", a, "--gate", policy, "--prices", prices, "--format", "json"});
  ASSERT_EQ(judged.exit_status, 0) << judged.err;
  const auto verdict = workspace.peira({"gate", a, "--policy", policy, "--json"});
  EXPECT_EQ(judged.json()["gates"][0]["headline"], verdict.json()["headline"]);
  const Json cost = judged.json()["runs"][0]["details"]["cost"];
  EXPECT_NEAR(cost["dollars"].get<double>(),
              (1000 * cost["prompt_tokens"].get<double>() +
               2000 * cost["completion_tokens"].get<double>()) /
                  1e6,
              1e-12);
  EXPECT_GT(cost["completion_tokens"], 0);
  const std::string stored = workspace.write("verdict.json", verdict.out);
  ASSERT_EQ(workspace.peira({"report", "--gate", stored, "-o", page}).exit_status, 0);
  EXPECT_TRUE(read_file(page).find("id=\"policy-1-gate-2-picture-t\"") != std::string::npos);
  EXPECT_THAT(workspace.peira({"report", "--gate", stored}).out, HasSubstr("## Gates"));
  EXPECT_EQ(workspace.peira({"report", "--gate", prices}).exit_status, 3);
}

TEST(Run, GivesTheSameAnswersWhateverTheBatchAndThreads) {
  const Workspace workspace;
  std::vector<std::vector<Json>> results;
  for (const auto& [batch, threads] :
       std::vector<std::pair<std::string, std::string>>{{"1", "1"}, {"32", "2"}, {"5", "3"}}) {
    const auto run = workspace.peira({"run", "aime", "--limit", "12", "--batch", batch, "--threads",
                                      threads, "--no-cache", "--new", "--json", "--quiet"});
    ASSERT_EQ(run.exit_status, 0) << run.err;
    results.push_back(stories(workspace, run.json()["runs"][0]["run_id"],
                              {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

// The 200 kills of the store itself are in tests/runner; these few go through the whole binary.
TEST(Run, ContinuesAfterSigkillToTheSameStore) {
  const std::vector<std::string> command{"run",     "aime",   "--limit",  "40",    "--no-cache",
                                         "--quiet", "--json", "--prompt", "direct"};
  const Workspace whole;
  const auto reference = whole.peira(command);
  ASSERT_EQ(reference.exit_status, 0) << reference.err;

  const Workspace killed;
  const auto begun_runs = [&] {
    const auto list = killed.peira({"list", "--json"});
    return list.exit_status == 0 ? list.json()["runs"] : Json::array();
  };
  std::mt19937 random(7);
  int kills = 0;
  CommandResult last;
  bool is_done = false;
  for (int attempt = 0; attempt < 12 && !is_done; ++attempt) {
    last = killed.peira_killed_after(static_cast<int>(30 + random() % 400), command);
    kills += last.exit_status == -9;
    // A kill between the last commit and the exit leaves a complete run: the command would rightly
    // begin another.
    const Json runs = begun_runs();
    is_done = !runs.empty() && runs[0]["status"] == "complete";
  }
  if (!is_done) {
    last = killed.peira(command);
    ASSERT_EQ(last.exit_status, 0) << last.err;
  }
  EXPECT_GT(kills, 0);

  const Json runs = begun_runs();
  ASSERT_EQ(runs.size(), 1U) << "the same command continues the run it began";
  ASSERT_EQ(runs[0]["status"], "complete");
  const Json a = reference.json()["runs"][0];
  EXPECT_EQ(a["states"], killed.peira({"show", runs[0]["run_id"], "--json"}).json()["states"]);
  std::vector<std::int64_t> rows(40);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int64_t>(i);
  EXPECT_EQ(stories(whole, a["run_id"], rows), stories(killed, runs[0]["run_id"], rows));
}

TEST(Run, RefusesToResumeAChangedRunAndSaysWhatChanged) {
  const Workspace workspace;
  const auto first =
      workspace.peira({"run", "gpqa", "--model", "instant", "--limit", "10", "--json", "--quiet"});
  ASSERT_EQ(first.exit_status, 0) << first.err;
  const std::string id = first.json()["runs"][0]["run_id"];

  const auto changed = workspace.peira({"run", "gpqa", "--model", "instant", "--limit", "10",
                                        "--temperature", "0.7", "--resume", id, "--quiet"});
  EXPECT_EQ(changed.exit_status, 2);
  EXPECT_THAT(changed.err, HasSubstr("sampling"));
  EXPECT_THAT(changed.err, HasSubstr("0.7"));
}

// The record holds the rendered bytes and what made them: digest (of the text below, by Python's
// hashlib), options and the date, which two runs must share to agree.
TEST(Run, RecordsTheRenderedPromptAndItsTemplate) {
  const Workspace workspace;
  const std::filesystem::path mini = std::filesystem::path(PEIRA_SOURCE_DIR) / "model/peira-mini";
  if (!std::filesystem::exists(mini / "model.safetensors")) GTEST_SKIP() << mini << " is absent";
  const std::filesystem::path folder = dated_checkpoint(workspace);
  const auto record = [&](const std::string& date, const std::string& name) {
    const auto run =
        workspace.peira({"run", "gpqa", "--model", folder.string(), "--prompt", "direct", "--limit",
                         "2", "--max-tokens", "4", "--no-cache", "--name", name, "--template-date",
                         date, "--template-options", R"({"slowly": true})", "--json", "--quiet"});
    EXPECT_EQ(run.exit_status, 0) << run.err;
    return stories(workspace, name, {0, 1});
  };
  const std::vector<Json> july = record("2024-07-26", "july");
  const std::vector<Json> again = record("2024-07-26", "again");
  const std::vector<Json> august = record("2024-08-01", "august");
  ASSERT_EQ(july.size(), 2U);
  EXPECT_EQ(july, again);
  const Json& made_by = july[0]["template"];
  EXPECT_EQ(made_by["sha256"], "106fbde64c223e969fddbb685c94c909584c586652488a9e621ab8a3cd4be290");
  EXPECT_EQ(made_by["date"], "2024-07-26");
  EXPECT_EQ(made_by["options"], (Json{{"slowly", true}}));
  for (const Json& story : july) {
    const std::string prompt = story["prompt_text"];
    EXPECT_EQ(prompt.substr(0, 24), "On 26 July 2024 slowly: ");
    EXPECT_EQ(prompt.substr(24), story["messages"][0]["content"].get<std::string>());
    EXPECT_FALSE(story["prompt_tokens"].empty());
  }
  EXPECT_EQ(august[0]["template"]["date"], "2024-08-01");
  EXPECT_EQ(august[0]["prompt_text"].get<std::string>().substr(0, 17), "On 01 August 2024");

  const auto difference = workspace.peira({"compare", "july", "august"});
  EXPECT_EQ(difference.exit_status, 2);
  EXPECT_THAT(difference.err, HasSubstr("2024-07-26"));
  const auto wrong = workspace.peira(
      {"run", "gpqa", "--model", folder.string(), "--limit", "1", "--template-date", "26 July"});
  EXPECT_EQ(wrong.exit_status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("\"26 July\" is not a time as in 2026-11-26"));
  const auto options =
      workspace.peira({"run", "gpqa", "--model", folder.string(), "--template-options", "[1]"});
  EXPECT_EQ(options.exit_status, 2);
  EXPECT_THAT(options.err, HasSubstr("--template-options: not a JSON object"));
}

// A template that asks for the date gets that of the day on which the run was begun.
TEST(Run, ContinuesUnderTheDateOnWhichItWasBegun) {
  const Workspace workspace;
  const std::filesystem::path mini = std::filesystem::path(PEIRA_SOURCE_DIR) / "model/peira-mini";
  if (!std::filesystem::exists(mini / "model.safetensors")) GTEST_SKIP() << mini << " is absent";
  const std::filesystem::path folder = dated_checkpoint(workspace);
  const std::vector<std::string> command{"run",     "aime",         "--model", folder.string(),
                                         "--limit", "60",           "--batch", "1",
                                         "--json",  "--max-tokens", "32",      "--no-cache"};
  std::vector<std::string> begun = command;
  begun.insert(begun.end(), {"--template-date", "2020-02-29"});
  Json run;
  for (int delay_ms = 100; delay_ms < 60'000 && run.is_null(); delay_ms *= 2) {
    const auto killed = workspace.peira_killed_after(delay_ms, begun);
    ASSERT_EQ(killed.exit_status, -9) << "60 questions were done in " << delay_ms << " ms";
    const Json runs = workspace.peira({"list", "--json"}).json()["runs"];
    if (!runs.empty() && runs[0]["answers"] > 0) run = runs[0];
  }
  ASSERT_FALSE(run.is_null());

  const auto continued = workspace.peira(command);
  ASSERT_EQ(continued.exit_status, 0) << continued.err;
  EXPECT_THAT(continued.err, HasSubstr("a run keeps its date"));
  EXPECT_THAT(continued.err, HasSubstr("the date on which it was begun: 2020-02-29"));
  const Json record = continued.json()["runs"][0];
  EXPECT_EQ(record["run_id"], run["run_id"]);
  for (const Json& story : stories(workspace, record["run_id"], {0, 30, 59})) {
    EXPECT_EQ(story["prompt_text"].get<std::string>().substr(0, 20), "On 29 February 2020:");
  }
}

TEST(Run, TakesAUserDeclaredSuite) {
  const Workspace workspace;
  workspace.write("capitals.csv",
                  "question,a,b,c,answer,continent\n"
                  "Capital of France?,Paris,Rome,Oslo,A,Europe\n"
                  "Capital of Japan?,Kyoto,Tokyo,Osaka,B,Asia\n");
  const auto suite = workspace.write("capitals.json", R"({
    "name": "capitals",
    "data": "capitals.csv",
    "fields": {"question": "question", "choices": ["a", "b", "c"], "answer": "answer",
               "answer_as": "letter", "metadata": {"continent": "continent"}},
    "prompt": "Answer with 'Answer: X'.\n\n{{question}}\n\n{{choices}}",
    "extractor": "answer-letter",
    "scorer": "choice",
    "breakdowns": ["continent"]
  })");
  const auto run =
      workspace.peira({"run", suite.string(), "--model", "instant", "--json", "--quiet"});
  ASSERT_EQ(run.exit_status, 0) << run.err;
  const Json record = run.json()["runs"][0];
  EXPECT_EQ(record["suite"], "capitals");
  EXPECT_EQ(record["expected_answers"], 2);
}

TEST(Run, HoldsRepliesToTheFormASuiteDeclares) {
  const Workspace workspace;
  workspace.write("sums.csv", "question,answer\nWhat is 17 + 25?,42\nWhat is 3 + 4?,7\n");
  Json declaration = Json::parse(R"({
    "name": "sums", "data": "sums.csv", "fields": {"question": "question", "answer": "answer"},
    "prompt": "{{question}}",
    "variants": {"direct": {"prompt": "{{question}}", "response_format": {"type": "text"}}},
    "response_format": {"type": "json_schema", "schema": {"type": "object",
      "properties": {"working": {"type": "string", "maxLength": 8},
                     "answer": {"type": "integer", "minimum": 0, "maximum": 99}},
      "required": ["working", "answer"], "additionalProperties": false}},
    "extractor": {"name": "json-field", "path": "answer"}, "scorer": "number"})");
  const std::string suite = workspace.write("sums.json", declaration.dump()).string();
  const auto run = [&](const std::string& name, const std::vector<std::string>& more) {
    std::vector<std::string> words{"run",           suite, "--name", name,
                                   "--temperature", "1",   "--json", "--quiet"};
    words.insert(words.end(), more.begin(), more.end());
    return workspace.peira(words);
  };
  const auto declared = run("declared", {});
  ASSERT_EQ(declared.exit_status, 0) << declared.err;
  EXPECT_EQ(declared.json()["runs"][0]["states"]["scored"], 2);
  for (const Json& story : stories(workspace, "declared", {0, 1})) {
    const Json reply = parse_json(story["response"].get<std::string>(), "reply");
    EXPECT_EQ(reply.size(), 2U);
    EXPECT_LE(reply.at("working").get<std::string>().size(), 8U * 4);
    EXPECT_EQ(story["answer"], std::to_string(reply.at("answer").get<int>()));
    EXPECT_EQ(story["response_format"]["type"], "json_schema");
  }

  // Another form, none, and a variant that is free.
  ASSERT_EQ(run("word", {"--regex", "yes|no"}).exit_status, 0);
  for (const Json& story : stories(workspace, "word", {0, 1})) {
    EXPECT_THAT(story["response"].get<std::string>(), testing::AnyOf("yes", "no"));
  }
  ASSERT_EQ(run("free", {"--no-response-format"}).exit_status, 0);
  ASSERT_EQ(run("variant", {"--prompt", "direct"}).exit_status, 0);
  for (const char* name : {"free", "variant"}) {
    EXPECT_TRUE(stories(workspace, name, {0})[0]["response_format"].is_null()) << name;
  }
  const auto undeclared = workspace.peira({"compare", "declared", "word"});
  EXPECT_EQ(undeclared.exit_status, 2);
  EXPECT_THAT(undeclared.err, HasSubstr("try: --vary response_format,"));
  EXPECT_EQ(
      workspace.peira({"compare", "declared", "free", "--vary", "response_format"}).exit_status, 0);
  const auto resumed = run("again", {"--resume", "declared", "--regex", "yes|no"});
  EXPECT_EQ(resumed.exit_status, 2);
  EXPECT_THAT(resumed.err, HasSubstr("response_format: "));

  const auto pattern = run("x", {"--regex", "(a"});
  EXPECT_EQ(pattern.exit_status, 2);
  EXPECT_THAT(pattern.err, HasSubstr("--regex: pattern, character 3"));
  const auto model = run("x", {"--model", "instant"});
  EXPECT_EQ(model.exit_status, 2);
  EXPECT_THAT(model.err, HasSubstr("the answers of instant cannot be held to a form"));
  declaration["response_format"]["schema"]["properties"]["answer"]["maximum"] = -1;
  workspace.write("sums.json", declaration.dump());
  const auto unmet = run("x", {});
  EXPECT_EQ(unmet.exit_status, 3);
  EXPECT_THAT(unmet.err, HasSubstr("sums.json:response_format.schema: no value obeys the schema: "
                                   "#/properties/answer: no number of its type is in the range"));
  EXPECT_EQ(workspace.peira({"list", "--json"}).json()["runs"].size(), 4U);
}

TEST(Run, MeasuresOptionsByLogLikelihood) {
  const Workspace workspace;
  const auto run = workspace.peira(
      {"run", "gpqa", "--method", "loglikelihood", "--limit", "8", "--json", "--quiet"});
  ASSERT_EQ(run.exit_status, 0) << run.err;
  EXPECT_EQ(run.json()["runs"][0]["states"]["scored"], 8);
}

TEST(Run, CountsEpochsAsRepeatedAnswers) {
  const Workspace workspace;
  const auto run = workspace.peira({"run", "aime", "--limit", "6", "--epochs", "4", "--temperature",
                                    "0.8", "--seed", "3", "--json", "--quiet"});
  ASSERT_EQ(run.exit_status, 0) << run.err;
  const Json record = run.json()["runs"][0];
  EXPECT_EQ(record["expected_answers"], 24);
  std::vector<std::string> names;
  for (const Json& metric : record["metrics"]) names.push_back(metric["name"]);
  EXPECT_THAT(names, testing::IsSupersetOf({"avg@4", "maj@4", "pass@1", "pass@4"}));
}

}  // namespace
}  // namespace peira::e2e
