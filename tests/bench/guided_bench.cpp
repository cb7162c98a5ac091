// What guided output costs a step: the mask of allowed tokens, cold (a state met for the first
// time) and warm, and a whole decoding step with and without a guide. On Qwen3's vocabulary where
// ../shared has it (151,669 tokens), else on one as large made up of the same kinds of pieces.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/files.h"
#include "model/engine.h"
#include "model/text/guided/guided_grammar.h"
#include "model/text/tokenizer.h"
#include "tests/bench/synthetic_checkpoint.h"

namespace peira::bench {
namespace {

namespace guided = model::guided;
constexpr std::int32_t kVocabSize = 151'936;

// Bytes, words with and without a space in front, punctuation runs, CJK and pieces of characters.
std::vector<std::string> generated_tokens() {
  std::mt19937 random(3);
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  constexpr std::string_view kLetters = "etaoinshrdlucmfwypvbgkjqxzETAOIN0123456789_";
  constexpr std::string_view kMarks = "\"\\{}[]():;,.<>=+-*/ \n\t'#";
  while (tokens.size() < 150'000) {
    const unsigned kind = static_cast<unsigned>(random() % 20);
    std::string token;
    const std::size_t length = 2 + random() % 9;
    for (std::size_t i = 0; i < length; ++i) {
      if (kind < 14) {
        token += i == 0 && kind < 7 ? ' ' : kLetters[random() % kLetters.size()];
      } else if (kind < 16) {
        token += kMarks[random() % kMarks.size()];
      } else if (i % 3 == 0) {
        const unsigned c = 0x4E00 + static_cast<unsigned>(random() % 0x5000);
        token += {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3F)),
                  static_cast<char>(0x80 | (c & 0x3F))};
      }
    }
    if (kind == 19) token.pop_back();
    tokens.push_back(std::move(token));
  }
  return tokens;
}

std::shared_ptr<const guided::Vocabulary> make_vocabulary() {
  const auto file =
      std::filesystem::path(PEIRA_SOURCE_DIR) / "../shared/data/tokenizers/qwen3/tokenizer.json";
  if (!std::filesystem::exists(file)) {
    return std::make_shared<const guided::Vocabulary>(generated_tokens());
  }
  const model::Tokenizer tokenizer(read_file(file), "tokenizer.json");
  std::vector<std::string> tokens;
  for (std::int32_t id = 0; id < tokenizer.id_limit(); ++id) {
    tokens.push_back(tokenizer.is_special(id) ? std::string() : tokenizer.bytes(id, false));
  }
  return std::make_shared<const guided::Vocabulary>(std::move(tokens));
}

std::shared_ptr<const guided::Vocabulary> vocabulary() {
  static const auto made = make_vocabulary();
  return made;
}

// A grammar and a text that leads to the state whose mask is measured.
struct Place {
  const char* name;
  bool is_regex;
  const char* grammar;
  const char* text;
};
constexpr const char* kObject =
    R"({"type": "object", "properties": {"why": {"type": "string"}, "n": {"type": "integer"}},
        "required": ["why", "n"], "additionalProperties": false})";
const Place kPlaces[] = {
    {"start", false, kObject, ""},
    {"string", false, kObject, R"({"why": "so)"},
    {"string_of_at_most_200", false, R"({"type": "string", "maxLength": 200})", "\"so"},
    {"string_with_2_left", false, R"({"type": "string", "maxLength": 4})", "\"so"},
    {"number", false, kObject, R"({"why": "so", "n": 4)"},
    {"any_json", false, "true", R"({"a": [[{"b": [1, "x)"},
    {"regex_letters", true, "[A-Za-z ]+", "so"},
    {"regex_anything", true, "(.|\\n)*", "so"},
    {"regex_no_comma", true, "([^,]*,){5}", "so"},
};

std::shared_ptr<const guided::GuidedGrammar> compile(const Place& place) {
  return place.is_regex ? guided::compile_regex(place.grammar, vocabulary(), place.name)
                        : guided::compile_json_schema(parse_ordered_json(place.grammar, place.name),
                                                      vocabulary(), place.name);
}

std::int32_t token_of_byte(char byte) {
  for (std::int32_t id = 0;; ++id) {
    if (vocabulary()->bytes(id) == std::string_view(&byte, 1)) return id;
  }
}

void lead(model::TokenGuide& guide, const Place& place) {
  for (const char* at = place.text; *at != 0; ++at) guide.accept(token_of_byte(*at));
}

void BM_GuidedVocabulary(benchmark::State& state) {
  std::vector<std::string> tokens;
  for (std::size_t id = 0; id < vocabulary()->size(); ++id) {
    tokens.push_back(vocabulary()->bytes(static_cast<std::int32_t>(id)));
  }
  for (auto _ : state) benchmark::DoNotOptimize(guided::Vocabulary(tokens));
  state.counters["tokens"] = static_cast<double>(tokens.size());
}

void BM_GuidedMaskCold(benchmark::State& state) {
  const Place& place = kPlaces[state.range(0)];
  for (auto _ : state) {
    state.PauseTiming();
    const auto grammar = compile(place);
    const auto guide = grammar->start();
    lead(*guide, place);
    state.ResumeTiming();
    benchmark::DoNotOptimize(guide->allowed().data());
  }
  state.SetLabel(place.name);
}

void BM_GuidedMaskWarm(benchmark::State& state) {
  const Place& place = kPlaces[state.range(0)];
  const auto grammar = compile(place);
  const auto guide = grammar->start();
  lead(*guide, place);
  for (auto _ : state) benchmark::DoNotOptimize(guide->allowed().data());
  state.SetLabel(place.name);
}

// Every character is a state of its own: a step is never warm.
void BM_GuidedStepOfCountedString(benchmark::State& state) {
  const Place place{"", false, R"({"type": "string", "maxLength": 1000})", "\""};
  const auto grammar = compile(place);
  auto guide = grammar->start();
  lead(*guide, place);
  const std::int32_t letter = token_of_byte('e');
  int length = 0;
  for (auto _ : state) {
    if (++length > 990) {
      state.PauseTiming();
      length = 0;
      guide = compile(place)->start();
      lead(*guide, place);
      state.ResumeTiming();
    }
    benchmark::DoNotOptimize(guide->allowed().data());
    guide->accept(letter);
  }
}

// 0: free; 1: a string without end; 2: one whose characters are counted, so that each step is cold.
void BM_GuidedDecodeStep(benchmark::State& state) {
  static const SyntheticCheckpoint checkpoint({512, 4, 8, 2, 64, 16, 4, 256, kVocabSize});
  static model::Engine engine(checkpoint.files(), {});
  constexpr int kSteps = 64;
  const auto run = [&](const std::shared_ptr<const model::TokenGrammar>& grammar) {
    model::TokenRequest request;
    request.tokens = {1, 2, 3, 4};
    request.max_tokens = kSteps;
    request.sampling.temperature = 0;
    request.grammar = grammar;
    engine.submit(std::move(request));
    while (!engine.idle()) benchmark::DoNotOptimize(engine.step());
  };
  const Place place{"", false,
                    state.range(0) == 1
                        ? R"({"type": "string", "minLength": 1000})"
                        : R"({"type": "string", "minLength": 1000, "maxLength": 2000})",
                    ""};
  for (auto _ : state) {
    state.PauseTiming();
    const auto grammar = state.range(0) == 0 ? nullptr : compile(place);
    state.ResumeTiming();
    run(grammar);
  }
  state.counters["us_a_step"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * kSteps,
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert, benchmark::Counter::kIs1000);
  state.SetLabel(state.range(0) == 0 ? "free" : state.range(0) == 1 ? "string" : "counted string");
}

constexpr int kLastPlace = static_cast<int>(std::size(kPlaces)) - 1;
BENCHMARK(BM_GuidedVocabulary)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_GuidedMaskCold)
    ->DenseRange(0, kLastPlace)
    ->Unit(benchmark::kMicrosecond)
    ->Iterations(20);
BENCHMARK(BM_GuidedMaskWarm)->DenseRange(0, kLastPlace)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_GuidedStepOfCountedString)->Unit(benchmark::kMicrosecond)->Iterations(900);
BENCHMARK(BM_GuidedDecodeStep)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace peira::bench
