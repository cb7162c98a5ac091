// The tokens that a tokenizer puts around a text: tokenizer.json's "post_processor".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"

namespace peira::model {

// What TemplateProcessing ("single"), RobertaProcessing and BertProcessing add; ByteLevel changes
// offsets only, so nothing here. threads: const members from any.
class PostProcessor {
 public:
  PostProcessor() = default;  // adds nothing
  // throws Error(kData): a part that is unknown or wrong.
  PostProcessor(const Json& description, const std::string& where);

  std::span<const std::int32_t> before() const { return before_; }
  std::span<const std::int32_t> after() const { return after_; }

 private:
  void add(const Json& description, const std::string& where, int depth);
  void add_template(const Json& description, const std::string& where);

  std::vector<std::int32_t> before_;
  std::vector<std::int32_t> after_;
};

}  // namespace peira::model
