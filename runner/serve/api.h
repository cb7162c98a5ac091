// The OpenAI protocol from the server's side: bodies of requests read, replies and chunks written.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/text/language_model.h"
#include "runner/serve/media_parts.h"
#include "runner/serve/tool_calls.h"

namespace peira::runner {

enum class ServedApi { kChat, kCompletions };

struct ApiDefaults {
  model::SamplingParams sampling = {};  // the checkpoint's, where a request says nothing
  int completion_max_tokens = 16;       // OpenAI's, of completions that give none
  TakenMedia taken = {};                // what the model takes besides text
};

// A request as the engine can carry it out.
struct ApiRequest {
  ServedApi api = ServedApi::kChat;
  std::string model;
  // One each prompt; of chats just one. max_tokens -1: as many as the context leaves room for.
  std::vector<model::TextRequest> prompts;
  int num_choices = 1;  // answers a prompt: "n"
  bool has_seed = false;
  bool stream = false, stream_usage = false;
  bool echo = false;                 // of completions: the prompt is part of the answer
  bool logprobs = false;             // with prompts' top_logprobs alternatives
  NumMedia media = {};               // in its messages
  std::set<std::string> tools = {};  // names of the functions that may be called
  // One of them must be: the answer is held to {"name": ..., "arguments": {...}} and nothing else.
  bool must_call = false;
};

// Reads a body. Members that the protocol knows and this engine does not (answers that are
// spoken) are refused where they would change the answer, else ignored, as the official server does
// with members that it does not know.
//
// body    in the order it was written in, which is a schema's and a template's too.
// throws  Error(kUsage) "messages[1].content: ..." naming the member: wrong type or value, or not
//         supported.
ApiRequest read_api_request(ServedApi api, const OrderedJson& body, const ApiDefaults& defaults);

// What was wrong with a request in a few words that quote nothing of it, from the message of its
// refusal: "invalid_request: stop", "context_overflow", "invalid_request".
std::string refusal_class(const std::string& message);

// What all replies and chunks of a request carry.
struct ReplyHead {
  std::string id;
  std::int64_t created = 0;  // seconds since 1970
  std::string model;
  std::string fingerprint;
};

// How a token is spelled, for log-probabilities: bytes, which may be a part of a character.
using TokenSpelling = std::function<std::string(std::int32_t)>;

// results  [prompts * n], choices of a prompt side by side.
// calls    [results] of each choice, or empty.
OrderedJson api_reply(const ApiRequest& request, const ReplyHead& head,
                      const std::vector<model::TextResult>& results, const TokenSpelling& spelling,
                      const std::vector<std::vector<ToolCall>>& calls = {});

// A chunk of a streamed answer; the last of a choice has its finish_reason and, where asked for,
// all its log-probabilities.
OrderedJson api_chunk(const ApiRequest& request, const ReplyHead& head, int choice,
                      const model::TextDelta& delta, bool is_first);
// Calls, each whole; first_index: how many the choice made before.
OrderedJson api_call_chunk(const ApiRequest& request, const ReplyHead& head, int choice,
                           const std::vector<ToolCall>& calls, std::size_t first_index);
OrderedJson api_last_chunk(const ApiRequest& request, const ReplyHead& head, int choice,
                           const model::TextResult& result, const TokenSpelling& spelling,
                           bool has_called = false);
OrderedJson api_usage_chunk(const ApiRequest& request, const ReplyHead& head,
                            const std::vector<model::TextResult>& results);

// {"error": {"message", "type", "param", "code"}}; only the message's first line.
std::string api_error(const std::string& message, const std::string& type,
                      const std::string& code = "");

}  // namespace peira::runner
