#include <array>
#include <optional>
#include <utility>

#include "base/base64.h"
#include "datasets/detail/readers.h"
#include "datasets/detail/sample_ids.h"

namespace peira::datasets {
namespace {

constexpr std::array kRequired = {"id", "question", "answer", "answer_type"};
// Metadata key and the column it comes from.
constexpr std::array<std::pair<const char*, const char*>, 3> kMetadata = {{
    {"category", "category"},
    {"raw_subject", "raw_subject"},
    {"explanation", "rationale"},
}};

// The bytes behind "data:image/png;base64,...".
std::optional<std::string> bytes_of_data_url(std::string_view text) {
  if (!text.starts_with("data:image/")) return std::nullopt;
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  if (!text.substr(0, comma).ends_with(";base64")) return std::nullopt;
  std::optional<std::string> bytes = from_base64(text.substr(comma + 1));
  if (bytes && bytes->empty()) return std::nullopt;
  return bytes;
}

class HleReader final : public SampleReader {
 public:
  HleReader(std::unique_ptr<TableReader> table, bool text_only)
      : table_(std::move(table)), text_only_(text_only) {
    find_columns();
    std::vector<std::string> missing;
    for (std::size_t i = 0; i < kRequired.size(); ++i) {
      if (!required_[i]) missing.emplace_back(kRequired[i]);
    }
    if (!missing.empty()) {
      throw_missing_columns(
          *table_,
          "not a file of Humanity's Last Exam: the columns missing are " + join_names(missing), "");
    }
    std::vector<std::size_t> wanted;
    for (const auto& column : required_) wanted.push_back(*column);
    for (const auto& column : metadata_) {
      if (column) wanted.push_back(*column);
    }
    if (image_) wanted.push_back(*image_);
    table_->select(wanted);
  }

  std::optional<Sample> next() override {
    while (table_->next(row_)) {
      if (table_->columns().size() != num_known_columns_) find_columns();
      Sample sample = read();
      if (text_only_ && sample.parts.size() > 1) continue;
      return sample;
    }
    return std::nullopt;
  }

 private:
  // The columns of JSON lines may come to be known as rows are read.
  void find_columns() {
    num_known_columns_ = table_->columns().size();
    for (std::size_t i = 0; i < kRequired.size(); ++i) {
      required_[i] = table_->find_column(kRequired[i]);
    }
    for (std::size_t i = 0; i < kMetadata.size(); ++i) {
      metadata_[i] = table_->find_column(kMetadata[i].second);
    }
    image_ = table_->find_column("image");
  }

  std::string text_at(const std::optional<std::size_t>& column) const {
    return column && *column < row_.cells.size() ? plain_text(row_.cells[*column]) : std::string();
  }

  Sample read() {
    std::array<std::string, kRequired.size()> texts;
    for (std::size_t i = 0; i < kRequired.size(); ++i) {
      texts[i] = text_at(required_[i]);
      if (texts[i].empty()) {
        throw Error(ErrorCode::kData,
                    table_->place(row_.position) + ": \"" + kRequired[i] + "\" is empty");
      }
    }
    auto& [id, question, answer, answer_type] = texts;
    if (answer_type != "exactMatch" && answer_type != "multipleChoice") {
      throw Error(ErrorCode::kData, table_->place(row_.position) + ": \"answer_type\" is \"" +
                                        answer_type.substr(0, 40) +
                                        "\"; it is exactMatch or multipleChoice");
    }
    if (const auto first = seen_.add(id, row_.position); first >= 0) {
      throw duplicate_error(*table_, row_, first, id, false);
    }
    Sample sample;
    sample.id = sample.cluster = id;
    sample.row = row_.number;
    sample.parts.push_back(Part::from_text(std::move(question)));
    sample.target = std::move(answer);
    if (std::optional<Part> picture = read_picture()) sample.parts.push_back(std::move(*picture));
    sample.metadata = {{"answer_type", answer_type},
                       {"modality", sample.parts.size() > 1 ? "image" : "text"}};
    for (std::size_t i = 0; i < kMetadata.size(); ++i) {
      std::string value = text_at(metadata_[i]);
      if (!value.empty()) sample.metadata.emplace(kMetadata[i].first, std::move(value));
    }
    return sample;
  }

  std::optional<Part> read_picture() const {
    if (!image_ || *image_ >= row_.cells.size()) return std::nullopt;
    const Cell& cell = row_.cells[*image_];
    if (!cell.has_value() || cell.text.empty()) return std::nullopt;
    Part part;
    part.kind = PartKind::kImage;
    if (cell.kind == CellKind::kBinary) {
      part.bytes = cell.text;
      return part;
    }
    std::optional<std::string> bytes = bytes_of_data_url(cell.text);
    if (!bytes) {
      throw Error(ErrorCode::kData,
                  table_->place(row_.position) +
                      ": \"image\" is neither empty nor \"data:image/...;base64,...\"; it begins " +
                      "with \"" + cell.text.substr(0, 24) + "\"");
    }
    part.bytes = std::move(*bytes);
    return part;
  }

  std::unique_ptr<TableReader> table_;
  bool text_only_;
  std::size_t num_known_columns_ = 0;
  std::array<std::optional<std::size_t>, kRequired.size()> required_{};
  std::array<std::optional<std::size_t>, kMetadata.size()> metadata_{};
  std::optional<std::size_t> image_;
  SeenIds seen_;
  Row row_;
};

}  // namespace

std::unique_ptr<SampleReader> open_hle(std::unique_ptr<TableReader> table, bool text_only) {
  return std::make_unique<HleReader>(std::move(table), text_only);
}

}  // namespace peira::datasets
