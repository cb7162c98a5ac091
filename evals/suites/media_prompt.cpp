#include "evals/suites/media_prompt.h"

#include <string>
#include <string_view>
#include <utility>

namespace peira::evals {
namespace {

struct Mention {
  std::size_t at = std::string_view::npos;
  std::size_t media = 0;  // index into the media
};

// The first mark of any of `media` in `text`.
Mention first_mention(std::string_view text, const std::vector<Part>& media) {
  Mention first;
  for (std::size_t i = 0; i < media.size(); ++i) {
    if (media[i].text.empty()) continue;
    if (const std::size_t at = text.find(media[i].text); at < first.at) first = {at, i};
  }
  return first;
}

std::vector<Part> placed(std::vector<Part> parts) {
  std::vector<Part> media, texts;
  for (Part& part : parts)
    (part.kind == PartKind::kText ? texts : media).push_back(std::move(part));
  std::vector<bool> mentioned(media.size(), false);
  std::vector<Part> body;
  // Texts with no picture between them stay one part: some endpoints join parts with a line break.
  const auto append = [&](std::string_view text) {
    if (text.empty()) return;
    if (!body.empty() && body.back().kind == PartKind::kText) {
      body.back().text += text;
    } else {
      body.push_back(Part::from_text(std::string(text)));
    }
  };
  for (const Part& part : texts) {
    std::string_view text = part.text;
    for (;;) {
      const Mention mention = first_mention(text, media);
      append(text.substr(0, mention.at));
      if (mention.at == std::string_view::npos) break;
      mentioned[mention.media] = true;
      body.push_back(media[mention.media]);
      text.remove_prefix(mention.at + media[mention.media].text.size());
    }
  }
  std::vector<Part> out;
  for (std::size_t i = 0; i < media.size(); ++i) {
    if (!mentioned[i]) out.push_back(std::move(media[i]));
  }
  out.insert(out.end(), std::make_move_iterator(body.begin()), std::make_move_iterator(body.end()));
  return out;
}

}  // namespace

std::vector<Message> place_media(std::vector<Message> messages) {
  for (Message& message : messages) {
    bool has_media = false;
    for (const Part& part : message.parts) has_media = has_media || part.kind != PartKind::kText;
    if (has_media) message.parts = placed(std::move(message.parts));
  }
  return messages;
}

}  // namespace peira::evals
