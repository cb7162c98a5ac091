// Subtitles on their way into prompts: chosen by what a model sees, kept in the run's identity.
#include "runner/subtitles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "base/error.h"
#include "base/files.h"
#include "datasets/dataset.h"
#include "evals/suite.h"
#include "model/media/video.h"
#include "runner/endpoints/open_model.h"
#include "runner/executor.h"
#include "runner/sample_source.h"
#include "tests/runner/support.h"

namespace peira::runner {
namespace {

using ::testing::HasSubstr;

// Is shown the frames it is told of.
class SeeingFake : public testing::FakeClient {
 public:
  SeeingFake()
      : testing::FakeClient([](const ModelRequest&) {
          ModelResponse response;
          response.text = "A";
          response.finish_reason = "stop";
          return response;
        }) {}
  std::optional<std::vector<std::int64_t>> frames_shown(std::int64_t, double) const override {
    return frames;
  }
  std::optional<std::vector<std::int64_t>> frames;
};

datasets::SubtitleSelection selection(const std::string& text) {
  return datasets::SubtitleSelection::parse(text);
}

class Subtitled : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      const auto reader =
          datasets::open_samples(datasets::find_dataset("video-mme-sample", "video-mme-subtitles"));
      while (auto sample = reader->next()) samples_.push_back(std::move(*sample));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnavailable) throw;
      GTEST_SKIP() << error.what();
    }
  }

  std::string lines(const ModelClient& model, const std::string& which, std::size_t row) {
    datasets::Sample sample = samples_.at(row);
    SubtitleDesk desk(model, selection(which));
    desk.choose(sample);
    return sample.subtitles;
  }

  std::vector<datasets::Sample> samples_;
};

// sample_020 has 24 frames, 8 a second, and says one, nine, four, each from 0.10 to 0.95 seconds of
// its second: frames 0 to 6, 8 to 14 (int(1.1 * 8) = 8, int(1.95 * 8) = 15), 16 to 22.
constexpr std::size_t kRow = 57;

TEST_F(Subtitled, AreThoseOfTheFramesThatTheModelSees) {
  SeeingFake model;
  ASSERT_EQ(samples_.at(kRow).subtitle_file->path.filename(), "sample_020.srt");
  model.frames = {7, 15, 23};
  EXPECT_EQ(lines(model, "shown", kRow), "");
  model.frames = {0, 14};
  EXPECT_EQ(lines(model, "shown", kRow), "one\nnine");
  model.frames = {22, 23};
  EXPECT_EQ(lines(model, "shown", kRow), "four");
  model.frames.reset();  // a model that does not tell: every line
  EXPECT_EQ(lines(model, "shown", kRow), "one\nnine\nfour");
}

// By hand: frames 0, 11, 23 of three inclusive; 8 and 16 of two inside (1.0 and 2.0 seconds, when
// nothing is said, for the ends are strict); 0, 8, 16 of one a second.
TEST_F(Subtitled, OfStatedFramesDoNotAskTheModel) {
  SeeingFake model;
  model.frames = {7};
  EXPECT_EQ(lines(model, "all", kRow), "one\nnine\nfour");
  EXPECT_EQ(lines(model, "uniform-inclusive:3", kRow), "one\nnine");
  EXPECT_EQ(lines(model, "uniform-interior:2", kRow), "");
  EXPECT_EQ(lines(model, "uniform-interior:1", kRow), "nine");  // frame 12, at 1.5 seconds
  EXPECT_EQ(lines(model, "fps:1", kRow), "");
  EXPECT_EQ(lines(model, "fps:2", kRow), "one\nnine\nfour");
}

TEST_F(Subtitled, OfAVideoWithoutAFileSaySo) {
  SeeingFake model;
  EXPECT_EQ(lines(model, "shown", 0), "No subtitles available");
  EXPECT_EQ(lines(model, "fps:2", 0), "No subtitles available");
}

TEST_F(Subtitled, NamesSampleAndFileOfWhatIsBroken) {
  const testing::TempFolder folder;
  const auto broken = [&](const std::string& bytes) -> std::string {
    datasets::Sample sample = samples_.at(kRow);
    const std::filesystem::path path = folder.path() / "x.srt";
    std::ofstream(path, std::ios::binary) << bytes;
    datasets::SubtitleFile file;
    file.path = path;
    sample.subtitle_file = std::make_shared<const datasets::SubtitleFile>(file);
    SeeingFake model;
    SubtitleDesk desk(model, selection("shown"));
    try {
      desk.choose(sample);
    } catch (const Error& error) {
      return error.what();
    }
    return desk.notes().empty() ? sample.subtitles : desk.notes().at(0);
  };
  EXPECT_THAT(broken("1\nsoon\nhello\n"),
              ::testing::AllOf(::testing::StartsWith("sample 020-1: "), HasSubstr("x.srt:2: ")));
  EXPECT_THAT(broken("1\n00:00:00,000 --> 00:00:09,000\nplain\n"),
              HasSubstr("1 files of subtitles have no line in the official markup"));
  EXPECT_THAT(broken(std::string((16U << 20U) + 1, '\n')), HasSubstr("the limit is 16777216"));
}

RunOptions run_options(const std::string& suite, const std::string& name) {
  RunOptions options;
  options.suite = evals::find_suite(suite);
  options.variant = evals::parse_variant("official");
  options.samples = source_of(options.suite, "");
  options.name = name;
  return options;
}

// Both settings are runs of their own, on the same questions, and the record says what was shown.
TEST_F(Subtitled, BecomePartOfTheRunsIdentity) {
  const testing::TempFolder folder;
  Store store(folder.path() / "runs.db");
  SeeingFake model;
  model.frames = {0, 8, 16};
  std::map<std::string, std::string> said;
  model.on_submit = [&](const ModelRequest& request) {
    said[request.sample_id] = text_of(request.messages.at(0));
  };
  RunOptions options = run_options("video-mme-subtitles", "with");
  execute_run(store, model, options);
  EXPECT_THAT(said.at("020-1"),
              ::testing::StartsWith("The subtitles of this video are:\none\nnine\nfour\n"));
  EXPECT_THAT(said.at("001-1"),
              ::testing::StartsWith("The subtitles of this video are:\nNo subtitles available\n"));
  options.name = "fewer";
  options.subtitles = selection("uniform-inclusive:1");
  execute_run(store, model, options);
  EXPECT_THAT(said.at("020-1"),
              ::testing::StartsWith("The subtitles of this video are:\none\nChoose"));
  execute_run(store, model, run_options("video-mme", "without"));
  EXPECT_THAT(said.at("020-1"), ::testing::StartsWith("Choose"));

  const RunInfo with = store.run("with"), fewer = store.run("fewer"),
                without = store.run("without");
  EXPECT_EQ(with.suite, "video-mme-subtitles");
  EXPECT_EQ(without.suite, "video-mme");
  EXPECT_EQ(with.manifest["values"]["prompt"]["subtitles"],
            (Json{{"selection", "shown"}, {"frames", "model"}}));
  EXPECT_EQ(fewer.manifest["values"]["prompt"]["subtitles"],
            (Json{{"selection", "uniform-inclusive:1"}}));
  EXPECT_FALSE(without.manifest["values"]["prompt"].contains("subtitles"));
  EXPECT_NE(with.identity, fewer.identity);
  EXPECT_EQ(with.manifest["digests"]["dataset"], without.manifest["digests"]["dataset"]);
  EXPECT_THAT(with.warnings, ::testing::Contains(HasSubstr("videos without subtitles")));
}

// The engine shows the frames that its processor takes.
TEST(EngineClientFrames, AreThoseOfItsProcessor) {
  const std::filesystem::path golden = std::filesystem::path(PEIRA_SOURCE_DIR) / "tests/golden";
  const ModelOptions options;
  const auto sees = open_model((golden / "vision_prompt").string(), options);
  const auto frames = sees->frames_shown(100, 25);
  ASSERT_TRUE(frames.has_value());
  const model::VideoProcessorConfig config =
      model::read_video_processor_config(golden / "vision_prompt/video_preprocessor_config.json");
  EXPECT_EQ(*frames, model::sample_frames(100, 25, config));
  EXPECT_EQ(frames->size(), 6U);  // its max_frames
}

}  // namespace
}  // namespace peira::runner
