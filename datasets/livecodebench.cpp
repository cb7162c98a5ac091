// LiveCodeBench's code generation (lite): eleven columns of text, private tests packed.
#include <array>
#include <optional>
#include <utility>

#include "base/json.h"
#include "datasets/date_window.h"
#include "datasets/detail/livecodebench_errata.h"
#include "datasets/detail/readers.h"
#include "datasets/detail/sample_ids.h"
#include "datasets/program.h"

namespace peira::datasets {
namespace {

enum Column : std::size_t {
  kTitle,
  kContent,
  kPlatform,
  kId,
  kContest,
  kDate,
  kStarter,
  kDifficulty,
  kPublic,
  kPrivate,
  kMetadata,
  kNumColumns
};
constexpr std::array<const char*, kNumColumns> kNames{
    "question_title",    "question_content",   "platform",     "question_id",
    "contest_id",        "contest_date",       "starter_code", "difficulty",
    "public_test_cases", "private_test_cases", "metadata"};

// "Find the Peaks" as "find-the-peaks": LeetCode's rows have numbers for ids, the list of faulty
// problems has these.
std::string slug_of(std::string_view title) {
  std::string slug;
  for (const char c : title) {
    const char low = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if ((low >= 'a' && low <= 'z') || (low >= '0' && low <= '9')) {
      slug += low;
    } else if (!slug.empty() && slug.back() != '-') {
      slug += '-';
    }
  }
  if (slug.ends_with('-')) slug.pop_back();
  return slug;
}

class LiveCodeBenchReader final : public SampleReader {
 public:
  LiveCodeBenchReader(std::vector<std::unique_ptr<TableReader>> tables, bool is_sample_set)
      : tables_(std::move(tables)), is_sample_set_(is_sample_set) {
    begin_table();
  }

  std::optional<Sample> next() override {
    while (!tables_[table_]->next(row_)) {
      if (table_ + 1 == tables_.size()) return std::nullopt;
      tables_[table_++].reset();
      begin_table();
    }
    const std::string place = tables_[table_]->place(row_.position);
    for (std::size_t i = 0; i < kNumColumns; ++i) {
      const std::size_t column = columns_[i];
      if (column >= row_.cells.size() || row_.cells[column].kind != CellKind::kText) {
        throw Error(ErrorCode::kData, place + ": \"" + kNames[i] + "\" is not a text");
      }
    }
    const auto one_of = [&](Column column, std::initializer_list<std::string_view> known) {
      std::string names;
      for (const std::string_view name : known) {
        if (text(column) == name) return text(column);
        names += (names.empty() ? "" : ", ") + std::string(name);
      }
      throw Error(ErrorCode::kData, place + ": " + kNames[column] + " \"" +
                                        text(column).substr(0, 40) + "\"; known are " + names);
    };

    auto task = std::make_shared<ProgramTask>();
    task->function_name = function_name(place);
    task->starter_code = text(kStarter);
    task->public_tests = text(kPublic);
    task->private_tests = text(kPrivate);
    // All of them are read now, and dropped: a file that cannot be graded is refused before
    // anything is asked.
    task->num_tests = read_tests(task->public_tests, place + ": public_test_cases").size() +
                      read_tests(task->private_tests, place + ": private_test_cases").size();

    Sample sample;
    sample.row = num_rows_++;
    sample.id = text(kId);
    if (sample.id.empty()) throw Error(ErrorCode::kData, place + ": \"question_id\" is empty");
    if (seen_.add(sample.id, sample.row) >= 0) {
      throw Error(ErrorCode::kData, place + ": duplicate sample id \"" + sample.id +
                                        "\"\n  try: remove one of the two rows");
    }
    sample.parts.push_back(Part::from_text(text(kContent)));
    sample.target = "passes " + std::to_string(task->num_tests) + " tests";
    const std::string date = iso_time(text(kDate), place + ": contest_date");
    sample.metadata = {{"difficulty", one_of(kDifficulty, {"easy", "medium", "hard"})},
                       {"platform", one_of(kPlatform, {"leetcode", "codeforces", "atcoder"})},
                       {"contest_date", date},
                       {"month", date.substr(0, 7)},
                       {"contest", text(kContest)},
                       {"title", text(kTitle)}};
    if (!is_sample_set_) {
      sample.metadata["errata"] = erratum_of(sample.id, slug_of(text(kTitle)));
    }
    sample.cluster = sample.id;
    sample.program = std::move(task);
    return sample;
  }

 private:
  void begin_table() {
    TableReader& table = *tables_[table_];
    std::vector<std::string> missing;
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < kNumColumns; ++i) {
      const auto column = table.find_column(kNames[i]);
      if (column) {
        columns_[i] = *column;
        wanted.push_back(*column);
      } else {
        missing.emplace_back(kNames[i]);
      }
    }
    if (!missing.empty()) {
      throw_missing_columns(
          table, "not a LiveCodeBench file: the columns missing are " + join_names(missing), "");
    }
    table.select(wanted);
  }

  const std::string& text(Column column) const { return row_.cells[columns_[column]].text; }

  // Of `metadata`: there exactly for problems that are functions.
  std::string function_name(const std::string& place) const {
    const Json metadata = parse_json(text(kMetadata), place + ": metadata");
    if (!metadata.is_object()) {
      throw Error(ErrorCode::kData, place + ": metadata: a JSON object is needed");
    }
    const auto name = metadata.find("func_name");
    if (name == metadata.end() || name->is_null()) return {};
    if (!name->is_string() || name->get_ref<const std::string&>().empty()) {
      throw Error(ErrorCode::kData, place + ": metadata: func_name is not a name");
    }
    return name->get<std::string>();
  }

  std::vector<std::unique_ptr<TableReader>> tables_;
  bool is_sample_set_;
  std::size_t table_ = 0;
  std::array<std::size_t, kNumColumns> columns_{};
  std::int64_t num_rows_ = 0;
  SeenIds seen_;
  Row row_;
};

}  // namespace

std::unique_ptr<SampleReader> open_livecodebench(std::vector<std::unique_ptr<TableReader>> tables,
                                                 bool is_sample_set) {
  return std::make_unique<LiveCodeBenchReader>(std::move(tables), is_sample_set);
}

}  // namespace peira::datasets
