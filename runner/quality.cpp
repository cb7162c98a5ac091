#include "runner/quality.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include "base/embedded.h"
#include "base/error.h"
#include "model/text/language_model.h"

namespace peira {
std::span<const EmbeddedFile> embedded_quality_text();
}

namespace peira::runner {
namespace {

constexpr std::size_t kPieceTokens = 512;

using Piece = std::vector<std::int32_t>;

// log of the softmax of `logits`, in double.
void log_softmax(std::span<const float> logits, std::vector<double>& out) {
  const double max = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - max);
  const double log_sum = max + std::log(sum);
  out.resize(logits.size());
  for (std::size_t v = 0; v < logits.size(); ++v) out[v] = logits[v] - log_sum;
}

std::ptrdiff_t argmax(const std::vector<double>& values) {
  return std::max_element(values.begin(), values.end()) - values.begin();
}

// Calls body(position, logits) for each position of the piece but the last.
void run_piece(model::Engine& engine, const Piece& piece,
               std::function<void(std::int64_t, std::span<const float>)> body) {
  model::TokenRequest request;
  request.tokens = piece;
  request.max_tokens = 0;
  request.prompt_logprobs = true;
  request.on_prompt_logits = std::move(body);
  engine.generate(std::span(&request, 1));
}

std::vector<Piece> pieces_of(const model::CheckpointFiles& files, model::LanguageModel& model,
                             std::string_view text) {
  if (!model.has_tokenizer()) {
    throw Error(ErrorCode::kData, files.where("tokenizer.json") +
                                      ": absent, and the text has to be tokenized\n  try: a folder "
                                      "with its tokenizer");
  }
  const std::vector<std::int32_t> tokens = model.encode(std::string(text));
  const auto longest = std::min<std::size_t>(
      kPieceTokens, static_cast<std::size_t>(model.engine().config().max_position_embeddings));
  std::vector<Piece> pieces;
  for (std::size_t first = 0; first + 1 < tokens.size(); first += longest) {
    const auto begin = tokens.begin() + static_cast<std::ptrdiff_t>(first);
    const std::size_t count = std::min(longest, tokens.size() - first);
    if (count >= 2) pieces.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(count));
  }
  if (pieces.empty()) {
    throw Error(ErrorCode::kData, "the text has " + std::to_string(tokens.size()) +
                                      " tokens; there is nothing to predict\n  try: a longer text");
  }
  return pieces;
}

// `candidate` beside `baseline` over all pieces.
void compare(model::Engine& baseline, model::Engine& candidate, const std::vector<Piece>& pieces,
             QualityRow& row, Quality& all) {
  std::vector<double> divergences, want, got;
  std::vector<std::vector<float>> kept;  // the baseline's logits of one piece
  double nats = 0;
  double baseline_nats = 0;
  std::int64_t agreements = 0;
  for (const Piece& piece : pieces) {
    kept.assign(piece.size(), {});
    run_piece(baseline, piece, [&](std::int64_t position, std::span<const float> logits) {
      kept[static_cast<std::size_t>(position)].assign(logits.begin(), logits.end());
    });
    run_piece(candidate, piece, [&](std::int64_t position, std::span<const float> logits) {
      const auto at = static_cast<std::size_t>(position);
      log_softmax(kept[at], want);
      log_softmax(logits, got);
      double divergence = 0;
      for (std::size_t v = 0; v < want.size(); ++v) {
        divergence += std::exp(want[v]) * (want[v] - got[v]);
      }
      divergences.push_back(divergence);
      agreements += argmax(want) == argmax(got) ? 1 : 0;
      const auto next = static_cast<std::size_t>(piece[at + 1]);
      baseline_nats -= want[next];
      nats -= got[next];
    });
  }
  const auto count = static_cast<double>(divergences.size());
  double sum = 0;
  for (const double divergence : divergences) sum += divergence;
  std::sort(divergences.begin(), divergences.end());
  const auto rank = static_cast<std::size_t>(std::ceil(0.99 * count));
  row.mean_kl = sum / count;
  row.p99_kl = divergences[std::max<std::size_t>(rank, 1) - 1];
  row.top1_agreement = static_cast<double>(agreements) / count;
  row.perplexity = std::exp(nats / count);
  all.num_positions = static_cast<std::int64_t>(divergences.size());
  all.baseline_perplexity = std::exp(baseline_nats / count);
}

}  // namespace

std::string_view quality_text() {
  const std::span<const std::byte> bytes = embedded_quality_text().front().bytes;
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string name_of_weights(model::WeightPrecision weights) {
  switch (weights) {
    case model::WeightPrecision::kStored:
      return "stored";
    case model::WeightPrecision::kInt8:
      return "int8";
    case model::WeightPrecision::kInt4:
      return "int4";
  }
  return "?";
}

std::string name_of_kv(model::DType kv_dtype) {
  return kv_dtype == model::DType::kI8 ? "int8" : kv_dtype == model::DType::kBF16 ? "bf16" : "f32";
}

Quality measure_quality(const model::CheckpointFiles& files, const model::EngineOptions& options,
                        std::string_view text,
                        const std::function<void(const std::string&)>& progress) {
  struct Candidate {
    model::WeightPrecision weights;
    model::DType kv_dtype;
  };
  using enum model::WeightPrecision;
  constexpr Candidate kCandidates[] = {{kInt8, model::DType::kF32},
                                       {kInt4, model::DType::kF32},
                                       {kStored, model::DType::kBF16},
                                       {kStored, model::DType::kI8}};
  model::EngineOptions as_stored = options;
  as_stored.weights = kStored;
  as_stored.kv_dtype = model::DType::kF32;
  model::LanguageModel baseline(files, as_stored);
  const std::vector<Piece> pieces = pieces_of(files, baseline, text);
  Quality out;
  for (const Candidate& candidate : kCandidates) {
    QualityRow row;
    row.weights = name_of_weights(candidate.weights);
    row.kv_dtype = name_of_kv(candidate.kv_dtype);
    if (progress) progress("weights " + row.weights + ", kv " + row.kv_dtype + " ...");
    model::EngineOptions changed = as_stored;
    changed.weights = candidate.weights;
    changed.kv_dtype = candidate.kv_dtype;
    model::Engine engine(files, changed);
    compare(baseline.engine(), engine, pieces, row, out);
    out.rows.push_back(std::move(row));
  }
  return out;
}

}  // namespace peira::runner
