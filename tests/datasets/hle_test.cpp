#include <gmock/gmock.h>

#include "tests/datasets/support.h"

namespace peira::datasets {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kRow =
    R"({"id":"1","question":"Q?","image":"","answer":"B","answer_type":"multipleChoice","category":"Math"})";

std::string with(const std::string& from, const std::string& to) {
  std::string row = kRow;
  return row.replace(row.find(from), from.size(), to) + "\n";
}

// hle.parquet is of tests/golden/make_datasets.py.
TEST(Hle, ReadsTheOfficialColumns) {
  DatasetFile file;
  file.name = "hle";
  file.kind = "hle";
  file.path = golden("hle.parquet");
  std::vector<Sample> samples;
  try {
    samples = samples_of(file);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnavailable) throw;
    GTEST_SKIP() << error.what();
  }
  ASSERT_EQ(samples.size(), 7U);
  EXPECT_EQ(samples[0].id, "600000000000000000000000");
  EXPECT_EQ(samples[0].target, "\\frac{0}{7}");
  EXPECT_EQ(samples[0].parts.size(), 1U);
  EXPECT_TRUE(samples[0].choices.empty());
  EXPECT_EQ(samples[0].metadata,
            (std::map<std::string, std::string>{{"answer_type", "exactMatch"},
                                                {"category", "Math"},
                                                {"explanation", "Because 0."},
                                                {"modality", "text"},
                                                {"raw_subject", "Invention"}}));
  EXPECT_EQ(samples[1].target, "B");
  EXPECT_EQ(samples[1].metadata.at("modality"), "image");
  ASSERT_EQ(samples[1].parts.size(), 2U);
  EXPECT_EQ(samples[1].parts[1].kind, PartKind::kImage);
  EXPECT_EQ(samples[1].parts[1].bytes.substr(0, 8), "\x89PNG\r\n\x1A\n");

  file.kind = "hle-text";
  const std::vector<Sample> text = samples_of(file);
  ASSERT_EQ(text.size(), 5U);  // rows 1 and 4 have a picture
  EXPECT_EQ(text[1].row, 2);
  EXPECT_EQ(count_samples(file), 5);

  file.kind.clear();
  EXPECT_EQ(find_dataset(file.path.string(), "").kind, "hle");
}

TEST(Hle, NamesWhatIsWrongWithARow) {
  const auto message = [](const std::string& text) {
    return error_of(ErrorCode::kData, [&] { samples_of(dataset_of("hle", text)); });
  };
  EXPECT_THAT(message(with(R"("answer_type":"multipleChoice")", R"("answer_type":"exact_match")")),
              AllOf(HasSubstr("exact_match"), HasSubstr("exactMatch or multipleChoice")));
  EXPECT_THAT(message(with(R"("answer":"B")", R"("answer":"")")), HasSubstr("\"answer\" is empty"));
  EXPECT_THAT(message(with(R"("image":"")", R"("image":"https://example.org/a.png")")),
              HasSubstr("begins with \"https://"));
  EXPECT_THAT(message(with(R"("image":"")", R"("image":"data:image/png;base64,@@@@")")),
              HasSubstr("neither empty nor"));
  EXPECT_THAT(message(with(R"("id":"1",)", "")), HasSubstr("missing are id"));
  EXPECT_THAT(message(std::string(kRow) + "\n" + kRow + "\n"), HasSubstr("duplicate"));
}

TEST(Hle, ShipsASampleSetInTheOfficialColumns) {
  const std::vector<Sample> samples = samples_of(find_dataset("hle-sample", "hle"));
  EXPECT_EQ(samples.size(), 200U);
  int pictures = 0;
  int choices = 0;
  for (const Sample& sample : samples) {
    pictures += sample.metadata.at("modality") == "image" ? 1 : 0;
    choices += sample.metadata.at("answer_type") == "multipleChoice" ? 1 : 0;
  }
  EXPECT_EQ(pictures, 8);
  EXPECT_EQ(choices, 92);
  EXPECT_EQ(samples_of(find_dataset("hle-sample", "hle-text")).size(), 192U);
}

}  // namespace
}  // namespace peira::datasets
