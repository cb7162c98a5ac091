#include "runner/request_key.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "runner/sampling_overrides.h"

namespace peira::runner {

Json messages_json(const std::vector<Message>& messages) {
  Json list = Json::array();
  for (const Message& message : messages) {
    Json content;
    const bool all_text = std::all_of(message.parts.begin(), message.parts.end(),
                                      [](const Part& p) { return p.kind == PartKind::kText; });
    if (all_text) {
      content = text_of(message);
    } else {
      content = Json::array();
      static constexpr const char* kKinds[] = {"text", "image", "audio", "video"};
      for (const Part& part : message.parts) {
        const char* kind = kKinds[static_cast<int>(part.kind)];
        if (part.kind == PartKind::kText) {
          content.push_back({{"type", kind}, {"text", part.text}});
        } else {
          content.push_back(
              {{"type", kind},
               {"sha256", part.path.empty() ? sha256_hex(part.bytes) : sha256_file(part.path)}});
        }
      }
    }
    list.push_back({{"role", message.role}, {"content", std::move(content)}});
  }
  return list;
}

std::string request_key(const ModelRequest& request, const Json& messages,
                        const std::string& model_identity) {
  Json key{{"messages", messages},
           {"max_tokens", request.max_tokens},
           {"sampling", sampling_json(request.sampling)},
           {"seed", request.seed},
           {"stop", request.stop},
           {"continuations", request.continuations},
           {"sample", request.sample_id},
           {"epoch", request.epoch}};
  if (!request.format.is_free()) key["response_format"] = canonical_json(request.format);
  return sha256_hex(model_identity + "\n" + dump_json(key));
}

std::string cache_key(const ModelRequest& request, const Json& model_identity) {
  return request_key(request, messages_json(request.messages), dump_json(model_identity));
}

}  // namespace peira::runner
