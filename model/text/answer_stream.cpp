#include "model/text/answer_stream.h"

#include <algorithm>
#include <utility>

namespace peira::model {
namespace {

constexpr std::string_view kThinkBegin = "<think>";
constexpr std::string_view kThinkEnd = "</think>";

// How long an end of `text` begins `mark`, the whole of it apart.
std::size_t begun(std::string_view text, std::string_view mark) {
  for (std::size_t size = std::min(text.size(), mark.size() - 1); size > 0; --size) {
    if (text.ends_with(mark.substr(0, size))) return size;
  }
  return 0;
}

// What `token` adds. Bytes in front of a shown one that are no whole character end there.
std::string piece_of(StreamDecoder& decoder, std::int32_t token, const ShownTokens& shown) {
  std::string piece = decoder.push(token);
  if (const auto found = shown.find(token); found != shown.end()) piece += found->second;
  return piece;
}

}  // namespace

std::size_t find_stop(std::string_view text, const std::vector<std::string>& stop,
                      std::size_t from) {
  std::size_t first = std::string_view::npos;
  for (const std::string& word : stop) {
    if (word.empty()) continue;
    const std::size_t begin = from >= word.size() ? from - word.size() + 1 : 0;
    first = std::min(first, text.find(word, begin));
  }
  return first;
}

TextDelta ReasoningSplit::push(std::string_view text) {
  TextDelta out;
  held_ += text;
  if (state_ == State::kStart) {
    const std::size_t first = held_.find_first_not_of('\n');
    if (first == std::string::npos) return out;
    const std::string_view rest = std::string_view(held_).substr(first);
    if (rest.size() < kThinkBegin.size() && kThinkBegin.starts_with(rest)) return out;
    if (rest.starts_with(kThinkBegin)) {
      held_.erase(0, first + kThinkBegin.size());
      state_ = State::kThoughts;
    } else {
      state_ = is_open_ ? State::kThoughts : State::kPlain;
    }
  }
  if (state_ == State::kThoughts) {
    if (!began_) {
      held_.erase(0, std::min(held_.find_first_not_of('\n'), held_.size()));
      began_ = !held_.empty();
    }
    const std::size_t end = held_.find(kThinkEnd);
    std::size_t size = end;
    if (end == std::string::npos) size = held_.size() - begun(held_, kThinkEnd);
    // Line ends before </think> belong to neither; whether it follows is not known yet.
    while (size > 0 && held_[size - 1] == '\n') --size;
    out.reasoning = held_.substr(0, size);
    if (end == std::string::npos) {
      held_.erase(0, size);
      return out;
    }
    held_.erase(0, end + kThinkEnd.size());
    state_ = State::kAnswer;
    began_ = false;
  }
  if (state_ == State::kAnswer && !began_) {
    held_.erase(0, std::min(held_.find_first_not_of('\n'), held_.size()));
    began_ = !held_.empty();
  }
  out.text = std::exchange(held_, {});
  return out;
}

std::string decode_answer(const Tokenizer& tokenizer, std::span<const std::int32_t> tokens,
                          const ShownTokens& shown) {
  StreamDecoder decoder(tokenizer, true);
  std::string text;
  for (const std::int32_t token : tokens) text += piece_of(decoder, token, shown);
  return text + decoder.finish();
}

AnswerStream::AnswerStream(const Tokenizer& tokenizer, std::vector<std::string> stop,
                           ShownTokens shown)
    : decoder_(tokenizer, true), stop_(std::move(stop)), shown_(std::move(shown)) {
  std::erase(stop_, std::string());
}

bool AnswerStream::take(std::span<const std::int32_t> tokens) {
  for (; num_seen_ < tokens.size() && stop_at_ == std::string::npos; ++num_seen_) {
    const std::size_t before = text_.size();
    text_ += piece_of(decoder_, tokens[num_seen_], shown_);
    stop_at_ = find_stop(text_, stop_, before);
  }
  return stop_at_ != std::string::npos;
}

std::string AnswerStream::settled() {
  std::size_t end = stop_at_;
  if (end == std::string::npos) {
    end = text_.size();
    for (const std::string& word : stop_) {
      end = std::min(end, text_.size() - begun(text_, word));
    }
  }
  if (end <= num_given_) return {};
  const std::size_t begin = std::exchange(num_given_, end);
  return text_.substr(begin, end - begin);
}

}  // namespace peira::model
