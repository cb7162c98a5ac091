// The limit on requests in flight, in virtual time: no test here knows how fast the machine is.
#include "runner/endpoints/adaptive_limit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <random>
#include <vector>

namespace peira::runner {
namespace {

using Time = AdaptiveLimit::Time;
using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// A server that works on `capacity` requests at once, each for 100 ms, and queues the rest; it is
// kept as full as the limit says, for `answers` answers. Returns the limits seen in the second
// half.
std::vector<int> limits_against(int capacity, int answers, int most) {
  AdaptiveLimit limit(16, most);
  Time now{std::chrono::hours(1)};
  std::deque<Time> queue;             // started, not yet worked on
  std::multimap<Time, Time> working;  // end -> started
  std::vector<int> seen;
  for (int answered = 0; answered < answers;) {
    while (static_cast<int>(queue.size() + working.size()) < limit.limit()) queue.push_back(now);
    while (!queue.empty() && static_cast<int>(working.size()) < capacity) {
      working.emplace(now + milliseconds(100), queue.front());
      queue.pop_front();
    }
    now = working.begin()->first;
    const Time started = working.begin()->second;
    working.erase(working.begin());
    limit.succeeded(started, now);
    if (++answered > answers / 2) seen.push_back(limit.limit());
  }
  return seen;
}

TEST(AdaptiveLimit, FindsWhatAServerTakesAndStaysThere) {
  for (const int capacity : {4, 32, 200}) {
    for (const int limit : limits_against(capacity, 500 * capacity, 1000)) {
      EXPECT_GE(limit, capacity * 3 / 4) << capacity;  // busy ...
      EXPECT_LE(limit, capacity * 3) << capacity;      // ... without a long queue
    }
  }
}

TEST(AdaptiveLimit, ReachesItsMostWhereNothingHoldsItBack) {
  EXPECT_EQ(limits_against(100'000, 20'000, 1000).back(), 1000);
}

// A server that turns away what is beyond `capacity` at once and answers the rest in 100 ms.
TEST(AdaptiveLimit, SettlesBelowWhatIsTurnedAway) {
  for (const int capacity : {3, 40, 300}) {
    AdaptiveLimit limit(16, 1000);
    Time now{std::chrono::hours(1)};
    std::multimap<Time, Time> working;
    std::int64_t asked = 0, turned_away = 0;
    for (int answered = 0; answered < 400 * capacity;) {
      while (static_cast<int>(working.size()) < limit.limit()) {
        ++asked;
        if (static_cast<int>(working.size()) < capacity) {
          working.emplace(now + milliseconds(100) + std::chrono::microseconds(asked % 97), now);
        } else {
          ++turned_away;
          now += std::chrono::microseconds(50);
          limit.rejected(now - std::chrono::microseconds(10), now, {});
          if (limit.limit() > capacity) break;  // what was turned away is asked later
        }
      }
      now = std::max(now, working.begin()->first);
      const Time started = working.begin()->second;
      working.erase(working.begin());
      limit.succeeded(started, now);
      ++answered;
    }
    EXPECT_LT(turned_away, asked / (capacity < 10 ? 10 : 50)) << capacity;
    EXPECT_GE(limit.limit(), capacity * 3 / 4) << capacity;
    EXPECT_LE(limit.limit(), capacity * 3 / 2 + 1) << capacity;
  }
}

// Turned away at random, however few are asked at once: asking fewer would only be slower.
TEST(AdaptiveLimit, IsNotTalkedDownByWhatLoadDoesNotCause) {
  AdaptiveLimit limit(16, 1000);
  Time now{std::chrono::hours(1)};
  std::mt19937 random(3);
  std::vector<int> seen;
  for (int round = 0; round < 300; ++round) {
    const int in_flight = limit.limit();
    const Time started = now;
    now += milliseconds(100);
    for (int i = 0; i < in_flight; ++i) {
      if (random() % 20 == 0) {
        limit.rejected(started, now, milliseconds(500));
      } else {
        limit.succeeded(started, now);
      }
      now += std::chrono::microseconds(1);
    }
    if (round >= 150) seen.push_back(limit.limit());
  }
  EXPECT_GE(*std::min_element(seen.begin(), seen.end()), 300);
  EXPECT_EQ(limit.paused_until(), Time());
}

// While part is turned away and answers take this long or that, whatever limit was settled on; once
// that is over the most is reached within a few rounds.
TEST(AdaptiveLimit, TakesMoreAgainOnceNothingIsTurnedAway) {
  for (const unsigned seed : {1U, 2U, 3U, 4U, 5U}) {
    AdaptiveLimit limit(16, 200);
    Time now{std::chrono::hours(1)};
    std::mt19937 random(seed);
    int rounds_to_most = 0;
    for (int round = 0; round < 120; ++round) {
      const bool is_over = round >= 80;
      const int in_flight = limit.limit();
      const Time started = now;
      for (int i = 0; i < in_flight; ++i) {
        const bool is_slow = !is_over && random() % 3 == 0;
        const Time ended = started + milliseconds(is_slow ? 100 + random() % 400 : 100);
        if (!is_over && random() % 12 == 0) {
          limit.rejected(started, ended, milliseconds(100));
        } else {
          limit.succeeded(started, ended);
        }
      }
      now = started + milliseconds(600);
      if (is_over && rounds_to_most == 0 && limit.limit() >= 190) rounds_to_most = round - 79;
    }
    EXPECT_GT(rounds_to_most, 0) << seed;
    EXPECT_LE(rounds_to_most, 10) << seed;
  }
}

TEST(AdaptiveLimit, PausesWhereMostAreTurnedAway) {
  AdaptiveLimit limit(4, 64);
  const Time start{std::chrono::hours(1)};
  for (int i = 0; i < 40; ++i) limit.rejected(start, start + milliseconds(10), milliseconds(3000));
  EXPECT_EQ(limit.paused_until(), start + milliseconds(3010));
  EXPECT_LE(limit.limit(), 3);
  limit.rejected(start, start + milliseconds(20), milliseconds(1000));
  EXPECT_EQ(limit.paused_until(), start + milliseconds(3010));
}

// A server that is full at 32 when its room is looked for, and takes 400 from then on: nothing is
// turned away, so that only answers a second tell.
TEST(AdaptiveLimit, GrowsWithAServerThatGrows) {
  AdaptiveLimit limit(16, 1000);
  Time now{std::chrono::hours(1)};
  std::deque<Time> queue;
  std::multimap<Time, Time> working;
  const auto answer = [&](int capacity) {
    while (static_cast<int>(queue.size() + working.size()) < limit.limit()) queue.push_back(now);
    while (!queue.empty() && static_cast<int>(working.size()) < capacity) {
      working.emplace(now + milliseconds(100), queue.front());
      queue.pop_front();
    }
    now = working.begin()->first;
    const Time started = working.begin()->second;
    working.erase(working.begin());
    limit.succeeded(started, now);
  };
  for (int i = 0; i < 5000; ++i) answer(32);
  EXPECT_LE(limit.limit(), 96);
  const Time grown = now;
  while (limit.limit() < 300 && now < grown + std::chrono::seconds(60)) answer(400);
  EXPECT_LE(now - grown, std::chrono::seconds(15));
}

// What becomes of one request of a server with troubles.
struct Fate {
  enum Kind { kAnswered, kTurnedAway, kTimedOut, kBroken } kind = kAnswered;
  double after_s = 0.2;
};

// A run that keeps as much in flight as the limit says. What failed waits and holds its place, as
// in the executor, twice as long each time.
class VirtualRun {
 public:
  using Fates = std::function<Fate(double at_s, int in_flight, std::mt19937& random)>;
  VirtualRun(int most, unsigned seed, Fates fates)
      : limit_(16, most), random_(seed), fates_(std::move(fates)) {}

  int limit() const { return limit_.limit(); }
  double now_s() const { return std::chrono::duration<double>(now_ - kStart).count(); }
  std::int64_t num_answers() const { return num_answers_; }

  // Goes on until this time.
  void run_until(double at_s) {
    while (now_s() < at_s) {
      if (now_ >= limit_.paused_until()) fill();
      if (events_.empty()) {
        now_ = limit_.paused_until();
        continue;
      }
      const Event event = events_.top();
      events_.pop();
      now_ = std::max(now_, event.at);
      take(event);
    }
  }

 private:
  static constexpr Time kStart{std::chrono::hours(1)};
  struct Event {
    Time at, started;
    std::optional<Fate::Kind> kind;  // none: a wait is over
    int attempts;
    bool operator<(const Event& other) const { return at > other.at; }
  };
  static microseconds span(double seconds) {
    return microseconds(static_cast<std::int64_t>(seconds * 1e6));
  }

  void fill() {
    while (in_flight_ < limit()) {
      int attempts = 1;
      if (!again_.empty()) {
        attempts = again_.back() + 1;
        again_.pop_back();
      } else if (in_flight_ + waiting_ >= limit()) {
        return;
      }
      const Fate fate = fates_(now_s(), in_flight_, random_);
      events_.push({now_ + span(fate.after_s), now_, fate.kind, attempts});
      ++in_flight_;
    }
  }

  void take(const Event& event) {
    if (!event.kind) {
      --waiting_;
      again_.push_back(event.attempts);
      return;
    }
    --in_flight_;
    if (*event.kind == Fate::kAnswered) {
      ++num_answers_;
      limit_.succeeded(event.started, now_);
      return;
    }
    if (*event.kind == Fate::kTurnedAway) limit_.rejected(event.started, now_, milliseconds(100));
    if (*event.kind == Fate::kTimedOut) limit_.rejected(event.started, now_, {});
    ++waiting_;
    const double wait_s = 0.02 * static_cast<double>(1 << std::min(event.attempts - 1, 7));
    events_.push({now_ + span(wait_s), now_, std::nullopt, event.attempts});
  }

  AdaptiveLimit limit_;
  std::mt19937 random_;
  Fates fates_;
  Time now_ = kStart;
  std::priority_queue<Event> events_;
  std::vector<int> again_;
  int in_flight_ = 0, waiting_ = 0;
  std::int64_t num_answers_ = 0;
};

// Answers come after 200 ms, or up to a tenth later.
Fate healthy(std::mt19937& random) {
  return {.after_s = 0.2 + 0.02 * static_cast<double>(random() % 1000) / 1000};
}

// The faults of FaultyEndpoint in its shares: 3 of 8 requests, one of 15 kinds.
Fate faulty(std::mt19937& random) {
  Fate fate = healthy(random);
  if (random() % 8 >= 3) return fate;
  const auto kind = random() % 15;
  if (kind < 2) fate = {Fate::kTurnedAway, 0.001};
  if (kind == 2) fate = {Fate::kTimedOut, 1.0 + static_cast<double>(random() % 1000) / 1000};
  if (kind == 3) fate.after_s += 0.3 * static_cast<double>(random() % 1000) / 1000;
  if (kind >= 4 && kind < 12) fate.kind = Fate::kBroken;
  return fate;
}

// Faults for four seconds, none after: five seconds later as many answers come as if there had
// never been any, whatever the faults hit.
TEST(AdaptiveLimit, IsWholeAgainOnceFaultsStop) {
  constexpr double kStop_s = 4, kSettled_s = 5, kMeasured_s = 10;
  for (const int most : {50, 200, 1000}) {
    std::int64_t after_faults = 0, without = 0;
    for (unsigned seed = 1; seed <= 30; ++seed) {
      VirtualRun calm(most, seed,
                      [](double, int, std::mt19937& random) { return healthy(random); });
      VirtualRun troubled(most, seed, [](double at_s, int, std::mt19937& random) {
        return at_s < kStop_s ? faulty(random) : healthy(random);
      });
      for (VirtualRun* const run : {&calm, &troubled}) {
        run->run_until(kStop_s + kSettled_s);
        const std::int64_t before = run->num_answers();
        run->run_until(kStop_s + kSettled_s + kMeasured_s);
        const std::int64_t answers = run->num_answers() - before;
        (run == &calm ? without : after_faults) += answers;
        EXPECT_GE(static_cast<double>(answers), 0.85 * most / 0.21 * kMeasured_s) << seed;
      }
    }
    EXPECT_GE(static_cast<double>(after_faults), 0.97 * static_cast<double>(without)) << most;
  }
}

// Four of five turned away for five seconds, as in an outage: hardly any are asked then, and all
// there is to be had soon after.
TEST(AdaptiveLimit, ComesBackFromAnOutage) {
  for (const int most : {50, 200, 1000}) {
    for (unsigned seed = 1; seed <= 30; ++seed) {
      VirtualRun run(most, seed, [](double at_s, int, std::mt19937& random) {
        const bool is_out = at_s >= 3 && at_s < 8 && random() % 5 != 0;
        return is_out ? Fate{Fate::kTurnedAway, 0.001} : healthy(random);
      });
      run.run_until(8);
      EXPECT_LE(run.limit(), 10) << most << " " << seed;
      run.run_until(20);
      EXPECT_GE(run.limit(), most * 3 / 4) << most << " " << seed;
    }
  }
}

// A quarter of the room for six seconds, what is beyond it turned away; then all of it again.
TEST(AdaptiveLimit, TakesBackTheRoomItHadToGiveUp) {
  for (const int most : {200, 1000}) {
    for (unsigned seed = 1; seed <= 30; ++seed) {
      std::int64_t asked = 0, turned_away = 0;
      VirtualRun run(most, seed, [&](double at_s, int in_flight, std::mt19937& random) {
        if (at_s < 3 || at_s >= 9) return healthy(random);
        ++asked;
        if (in_flight < most / 4) return healthy(random);
        ++turned_away;
        return Fate{Fate::kTurnedAway, 0.001};
      });
      run.run_until(5);
      asked = turned_away = 0;  // it has been found out by now
      run.run_until(9);
      EXPECT_LE(run.limit(), most * 2 / 5) << most << " " << seed;
      EXPECT_LE(turned_away, asked / 20) << most << " " << seed;
      run.run_until(25);
      EXPECT_GE(run.limit(), most * 3 / 4) << most << " " << seed;
    }
  }
}

}  // namespace
}  // namespace peira::runner
