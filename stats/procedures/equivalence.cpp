#include "stats/equivalence.h"

#include <cmath>
#include <string>

#include "stats/errors.h"
#include "stats/procedures/fields.h"
#include "stats/procedures/tables.h"

namespace peira::stats {
namespace {

// Name of an interval by its level: ci95, ci90, ci97.5.
std::string interval_name(double confidence) {
  std::string text = std::to_string(std::round(confidence * 1e6) / 1e4);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return "ci" + text;
}

OrderedJson report(const Equivalence& test, double alpha) {
  return {{"mean_diff", test.estimate},
          {"se", test.std_error},
          {"df", json_of(test.df)},
          {"t_lower", json_of(test.statistic_low)},
          {"p_lower", test.p_low},
          {"t_upper", json_of(test.statistic_high)},
          {"p_upper", test.p_high},
          {"p", test.p},
          {"log10_p", json_of(test.log10_p)},
          {interval_name(1 - 2 * alpha), json_of(test.interval)},
          {"equivalent", test.equivalent},
          {"warnings", test.warnings}};
}

struct Question {
  std::vector<double> a, b;
  EquivalenceBounds bounds;
  double alpha;
};

Question question_of(const Json& in) {
  Fields fields(in);
  Question question{.a = fields.numbers("a"),
                    .b = fields.numbers("b"),
                    .bounds = {fields.number("low"), fields.number("high")},
                    .alpha = fields.alpha()};
  fields.finish();
  return question;
}

OrderedJson run_tost_paired(const Json& in) {
  const Question question = question_of(in);
  if (question.a.size() != question.b.size()) {
    throw StatsError("LengthMismatch", "a has " + std::to_string(question.a.size()) +
                                           " values, b " + std::to_string(question.b.size()));
  }
  std::vector<double> differences;
  for (std::size_t i = 0; i < question.a.size(); ++i) {
    differences.push_back(question.b[i] - question.a[i]);
  }
  return report(equivalence_paired(differences, question.bounds, question.alpha), question.alpha);
}

OrderedJson run_tost_welch(const Json& in) {
  const Question question = question_of(in);
  return report(equivalence_welch(moments_of(question.a), moments_of(question.b), question.bounds,
                                  question.alpha),
                question.alpha);
}

OrderedJson run_noninferiority_paired(const Json& in) {
  Fields fields(in);
  const PairedCounts counts{.both_right = fields.integer("n11"),
                            .only_a = fields.integer("n10"),
                            .only_b = fields.integer("n01"),
                            .both_wrong = fields.integer("n00")};
  const NonInferiorityOptions options{
      .margin = fields.number("margin"),
      .better = fields.choice("better", {"higher", "lower"}) == "lower" ? Better::kLower
                                                                        : Better::kHigher,
      .alpha = fields.alpha()};
  fields.finish();
  const NonInferiority test = non_inferior_pairs(counts, options);
  return {{"diff", test.difference},
          {"z_tango", json_of(test.statistic)},
          {"p", test.p_value},
          {"log10_p", json_of(test.log10_p)},
          {"ci95_tango", json_of(tango_interval(counts, 0.95))},
          {"non_inferior", test.non_inferior}};
}

constexpr Procedure kProcedures[] = {
    {"tost_paired", "20", "equivalence of paired scores within bounds",
     R"({"a":[0.62,0.71,0.55,0.8],"b":[0.6,0.72,0.57,0.78],"low":-0.05,"high":0.05})",
     run_tost_paired},
    {"tost_welch", "20", "equivalence of two independent means within bounds",
     R"({"a":[0.62,0.71,0.55,0.8],"b":[0.6,0.72,0.57,0.78],"low":-0.3,"high":0.3})",
     run_tost_welch},
    {"noninferiority_paired", "20", "right answers not fewer than A's by the margin, from pairs",
     R"({"n11":58,"n10":9,"n01":21,"n00":32,"margin":0.05})", run_noninferiority_paired}};

}  // namespace

std::span<const Procedure> equivalence_procedures() { return kProcedures; }

}  // namespace peira::stats
