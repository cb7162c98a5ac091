#include "model/text/pre_tokenizer.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/utf8.h"
#include "model/text/byte_alphabet.h"
#include "model/text/parts.h"
#include "model/text/unicode.h"

namespace peira::model {
namespace {

// What ByteLevel splits by when its use_regex is set.
// source: GPT-2's encoder, which tokenizers' ByteLevel names as its default.
constexpr std::string_view kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::size_t kMaxSteps = 64;
constexpr int kMaxDepth = 16;
constexpr int kMaxRewrites = 12;  // each can double a text; real files have up to three

SplitBehavior behavior_of(const Json& value, const std::string& where) {
  const std::string& name = text_of(value, "behavior", where);
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  fail_data(where + ": behavior " + to_valid_utf8(name) +
            " is not known\n  supported: Removed, Isolated, MergedWithPrevious, MergedWithNext, "
            "Contiguous");
}

struct Stretch {
  std::size_t begin;
  std::size_t end;
  bool is_match;
};

// Joins stretches as the behavior says; Removed drops the matches.
void apply(SplitBehavior behavior, std::vector<Stretch>& stretches) {
  std::vector<Stretch> out;
  switch (behavior) {
    case SplitBehavior::kIsolated:
      return;
    case SplitBehavior::kRemoved:
      std::erase_if(stretches, [](const Stretch& s) { return s.is_match; });
      return;
    case SplitBehavior::kContiguous:
      for (const Stretch& s : stretches) {
        if (!out.empty() && out.back().is_match == s.is_match) {
          out.back().end = s.end;
        } else {
          out.push_back(s);
        }
      }
      break;
    case SplitBehavior::kMergedWithPrevious: {
      bool previous_matched = false;
      for (const Stretch& s : stretches) {
        if (s.is_match && !previous_matched && !out.empty()) {
          out.back().end = s.end;
        } else {
          out.push_back(s);
        }
        previous_matched = s.is_match;
      }
      break;
    }
    case SplitBehavior::kMergedWithNext: {
      bool next_matched = false;
      for (auto s = stretches.rbegin(); s != stretches.rend(); ++s) {
        if (s->is_match && !next_matched && !out.empty()) {
          out.back().begin = s->begin;
        } else {
          out.push_back(*s);
        }
        next_matched = s->is_match;
      }
      std::reverse(out.begin(), out.end());
      break;
    }
  }
  stretches = std::move(out);
}

}  // namespace

PreTokenizer::PreTokenizer(const Json& description, const std::string& where) {
  if (!description.is_null()) add(description, where, 0);
  if (!steps_.empty() && steps_.back().kind == Step::Kind::kByteLevel) {
    gives_bytes_ = true;
    steps_.pop_back();
  }
  int num_rewrites = 0;
  for (const Step& step : steps_) {
    num_rewrites += step.kind == Step::Kind::kPrefix || step.kind == Step::Kind::kReplaceSpace ||
                    step.kind == Step::Kind::kByteLevel;
    has_regex_ = has_regex_ || (step.pattern && !step.pattern->is_literal());
  }
  if (num_rewrites > kMaxRewrites) {
    fail_data(where + ": more than 12 steps of Metaspace and ByteLevel kind");
  }
}

void PreTokenizer::add(const Json& description, const std::string& where, int depth) {
  if (depth > kMaxDepth) fail_data(where + ": nests deeper than 16 levels");
  const std::string type = type_of(description, where);
  if (type == "Sequence") {
    for (const Json& part : list_of(description, "pretokenizers", where)) {
      add(part, where, depth + 1);
    }
  } else if (type == "Split") {
    Step step{Step::Kind::kSplit, behavior_of(description, where)};
    step.invert = flag(description, "invert", false, where);
    step.pattern.emplace(description, where);
    steps_.push_back(std::move(step));
  } else if (type == "CharDelimiterSplit") {
    Step step{Step::Kind::kSplit, SplitBehavior::kRemoved};
    std::string delimiter;
    append_utf8(delimiter, character_of(description, "delimiter", where));
    step.pattern = Pattern::literal(delimiter);
    steps_.push_back(std::move(step));
  } else if (type == "Digits") {
    steps_.push_back({Step::Kind::kDigits, flag(description, "individual_digits", false, where)
                                               ? SplitBehavior::kIsolated
                                               : SplitBehavior::kContiguous});
  } else if (type == "Punctuation") {
    steps_.push_back({Step::Kind::kPunctuation, description.contains("behavior")
                                                    ? behavior_of(description, where)
                                                    : SplitBehavior::kIsolated});
  } else if (type == "WhitespaceSplit") {
    steps_.push_back({Step::Kind::kWhitespace, SplitBehavior::kRemoved});
  } else if (type == "BertPreTokenizer") {
    steps_.push_back({Step::Kind::kWhitespace, SplitBehavior::kRemoved});
    steps_.push_back({Step::Kind::kPunctuation, SplitBehavior::kIsolated});
  } else if (type == "Whitespace") {
    steps_.push_back({Step::Kind::kWordsAndSymbols});
  } else if (type == "Metaspace") {
    add_metaspace(description, where);
  } else if (type == "ByteLevel") {
    if (flag(description, "add_prefix_space", true, where)) {
      Step step{Step::Kind::kPrefix};
      step.content = " ";
      steps_.push_back(std::move(step));
    }
    if (flag(description, "use_regex", true, where)) {
      Step step{Step::Kind::kSplit};
      step.pattern = Pattern::regex(kByteLevelPattern, where);
      steps_.push_back(std::move(step));
    }
    steps_.push_back({Step::Kind::kByteLevel});
  } else {
    refuse_type(type,
                "Sequence, Split, CharDelimiterSplit, Digits, Punctuation, Whitespace, "
                "WhitespaceSplit, BertPreTokenizer, Metaspace, ByteLevel",
                where);
  }
  if (steps_.size() > kMaxSteps) fail_data(where + ": more than 64 steps");
}

void PreTokenizer::add_metaspace(const Json& description, const std::string& where) {
  std::string replacement;
  append_utf8(replacement, character_of(description, "replacement", where));
  std::string scheme = "always";
  if (description.contains("prepend_scheme")) {
    scheme = text_of(description, "prepend_scheme", where);
  } else if (!flag(description, "add_prefix_space", true, where)) {
    scheme = "never";  // the older layout
  }
  if (scheme != "first" && scheme != "never" && scheme != "always") {
    fail_data(where + ": prepend_scheme " + to_valid_utf8(scheme) +
              " is not known\n  supported: first, never, always");
  }
  if (scheme != "never" && !flag(description, "add_prefix_space", true, where)) {
    fail_data(where + ": add_prefix_space is false but prepend_scheme is " + scheme);
  }
  Step spaces{Step::Kind::kReplaceSpace};
  spaces.content = replacement;
  steps_.push_back(std::move(spaces));
  if (scheme != "never") {
    Step prefix{Step::Kind::kPrefix};
    prefix.content = replacement;
    prefix.only_at_start = scheme == "first";
    steps_.push_back(std::move(prefix));
  }
  if (flag(description, "split", true, where)) {
    Step step{Step::Kind::kSplit, SplitBehavior::kMergedWithNext};
    step.pattern = Pattern::literal(replacement);
    steps_.push_back(std::move(step));
  }
}

void PreTokenizer::words(std::string_view text, bool at_start, Regex::Scratch& scratch,
                         const Word& word) const {
  if (text.empty()) return;
  const std::string shadow = has_regex_ ? shadow_for_matching(text) : std::string();
  run(0, {text, shadow.empty() ? text : std::string_view(shadow), at_start}, scratch, word);
}

void PreTokenizer::run(std::size_t step_index, const Piece& piece, Regex::Scratch& scratch,
                       const Word& word) const {
  if (step_index == steps_.size()) {
    word(piece.text);
    return;
  }
  switch (steps_[step_index].kind) {
    case Step::Kind::kPrefix:
    case Step::Kind::kReplaceSpace:
    case Step::Kind::kByteLevel:
      rewrite(step_index, piece, scratch, word);
      return;
    default:
      split(step_index, piece, scratch, word);
  }
}

void PreTokenizer::rewrite(std::size_t step_index, const Piece& piece, Regex::Scratch& scratch,
                           const Word& word) const {
  const Step& step = steps_[step_index];
  const auto rewritten = [&](std::string_view from) {
    std::string out;
    if (step.kind == Step::Kind::kByteLevel) {
      ByteAlphabet::instance().append_characters(out, piece.text);
    } else if (step.kind == Step::Kind::kPrefix) {
      out.reserve(from.size() + step.content.size());
      out += step.content;
      out += from;
    } else {
      out.reserve(from.size() + from.size() / 4);
      std::size_t begin = 0;
      for (std::size_t at = from.find(' '); at != std::string_view::npos;
           at = from.find(' ', begin)) {
        out += from.substr(begin, at - begin);
        out += step.content;
        begin = at + 1;
      }
      out += from.substr(begin);
    }
    return out;
  };
  const bool unchanged =
      (step.kind == Step::Kind::kPrefix &&
       (piece.text.starts_with(step.content) || (step.only_at_start && !piece.at_start))) ||
      (step.kind == Step::Kind::kReplaceSpace && piece.text.find(' ') == std::string_view::npos);
  if (unchanged) {
    run(step_index + 1, piece, scratch, word);
    return;
  }
  const std::string text = rewritten(piece.text);
  if (piece.text.data() == piece.seen.data()) {
    run(step_index + 1, {text, text, piece.at_start}, scratch, word);
  } else {
    const std::string seen = rewritten(piece.seen);
    run(step_index + 1, {text, seen, piece.at_start}, scratch, word);
  }
}

void PreTokenizer::split(std::size_t step_index, const Piece& piece, Regex::Scratch& scratch,
                         const Word& word) const {
  const Step& step = steps_[step_index];
  const auto pass_on = [&](std::size_t begin, std::size_t end) {
    if (begin == end) return;
    run(step_index + 1,
        {piece.text.substr(begin, end - begin), piece.seen.substr(begin, end - begin),
         piece.at_start && begin == 0},
        scratch, word);
  };
  // The common step needs no list of its stretches.
  const bool direct = step.behavior == SplitBehavior::kIsolated;
  std::vector<Stretch> stretches;
  const auto take = [&](std::size_t begin, std::size_t end, bool is_match) {
    if (direct) {
      pass_on(begin, end);
    } else {
      stretches.push_back({begin, end, is_match != step.invert});
    }
  };

  std::size_t done = 0;
  const auto take_match = [&](std::size_t begin, std::size_t end) {
    if (done < begin) take(done, begin, false);
    take(begin, end, true);
    done = end;
  };
  const auto take_characters = [&](bool (*is_match)(char32_t)) {
    for (std::size_t i = 0; i < piece.text.size();) {
      const DecodedCodePoint decoded = decode_utf8(piece.text, i);
      if (is_match(decoded.code_point)) take_match(i, i + decoded.size_bytes);
      i += decoded.size_bytes;
    }
  };
  switch (step.kind) {
    case Step::Kind::kDigits:
      take_characters(is_digit);
      break;
    case Step::Kind::kPunctuation:
      take_characters(is_punctuation);
      break;
    case Step::Kind::kWhitespace:
      take_characters(is_white_space);
      break;
    case Step::Kind::kWordsAndSymbols: {
      // Runs of word characters and runs of neither word nor space; the spaces go.
      int previous = 0;  // 0: a space
      for (std::size_t i = 0; i < piece.text.size();) {
        const DecodedCodePoint decoded = decode_utf8(piece.text, i);
        const char32_t c = decoded.code_point;
        const int kind = is_white_space(c) ? 0 : is_word(c) ? 1 : 2;
        if (kind != previous) {
          if (previous != 0) pass_on(done, i);
          done = i;
        }
        previous = kind;
        i += decoded.size_bytes;
      }
      if (previous != 0) pass_on(done, piece.text.size());
      return;
    }
    default:
      step.pattern->for_each_match(piece.text, piece.seen, scratch, take_match);
  }
  if (done < piece.text.size()) take(done, piece.text.size(), false);
  if (direct) return;
  apply(step.behavior, stretches);
  for (const Stretch& stretch : stretches) pass_on(stretch.begin, stretch.end);
}

}  // namespace peira::model
