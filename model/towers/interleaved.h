// A video and its soundtrack as one medium: their placeholders stand in one block, by time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/backend/backend.h"
#include "model/towers/media_encoder.h"

namespace peira::model {

// The runs of both, each token where its time on the first axis comes, the video's first where
// times are equal. Positions count from the block's begin; only the last run advances.
//
// video, sound  one run each; `name` is the video's, in errors.
// throws        Error(kUsage): the video is more than one run, with text between.
// source        transformers models/qwen3_omni_moe, get_rope_index, "Audio in Video".
std::vector<PlaceholderRun> interleaved(const std::vector<PlaceholderRun>& video,
                                        const std::vector<PlaceholderRun>& sound,
                                        const std::string& name);

// Their embeddings in the order of `runs`, as interleaved() gave them; to rows of sound the
// deepstack adds nothing.
//
// video_token  the placeholder of the video in `runs`.
EncodedMedium joined(Backend& backend, const EncodedMedium& video, const EncodedMedium& sound,
                     const std::vector<PlaceholderRun>& runs, std::int32_t video_token);

}  // namespace peira::model
