#include "runner/viewer/pairing.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "runner/summary.h"

namespace peira::runner::viewer {
namespace {

// A sample of one run as pairing needs it. Ids are told apart by two hashes: a pair of equal ones
// among a million differing ids has a chance below 1e-25.
struct Arm {
  std::uint64_t hash_1 = 0, hash_2 = 0;
  std::int64_t row = 0;
  double sum = 0;
  std::int32_t answered = 0;
  std::uint64_t answer_hash = 0;
};

std::uint64_t mix(std::string_view text, std::uint64_t basis) {
  std::uint64_t hash = 14695981039346656037ULL ^ basis;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    hash ^= hash >> 29U;
  }
  return hash;
}

std::optional<std::vector<Arm>> read_arm(const Store& store, const std::string& run,
                                         const std::atomic<bool>& stop) {
  std::vector<Arm> arms;
  OutcomeReader reader = store.scores(run);
  while (const std::optional<evals::SampleOutcome> outcome = reader.next()) {
    const bool failed = outcome->score.state == evals::AnswerState::kFailed;
    if (arms.empty() || arms.back().row != outcome->row) {
      Arm arm;
      arm.hash_1 = mix(outcome->sample_id, 0);
      arm.hash_2 = mix(outcome->sample_id, 0x9E3779B97F4A7C15ULL);
      arm.row = outcome->row;
      arm.answer_hash = mix(outcome->score.answer, 0);
      arms.push_back(arm);
      if (arms.size() % 1024 == 0 && stop) return std::nullopt;
    }
    if (!failed) {
      arms.back().sum += outcome->score.value;
      arms.back().answered += 1;
    }
  }
  std::sort(arms.begin(), arms.end(), [](const Arm& x, const Arm& y) {
    return std::tie(x.hash_1, x.hash_2, x.row) < std::tie(y.hash_1, y.hash_2, y.row);
  });
  return arms;
}

float mean_of(const Arm& arm) {
  return arm.answered == 0 ? 0.0F : static_cast<float>(arm.sum / arm.answered);
}

}  // namespace

Pairing::Pairing(std::string run_a, std::string run_b, RunStamp stamp_a, RunStamp stamp_b)
    : run_a_(std::move(run_a)),
      run_b_(std::move(run_b)),
      stamp_a_(std::move(stamp_a)),
      stamp_b_(std::move(stamp_b)) {}

void Pairing::build(const std::filesystem::path& path, const std::atomic<bool>& stop) {
  try {
    const Store store(path, Store::Access::kReadOnly);
    evals::ComparisonOptions options;
    options.max_flips = 0;  // the pairs list them
    comparison_ = std::make_shared<const evals::Comparison>(
        compare_runs(store, run_a_, run_b_, {"all"}, options));
    const auto a = read_arm(store, run_a_, stop);
    const auto b = a ? read_arm(store, run_b_, stop) : std::nullopt;
    if (!a || !b) return;
    const auto id = [](const Arm& arm) { return std::tie(arm.hash_1, arm.hash_2); };
    for (std::size_t i = 0, k = 0; i < a->size() && k < b->size();) {
      const Arm& left = (*a)[i];
      const Arm& right = (*b)[k];
      if (id(left) < id(right)) {
        ++i;
      } else if (id(right) < id(left)) {
        ++k;
      } else {
        pairs_.push_back({left.row, right.row, mean_of(left), mean_of(right),
                          left.answered == 0 || right.answered == 0,
                          left.answer_hash != right.answer_hash});
        ++i;
        ++k;
      }
    }
    std::sort(pairs_.begin(), pairs_.end(),
              [](const Pair& x, const Pair& y) { return x.row_a < y.row_a; });
    std::vector<std::int64_t> flipped;
    for (const Pair& pair : pairs_) {
      if (shows(Show::kFlips, pair)) flipped.push_back(pair.row_a);
    }
    flipped_ = std::make_shared<const std::vector<std::int64_t>>(std::move(flipped));
  } catch (const std::exception& error) {
    failure_ = error.what();
  }
  done_.store(true, std::memory_order_release);
}

std::string Pairing::failure() const { return is_done() ? failure_ : ""; }

std::shared_ptr<const evals::Comparison> Pairing::comparison() const {
  return is_done() ? comparison_ : nullptr;
}

bool Pairing::shows(Show show, const Pair& pair) {
  if (show == Show::kAll) return true;
  if (show == Show::kFailed || pair.failed) return show == Show::kFailed && pair.failed;
  switch (show) {
    case Show::kFlips:
      return pair.mean_a != pair.mean_b;
    case Show::kToRight:
      return pair.mean_b > pair.mean_a;
    case Show::kToWrong:
      return pair.mean_b < pair.mean_a;
    case Show::kBothWrong:
      return pair.mean_a == 0 && pair.mean_b == 0;
    case Show::kBothRight:
      return pair.mean_a > 0 && pair.mean_b > 0;
    case Show::kAnswers:
      return pair.answers_differ;
    default:
      return true;
  }
}

}  // namespace peira::runner::viewer
