#include "abtest/summary.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "abtest/csv_line.h"
#include "base/error.h"
#include "base/json.h"

namespace peira::abtest {
namespace {

using Row = std::map<std::string, std::string, std::less<>>;

struct Lines {
  std::string_view text;
  std::int64_t number = 0;

  std::optional<std::string_view> next() {
    if (text.empty()) return std::nullopt;
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    ++number;
    return line;
  }
};

[[noreturn]] void fail(const std::string& where, const std::string& what) {
  throw Error(ErrorCode::kData, where + ": " + what);
}

Row row_of_json(std::string_view line, const std::string& where) {
  const Json object = parse_json(line, where);
  if (!object.is_object()) fail(where, "a row is an object with variant, metric, n, ...");
  Row row;
  for (const auto& [key, value] : object.items()) {
    if (value.is_null()) continue;
    if (!value.is_string() && !value.is_number()) {
      fail(where, "'" + key + "' is neither text nor a number");
    }
    row[key] = value.is_string() ? value.get<std::string>() : dump_json(value);
  }
  return row;
}

std::string text_of(const Row& row, std::string_view key) {
  const auto found = row.find(key);
  return found == row.end() ? "" : found->second;
}

std::optional<double> number_of(const Row& row, std::string_view key, const std::string& where) {
  const std::string text = text_of(row, key);
  if (text.empty()) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    fail(where, "'" + std::string(key) + "' is '" + text.substr(0, 40) + "', not a finite number");
  }
  return value;
}

double required(const Row& row, std::string_view key, const std::string& where) {
  const std::optional<double> value = number_of(row, key, where);
  if (!value)
    fail(where,
         "the row of metric '" + text_of(row, "metric") + "' has no '" + std::string(key) + "'");
  return *value;
}

std::int64_t count_of(const Row& row, const std::string& where) {
  const double n = required(row, "n", where);
  if (n < 0 || n != std::floor(n) || n > 9e15) fail(where, "'n' must be a whole number of units");
  return static_cast<std::int64_t>(n);
}

// A sum of squares or products about the means, from plain sums.
double about_means(double products, double sum_a, double sum_b, std::int64_t n) {
  return n == 0 ? 0 : products - sum_a * (sum_b / static_cast<double>(n));
}

// Moments from mean and m2, or from sum and sum_squares; `suffix` is "" or "_x".
stats::Moments moments_of(const Row& row, std::int64_t n, const std::string& suffix,
                          const std::string& where) {
  if (n == 0) return {};
  double mean = 0;
  double m2 = 0;
  if (const std::optional<double> sum = number_of(row, "sum" + suffix, where)) {
    mean = *sum / static_cast<double>(n);
    const double squares = required(row, "sum_squares" + suffix, where);
    m2 = about_means(squares, *sum, *sum, n);
    // Within the rounding of the two sums nothing is left: no spread that could be told.
    if (std::abs(m2) <= 8 * 2.22e-16 * std::abs(squares)) m2 = 0;
  } else {
    mean = required(row, "mean" + suffix, where);
    m2 = required(row, "m2" + suffix, where);
  }
  if (m2 < 0) {
    fail(where, "InvalidArgument: inconsistent aggregate: the squared deviations of '" +
                    text_of(row, "metric") + "' come out negative");
  }
  return {n, mean, m2};
}

stats::PairedMoments pairs_of(const Row& row, std::int64_t n, const std::string& where) {
  const stats::Moments y = moments_of(row, n, "", where);
  const stats::Moments x = moments_of(row, n, "_x", where);
  if (n == 0) return {};
  const std::optional<double> products = number_of(row, "sum_products", where);
  const double cross = products ? about_means(*products, y.mean() * static_cast<double>(n),
                                              x.mean() * static_cast<double>(n), n)
                                : required(row, "sxy", where);
  try {
    return {y, x, cross};
  } catch (const Error& error) {
    fail(where, std::string("inconsistent aggregate: ") + error.what());
  }
}

bool has_covariate(const Row& row) {
  return !text_of(row, "mean_x").empty() || !text_of(row, "sum_x").empty();
}

class Summary {
 public:
  Summary(std::vector<ArmInput> arms, const std::vector<Metric>& metrics) {
    input_.arms = std::move(arms);
    input_.metrics = metrics;
    for (const Metric& metric : metrics) {
      check_metric(metric);
      if (metric.type == MetricType::kQuantile) {
        throw Error(ErrorCode::kUsage, "metric '" + metric.name +
                                           "': a quantile has no sufficient statistics\n  try: "
                                           "record the outcomes, then analyze");
      }
    }
  }

  void add(const Row& row, const std::string& where) {
    const std::string variant = text_of(row, "variant");
    const std::string name = text_of(row, "metric");
    if (!row.contains("n")) fail(where, "the row has no 'n'");
    const std::int64_t n = count_of(row, where);
    if (variant.empty()) {
      if (!name.empty()) fail(where, "the row of metric '" + name + "' has no variant");
      input_.num_crossovers += n;
      return;
    }
    ArmInput& arm = arm_of(variant, where);
    if (name.empty()) {
      arm.num_units += n;
      return;
    }
    const auto metric = std::ranges::find(input_.metrics, name, &Metric::name);
    if (metric == input_.metrics.end()) return;
    arm.metrics.try_emplace(name, metric->type)
        .first->second.merge(data_of(row, *metric, n, where));
  }

  AnalysisInput finish(const std::string& where) {
    for (ArmInput& arm : input_.arms) {
      for (const Metric& metric : input_.metrics) {
        const auto found = arm.metrics.find(metric.name);
        if (found == arm.metrics.end()) {
          fail(where, "no row of metric '" + metric.name + "' and variant '" + arm.key + "'");
        }
        // Without rows that count units, the measured ones are all that is known.
        if (arm.num_units < found->second.num_units()) {
          if (arm.num_units > 0) {
            fail(where, "variant '" + arm.key + "' has " + std::to_string(arm.num_units) +
                            " exposed units but " + std::to_string(found->second.num_units()) +
                            " measured of '" + metric.name + "'");
          }
          uncounted_ = true;
        }
      }
    }
    if (uncounted_) count_by_metrics();
    return std::move(input_);
  }

 private:
  ArmInput& arm_of(const std::string& key, const std::string& where) {
    const auto arm = std::ranges::find(input_.arms, key, &ArmInput::key);
    if (arm == input_.arms.end()) {
      std::string keys;
      for (const ArmInput& known : input_.arms) keys += (keys.empty() ? "" : ", ") + known.key;
      fail(where, "variant '" + key + "' is not of this experiment; its variants are " + keys);
    }
    return *arm;
  }

  static ArmData data_of(const Row& row, const Metric& metric, std::int64_t n,
                         const std::string& where) {
    if (metric.type == MetricType::kRatio) return ArmData::from_ratio(pairs_of(row, n, where));
    stats::CupedArm values;
    if (has_covariate(row)) {
      values.known = pairs_of(row, n, where);
    } else {
      values.unknown = moments_of(row, n, "", where);
    }
    try {
      return ArmData::from_values(metric.type, values);
    } catch (const Error& error) {
      fail(where, "metric '" + metric.name + "': " + error.what());
    }
  }

  void count_by_metrics() {
    for (ArmInput& arm : input_.arms) {
      for (const auto& [name, data] : arm.metrics) {
        arm.num_units = std::max(arm.num_units, data.num_units());
      }
    }
  }

  AnalysisInput input_;
  bool uncounted_ = false;
};

}  // namespace

AnalysisInput read_summary(std::string_view text, std::vector<ArmInput> arms,
                           const std::vector<Metric>& metrics, const std::string& where) {
  Summary summary(std::move(arms), metrics);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  Lines lines{.text = text};
  std::vector<std::string> header;
  bool is_json = false;
  bool is_first = true;
  while (const std::optional<std::string_view> line = lines.next()) {
    if (line->find_first_not_of(" \t") == std::string_view::npos) continue;
    const std::string place = where + ":" + std::to_string(lines.number);
    if (std::exchange(is_first, false)) {
      is_json = line->front() == '{';
      if (!is_json) {
        header = csv_cells(*line, place);
        for (const char* needed : {"variant", "metric", "n"}) {
          if (std::ranges::find(header, needed) == header.end()) {
            fail(place, std::string("no column '") + needed + "'");
          }
        }
        continue;
      }
    }
    if (is_json) {
      summary.add(row_of_json(*line, place), place);
      continue;
    }
    std::vector<std::string> cells = csv_cells(*line, place);
    if (cells.size() != header.size()) {
      fail(place, "has " + std::to_string(cells.size()) + " cells, the header " +
                      std::to_string(header.size()));
    }
    Row row;
    for (std::size_t i = 0; i < cells.size(); ++i) row[header[i]] = std::move(cells[i]);
    summary.add(row, place);
  }
  return summary.finish(where);
}

}  // namespace peira::abtest
