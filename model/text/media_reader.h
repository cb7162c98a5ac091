// Parts of messages to media: files decoded, resized and cut as the checkpoint's processors do.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/message.h"
#include "model/checkpoint_files.h"
#include "model/config.h"
#include "model/media/audio.h"
#include "model/media/image_features.h"
#include "model/media/video.h"
#include "model/towers/medium.h"

namespace peira::model {

// A medium and what the prompt says of it.
struct ReadMedium {
  std::shared_ptr<const Medium> medium;
  std::vector<double> timestamps_s = {};  // of a video's temporal patches
};

// The modality that a part which is no text has.
Modality modality_of(PartKind kind);

// SHA-256 in hexadecimal of what encoders and positions depend on: Medium::digest.
std::string digest_of(const Medium& medium);

// threads: one at a time.
class MediaReader {
 public:
  // Reads preprocessor_config.json and video_preprocessor_config.json, or the members
  // image_processor, video_processor and feature_extractor of processor_config.json; where there is
  // neither, patches are those of config.json's vision_config and the rest as Qwen3-VL's or
  // Qwen3-Omni's files have it. Sounds are in preprocessor_config.json beside pictures.
  //
  // max_kept_bytes  of features kept for parts that come again; the longest unused go first.
  // throws          Error(kData): a file is malformed (names file and key).
  MediaReader(const CheckpointFiles& files, const ModelConfig& config,
              std::int64_t max_kept_bytes = std::int64_t{512} << 20);

  // part        image, video or audio.
  // name        used in errors where the part has no path.
  // with_sound  a video's soundtrack comes along, where it has one and the model hears.
  // throws Error(kData): the file is not what it should be (names it and what is wrong);
  //        Error(kUnavailable): it cannot be read; Error(kUsage): a kind that is not read here.
  ReadMedium read(const Part& part, const std::string& name, bool with_sound = false);

  // See sample_frames().
  std::vector<std::int64_t> frames_shown(std::int64_t total, double fps) const {
    return sample_frames(total, fps, video_);
  }

  // The processors' settings as JSON text, for manifests: what pixels depend on besides the files.
  std::string settings() const;
  std::int64_t num_read() const { return num_read_; }  // decoded, not found again

 private:
  struct Kept {
    std::string key;
    ReadMedium medium;
  };
  ReadMedium decode(PartKind kind, std::string_view bytes, const std::string& name,
                    bool with_sound) const;
  std::shared_ptr<const Medium> decode_sound(std::string_view bytes, const std::string& name) const;

  ImageProcessorConfig image_;
  VideoProcessorConfig video_;
  MelConfig mel_;
  bool follows_clock_ = false;  // positions of videos need seconds
  bool hears_ = false;
  std::int64_t max_kept_bytes_;
  std::int64_t kept_bytes_ = 0;
  std::int64_t num_read_ = 0;
  std::list<Kept> kept_;  // the last used first
  std::map<std::string, std::list<Kept>::iterator> by_key_;
};

}  // namespace peira::model
