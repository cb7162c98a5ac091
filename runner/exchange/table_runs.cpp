// Sample tables (CSV, JSONL, Parquet) as runs: ours with their run records, and others' that have
// at least the columns "id" and "score".

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "datasets/formats/table_reader.h"
#include "runner/exchange/columns.h"
#include "runner/exchange/fields.h"
#include "runner/exchange/run_source.h"
#include "runner/manifest.h"

namespace peira::runner::exchange {
namespace {

datasets::TableFormat table_format_of(Format format) {
  switch (format) {
    case Format::kParquet:
      return datasets::TableFormat::kParquet;
    case Format::kJsonl:
      return datasets::TableFormat::kJsonl;
    default:
      return datasets::TableFormat::kCsv;
  }
}

// The rows of a table with cells found by name.
class Rows {
 public:
  Rows(const std::filesystem::path& file, Format format)
      : reader_(
            datasets::open_table(datasets::ByteSource::from_file(file), table_format_of(format))),
        file_(file.string()) {}

  bool next() { return reader_->next(row_); }
  std::string where() const { return reader_->place(row_.position); }
  std::int64_t number() const { return row_.number; }

  // The cell, with the apostrophe of guarded ones taken off.
  std::optional<std::string> cell(std::string_view name) const {
    const std::optional<std::size_t> column = reader_->find_column(name);
    if (!column || *column >= row_.cells.size()) return std::nullopt;
    const datasets::Cell& cell = row_.cells[*column];
    if (!cell.has_value()) return std::nullopt;
    if (guarded && cell.text.starts_with('\'')) return cell.text.substr(1);
    return cell.text;
  }

  void require_columns() const {
    for (const char* const name : {"id", "score"}) {
      if (reader_->find_column(name)) continue;
      std::string there;
      for (const std::string& column : reader_->columns()) {
        there += (there.empty() ? "" : ", ") + one_line(column);
      }
      throw Error(ErrorCode::kData, file_ + ": has no column \"" + name + "\"; its columns are " +
                                        there +
                                        "\n  a table of answers needs \"id\" and \"score\"");
    }
  }

  bool guarded = false;

 private:
  std::unique_ptr<datasets::TableReader> reader_;
  datasets::Row row_;
  std::string file_;
};

// The rows from `first` on, `count` of them.
class TableRun final : public RunSource {
 public:
  TableRun(std::filesystem::path file, Format table_format, std::int64_t first)
      : file_(std::move(file)), table_format_(table_format), first_(first) {
    files = {file_.string()};
    format = "peira " + std::string(to_string(table_format));
  }

  RunInfo info() override { return info_; }

  void visit(const std::function<void(FinishedAnswer&&)>& take) override {
    Rows rows(file_, table_format_);
    rows.guarded = guarded;
    while (rows.next()) {
      if (rows.number() < first_) continue;
      if (rows.number() >= first_ + count) break;
      FinishedAnswer answer =
          answer_from([&](std::string_view name) { return rows.cell(name); }, rows.where());
      if (!has_record_ && answer.sample.digest.empty()) {
        const std::string prompt = rows.cell("prompt").value_or("");
        answer.sample.digest = content_digest({answer.sample.id, prompt, answer.answer.gold});
      }
      check_score(answer, rows.where());
      take(std::move(answer));
    }
  }

  void set_record(const std::string& text, const std::string& where) {
    const Json record = parse_json(text, where);
    info_ = run_from_record(record, where);
    info_.rescored_from = text_at(record, "rescored_from", where);
    guarded = member(record, "formula_guard") == "'";
    has_record_ = true;
    if (bool_at(record, "withheld", where)) {
      notes.emplace_back("questions and replies were withheld when the file was written");
    }
  }

  // What a table without a run record says of its run: names, no more.
  void set_names(const Rows& rows, const std::string& run) {
    const auto text = [&](std::string_view name) { return rows.cell(name).value_or(""); };
    const std::string stem = file_.stem().string();
    info_.id = run;
    info_.suite = text("suite").empty() ? stem : text("suite");
    info_.profile = text("profile").empty() ? "unknown" : text("profile");
    info_.variant = text("variant").empty() ? "unknown" : text("variant");
    info_.model = text("model").empty() ? "unknown" : text("model");
    info_.dataset = text("dataset").empty() ? stem : text("dataset");
    info_.method = "generate";
    info_.complete = true;
    Json values = Json::object();
    if (!text("model").empty()) values["weights"] = {{"name", text("model")}};
    if (!text("profile").empty()) values["scorer"] = {{"profile", text("profile")}};
    if (!text("variant").empty()) values["prompt"] = {{"variant", text("variant")}};
    info_.manifest = make_manifest(values);
    info_.epochs = 1;
    format = "table " + std::string(to_string(table_format_));
  }

  std::int64_t count = 0;
  bool guarded = false;

 private:
  static void check_score(const FinishedAnswer& answer, const std::string& where) {
    const double value = answer.answer.score.value;
    if (value >= 0 && value <= 1) return;
    throw Error(ErrorCode::kData,
                where + ": field \"score\": " + std::to_string(value) + " is outside [0, 1]");
  }

  std::filesystem::path file_;
  Format table_format_;
  std::int64_t first_;
  bool has_record_ = false;
  RunInfo info_;
};

}  // namespace

std::vector<std::unique_ptr<RunSource>> open_table_runs(const std::filesystem::path& file,
                                                        Format format) {
  std::vector<std::unique_ptr<RunSource>> runs;
  Rows rows(file, format);
  TableRun* last = nullptr;
  std::vector<std::string> names;
  while (rows.next()) {
    if (last == nullptr) rows.require_columns();
    rows.guarded = false;
    const std::optional<std::string> record = rows.cell("run_record");
    const std::string run = rows.cell("run").value_or("");
    const bool begins = last == nullptr || (record && !record->empty()) || run != names.back();
    if (begins) {
      // In one table a run's rows lie together.
      if (std::find(names.begin(), names.end(), run) != names.end()) {
        throw Error(ErrorCode::kData, rows.where() + ": the rows of run \"" + one_line(run) +
                                          "\" do not lie together");
      }
      auto source = std::make_unique<TableRun>(file, format, rows.number());
      if (record && !record->empty()) {
        source->set_record(*record, rows.where() + ": field \"run_record\"");
      } else {
        source->set_names(rows, run);
      }
      last = source.get();
      names.push_back(run);
      runs.push_back(std::move(source));
    }
    ++last->count;
  }
  if (runs.empty()) throw Error(ErrorCode::kData, file.string() + ": holds no answers");
  return runs;
}

}  // namespace peira::runner::exchange
