#include "runner/serve/media_parts.h"

#include <array>
#include <string_view>
#include <utility>

#include "base/base64.h"
#include "base/error.h"

namespace peira::runner {
namespace {

struct MediaType {
  std::string_view type;
  PartKind kind;
  const char* plural;
  bool TakenMedia::*is_taken;
  std::int64_t NumMedia::*count;
};

constexpr std::array<MediaType, 4> kTypes{
    {{"image_url", PartKind::kImage, "pictures", &TakenMedia::images, &NumMedia::images},
     {"input_audio", PartKind::kAudio, "sounds", &TakenMedia::sounds, &NumMedia::sounds},
     {"audio_url", PartKind::kAudio, "sounds", &TakenMedia::sounds, &NumMedia::sounds},
     {"video_url", PartKind::kVideo, "videos", &TakenMedia::videos, &NumMedia::videos}}};

[[noreturn]] void refuse(const std::string& where, const std::string& why) {
  throw Error(ErrorCode::kUsage, where + ": " + why);
}

const Json* member(const Json& object, const std::string& key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

// The bytes behind the comma of "data:image/png;base64,...".
std::string bytes_of_url(const Json& part, const std::string& type, const std::string& where) {
  const Json* const holder = member(part, type);
  const Json* const url =
      holder != nullptr && holder->is_object() ? member(*holder, "url") : holder;
  if (url == nullptr || !url->is_string()) refuse(where, "not a text");
  const std::string_view text = url->get_ref<const std::string&>();
  const std::size_t comma = text.find(',');
  if (!text.starts_with("data:") || comma == std::string_view::npos ||
      !text.substr(0, comma).ends_with(";base64")) {
    refuse(where, "only data: URLs with base64 are read: nothing is fetched for a request");
  }
  std::optional<std::string> bytes = from_base64(text.substr(comma + 1));
  if (!bytes || bytes->empty()) refuse(where, "no base64 behind the comma");
  return std::move(*bytes);
}

// The bytes of {"data": BASE64, "format": "wav"}.
std::string bytes_of_input(const Json& part, const std::string& type, const std::string& where) {
  const Json* const holder = member(part, type);
  if (holder == nullptr || !holder->is_object()) {
    refuse(where, "not an object with \"data\" and \"format\"");
  }
  const Json* const format = member(*holder, "format");
  if (format == nullptr || !format->is_string()) refuse(where + ".format", "not a text");
  const Json* const data = member(*holder, "data");
  if (data == nullptr || !data->is_string()) refuse(where + ".data", "not a text");
  std::optional<std::string> bytes = from_base64(data->get_ref<const std::string&>());
  if (!bytes || bytes->empty()) {
    refuse(where + ".data", "no base64 (a data: URL goes into an audio_url part)");
  }
  return std::move(*bytes);
}

}  // namespace

std::optional<Part> read_media_part(const Json& part, const std::string& type,
                                    const std::string& where, const TakenMedia& taken,
                                    NumMedia& counts) {
  for (const MediaType& known : kTypes) {
    if (known.type != type) continue;
    ++(counts.*known.count);
    if (!(taken.*known.is_taken)) {
      refuse(where, std::string("this model takes no ") + known.plural);
    }
    Part out;
    out.kind = known.kind;
    const std::string at = where + "." + type;
    out.bytes = type == "input_audio" ? bytes_of_input(part, type, at)
                                      : bytes_of_url(part, type, at + ".url");
    return out;
  }
  return std::nullopt;
}

}  // namespace peira::runner
