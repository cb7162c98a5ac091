#include <array>
#include <utility>

#include "datasets/detail/readers.h"
#include "datasets/detail/sample_ids.h"
#include "datasets/mmmu_subjects.h"
#include "datasets/python_list.h"

namespace peira::datasets {
namespace {

constexpr int kMaxImages = 7;
constexpr std::array<const char*, 5> kMetadata{"subject", "subfield", "topic_difficulty",
                                               "question_type", "img_type"};

class MmmuReader final : public SampleReader {
 public:
  explicit MmmuReader(std::unique_ptr<TableReader> table) : table_(std::move(table)) {
    std::vector<std::size_t> wanted;
    const auto find = [&](const char* name) {
      const auto column = table_->find_column(name);
      if (column) wanted.push_back(*column);
      return column;
    };
    question_ = find("question");
    picture_ = find("image");
    const auto id = find("id"), options = find("options"), answer = find("answer");
    std::vector<std::string> missing;
    if (!id) missing.emplace_back("id");
    if (!options) missing.emplace_back("options");
    if (!answer) missing.emplace_back("answer");
    if (!question_ && !picture_)
      missing.emplace_back("question (or image, in MMMU-Pro's vision files)");
    if (!missing.empty()) {
      throw_missing_columns(*table_,
                            "not an MMMU file: the columns missing are " + join_names(missing), "");
    }
    id_ = *id, options_ = *options, answer_ = *answer;
    for (int k = 0; k < kMaxImages; ++k)
      images_[static_cast<std::size_t>(k)] = find(("image_" + std::to_string(k + 1)).c_str());
    for (std::size_t i = 0; i < kMetadata.size(); ++i) metadata_[i] = find(kMetadata[i]);
    table_->select(wanted);
  }

  std::optional<Sample> next() override {
    if (!table_->next(row_)) return std::nullopt;
    const std::string place = table_->place(row_.position);
    Sample sample;
    sample.row = row_.number;
    sample.id = row_.cells[id_].text;
    if (sample.id.empty()) throw Error(ErrorCode::kData, place + ": \"id\" is empty");
    if (const auto first = seen_.add(sample.id, row_.position); first >= 0) {
      throw duplicate_error(*table_, row_, first, sample.id, false);
    }
    sample.cluster = sample.id;
    add_question(sample, place);
    add_answer(sample, place);
    for (std::size_t i = 0; i < kMetadata.size(); ++i) {
      if (!metadata_[i]) continue;
      std::string value = plain_text(row_.cells[*metadata_[i]]);
      if (!value.empty()) sample.metadata.emplace(kMetadata[i], std::move(value));
    }
    const auto subject = sample.metadata.try_emplace("subject", mmmu_subject(sample.id)).first;
    sample.metadata["discipline"] = mmmu_discipline(subject->second);
    sample.metadata["question_type"] = sample.choices.empty() ? "open" : "multiple-choice";
    return sample;
  }

  std::vector<std::string> warnings() const override {
    if (num_without_gold_ == 0) return {};
    return {table_->name() + ": " + std::to_string(num_without_gold_) +
            " questions have \"?\" for an answer: no reply to them can be right"};
  }

 private:
  void add_picture(Sample& sample, std::size_t column, std::string mark, const std::string& place) {
    Cell& cell = row_.cells[column];
    if (!cell.has_value()) return;
    if (cell.kind != CellKind::kBinary || cell.text.empty()) {
      throw Error(ErrorCode::kData, place + ": sample " + sample.id + ": " +
                                        table_->columns()[column] + " holds no picture");
    }
    Part part;
    part.kind = PartKind::kImage;
    part.text = std::move(mark);
    part.bytes = std::move(cell.text);
    sample.parts.push_back(std::move(part));
  }

  void add_question(Sample& sample, const std::string& place) {
    if (question_) {
      if (row_.cells[*question_].text.empty())
        throw Error(ErrorCode::kData, place + ": \"question\" is empty");
      sample.parts.push_back(Part::from_text(row_.cells[*question_].text));
    }
    for (std::size_t k = 0; k < images_.size(); ++k) {
      if (images_[k])
        add_picture(sample, *images_[k], "<image " + std::to_string(k + 1) + ">", place);
    }
    if (picture_) {
      add_picture(sample, *picture_, "", place);
      if (sample.parts.empty())
        throw Error(ErrorCode::kData, place + ": sample " + sample.id + ": no picture");
    }
  }

  std::vector<std::string> options_of(const Sample& sample, const std::string& place) const {
    const Cell& cell = row_.cells[options_];
    if (cell.kind == CellKind::kList) return list_items(cell.text, place + ": \"options\"");
    auto options = parse_python_list(cell.text);
    if (!options) {
      throw Error(ErrorCode::kData,
                  place + ": sample " + sample.id +
                      ": \"options\" is no Python list of texts: " + cell.text.substr(0, 80));
    }
    return std::move(*options);
  }

  void add_answer(Sample& sample, const std::string& place) {
    // Anything but "multiple-choice" is open; MMMU-Pro has no such column and no open questions.
    const auto type = metadata_[3];
    const bool is_open = type && row_.cells[*type].text != "multiple-choice";
    sample.target = row_.cells[answer_].text;
    if (sample.target == "?") ++num_without_gold_;
    if (is_open) return;
    sample.choices = options_of(sample, place);
    constexpr std::size_t kLetters = 26;
    if (sample.choices.empty() || sample.choices.size() > kLetters) {
      throw Error(ErrorCode::kData, place + ": sample " + sample.id + ": " +
                                        std::to_string(sample.choices.size()) + " options");
    }
    if (sample.target == "?") return;
    const std::string& gold = sample.target;
    const std::size_t option =
        gold.size() == 1 && gold[0] >= 'A' ? static_cast<std::size_t>(gold[0] - 'A') : kLetters;
    if (option >= sample.choices.size()) {
      throw Error(ErrorCode::kData, place + ": sample " + sample.id + ": the answer is \"" +
                                        gold.substr(0, 40) + "\", but there are " +
                                        std::to_string(sample.choices.size()) + " options");
    }
    sample.correct_choice = static_cast<int>(option);
    sample.target = sample.choices[option];
  }

  std::unique_ptr<TableReader> table_;
  std::optional<std::size_t> question_, picture_;
  std::size_t id_ = 0, options_ = 0, answer_ = 0;
  std::array<std::optional<std::size_t>, kMaxImages> images_;
  std::array<std::optional<std::size_t>, kMetadata.size()> metadata_;
  SeenIds seen_;
  Row row_;
  std::int64_t num_without_gold_ = 0;
};

}  // namespace

std::unique_ptr<SampleReader> open_mmmu(std::unique_ptr<TableReader> table) {
  return std::make_unique<MmmuReader>(std::move(table));
}

}  // namespace peira::datasets
