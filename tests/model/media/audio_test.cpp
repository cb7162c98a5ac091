#include "model/media/audio.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"

namespace peira::model {
namespace {

const std::filesystem::path kGolden =
    std::filesystem::path(PEIRA_SOURCE_DIR) / "tests/golden/media";

std::string sound(const std::string& file) { return read_file(kGolden / "sounds" / file); }

std::string problem_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    return error.what();
  }
  return "no error";
}

// WhisperFeatureExtractor's frames (tests/golden/media/make_sound_video_golden.py). Its float32
// spectrum is off by up to 7e-5 where it is quietest; the frames here are computed in float64.
TEST(LogMel, AgreesWithTheReference) {
  for (const auto& row : nlohmann::json::parse(read_file(kGolden / "sounds.json"))) {
    const std::string file = row["file"];
    SCOPED_TRACE(file);
    const AudioClip clip = decode_audio(sound(file), file);
    EXPECT_EQ(clip.samples.size(), row["samples"].get<std::size_t>());
    const MelFeatures mel = log_mel(clip, {}, file);
    ASSERT_EQ(mel.num_bands, 128);
    ASSERT_EQ(mel.num_frames, row["frames"].get<std::int64_t>());
    const std::string golden = sound(file + ".mel");
    ASSERT_EQ(golden.size(), mel.values.size() * sizeof(float));
    double worst = 0;
    for (std::size_t i = 0; i < mel.values.size(); ++i) {
      float value = 0;
      std::memcpy(&value, golden.data() + i * sizeof(float), sizeof(float));
      worst = std::max(worst, std::abs(static_cast<double>(value) - mel.values[i]));
    }
    EXPECT_LE(worst, 1e-4);
  }
}

TEST(DecodeAudio, ReadsOneClipInEveryContainer) {
  const AudioClip wav = decode_audio(sound("chirp.wav"), "chirp.wav");
  const AudioClip flac = decode_audio(sound("chirp.flac"), "chirp.flac");
  EXPECT_EQ(wav.samples, flac.samples);  // lossless
  for (const char* const file : {"chirp.mp3", "chirp.ogg"}) {
    SCOPED_TRACE(file);
    const AudioClip lossy = decode_audio(sound(file), file);
    EXPECT_EQ(lossy.sample_rate, 16000);
    // What the codec adds in front the container marks as not to be played.
    EXPECT_NEAR(static_cast<double>(lossy.samples.size()), static_cast<double>(wav.samples.size()),
                1200);
    double power = 0;
    for (const float value : lossy.samples) power += static_cast<double>(value) * value;
    EXPECT_NEAR(power / static_cast<double>(lossy.samples.size()), 0.045, 0.02);  // 0.3^2 / 2
  }
}

// 0.5 on the left and -0.25 on the right at 8 kHz: 0.125 at 16 kHz, twice the samples.
TEST(DecodeAudio, MixesChannelsByTheirMeanAndResamples) {
  const AudioClip clip = decode_audio(sound("stereo_8k.wav"), "stereo_8k.wav");
  EXPECT_NEAR(static_cast<double>(clip.samples.size()), 3200, 40);
  EXPECT_NEAR(clip.samples[1600], 0.125, 1e-3);
}

TEST(DecodeAudio, TakesTheSoundOfAVideo) {
  const AudioClip clip = decode_audio(read_file(kGolden / "videos/sound.mp4"), "sound.mp4");
  EXPECT_NEAR(clip.duration_s(), 5.0, 0.1);
}

TEST(DecodeAudio, RefusesWhatIsNoSound) {
  EXPECT_EQ(problem_of([] { decode_audio("", "a.wav"); }), "a.wav: the file is empty");
  EXPECT_NE(problem_of([] { decode_audio("nonsense of some length", "a.wav"); }).find("a.wav: "),
            std::string::npos);
  EXPECT_EQ(problem_of([] { decode_audio(read_file(kGolden / "videos/short.mp4"), "a.mp4"); }),
            "a.mp4: there is no sound in it");
  std::string empty = sound("shortest.wav").substr(0, 44);
  EXPECT_NE(problem_of([&] { decode_audio(empty, "a.wav"); }).find("a.wav: "), std::string::npos);
  EXPECT_NE(problem_of([] {
              decode_audio(sound("chirp.wav"), "a.wav", {.max_seconds = 0.01});
            }).find("more than 0 seconds"),
            std::string::npos);
}

// A playlist that names another file opens nothing.
TEST(DecodeAudio, DoesNotFollowPlaylists) {
  const std::string playlist =
      "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n";
  EXPECT_NE(problem_of([&] { decode_audio(playlist, "a.m3u8"); }), "no error");
}

TEST(LogMel, SaysWhenAClipIsTooShort) {
  AudioClip clip;
  clip.sample_rate = 16000;
  clip.samples.assign(200, 0.1F);
  EXPECT_NE(problem_of([&] {
              log_mel(clip, {}, "a.wav");
            }).find("200 samples at 16000 Hz: too short, the least is 201"),
            std::string::npos);
}

// Lengths from _get_feat_extract_output_lengths of transformers 5.17
// (processing_qwen3_omni_moe.py).
TEST(NumAudioTokens, CountsAsTheReference) {
  const std::vector<std::pair<std::int64_t, std::int64_t>> expected{
      {0, 0},   {1, 1},    {2, 1},    {7, 1},    {8, 1},     {9, 2},
      {99, 13}, {100, 13}, {101, 14}, {108, 14}, {3000, 390}};
  for (const auto& [frames, tokens] : expected)
    EXPECT_EQ(num_audio_tokens(frames), tokens) << frames;
}

}  // namespace
}  // namespace peira::model
