#include "runner/viewer/run_index.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "evals/summary.h"
#include "runner/summary.h"

namespace peira::runner::viewer {
namespace {

constexpr std::uint8_t kStateBits = 7;
constexpr std::uint8_t kRightBit = 8;

// How often what is listed so far is shown to others.
constexpr std::size_t kPublishEvery = 512;

}  // namespace

RunIndex::RunIndex(const RunInfo& run, RunStamp stamp)
    : run_(run), stamp_(std::move(stamp)), capacity_(static_cast<std::size_t>(run.answers)) {
  rows_.resize(capacity_);
  epochs_.resize(capacity_);
  flags_.resize(capacity_);
  for (const std::string& name : run.breakdowns) {
    fields_.push_back({name, std::vector<std::uint32_t>(capacity_)});
  }
  names_.resize(fields_.size());
}

void RunIndex::build(const std::filesystem::path& path, const std::atomic<bool>& stop) {
  const auto begin = std::chrono::steady_clock::now();
  try {
    const Store store(path, Store::Access::kReadOnly);
    evals::RunRecord record = record_of(run_);
    std::set<std::int64_t> beyond;
    if (run_.decision) {
      beyond.insert(run_.decision->rows_beyond.begin(), run_.decision->rows_beyond.end());
    }
    evals::Summarizer summarizer({.epochs = run_.epochs, .breakdowns = run_.breakdowns});
    std::vector<std::unordered_map<std::string, std::uint32_t>> numbers(fields_.size());
    OutcomeReader reader = store.outcomes(run_.id);
    std::size_t size = 0;
    Tally tally;
    // A run in flight may have gained answers since: the next index has them.
    while (size < capacity_) {
      const std::optional<evals::SampleOutcome> outcome = reader.next();
      if (!outcome) break;
      rows_[size] = outcome->row;
      epochs_[size] = outcome->epoch;
      flags_[size] = static_cast<std::uint8_t>(static_cast<unsigned>(outcome->score.state) |
                                               (outcome->score.value > 0 ? kRightBit : 0U));
      const bool failed = outcome->score.state == evals::AnswerState::kFailed;
      tally.all += 1;
      tally.right += outcome->score.value > 0 ? 1 : 0;
      tally.wrong += outcome->score.value > 0 || failed ? 0 : 1;
      tally.states[static_cast<std::size_t>(outcome->score.state)] += 1;
      for (std::size_t field = 0; field < fields_.size(); ++field) {
        const auto found = outcome->metadata.find(fields_[field].name);
        const std::string value = found == outcome->metadata.end() ? "" : found->second;
        const auto [number, is_new] =
            numbers[field].try_emplace(value, static_cast<std::uint32_t>(numbers[field].size()));
        if (is_new) {
          const std::lock_guard lock(mutex_);
          names_[field].push_back(value);
        }
        fields_[field].values[size] = number->second;
      }
      if (!beyond.contains(outcome->row)) summarizer.add(*outcome);
      ++size;
      if (size % kPublishEvery == 0) {
        size_.store(size, std::memory_order_release);
        if (stop) return;
      }
    }
    size_.store(size, std::memory_order_release);
    summarizer.summary().apply_to(record);
    const std::lock_guard lock(mutex_);
    tally_ = tally;
    record_ = std::make_shared<const evals::RunRecord>(std::move(record));
  } catch (const std::exception& error) {
    const std::lock_guard lock(mutex_);
    failure_ = error.what();
  }
  build_s_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  done_.store(true, std::memory_order_release);
}

std::string RunIndex::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

Tally RunIndex::tally() const {
  const std::lock_guard lock(mutex_);
  return tally_;
}

std::shared_ptr<const evals::RunRecord> RunIndex::record() const {
  const std::lock_guard lock(mutex_);
  return record_;
}

std::size_t RunIndex::lower_bound(AnswerKey key, std::size_t size) const {
  std::size_t low = 0;
  std::size_t high = size;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (this->key(middle) < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

RunIndex::Matcher RunIndex::matcher(const AnswerFilter& filter) const {
  Matcher matcher;
  matcher.index_ = this;
  matcher.filter_ = filter;
  for (const auto& [name, value] : filter.where) {
    std::size_t field = 0;
    while (field < fields_.size() && fields_[field].name != name) ++field;
    if (field == fields_.size()) {
      std::string known;
      for (const Field& each : fields_) known += (known.empty() ? "" : ", ") + each.name;
      throw Error(ErrorCode::kUsage,
                  "run " + run_.id + " is not broken down by '" + name + "'" +
                      (known.empty() ? "\n  it has no breakdowns" : "\n  one of: " + known));
    }
    const std::lock_guard lock(mutex_);
    const auto found = std::find(names_[field].begin(), names_[field].end(), value);
    if (found == names_[field].end()) {
      matcher.never_ = true;  // so far: a value that comes later has a place behind all listed
    } else {
      matcher.where_.emplace_back(field, static_cast<std::uint32_t>(found - names_[field].begin()));
    }
  }
  return matcher;
}

bool RunIndex::Matcher::operator()(std::size_t position) const {
  if (never_) return false;
  const std::uint8_t flags = index_->flags_[position];
  const unsigned state = flags & kStateBits;
  const bool right = (flags & kRightBit) != 0;
  if (filter_.verdict == AnswerFilter::Verdict::kRight && !right) return false;
  if (filter_.verdict == AnswerFilter::Verdict::kWrong &&
      (right || state == static_cast<unsigned>(evals::AnswerState::kFailed))) {
    return false;
  }
  if (filter_.state && state != static_cast<unsigned>(*filter_.state)) return false;
  for (const auto& [field, value] : where_) {
    if (index_->fields_[field].values[position] != value) return false;
  }
  return filter_.rows == nullptr ||
         std::binary_search(filter_.rows->begin(), filter_.rows->end(), index_->rows_[position]);
}

}  // namespace peira::runner::viewer
