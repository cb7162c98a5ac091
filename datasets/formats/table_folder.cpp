// A folder of tables read as one, in the order of their paths: how the hub publishes a dataset of
// many parts.
#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "datasets/formats/table_reader.h"

namespace peira::datasets {
namespace {

bool is_table(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  return name.ends_with(".parquet") || name.ends_with(".jsonl") || name.ends_with(".csv");
}

// "validation" of "validation-00000-of-00001.parquet", as the hub names the parts of a split; ""
// for other names.
std::string split_of(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  const std::size_t dash = name.find('-');
  return dash == std::string::npos || name.find("-of-", dash) == std::string::npos
             ? ""
             : name.substr(0, dash);
}

// A snapshot holds every split: one is meant, that whose answers are public first.
void keep_one_split(std::vector<std::filesystem::path>& files) {
  std::set<std::string> splits;
  for (const auto& file : files) splits.insert(split_of(file));
  if (splits.size() < 2 || splits.contains("")) return;
  std::string kept = *splits.begin();
  for (const char* const preferred : {"test", "validation"}) {
    if (splits.contains(preferred)) kept = preferred;
  }
  std::erase_if(files, [&](const auto& file) { return split_of(file) != kept; });
}

class TableFolder final : public TableReader {
 public:
  TableFolder(const std::filesystem::path& folder, std::vector<std::filesystem::path> files)
      : TableReader(folder.string()), files_(std::move(files)) {
    open_file(0);
    columns_ = table_->columns();
  }

  void select(const std::vector<std::size_t>& columns) override {
    wanted_ = columns;
    table_->select(columns);
  }

  bool next(Row& row) override {
    while (!table_->next(row)) {
      if (file_ + 1 == files_.size()) return false;
      open_file(file_ + 1);
      if (table_->columns() != columns_) {
        throw Error(ErrorCode::kData, table_->name() + ": its columns are " +
                                          join_names(table_->columns()) + ", those of " +
                                          files_.front().string() + " are " + join_names(columns_));
      }
      if (!wanted_.empty()) table_->select(wanted_);
    }
    row.number = num_rows_++;
    if (starts_.size() == file_) starts_.push_back(row.number);
    row.position = row.number;
    return true;
  }

  std::string place(std::int64_t position) const override {
    std::size_t file = starts_.size();
    while (file > 0 && starts_[file - 1] > position) --file;
    if (file == 0) return name_;
    return files_[file - 1].string() + ": row " + std::to_string(position - starts_[file - 1] + 1);
  }

 private:
  void open_file(std::size_t file) {
    // A file without rows still has its place among the starts.
    while (starts_.size() < file) starts_.push_back(num_rows_);
    file_ = file;
    const std::filesystem::path& path = files_[file];
    table_ = open_table(ByteSource::from_file(path), table_format(path.string()));
  }

  std::vector<std::filesystem::path> files_;
  std::unique_ptr<TableReader> table_;
  std::vector<std::size_t> wanted_;
  std::size_t file_ = 0;
  std::int64_t num_rows_ = 0;
  std::vector<std::int64_t> starts_;  // the first row of each file met
};

}  // namespace

std::vector<std::filesystem::path> tables_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code problem;
  for (std::filesystem::recursive_directory_iterator entry(folder, problem), end;
       !problem && entry != end; entry.increment(problem)) {
    if (entry->is_regular_file(problem) && is_table(entry->path())) files.push_back(entry->path());
  }
  if (problem) throw Error(ErrorCode::kUnavailable, folder.string() + ": " + problem.message());
  std::sort(files.begin(), files.end());
  keep_one_split(files);
  if (files.empty()) {
    throw Error(ErrorCode::kUnavailable, folder.string() +
                                             ": not a regular file, and a folder without a table "
                                             "in it\n  supported: .parquet, .jsonl, .csv");
  }
  return files;
}

std::unique_ptr<TableReader> open_table_folder(const std::filesystem::path& folder) {
  return std::make_unique<TableFolder>(folder, tables_in(folder));
}

}  // namespace peira::datasets
