#include "abtest/outcome_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "base/error.h"

namespace peira::abtest {
namespace {

constexpr std::size_t kLongestLine = std::size_t{1} << 20;
constexpr int kNoColumn = -1;
const double kMissing = std::numeric_limits<double>::quiet_NaN();

// Where a metric's numbers stand, and what one unit has of it so far.
struct MetricColumns {
  MetricType type = MetricType::kMean;
  std::optional<double> cap;
  bool missing_is_zero = false;
  int value = kNoColumn;
  int other = kNoColumn;  // covariate or denominator
};

struct UnitValue {
  double value = kMissing;
  double other = kMissing;
  std::int64_t count = 0;  // rows with a value
  std::int64_t other_count = 0;
};

}  // namespace

class OutcomeTable::Reader {
 public:
  Reader(std::vector<ArmInput> arms, std::vector<Metric> metrics, std::string where)
      : metrics_(std::move(metrics)), where_(std::move(where)) {
    input_.arms = std::move(arms);
    for (const Metric& metric : metrics_) {
      check_metric(metric);
      if (metric.type == MetricType::kQuantile) {
        throw Error(ErrorCode::kUsage,
                    "metric '" + metric.name +
                        "': a quantile needs every value and cannot be read as a "
                        "stream\n  try: record the outcomes, then analyze");
      }
      columns_.push_back(
          {.type = metric.type, .cap = metric.cap, .missing_is_zero = metric.missing_is_zero});
    }
    data_.resize(input_.arms.size());
    for (std::vector<ArmData>& arm : data_) {
      for (const Metric& metric : metrics_) arm.emplace_back(metric.type);
    }
    unit_values_.resize(metrics_.size());
  }

  void add(std::string_view bytes) {
    while (!bytes.empty()) {
      const void* found = std::memchr(bytes.data(), '\n', bytes.size());
      if (found == nullptr) {
        partial_.append(bytes);
        check_length(partial_.size());
        return;
      }
      const auto length = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
      if (partial_.empty()) {
        take_line(bytes.substr(0, length));
      } else {
        partial_.append(bytes.substr(0, length));
        take_line(partial_);
        partial_.clear();
      }
      bytes.remove_prefix(length + 1);
    }
  }

  AnalysisInput finish() {
    if (!partial_.empty()) {
      const std::string last = std::exchange(partial_, {});
      take_line(last);
    }
    if (!has_header_) fail("the table is empty: it has no header line");
    end_unit();
    for (std::size_t arm = 0; arm < input_.arms.size(); ++arm) {
      for (std::size_t m = 0; m < metrics_.size(); ++m) {
        input_.arms[arm].metrics.emplace(metrics_[m].name, std::move(data_[arm][m]));
      }
    }
    input_.metrics = metrics_;
    return std::move(input_);
  }

  std::int64_t num_rows() const { return num_rows_; }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kData, where_ + ":" + std::to_string(line_) + ": " + what);
  }

  void check_length(std::size_t length) const {
    if (length > kLongestLine) {
      throw Error(ErrorCode::kData, where_ + ":" + std::to_string(line_ + 1) +
                                        ": a line has more than 1 MiB: this is no table of ours");
    }
  }

  void take_line(std::string_view line) {
    check_length(line.size());
    ++line_;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty()) return;
    split(line);
    if (!has_header_) {
      take_header();
      has_header_ = true;
    } else {
      take_row();
    }
  }

  // Cells of the line into cells_: views of the line, or of unquoted_ where a cell was quoted.
  void split(std::string_view line) {
    cells_.clear();
    if (std::memchr(line.data(), '"', line.size()) == nullptr) {
      const char* begin = line.data();
      const char* const end = begin + line.size();
      for (const char* p = begin;; ++p) {
        if (p != end && *p != ',') continue;
        cells_.emplace_back(begin, static_cast<std::size_t>(p - begin));
        if (p == end) return;
        begin = p + 1;
      }
    }
    split_quoted(line);
  }

  void split_quoted(std::string_view line) {
    unquoted_.clear();
    unquoted_.reserve(line.size());  // no cell is longer: views into it stay where they are
    std::size_t at = 0;
    while (true) {
      const std::size_t start = unquoted_.size();
      if (at < line.size() && line[at] == '"') {
        ++at;
        while (true) {
          if (at >= line.size()) fail("a quoted cell does not end on its line");
          if (line[at] == '"') {
            if (at + 1 < line.size() && line[at + 1] == '"') {
              ++at;
            } else {
              ++at;
              break;
            }
          }
          unquoted_.push_back(line[at++]);
        }
        if (at < line.size() && line[at] != ',') fail("text after a quoted cell");
      } else {
        while (at < line.size() && line[at] != ',') unquoted_.push_back(line[at++]);
      }
      cells_.emplace_back(unquoted_.data() + start, unquoted_.size() - start);
      if (at >= line.size()) return;
      ++at;
    }
  }

  int column(const std::string& name) const {
    const auto found = std::find(cells_.begin(), cells_.end(), name);
    return found == cells_.end() ? kNoColumn : static_cast<int>(found - cells_.begin());
  }

  void take_header() {
    if (cells_[0].starts_with("\xEF\xBB\xBF")) cells_[0].remove_prefix(3);
    num_columns_ = cells_.size();
    unit_column_ = column("unit");
    variant_column_ = column("variant");
    std::string names;
    for (const std::string_view cell : cells_) {
      names += (names.empty() ? "" : ", ") + std::string(cell);
    }
    if (variant_column_ == kNoColumn) fail("no column 'variant'; there are " + names);
    for (std::size_t m = 0; m < metrics_.size(); ++m) {
      const std::string& name = metrics_[m].name;
      columns_[m].value = column(name);
      if (columns_[m].value == kNoColumn) {
        fail("no column '" + name + "' for that metric; there are " + names);
      }
      const bool is_ratio = metrics_[m].type == MetricType::kRatio;
      columns_[m].other = column(name + (is_ratio ? ":denominator" : ":covariate"));
      if (is_ratio && columns_[m].other == kNoColumn) {
        fail("no column '" + name + ":denominator', which a ratio needs; there are " + names);
      }
    }
  }

  std::size_t arm_of(std::string_view key) const {
    for (std::size_t arm = 0; arm < input_.arms.size(); ++arm) {
      if (input_.arms[arm].key == key) return arm;
    }
    std::string keys;
    for (const ArmInput& arm : input_.arms) keys += (keys.empty() ? "" : ", ") + arm.key;
    fail("variant '" + std::string(key) + "' is not of this experiment; its variants are " + keys);
  }

  double number(int index) const {
    if (index == kNoColumn) return kMissing;
    const std::string_view cell = cells_[static_cast<std::size_t>(index)];
    if (cell.empty()) return kMissing;
    double value = 0;
    const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (error != std::errc{} || end != cell.data() + cell.size() || !std::isfinite(value)) {
      fail("column " + std::to_string(index + 1) + ": '" + std::string(cell.substr(0, 40)) +
           "' is not a finite number");
    }
    return value;
  }

  void take_row() {
    if (cells_.size() != num_columns_) {
      fail("has " + std::to_string(cells_.size()) + " cells, the header " +
           std::to_string(num_columns_));
    }
    ++num_rows_;
    const std::size_t arm = arm_of(cells_[static_cast<std::size_t>(variant_column_)]);
    if (unit_column_ != kNoColumn) {
      const std::string_view unit = cells_[static_cast<std::size_t>(unit_column_)];
      if (unit.empty()) fail("the unit is empty");
      if (has_unit_ && unit == unit_) {
        is_crossover_ = is_crossover_ || arm != unit_arm_;
      } else {
        if (has_unit_ && unit < std::string_view(unit_)) {
          fail("unit '" + std::string(unit.substr(0, 60)) + "' comes after '" +
               unit_.substr(0, 60) +
               "'\n  try: sort the table by unit, bytewise (LC_ALL=C sort), below its header");
        }
        end_unit();
        unit_.assign(unit);
      }
    } else {
      end_unit();
    }
    has_unit_ = true;
    unit_arm_ = arm;
    for (std::size_t m = 0; m < columns_.size(); ++m) gather(m);
  }

  void gather(std::size_t m) {
    const MetricColumns& columns = columns_[m];
    UnitValue& unit = unit_values_[m];
    double value = number(columns.value);
    if (!std::isnan(value)) {
      if (columns.cap) value = std::min(value, *columns.cap);
      if (unit.count == 0) {
        unit.value = value;
      } else if (columns.type == MetricType::kProportion) {
        unit.value = std::max(unit.value, value);
      } else if (columns.type == MetricType::kMean) {
        unit.value += (value - unit.value) / static_cast<double>(unit.count + 1);
      } else {
        unit.value += value;
      }
      ++unit.count;
    }
    const double other = number(columns.other);
    if (std::isnan(other)) return;
    if (unit.other_count == 0) {
      unit.other = other;
    } else if (columns.type == MetricType::kRatio) {
      unit.other += other;
    } else {
      unit.other += (other - unit.other) / static_cast<double>(unit.other_count + 1);
    }
    ++unit.other_count;
  }

  // The unit read last goes into its variant's sums.
  void end_unit() {
    if (!has_unit_) return;
    has_unit_ = false;
    if (std::exchange(is_crossover_, false)) {
      ++input_.num_crossovers;
      for (UnitValue& unit : unit_values_) unit = {};
      return;
    }
    ++input_.arms[unit_arm_].num_units;
    for (std::size_t m = 0; m < unit_values_.size(); ++m) {
      UnitValue unit = std::exchange(unit_values_[m], {});
      ArmData& data = data_[unit_arm_][m];
      if (unit.count == 0) {
        if (!columns_[m].missing_is_zero) continue;
        unit.value = 0;
      }
      try {
        if (columns_[m].type == MetricType::kRatio) {
          if (unit.other_count > 0) data.add_ratio(unit.value, unit.other);
        } else if (unit.other_count > 0) {
          data.add(unit.value, unit.other);
        } else {
          data.add(unit.value);
        }
      } catch (const Error& error) {
        fail("metric '" + metrics_[m].name + "': " + error.what());
      }
    }
  }

  AnalysisInput input_;
  std::vector<Metric> metrics_;
  std::vector<MetricColumns> columns_;
  std::vector<std::vector<ArmData>> data_;  // by arm, then metric
  std::string where_;
  std::string partial_;  // of a line whose end has not come yet
  std::string unquoted_;
  std::vector<std::string_view> cells_;
  std::size_t num_columns_ = 0;
  int unit_column_ = kNoColumn;
  int variant_column_ = kNoColumn;
  bool has_header_ = false;
  std::int64_t line_ = 0;
  std::int64_t num_rows_ = 0;
  // The unit whose rows are being read.
  std::string unit_;
  std::size_t unit_arm_ = 0;
  bool has_unit_ = false;
  bool is_crossover_ = false;
  std::vector<UnitValue> unit_values_;
};

OutcomeTable::OutcomeTable(std::vector<ArmInput> arms, std::vector<Metric> metrics,
                           std::string where)
    : reader_(std::make_unique<Reader>(std::move(arms), std::move(metrics), std::move(where))) {}
OutcomeTable::~OutcomeTable() = default;
OutcomeTable::OutcomeTable(OutcomeTable&&) noexcept = default;
OutcomeTable& OutcomeTable::operator=(OutcomeTable&&) noexcept = default;

void OutcomeTable::add(std::string_view bytes) { reader_->add(bytes); }
AnalysisInput OutcomeTable::finish() { return reader_->finish(); }
std::int64_t OutcomeTable::num_rows() const { return reader_->num_rows(); }

}  // namespace peira::abtest
