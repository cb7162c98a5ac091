// Video: which frames are shown, decoding just those, and the patches of them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/media/image.h"
#include "model/media/image_features.h"

namespace peira::model {

// num_frames  as counted over the packets, not as a header says.
// fps         the average rate: frames over the time from the first to the end of the last.
// rotation    degrees clockwise, 0, 90, 180 or 270, that turn the stored frames upright; height and
// width are
//             of upright frames.
struct VideoInfo {
  std::int64_t num_frames = 0;
  double fps = 0;
  int height = 0;
  int width = 0;
  int rotation = 0;
  bool has_sound = false;
  double duration_s() const { return static_cast<double>(num_frames) / fps; }
};

// A video in memory. Threads: one at a time.
class Video {
 public:
  // Counts the frames by reading the packets, without decoding any.
  //
  // bytes   must outlive this. name is used in errors.
  // throws  Error(kData): not a media file, no pictures moving in it, no frames, frames over
  // max_pixels.
  Video(std::string_view bytes, const std::string& name,
        std::int64_t max_pixels = DecodeOptions{}.max_pixels);
  ~Video();
  Video(Video&&) noexcept;
  Video& operator=(Video&&) noexcept;

  const VideoInfo& info() const;
  // When frame `index` is shown, in seconds after the first.
  double shown_at(std::int64_t index) const;

  // Decodes the frames `indices` (ascending, in the order in which they are shown, from 0) and
  // gives each to `take`, upright. Between frames far apart it jumps to the key frame before the
  // next: the same frames as reading all.
  //
  // throws Error(kData): corrupt data, or fewer frames than were counted.
  void read(const std::vector<std::int64_t>& indices, const std::function<void(RgbImage)>& take);

 private:
  class Reader;
  std::unique_ptr<Reader> reader_;
};

// video_preprocessor_config.json of the Qwen3-VL family, under its own names.
struct VideoProcessorConfig {
  ImageProcessorConfig image = {};  // patch sizes, mean, std, filter; its pixel limits are not used
  double fps = 2;                   // frames a second that are shown
  std::int64_t num_frames = 0;      // this many instead, if not 0
  std::int64_t min_frames = 4;
  std::int64_t max_frames = 768;
  std::int64_t min_pixels = 4'096;       // size.shortest_edge, over all frames together
  std::int64_t max_pixels = 25'165'824;  // size.longest_edge, likewise
  bool cap_pixels_per_frame = false;
  // As Qwen2VLVideoProcessor, which Qwen3-Omni uses: frames a whole number of temporal patches, at
  // equal steps from the first, and the pixel limits those of one frame.
  bool per_frame = false;
  std::int64_t max_video_tokens = 768;  // a frame, with cap_pixels_per_frame
};

// Reads video_preprocessor_config.json; absent keys keep the defaults above.
// throws Error(kData): as read_image_processor_config.
VideoProcessorConfig read_video_processor_config(const std::filesystem::path& file);
// The same from its text; where: named in errors. `defaults` are what absent keys keep.
VideoProcessorConfig video_processor_config(std::string_view text, const std::string& where,
                                            const VideoProcessorConfig& defaults = {});

// The frames that are shown of a video of `total` frames: evenly spaced from the first to the last,
// or, per_frame, at equal steps from the first.
// source transformers, models/qwen3_vl/video_processing_qwen3_vl.py, sample_frames; halves to even;
//        models/qwen2_vl/video_processing_qwen2_vl.py, sample_frames.
std::vector<std::int64_t> sample_frames(std::int64_t total, double fps,
                                        const VideoProcessorConfig& config);

// The size that `num_frames` frames are resized to.
// throws Error(kData): one side is over 200 times the other, or fewer frames than
// temporal_patch_size. source the same file, smart_resize and resize.
ImageSize smart_resize_video(ImageSize size, std::int64_t num_frames,
                             const VideoProcessorConfig& config, const std::string& name);

// timestamps_s  one per temporal patch: the mean time of its frames by index over fps, which
// Qwen3-VL writes into
//               the prompt ("<1.5 seconds>").
struct VideoFeatures {
  VisionFeatures vision = {};
  std::vector<std::int64_t> frames = {};
  std::vector<double> timestamps_s = {};
};

// throws Error(kData): as Video and smart_resize_video.
VideoFeatures video_features(Video& video, const VideoProcessorConfig& config,
                             const std::string& name);

}  // namespace peira::model
