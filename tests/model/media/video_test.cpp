#include "model/media/video.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "base/files.h"

namespace peira::model {
namespace {

const std::filesystem::path kGolden =
    std::filesystem::path(PEIRA_SOURCE_DIR) / "tests/golden/media";

std::string file_of(const std::string& name) { return read_file(kGolden / "videos" / name); }

std::vector<RgbImage> frames_of(Video& video, const std::vector<std::int64_t>& indices) {
  std::vector<RgbImage> frames;
  video.read(indices, [&](RgbImage frame) { frames.push_back(std::move(frame)); });
  return frames;
}

std::string problem_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    return error.what();
  }
  return "no error";
}

// Means of 8 x 8 blocks: decoders agree to the bit, conversions from YUV by one level.
void expect_blocks(const RgbImage& frame, const nlohmann::json& expected) {
  std::size_t at = 0;
  for (int top = 0; top < frame.height; top += 8) {
    for (int left = 0; left < frame.width; left += 8) {
      for (int channel = 0; channel < 3; ++channel, ++at) {
        double sum = 0;
        for (int y = top; y < top + 8; ++y) {
          for (int x = left; x < left + 8; ++x) {
            sum += frame.pixels[static_cast<std::size_t>((y * frame.width + x) * 3 + channel)];
          }
        }
        ASSERT_NEAR(sum / 64, expected.at(at).get<double>(), 1.0)
            << "block at " << left << "," << top;
      }
    }
  }
  EXPECT_EQ(at, expected.size());
}

// What Qwen3VLVideoProcessor and PyAV make of the same files:
// tests/golden/media/make_sound_video_golden.py.
TEST(VideoFeatures, ShowsTheReferencesFramesAtItsTimes) {
  const auto golden = nlohmann::json::parse(read_file(kGolden / "videos.json"));
  for (const auto& row : golden["videos"]) {
    const std::string name = row["file"];
    SCOPED_TRACE(name);
    const std::string bytes = file_of(name);
    Video video(bytes, name);
    EXPECT_EQ(video.info().num_frames, row["frames"].get<std::int64_t>());
    EXPECT_DOUBLE_EQ(video.info().fps, row["fps"].get<double>());
    const VideoFeatures features = video_features(video, {}, name);
    EXPECT_EQ(features.frames, row["indices"].get<std::vector<std::int64_t>>());
    EXPECT_EQ(features.timestamps_s, row["times"].get<std::vector<double>>());
    EXPECT_EQ(
        nlohmann::json({features.vision.grid_t, features.vision.grid_h, features.vision.grid_w}),
        row["grid"]);
    const std::vector<RgbImage> frames =
        frames_of(video, {features.frames.front(), features.frames.back()});
    expect_blocks(frames[0], row["first"]);
    expect_blocks(frames[1], row["last"]);
  }
}

TEST(SampleFrames, SpacesThemAsTheReference) {
  const auto golden = nlohmann::json::parse(read_file(kGolden / "videos.json"));
  for (const auto& row : golden["sampled"]) {
    SCOPED_TRACE(row.dump());
    const auto frames = sample_frames(row["total"], row["fps"], {});
    ASSERT_EQ(frames.size(), row["count"].get<std::size_t>());
    EXPECT_EQ(std::accumulate(frames.begin(), frames.end(), std::int64_t{0}),
              row["sum"].get<std::int64_t>());
    EXPECT_EQ(frames.back(), row["last"].get<std::int64_t>());
    EXPECT_EQ(frames[std::min<std::size_t>(2, frames.size() - 1)],
              row["third"].get<std::int64_t>());
  }
  EXPECT_EQ(sample_frames(100, 25, {.num_frames = 3}),
            (std::vector<std::int64_t>{0, 50, 99}));  // 49.5 to even
}

// Jumping to key frames gives the frames that reading from the start gives.
TEST(Video, GivesTheSameFrameHoweverItIsReached) {
  for (const std::string name : {"sound.mp4", "uneven.mp4", "motion.avi", "short.webm"}) {
    SCOPED_TRACE(name);
    const std::string bytes = file_of(name);
    Video video(bytes, name);
    std::vector<std::int64_t> all(static_cast<std::size_t>(video.info().num_frames));
    std::iota(all.begin(), all.end(), 0);
    const std::vector<RgbImage> frames = frames_of(video, all);
    ASSERT_EQ(frames.size(), all.size());
    for (std::int64_t index = video.info().num_frames - 1; index >= 0; index -= 7) {
      EXPECT_EQ(frames_of(video, {index}).at(0).pixels,
                frames[static_cast<std::size_t>(index)].pixels)
          << index;
    }
  }
}

TEST(Video, TurnsFramesUpright) {
  const std::string plain = file_of("short.mp4");
  const std::string turned = file_of("turned.mp4");
  Video a(plain, "short.mp4");
  Video b(turned, "turned.mp4");
  ASSERT_NE(b.info().rotation % 180, 0);
  EXPECT_EQ(b.info().height, a.info().width);
  const RgbImage stored = frames_of(a, {0}).at(0);
  const RgbImage upright = frames_of(b, {0}).at(0);
  for (int y = 0; y < stored.height; ++y) {
    for (int x = 0; x < stored.width; ++x) {
      const int to_x = b.info().rotation == 90 ? stored.height - 1 - y : y;
      const int to_y = b.info().rotation == 90 ? x : stored.width - 1 - x;
      ASSERT_EQ(stored.pixels[static_cast<std::size_t>((y * stored.width + x) * 3)],
                upright.pixels[static_cast<std::size_t>((to_y * upright.width + to_x) * 3)]);
    }
  }
}

// Every third frame after the fortieth: shown for longer, at times of their own.
TEST(Video, KnowsWhenUnevenFramesAreShown) {
  const std::string bytes = file_of("uneven.mp4");
  Video video(bytes, "uneven.mp4");
  EXPECT_NEAR(video.shown_at(39), 39 / 30.0, 1e-3);
  EXPECT_NEAR(video.shown_at(50) - video.shown_at(49), 0.1, 1e-3);
}

TEST(Video, RefusesWhatCannotBeShown) {
  EXPECT_EQ(problem_of([] { Video("", "a.mp4"); }), "a.mp4: the file is empty");
  const std::string sound = read_file(kGolden / "sounds/chirp.wav");
  EXPECT_EQ(problem_of([&] { Video(sound, "a.wav"); }),
            "a.wav: there are no moving pictures in it");
  const std::string bytes = file_of("short.mp4");
  EXPECT_NE(problem_of([&] {
              Video(bytes, "a.mp4", 100);
            }).find("frames of 64x48 pixels, the limit is 100 pixels"),
            std::string::npos);
  const std::string one = file_of("one_frame.mp4");
  EXPECT_NE(problem_of([&] {
              Video video(one, "a.mp4");
              video_features(video, {}, "a.mp4");
            }).find("1 frame shown, at least 2 are needed"),
            std::string::npos);
}

// Cut anywhere, a file is refused or gives whole frames: it never ends in a crash or a hang.
TEST(Video, SurvivesTruncation) {
  for (const std::string name : {"sound.mp4", "motion.avi", "short.webm"}) {
    const std::string whole = file_of(name);
    for (std::size_t size = 0; size < whole.size(); size += whole.size() / 23) {
      const std::string cut = whole.substr(0, size);
      try {
        Video video(cut, name);
        video_features(video, {}, name);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kData);
        EXPECT_EQ(std::string(error.what()).find(name), 0U);
      }
    }
  }
}

}  // namespace
}  // namespace peira::model
