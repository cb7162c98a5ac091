// The seams scripts rely on: generate on token ids, tokenize, score, suites, datasets.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "base/files.h"
#include "command.h"

namespace peira::e2e {
namespace {

using testing::HasSubstr;

std::string tiny(const std::string& name) {
  return std::string(PEIRA_SOURCE_DIR) + "/tests/golden/tiny/" + name;
}

// tests/golden/make_tiny_checkpoints.py: transformers 5.17.0 in float32.
TEST(Generate, GivesTransformersLogitsForTokenIdsWithoutATokenizer) {
  const Workspace workspace;
  const Json expected = parse_json(read_file(tiny("gqa") + "/expected.json"), "expected.json");
  for (const Json& one : expected["cases"]) {
    std::string ids;
    for (const Json& id : one["tokens"]) ids += (ids.empty() ? "" : ",") + id.dump();
    const auto got =
        workspace.peira({"generate", "--model", tiny("gqa"), "--tokens", ids, "--max-tokens", "4",
                         "--temperature", "0", "--prompt-logprobs", "--dump-logits", "--json"});
    ASSERT_EQ(got.exit_status, 0) << got.err;
    const Json out = got.json();
    ASSERT_EQ(out["prompt_logprobs"].size(), one["tokens"].size());
    EXPECT_TRUE(out["prompt_logprobs"][0].is_null());
    EXPECT_EQ(out["logprobs"].size(), out["tokens"].size());
    const Json& logits = one["logits"].back();
    ASSERT_EQ(out["last_prompt_logits"].size(), logits.size());
    double scale = 0;
    for (const Json& value : logits) scale = std::max(scale, std::abs(value.get<double>()));
    for (std::size_t i = 0; i < logits.size(); ++i) {
      EXPECT_NEAR(out["last_prompt_logits"][i].get<double>(), logits[i].get<double>(),
                  2e-3 * scale);
    }
  }
}

TEST(Generate, AnswersAPromptWithTheBundledModel) {
  const Workspace workspace;
  const auto got = workspace.peira({"generate", "--prompt", "What is 17 + 25?", "--json"});
  ASSERT_EQ(got.exit_status, 0) << got.err;
  EXPECT_FALSE(got.json()["text"].get<std::string>().empty());
  EXPECT_THAT(got.json()["prompt_text"].get<std::string>(), HasSubstr("<|im_start|>user"));
}

// Greedy draws from one token; a bias that nothing beats decides it; penalties forbid repeats.
TEST(Generate, AppliesBiasAndPenaltiesAndLabelsLogprobs) {
  const Workspace workspace;
  const std::vector<std::string> base{"generate",      "--model", tiny("gqa"),          "--tokens",
                                      "5,17,40,3",     "--json",  "--max-tokens",       "6",
                                      "--temperature", "0",       "--sampling-logprobs"};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = base;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return workspace.peira(arguments);
  };
  const Json plain = with({}).json();
  EXPECT_EQ(plain["sampling_logprobs"], Json({0.0, 0.0, 0.0, 0.0, 0.0, 0.0}));
  EXPECT_LT(plain["logprobs"][0].get<double>(), 0);
  const Json biased = with({"--logit-bias", "7=1000"}).json();
  EXPECT_EQ(biased["tokens"], Json({7, 7, 7, 7, 7, 7}));
  EXPECT_LT(biased["logprobs"][0].get<double>(), -1);  // raw: of the model, not of the bias
  const Json spread = with({"--presence-penalty", "1000"}).json();
  std::set<int> distinct;
  for (const Json& token : spread["tokens"]) distinct.insert(token.get<int>());
  EXPECT_EQ(distinct.size(), 6U);
  const auto bad = with({"--logit-bias", "7:3"});
  EXPECT_EQ(bad.exit_status, 2);
  EXPECT_THAT(bad.err, HasSubstr("TOKEN=BIAS"));
  const auto outside = with({"--logit-bias", "99=3"});
  EXPECT_EQ(outside.exit_status, 2);
  EXPECT_THAT(outside.err, HasSubstr("80 tokens"));
}

TEST(Generate, GivesAnswersOfTheFormAskedFor) {
  const Workspace workspace;
  const auto schema = workspace.write("schema.json", R"({"type": "object", "properties": {"answer":
      {"type": "integer", "minimum": 0, "maximum": 999}, "sure": {"type": "boolean"}}, "required": ["answer", "sure"], "additionalProperties": false})");
  for (const char* seed : {"1", "2", "3"}) {
    const auto got =
        workspace.peira({"generate", "--prompt", "What is 17 + 25?", "--json-schema",
                         schema.string(), "--temperature", "1", "--seed", seed, "--json"});
    ASSERT_EQ(got.exit_status, 0) << got.err;
    const std::string text = got.json()["text"].get<std::string>();
    const Json answer = parse_json(text, "answer");
    EXPECT_TRUE(answer.at("answer").is_number_integer());
    EXPECT_LE(answer.at("answer"), 999);
    EXPECT_TRUE(answer.at("sure").is_boolean());
    EXPECT_EQ(answer.size(), 2U);
  }
  const Json word =
      workspace.peira({"generate", "--prompt", "x", "--regex", "(yes|no)", "--json"}).json();
  EXPECT_THAT(word["text"].get<std::string>(), testing::AnyOf("yes", "no"));
  const auto unmet = workspace.write("unmet.json", R"({"type": "string", "enum": []})");
  const auto refused =
      workspace.peira({"generate", "--prompt", "x", "--json-schema", unmet.string()});
  EXPECT_EQ(refused.exit_status, 3);
  EXPECT_THAT(refused.err, HasSubstr("unmet.json"));
  EXPECT_EQ(workspace.peira({"generate", "--prompt", "x", "--regex", "(a"}).exit_status, 2);
}

// tests/golden/gguf: the same engine on a file of another container.
TEST(Generate, RunsAGgufFile) {
  const Workspace workspace;
  const std::string file = std::string(PEIRA_SOURCE_DIR) + "/tests/golden/gguf/qwen3.gguf";
  const auto got = workspace.peira(
      {"generate", "--model", file, "--tokens", "1,2,3", "--max-tokens", "4", "--json"});
  ASSERT_EQ(got.exit_status, 0) << got.err;
  EXPECT_EQ(got.json()["tokens"].size(), 4U);
  const auto inspected = workspace.peira({"models", "inspect", file, "--json"});
  EXPECT_EQ(inspected.json()["model_type"], "qwen3");
  const std::string bytes = read_file(file);
  const auto cut = workspace.write("cut.gguf", bytes.substr(0, bytes.size() / 2));
  const auto refused =
      workspace.peira({"generate", "--model", cut.string(), "--tokens", "1", "--json"});
  EXPECT_EQ(refused.exit_status, 3);
  EXPECT_THAT(refused.err, HasSubstr("cut.gguf"));
}

// By hand from tests/golden/tiny/gqa/config.json: 2 layers of 20,320 weights, of which the 8
// experts have 13,824 and 2 of them see a token; 5,152 outside the layers.
TEST(Models, InspectCountsWeightsAndMemory) {
  const Workspace workspace;
  const auto got = workspace.peira({"models", "inspect", tiny("gqa"), "--json"});
  ASSERT_EQ(got.exit_status, 0) << got.err;
  const Json out = got.json();
  EXPECT_EQ(out["model_type"], "qwen3_moe");
  EXPECT_EQ(out["parameters"], 2 * 20320 + 5152);
  EXPECT_EQ(out["active_parameters"], 2 * (20320 - 13824 / 8 * 6) + 5152);
  EXPECT_EQ(out["weights_bytes"]["as stored"], 2 * (2 * 20320 + 5152));
  // 2 layers, keys and values, 2 heads of 16.
  EXPECT_EQ(out["cache_bytes_per_token"]["f32"], 2 * 2 * 2 * 16 * 4);
  EXPECT_EQ(out["loads"], true);
  const auto text = workspace.peira({"models", "inspect", "bundled"});
  EXPECT_EQ(text.exit_status, 0) << text.err;
  for (const char* part : {"qwen3_omni_moe", "12.4 M", "pictures and videos", "sounds", "tokenizer",
                           "chat template"}) {
    EXPECT_THAT(text.out, HasSubstr(part));
  }
}

TEST(Models, InspectSaysWhatWouldNotLoad) {
  const Workspace workspace;
  const auto folder = workspace.dir() / "broken";
  std::filesystem::copy(tiny("gqa"), folder);
  Json config = parse_json(read_file(folder / "config.json"), "config.json");
  config["num_hidden_layers"] = 3;
  write_file_atomic(folder / "config.json", config.dump());
  write_file_atomic(folder / "tokenizer.json", "{\"model\": 5}");
  const auto got = workspace.peira({"models", "inspect", folder.string()});
  EXPECT_EQ(got.exit_status, 3);
  EXPECT_THAT(got.out, HasSubstr("tensors are missing"));
  EXPECT_THAT(got.out, HasSubstr("tokenizer: "));
  const Json out = workspace.peira({"models", "inspect", folder.string(), "--json"}).json();
  EXPECT_EQ(out["loads"], false);
  EXPECT_EQ(out["problems"].size(), 2U);
}

TEST(Bench, QualityMeasuresEveryQuantisation) {
  const Workspace workspace;
  const auto text =
      workspace.write("text.txt", "What is 17 + 25? It is 42. Find 12 mod 5. It is 2.");
  const auto got = workspace.peira({"bench", "quality", "--text", text.string(), "--json"});
  ASSERT_EQ(got.exit_status, 0) << got.err;
  const Json rows = got.json()["rows"];
  ASSERT_EQ(rows.size(), 4U);
  std::map<std::string, double> kl;
  for (const Json& row : rows) {
    kl[row["weights"].get<std::string>() + "/" + row["kv_dtype"].get<std::string>()] =
        row["mean_kl"].get<double>();
  }
  // Fewer bits are farther away, and none is far.
  EXPECT_GT(kl.at("int8/f32"), 0);
  EXPECT_GT(kl.at("int4/f32"), kl.at("int8/f32"));
  EXPECT_LT(kl.at("int4/f32"), 1);
  EXPECT_GT(kl.at("stored/int8"), kl.at("stored/bf16"));
  const auto bad = workspace.peira({"generate", "--prompt", "x", "--kv-dtype", "fp3"});
  EXPECT_EQ(bad.exit_status, 2);
}

TEST(Tokenize, RoundTripsLines) {
  const Workspace workspace;
  const auto got = workspace.peira({"tokenize", "--jsonl"},
                                   "{\"text\": \"Find 12 mod 5.\"}\n{\"text\": "
                                   "\"<|im_start|>user\\nh\\u00e9llo \\ud83d\\ude00\"}\n");
  ASSERT_EQ(got.exit_status, 0) << got.err;
  const auto lines = got.json_lines();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0]["text"], "Find 12 mod 5.");
  EXPECT_EQ(lines[1]["text"], "<|im_start|>user\nh\u00e9llo \U0001F600");
  EXPECT_GT(lines[0]["ids"].size(), 3U);
}

TEST(Tokenize, NamesTheBadLine) {
  const Workspace workspace;
  const auto got = workspace.peira({"tokenize", "--jsonl"}, "{\"text\": \"a\"}\n{\"txt\": 1}\n");
  EXPECT_EQ(got.exit_status, 3);
  EXPECT_THAT(got.err, HasSubstr("<stdin>:2"));
}

// Rows of benchmarks' traps through the command: first match, case, boxes, fallback.
TEST(Score, JudgesRepliesMadeElsewhere) {
  const Workspace workspace;
  const auto data = workspace.write(
      "q.csv",
      "Record ID,Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3\n"
      "r1,What?,right,w1,w2,w3\nr2,\"Why,\nthen?\",yes,no,maybe,never\n");
  const auto replies = workspace.write(
      "r.jsonl",
      "{\"id\": \"r1\", \"response\": \"Answer: B\", \"permutation\": [1, 0, 2, 3]}\n"
      "{\"row\": 1, \"response\": \"Answer: b\", \"permutation\": [1, 0, 2, 3]}\n");
  const auto got = workspace.peira({"score", "gpqa", "--data", data.string(), "--responses",
                                    replies.string(), "--profile", "simple-evals", "--json"});
  ASSERT_EQ(got.exit_status, 0) << got.err;
  const auto lines = got.json_lines();
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0]["value"], 1.0);
  EXPECT_EQ(lines[0]["answer"], "B");
  EXPECT_EQ(lines[0]["gold"], "B");
  EXPECT_EQ(lines[1]["value"], 0.0) << "simple-evals compares the letter as written";
  EXPECT_TRUE(lines[2].contains("summary"));
}

TEST(Score, JudgesAimeByTheLastBox) {
  const Workspace workspace;
  const auto data =
      workspace.write("a.jsonl", "{\"id\": \"p1\", \"problem\": \"x?\", \"answer\": \"070\"}\n");
  const auto replies = workspace.write(
      "r.jsonl", "{\"row\": 0, \"response\": \"\\\\boxed{71} no wait \\\\boxed{70}\"}\n");
  const auto got = workspace.peira(
      {"score", "aime", "--data", data.string(), "--responses", replies.string(), "--json"});
  ASSERT_EQ(got.exit_status, 0) << got.err;
  EXPECT_EQ(got.json_lines()[0]["value"], 1.0);
  const auto verify = workspace.peira({"score", "aime", "--data", data.string(), "--responses",
                                       replies.string(), "--profile", "math-verify", "--json"});
  ASSERT_EQ(verify.exit_status, 0) << verify.err;
  EXPECT_EQ(verify.json_lines()[0]["value"], 0.0) << "Math-Verify reads a set {70, 71}";
}

TEST(Suites, NamesProfiles) {
  const Workspace workspace;
  const Json suites = workspace.peira({"suites", "--json"}).json()["suites"];
  ASSERT_GE(suites.size(), 2U);
  EXPECT_EQ(suites[0]["name"], "gpqa");
  EXPECT_EQ(suites[0]["profiles"][0]["name"], "simple-evals");
}

// As `peira suites | head -1`, where head has gone before the first line comes.
TEST(Suites, IsAtEaseWithAReaderThatWentAway) {
  const Workspace workspace;
  const std::string errors = (workspace.dir() / "errors").string();
  const std::string command = "bash -c \"set -o pipefail; (sleep 0.3; '" +
                              std::string(PEIRA_BINARY) + "' suites 2> '" + errors + "') | :\"";
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(read_file(errors), "");
}

TEST(Datasets, ListsVerifiesTheSamplesAndRefusesTheUnknown) {
  const Workspace workspace;
  const auto list = workspace.peira({"datasets", "list", "--json"});
  ASSERT_EQ(list.exit_status, 0) << list.err;
  EXPECT_THAT(list.out, HasSubstr("gpqa_diamond"));
  const auto verified = workspace.peira({"datasets", "verify", "gpqa-sample"});
  EXPECT_EQ(verified.exit_status, 0) << verified.out << verified.err;
  const auto unknown = workspace.peira({"datasets", "info", "gpqa-dimond"});
  EXPECT_EQ(unknown.exit_status, 2);
  EXPECT_THAT(unknown.err, HasSubstr("gpqa_diamond"));
}

TEST(Help, ShowsExamplesAndExitCodesEverywhere) {
  const Workspace workspace;
  for (const char* name : {"run", "list", "show", "compare", "power", "score", "report", "suites",
                           "datasets", "models", "generate", "tokenize", "bench"}) {
    const auto help = workspace.peira({name, "--help"});
    EXPECT_EQ(help.exit_status, 0);
    EXPECT_THAT(help.out, HasSubstr("Example")) << name;
    EXPECT_THAT(help.out, HasSubstr("Exit  0")) << name;
  }
}

}  // namespace
}  // namespace peira::e2e
