// The trap rows of Video-MME, one to one (benchmarks.md, 10.13).
#include "evals/extractors/video_mme.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "evals/metrics/video_mme.h"

namespace peira::evals {
namespace {

struct Trap {
  const char* row;
  std::vector<std::string> replies;
  const char* expected;  // "" for not counted
};
void PrintTo(const Trap& trap, std::ostream* out) { *out << trap.row; }

class VideoMmeTrap : public testing::TestWithParam<Trap> {};

TEST_P(VideoMmeTrap, ReadsTheLetterTheOfficialScriptReads) {
  for (const std::string& reply : GetParam().replies) {
    const std::optional<char> letter = extract_video_mme(reply);
    EXPECT_EQ(letter ? std::string(1, *letter) : "", GetParam().expected) << reply;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, VideoMmeTrap,
    testing::Values(
        Trap{"D1", {"b", "c"}, ""}, Trap{"D2", {"None", "E", ""}, ""},
        Trap{"D3", {"Best option: C"}, "B"}, Trap{"D4", {"The best option is B"}, "B"},
        Trap{"D5", {"Based on the video, the correct answer is (C)"}, "B"},
        Trap{"D6", {"Because the man waves, D"}, "B"}, Trap{"D7", {"Definitely B"}, "D"},
        Trap{"D8", {"A person is cooking so the answer is C."}, "A"},
        Trap{"D9", {"The Answer is C"}, "A"}, Trap{"D10", {"the answer is C"}, "C"},
        Trap{"D11", {"Apologies, no idea"}, "A"},
        Trap{"D12", {"The correct answer is not A but B"}, "A"},
        Trap{"D13", {"The video depicts a man, Donald, so A"}, "D"}, Trap{"D14", {"BBC news"}, "B"},
        Trap{"D15", {"Answer:B. A cat"}, "B"},
        Trap{"D16", {"I cannot determine the answer from the frames provided here today ok"}, ""}),
    [](const auto& row) { return std::string(row.param.row); });

VideoMmeVerdict verdict(std::optional<bool> is_correct) {
  return {.duration = "short",
          .domain = "Knowledge",
          .sub_category = "Law",
          .task_type = "OCR Problems",
          .is_correct = is_correct};
}

TEST(VideoMmeFigures, D17LeavesOutWhatWasNotAnswered) {
  std::vector<VideoMmeVerdict> verdicts(60, verdict(true));
  verdicts.insert(verdicts.end(), 20, verdict(false));
  verdicts.insert(verdicts.end(), 20, verdict(std::nullopt));
  const std::vector<VideoMmeFigure> figures = video_mme_figures(verdicts);
  ASSERT_FALSE(figures.empty());
  const VideoMmeFigure& overall = figures.back();
  EXPECT_EQ(overall.duration, "all");
  EXPECT_EQ(overall.field, "overall");
  EXPECT_DOUBLE_EQ(overall.percent.value(), 75.0);
  EXPECT_EQ(overall.num_answered, 80);
  EXPECT_EQ(overall.num_unanswered, 20);
  EXPECT_DOUBLE_EQ(overall.strict_percent, 60.0);
}

TEST(CheckVideoMmeCounts, D18RefusesAnIncompleteLengthClass) {
  EXPECT_NO_THROW(check_video_mme_counts({{"short", 300}, {"long", 300}}));
  try {
    check_video_mme_counts({{"short", 299}});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    EXPECT_NE(std::string(error.what()).find("299 short videos, the official count is 300"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace peira::evals
