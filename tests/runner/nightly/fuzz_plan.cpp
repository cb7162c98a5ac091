// Fuzz target: any bytes as a plan, and as a stored judgement of a night. Refusals are errors of
// the data, with a place and one line of what is wrong.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "evals/series.h"
#include "runner/nightly/plan.h"
#include "runner/nightly/series_book.h"

namespace {

template <typename Deed>
void refuses_cleanly(Deed deed) {
  try {
    deed();
  } catch (const peira::Error& error) {
    if (error.code() == peira::ErrorCode::kInternal) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  refuses_cleanly([&] {
    const peira::runner::NightlyPlan plan = peira::runner::parse_nightly_plan(text, "plan.json");
    static_cast<void>(peira::runner::entries_of(plan));
  });
  refuses_cleanly([&] {
    static_cast<void>(
        peira::evals::night_judgement_from(peira::parse_json(text, "store"), "store"));
  });
  return 0;
}
