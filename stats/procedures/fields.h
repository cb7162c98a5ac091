// Strict readers of a procedure's arguments. Each failure names the argument and what it holds.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "stats/distributions.h"
#include "stats/t_tests.h"

namespace peira::stats {

enum class NanPolicy { kRaise, kOmit };

// The arguments of one call. Numbers may be written as JSON numbers or as text: "1/9", "0.08".
// Reading an argument makes its name known; finish() then refuses every name nobody asked for.
// threads: none.
class Fields {
 public:
  // in      kept by reference.
  // throws  Error(kUsage) "InvalidArgument": not an object.
  explicit Fields(const Json& in);

  bool has(std::string_view name);

  // The readers without a fallback throw Error(kUsage) "InvalidArgument" for an argument that is
  // missing, and all of them for one of the wrong kind. A JSON null counts as missing.

  double number(std::string_view name);  // finite, else Error(kData) "NonFiniteInput"
  double number(std::string_view name, double fallback);
  std::optional<double> optional_number(std::string_view name);
  double number_or_infinity(std::string_view name);  // also "+inf" and "-inf"
  double probability(std::string_view name);  // in (0, 1), else Error(kUsage) "InvalidProbability"
  double probability(std::string_view name, double fallback);

  std::int64_t integer(std::string_view name);
  std::int64_t integer(std::string_view name, std::int64_t fallback);
  std::uint64_t seed(std::string_view name, std::uint64_t fallback);
  bool flag(std::string_view name, bool fallback);
  std::string text(std::string_view name);
  // One of `choices`; the first is the fallback.
  std::string choice(std::string_view name, std::initializer_list<std::string_view> choices);

  // Finite numbers; a null or infinite element is Error(kData) "NonFiniteInput".
  std::vector<double> numbers(std::string_view name);
  // The same, null as NaN: for procedures with a nan_policy, which they must heed.
  std::vector<double> numbers_or_nan(std::string_view name);
  // As numbers_or_nan, heeding nan_policy: raise is Error(kData) "NonFiniteInput", omit drops the
  // nulls and counts them in dropped().
  std::vector<double> sample(std::string_view name);
  std::int64_t dropped() const { return dropped_; }
  std::vector<std::int64_t> integers(std::string_view name);
  // Numbers 0, 1, ... for the different labels (numbers or text), in order of first appearance.
  std::vector<std::int64_t> labels(std::string_view name);
  // Of two lists, equal labels with equal numbers in both.
  std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> labels(std::string_view first,
                                                                         std::string_view second);
  // Rows of finite numbers, of any lengths.
  std::vector<std::vector<double>> rows(std::string_view name);
  // The same, null as NaN.
  std::vector<std::vector<double>> rows_or_nan(std::string_view name);
  // Rows of one length, at least one of each.
  std::vector<std::vector<double>> matrix(std::string_view name);

  double confidence();         // "conf" [0.95]
  double alpha();              // "alpha" [0.05]
  Alternative alternative();   // "alternative": two-sided, greater, less [two-sided]
  NanPolicy nan_policy();      // "nan_policy": raise, omit [raise]
  TestOptions test_options();  // alternative and conf

  // The value as it is, for what has a form of its own; null when missing.
  const Json& raw(std::string_view name);

  // throws  Error(kUsage) "InvalidArgument" naming the arguments that nothing read. "note" may
  //         always be there. Call it once everything is read and before anything is computed.
  void finish() const;

 private:
  const Json* find(std::string_view name);
  const Json& need(std::string_view name);

  const Json& in_;
  std::set<std::string, std::less<>> known_;
  std::int64_t dropped_ = 0;
};

// [low, high]
OrderedJson json_of(const Interval& interval);
// null when empty.
OrderedJson json_of(const std::optional<double>& value);
OrderedJson json_of(const std::optional<Interval>& interval);

}  // namespace peira::stats
