// How videos reach an endpoint: whole, or as pictures of some of their frames.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/message.h"

namespace peira::runner {

// What a person gives as --endpoint-video:
//
//   part             whole, as a part of type video_url: vLLM, SGLang, peira serve
//   frames:N         N frames, evenly spaced from the first to the last, a JPEG picture each,
//   without
//                    sound: for servers that take pictures alone
//   frames:N@SIDE    the same, the longer side at most SIDE pixels
//   auto             frames:32 for api.openai.com, whose protocol has no part for videos; else part
struct VideoSending {
  std::int64_t num_frames = 0;  // 0: whole
  int longest_side = 0;         // 0: as it is

  // host    of the endpoint, for auto.
  // throws  Error(kUsage): none of these.
  static VideoSending parse(const std::string& text, const std::string& host);
  // "part", "frames:32@512".
  std::string text() const;

  // The frames sent of a video of `total` of them: no more than it has.
  std::vector<std::int64_t> frames(std::int64_t total) const;
};

// The quality of the JPEG pictures.
inline constexpr int kFrameQuality = 95;

// Turns videos in messages into pictures of their frames. The last video's pictures are kept: the
// questions on one follow each other.
// threads: one at a time.
class FrameMaker {
 public:
  explicit FrameMaker(VideoSending sending) : sending_(sending) {}

  // `messages` with a picture for each frame in the place of each video; unchanged where videos are
  // sent whole. throws Error(kData), Error(kUnavailable): a video cannot be read (names it).
  std::vector<Message> sendable(const std::vector<Message>& messages);

 private:
  const std::vector<Part>& frames_of(const Part& video);

  VideoSending sending_;
  std::string last_key_;
  std::vector<Part> last_frames_;
};

}  // namespace peira::runner
