// Chat templates: the part of Jinja they use, with the settings transformers gives it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"

namespace peira::model {

// What a template from a stranger may use up before it is stopped.
struct TemplateLimits {
  std::int64_t steps = 20'000'000;        // evaluations, loop turns, stretches of 64 bytes
  std::size_t output_bytes = 64U << 20U;  // of the result, and of any text made on the way
};

// A template, read once and rendered any number of times.
// threads: render() may be called from any.
//
// Jinja 3.1 with trim_blocks, lstrip_blocks, loop controls, generation marks and an immutable
// sandbox. Refused where they are met: include, import and inheritance, the filters pprint, random,
// urlize and wordwrap, bytes, integers of more than 4,300 digits.
class JinjaTemplate {
 public:
  // where  named in errors, e.g. "chat_template".
  // throws Error(kData): "where:line: ... in {{ the tag }}" for a template that cannot be read.
  JinjaTemplate(std::string_view source, std::string where);
  ~JinjaTemplate();
  JinjaTemplate(JinjaTemplate&&) noexcept;
  JinjaTemplate& operator=(JinjaTemplate&&) noexcept;

  // variables  an object; its members are the template's variables, in order for tojson and loops.
  // throws     Error(kData): the same when the template fails or goes beyond the limits.
  std::string render(const OrderedJson& variables, const TemplateLimits& limits = {}) const;

  // What strftime_now() tells: "2026-11-26" (its midnight) or "2026-11-26T15:04:05"; the local time
  // of each rendering unless set. throws Error(kUsage): no such time.
  void set_time(const std::string& time);

 private:
  struct Parsed;
  std::unique_ptr<Parsed> parsed_;
};

}  // namespace peira::model
