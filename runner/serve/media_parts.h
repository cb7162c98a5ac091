// Pictures, sounds and videos in the content of a chat's messages, as OpenAI's protocol and vLLM's
// additions to it have them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/message.h"

namespace peira::runner {

// What the model that is served takes besides text.
struct TakenMedia {
  bool images = false, sounds = false, videos = false;
};

struct NumMedia {
  std::int64_t images = 0, sounds = 0, videos = 0;
  std::int64_t all() const { return images + sounds + videos; }
};

// The medium of a part whose "type" is `type`; empty for a type that is none:
//
//   image_url, audio_url, video_url   {"url": "data:TYPE;base64,..."}; the last two are vLLM's
//   input_audio                       {"data": BASE64, "format": "wav"}
//
// What a file is, its own bytes say. Nothing is fetched and no path is read for a request.
// where   of the part, in front of errors: "messages[0].content[1]".
// counts  one more of the kind, also where it is refused.
// throws  Error(kUsage): not of this form, or a kind that the model does not take.
std::optional<Part> read_media_part(const Json& part, const std::string& type,
                                    const std::string& where, const TakenMedia& taken,
                                    NumMedia& counts);

}  // namespace peira::runner
