// Subtitles of Video-MME: what a file says, and which of it is shown (benchmarks.md, 7.2).
#include "datasets/subtitles.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "base/files.h"
#include "base/json.h"
#include "tests/datasets/support.h"

namespace peira::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string shown(const std::string& text) {
  return "<font color=\"white\" size=\".72c\">" + text + "</font>";
}

std::string cue(const std::string& times, const std::string& text) {
  return "1\n" + times + "\n" + text + "\n\n";
}

TEST(ReadSrt, ReadsTimesAndJoinsLines) {
  const auto cues = read_srt(
      "\xEF\xBB\xBF"
      "1\r\n00:00:01,500 --> 01:02:03,007 X1:3\r\none\r\ntwo\r\n\r\n\r\n"
      "2\r\n00:00:00.5 --> 00:00:02.0\r\nlast",
      "a.srt");
  ASSERT_EQ(cues.size(), 2U);
  EXPECT_EQ(cues[0].start_s, 1.5);
  EXPECT_EQ(cues[0].end_s, 3723 + 7 / 1000.0);
  EXPECT_EQ(cues[0].text, "one two");
  EXPECT_EQ(cues[1].start_s, 5 / 1000.0);  // ".5" are five milliseconds, as Python's int has it
  EXPECT_EQ(cues[1].text, "last");
}

TEST(ReadSrt, PassesOverShortPieces) {
  const auto cues = read_srt("7\n\n8\n00:00:01,000 --> 00:00:02,000\n\n" +
                                 cue("00:00:03,000 --> 00:00:04,000", "first") +
                                 cue("00:00:05,000 --> 00:00:06,000", "second"),
                             "a.srt");
  ASSERT_EQ(cues.size(), 2U);
  EXPECT_EQ(cues[0].text, "first");
  EXPECT_EQ(cues[1].text, "second");
  EXPECT_THAT(read_srt("", "a.srt"), IsEmpty());
}

TEST(ReadSrt, NamesFileAndLineOfWhatIsNone) {
  const auto error = [](const std::string& bytes) {
    return error_of(ErrorCode::kData, [&] { read_srt(bytes, "subtitle/x.srt"); });
  };
  EXPECT_THAT(error(cue("00:00:01,000 --> 00:00:02,000", "a") + "2\nno times\nb\n"),
              HasSubstr("subtitle/x.srt:6: the times of a subtitle (00:00:01,000 --> 00:00:02,000) "
                        "were expected, not \"no times\"\n  try: "));
  EXPECT_THAT(error("1\n00:00:01,000 -> 00:00:02,000\na"), HasSubstr("x.srt:2: the times"));
  EXPECT_THAT(error("1\n00:00:01,000 --> 00:00\na"), HasSubstr("x.srt:2: the times"));
  EXPECT_THAT(error("1\n9999999999:00:01,000 --> 00:00:02,000\na"),
              HasSubstr("x.srt:2: the times"));
  EXPECT_THAT(error("1\n-1:00:01,000 --> 00:00:02,000\na"), HasSubstr("x.srt:2: the times"));
  EXPECT_THAT(error("1\n00:00:01,000 --> 00:00:02,000\n\xFF\xFE\n"),
              HasSubstr("x.srt:3: subtitles that are no UTF-8 text"));
}

// The first and the last frame are among them; floored; one frame is the first.
TEST(UniformInclusiveFrames, ReachFromFirstToLast) {
  EXPECT_THAT(uniform_inclusive_frames(10, 4), ElementsAre(0, 3, 6, 9));
  EXPECT_THAT(uniform_inclusive_frames(10, 3), ElementsAre(0, 4, 9));
  EXPECT_THAT(uniform_inclusive_frames(10, 1), ElementsAre(0));
  EXPECT_THAT(uniform_inclusive_frames(2, 3), ElementsAre(0, 0, 1));
  EXPECT_THAT(uniform_inclusive_frames(0, 3), IsEmpty());
}

TEST(UniformInteriorFrames, TouchNeitherEnd) {
  EXPECT_THAT(uniform_interior_frames(10, 4), ElementsAre(2, 4, 6, 8));
  EXPECT_THAT(uniform_interior_frames(100, 2), ElementsAre(33, 66));
}

TEST(FramesPerSecond, CountWholeOnesOfTheDuration) {
  EXPECT_THAT(frames_per_second(100, 25, 1), ElementsAre(0, 25, 50, 75));
  EXPECT_THAT(frames_per_second(60, 29.97, 1), ElementsAre(0, 29));
  EXPECT_THAT(frames_per_second(10, 25, 1), IsEmpty());  // int(0.4 * 1) is none
}

// int(start * fps) <= frame < int(end * fps), at 10 frames a second.
TEST(LinesAtFrames, CountTheFirstFrameAndNotTheLast) {
  const std::vector<SubtitleCue> cues{{1.0, 2.0, shown("a")}};
  EXPECT_EQ(lines_at_frames(cues, std::vector<std::int64_t>{9, 20}, 10), "");
  EXPECT_EQ(lines_at_frames(cues, std::vector<std::int64_t>{10}, 10), "a");
  EXPECT_EQ(lines_at_frames(cues, std::vector<std::int64_t>{19}, 10), "a");
  // Both ends floored: a cue of 0.09 seconds within a frame is never there.
  const std::vector<SubtitleCue> brief{{1.0, 1.09, shown("b")}};
  EXPECT_EQ(lines_at_frames(brief, std::vector<std::int64_t>{10}, 10), "");
}

// A line is there once however many frames see it, in the order of cues, not of frames.
TEST(LinesAtFrames, GiveEachLineOnceInTheOrderOfTheFile) {
  const std::vector<SubtitleCue> cues{
      {5, 6, shown("late")}, {0, 9, shown("long")}, {1, 2, shown("early")}};
  EXPECT_EQ(lines_at_frames(cues, std::vector<std::int64_t>{55, 10, 11, 12}, 10),
            "late\nlong\nearly");
}

// A dictionary by times, in Python.
TEST(LinesAtFrames, LetTheLastOfEqualTimesStandWhereTheFirstStood) {
  const std::vector<SubtitleCue> cues{
      {0, 9, shown("first")}, {1, 9, shown("between")}, {0, 9, shown("last")}};
  EXPECT_EQ(lines_at_frames(cues, std::vector<std::int64_t>{30}, 10), "last\nbetween");
  EXPECT_EQ(lines_frame_by_frame(cues, std::vector<std::int64_t>{30}, 10), "first");
}

// Of the element alone, the first of them; without one the cue says nothing.
TEST(LinesAtFrames, ReadTheWhiteElementOnly) {
  const std::vector<SubtitleCue> cues{{0, 9, "[music] " + shown("a  b") + shown("c")},
                                      {0, 8, "plain"},
                                      {0, 7, "<font color=\"red\" size=\".72c\">red</font>"},
                                      {0, 6, "<font color=\"white\" size=\".72c\">open"}};
  EXPECT_EQ(lines_at_frames(cues, std::vector<std::int64_t>{3}, 10), "a  b");
  EXPECT_TRUE(has_official_markup(cues));
  EXPECT_FALSE(has_official_markup(std::span(cues).subspan(1)));
}

// Strictly inside, the first cue that is, frame by frame; markup away, lines joined by a blank.
TEST(LinesFrameByFrame, RepeatALineThatStays) {
  const std::vector<SubtitleCue> cues{{1.0, 2.0, "<i>one</i>\\Ntwo"}, {1.5, 9.0, "x < y"}};
  EXPECT_EQ(lines_frame_by_frame(cues, std::vector<std::int64_t>{10, 11, 15, 20, 30}, 10),
            "one two\none two\nx < y\nx < y");
}

TEST(SubtitleSelection, ReadsWhatItWrites) {
  for (const char* const text :
       {"shown", "all", "uniform-inclusive:32", "uniform-interior:8", "fps:0.5"}) {
    EXPECT_EQ(SubtitleSelection::parse(text).text(), text);
  }
  for (const char* const text :
       {"", "some", "uniform-inclusive:", "uniform-inclusive:0", "uniform-interior:1.5", "fps:-1",
        "fps:nan", "fps:1x", "uniform-inclusive:1e9"}) {
    EXPECT_THAT(error_of(ErrorCode::kUsage, [&] { SubtitleSelection::parse(text); }),
                HasSubstr(std::string("--subtitles ") + text + ": "));
  }
}

// Files with every kind of cue by tests/golden/datasets/make_subtitles.py: numpy, re and pysubs2.
TEST(Subtitles, AreChosenAsTheReferenceHarnessesDo) {
  const Json cases = parse_json(read_file(golden("subtitles.json")), "subtitles.json");
  ASSERT_EQ(cases.size(), 4U);
  for (const Json& one : cases) {
    const auto srt = one["srt"].get<std::string>();
    const auto total = one["total"].get<std::int64_t>();
    const auto fps = one["fps"].get<double>();
    const std::vector<SubtitleCue> cues = read_srt(srt, "golden");
    for (const auto& [count, expected] : one["inclusive"].items()) {
      EXPECT_EQ(
          lines_at_frames(cues, uniform_inclusive_frames(total, std::atoi(count.c_str())), fps),
          expected)
          << count;
    }
    for (const auto& [count, expected] : one["interior"].items()) {
      EXPECT_EQ(
          lines_frame_by_frame(cues, uniform_interior_frames(total, std::atoi(count.c_str())), fps),
          expected)
          << count;
    }
    for (const auto& [rate, expected] : one["per_second"].items()) {
      EXPECT_EQ(
          lines_frame_by_frame(cues, frames_per_second(total, fps, std::atof(rate.c_str())), fps),
          expected)
          << rate;
    }
    EXPECT_EQ(all_lines(srt), one["all"]);
  }
}

// ---- the reader of Video-MME with subtitles ----

class SubtitledSamples : public testing::Test {
 protected:
  void SetUp() override {
    try {
      (void)open_samples(find_dataset("video-mme-sample", "video-mme"))->next();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnavailable) throw;
      GTEST_SKIP() << error.what();
    }
  }
};

TEST_F(SubtitledSamples, AreThoseOfTheFolderAndOfTheBinary) {
  const std::filesystem::path folder =
      std::filesystem::path(PEIRA_SOURCE_DIR) / "datasets/samples/video-mme-sample";
  const auto whole = open_samples(find_dataset(folder.string(), "video-mme-subtitles"));
  const auto embedded = open_samples(find_dataset("video-mme-sample", "video-mme-subtitles"));
  int num_with = 0;
  while (const auto sample = whole->next()) {
    const auto same = embedded->next().value();
    ASSERT_NE(sample->subtitle_file, nullptr);
    ASSERT_EQ(sample->subtitle_file->is_missing, same.subtitle_file->is_missing) << sample->id;
    if (same.subtitle_file->is_missing) continue;
    ++num_with;
    EXPECT_EQ(read_file(sample->subtitle_file->path), same.subtitle_file->bytes);
  }
  EXPECT_EQ(num_with, 12);  // four videos, three questions each
  ASSERT_EQ(embedded->warnings().size(), 1U);
  EXPECT_THAT(embedded->warnings()[0],
              HasSubstr("108 questions are on videos without subtitles, and their prompts say \"No "
                        "subtitles available\"; the first: sample 001-1, sample_001.srt"));
  EXPECT_THAT(whole->warnings().at(0), HasSubstr("subtitle/sample_001.srt"));
  // Without subtitles nothing of them is there.
  const auto plain = open_samples(find_dataset("video-mme-sample", "video-mme"));
  EXPECT_EQ(plain->next()->subtitle_file, nullptr);
  EXPECT_THAT(plain->warnings(), IsEmpty());
}

TEST_F(SubtitledSamples, AMissingFolderIsNamed) {
  const DatasetFile file = find_dataset(golden("video_mme").string(), "video-mme-subtitles");
  EXPECT_THAT(error_of(ErrorCode::kData, [&] { (void)open_samples(file)->next(); }),
              testing::AllOf(HasSubstr("sample 001-1: its subtitles are missing: "),
                             HasSubstr("subtitle/abcDEF_1-2.srt\n  try: unzip subtitle.zip")));
}

}  // namespace
}  // namespace peira::datasets
