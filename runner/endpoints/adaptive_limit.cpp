#include "runner/endpoints/adaptive_limit.h"

#include <algorithm>
#include <cmath>

namespace peira::runner {
namespace {

constexpr std::int64_t kLeastAnswers = 8;        // of a round: fewer say little
constexpr std::int64_t kLeastAnswersSought = 4;  // of a search's, which looks for large gains
constexpr int kRoundsBetweenTries = 8;
constexpr int kRoundsOfTry = 3;
// A search ends where answers a second stay the same, or on the second round that is not enough
// faster or even slower: one may be so by chance.
constexpr double kPlateau = 0.1;
constexpr int kRoundsOfDoubt = 2;
constexpr int kLeastQuiet = 3;  // rounds after which what was turned away may be over
constexpr int kMostQuiet = 48;  // and where it never was when it was looked for
// An endpoint that is not full answers as many times more a second as there are more in flight; a
// full one no more at all. Between these, what is worth a queue there is a choice.
constexpr double kWorthOfMore = 0.48;  // answers that must be gained, as a share of what is added
constexpr double kMostWorth = 0.2;     // of all answers, however much is added
constexpr double kLossOfLess = 0.95;   // of a fifth less
constexpr double kLongStep = 0.25;
constexpr double kShortStep = 0.08;       // where more was turned away
constexpr double kLeastTolerated = 0.02;  // share of requests turned away

}  // namespace

AdaptiveLimit::AdaptiveLimit(int initial, int most)
    : most_(std::max(1, most)),
      limit_(std::clamp(initial, 1, most_)),
      best_limit_(limit_),
      quiet_wanted_(kLeastQuiet),
      tolerated_(kLeastTolerated),
      step_(kLongStep) {}

void AdaptiveLimit::change(Phase phase, int limit, Time now) {
  phase_ = phase;
  limit_ = std::clamp(limit, 1, most_);
  changed_at_ = now;
  rounds_held_ = 0;
  round_answers_ = round_rejections_ = 0;
  round_latency_s_ = 0;
}

void AdaptiveLimit::count(Time started, Time now, bool is_rejected) {
  constexpr double kRecent = 0.125;
  recent_rejections_ += kRecent * ((is_rejected ? 1.0 : 0.0) - recent_rejections_);
  if (started < changed_at_) return;
  if (is_rejected) {
    ++round_rejections_;
  } else {
    ++round_answers_;
    round_latency_s_ += std::chrono::duration<double>(now - started).count();
  }
  const bool is_try = phase_ == Phase::kMore || phase_ == Phase::kLess;
  const bool seeks = phase_ == Phase::kSearch || quiet_rounds_ < quiet_wanted_;
  const std::int64_t least = seeks && !is_try ? kLeastAnswersSought : kLeastAnswers;
  const std::int64_t wanted = std::max<std::int64_t>(limit_, least) * (is_try ? kRoundsOfTry : 1);
  // More than was known to be taken is not asked for longer than it takes to see that it is not.
  const bool is_refused = asks_more() && static_cast<double>(round_rejections_) >
                                             tolerated_ * static_cast<double>(wanted);
  if (is_refused || round_answers_ + round_rejections_ >= wanted) end_round(now);
}

void AdaptiveLimit::succeeded(Time started, Time now) { count(started, now, false); }

void AdaptiveLimit::rejected(Time started, Time now, std::chrono::milliseconds retry_after) {
  count(started, now, true);
  if (recent_rejections_ > 0.5) paused_until_ = std::max(paused_until_, now + retry_after);
}

void AdaptiveLimit::end_round(Time now) {
  const auto answers = static_cast<double>(round_answers_);
  const auto rejections = static_cast<double>(round_rejections_);
  const double share = rejections / (answers + rejections);
  const double latency_s = std::max(1e-9, round_latency_s_ / std::max(1.0, answers));
  const double rate = limit_ * (1 - share) / latency_s;
  round_answers_ = round_rejections_ = 0;
  round_latency_s_ = 0;
  if (share > tolerated_) return end_refused_round(share, now);
  quiet_rounds_ = share <= kLeastTolerated ? quiet_rounds_ + 1 : 0;
  if (was_turned_away_ && quiet_rounds_ >= quiet_wanted_ && limit_ < most_) {
    // What was measured while part was turned away says little of now. A little more first: where
    // it was for being too many, few are turned away again.
    was_turned_away_ = searches_again_ = false;
    is_return_ = is_first_of_return_ = true;
    tolerated_ = kLeastTolerated;
    best_limit_ = limit_;
    best_rate_ = rate;
    return change(Phase::kSearch, more_than(limit_, kLongStep), now);
  }
  if (rejections == 0) tolerated_ = std::max(kLeastTolerated, 0.9 * tolerated_);
  end_answered_round(rate, now);
}

// More was turned away than is put up with.
void AdaptiveLimit::end_refused_round(double share, Time now) {
  quiet_rounds_ = 0;
  was_turned_away_ = true;
  // It was not over: the next look takes longer to come.
  if (is_return_) quiet_wanted_ = std::min(2 * quiet_wanted_, kMostQuiet);
  const bool asked_more = asks_more();
  is_return_ = is_first_of_return_ = false;
  if (asked_more) {
    step_ = kShortStep;
    tries_less_next_ = false;
    return change(Phase::kHold, best_limit_, now);
  }
  if (phase_ == Phase::kCut && share >= 0.7 * share_before_cut_ && share < 0.5) {
    tolerated_ = std::min(0.5, 1.5 * share);
    searches_again_ = true;
    step_ = kLongStep;
    return change(Phase::kSearch, limit_before_cut_, now);
  }
  limit_before_cut_ = limit_;
  share_before_cut_ = share;
  best_rate_ = 0;
  step_ = kShortStep;
  const int cut = std::max(1, static_cast<int>(limit_ * std::max(share / 2, 0.1)));
  change(Phase::kCut, limit_ - cut, now);
}

void AdaptiveLimit::end_answered_round(double rate, Time now) {
  const auto adopt = [&] {
    best_limit_ = limit_;
    best_rate_ = rate;
  };
  const double added = static_cast<double>(limit_) / best_limit_ - 1;
  const bool is_worth_it =
      best_rate_ == 0 || rate > (1 + std::min(kMostWorth, kWorthOfMore * added)) * best_rate_;
  switch (phase_) {
    case Phase::kSearch:
      if (is_worth_it) {
        adopt();
        if (limit_ < most_) return change(Phase::kSearch, 2 * limit_, now);
      } else if (is_first_of_return_ && limit_ < most_) {
        // It asked whether more is turned away, too little more to be judged by its gain.
        is_first_of_return_ = false;
        return change(Phase::kSearch, 2 * limit_, now);
      } else if (std::abs(rate / best_rate_ - 1) > kPlateau && ++rounds_held_ < kRoundsOfDoubt) {
        return;
      }
      // Nothing was turned away on the whole way.
      if (is_return_) quiet_wanted_ = kLeastQuiet;
      is_return_ = false;
      return change(Phase::kHold, best_limit_, now);
    case Phase::kMore:
      if (!is_worth_it) return change(Phase::kHold, best_limit_, now);
      adopt();
      tries_less_next_ = false;
      if (limit_ == most_) return change(Phase::kHold, limit_, now);
      if (step_ == kLongStep) return change(Phase::kSearch, 2 * limit_, now);
      step_ = std::min(kLongStep, 1.5 * step_);
      return change(Phase::kMore, more_than(limit_, step_), now);
    case Phase::kLess:
      if (rate < kLossOfLess * best_rate_) return change(Phase::kHold, best_limit_, now);
      adopt();
      tries_less_next_ = true;
      return change(Phase::kHold, limit_, now);
    case Phase::kCut:  // it helped
      phase_ = Phase::kHold;
      tries_less_next_ = false;
      break;
    case Phase::kHold:
      break;
  }
  best_limit_ = limit_;
  best_rate_ = best_rate_ == 0 ? rate : best_rate_ + 0.25 * (rate - best_rate_);
  if (++rounds_held_ < kRoundsBetweenTries) return;
  if (searches_again_ && limit_ < most_) {
    searches_again_ = false;
    return change(Phase::kSearch, 2 * limit_, now);
  }
  const bool less = tries_less_next_ && limit_ > 1;
  tries_less_next_ = !tries_less_next_;
  if (less) return change(Phase::kLess, limit_ - std::max(1, limit_ / 5), now);
  if (limit_ == most_) return change(Phase::kHold, limit_, now);
  change(Phase::kMore, more_than(limit_, step_), now);
}

// A limit is tried that is above one which is known to be taken.
bool AdaptiveLimit::asks_more() const {
  return phase_ == Phase::kMore || (phase_ == Phase::kSearch && is_return_);
}

int AdaptiveLimit::more_than(int limit, double step) {
  return limit + std::max(1, static_cast<int>(limit * step));
}

}  // namespace peira::runner
