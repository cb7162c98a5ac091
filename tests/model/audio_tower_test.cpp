// The audio tower by itself: against transformers on sounds of many lengths, across the borders of
// chunks (100 frames) and windows (200 frames here), and in what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "model/families/family.h"
#include "model/media/audio.h"
#include "model/towers/encoders.h"
#include "tests/model/golden.h"
#include "tests/model/omni_golden.h"

namespace peira::model {
namespace {

using test::bits_of;
using test::relative_error;
using ::testing::HasSubstr;

// The encoders of the golden thinker on one device.
class Towers {
 public:
  explicit Towers(const std::string& device,
                  const std::filesystem::path& folder = test::omni_folder())
      : files_(CheckpointFiles::folder(folder)),
        config_(load_config(files_)),
        tensors_(files_),
        host_(take_decoder_weights(config_, tensors_)),
        backend_(make_backend({.device = device})),
        encoders_(*backend_, config_, std::move(host_.towers), 0) {}

  const ModelConfig& config() const { return config_; }
  MediaEncoders& encoders() { return encoders_; }
  std::vector<float> embeddings(const Medium& medium) {
    const std::shared_ptr<const EncodedMedium> encoded = encoders_.encode(medium);
    std::vector<float> scratch;
    const std::span<const float> values = backend_->host_view(encoded->embeddings, scratch);
    return {values.begin(), values.end()};
  }

 private:
  CheckpointFiles files_;
  ModelConfig config_;
  CheckpointTensors tensors_;
  DecoderWeights host_;
  std::unique_ptr<Backend> backend_;
  MediaEncoders encoders_;
};

void expect_as_transformers(const std::string& device, const std::filesystem::path& folder) {
  Towers towers(device, folder);
  const Json expected = test::omni_expected(folder);
  for (const Json& given : expected.at("audio")) {
    const std::shared_ptr<const Medium> medium = test::omni_sound(given, towers.config());
    SCOPED_TRACE(medium->name);
    const auto rows = given.at("embeddings").get<std::vector<std::vector<float>>>();
    std::vector<float> want;
    for (const std::vector<float>& row : rows) want.insert(want.end(), row.begin(), row.end());
    EXPECT_LT(relative_error(towers.embeddings(*medium), want), 1e-5);
    const std::vector<PlaceholderRun> runs = towers.encoders().runs(*medium);
    ASSERT_EQ(runs.size(), 1U);
    EXPECT_EQ(runs[0].positions.size(), rows.size());
    EXPECT_EQ(runs[0].advance, static_cast<float>(rows.size()));
    if (towers.config().audio_config->n_window == 50) {
      EXPECT_EQ(num_audio_tokens(medium->grid_t), static_cast<std::int64_t>(rows.size()));
    }
  }
}

class AudioTowerParity : public ::testing::TestWithParam<std::string> {};

TEST_P(AudioTowerParity, EmbeddingsAreThoseOfTransformers) {
  expect_as_transformers(GetParam(), test::omni_folder());
}

// Towers of `make_tiny_qwen3_omni.py --fresh`, where somebody made some.
TEST_P(AudioTowerParity, HoldsOnFreshShapes) {
  const char* const folder = std::getenv("PEIRA_OMNI_FRESH");
  if (folder == nullptr) GTEST_SKIP() << "PEIRA_OMNI_FRESH names no folder";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path().string());
    expect_as_transformers(GetParam(), entry);
  }
}

// A window of 200 frames sees nothing behind its end: what follows changes none of its tokens, but
// whole chunks are the same only where the last chunk was whole too.
TEST_P(AudioTowerParity, AWindowDoesNotSeeTheNext) {
  Towers towers(GetParam());
  const std::int64_t bands = towers.config().audio_config->num_mel_bins;
  constexpr std::int32_t kLong = 437, kWindow = 200;
  const auto cut = [&](std::int32_t frames) {
    const Buffer<float> all = test::omni_features(7, bands * kLong);
    Medium medium;
    medium.modality = Modality::kAudio;
    medium.grid_t = frames;
    medium.digest = std::to_string(frames);
    for (std::int64_t band = 0; band < bands; ++band) {
      for (std::int32_t frame = 0; frame < frames; ++frame) {
        medium.features.push_back(all[static_cast<std::size_t>(band * kLong + frame)]);
      }
    }
    return towers.embeddings(medium);
  };
  const std::vector<float> window = cut(kWindow);
  const std::vector<float> whole = cut(kLong);
  ASSERT_EQ(window.size(), std::size_t{26 * 32});
  EXPECT_EQ(bits_of(window), bits_of(std::span(whole).first(window.size())));
}

INSTANTIATE_TEST_SUITE_P(Devices, AudioTowerParity, ::testing::Values("reference", "cpu"));

TEST(AudioTower, RefusesFeaturesOfAnotherShape) {
  Towers towers("reference");
  Medium medium = *test::omni_sound({{"frames", 30}, {"seed", 1}}, towers.config());
  medium.name = "a.wav";
  medium.features.pop_back();
  try {
    (void)towers.encoders().runs(medium);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_THAT(error.what(), HasSubstr("a.wav: 599 features for 30 frames of 20 mel bands"));
  }
  medium.grid_t = 0;
  medium.features.clear();
  EXPECT_THROW((void)towers.encoders().encode(medium), Error);
}

// Each field of audio_config that the tower cannot do without, or cannot have.
TEST(AudioConfig, RefusesWhatCannotRun) {
  const std::filesystem::path file = test::omni_folder() / "config.json";
  const Json good = parse_json(read_file(file), "config.json");
  const auto refusal = [&](const char* field, const Json& value) -> std::string {
    Json changed = good;
    Json& audio = changed["thinker_config"]["audio_config"];
    audio[field] = value;
    if (value.is_null()) audio.erase(field);
    try {
      (void)config_from_json(changed, "config.json");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kData);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal("dropout", 0.5), "");
  EXPECT_THAT(refusal("n_window", 25), HasSubstr("audio_config: n_window is 25, so that 50 frames "
                                                 "become 7 tokens, not 13"));
  EXPECT_THAT(refusal("n_window_infer", 99), HasSubstr("n_window_infer is 99, less than a chunk"));
  EXPECT_THAT(refusal("encoder_attention_heads", 5), HasSubstr("a multiple of the heads"));
  EXPECT_THAT(refusal("d_model", nullptr), HasSubstr("d_model is missing"));
  EXPECT_THAT(refusal("output_dim", 31),
              HasSubstr("output_dim is 31 but the text's hidden_size 32"));
  EXPECT_THAT(refusal("activation_function", "relu"), HasSubstr("\"relu\" is not supported"));
  EXPECT_THAT(refusal("num_mel_bins", 0), HasSubstr("num_mel_bins"));
}

}  // namespace
}  // namespace peira::model
