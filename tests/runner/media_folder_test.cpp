// What models were shown, kept once beside the store, and found again by reports and pages.
#include "runner/media_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/hash.h"
#include "runner/report_content.h"
#include "tests/runner/support.h"

namespace peira::runner::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kPicture = std::string("\x89PNG\r\n\x1a\n", 8) + "the same for all";

Part picture(const std::string& bytes) {
  Part part;
  part.kind = PartKind::kImage;
  part.bytes = bytes;
  return part;
}

// Sums whose questions show a picture: the same one but for the last.
RunOptions shown_options(const std::string& last) {
  RunOptions options = sums_options(4);
  std::vector<datasets::Sample> samples = sums(4);
  for (datasets::Sample& sample : samples) {
    sample.parts.push_back(picture(sample.row == 3 ? last : kPicture));
  }
  options.samples = source_from("shown", std::move(samples));
  for (evals::Profile& profile : options.suite.profiles) {
    profile.prompt = [](const evals::PromptRequest& request, const evals::PromptVariant&) {
      return std::vector<Message>{{"user", request.sample->parts}};
    };
  }
  return options;
}

std::size_t num_files(const std::filesystem::path& folder) {
  std::size_t count = 0;
  if (!std::filesystem::exists(folder)) return count;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    count += entry.is_regular_file() ? 1 : 0;
  }
  return count;
}

TEST(MediaFolder, KeepsWhatARunShowedOnceAndReportsShowIt) {
  const TempFolder folder;
  const auto path = folder / "peira.sqlite";
  Store store(path);
  FakeClient model(mostly_right);
  const RunOutcome outcome = execute_run(store, model, shown_options("another"));
  ASSERT_TRUE(outcome.complete);
  EXPECT_THAT(outcome.warnings, IsEmpty());
  EXPECT_EQ(num_files(path.string() + ".media"), 2U);
  EXPECT_EQ(MediaFolder(path).read(sha256_hex(kPicture)), kPicture);

  const reports::SampleSection section =
      sample_section(store, {outcome.run_id}, SampleChoice::kAll);
  ASSERT_EQ(section.samples.size(), 4U);
  for (const reports::SampleStory& sample : section.samples) {
    const std::vector<Part>& parts = sample.sides[0].prompt.at(0).parts;
    ASSERT_EQ(parts.size(), 2U);
    EXPECT_EQ(parts[1].kind, PartKind::kImage);
    EXPECT_EQ(parts[1].bytes, sample.id == "sum-3" ? "another" : kPicture);
  }
}

TEST(MediaFolder, StaysWithinItsLimitAndSaysSo) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  FakeClient model(mostly_right);
  RunOptions options = shown_options(std::string(1000, 'x'));
  options.keep_media_bytes = 100;
  const RunOutcome outcome = execute_run(store, model, options);
  EXPECT_TRUE(outcome.complete);
  EXPECT_THAT(outcome.warnings, Contains(HasSubstr("1 media of prompts are not kept")));
  const MediaFolder kept(folder / "peira.sqlite");
  EXPECT_TRUE(kept.read(sha256_hex(kPicture)));
  EXPECT_FALSE(kept.read(sha256_hex(std::string(1000, 'x'))));

  Store none(folder / "none.sqlite");
  options.keep_media_bytes = 0;
  EXPECT_THAT(execute_run(none, model, options).warnings, IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(folder / "none.sqlite.media"));
}

TEST(MediaFolder, GivesTheBytesOfADigestOrNone) {
  const TempFolder folder;
  MediaFolder media(folder / "peira.sqlite");
  media.keep({{"user", {picture("bytes")}}});
  const std::string digest = sha256_hex("bytes");
  EXPECT_EQ(media.read(digest), "bytes");
  write_file_atomic(media.path() / digest.substr(0, 2) / digest.substr(2), "others");
  EXPECT_FALSE(media.read(digest));
  write_file_atomic(folder / "secret", "secret");
  for (const char* name : {"", "../secret", "..", "/etc/passwd"}) {
    EXPECT_FALSE(media.read(name)) << name;
  }
  EXPECT_FALSE(media.read(std::string(60, '.') + "/../"));
  // What is gone or cannot be read is counted, and nothing is thrown.
  Part gone = picture("");
  gone.path = folder / "gone.png";
  media.keep({{"user", {gone}}});
  EXPECT_EQ(media.num_left_out(), 1);
}

}  // namespace
}  // namespace peira::runner::testing
