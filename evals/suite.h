// A suite: what is asked and how an answer is judged. A declaration; runner/ carries it out.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/message.h"
#include "base/response_format.h"
#include "datasets/dataset.h"
#include "datasets/sample.h"
#include "evals/episode.h"

namespace peira::evals {

// What became of one answer. Only kScored counts an extracted answer; all are counted apart.
enum class AnswerState {
  kScored,     // an answer was extracted and judged
  kUnparsed,   // text, but no answer in it
  kTruncated,  // no answer found and the reply was cut by the token limit
  kEmpty,      // no text at all
  kRefused,    // the model or endpoint refused
  kFailed      // no reply: timeout, error, context overflow
};
std::string_view to_string(AnswerState state);
std::optional<AnswerState> answer_state_from(std::string_view name);

// A verdict a person can check.
struct Score {
  double value = 0;  // in [0, 1]; 0 unless state is kScored and the answer is right
  AnswerState state = AnswerState::kUnparsed;
  std::string answer;    // as extracted, e.g. "B" or "70"; "" when there is none
  std::string rule;      // which rule parsed it, e.g. "answer-colon", "boxed", "last-integer"
  std::string why;       // one line: "extracted B by answer-colon; gold is C"
  bool guessed = false;  // an official grader's own seeded guess was used
  int parse_flag = 0;    // MathArena: 0 none, 1 minor, 2 possible, 3 major
  std::vector<std::string> notes;  // e.g. "probable-truncation", "unsupported-expression"
};

// What one prompt is made for: a sample's question in a certain order of its options.
struct PromptRequest {
  const datasets::Sample* sample = nullptr;
  std::vector<int> permutation;             // displayed option k is sample->choices[permutation[k]]
  std::span<const datasets::Sample> shots;  // few-shot examples, in order; may be empty
};

// How a prompt is worded. `official` is the profile's own wording.
struct PromptVariant {
  std::string name;  // "official", "direct", "chain-of-thought", "few-shot-3", "template:NAME"
  int num_shots = 0;
  std::string template_text;  // for user templates: {{question}} {{choices}} {{answer_format}} ...
};

// What the scorer sees of one reply.
struct ScoreRequest {
  const datasets::Sample* sample = nullptr;
  std::vector<int> permutation;    // as displayed; empty for open questions
  std::string_view response;       // the reply's text, reasoning stripped
  std::string_view finish_reason;  // "stop", "length", "refusal", "content_filter", "error" ...
  std::int64_t completion_tokens = -1;  // -1 unknown
  std::uint64_t seed = 0;               // for official graders that guess
};

// How the official code orders options, when it does so by position in the file.
enum class OptionOrder {
  kHashed,        // permutation from hash(sample id, seed, epoch): ours
  kGpqaBaseline,  // one CPython generator over the file, shuffle per row
  kSimpleEvals,   // one CPython generator, repeats x rows, random.sample(range(4), 4)
  kFile           // as the file has them
};

struct ModelJudge;  // evals/judge.h
struct CodeJudge;   // evals/code_judge.h

// Prompt and scorer together, named and versioned: scores are comparable within one profile.
struct Profile {
  std::string name;    // "official", "simple-evals", "math-verify"
  int version = 1;     // raised when any verdict or prompt byte changes
  std::string source;  // what it reproduces, with revision
  OptionOrder option_order = OptionOrder::kHashed;
  std::vector<std::int64_t> skipped_rows;  // rows the official code never asks (scored wrong)

  // Messages for `request` in `variant`. throws Error(kUsage): a variant it does not have.
  std::function<std::vector<Message>(const PromptRequest&, const PromptVariant&)> prompt;
  // Pure: text and item in, verdict out.
  std::function<Score(const ScoreRequest&)> score;
  // A profile whose verdicts a model gives: `score` then settles replies that need none, and fails
  // the others. Null where rules decide.
  std::shared_ptr<const ModelJudge> judge;
  // A suite of several turns: the conversation on one sample, whose record is then the `response`
  // that `score` judges; `prompt` gives its first messages. Empty where one reply is all.
  std::function<std::unique_ptr<Episode>(const datasets::Sample&)> episode;
  // A profile whose verdicts come from running programs: `score` then settles replies that need
  // none, and fails the others. Null where rules decide.
  std::shared_ptr<const CodeJudge> code;
  // Multiple choice by log-likelihood: the continuation whose probability stands for option k
  // ("Answer: C"), after the direct prompt. Empty when the suite has no options.
  std::function<std::string(int option)> option_continuation;

  // The form that generated replies are held to, and prompt variants that have another.
  ResponseFormat response_format;
  std::map<std::string, ResponseFormat> variant_formats;
  // That of `variant`. Few-shot ones share the direct prompt's.
  const ResponseFormat& format_of(const PromptVariant& variant) const;
};

struct Suite {
  std::string name;                     // "gpqa"
  std::string title;                    // one line for `peira suites`
  std::string data_kind;                // datasets::DatasetFile::kind
  std::string default_data;             // dataset used when --data is absent, e.g. "gpqa-sample"
  std::vector<Profile> profiles;        // the first is the default
  std::vector<std::string> breakdowns;  // metadata keys to break results down by
  int default_max_tokens = 1024;
  datasets::FieldMap fields;  // for user suites over "table" data

  // throws Error(kUsage) listing the profiles there are.
  const Profile& profile(std::string_view profile_name) const;  // "" takes the default
};

// A variant from what the user wrote: official | direct | chain-of-thought | few-shot-N | a file.
// throws Error(kUsage) naming the variants there are; Error(kUnavailable) for an unreadable file.
PromptVariant parse_variant(const std::string& text);

// Suites we ship, in the order `peira suites` prints them.
std::span<const Suite> registered_suites();

// A shipped suite by name, or one declared in the JSON file at path `name_or_file`.
// throws Error(kUsage) listing the suites; Error(kData) "file:field: ..." for a bad declaration.
Suite find_suite(const std::string& name_or_file);

// The order in which the options of every sample are shown, epoch by epoch.
// Depends on row and epoch only through what the official code makes them depend on, never on
// which rows are run or in what order.
class OptionOrders {
 public:
  // num_rows   rows of the whole file (the official generators run over all of it).
  // seed       run seed: kHashed mixes it in; kGpqaBaseline seeds its generator with it.
  OptionOrders(OptionOrder order, std::int64_t num_rows, std::uint64_t seed);
  ~OptionOrders();
  // Permutation shown for `sample` in `epoch`: displayed option k is sample.choices[result[k]].
  // threads: safe from several.
  std::vector<int> permutation(const datasets::Sample& sample, int epoch);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The order in which `num_options` options are shown by kHashed: a function of id, seed and epoch
// alone. random.Random(h).sample(range(n), n) with h = derive_seed({"option-order", id, seed,
// epoch}).
std::vector<int> hashed_permutation(std::string_view sample_id, int num_options, std::uint64_t seed,
                                    int epoch);

// What simple-evals does when asked for `num_examples` of `num_rows` rows: it draws them from the
// same generator that orders the options, before those, and then refuses more than one repeat.
struct OfficialSubset {
  std::vector<std::int64_t> rows;              // in the order they are asked
  std::vector<std::vector<int>> permutations;  // [rows], over (correct, incorrect 1, 2, 3)
};
// throws Error(kUsage): repeats is not 1, or num_examples is not in [1, num_rows].
OfficialSubset official_subset(std::int64_t num_rows, std::int64_t num_examples, int repeats);

// The letter (0 = A) that is right once the options are shown in `permutation`: the first position
// whose text equals the correct answer, as both official scorers do.
int gold_position(const datasets::Sample& sample, std::span<const int> permutation);

// What a person compares an answer with: the gold letter as displayed, or the open target.
std::string gold_text(const datasets::Sample& sample, std::span<const int> permutation);

// Multiple choice by log-likelihood: the option whose continuation is most probable (the first of
// equals), compared with the gold letter. Rule "loglikelihood".
//
// logprobs  [options displayed], sums over each continuation's tokens; NaN counts as impossible.
// throws    Error(kInternal): sizes differ, or the sample has no options.
Score score_by_likelihood(const datasets::Sample& sample, std::span<const int> permutation,
                          std::span<const double> logprobs);

}  // namespace peira::evals
