#include "runner/viewer/media.h"

#include <array>
#include <cstdint>
#include <filesystem>

#include "base/base64.h"
#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"

namespace peira::runner::viewer {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} << 20U;

std::string text_member(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The base64 of "data:TYPE;base64,DATA"; empty for any other URL.
std::string_view data_of_url(std::string_view url) {
  constexpr std::string_view kMark = ";base64,";
  const std::size_t mark = url.find(kMark);
  if (!url.starts_with("data:") || mark == std::string_view::npos || mark > 128) return {};
  return url.substr(mark + kMark.size());
}

std::optional<std::string> bytes_of(const Json& part, const MediaFolder& folder) {
  if (const auto data = part.find("data"); data != part.end() && data->is_string()) {
    return from_base64(data->get_ref<const std::string&>());
  }
  for (const char* key : {"image_url", "video_url", "audio_url"}) {
    const auto holder = part.find(key);
    if (holder == part.end()) continue;
    const std::string url = holder->is_object()   ? text_member(*holder, "url")
                            : holder->is_string() ? holder->get<std::string>()
                                                  : std::string();
    const std::string_view data = data_of_url(url);
    if (data.empty()) return std::nullopt;
    return from_base64(data);
  }
  if (const auto audio = part.find("input_audio"); audio != part.end() && audio->is_object()) {
    return from_base64(text_member(*audio, "data"));
  }
  const std::string path = text_member(part, "path");
  const std::string digest = text_member(part, "sha256");
  if (digest.empty()) return std::nullopt;
  if (path.empty()) return folder.read(digest);
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error) ||
      std::filesystem::file_size(path, error) > kMaxBytes || error) {
    return std::nullopt;
  }
  try {
    std::string bytes = read_file(path);
    // The file that was asked about, or none: a store cannot name others and have them shown.
    if (sha256_hex(bytes) != digest) return std::nullopt;
    return bytes;
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string kind_of(const Json& part) {
  const std::string type = text_member(part, "type");
  for (const char* kind : {"image", "audio", "video"}) {
    if (type.find(kind) != std::string::npos) return kind;
  }
  return "other";
}

}  // namespace

std::optional<std::string> media_type_of(std::string_view bytes) {
  struct Mark {
    std::size_t offset;
    std::string_view bytes;
    const char* type;
  };
  using namespace std::string_view_literals;
  static constexpr std::array<Mark, 12> kMarks{{{0, "\x89PNG\r\n\x1a\n"sv, "image/png"},
                                                {0, "\xff\xd8\xff"sv, "image/jpeg"},
                                                {0, "GIF87a"sv, "image/gif"},
                                                {0, "GIF89a"sv, "image/gif"},
                                                {8, "WEBP"sv, "image/webp"},
                                                {8, "WAVE"sv, "audio/wav"},
                                                {0, "ID3"sv, "audio/mpeg"},
                                                {0, "OggS"sv, "audio/ogg"},
                                                {0, "fLaC"sv, "audio/flac"},
                                                {4, "ftyp"sv, "video/mp4"},
                                                {0, "\x1a\x45\xdf\xa3"sv, "video/webm"},
                                                {0, "BM"sv, "image/bmp"}}};
  for (const Mark& mark : kMarks) {
    if (bytes.size() < 12 || bytes.substr(mark.offset, mark.bytes.size()) != mark.bytes) continue;
    if (mark.offset == 8 && !bytes.starts_with("RIFF")) continue;
    return mark.type;
  }
  const bool mpeg_frame = bytes.size() >= 12 && bytes[0] == '\xff' &&
                          (static_cast<unsigned char>(bytes[1]) & 0xE6U) == 0xE2U;
  if (mpeg_frame) return "audio/mpeg";
  return std::nullopt;
}

std::optional<Media> media_of(const Json& part, const MediaFolder& folder) {
  if (!part.is_object()) return std::nullopt;
  std::optional<std::string> bytes = bytes_of(part, folder);
  if (!bytes || bytes->size() > kMaxBytes) return std::nullopt;
  std::optional<std::string> type = media_type_of(*bytes);
  if (!type) return std::nullopt;
  return Media{std::move(*type), std::move(*bytes)};
}

OrderedJson messages_for_page(const Json& messages, const MediaFolder& folder) {
  OrderedJson list = OrderedJson::array();
  if (!messages.is_array()) return list;
  for (std::size_t m = 0; m < messages.size(); ++m) {
    const Json& message = messages[m];
    if (!message.is_object()) continue;
    OrderedJson parts = OrderedJson::array();
    const auto content = message.find("content");
    if (content != message.end() && content->is_string()) {
      parts.push_back({{"type", "text"}, {"text", content->get<std::string>()}});
    } else if (content != message.end() && content->is_array()) {
      for (std::size_t p = 0; p < content->size(); ++p) {
        const Json& part = (*content)[p];
        if (!part.is_object()) continue;
        if (const auto words = part.find("text"); words != part.end() && words->is_string()) {
          parts.push_back({{"type", "text"}, {"text", words->get<std::string>()}});
          continue;
        }
        parts.push_back({{"type", kind_of(part)},
                         {"sha256", text_member(part, "sha256")},
                         {"message", m},
                         {"part", p},
                         {"shown", media_of(part, folder).has_value()}});
      }
    }
    list.push_back({{"role", text_member(message, "role")}, {"parts", std::move(parts)}});
  }
  return list;
}

}  // namespace peira::runner::viewer
