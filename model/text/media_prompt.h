// Places for media in a prompt: from one placeholder each, as chat templates write them, to as many
// tokens as the medium has.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/engine.h"
#include "model/text/media_reader.h"

namespace peira::model {

// The texts of the tokens that media take; empty where a model has none.
struct MediaMarks {
  std::string image, video, audio;
  std::string vision_start, vision_end;
  std::string audio_start, audio_end;
};

struct MediaPrompt {
  std::string text;
  std::vector<ReadMedium> media;  // in the order of their placeholders
};

// `text` with every placeholder replaced: a picture's or a sound's by as many as it has tokens, a
// video's by its frames, each behind the time at which it is shown: "<1.5 seconds>", vision_start,
// placeholders, vision_end. A video that comes with its sound: audio_start, the placeholders of
// both by time, audio_end.
//
// media   in the order in which parts of their kind stand in the prompt.
// source  transformers 5.17, models/qwen3_vl/processing_qwen3_vl.py; ":.1f" of a time;
//         models/qwen3_omni_moe/processing_qwen3_omni_moe.py.
// throws  Error(kData), beginning with `where`: not as many placeholders as media of a kind (says
//         both numbers); Engine::placeholder_runs().
MediaPrompt expand_placeholders(const std::string& text, std::span<const ReadMedium> media,
                                const MediaMarks& marks, const Engine& engine,
                                const std::string& where);

// `media` in the order in which their placeholders stand in `tokens`, each kind in its own order;
// what has no placeholder comes last.
std::vector<ReadMedium> in_token_order(std::span<const std::int32_t> tokens,
                                       std::span<const ReadMedium> media, const Engine& engine);

}  // namespace peira::model
