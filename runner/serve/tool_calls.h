// Calls of functions in what a model writes: each family marks them its own way, which its chat
// template tells.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/response_format.h"
#include "model/text/answer_stream.h"

namespace peira::runner {

struct ToolCall {
  std::string name;
  std::string arguments;  // a JSON object as text
  auto operator<=>(const ToolCall&) const = default;
};

// How calls are written.
enum class ToolDialect {
  kNone,     // not at all: text is text
  kHermes,   // <tool_call>{"name": ..., "arguments": {...}}</tool_call>, among text (Qwen, Hermes)
  kMistral,  // [TOOL_CALLS][{"name": ..., "arguments": {...}}, ...], or
             // [TOOL_CALLS]name[ARGS]{...}, behind text
  kLlama,    // {"name": ..., "parameters": {...}} alone, several by ";" (Llama 3.1 and later)
  kHarmony,  // <|channel|>commentary to=functions.name<|message|>{...}<|call|> (gpt-oss); other
             // channels are thoughts (analysis) and what is said (final)
};

// The dialect of a checkpoint by its chat template.
ToolDialect tool_dialect_of(std::string_view chat_template);

// Special tokens that must be left in the text for a dialect to be read.
const std::vector<std::string>& tool_marks(ToolDialect dialect);

// Takes an answer apart as it comes. What may yet turn out to belong to a call is held back; what
// turns out not to be one, and every call that is not well-formed, is text as it was written.
//
// Joined, what is given depends on the joined text alone, not on the pieces that it came in.
// cost     linear in the text, however small the pieces.
// threads: one at a time.
class ToolCallReader {
 public:
  struct Piece {
    std::string text, reasoning;
    std::vector<ToolCall> calls;  // behind text
    bool is_empty() const { return text.empty() && reasoning.empty() && calls.empty(); }
  };

  // names  of the functions there are. Of dialects without marks, only their calls are calls.
  ToolCallReader(ToolDialect dialect, std::set<std::string> names)
      : dialect_(dialect), names_(std::move(names)) {}

  Piece push(const model::TextDelta& delta);
  // The rest, now that all has come.
  Piece finish();

 private:
  void read_hermes(bool is_end, Piece& out);
  void read_mistral(bool is_end, Piece& out);
  void read_llama(bool is_end, Piece& out);
  void read_harmony(bool is_end, Piece& out);
  bool open_harmony(bool is_end, Piece& out);
  void read_harmony_call(std::string_view body, Piece& out);
  Piece read(bool is_end);
  void say(std::string_view text, Piece& out);

  ToolDialect dialect_;
  std::set<std::string> names_;
  // Where a JSON value that comes in pieces ends. Only its nesting and its texts are looked at: a
  // parser decides whether it is well-formed.
  struct JsonEnd {
    std::size_t at = 0;  // looked at so far
    std::int64_t depth = 0;
    bool in_text = false, is_escaped = false;
    // Behind the value that begins `text`; npos: it is none, or not whole. `text` may only grow.
    std::size_t find(std::string_view text);
  };

  std::string held_;          // not decided yet
  JsonEnd json_end_;          // of hermes: of the value in the call that is held
  std::size_t searched_ = 0;  // of harmony: bytes of the open call that hold no mark
  std::string spaces_;        // after text, that a call swallows
  std::string header_;        // of harmony: the open message's
  bool is_open_ = false;      // of harmony: a message; of llama: text, for good
  bool is_at_start_ = true;   // of harmony: nothing was taken yet
  bool has_called_ = false;
};

// The functions that a list of {"function": {"name": ...}} names, which `where` is.
// throws  Error(kUsage) "tools[1].function...": not as the protocol has it.
std::set<std::string> tool_names(const OrderedJson& tools, const std::string& where);

// The form of an answer that is one call, of `only` or of any function: an object of its name and
// its arguments, these by the function's "parameters". ToolCallReader reads it as kLlama, which has
// no marks.
//
// tools   as tool_names() has checked them.
// throws  Error(kUsage): parameters that are no schema.
ResponseFormat call_format(const OrderedJson& tools, const std::optional<std::string>& only);

}  // namespace peira::runner
