#include "runner/cli/shown_media.h"

#include <optional>
#include <utility>

#include "base/error.h"
#include "model/media/audio.h"
#include "model/media/image.h"
#include "model/media/video.h"
#include "runner/cli/tables.h"

namespace peira::runner::cli {
namespace {

std::string text_member(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool is_medium(const Json& part) { return part.is_object() && part.contains("sha256"); }

void describe(const std::string& type, const std::string& bytes, const ShownMedia& shown,
              OrderedJson& out) {
  const std::string name = type + " " + out["sha256"].get<std::string>().substr(0, 12);
  if (type == "image") {
    const model::RgbImage image = model::decode_image(bytes, name);
    out["format"] = model::image_format(bytes);
    out["width"] = image.width;
    out["height"] = image.height;
  } else if (type == "video") {
    const model::Video video(bytes, name);
    const model::VideoInfo& info = video.info();
    out["width"] = info.width;
    out["height"] = info.height;
    out["num_frames"] = info.num_frames;
    if (shown.frames) {
      out["frames_kept"] = model::sample_frames(info.num_frames, info.fps, *shown.frames).size();
    }
    out["fps"] = info.fps;
    out["seconds"] = info.duration_s();
    out["has_sound"] = info.has_sound;
  } else {
    out["seconds"] = model::decode_audio(bytes, name).duration_s();
  }
}

}  // namespace

ShownMedia::ShownMedia(const std::filesystem::path& store, const Json& manifest) : folder(store) {
  const auto object_in = [](const Json& json, const char* key) -> const Json* {
    if (!json.is_object()) return nullptr;
    const auto found = json.find(key);
    return found != json.end() && found->is_object() ? &*found : nullptr;
  };
  const Json* const values = object_in(manifest, "values");
  const Json* const media = values == nullptr ? nullptr : object_in(*values, "media");
  const Json* const video = media == nullptr ? nullptr : object_in(*media, "video");
  if (video == nullptr) return;
  Json settings = *video;
  if (settings.value("num_frames", 0) == 0) settings.erase("num_frames");  // by fps
  frames = model::video_processor_config(dump_json(settings), "the run's manifest");
  const auto per_frame = video->find("per_frame");
  frames->per_frame =
      per_frame != video->end() && per_frame->is_boolean() && per_frame->get<bool>();
}

OrderedJson media_json(const Json& part, const ShownMedia& shown) {
  const std::string type = text_member(part, "type");
  const std::string digest = text_member(part, "sha256");
  OrderedJson out{{"type", type}, {"sha256", digest}};
  const std::optional<std::string> bytes = shown.folder.read(digest);
  if (!bytes) return out;
  out["path"] = shown.folder.file_of(digest).string();
  out["bytes"] = bytes->size();
  try {
    describe(type, *bytes, shown, out);
  } catch (const Error& error) {
    out["problem"] = error.what();
  }
  return out;
}

std::string media_line(const Json& part, const ShownMedia& shown) {
  const OrderedJson facts = media_json(part, shown);
  std::string line = "[" + facts["type"].get<std::string>() + ": ";
  if (!facts.contains("path")) {
    return line + "sha256 " + facts["sha256"].get<std::string>() + ", not kept]";
  }
  if (facts.contains("width")) {
    line += std::to_string(facts["width"].get<int>()) + " x " +
            std::to_string(facts["height"].get<int>());
    line += facts.contains("format") ? " " + facts["format"].get<std::string>() + ", " : ", ";
  }
  if (facts.contains("num_frames")) {
    line += std::to_string(facts["num_frames"].get<std::int64_t>()) + " frames, " +
            fixed(facts["fps"].get<double>(), 2) + " a second, ";
    if (facts.contains("frames_kept")) {
      line += std::to_string(facts["frames_kept"].get<std::int64_t>()) + " of them shown, ";
    }
  }
  if (facts.contains("seconds")) line += fixed(facts["seconds"].get<double>(), 2) + " s, ";
  if (facts.contains("has_sound")) {
    line += facts["has_sound"].get<bool>() ? "with sound, " : "without sound, ";
  }
  if (facts.contains("problem")) line += facts["problem"].get<std::string>() + ", ";
  return line + std::to_string(facts["bytes"].get<std::int64_t>()) + " bytes, " +
         facts["path"].get<std::string>() + "]";
}

std::string content_text(const Json& content, const ShownMedia& shown) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) return dump_json(content);
  std::string text;
  for (const Json& part : content) {
    if (is_medium(part)) {
      if (!text.empty() && !text.ends_with('\n')) text += "\n";
      text += media_line(part, shown) + "\n";
    } else {
      // A mark's place is told by the line break that the medium made.
      std::string piece = text_member(part, "text");
      if (text.ends_with("]\n") && piece.starts_with('\n')) piece.erase(0, 1);
      text += piece;
    }
  }
  return text;
}

OrderedJson messages_with_media(const Json& messages, const ShownMedia& shown) {
  OrderedJson out = OrderedJson::array();
  for (const Json& message : messages) {
    OrderedJson told = message;
    if (message.is_object() && message.contains("content") && message["content"].is_array()) {
      OrderedJson parts = OrderedJson::array();
      for (const Json& part : message["content"]) {
        parts.push_back(is_medium(part) ? media_json(part, shown) : OrderedJson(part));
      }
      told["content"] = std::move(parts);
    }
    out.push_back(std::move(told));
  }
  return out;
}

}  // namespace peira::runner::cli
