// Bad input through the whole binary: one clear line, the documented exit status, nothing damaged.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/files.h"
#include "command.h"

namespace peira::e2e {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Case {
  std::string name;
  std::vector<std::string> arguments;
  int exit_status;
  std::vector<std::string> says;
};

void expect(const Workspace& workspace, const Case& one) {
  SCOPED_TRACE(one.name);
  const auto got = workspace.peira(one.arguments);
  EXPECT_EQ(got.exit_status, one.exit_status) << got.err;
  EXPECT_THAT(got.err, StartsWith("error: "));
  for (const std::string& part : one.says) EXPECT_THAT(got.err, HasSubstr(part));
}

// A copy of a tiny checkpoint to damage.
std::filesystem::path checkpoint(const Workspace& workspace, const std::string& name) {
  const auto to = workspace.dir() / name;
  std::filesystem::copy(std::string(PEIRA_SOURCE_DIR) + "/tests/golden/tiny/gqa", to);
  return to;
}

std::vector<std::string> generate(const std::filesystem::path& model) {
  return {"generate", "--model", model.string(), "--tokens", "1,2", "--json"};
}

void edit_config(const std::filesystem::path& model, const Json& changes) {
  Json config = parse_json(read_file(model / "config.json"), "config.json");
  config.update(changes);
  write_file_atomic(model / "config.json", config.dump());
}

TEST(BadInput, Usage) {
  const Workspace workspace;
  expect(workspace, {"unknown suite", {"run", "gpqq"}, 2, {"gpqq", "gpqa"}});
  expect(workspace, {"unknown profile", {"run", "gpqa", "--profile", "x"}, 2, {"simple-evals"}});
  expect(workspace, {"unknown prompt", {"run", "gpqa", "--prompt", "x"}, 2, {"chain-of-thought"}});
  expect(workspace, {"unknown model",
                     {"run", "gpqa", "--model", "no-such-folder"},
                     2,
                     {"no-such-folder", "bundled"}});
  expect(workspace, {"an option in front",
                     {"--store", "a b.db", "import", "x.csv"},
                     2,
                     {"error: --store stands in front of the command\n  try: peira import x.csv "
                      "--store 'a b.db'\n"}});
  expect(workspace, {"no command", {}, 2, {"no command is given\n  try: peira --help\n"}});
  expect(workspace,
         {"unknown option", {"run", "gpqa", "--wat"}, 2, {"--wat\n  try: peira run --help"}});
  expect(workspace,
         {"unknown command", {"wat"}, 2, {"there is no command wat\n  try: peira --help"}});
  expect(workspace, {"no such run", {"show", "zzz"}, 2, {"zzz", "no runs yet"}});
  expect(workspace, {"bad failures", {"run", "gpqa", "--max-failures", "5x"}, 2, {"5x"}});
  expect(workspace,
         {"bad temperature", {"run", "gpqa", "--temperature", "-1"}, 2, {"--temperature"}});
  expect(workspace, {"no device", {"generate", "--prompt", "x", "--device", "cuda"}, 4, {"cuda"}});
}

TEST(BadInput, Checkpoints) {
  const Workspace workspace;
  const auto unknown = checkpoint(workspace, "unknown");
  edit_config(unknown, {{"model_type", "rwkv"}, {"architectures", {"RwkvForCausalLM"}}});
  expect(workspace, {"unknown architecture", generate(unknown), 3, {"rwkv", "qwen3_moe"}});

  const auto truncated = checkpoint(workspace, "truncated");
  const std::string bytes = read_file(truncated / "model.safetensors");
  write_file_atomic(truncated / "model.safetensors", bytes.substr(0, bytes.size() / 2));
  expect(workspace, {"truncated", generate(truncated), 3, {"model.safetensors"}});

  const auto header = checkpoint(workspace, "header");
  write_file_atomic(header / "model.safetensors", std::string(8, '\xFF') + bytes.substr(8));
  expect(workspace, {"oversized header", generate(header), 3, {"model.safetensors", "header"}});

  const auto shapes = checkpoint(workspace, "shapes");
  edit_config(shapes, {{"hidden_size", 64}});
  expect(workspace, {"shapes disagree", generate(shapes), 3, {"model.", "64"}});

  const auto experts = checkpoint(workspace, "experts");
  edit_config(experts, {{"num_experts_per_tok", 99}});
  expect(workspace, {"experts", generate(experts), 3, {"num_experts_per_tok is 99"}});

  const auto empty = workspace.dir() / "empty";
  std::filesystem::create_directory(empty);
  expect(workspace, {"no config", generate(empty), 3, {"config.json"}});

  const auto tokenizer = checkpoint(workspace, "tokenizer");
  write_file_atomic(tokenizer / "tokenizer.json",
                    R"({"model": {"type": "WordPiece", "vocab": {}}, "added_tokens": []})");
  expect(workspace, {"unknown tokenizer",
                     {"tokenize", "--model", tokenizer.string(), "x"},
                     3,
                     {"tokenizer.json", "WordPiece"}});
}

TEST(BadInput, Datasets) {
  const Workspace workspace;
  const std::string columns =
      "Record ID,Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer "
      "3\n";
  const auto run = [&](const std::string& file) {
    return std::vector<std::string>{"run", "gpqa", "--model", "instant", "--data", file, "--quiet"};
  };
  const auto quote = workspace.write("quote.csv", columns + "r1,\"open,a,b,c,d\n");
  expect(workspace, {"unterminated quote", run(quote.string()), 3, {"quote.csv:2"}});
  const auto cells = workspace.write("cells.csv", columns + "r1,q,a,b\n");
  expect(workspace, {"cells", run(cells.string()), 3, {"cells.csv:2", "4", "6"}});
  const auto twice = workspace.write("twice.csv", columns + "r1,q,a,b,c,d\nr1,p,a,b,c,d\n");
  expect(workspace, {"duplicate id", run(twice.string()), 3, {"twice.csv:3", "r1"}});
  const auto wrong = workspace.write("wrong.csv", "a,b\n1,2\n");
  expect(workspace, {"columns", run(wrong.string()), 3, {"Question"}});
  const auto aime =
      workspace.write("bad.jsonl", "{\"problem\": \"x\", \"answer\": \"7\"}\n{\"pro\n");
  expect(workspace, {"jsonl",
                     {"run", "aime", "--model", "instant", "--data", aime.string(), "--quiet"},
                     3,
                     {"bad.jsonl:2"}});
  const auto gold = workspace.write("gold.jsonl", "{\"problem\": \"x\", \"answer\": \"seven\"}\n");
  expect(workspace, {"gold",
                     {"run", "aime", "--model", "instant", "--data", gold.string(), "--quiet"},
                     3,
                     {"gold.jsonl:1", "seven"}});
  const auto parquet = workspace.write("bad.parquet", "PAR1 not really PAR1");
  const auto got =
      workspace.peira({"run", "aime", "--model", "instant", "--data", parquet.string(), "--quiet"});
  EXPECT_TRUE(got.exit_status == 3 || got.exit_status == 4) << got.err;
  EXPECT_THAT(got.err, StartsWith("error: "));

  // Nothing was begun by any of these.
  const auto list = workspace.peira({"list", "--json"});
  EXPECT_EQ(list.json()["runs"].size(), 0U);
}

TEST(BadInput, Stores) {
  const Workspace workspace;
  const auto text = workspace.write("store.sqlite", std::string(5000, 'x'));
  expect(workspace, {"not a database",
                     {"run", "gpqa", "--model", "instant", "--store", text.string(), "--quiet"},
                     3,
                     {"store.sqlite"}});
  EXPECT_EQ(read_file(text), std::string(5000, 'x')) << "a file that is not ours stays as it was";
  expect(workspace, {"no folder",
                     {"run", "gpqa", "--model", "instant", "--store", "/proc/peira/s.sqlite"},
                     4,
                     {"/proc/peira"}});
}

TEST(BadInput, Responses) {
  const Workspace workspace;
  const auto score = [&](const std::string& lines) {
    return std::vector<std::string>{"score", "aime", "--responses",
                                    workspace.write("r.jsonl", lines).string(), "--json"};
  };
  expect(workspace, {"no id", score("{\"response\": \"x\"}\n"), 3, {"r.jsonl:1", "\"row\""}});
  expect(workspace, {"no row", score("{\"row\": 99999, \"response\": \"x\"}\n"), 3, {"99999"}});
  expect(workspace, {"no response", score("{\"row\": 0}\n"), 3, {"\"response\""}});
  expect(workspace, {"twice",
                     score("{\"row\": 0, \"epoch\": 0, \"response\": \"x\"}\n"
                           "{\"row\": 0, \"epoch\": 0, \"response\": \"y\"}\n"),
                     3,
                     {"r.jsonl:2", "line 1"}});
  expect(workspace, {"not json", score("{\"row\": \n"), 3, {"r.jsonl:1"}});
}

}  // namespace
}  // namespace peira::e2e
