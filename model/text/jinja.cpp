#include "model/text/jinja.h"

#include <cstdint>
#include <ctime>
#include <map>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "model/text/jinja/clock.h"
#include "model/text/jinja/evaluator.h"
#include "model/text/jinja/lexer.h"
#include "model/text/jinja/parser.h"

namespace peira::model {
namespace {

constexpr std::size_t kMaxTemplateBytes = 4U << 20U;

// "where:line: message in {{ the tag }}"
[[noreturn]] void fail_at(const std::string& where, const jinja::Source& source,
                          const jinja::Place& place, const std::string& message) {
  const std::string excerpt = source.excerpt(place);
  throw Error(ErrorCode::kData, to_valid_utf8(where + ":" + std::to_string(place.line) + ": " +
                                              message + (excerpt.empty() ? "" : " in " + excerpt)));
}

}  // namespace

struct JinjaTemplate::Parsed {
  std::string where;
  jinja::Template content;
  std::optional<std::tm> time;
};

JinjaTemplate::JinjaTemplate(std::string_view source, std::string where)
    : parsed_(std::make_unique<Parsed>()) {
  parsed_->where = std::move(where);
  jinja::Template& content = parsed_->content;
  if (source.size() > kMaxTemplateBytes) {
    fail_at(parsed_->where, content.source, {}, "the template is larger than 4 MiB");
  }
  content.source.text = jinja::with_plain_newlines(source);
  try {
    jinja::parse_template(content);
  } catch (const jinja::SyntaxError& error) {
    fail_at(parsed_->where, content.source, error.place, error.message);
  } catch (const jinja::Failure& failure) {
    fail_at(parsed_->where, content.source, {}, failure.message);
  }
}

JinjaTemplate::~JinjaTemplate() = default;
JinjaTemplate::JinjaTemplate(JinjaTemplate&&) noexcept = default;
JinjaTemplate& JinjaTemplate::operator=(JinjaTemplate&&) noexcept = default;

void JinjaTemplate::set_time(const std::string& time) {
  try {
    parsed_->time = jinja::parse_time(time);
  } catch (const jinja::Failure& failure) {
    throw Error(ErrorCode::kUsage, failure.message);
  }
}

std::string JinjaTemplate::render(const OrderedJson& variables,
                                  const TemplateLimits& limits) const {
  jinja::Limits bounds;
  bounds.steps = limits.steps;
  bounds.output_bytes = limits.output_bytes;
  jinja::Evaluator evaluator(bounds, parsed_->time.value_or(jinja::local_now()));
  try {
    std::map<std::string, jinja::Value, std::less<>> names;
    if (!variables.is_object() && !variables.is_null()) {
      throw jinja::Failure{"the variables are not an object"};
    }
    for (const auto& [name, value] : variables.items()) {
      names.insert_or_assign(name, jinja::Value::from_json(value));
    }
    return evaluator.run(parsed_->content.body, std::move(names));
  } catch (const jinja::Failure& failure) {
    fail_at(parsed_->where, parsed_->content.source, evaluator.place(), failure.message);
  }
}

}  // namespace peira::model
