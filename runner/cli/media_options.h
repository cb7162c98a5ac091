// Flags for pictures, videos and sounds beside a prompt, and a file of what they became.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "model/text/language_model.h"

namespace peira::runner::cli {

// --overflow: what becomes of media that are more than the model's positions.
void add_overflow_flag(CLI::App& app, model::Overflow& overflow);
// --video-sound: whether videos come with their soundtracks.
void add_video_sound_flag(CLI::App& app, bool& video_sound);

struct MediaFlags {
  std::vector<std::string> images, videos, sounds;  // paths
  bool video_sound = false;
  model::Overflow overflow = model::Overflow::kFail;
};

void add_media_flags(CLI::App& app, MediaFlags& flags);

// Writes features and grids as a safetensors file, under the names and in the shapes that
// transformers' processors give: pixel_values [patches, features] and image_grid_thw [pictures, 3]
// over all pictures, pixel_values_videos and video_grid_thw over all videos, input_features
// [sounds, bands, frames] and feature_attention_mask over all sounds, those of videos among them; a
// shorter one ends in zeros. throws Error(kUnavailable): the file cannot be written.
void write_features(const std::filesystem::path& file,
                    const std::vector<std::shared_ptr<const model::Medium>>& media);

}  // namespace peira::runner::cli
