#include "model/media/video.h"

extern "C" {
#include <libavutil/display.h>
#include <libavutil/pixdesc.h>
}

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "model/media/ffmpeg.h"

namespace peira::model {

namespace {

struct PacketTime {
  std::int64_t pts;
  std::int64_t duration;
  bool is_key;
};

int rotation_of(const AVStream& stream) {
  const auto* const matrix = reinterpret_cast<const std::int32_t*>(
      av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, nullptr));
  if (matrix == nullptr) return 0;
  const double counter_clockwise = av_display_rotation_get(matrix);
  if (std::isnan(counter_clockwise)) return 0;
  const long quarters = std::lround(-counter_clockwise / 90.0);
  return static_cast<int>(((quarters % 4) + 4) % 4) * 90;
}

RgbImage turned(RgbImage image, int rotation) {
  if (rotation == 0) return image;
  RgbImage out;
  out.height = rotation == 180 ? image.height : image.width;
  out.width = rotation == 180 ? image.width : image.height;
  out.pixels.resize(image.pixels.size());
  std::uint8_t* to = out.pixels.data();
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x, to += 3) {
      int from_y = y, from_x = x;
      if (rotation == 90) from_y = image.height - 1 - x, from_x = y;
      if (rotation == 180) from_y = image.height - 1 - y, from_x = image.width - 1 - x;
      if (rotation == 270) from_y = x, from_x = image.width - 1 - y;
      const std::size_t from =
          static_cast<std::size_t>(from_y) * static_cast<std::size_t>(image.width) +
          static_cast<std::size_t>(from_x);
      std::copy_n(&image.pixels[from * 3], 3, to);
    }
  }
  return out;
}

}  // namespace

class Video::Reader {
 public:
  Reader(std::string_view bytes, const std::string& name, std::int64_t max_pixels)
      : file_(bytes, name) {
    stream_ = file_.best_stream(AVMEDIA_TYPE_VIDEO);
    if (stream_ == nullptr || (stream_->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0) {
      throw Error(ErrorCode::kData, name + ": there are no moving pictures in it");
    }
    const AVCodecParameters& codec = *stream_->codecpar;
    if (codec.width <= 0 || codec.height <= 0 || codec.height > max_pixels / codec.width) {
      throw Error(ErrorCode::kData, name + ": frames of " + std::to_string(codec.width) + "x" +
                                        std::to_string(codec.height) + " pixels, the limit is " +
                                        std::to_string(max_pixels) + " pixels");
    }
    count_frames();
    info_.rotation = rotation_of(*stream_);
    const bool on_side = info_.rotation % 180 != 0;
    info_.height = on_side ? codec.width : codec.height;
    info_.width = on_side ? codec.height : codec.width;
    info_.has_sound = file_.best_stream(AVMEDIA_TYPE_AUDIO) != nullptr;
  }

  const VideoInfo& info() const { return info_; }

  double shown_at(std::int64_t index) const {
    const auto at = static_cast<std::size_t>(index);
    return static_cast<double>(packets_.at(at).pts - packets_.front().pts) *
           av_q2d(stream_->time_base);
  }

  void read(const std::vector<std::int64_t>& indices, const std::function<void(RgbImage)>& take) {
    std::optional<std::int64_t>
        next;  // index of the frame that the decoder gives next; none: nowhere
    for (const std::int64_t index : indices) {
      const PacketTime& wanted = packets_.at(static_cast<std::size_t>(index));
      const std::int64_t key = key_before(index);
      if (!next || *next > index || key > *next) {
        start_at(key);
        next = key;
      }
      for (;;) {
        if (!decode_one()) {
          throw Error(ErrorCode::kData, file_.name() + ": frame " + std::to_string(index) + " of " +
                                            std::to_string(info_.num_frames) +
                                            " cannot be decoded: the video breaks off");
        }
        // Frames are known by their times: a decoder may skip some at a key frame, or give none for
        // a packet.
        const std::int64_t pts = frame_->best_effort_timestamp;
        if (pts != AV_NOPTS_VALUE && has_times_ ? pts >= wanted.pts : (*next)++ >= index) break;
      }
      next = index + 1;
      take(turned(to_rgb(*frame_), info_.rotation));
    }
  }

 private:
  // Reads the whole file once: containers may lack the count of frames, or state a wrong one.
  void count_frames() {
    const Packet packet(av_packet_alloc());
    while (file_.read_packet(*stream_, *packet)) {
      if ((packet->flags & AV_PKT_FLAG_DISCARD) != 0 || packet->size == 0) continue;
      if (packet->pts == AV_NOPTS_VALUE) has_times_ = false;
      packets_.push_back({packet->pts, packet->duration, (packet->flags & AV_PKT_FLAG_KEY) != 0});
    }
    if (packets_.empty()) throw Error(ErrorCode::kData, file_.name() + ": a video without frames");
    if (has_times_) {
      std::stable_sort(packets_.begin(), packets_.end(),
                       [](const PacketTime& a, const PacketTime& b) { return a.pts < b.pts; });
    }
    info_.num_frames = static_cast<std::int64_t>(packets_.size());
    const double tick = av_q2d(stream_->time_base);
    const double span = has_times_
                            ? static_cast<double>(packets_.back().pts + packets_.back().duration -
                                                  packets_.front().pts) *
                                  tick
                            : 0;
    const double stated = av_q2d(stream_->avg_frame_rate);
    if (stream_->avg_frame_rate.num > 0 && stream_->avg_frame_rate.den > 0) {
      info_.fps = stated;
    } else if (span > 0) {
      info_.fps = static_cast<double>(info_.num_frames) / span;
    }
    if (!(info_.fps > 0) || !std::isfinite(info_.fps)) {
      constexpr double kAssumedFps = 24;  // what the reference assumes where nothing is known
      info_.fps = kAssumedFps;
    }
  }

  std::int64_t key_before(std::int64_t index) const {
    if (!has_times_) return 0;
    while (index > 0 && !packets_[static_cast<std::size_t>(index)].is_key) --index;
    return index;
  }

  void start_at(std::int64_t key) {
    const std::int64_t pts = has_times_ ? packets_[static_cast<std::size_t>(key)].pts : 0;
    int code = avformat_seek_file(file_.format(), stream_->index, INT64_MIN, pts, pts, 0);
    if (code < 0) code = av_seek_frame(file_.format(), stream_->index, 0, AVSEEK_FLAG_BACKWARD);
    if (code < 0)
      code = av_seek_frame(file_.format(), -1, 0, AVSEEK_FLAG_BYTE);  // raw streams have no index
    if (code < 0) file_.refuse("cannot go back to the first frame", code);
    codec_ = file_.open_decoder(*stream_);
    at_end_ = false;
  }

  // The next frame into frame_; false after the last.
  bool decode_one() {
    av_frame_unref(frame_.get());
    for (;;) {
      const int code = avcodec_receive_frame(codec_.get(), frame_.get());
      if (code == 0) return true;
      if (code == AVERROR_EOF) return false;
      if (code != AVERROR(EAGAIN)) file_.refuse("corrupt video", code);
      if (at_end_) return false;
      if (file_.read_packet(*stream_, *packet_)) {
        const int sent = avcodec_send_packet(codec_.get(), packet_.get());
        if (sent < 0 && sent != AVERROR_EOF) file_.refuse("corrupt video", sent);
      } else {
        at_end_ = true;
        avcodec_send_packet(codec_.get(), nullptr);
      }
    }
  }

  RgbImage to_rgb(const AVFrame& frame) {
    RgbImage image;
    image.height = frame.height;
    image.width = frame.width;
    const auto format = static_cast<AVPixelFormat>(frame.format);
    scaling_.reset(sws_getCachedContext(scaling_.release(), frame.width, frame.height, format,
                                        frame.width, frame.height, AV_PIX_FMT_RGB24, SWS_BILINEAR,
                                        nullptr, nullptr, nullptr));
    if (scaling_ == nullptr) {
      throw Error(
          ErrorCode::kData,
          file_.name() + ": frames in a format that cannot be shown: " +
              (av_get_pix_fmt_name(format) == nullptr ? "unknown" : av_get_pix_fmt_name(format)));
    }
    // Rows are padded for the vector code of swscale, then packed.
    const int stride = (frame.width * 3 + 63) / 64 * 64;
    padded_.resize(static_cast<std::size_t>(stride) * static_cast<std::size_t>(frame.height) + 64);
    std::uint8_t* const planes[1] = {padded_.data()};
    const int strides[1] = {stride};
    sws_scale(scaling_.get(), frame.data, frame.linesize, 0, frame.height, planes, strides);
    const std::size_t row = static_cast<std::size_t>(frame.width) * 3;
    image.pixels.resize(row * static_cast<std::size_t>(frame.height));
    for (int y = 0; y < frame.height; ++y) {
      std::copy_n(padded_.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(stride),
                  row, image.pixels.data() + static_cast<std::size_t>(y) * row);
    }
    return image;
  }

  MediaFile file_;
  AVStream* stream_ = nullptr;
  std::vector<PacketTime> packets_ = {};
  bool has_times_ = true;
  VideoInfo info_ = {};
  CodecContext codec_ = nullptr;
  Frame frame_ = Frame(av_frame_alloc());
  Packet packet_ = Packet(av_packet_alloc());
  Scaling scaling_ = nullptr;
  Buffer<std::uint8_t> padded_ = {};
  bool at_end_ = false;
};

Video::Video(std::string_view bytes, const std::string& name, std::int64_t max_pixels)
    : reader_(std::make_unique<Reader>(bytes, name, max_pixels)) {}
Video::~Video() = default;
Video::Video(Video&&) noexcept = default;
Video& Video::operator=(Video&&) noexcept = default;
const VideoInfo& Video::info() const { return reader_->info(); }
double Video::shown_at(std::int64_t index) const { return reader_->shown_at(index); }
void Video::read(const std::vector<std::int64_t>& indices,
                 const std::function<void(RgbImage)>& take) {
  reader_->read(indices, take);
}

}  // namespace peira::model
