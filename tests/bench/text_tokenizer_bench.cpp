// Tokenizer and chat template: load time, MB/s of encoding and decoding, renders a second. The real
// Qwen3 files are used where ../shared has them, peira-mini's otherwise; PEIRA_TOKENIZER names
// another tokenizer.json, PEIRA_TEXT another text than our sources.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/utf8.h"
#include "model/text/jinja.h"
#include "model/text/tokenizer.h"

namespace peira::model {
namespace {

namespace fs = std::filesystem;

fs::path tokenizer_folder() {
  const fs::path qwen3 = fs::path(PEIRA_SOURCE_DIR) / "../shared/data/tokenizers/qwen3";
  return fs::exists(qwen3 / "tokenizer.json") ? qwen3
                                              : fs::path(PEIRA_SOURCE_DIR) / "model/peira-mini";
}

fs::path tokenizer_file() {
  const char* const named = std::getenv("PEIRA_TOKENIZER");
  return named != nullptr ? fs::path(named) : tokenizer_folder() / "tokenizer.json";
}

const Tokenizer& tokenizer() {
  static const Tokenizer loaded(read_file(tokenizer_file()), "tokenizer.json");
  return loaded;
}

// Four megabytes of our own sources, so that the figures mean something for code.
std::string code_text() {
  if (const char* const named = std::getenv("PEIRA_TEXT")) return read_file(named);
  std::string text;
  while (text.size() < 4'000'000) {
    for (const char* const file : {"model/text/tokenizer.cpp", "model/text/jinja/evaluator.cpp"}) {
      text += read_file(fs::path(PEIRA_SOURCE_DIR) / file);
    }
  }
  return text;
}

std::string repeated(const std::string& piece) {
  std::string text;
  while (text.size() < 1'000'000) text += piece;
  return text;
}

void BM_TokenizerLoad(benchmark::State& state) {
  const std::string text = read_file(tokenizer_file());
  std::int32_t entries = 0;
  for (auto _ : state) entries = Tokenizer(text, "tokenizer.json").id_limit();
  state.counters["entries"] = entries;
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}
BENCHMARK(BM_TokenizerLoad)->Unit(benchmark::kMillisecond);

void BM_TokenizerEncode(benchmark::State& state, const std::string& text) {
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer().encode(text));
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}
BENCHMARK_CAPTURE(BM_TokenizerEncode, code, code_text())->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_TokenizerEncode, one_word_of_a, repeated("a"))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_TokenizerEncode, spaces, repeated(" "))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_TokenizerEncode, japanese, repeated("日本語の文章を読む。"))
    ->Unit(benchmark::kMillisecond);

// The same text in pieces of 200 bytes, each a call: what a harness's short prompts cost.
void BM_TokenizerEncodeShort(benchmark::State& state) {
  const std::string text = code_text();
  std::vector<std::string> pieces;
  for (std::size_t i = 0; i < text.size(); i += 200) {
    pieces.push_back(to_valid_utf8(text.substr(i, 200)));
  }
  for (auto _ : state) {
    for (const std::string& piece : pieces) benchmark::DoNotOptimize(tokenizer().encode(piece));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
  state.counters["texts"] = static_cast<double>(pieces.size());
}
BENCHMARK(BM_TokenizerEncodeShort)->Unit(benchmark::kMillisecond);

void BM_TokenizerDecode(benchmark::State& state) {
  const std::string text = code_text();
  const auto ids = tokenizer().encode(text);
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer().decode(ids, true));
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}
BENCHMARK(BM_TokenizerDecode)->Unit(benchmark::kMillisecond);

void BM_ChatTemplateRender(benchmark::State& state) {
  const OrderedJson config =
      parse_ordered_json(read_file(tokenizer_folder() / "tokenizer_config.json"), "config");
  const JinjaTemplate source(config["chat_template"].get<std::string>(), "chat_template");
  OrderedJson variables = {{"tools", nullptr}, {"add_generation_prompt", true}};
  for (const char* const role : {"system", "user", "assistant", "user"}) {
    variables["messages"].push_back({{"role", role}, {"content", std::string(1000, 'x')}});
  }
  for (auto _ : state) benchmark::DoNotOptimize(source.render(variables));
}
BENCHMARK(BM_ChatTemplateRender)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace peira::model
