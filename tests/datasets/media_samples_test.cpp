// The generated sample sets with pictures and clips, as they lie in the binary and in
// datasets/samples.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

#include "base/files.h"
#include "datasets/canary.h"
#include "datasets/catalogue.h"
#include "tests/datasets/support.h"

namespace peira::datasets {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Skips where this build has no Arrow; parquet_test.cpp sees that it says so.
class MediaSamples : public testing::Test {
 protected:
  void SetUp() override {
    try {
      samples_of(find_dataset("mmmu-sample", "mmmu"));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnavailable) throw;
      GTEST_SKIP() << error.what();
    }
  }
};

std::map<int, int> letters_of(const std::vector<Sample>& samples) {
  std::map<int, int> counts;
  for (const Sample& sample : samples) ++counts[sample.correct_choice];
  return counts;
}

// Questions that are asked often, and how many answers each has.
std::map<std::string, std::set<std::string>> answers_by_question(
    const std::vector<Sample>& samples) {
  std::map<std::string, std::set<std::string>> answers;
  for (const Sample& sample : samples) {
    for (const Part& part : sample.parts) {
      if (part.kind == PartKind::kText) answers[part.text].insert(sample.target);
    }
  }
  return answers;
}

// How often the right option is the smallest, ..., the largest of four numbers.
std::map<std::size_t, int> ranks_of_numbers(const std::vector<Sample>& samples) {
  std::map<std::size_t, int> ranks;
  for (const Sample& sample : samples) {
    std::vector<long> numbers;
    for (const std::string& choice : sample.choices) {
      char* end = nullptr;
      const long number = std::strtol(choice.c_str(), &end, 10);
      if (*end == '\0') numbers.push_back(number);
    }
    if (numbers.size() != 4) continue;
    const long right = numbers[static_cast<std::size_t>(sample.correct_choice)];
    ++ranks[static_cast<std::size_t>(std::count_if(numbers.begin(), numbers.end(),
                                                   [&](long number) { return number < right; }))];
  }
  return ranks;
}

TEST_F(MediaSamples, AreWhatTheCatalogueSaysAndOpenToAll) {
  for (const char* const name : {"mmmu-sample", "video-mme-sample"}) {
    const VerifyResult result = verify(*find_entry(name));
    for (const VerifiedFact& fact : result.facts) {
      EXPECT_TRUE(fact.holds) << name << ": " << fact.what << " " << fact.found;
    }
    EXPECT_TRUE(result.warnings.empty());
    EXPECT_FALSE(is_restricted(find_dataset(name, "")));
    EXPECT_THAT(find_entry(name)->title, StartsWith("Generated"));
  }
}

// A constant letter, and the smallest or any other rank of the numbers, is right by chance.
TEST_F(MediaSamples, GiveNothingAwayBySettingOrLetter) {
  const auto pictures = samples_of(find_dataset("mmmu-sample", "mmmu"));
  EXPECT_EQ(letters_of(pictures), (std::map<int, int>{{0, 60}, {1, 60}, {2, 60}, {3, 60}}));
  const auto clips = samples_of(find_dataset("video-mme-sample", "video-mme"));
  EXPECT_EQ(letters_of(clips), (std::map<int, int>{{0, 30}, {1, 30}, {2, 30}, {3, 30}}));
  for (const auto& samples : {pictures, clips}) {
    int num_numbers = 0, most = 0;
    for (const auto& [rank, count] : ranks_of_numbers(samples)) {
      num_numbers += count;
      most = std::max(most, count);
    }
    EXPECT_GE(num_numbers, 16);
    // By chance a quarter of n, with a standard deviation of sqrt(3/16 n): three of those.
    EXPECT_LT(most, num_numbers / 4.0 + 3 * std::sqrt(3.0 / 16 * num_numbers));
  }
  // The texts that come most often have another answer nearly every time.
  EXPECT_GE(answers_by_question(pictures)["What time does the clock in <image 1> show?"].size(),
            8U);
  EXPECT_EQ(
      answers_by_question(clips)["In which corner is the shape when the video begins?"].size(), 3U);
}

TEST_F(MediaSamples, MentionEveryPictureOnceAndHoldPng) {
  std::size_t num_in_options = 0, num_in_pairs = 0;
  for (const Sample& sample : samples_of(find_dataset("mmmu-sample", "mmmu"))) {
    ASSERT_EQ(sample.choices.size(), 4U) << sample.id;
    EXPECT_THAT(sample.id, StartsWith("sample_"));
    EXPECT_FALSE(sample.metadata.at("discipline").empty()) << sample.id;
    std::string text;
    for (const Part& part : sample.parts) {
      if (part.kind == PartKind::kText) text += part.text;
    }
    for (const std::string& choice : sample.choices) text += "\n" + choice;
    std::size_t num_pictures = 0;
    for (const Part& part : sample.parts) {
      if (part.kind == PartKind::kText) continue;
      ++num_pictures;
      EXPECT_EQ(part.kind, PartKind::kImage);
      EXPECT_THAT(part.bytes, StartsWith("\x89PNG\r\n\x1A\n"));
      const std::size_t at = text.find(part.text);
      ASSERT_NE(at, std::string::npos) << sample.id << " " << part.text;
      EXPECT_EQ(text.find(part.text, at + 1), std::string::npos) << sample.id;
    }
    EXPECT_GE(num_pictures, 1U) << sample.id;
    num_in_options += sample.target.starts_with("<image ") ? 1 : 0;
    num_in_pairs += num_pictures == 2 ? 1 : 0;
  }
  EXPECT_EQ(num_in_options, 12U);
  EXPECT_EQ(num_in_pairs, 12U);
}

// The folder can be given as one would give the published dataset; the binary holds the same.
TEST_F(MediaSamples, ClipsInTheBinaryAreThoseOfTheFolder) {
  const std::filesystem::path folder =
      std::filesystem::path(PEIRA_SOURCE_DIR) / "datasets/samples/video-mme-sample";
  const auto embedded = samples_of(find_dataset("video-mme-sample", "video-mme"));
  const auto whole = samples_of(find_dataset(folder.string(), ""));
  const auto table = samples_of(
      find_dataset((folder / "videomme/test-00000-of-00001.parquet").string(), "video-mme"));
  ASSERT_EQ(embedded.size(), whole.size());
  ASSERT_EQ(embedded.size(), table.size());
  std::map<std::string, int> questions_by_video;
  for (std::size_t i = 0; i < embedded.size(); ++i) {
    const Part& video = embedded[i].parts.front();
    ASSERT_EQ(video.kind, PartKind::kVideo);
    EXPECT_EQ(video.bytes.substr(4, 4), "ftyp") << embedded[i].id;
    EXPECT_EQ(video.bytes, read_file(whole[i].parts.front().path)) << embedded[i].id;
    EXPECT_EQ(video.bytes, read_file(table[i].parts.front().path)) << embedded[i].id;
    EXPECT_EQ(embedded[i].choices, whole[i].choices);
    EXPECT_EQ(embedded[i].target, whole[i].target);
    ++questions_by_video[embedded[i].cluster];
  }
  EXPECT_EQ(questions_by_video.size(), 40U);
  for (const auto& [video, count] : questions_by_video) EXPECT_EQ(count, 3) << video;
}

TEST_F(MediaSamples, AMissingClipIsNamed) {
  const TemporaryFolder copy;
  std::filesystem::create_directories(copy.path() / "videomme");
  const std::string table = "videomme/test-00000-of-00001.parquet";
  std::filesystem::copy_file(
      std::filesystem::path(PEIRA_SOURCE_DIR) / "datasets/samples/video-mme-sample" / table,
      copy.path() / table);
  EXPECT_THAT(error_of(ErrorCode::kData,
                       [&] { samples_of(find_dataset(copy.path().string(), "video-mme")); }),
              testing::AllOf(HasSubstr("sample 001-1"), HasSubstr("data/sample_001.mp4")));
}

}  // namespace
}  // namespace peira::datasets
