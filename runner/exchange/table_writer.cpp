#include "runner/exchange/table_writer.h"

#include <charconv>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "base/json.h"
#include "base/utf8.h"
#include "runner/exchange/output_file.h"

namespace peira::runner::exchange {
namespace {

std::string real_text(double value) {
  char text[40];
  const auto [end, error] = std::to_chars(text, text + sizeof(text), value);
  return error == std::errc() ? std::string(text, end) : std::string();
}

class CsvWriter final : public TableWriter {
 public:
  CsvWriter(const std::filesystem::path& path, bool guard) : file_(path), guard_(guard) {
    std::string header;
    for (const Column& column : columns())
      header += (header.empty() ? "" : ",") + std::string(column.name);
    file_.write(header + "\r\n");
  }

  void add(const std::vector<Value>& row) override {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += ',';
      std::visit(
          [&](const auto& value) {
            using Type = std::decay_t<decltype(value)>;
            if constexpr (std::is_same_v<Type, std::string>) {
              add_text(line, value);
            } else if constexpr (std::is_same_v<Type, std::int64_t>) {
              line += std::to_string(value);
            } else if constexpr (std::is_same_v<Type, double>) {
              line += real_text(value);
            } else if constexpr (std::is_same_v<Type, bool>) {
              line += value ? "true" : "false";
            }
          },
          row[i]);
    }
    file_.write(line + "\r\n");
  }

  void commit() override { file_.commit(); }

 private:
  void add_text(std::string& line, const std::string& text) const {
    const std::string valid = is_valid_utf8(text) ? text : to_valid_utf8(text);
    const bool guarded = guard_ && needs_guard(valid);
    const bool quoted = valid.find_first_of(",\"\r\n") != std::string::npos;
    if (quoted) line += '"';
    if (guarded) line += '\'';
    for (const char c : valid) {
      if (c == '"') line += '"';
      line += c;
    }
    if (quoted) line += '"';
  }

  OutputFile file_;
  bool guard_;
};

class JsonlWriter final : public TableWriter {
 public:
  explicit JsonlWriter(const std::filesystem::path& path) : file_(path) {}

  void add(const std::vector<Value>& row) override {
    OrderedJson line = OrderedJson::object();
    for (std::size_t i = 0; i < row.size(); ++i) {
      const Column& column = columns()[i];
      OrderedJson& cell = line[column.name];
      std::visit(
          [&](const auto& value) {
            using Type = std::decay_t<decltype(value)>;
            if constexpr (std::is_same_v<Type, std::monostate>) {
              cell = nullptr;
            } else if constexpr (std::is_same_v<Type, std::string>) {
              cell = column.kind == ColumnKind::kJson ? parse_ordered_json(value, "store")
                                                      : OrderedJson(value);
            } else {
              cell = value;
            }
          },
          row[i]);
    }
    file_.write(dump_json(line) + "\n");
  }

  void commit() override { file_.commit(); }

 private:
  OutputFile file_;
};

}  // namespace

bool needs_guard(std::string_view cell) {
  if (cell.empty()) return false;
  if (std::string_view("=+-@\t\r\n'").find(cell.front()) != std::string_view::npos) return true;
  for (const std::string_view wide : {"\uFF1D", "\uFF0B", "\uFF0D", "\uFF20"}) {
    if (cell.starts_with(wide)) return true;
  }
  return false;
}

std::unique_ptr<TableWriter> make_csv_writer(const std::filesystem::path& path,
                                             bool guard_formulas) {
  return std::make_unique<CsvWriter>(path, guard_formulas);
}

std::unique_ptr<TableWriter> make_jsonl_writer(const std::filesystem::path& path) {
  return std::make_unique<JsonlWriter>(path);
}

}  // namespace peira::runner::exchange
