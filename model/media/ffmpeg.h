// FFmpeg's handles, each with one owner, and its failures as errors. Included by sources of this
// folder only.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>
#include <string_view>

namespace peira::model {

template <auto Free>
struct FreeByAddress {
  template <class T>
  void operator()(T* handle) const {
    Free(&handle);
  }
};
using CodecContext = std::unique_ptr<AVCodecContext, FreeByAddress<avcodec_free_context>>;
using Frame = std::unique_ptr<AVFrame, FreeByAddress<av_frame_free>>;
using Packet = std::unique_ptr<AVPacket, FreeByAddress<av_packet_free>>;
using Resampling = std::unique_ptr<SwrContext, FreeByAddress<swr_free>>;
struct FreeScaling {
  void operator()(SwsContext* handle) const { sws_freeContext(handle); }
};
using Scaling = std::unique_ptr<SwsContext, FreeScaling>;

// A media file in memory, opened and probed. Demuxers see these bytes and nothing else: no file, no
// network, whatever a playlist inside asks for.
class MediaFile {
 public:
  // bytes  must outlive this. name is used in errors.
  // throws Error(kData): not a media file that FFmpeg reads.
  MediaFile(std::string_view bytes, const std::string& name);

  AVFormatContext* format() const { return format_.get(); }
  const std::string& name() const { return name_; }
  // The stream FFmpeg holds for the main one of its kind; null if there is none.
  AVStream* best_stream(AVMediaType type) const;
  // A decoder for `stream`, on one thread: the same frames in the same order everywhere.
  CodecContext open_decoder(const AVStream& stream) const;
  // The next packet of `stream`; false at the end.
  bool read_packet(const AVStream& stream, AVPacket& packet) const;
  // throws Error(kData): "NAME: WHAT: FFmpeg's words for `code`".
  [[noreturn]] void refuse(const std::string& what, int code) const;

 private:
  struct Input {
    std::string_view bytes;
    std::size_t at = 0;
  };
  struct CloseInput {
    void operator()(AVIOContext* io) const;
  };
  struct CloseFormat {
    void operator()(AVFormatContext* format) const { avformat_close_input(&format); }
  };
  static int read(void* opaque, std::uint8_t* out, int size);
  static std::int64_t seek(void* opaque, std::int64_t offset, int whence);

  std::string name_;
  std::unique_ptr<Input> input_;
  std::unique_ptr<AVIOContext, CloseInput> io_;
  std::unique_ptr<AVFormatContext, CloseFormat> format_;
};

}  // namespace peira::model
