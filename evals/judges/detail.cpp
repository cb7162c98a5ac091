#include "evals/judges/detail.h"

#include <algorithm>

#include "evals/prompt.h"
#include "evals/python_text.h"
#include "evals/scorers/judgement.h"

namespace peira::evals::detail {

std::string shown_question(const JudgeRequest& request) {
  const datasets::Sample& sample = *request.sample;
  std::string text;
  for (const Part& part : sample.parts) text += part.text;
  const std::vector<int> order = displayed_order(sample, request.permutation);
  if (!order.empty()) text += "\n";
  for (std::size_t k = 0; k < order.size(); ++k) {
    text += "\n" + option_letter(static_cast<int>(k)) + ") " +
            sample.choices[static_cast<std::size_t>(order[k])];
  }
  return text;
}

std::string shown_reference(const JudgeRequest& request) {
  const std::string gold = gold_text(*request.sample, request.permutation);
  return request.sample->choices.empty() ? gold : gold + ") " + request.sample->target;
}

std::string filled(std::string_view text, const std::map<std::string, std::string>& values) {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = text.find("{{");
    out += text.substr(0, open);
    if (open == std::string_view::npos) break;
    text.remove_prefix(open);
    const std::size_t close = text.find("}}");
    const auto found = close == std::string_view::npos
                           ? values.end()
                           : values.find(std::string(text.substr(2, close - 2)));
    if (found == values.end()) {
      out += "{{";
      text.remove_prefix(2);
    } else {
      out += found->second;
      text.remove_prefix(close + 2);
    }
  }
  return out;
}

std::optional<Score> settled_without_judge(const JudgeRequest& request) {
  if (is_failure(request) || python::strip(request.response).empty()) {
    return without_answer(request, gold_text(*request.sample, request.permutation));
  }
  return std::nullopt;
}

ResponseFormat object_format(const std::vector<std::pair<std::string, OrderedJson>>& members) {
  ResponseFormat format;
  format.kind = ResponseFormat::Kind::kJsonSchema;
  format.where = "the judge's verdict";
  OrderedJson properties = OrderedJson::object();
  OrderedJson required = OrderedJson::array();
  for (const auto& [name, schema] : members) {
    properties[name] = schema;
    required.push_back(name);
  }
  format.schema = OrderedJson{{"type", "object"},
                              {"properties", std::move(properties)},
                              {"required", std::move(required)},
                              {"additionalProperties", false}};
  return format;
}

std::string word_defect(const Json& verdict, const char* key,
                        const std::vector<std::string>& words) {
  const auto found = verdict.find(key);
  if (found != verdict.end() && found->is_string() &&
      std::find(words.begin(), words.end(), found->get<std::string>()) != words.end()) {
    return {};
  }
  std::string known;
  for (const std::string& word : words) known += (known.empty() ? "" : ", ") + word;
  return std::string("\"") + key + "\" is none of " + known;
}

std::string reasoning_of(const Json& verdict) {
  const auto found = verdict.find("reasoning");
  if (found == verdict.end() || !found->is_string()) return {};
  return "; the judge: " + excerpt(found->get<std::string>(), 200);
}

}  // namespace peira::evals::detail
