// What a tower is to the engine: the features of one medium in, the embeddings of its placeholder
// tokens out. Adding a modality: a class of this interface, its weights in TowerWeights, a line in
// make_encoders().
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/tensor.h"
#include "model/towers/medium.h"

namespace peira::model {

// Positions that a decoder with several axes gives one token: time, row, column. All three are
// equal for text.
using AxisPosition = std::array<float, 3>;

// Placeholder tokens of a medium that follow each other in the prompt. A picture or a sound is one
// run; a video is one run for each temporal patch where text (time stamps) stands between them.
struct PlaceholderRun {
  std::int32_t token = 0;               // the placeholder's id
  std::vector<AxisPosition> positions;  // of each token, from the position at which the run begins
  float advance = 0;                    // from there to the position of the token behind the run
};

// A medium on the device, ready for the decoder. H: the decoder's hidden_size.
struct EncodedMedium {
  // In place of the placeholders' embeddings, over all runs in order. [num_tokens, H]
  Tensor embeddings;
  // Element i is added to the hidden states of the same tokens behind decoder layer i; may be
  // empty. Each [num_tokens, H].
  std::vector<Tensor> deepstack;

  std::int64_t num_tokens() const { return embeddings.shape()[0]; }
  std::int64_t num_bytes() const {
    return bytes_of(DType::kF32, embeddings.shape().num_elements()) *
           (1 + static_cast<std::int64_t>(deepstack.size()));
  }
};

// One tower on one device, its weights placed.
//
// encode() is deterministic, and of one medium: no other has a part in its embeddings.
// threads: one at a time.
class MediaEncoder {
 public:
  MediaEncoder() = default;
  virtual ~MediaEncoder() = default;
  MediaEncoder(const MediaEncoder&) = delete;
  MediaEncoder& operator=(const MediaEncoder&) = delete;

  virtual bool takes(Modality modality) const = 0;

  // Where the decoder puts `medium`: the number of positions over all runs is the number of rows
  // that encode() gives. Reads sizes only, no features.
  // throws  Error(kUsage), naming medium.name: features or grid are not what this tower reads.
  virtual std::vector<PlaceholderRun> runs(const Medium& medium) const = 0;

  // Queued on the device as any operation is.
  // throws  as runs(); Error(kUnavailable): the device has not enough memory.
  virtual EncodedMedium encode(const Medium& medium) = 0;
};

}  // namespace peira::model
