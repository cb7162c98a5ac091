#include "stats/pass_at_k.h"

#include <string>
#include <string_view>
#include <vector>

#include "stats/errors.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"

namespace peira::stats {
namespace {

struct Draw {
  std::int64_t n, c, k;
};

Draw draw_of(Fields& fields) {
  return {.n = fields.integer("n"), .c = fields.integer("c"), .k = fields.integer("k")};
}

OrderedJson run_pass_at_k(const Json& in) {
  Fields fields(in);
  const Draw draw = draw_of(fields);
  fields.finish();
  return {{"pass_at_k", pass_at_k(draw.n, draw.c, draw.k)},
          {"pass_hat_k", pass_hat_k(draw.n, draw.c, draw.k)}};
}

// Exact while the ways to draw are few, by sampling past that. ties = "first" needs the answers in
// their order.
OrderedJson run_maj_at_k(const Json& in) {
  Fields fields(in);
  const std::int64_t k = fields.integer("k");
  const bool first = fields.choice("ties", {"uniform", "first"}) == "first";
  const std::int64_t draws = fields.integer("draws", 100'000);
  const std::uint64_t seed = fields.seed("seed", 0);
  if (draws < 1 || draws > 10'000'000) {
    throw StatsError("InvalidArgument", "draws is a number from 1 to 10000000");
  }
  const auto sampled = [&](const std::vector<std::int64_t>& answers, std::int64_t correct) {
    const SampledPlurality got = maj_at_k_sampled(
        answers, correct, k, first ? PluralityTies::kFirst : PluralityTies::kUniform, draws, seed);
    return OrderedJson{{"maj_at_k", got.chance},
                       {"mc_se", got.std_error},
                       {"draws", got.num_draws},
                       {"seed", got.seed}};
  };
  if (fields.has("answers")) {
    const auto answers = fields.labels("answers");
    const Json& list = fields.raw("answers");
    const Json& correct = fields.raw("correct");
    fields.finish();
    std::int64_t right = -1;  // the label of the right answer; none if nobody gave it
    for (std::size_t i = 0; i < answers.size(); ++i) {
      if (list[i] == correct) right = answers[i];
    }
    return sampled(answers, right);
  }
  const auto counts = fields.integers("answer_counts_correct_first");
  std::int64_t total = 0;
  for (const std::int64_t count : counts) {
    if (count < 0 || count > 10'000) {
      throw StatsError("InvalidArgument", "an answer's count is a number from 0 to 10000");
    }
    total += count;
  }
  const std::int64_t n = fields.integer("n", total);
  fields.finish();
  if (n != total) {
    throw StatsError("InvalidArgument", "n is " + std::to_string(n) + " but the counts add up to " +
                                            std::to_string(total));
  }
  if (first) {
    throw StatsError("InvalidArgument",
                     "ties by first occurrence need \"answers\" in their order and \"correct\"");
  }
  try {
    return {{"maj_at_k", maj_at_k(counts, k)}};
  } catch (const Error& error) {
    if (!std::string_view(error.what()).starts_with("BudgetExceeded")) throw;
  }
  std::vector<std::int64_t> answers;
  for (std::size_t kind = 0; kind < counts.size(); ++kind) {
    answers.insert(answers.end(), static_cast<std::size_t>(counts[kind]),
                   static_cast<std::int64_t>(kind));
  }
  return sampled(answers, 0);
}

OrderedJson run_g_pass_at_k(const Json& in) {
  Fields fields(in);
  const Draw draw = draw_of(fields);
  const double tau = fields.number("tau");
  fields.finish();
  return {{"g_pass", g_pass_at_k(draw.n, draw.c, draw.k, tau)}};
}

OrderedJson run_mg_pass_at_k(const Json& in) {
  Fields fields(in);
  const Draw draw = draw_of(fields);
  fields.finish();
  return {{"mg_pass", mg_pass_at_k(draw.n, draw.c, draw.k)}};
}

constexpr Procedure kProcedures[] = {
    {"pass_at_k", "25", "chance that at least one of k answers is right, and that all are",
     R"({"n":10,"c":3,"k":5})", run_pass_at_k},
    {"maj_at_k", "25", "chance that the plurality of k answers is right",
     R"({"answer_counts_correct_first":[5,3,2],"k":3})", run_maj_at_k},
    {"g_pass_at_k", "25", "chance that at least a share tau of k answers is right",
     R"({"n":10,"c":7,"k":4,"tau":0.5})", run_g_pass_at_k},
    {"mg_pass_at_k", "25", "G-Pass@k averaged over tau from 1/2 to 1", R"({"n":10,"c":7,"k":4})",
     run_mg_pass_at_k}};

}  // namespace

std::span<const Procedure> pass_at_k_procedures() { return kProcedures; }

}  // namespace peira::stats
