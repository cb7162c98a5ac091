// Judges a stored run's replies again: with another profile, a newer scorer or another judge. The
// model that gave them is not asked.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "evals/suite.h"
#include "runner/judging/judge_desk.h"
#include "runner/sample_source.h"
#include "runner/store.h"

namespace peira::runner {

// One answer whose verdict is not what it was.
struct ChangedVerdict {
  std::string sample_id;
  int epoch = 0;
  evals::Score before, after;
};

struct RescoreResult {
  std::string run_id;  // the new run: same replies, new verdicts
  std::int64_t num_answers = 0;
  std::int64_t num_changed = 0;         // value, state or answer differ
  std::vector<ChangedVerdict> changed;  // the first 1000
};

// Who judges where the profile has a judge, and how programs are run again.
struct Judging {
  JudgeDesk* desk = nullptr;
  // For judges that compare two replies: the other one, asked for in the order of row and epoch;
  // empty where there is none, and the answer then fails. And the run they are of.
  std::function<std::optional<std::string>(std::int64_t row, int epoch)> other = {};
  std::string against = {};
  std::function<void(std::int64_t done)> on_progress = {};
  bool unsafe_no_sandbox = false;
};

// Stores the verdicts as a new run beside the old one, which stays as it is. Failed answers stay
// failed. The replies are shared, not copied. Programs of replies are run again, in the sandbox
// unless `judging.unsafe_no_sandbox`.
//
// judging of a profile with a judge; its verdicts are kept, so that judging again after a kill asks
//         for no verdict twice.
// throws Error(kUsage): no such profile; a judge without need or a need without judge; the run's
// method is loglikelihood and the profile has no
//        options; Error(kData): `samples` are not those the run was made on (both digests).
RescoreResult rescore(Store& store, const std::string& run_id, const evals::Suite& suite,
                      const std::string& profile, const SampleSource& samples,
                      const Judging& judging = {});

}  // namespace peira::runner
