// What is said to a model: messages of parts. Shared by datasets, evals, model and runner.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace peira {

enum class PartKind { kText, kImage, kAudio, kVideo };

// One piece of a message. Media is bytes or a path and is decoded only where it is needed.
struct Part {
  PartKind kind = PartKind::kText;
  std::string text;   // kText: UTF-8; media: its mark in the text ("<image 2>"), if it has one
  std::string bytes;  // media: the encoded file, when it has no path
  std::filesystem::path path;  // media: where the file lies, when `bytes` is empty

  static Part from_text(std::string text) {
    Part part;
    part.text = std::move(text);
    return part;
  }
};

// role: "system", "user", "assistant" or "tool", as in the OpenAI protocol.
struct Message {
  std::string role;
  std::vector<Part> parts;

  static Message from_text(std::string role, std::string text) {
    return {std::move(role), {Part::from_text(std::move(text))}};
  }
};

// The text parts of `message`, joined without separator.
inline std::string text_of(const Message& message) {
  std::string text;
  for (const Part& part : message.parts) text += part.text;
  return text;
}

}  // namespace peira
