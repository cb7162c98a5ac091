// What is done to a text before it is split: tokenizer.json's "normalizer".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/text/pattern.h"
#include "model/text/unicode.h"

namespace peira::model {

// NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Prepend, Replace, ByteLevel and Sequences
// of them. threads: const members from any, each with its own Work.
class Normalizer {
 public:
  struct Work {
    Regex::Scratch regex;
    std::string current;
    std::string next;
  };
  struct Normalized {
    std::string_view text;    // in the given text or in `work`
    bool keeps_start = true;  // the first character given was not dropped
  };

  Normalizer() = default;  // does nothing
  // throws Error(kData): a part that is unknown or wrong.
  Normalizer(const Json& description, const std::string& where);

  // text  valid UTF-8.
  Normalized apply(std::string_view text, Work& work) const;

 private:
  struct Step {
    enum class Kind { kForm, kLowercase, kStrip, kStripAccents, kPrepend, kReplace, kByteLevel };
    Kind kind;
    NormalForm form = NormalForm::kNfc;
    bool left = false;  // kStrip
    bool right = false;
    std::optional<Pattern> pattern = {};  // kReplace
    std::string content = {};             // kPrepend, kReplace
  };
  void add(const Json& description, const std::string& where, int depth);
  static void run(const Step& step, Work& work, Normalized& now);
  static void replace(const Step& step, Work& work, Normalized& now);

  std::vector<Step> steps_;
};

}  // namespace peira::model
