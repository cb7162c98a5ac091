// The OpenAI protocol's bodies: requests written, replies and streams of chunks read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "runner/endpoints/model_client.h"

namespace peira::runner {

enum class OpenAiApi { kChat, kCompletions };

// How requests are written.
struct OpenAiDialect {
  OpenAiApi api = OpenAiApi::kChat;
  std::string model;
  bool stream = false;
  // Newer models take max_completion_tokens alone.
  bool completion_tokens_field = false;
  // Videos are to be heard too: vLLM's mm_processor_kwargs, which peira serve takes as well.
  bool video_sound = false;
  std::vector<std::string> omit = {};         // members that the server does not take: "seed"
  OrderedJson extra = OrderedJson::object();  // members beside ours, which they replace
};

// The body that asks for `request`. A seed is sent in 53 bits, which every JSON reader keeps.
// Members that are not OpenAI's own (top_k, min_p, repetition_penalty) are sent where they were
// asked for, as vLLM and others name them. Completions get the text of the one message, or of
// each with its role before it. Pictures go as data URLs, sounds as input_audio, and videos as
// video_url, which is vLLM's and SGLang's.
//
// With continuations (completions alone): a prompt for each, echoed with log-probabilities.
// throws  Error(kData): a medium whose kind or file cannot be read; completions with media;
//         Error(kUsage): continuations of a chat.
OrderedJson openai_body(const ModelRequest& request, const OpenAiDialect& dialect);

// A reply's body as a response. What is no reply of the protocol, or half of one, is a failure
// that may pass (finish_reason "error", retryable).
// id  the reply's own, where it has one.
ModelResponse read_openai_reply(std::string_view body, const ModelRequest& request,
                                const OpenAiDialect& dialect, std::string* id = nullptr);

// A stream of chunks put together to the same.
// threads: one at a time.
class OpenAiStream {
 public:
  // Takes an event's data. False once the stream is at its end.
  bool take(std::string_view data);
  // What came. Without an end it is a failure that may pass.
  ModelResponse response() const;
  const std::string& id() const { return id_; }

 private:
  ModelResponse response_;
  std::string id_;
  bool is_done_ = false;
};

// The one line that an error body tells, "" if it tells none: {"error": {"message": ...}},
// {"message": ...}, {"detail": ...}, or plain text.
std::string openai_error_text(std::string_view body);

}  // namespace peira::runner
