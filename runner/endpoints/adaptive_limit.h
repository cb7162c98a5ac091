// How many requests to keep in flight at an endpoint whose capacity nobody told us.
#pragma once

#include <chrono>
#include <cstdint>

namespace peira::runner {

// Doubles while answers a second rise with the limit; then stays at the knee, where more in flight
// would only wait in a queue there, and tries now and then whether a little more is faster or a
// little less as fast. Knows no clock of its own: what it decides depends on what it is told alone.
//
// Where the endpoint says that it is too much (429, 503), the limit is cut by half the share of
// requests that were turned away (as DCTCP does, Alizadeh et al. 2010). If no smaller share is
// turned away then, they are not for being too many at once: the limit goes back, and that share is
// put up with for a while. Where most are turned away nothing is asked for as long as the endpoint
// says. Once nothing is turned away any more, what the endpoint takes is looked for anew after
// three rounds: a quarter more, then doubling. Where that is turned away again the next look waits
// twice as long, so that an endpoint which is only full is not pressed.
//
// Answers a second are the limit over the mean latency (Little's law), so that a server which
// answers each of a batch slower, and all of them faster, is seen to gain by it.
//
// threads: one at a time.
class AdaptiveLimit {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // most  >= 1; initial is clamped to it.
  AdaptiveLimit(int initial, int most);

  int limit() const { return limit_; }
  // No request may start before.
  Time paused_until() const { return paused_until_; }

  void succeeded(Time started, Time now);
  // Turned away as too much. retry_after: what the endpoint asked for, 0 if nothing.
  void rejected(Time started, Time now, std::chrono::milliseconds retry_after);

 private:
  enum class Phase { kSearch, kHold, kMore, kLess, kCut };
  void count(Time started, Time now, bool is_rejected);
  void end_round(Time now);
  void end_refused_round(double share, Time now);
  void end_answered_round(double rate, Time now);
  void change(Phase phase, int limit, Time now);
  bool asks_more() const;
  static int more_than(int limit, double step);

  int most_;
  int limit_;
  Phase phase_ = Phase::kSearch;
  int best_limit_ = 1;
  double best_rate_ = 0;  // answers a second there
  int rounds_held_ = 0;
  bool tries_less_next_ = true;
  Time paused_until_{};
  Time changed_at_{};                // requests that are older say nothing of this limit
  double recent_rejections_ = 0;     // share, of the last few
  int quiet_rounds_ = 0;             // one after another, with next to nothing turned away
  int quiet_wanted_;                 // before what the endpoint takes is looked for anew
  bool was_turned_away_ = false;     // since that was done last
  bool is_first_of_return_ = false;  // its first step
  bool is_return_ = false;           // the search that is on looks whether it is over
  double tolerated_;                 // share of rejections that cuts nothing
  int limit_before_cut_ = 1;
  double share_before_cut_ = 0;
  double step_;                  // by which more is tried, of the limit
  bool searches_again_ = false;  // what was turned away was not for being too many
  // The round: what became of requests that were all asked under this limit.
  std::int64_t round_answers_ = 0, round_rejections_ = 0;
  double round_latency_s_ = 0;  // summed
};

}  // namespace peira::runner
