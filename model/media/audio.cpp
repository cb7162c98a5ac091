#include "model/media/audio.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "model/media/ffmpeg.h"

namespace peira::model {

namespace {

class AudioDecoder {
 public:
  AudioDecoder(const MediaFile& file, const AudioOptions& options)
      : file_(file), options_(options) {
    stream_ = file.best_stream(AVMEDIA_TYPE_AUDIO);
    if (stream_ == nullptr)
      throw Error(ErrorCode::kData, file.name() + ": there is no sound in it");
    codec_ = file.open_decoder(*stream_);
    clip_.sample_rate = options.sample_rate;
  }

  AudioClip decode() {
    const Packet packet(av_packet_alloc());
    while (file_.read_packet(*stream_, *packet)) {
      const int code = avcodec_send_packet(codec_.get(), packet.get());
      if (code < 0) file_.refuse("corrupt sound", code);
      receive();
    }
    avcodec_send_packet(codec_.get(), nullptr);
    receive();
    if (resampling_ != nullptr) convert(nullptr);
    if (clip_.samples.empty())
      throw Error(ErrorCode::kData, file_.name() + ": sound of zero samples");
    return std::move(clip_);
  }

 private:
  void receive() {
    for (;;) {
      const int code = avcodec_receive_frame(codec_.get(), frame_.get());
      if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return;
      if (code < 0) file_.refuse("corrupt sound", code);
      convert(frame_.get());
      av_frame_unref(frame_.get());
    }
  }

  // A stream may change its rate or its channels on the way: then the resampler is made anew.
  void prepare(const AVFrame& frame) {
    AVChannelLayout layout = {};
    if (frame.ch_layout.order == AV_CHANNEL_ORDER_UNSPEC) {
      av_channel_layout_default(&layout, frame.ch_layout.nb_channels);
    } else {
      av_channel_layout_copy(&layout, &frame.ch_layout);
    }
    const bool same = resampling_ != nullptr && rate_ == frame.sample_rate &&
                      format_ == frame.format && channels_ == layout.nb_channels;
    if (!same) {
      if (resampling_ != nullptr) convert(nullptr);
      AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
      SwrContext* handle = nullptr;
      int code = swr_alloc_set_opts2(&handle, &mono, AV_SAMPLE_FMT_FLT, options_.sample_rate,
                                     &layout, static_cast<AVSampleFormat>(frame.format),
                                     frame.sample_rate, 0, nullptr);
      resampling_.reset(handle);
      // The plain mean of all channels, as the reference's loaders mix: not FFmpeg's weights by
      // position.
      const std::vector<double> mix(static_cast<std::size_t>(layout.nb_channels),
                                    1.0 / layout.nb_channels);
      if (code >= 0) code = swr_set_matrix(handle, mix.data(), layout.nb_channels);
      if (code >= 0) code = swr_init(handle);
      if (code < 0) file_.refuse("cannot resample the sound", code);
      rate_ = frame.sample_rate;
      format_ = frame.format;
      channels_ = layout.nb_channels;
    }
    av_channel_layout_uninit(&layout);
  }

  // Null: what the resampler still holds.
  void convert(const AVFrame* frame) {
    if (frame != nullptr) prepare(*frame);
    const int in_count = frame == nullptr ? 0 : frame->nb_samples;
    const int most = swr_get_out_samples(resampling_.get(), in_count);
    if (most <= 0) return;
    const std::size_t before = clip_.samples.size();
    if (static_cast<double>(before) > options_.max_seconds * options_.sample_rate) {
      throw Error(ErrorCode::kData,
                  file_.name() + ": sound of more than " +
                      std::to_string(static_cast<std::int64_t>(options_.max_seconds)) + " seconds");
    }
    clip_.samples.resize(before + static_cast<std::size_t>(most));
    auto* out = reinterpret_cast<std::uint8_t*>(clip_.samples.data() + before);
    const auto** const in =
        frame == nullptr ? nullptr : const_cast<const std::uint8_t**>(frame->extended_data);
    const int written = swr_convert(resampling_.get(), &out, most, in, in_count);
    if (written < 0) file_.refuse("cannot resample the sound", written);
    clip_.samples.resize(before + static_cast<std::size_t>(written));
  }

  const MediaFile& file_;
  const AudioOptions& options_;
  AVStream* stream_ = nullptr;
  CodecContext codec_ = nullptr;
  Frame frame_ = Frame(av_frame_alloc());
  Resampling resampling_ = nullptr;
  int rate_ = 0;
  int format_ = -1;
  int channels_ = 0;
  AudioClip clip_ = {};
};

}  // namespace

AudioClip decode_audio(std::string_view bytes, const std::string& name,
                       const AudioOptions& options) {
  const MediaFile file(bytes, name);
  return AudioDecoder(file, options).decode();
}

}  // namespace peira::model
