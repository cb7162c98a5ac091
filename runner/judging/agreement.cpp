#include "runner/judging/agreement.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <utility>

#include "base/error.h"
#include "datasets/formats/table_reader.h"

namespace peira::runner {
namespace {

constexpr std::size_t kMostCategories = 21;

using evals::AnswerState;

std::optional<stats::Kappa> kappa_of(const stats::AgreementTable& table, std::string* why) {
  try {
    return stats::cohens_kappa(table, table.num_categories() > 2 ? stats::KappaWeights::kQuadratic
                                                                 : stats::KappaWeights::kNone);
  } catch (const Error& error) {
    if (why != nullptr) *why = error.what();
    return std::nullopt;
  }
}

std::size_t index_of(const std::vector<double>& categories, double value) {
  return static_cast<std::size_t>(std::lower_bound(categories.begin(), categories.end(), value) -
                                  categories.begin());
}

// "yes", "true", "0.5": a label as a score.
double label_of(const datasets::Cell& cell, const std::string& where) {
  std::string text = cell.text;
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(c < 0x80 ? std::tolower(c) : c); });
  if (text == "yes" || text == "true" || text == "right" || text == "correct") return 1;
  if (text == "no" || text == "false" || text == "wrong" || text == "incorrect") return 0;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= 1)) {
    throw Error(ErrorCode::kData, where + ": label \"" + cell.text.substr(0, 40) +
                                      "\" is neither a number from 0 to 1 nor yes or no");
  }
  return value;
}

// One question of a judged run: the mean of its verdicts.
struct Judged {
  std::int64_t row = 0;
  double sum = 0;
  std::int64_t count = 0;
  bool is_binary = true;
  std::optional<double> label;
};

using JudgedById = std::map<std::string, Judged>;

void read_labels(const std::filesystem::path& path, JudgedById& questions) {
  datasets::DatasetFile file;
  file.path = path;
  file.name = path.filename().string();
  const auto table = datasets::open_table(file);
  const auto label = table->find_column("label");
  const auto id = table->find_column("id");
  const auto row_column = table->find_column("row");
  if (!label || (!id && !row_column)) {
    throw Error(ErrorCode::kData, file.name +
                                      ": labels need the columns \"label\" and \"id\" or "
                                      "\"row\"; it has " +
                                      datasets::join_names(table->columns()));
  }
  std::map<std::string, std::string> by_row;
  for (const auto& [sample, judged] : questions) by_row[std::to_string(judged.row)] = sample;
  datasets::Row row;
  while (table->next(row)) {
    const std::string where = table->place(row.position);
    const auto cell = [&](std::size_t column) {
      return column < row.cells.size() ? row.cells[column] : datasets::Cell();
    };
    std::string sample = id ? cell(*id).text : std::string();
    if (!id) {
      const auto found = by_row.find(cell(*row_column).text);
      if (found != by_row.end()) sample = found->second;
    }
    const auto found = questions.find(sample);
    if (found == questions.end()) {
      throw Error(ErrorCode::kData, where + ": the run has no question \"" +
                                        (id ? sample : cell(*row_column).text).substr(0, 80) +
                                        "\"");
    }
    if (found->second.label) {
      throw Error(ErrorCode::kData, where + ": \"" + sample + "\" has a label already");
    }
    found->second.label = label_of(cell(*label), where);
  }
}

}  // namespace

JudgeAgreement judge_agreement(const Store& store, const std::string& run_a,
                               const std::string& run_b) {
  if (store.run(run_a).transcript_key != store.run(run_b).transcript_key) {
    throw Error(ErrorCode::kUsage, "runs " + run_a + " and " + run_b +
                                       " have different replies\n  try: runs that peira score made "
                                       "of one run");
  }
  JudgeAgreement result;
  std::vector<std::pair<double, double>> pairs;
  OutcomeReader reader_a = store.outcomes(run_a);
  OutcomeReader reader_b = store.outcomes(run_b);
  auto a = reader_a.next();
  auto b = reader_b.next();
  while (a && b) {
    const auto place_a = std::pair(a->row, a->epoch);
    const auto place_b = std::pair(b->row, b->epoch);
    if (place_a != place_b) {
      ++result.num_left_out;
      (place_a < place_b ? a : b) = place_a < place_b ? reader_a.next() : reader_b.next();
      continue;
    }
    if (a->score.state == AnswerState::kFailed || b->score.state == AnswerState::kFailed) {
      ++result.num_left_out;
    } else {
      pairs.emplace_back(a->score.value, b->score.value);
      if (a->score.value != b->score.value) {
        result.disagreements.push_back(
            {a->sample_id, a->epoch, a->score.value, b->score.value, a->score.why, b->score.why});
      }
    }
    a = reader_a.next();
    b = reader_b.next();
  }
  for (; a; a = reader_a.next()) ++result.num_left_out;
  for (; b; b = reader_b.next()) ++result.num_left_out;
  if (pairs.empty()) throw Error(ErrorCode::kData, "no answer has a verdict by both judges");

  std::vector<double>& categories = result.categories;
  const auto collect = [&] {
    categories.clear();
    for (const auto& [value_a, value_b] : pairs) {
      categories.push_back(value_a);
      categories.push_back(value_b);
    }
    std::sort(categories.begin(), categories.end());
    categories.erase(std::unique(categories.begin(), categories.end()), categories.end());
  };
  for (const auto& [value_a, value_b] : pairs) {
    result.mean_a += value_a / static_cast<double>(pairs.size());
    result.mean_b += value_b / static_cast<double>(pairs.size());
  }
  collect();
  if (categories.size() > kMostCategories) {
    for (auto& [value_a, value_b] : pairs) {
      value_a = std::round(10 * value_a) / 10;
      value_b = std::round(10 * value_b) / 10;
    }
    collect();
  }
  // Right and wrong are the categories even where only one of them was given.
  if (categories.size() < 2) categories = {0, 1};
  if (categories.front() != 0 && categories.size() == 2 && categories.back() == 1) {
    categories.insert(categories.begin(), 0);
  }
  stats::AgreementTable table(categories.size());
  result.counts.assign(categories.size(), std::vector<std::int64_t>(categories.size()));
  std::int64_t equal = 0;
  for (const auto& [value_a, value_b] : pairs) {
    const std::size_t i = index_of(categories, value_a);
    const std::size_t j = index_of(categories, value_b);
    if (i >= categories.size() || j >= categories.size()) {
      throw Error(ErrorCode::kInternal, "a verdict is of no category");
    }
    table.add(i, j);
    ++result.counts[i][j];
    equal += i == j ? 1 : 0;
  }
  result.num_items = static_cast<std::int64_t>(pairs.size());
  result.observed = static_cast<double>(equal) / static_cast<double>(pairs.size());
  result.kappa = kappa_of(table, &result.why_no_kappa);
  result.ac1 = stats::gwet_ac1(table);
  std::stable_sort(result.disagreements.begin(), result.disagreements.end(),
                   [](const Disagreement& x, const Disagreement& y) {
                     return std::abs(x.value_a - x.value_b) > std::abs(y.value_a - y.value_b);
                   });
  return result;
}

LabelledScore score_with_labels(const Store& store, const std::string& run_id,
                                const std::filesystem::path& labels) {
  JudgedById questions;
  OutcomeReader reader = store.outcomes(run_id);
  while (const auto outcome = reader.next()) {
    Judged& judged = questions[outcome->sample_id];
    judged.row = outcome->row;
    if (outcome->score.state == AnswerState::kFailed) continue;
    judged.sum += outcome->score.value;
    ++judged.count;
    judged.is_binary = judged.is_binary && (outcome->score.value == 0 || outcome->score.value == 1);
  }
  read_labels(labels, questions);

  LabelledScore result;
  std::vector<double> given;
  std::vector<double> judged_labelled;
  std::vector<double> judged_rest;
  stats::AgreementTable table(2);
  bool is_binary = true;
  for (const auto& [id, judged] : questions) {
    if (judged.count == 0) continue;
    const double mean = judged.sum / static_cast<double>(judged.count);
    if (!judged.label) {
      judged_rest.push_back(mean);
      continue;
    }
    given.push_back(*judged.label);
    judged_labelled.push_back(mean);
    is_binary = is_binary && judged.is_binary && (mean == 0 || mean == 1) &&
                (*judged.label == 0 || *judged.label == 1);
    if (is_binary) table.add(mean > 0.5 ? 1 : 0, *judged.label > 0.5 ? 1 : 0);
  }
  if (given.size() < 2) {
    throw Error(ErrorCode::kData,
                labels.string() + ": " + std::to_string(given.size()) +
                    " labels are of questions with a verdict; two are the fewest");
  }
  result.num_labels = static_cast<std::int64_t>(given.size());
  result.num_unlabelled = static_cast<std::int64_t>(judged_rest.size());
  double sum = 0;
  for (const double value : judged_labelled) sum += value;
  for (const double value : judged_rest) sum += value;
  result.judge_mean = sum / static_cast<double>(given.size() + judged_rest.size());
  if (is_binary) result.kappa = kappa_of(table, nullptr);
  // With nothing trusted to the judge any unlabelled value will do.
  const std::vector<double> none{0};
  result.labels_alone = stats::prediction_powered_mean(
      stats::prediction_powered_sums(given, judged_labelled, none), 0);
  result.labels_alone.num_unlabelled = 0;
  if (!judged_rest.empty()) {
    result.powered = stats::prediction_powered_mean(
        stats::prediction_powered_sums(given, judged_labelled, judged_rest));
  }
  return result;
}

}  // namespace peira::runner
