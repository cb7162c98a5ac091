// What a sample showed beside its text: where each picture, sound and film lies and what it is.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "model/media/video.h"
#include "runner/media_folder.h"

namespace peira::runner::cli {

// What a run showed: its files, and how it took frames of films.
struct ShownMedia {
  MediaFolder folder;
  std::optional<model::VideoProcessorConfig> frames = std::nullopt;  // of a model of ours

  // store     the run's.
  // manifest  the run's.
  ShownMedia(const std::filesystem::path& store, const Json& manifest);
};

// The stored part {"type": "image", "sha256"} of a message with what the kept file tells: path,
// bytes, and for pictures format, width and height; for films width, height, num_frames, fps,
// seconds, has_sound and, where the run says how frames were taken, frames_kept; for sounds
// seconds. Of a file that is not kept the digest alone; of one that cannot be decoded "problem".
OrderedJson media_json(const Json& part, const ShownMedia& shown);

// The same in a line: "[image: 96 x 96 png, 312 bytes, PATH]".
std::string media_line(const Json& part, const ShownMedia& shown);

// The content of a stored message: a text, or parts, each medium as a line of its own.
std::string content_text(const Json& content, const ShownMedia& shown);
// The stored messages with media_json() in place of each medium.
OrderedJson messages_with_media(const Json& messages, const ShownMedia& shown);

}  // namespace peira::runner::cli
