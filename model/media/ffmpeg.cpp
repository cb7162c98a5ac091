#include "model/media/ffmpeg.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"

namespace peira::model {

namespace {

std::string text_of(int code) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(code, text.data(), text.size());
  return text.data();
}

}  // namespace

void MediaFile::CloseInput::operator()(AVIOContext* io) const {
  av_freep(&io->buffer);
  avio_context_free(&io);
}

int MediaFile::read(void* opaque, std::uint8_t* out, int size) {
  auto& input = *static_cast<Input*>(opaque);
  const std::size_t count =
      std::min(input.bytes.size() - input.at, static_cast<std::size_t>(std::max(size, 0)));
  if (count == 0) return AVERROR_EOF;
  std::memcpy(out, input.bytes.data() + input.at, count);
  input.at += count;
  return static_cast<int>(count);
}

std::int64_t MediaFile::seek(void* opaque, std::int64_t offset, int whence) {
  auto& input = *static_cast<Input*>(opaque);
  const auto size = static_cast<std::int64_t>(input.bytes.size());
  if ((whence & AVSEEK_SIZE) != 0) return size;
  std::int64_t target = offset;
  if ((whence & ~AVSEEK_FORCE) == SEEK_CUR) target += static_cast<std::int64_t>(input.at);
  if ((whence & ~AVSEEK_FORCE) == SEEK_END) target += size;
  if (target < 0 || target > size) return AVERROR(EINVAL);
  input.at = static_cast<std::size_t>(target);
  return target;
}

MediaFile::MediaFile(std::string_view bytes, const std::string& name)
    : name_(name), input_(std::make_unique<Input>(Input{bytes})) {
  // FFmpeg would print to the terminal what our errors say.
  static const bool quiet = (av_log_set_level(AV_LOG_QUIET), true);
  (void)quiet;
  if (bytes.empty()) throw Error(ErrorCode::kData, name + ": the file is empty");
  constexpr int kBufferSize = 64 << 10;
  auto* const buffer = static_cast<std::uint8_t*>(av_malloc(kBufferSize));
  io_.reset(avio_alloc_context(buffer, kBufferSize, 0, input_.get(), &MediaFile::read, nullptr,
                               &MediaFile::seek));
  AVFormatContext* format = avformat_alloc_context();
  format->pb = io_.get();
  format->flags |= AVFMT_FLAG_CUSTOM_IO;
  // Playlists would open what they name. Nothing is on this list, so nothing is opened.
  format->protocol_whitelist = av_strdup("");
  AVDictionary* none = nullptr;
  int code = avformat_open_input(&format, nullptr, nullptr, &none);  // frees `format` on failure
  if (code < 0) refuse("not a media file that can be read", code);
  format_.reset(format);
  code = avformat_find_stream_info(format_.get(), nullptr);
  if (code < 0) refuse("no stream that can be read", code);
}

void MediaFile::refuse(const std::string& what, int code) const {
  throw Error(ErrorCode::kData, name_ + ": " + what + ": " + text_of(code));
}

AVStream* MediaFile::best_stream(AVMediaType type) const {
  const int index = av_find_best_stream(format_.get(), type, -1, -1, nullptr, 0);
  return index < 0 ? nullptr : format_->streams[index];
}

CodecContext MediaFile::open_decoder(const AVStream& stream) const {
  const AVCodec* const codec = avcodec_find_decoder(stream.codecpar->codec_id);
  if (codec == nullptr) {
    throw Error(ErrorCode::kData,
                name_ + ": no decoder for " + avcodec_get_name(stream.codecpar->codec_id));
  }
  CodecContext context(avcodec_alloc_context3(codec));
  int code = avcodec_parameters_to_context(context.get(), stream.codecpar);
  context->pkt_timebase = stream.time_base;
  context->thread_count = 1;
  if (code >= 0) code = avcodec_open2(context.get(), codec, nullptr);
  if (code < 0) refuse(std::string("cannot decode ") + codec->name, code);
  return context;
}

bool MediaFile::read_packet(const AVStream& stream, AVPacket& packet) const {
  for (;;) {
    av_packet_unref(&packet);
    const int code = av_read_frame(format_.get(), &packet);
    if (code == AVERROR_EOF) return false;
    if (code < 0) refuse("the file breaks off", code);
    if (packet.stream_index == stream.index) return true;
  }
}

}  // namespace peira::model
