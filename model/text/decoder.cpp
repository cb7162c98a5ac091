#include "model/text/decoder.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "model/text/byte_alphabet.h"
#include "model/text/parts.h"

namespace peira::model {
namespace {

constexpr std::size_t kMaxStages = 64;
constexpr int kMaxDepth = 16;
constexpr std::size_t kMaxContentBytes = 4096;
constexpr std::size_t kMaxGrowth = 64;  // of all texts together: more is a bomb
constexpr std::string_view kReplacement = "\uFFFD";

int hexadecimal(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte that a token such as <0x0A> stands for, or -1. Rust's number parser takes a plus sign.
int byte_of(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
  const int high = token[3] == '+' ? 0 : hexadecimal(token[3]);
  const int low = hexadecimal(token[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// The length of the part of `text` that no further byte can change: all but an unfinished character
// at its end.
std::size_t settled_size(std::string_view text) {
  const std::size_t longest = std::min<std::size_t>(3, text.size());
  for (std::size_t tail = 1; tail <= longest; ++tail) {
    const auto lead = static_cast<unsigned char>(text[text.size() - tail]);
    if ((lead & 0xC0U) == 0x80U) continue;
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1;
    if (length <= tail) return text.size();
    // Unfinished if all its bytes so far belong together.
    const DecodedCodePoint decoded = decode_utf8(text, text.size() - tail);
    return !decoded.valid && decoded.size_bytes == tail && lead < 0xF5 ? text.size() - tail
                                                                       : text.size();
  }
  return text.size();
}
}  // namespace

Decoder::Decoder(const Json& description, const std::string& where) {
  if (description.is_null()) {
    stages_.push_back({Stage::Kind::kJoin});
  } else {
    add(description, where, 0);
  }
}

void Decoder::add(const Json& description, const std::string& where, int depth) {
  if (depth > kMaxDepth) fail_data(where + ": nests deeper than 16 levels");
  const std::string type = type_of(description, where);
  if (type == "Sequence") {
    for (const Json& part : list_of(description, "decoders", where)) add(part, where, depth + 1);
  } else if (type == "ByteLevel") {
    stages_.push_back({Stage::Kind::kAlphabet});
    stages_.push_back({Stage::Kind::kUtf8});
  } else if (type == "ByteFallback") {
    stages_.push_back({Stage::Kind::kByteFallback});
  } else if (type == "Fuse") {
    stages_.push_back({Stage::Kind::kFuse});
  } else if (type == "Replace") {
    Stage stage{Stage::Kind::kReplace};
    stage.pattern.emplace(description, where);
    stage.content = text_of(description, "content", where);
    if (stage.content.size() > kMaxContentBytes) {
      fail_data(where + ": Replace with more than 4096 bytes");
    }
    stages_.push_back(std::move(stage));
  } else if (type == "Strip") {
    Stage stage{Stage::Kind::kStrip};
    append_utf8(stage.content, character_of(description, "content", where));
    stage.start = integer_of(description, "start", 0, 1 << 20, where);
    stage.stop = integer_of(description, "stop", 0, 1 << 20, where);
    stages_.push_back(std::move(stage));
  } else if (type == "Metaspace") {
    Stage stage{Stage::Kind::kMetaspace};
    append_utf8(stage.content, character_of(description, "replacement", where));
    stage.keeps_first = description.contains("prepend_scheme")
                            ? text_of(description, "prepend_scheme", where) == "never"
                            : !flag(description, "add_prefix_space", true, where);
    stages_.push_back(std::move(stage));
  } else {
    refuse_type(type, "ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace, Sequence", where);
  }
  if (stages_.size() > kMaxStages) fail_data(where + ": more than 64 steps");
}

void Decoder::replace(const Stage& stage, std::string_view text, std::string& out) {
  if (text.empty()) return;
  const bool is_literal = stage.pattern->is_literal();
  const std::string shadow = is_literal ? std::string() : shadow_for_matching(text);
  Regex::Scratch scratch;
  std::size_t done = 0;
  stage.pattern->for_each_match(text, shadow.empty() ? text : std::string_view(shadow), scratch,
                                [&](std::size_t begin, std::size_t end) {
                                  out += text.substr(done, begin - done);
                                  out += stage.content;
                                  done = end;
                                });
  out += text.substr(done);
}

void Decoder::strip(const Stage& stage, std::string_view text, std::string& out) {
  for (std::int64_t i = 0; i < stage.start && text.starts_with(stage.content); ++i) {
    text.remove_prefix(stage.content.size());
  }
  for (std::int64_t i = 0; i < stage.stop && text.ends_with(stage.content); ++i) {
    text.remove_suffix(stage.content.size());
  }
  out += text;
}

void Decoder::prepare(std::int32_t num_tokens,
                      const std::function<std::string_view(std::int32_t)>& token_text,
                      const std::string& where) {
  // The leading steps that look at one token at a time are done here, once.
  const auto first_flowing = std::find_if(stages_.begin(), stages_.end(), [](const Stage& stage) {
    return stage.kind != Stage::Kind::kReplace && stage.kind != Stage::Kind::kStrip &&
           stage.kind != Stage::Kind::kAlphabet;
  });
  std::vector<Stage> flowing(std::make_move_iterator(first_flowing),
                             std::make_move_iterator(stages_.end()));
  stages_.erase(first_flowing, stages_.end());

  ends_.resize(static_cast<std::size_t>(num_tokens));
  std::size_t given = 0;
  std::string current;
  std::string next;
  for (std::int32_t id = 0; id < num_tokens; ++id) {
    const std::string_view text = token_text(id);
    given += text.size();
    if (stages_.size() == 1 && stages_.front().kind == Stage::Kind::kAlphabet) {
      if (!ByteAlphabet::instance().append_bytes(texts_, text)) texts_ += text;
    } else {
      current = text;
      for (const Stage& stage : stages_) {
        next.clear();
        if (stage.kind == Stage::Kind::kReplace) {
          replace(stage, current, next);
        } else if (stage.kind == Stage::Kind::kStrip) {
          strip(stage, current, next);
        } else if (!ByteAlphabet::instance().append_bytes(next, current)) {
          next = current;
        }
        std::swap(current, next);
      }
      texts_ += current;
    }
    if (texts_.size() > given * kMaxGrowth + (std::size_t{1} << 20U) || texts_.size() >> 31U != 0) {
      fail_data(where + ": makes " + std::to_string(given) + " bytes of tokens into " +
                std::to_string(texts_.size()) + " or more");
    }
    ends_[static_cast<std::size_t>(id)] = static_cast<std::uint32_t>(texts_.size());
  }
  texts_.shrink_to_fit();
  stages_ = std::move(flowing);
  has_byte_fallback_ = std::any_of(stages_.begin(), stages_.end(), [](const Stage& stage) {
    return stage.kind == Stage::Kind::kByteFallback;
  });
}

std::string Decoder::bytes(std::int32_t id, bool at_start) const {
  if (id < 0 || static_cast<std::size_t>(id) >= ends_.size()) return {};
  const auto index = static_cast<std::size_t>(id);
  const std::uint32_t begin = index == 0 ? 0 : ends_[index - 1];
  std::string text = texts_.substr(begin, ends_[index] - begin);
  const int byte = has_byte_fallback_ ? byte_of(text) : -1;
  if (byte >= 0) text.assign(1, static_cast<char>(byte));
  std::string made;
  for (const Stage& stage : stages_) {
    made.clear();
    switch (stage.kind) {
      case Stage::Kind::kReplace:
        replace(stage, text, made);
        break;
      case Stage::Kind::kStrip: {
        std::string_view rest = text;
        for (std::int64_t i = 0; at_start && i < stage.start && rest.starts_with(stage.content);
             ++i) {
          rest.remove_prefix(stage.content.size());
        }
        made = rest;
        break;
      }
      case Stage::Kind::kAlphabet:
        if (!ByteAlphabet::instance().append_bytes(made, text)) made = text;
        break;
      case Stage::Kind::kMetaspace:
        put_spaces(stage, text, at_start, made);
        break;
      case Stage::Kind::kJoin:
        if (!at_start) made = ' ';
        made += text;
        break;
      case Stage::Kind::kByteFallback:
      case Stage::Kind::kFuse:
      case Stage::Kind::kUtf8:
        continue;
    }
    std::swap(text, made);
  }
  return text;
}

bool Decoder::joins_bytes() const {
  return std::none_of(stages_.begin(), stages_.end(), [](const Stage& stage) {
    return stage.kind == Stage::Kind::kReplace || stage.kind == Stage::Kind::kAlphabet;
  });
}

void Decoder::push(DecodeState& state, std::int32_t id, std::string& out) const {
  if (id < 0 || static_cast<std::size_t>(id) >= ends_.size()) return;
  const auto index = static_cast<std::size_t>(id);
  const std::uint32_t begin = index == 0 ? 0 : ends_[index - 1];
  feed(state, 0, {std::string_view(texts_).substr(begin, ends_[index] - begin)}, out);
}

void Decoder::finish(DecodeState& state, std::string& out) const {
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    DecodeState::Stage& mine = state.stages[i];
    switch (stages_[i].kind) {
      case Stage::Kind::kByteFallback:
        flush_bytes(state, i, out);
        break;
      case Stage::Kind::kFuse:
        feed(state, i + 1, {{}, mine.seen == 0, true}, out);
        break;
      case Stage::Kind::kUtf8: {
        const std::string rest = to_valid_utf8(mine.held);
        feed(state, i + 1, {rest, mine.seen == 0, true}, out);
        break;
      }
      default:
        break;
    }
    mine = {};
  }
}

// Hands `part` to the stage, which hands on what it makes of it.
void Decoder::feed(DecodeState& state, std::size_t index, Part part, std::string& out) const {
  if (index == stages_.size()) {
    out += part.text;
    return;
  }
  const Stage& stage = stages_[index];
  DecodeState::Stage& mine = state.stages[index];
  switch (stage.kind) {
    case Stage::Kind::kFuse:
      feed(state, index + 1, {part.text, mine.seen == 0, false}, out);
      mine.seen = 1;
      return;
    case Stage::Kind::kUtf8: {
      mine.held += part.text;
      const std::size_t settled = settled_size(mine.held);
      if (settled > 0) {
        const std::string text = to_valid_utf8(std::string_view(mine.held).substr(0, settled));
        mine.held.erase(0, settled);
        feed(state, index + 1, {text, mine.seen == 0, false}, out);
        mine.seen = 1;
      }
      return;
    }
    case Stage::Kind::kJoin:
      if (part.is_first && mine.seen++ > 0) out += ' ';
      feed(state, index + 1, part, out);
      return;
    case Stage::Kind::kMetaspace:
      feed_metaspace(state, index, part, out);
      return;
    case Stage::Kind::kStrip:
      if (!part.is_first || !part.is_last) {
        feed_strip(state, index, part, out);
        return;
      }
      break;
    default:
      break;
  }
  // The others need a token as a whole.
  if (part.is_first && part.is_last) {
    feed_whole(state, index, part.text, out);
    return;
  }
  mine.held += part.text;
  if (!part.is_last) return;
  const std::string whole = std::exchange(mine.held, {});
  feed_whole(state, index, whole, out);
}

void Decoder::feed_whole(DecodeState& state, std::size_t index, std::string_view token,
                         std::string& out) const {
  const Stage& stage = stages_[index];
  if (stage.kind == Stage::Kind::kByteFallback) {
    const int byte = byte_of(token);
    if (byte >= 0) {
      state.stages[index].held.push_back(static_cast<char>(byte));
      return;
    }
    flush_bytes(state, index, out);
    feed(state, index + 1, {token}, out);
    return;
  }
  std::string made;
  if (stage.kind == Stage::Kind::kReplace) {
    replace(stage, token, made);
  } else if (stage.kind == Stage::Kind::kStrip) {
    strip(stage, token, made);
  } else if (!ByteAlphabet::instance().append_bytes(made, token)) {
    made = token;
  }
  feed(state, index + 1, {made}, out);
}

// A run of bytes is text only if all of it is: the reference gives U+FFFD for each byte otherwise,
// so nothing of a run is settled before its end.
void Decoder::flush_bytes(DecodeState& state, std::size_t index, std::string& out) const {
  const std::string run = std::exchange(state.stages[index].held, {});
  if (run.empty()) return;
  if (is_valid_utf8(run)) {
    feed(state, index + 1, {run}, out);
  } else {
    for (std::size_t i = 0; i < run.size(); ++i) feed(state, index + 1, {kReplacement}, out);
  }
}

// Parts of one token: those at its start are dropped as they come, those at its end are held.
void Decoder::feed_strip(DecodeState& state, std::size_t index, Part part, std::string& out) const {
  const Stage& stage = stages_[index];
  DecodeState::Stage& mine = state.stages[index];
  std::string_view text = part.text;
  while (mine.seen < stage.start && text.starts_with(stage.content)) {
    text.remove_prefix(stage.content.size());
    ++mine.seen;
  }
  if (!text.empty()) mine.seen = stage.start;  // the start is past
  mine.held += text;
  std::size_t settled = mine.held.size();
  for (std::int64_t i = 0; i < stage.stop; ++i) {
    if (!std::string_view(mine.held).substr(0, settled).ends_with(stage.content)) break;
    settled -= stage.content.size();
  }
  const std::string made = mine.held.substr(0, settled);
  mine.held.erase(0, settled);
  if (part.is_last) mine = {};
  feed(state, index + 1, {made, part.is_first, part.is_last}, out);
}

// The first token's marks go, however many: they stand for the space put in front of a text.
void Decoder::put_spaces(const Stage& stage, std::string_view text, bool is_first,
                         std::string& out) {
  const bool drops = is_first && !stage.keeps_first;
  for (std::size_t at = text.find(stage.content); at != std::string_view::npos;
       at = text.find(stage.content)) {
    out += text.substr(0, at);
    if (!drops) out += ' ';
    text.remove_prefix(at + stage.content.size());
  }
  out += text;
}

void Decoder::feed_metaspace(DecodeState& state, std::size_t index, Part part,
                             std::string& out) const {
  const Stage& stage = stages_[index];
  DecodeState::Stage& mine = state.stages[index];
  std::string made;
  put_spaces(stage, part.text, mine.seen == 0, made);
  if (part.is_last) ++mine.seen;
  feed(state, index + 1, {made, part.is_first, part.is_last}, out);
}

}  // namespace peira::model
