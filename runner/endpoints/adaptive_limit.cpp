#include "runner/endpoints/adaptive_limit.h"

#include <algorithm>

namespace peira::runner {
namespace {

constexpr std::int64_t kLeastAnswers = 8;  // of a round: fewer say little
constexpr int kRoundsBetweenTries = 8;
constexpr int kRoundsOfTry = 3;
constexpr int kRoundsOfQuiet = 3;  // after which what was turned away is over
// An endpoint that is not full answers as many times more a second as there are more in flight; a
// full one no more at all. Between these, what is worth a queue there is a choice.
constexpr double kGainOfDouble = 1.2;
constexpr double kGainOfMore = 1.12;  // of a quarter more
constexpr double kLossOfLess = 0.95;  // of a fifth less
constexpr double kLongStep = 0.25;
constexpr double kShortStep = 0.08;       // where more was turned away
constexpr double kLeastTolerated = 0.02;  // share of requests turned away

}  // namespace

AdaptiveLimit::AdaptiveLimit(int initial, int most)
    : most_(std::max(1, most)),
      limit_(std::clamp(initial, 1, most_)),
      best_limit_(limit_),
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
  const std::int64_t wanted = std::max<std::int64_t>(limit_, kLeastAnswers);
  if (round_answers_ + round_rejections_ >= wanted * (is_try ? kRoundsOfTry : 1)) end_round(now);
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
  round_answers_ = round_rejections_ = 0;
  round_latency_s_ = 0;
  if (share > tolerated_) {
    quiet_rounds_ = 0;
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
    return change(Phase::kCut, limit_ - cut, now);
  }
  quiet_rounds_ = rejections == 0 ? quiet_rounds_ + 1 : 0;
  if (quiet_rounds_ == kRoundsOfQuiet && tolerated_ > kLeastTolerated && limit_ < most_) {
    tolerated_ = kLeastTolerated;
    searches_again_ = false;
    // What was measured while part was turned away says little of now.
    best_rate_ = 0;
    return change(Phase::kSearch, limit_, now);
  }
  if (rejections == 0) tolerated_ = std::max(kLeastTolerated, 0.9 * tolerated_);
  end_answered_round(limit_ * (1 - share) / latency_s, now);
}

void AdaptiveLimit::end_answered_round(double rate, Time now) {
  const auto adopt = [&] {
    best_limit_ = limit_;
    best_rate_ = rate;
  };
  switch (phase_) {
    case Phase::kSearch:
      if (rate <= kGainOfDouble * best_rate_) return change(Phase::kHold, best_limit_, now);
      adopt();
      if (limit_ < most_) change(Phase::kSearch, 2 * limit_, now);
      return;
    case Phase::kMore:
      if (rate <= (1 + kGainOfMore * step_) * best_rate_)
        return change(Phase::kHold, best_limit_, now);
      adopt();
      tries_less_next_ = false;
      step_ = std::min(kLongStep, 1.5 * step_);
      return change(Phase::kHold, limit_, now);
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
  const int more = std::max(1, static_cast<int>(limit_ * step_));
  change(limit_ < most_ ? Phase::kMore : Phase::kHold, limit_ + more, now);
}

}  // namespace peira::runner
