// Files by pyarrow in the published layouts, see tests/golden/make_datasets.py.
#include <gmock/gmock.h>

#include "base/files.h"
#include "tests/datasets/support.h"

namespace peira::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<Sample> read_all(const std::string& name, const std::string& kind = "") {
  const auto reader = open_samples(find_dataset(golden(name).string(), kind));
  std::vector<Sample> samples;
  while (auto sample = reader->next()) samples.push_back(std::move(*sample));
  return samples;
}

class Published : public testing::Test {
 protected:
  void SetUp() override {
    try {
      open_parquet(ByteSource::from_file(golden("types_none.parquet")));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnavailable) throw;
      GTEST_SKIP() << error.what();
    }
  }
};

// All subjects in a folder, the validation split alone, in the order of the subjects' names.
TEST_F(Published, MmmuIsAFolderOfSubjects) {
  const DatasetFile file = find_dataset(golden("mmmu").string(), "");
  EXPECT_EQ(file.kind, "mmmu");
  const auto reader = open_samples(file);
  const Sample choice = reader->next().value();
  EXPECT_EQ(choice.id, "validation_Art_1");
  ASSERT_EQ(choice.parts.size(), 3U);
  EXPECT_EQ(choice.parts[0].text, "Which is <image 1>?");
  EXPECT_EQ(choice.parts[2].text, "<image 2>");
  EXPECT_EQ(choice.parts[2].kind, PartKind::kImage);
  EXPECT_THAT(choice.parts[2].bytes, HasSubstr("PNG"));
  EXPECT_THAT(choice.choices, ElementsAre("grey", "it's blue", "<image 2>"));
  EXPECT_EQ(choice.correct_choice, 1);
  EXPECT_EQ(choice.metadata.at("discipline"), "Art and Design");
  EXPECT_EQ(choice.metadata.at("question_type"), "multiple-choice");
  const Sample open = reader->next().value();
  EXPECT_TRUE(open.choices.empty());
  EXPECT_EQ(open.target, "['24/7', '3.429']");
  EXPECT_EQ(open.metadata.at("question_type"), "open");
  const Sample without_gold = reader->next().value();
  EXPECT_EQ(without_gold.row, 2);
  EXPECT_EQ(without_gold.metadata.at("subject"), "Basic_Medical_Science");
  EXPECT_EQ(without_gold.correct_choice, -1);
  EXPECT_FALSE(reader->next());
  EXPECT_THAT(reader->warnings(), ElementsAre(HasSubstr("1 questions have \"?\" for an answer")));
  EXPECT_EQ(digest_of(file), digest_of(find_dataset(golden("mmmu").string(), "mmmu")));
}

TEST_F(Published, MmmuProHasTenOptionsOrOnePicture) {
  const std::vector<Sample> standard = read_all("mmmu_pro_standard.parquet");
  ASSERT_EQ(standard.size(), 1U);
  EXPECT_EQ(standard[0].choices.size(), 10U);
  EXPECT_EQ(standard[0].correct_choice, 9);
  EXPECT_EQ(standard[0].metadata.at("subject"), "Music");
  const std::vector<Sample> vision = read_all("mmmu_pro_vision.parquet");
  ASSERT_EQ(vision.size(), 1U);
  ASSERT_EQ(vision[0].parts.size(), 1U);
  EXPECT_EQ(vision[0].parts[0].kind, PartKind::kImage);
  EXPECT_EQ(vision[0].choices.size(), 3U);
}

TEST_F(Published, VideoMmeFindsItsVideosAndNamesAMissingOne) {
  const DatasetFile file = find_dataset(golden("video_mme").string(), "");
  EXPECT_EQ(file.kind, "video-mme");
  const auto reader = open_samples(file);
  const Sample first = reader->next().value();
  EXPECT_EQ(first.id, "001-1");
  EXPECT_EQ(first.cluster, "001");
  EXPECT_EQ(first.parts[0].kind, PartKind::kVideo);
  EXPECT_EQ(first.parts[0].path.filename(), "abcDEF_1-2.mp4");
  EXPECT_THAT(first.choices, ElementsAre("one", "two", "three", "four"));
  EXPECT_EQ(first.correct_choice, 3);
  EXPECT_EQ(reader->next().value().cluster, "001");
  try {
    reader->next();
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    EXPECT_THAT(error.what(), HasSubstr("row 3: sample 002-1: its video is missing: "));
    EXPECT_THAT(error.what(), HasSubstr("data/missing.mp4"));
  }
}

TEST(FindDataset, SaysThatASuiteHasNoSampleSet) {
  try {
    find_dataset("", "mmmu");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_THAT(error.what(), HasSubstr("--data and a file or folder of kind mmmu"));
  }
}

}  // namespace
}  // namespace peira::datasets
