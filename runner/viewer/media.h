// Media of stored prompts: what may be shown, and nothing else. A picture is named by its place in
// an answer's story, never by a path from outside.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "runner/media_folder.h"

namespace peira::runner::viewer {

struct Media {
  std::string type;  // "image/png"; of the bytes' own beginning, never of what names them
  std::string bytes;
};

// The kind of file that `bytes` begin as, of those a browser shows without running anything in them
// (so no SVG): PNG, JPEG, GIF, WebP, BMP, WAV, MP3, Ogg, FLAC, MP4, WebM. Empty for any other.
std::optional<std::string> media_type_of(std::string_view bytes);

// The bytes behind a part of a stored message: {"type": "image", "data": base64}, the OpenAI forms
// (image_url with a data: URL, input_audio), {"path", "sha256"} of a file whose bytes still have
// that digest, or {"sha256"} alone of bytes in `folder`. Empty when the part names none, they are
// over 64 MiB, or no media of the list above.
std::optional<Media> media_of(const Json& part, const MediaFolder& folder);

// A stored list of messages as pages show it: [{"role", "parts": [{"type": "text", "text"} |
// {"type": "image" | "audio" | "video", "sha256", "message", "part", "shown"}]}]. `shown`: media_of
// has it.
OrderedJson messages_for_page(const Json& messages, const MediaFolder& folder);

}  // namespace peira::runner::viewer
