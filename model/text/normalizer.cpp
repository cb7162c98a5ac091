#include "model/text/normalizer.h"

#include <utility>

#include "base/utf8.h"
#include "model/text/byte_alphabet.h"
#include "model/text/parts.h"

namespace peira::model {
namespace {

constexpr std::size_t kMaxSteps = 64;
constexpr int kMaxDepth = 16;
// A file whose steps blow a text up further than this is a bomb: NFKD's own limit is 11.
constexpr std::size_t kMaxGrowth = 64;
constexpr std::size_t kMaxContentBytes = 4096;

}  // namespace

Normalizer::Normalizer(const Json& description, const std::string& where) {
  if (!description.is_null()) add(description, where, 0);
}

void Normalizer::add(const Json& description, const std::string& where, int depth) {
  if (depth > kMaxDepth) fail_data(where + ": nests deeper than 16 levels");
  const std::string type = type_of(description, where);
  Step step{Step::Kind::kForm};
  if (type == "Sequence") {
    for (const Json& part : list_of(description, "normalizers", where)) add(part, where, depth + 1);
    return;
  }
  if (type == "NFC") {
    step.form = NormalForm::kNfc;
  } else if (type == "NFD") {
    step.form = NormalForm::kNfd;
  } else if (type == "NFKC") {
    step.form = NormalForm::kNfkc;
  } else if (type == "NFKD") {
    step.form = NormalForm::kNfkd;
  } else if (type == "Lowercase") {
    step.kind = Step::Kind::kLowercase;
  } else if (type == "Strip") {
    step.kind = Step::Kind::kStrip;
    step.left = flag(description, "strip_left", false, where);
    step.right = flag(description, "strip_right", false, where);
  } else if (type == "StripAccents") {
    step.kind = Step::Kind::kStripAccents;
  } else if (type == "Prepend") {
    step.kind = Step::Kind::kPrepend;
    step.content = text_of(description, "prepend", where);
  } else if (type == "Replace") {
    step.kind = Step::Kind::kReplace;
    step.pattern.emplace(description, where);
    step.content = text_of(description, "content", where);
  } else if (type == "ByteLevel") {
    step.kind = Step::Kind::kByteLevel;
  } else {
    refuse_type(type,
                "NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Prepend, Replace, "
                "ByteLevel, Sequence",
                where);
  }
  if (step.content.size() > kMaxContentBytes) {
    fail_data(where + ": " + type + " with more than 4096 bytes");
  }
  steps_.push_back(std::move(step));
  if (steps_.size() > kMaxSteps) fail_data(where + ": more than 64 steps");
}

Normalizer::Normalized Normalizer::apply(std::string_view text, Work& work) const {
  Normalized now{text};
  const std::size_t limit = text.size() * kMaxGrowth + (std::size_t{1} << 20U);
  for (const Step& step : steps_) {
    run(step, work, now);
    if (now.text.size() > limit) {
      fail_data("normalizer: makes " + std::to_string(text.size()) + " bytes of text into " +
                std::to_string(now.text.size()) + " or more");
    }
  }
  return now;
}

// A step reads now.text, which may lie in work.current, and writes work.next; then they change
// places. A step that changes nothing leaves both alone.
void Normalizer::run(const Step& step, Work& work, Normalized& now) {
  const std::string_view text = now.text;
  std::string& out = work.next;
  out.clear();
  switch (step.kind) {
    case Step::Kind::kForm:
      if (is_surely_normal(text, step.form)) return;
      out = normalize(text, step.form);
      break;
    case Step::Kind::kLowercase:
      for (std::size_t i = 0; i < text.size();) {
        const DecodedCodePoint decoded = decode_utf8(text, i);
        append_lower_as_rust(out, decoded.code_point);
        i += decoded.size_bytes;
      }
      break;
    case Step::Kind::kStrip: {
      const std::size_t begin = step.left ? white_space_after(text, 0) : 0;
      const std::size_t end =
          step.right && begin < text.size() ? white_space_before(text, text.size()) : text.size();
      now.text = text.substr(begin, end - begin);
      if (begin > 0) now.keeps_start = false;
      return;
    }
    case Step::Kind::kStripAccents:
      for (std::size_t i = 0; i < text.size();) {
        const DecodedCodePoint decoded = decode_utf8(text, i);
        if (!is_combining_mark(decoded.code_point)) {
          out += text.substr(i, decoded.size_bytes);
        } else if (i == 0) {
          now.keeps_start = false;
        }
        i += decoded.size_bytes;
      }
      break;
    case Step::Kind::kPrepend:
      if (text.empty()) return;
      out.reserve(step.content.size() + text.size());
      out += step.content;
      out += text;
      break;
    case Step::Kind::kReplace:
      replace(step, work, now);
      break;
    case Step::Kind::kByteLevel:
      ByteAlphabet::instance().append_characters(out, text);
      break;
  }
  std::swap(work.current, work.next);
  now.text = work.current;
}

void Normalizer::replace(const Step& step, Work& work, Normalized& now) {
  const std::string_view text = now.text;
  std::string& out = work.next;
  if (text.empty()) return;
  out.reserve(text.size() + text.size() / 4);
  const std::string shadow = step.pattern->is_literal() ? std::string() : shadow_for_matching(text);
  std::size_t done = 0;
  const std::size_t limit = text.size() * kMaxGrowth + (std::size_t{1} << 20U);
  step.pattern->for_each_match(text, shadow.empty() ? text : std::string_view(shadow), work.regex,
                               [&](std::size_t begin, std::size_t end) {
                                 if (begin == 0 && end > 0 && step.content.empty()) {
                                   now.keeps_start = false;
                                 }
                                 out += text.substr(done, begin - done);
                                 if (out.size() <= limit) out += step.content;
                                 done = end;
                               });
  out += text.substr(done);
}

}  // namespace peira::model
