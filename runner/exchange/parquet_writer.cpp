#include <arrow/api.h>
#include <arrow/io/api.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/error.h"
#include "base/utf8.h"
#include "runner/exchange/table_writer.h"

namespace peira::runner::exchange {
namespace {

// A row group ends at whichever comes first: readers hold one of them.
constexpr std::int64_t kMostRows = 65536;
constexpr std::size_t kMostBytes = std::size_t{32} << 20U;

std::shared_ptr<arrow::DataType> type_of(ColumnKind kind) {
  switch (kind) {
    case ColumnKind::kInteger:
      return arrow::int64();
    case ColumnKind::kReal:
      return arrow::float64();
    case ColumnKind::kBool:
      return arrow::boolean();
    case ColumnKind::kText:
    case ColumnKind::kJson:
      break;
  }
  return arrow::utf8();
}

class ParquetWriter final : public TableWriter {
 public:
  explicit ParquetWriter(const std::filesystem::path& path)
      : path_(path), part_(path.string() + ".part-" + std::to_string(getpid())) {
    guarded([&] {
      std::vector<std::shared_ptr<arrow::Field>> fields;
      for (const Column& column : columns()) {
        fields.push_back(arrow::field(column.name, type_of(column.kind)));
      }
      schema_ = arrow::schema(std::move(fields));
      auto file = arrow::io::FileOutputStream::Open(part_.string());
      check(file.status());
      file_ = *file;
      const auto properties = parquet::WriterProperties::Builder()
                                  .compression(parquet::Compression::SNAPPY)
                                  ->enable_page_checksum()
                                  ->build();
      auto writer = parquet::arrow::FileWriter::Open(*schema_, arrow::default_memory_pool(), file_,
                                                     properties);
      check(writer.status());
      writer_ = std::move(*writer);
      start_batch();
    });
  }

  ~ParquetWriter() override {
    if (committed_) return;
    writer_.reset();
    file_.reset();
    std::error_code ignored;
    std::filesystem::remove(part_, ignored);
  }
  ParquetWriter(const ParquetWriter&) = delete;
  ParquetWriter& operator=(const ParquetWriter&) = delete;

  void add(const std::vector<Value>& row) override {
    guarded([&] {
      for (std::size_t i = 0; i < row.size(); ++i) {
        arrow::ArrayBuilder& builder = *builders_[i];
        std::visit([&](const auto& value) { append(builder, value); }, row[i]);
      }
      if (++num_rows_ == kMostRows || num_bytes_ >= kMostBytes) flush();
    });
  }

  void commit() override {
    guarded([&] {
      flush();
      check(writer_->Close());
      check(file_->Close());
    });
    std::error_code error;
    std::filesystem::rename(part_, path_, error);
    if (error) throw system_error(path_.string(), error.value());
    committed_ = true;
  }

 private:
  template <typename Body>
  void guarded(const Body& body) const {
    try {
      body();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      fail(error.what());
    }
  }

  [[noreturn]] void fail(std::string reason) const {
    std::replace(reason.begin(), reason.end(), '\n', ' ');
    throw Error(ErrorCode::kUnavailable, path_.string() + ": cannot be written: " + reason);
  }

  void check(const arrow::Status& status) const {
    if (!status.ok()) fail(status.message());
  }

  template <typename Type>
  void append(arrow::ArrayBuilder& builder, const Type& value) {
    if constexpr (std::is_same_v<Type, std::monostate>) {
      check(builder.AppendNull());
    } else if constexpr (std::is_same_v<Type, std::string>) {
      const std::string valid = is_valid_utf8(value) ? std::string() : to_valid_utf8(value);
      const std::string& text = valid.empty() ? value : valid;
      num_bytes_ += text.size();
      check(static_cast<arrow::StringBuilder&>(builder).Append(text));
    } else if constexpr (std::is_same_v<Type, std::int64_t>) {
      check(static_cast<arrow::Int64Builder&>(builder).Append(value));
    } else if constexpr (std::is_same_v<Type, double>) {
      check(static_cast<arrow::DoubleBuilder&>(builder).Append(value));
    } else {
      check(static_cast<arrow::BooleanBuilder&>(builder).Append(value));
    }
  }

  void start_batch() {
    builders_.clear();
    for (const Column& column : columns()) {
      std::unique_ptr<arrow::ArrayBuilder> builder;
      check(arrow::MakeBuilder(arrow::default_memory_pool(), type_of(column.kind), &builder));
      builders_.push_back(std::move(builder));
    }
    num_rows_ = 0;
    num_bytes_ = 0;
  }

  void flush() {
    if (num_rows_ == 0) return;
    std::vector<std::shared_ptr<arrow::Array>> arrays;
    for (const auto& builder : builders_) {
      auto array = builder->Finish();
      check(array.status());
      arrays.push_back(*array);
    }
    const auto table = arrow::Table::Make(schema_, arrays, num_rows_);
    check(writer_->WriteTable(*table, num_rows_));
    start_batch();
  }

  std::filesystem::path path_, part_;
  std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<arrow::io::FileOutputStream> file_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> builders_;
  std::int64_t num_rows_ = 0;
  std::size_t num_bytes_ = 0;
  bool committed_ = false;
};

}  // namespace

std::unique_ptr<TableWriter> make_parquet_writer(const std::filesystem::path& path) {
  return std::make_unique<ParquetWriter>(path);
}

}  // namespace peira::runner::exchange
