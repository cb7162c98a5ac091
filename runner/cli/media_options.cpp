#include "runner/cli/media_options.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>

#include "base/files.h"
#include "base/json.h"

namespace peira::runner::cli {
namespace {

// The tensors of one safetensors file, in the order in which they are added.
class TensorFile {
 public:
  void add(const std::string& name, const char* dtype, const std::vector<std::int64_t>& shape,
           std::span<const std::byte> bytes) {
    const std::size_t begin = data_.size();
    data_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    header_[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {begin, data_.size()}}};
  }

  std::string text() const {
    std::string header = dump_json(header_);
    header.resize((header.size() + 7) / 8 * 8, ' ');
    std::string out;
    for (unsigned byte = 0; byte < 8; ++byte) {
      out += static_cast<char>(header.size() >> (8 * byte) & 0xFFU);
    }
    return out + header + data_;
  }

 private:
  Json header_ = Json::object();
  std::string data_;
};

void add_vision(TensorFile& file, const std::vector<std::shared_ptr<const model::Medium>>& media,
                model::Modality modality, const std::string& values_name,
                const std::string& grid_name) {
  std::vector<std::int64_t> grids;
  std::vector<float> values;
  std::int64_t patches = 0;
  for (const auto& medium : media) {
    if (medium->modality != modality) continue;
    patches += std::int64_t{medium->grid_t} * medium->grid_h * medium->grid_w;
    grids.insert(grids.end(), {medium->grid_t, medium->grid_h, medium->grid_w});
    values.insert(values.end(), medium->features.begin(), medium->features.end());
  }
  if (grids.empty()) return;
  file.add(grid_name, "I64", {static_cast<std::int64_t>(grids.size() / 3), 3},
           std::as_bytes(std::span(grids)));
  file.add(values_name, "F32", {patches, static_cast<std::int64_t>(values.size()) / patches},
           std::as_bytes(std::span(values)));
}

void add_sounds(TensorFile& file, const std::vector<std::shared_ptr<const model::Medium>>& media) {
  std::vector<const model::Medium*> sounds;
  std::int64_t longest = 0;
  for (const auto& medium : media) {
    const model::Medium* const sound =
        medium->modality == model::Modality::kAudio ? medium.get() : medium->sound.get();
    if (sound == nullptr) continue;
    sounds.push_back(sound);
    longest = std::max<std::int64_t>(longest, sound->grid_t);
  }
  if (sounds.empty()) return;
  const auto bands = static_cast<std::int64_t>(sounds[0]->features.size()) / sounds[0]->grid_t;
  std::vector<float> values;
  std::vector<std::int32_t> mask;
  for (const model::Medium* const sound : sounds) {
    for (std::int64_t band = 0; band < bands; ++band) {
      const float* const row = sound->features.data() + band * sound->grid_t;
      values.insert(values.end(), row, row + sound->grid_t);
      values.resize(values.size() + static_cast<std::size_t>(longest - sound->grid_t));
    }
    mask.resize(mask.size() + static_cast<std::size_t>(sound->grid_t), 1);
    mask.resize(mask.size() + static_cast<std::size_t>(longest - sound->grid_t), 0);
  }
  const auto count = static_cast<std::int64_t>(sounds.size());
  file.add("feature_attention_mask", "I32", {count, longest}, std::as_bytes(std::span(mask)));
  file.add("input_features", "F32", {count, bands, longest}, std::as_bytes(std::span(values)));
}

}  // namespace

void add_video_sound_flag(CLI::App& app, bool& video_sound) {
  app.add_flag("--video-sound", video_sound,
               "videos come with their soundtracks, in step with the frames; for models that hear")
      ->group("Media");
}

void add_overflow_flag(CLI::App& app, model::Overflow& overflow) {
  static const std::map<std::string, model::Overflow> kPolicies{
      {"fail", model::Overflow::kFail}, {"keep-first", model::Overflow::kKeepFirst}};
  app.add_option(
         "--overflow", overflow,
         "when media are more than the model's positions: fail, or keep-first, which leaves "
         "the last ones out and says so")
      ->type_name("fail|keep-first")
      ->default_str("fail")
      ->transform(CLI::Transformer(kPolicies))
      ->group("Media");
}

void add_media_flags(CLI::App& app, MediaFlags& flags) {
  app.add_option("--image", flags.images,
                 "a picture in front of the prompt (may be repeated); F.pdf: all its pages, "
                 "F.pdf#page=2 or #page=1-3: those, at 144 dots per inch")
      ->allow_extra_args(false)
      ->group("Media");
  app.add_option("--video", flags.videos, "a video in front of the prompt (may be repeated)")
      ->allow_extra_args(false)
      ->group("Media");
  app.add_option("--audio", flags.sounds, "a sound in front of the prompt (may be repeated)")
      ->allow_extra_args(false)
      ->group("Media");
  add_video_sound_flag(app, flags.video_sound);
  add_overflow_flag(app, flags.overflow);
}

void write_features(const std::filesystem::path& file,
                    const std::vector<std::shared_ptr<const model::Medium>>& media) {
  TensorFile out;
  add_vision(out, media, model::Modality::kImage, "pixel_values", "image_grid_thw");
  add_vision(out, media, model::Modality::kVideo, "pixel_values_videos", "video_grid_thw");
  add_sounds(out, media);
  write_file_atomic(file, out.text());
}

}  // namespace peira::runner::cli
