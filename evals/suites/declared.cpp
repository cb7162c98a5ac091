// Suites that users declare in JSON: the same struct, put together from extractors and scorers by
// name. The fields are described in evals/README.md.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/utf8.h"
#include "evals/detail/json_members.h"
#include "evals/extractors/answer_line.h"
#include "evals/extractors/json_field.h"
#include "evals/extractors/letter.h"
#include "evals/extractors/math_value.h"
#include "evals/extractors/matharena.h"
#include "evals/judges/judges.h"
#include "evals/math/equivalence.h"
#include "evals/prompt.h"
#include "evals/python_text.h"
#include "evals/regex.h"
#include "evals/scorers/judgement.h"
#include "evals/suites/suites.h"

namespace peira::evals {
namespace {

using detail::JsonMembers;

constexpr int kMaxTokensLimit = 10'000'000;

struct Extracted {
  std::string text;
  std::string_view rule;
};
using Extractor =
    std::function<std::optional<Extracted>(const ScoreRequest&, std::vector<std::string>& notes)>;
// Whether the extracted text is right; may rewrite it into the form to be counted ("b" -> "B").
// `how` is for the reason given, may stay empty.
using Judge = std::function<bool(const ScoreRequest&, std::string& answer, std::string& how)>;

// The last number in `text`: digits with thousands commas, a decimal point, a sign; commas dropped.
std::optional<std::string> last_number(std::string_view text) {
  const auto digit = [&](std::size_t i) {
    return i < text.size() && text[i] >= '0' && text[i] <= '9';
  };
  std::size_t end = text.size();
  while (end > 0 && !digit(end - 1)) --end;
  if (end == 0) return std::nullopt;
  std::size_t start = end;
  bool seen_point = false;
  for (; start > 0; --start) {
    if (digit(start - 1)) continue;
    const bool after_digit = start >= 2 && digit(start - 2);
    const bool is_point = text[start - 1] == '.' && !seen_point && after_digit;
    const bool is_comma = text[start - 1] == ',' && after_digit && digit(start) &&
                          digit(start + 1) && digit(start + 2) && !digit(start + 3);
    if (!is_point && !is_comma) break;
    seen_point = seen_point || is_point;
  }
  // A bare ".5" keeps its point; a minus counts when no word or digit stands before it.
  if (!seen_point && start > 0 && text[start - 1] == '.' && (start < 2 || !digit(start - 2))) {
    const bool sentence_end =
        start >= 2 && python::is_word(static_cast<unsigned char>(text[start - 2]));
    if (!sentence_end) --start;
  }
  std::string number;
  if (start > 0 && text[start - 1] == '-' &&
      (start < 2 ||
       (static_cast<unsigned char>(text[start - 2]) < 0x80 &&
        !python::is_word(static_cast<unsigned char>(text[start - 2])) && text[start - 2] != ')'))) {
    number = "-";
  }
  for (const char c : text.substr(start, end - start)) {
    if (c != ',') number += c;
  }
  return number;
}

Extractor read_extractor(JsonMembers& suite, bool has_choices) {
  const Json* const declared = suite.find("extractor");
  if (declared == nullptr) {
    throw suite.error("extractor",
                      "is missing\n  try: answer-letter, boxed-integer, last-number, exact, "
                      "{\"name\": \"json-field\", \"path\": ...}, or {\"name\": \"regex\", "
                      "\"pattern\": ...}");
  }
  const Json wrapped = declared->is_string() ? Json{{"name", *declared}} : *declared;
  JsonMembers object(wrapped, suite.path_of("extractor"));
  const std::string name = object.text("name");
  Extractor extractor;
  if (name == "answer-letter") {
    if (!has_choices) throw object.error("name", "answer-letter needs fields.choices");
    extractor = [](const ScoreRequest& request,
                   std::vector<std::string>&) -> std::optional<Extracted> {
      const std::size_t shown =
          request.permutation.empty() ? request.sample->choices.size() : request.permutation.size();
      const auto last = static_cast<char>('A' + std::min<std::size_t>(shown, 26) - 1);
      const auto found = extract_answer_colon(request.response, last);
      if (!found) return std::nullopt;
      return Extracted{std::string(1, found->letter), found->rule};
    };
  } else if (name == "boxed-integer") {
    extractor = [](const ScoreRequest& request,
                   std::vector<std::string>&) -> std::optional<Extracted> {
      const auto box = last_box(request.response);
      if (!box) return std::nullopt;
      const auto integer = python::to_int(*box);
      if (!integer) return std::nullopt;
      return Extracted{*integer, "boxed"};
    };
  } else if (name == "boxed") {
    extractor = [](const ScoreRequest& request,
                   std::vector<std::string>&) -> std::optional<Extracted> {
      const auto box = last_box(request.response);
      if (!box || python::strip(*box).empty()) return std::nullopt;
      return Extracted{std::string(python::strip(*box)), "boxed"};
    };
  } else if (name == "answer-line") {
    extractor = [](const ScoreRequest& request,
                   std::vector<std::string>&) -> std::optional<Extracted> {
      const auto line = last_answer_line(request.response);
      if (!line) return std::nullopt;
      return Extracted{std::string(*line), "answer-line"};
    };
  } else if (name == "last-number") {
    extractor = [](const ScoreRequest& request,
                   std::vector<std::string>&) -> std::optional<Extracted> {
      const auto number = last_number(request.response);
      if (!number) return std::nullopt;
      return Extracted{*number, "last-number"};
    };
  } else if (name == "exact") {
    extractor = [](const ScoreRequest& request,
                   std::vector<std::string>&) -> std::optional<Extracted> {
      const std::string_view text = python::strip(request.response);
      if (text.empty()) return std::nullopt;
      return Extracted{std::string(text), "exact"};
    };
  } else if (name == "json-field") {
    const std::string path = object.text("path");
    nlohmann::json_pointer<std::string> pointer;
    try {
      if (path.starts_with('/')) {
        pointer = nlohmann::json_pointer<std::string>(path);
      } else {
        pointer /= path;
      }
    } catch (const Json::exception&) {
      throw object.error("path", "\"" + path + "\" is no JSON pointer\n  try: /answer, or answer");
    }
    extractor = [pointer](const ScoreRequest& request,
                          std::vector<std::string>&) -> std::optional<Extracted> {
      auto found = extract_json_field(request.response, pointer);
      if (!found) return std::nullopt;
      return Extracted{std::move(found->text), found->rule};
    };
  } else if (name == "regex") {
    const std::string pattern = object.text("pattern");
    const bool ignore_case = object.flag("ignore_case", false);
    const std::string take = object.text_or("take", "first");
    if (take != "first" && take != "last") throw object.error("take", "must be first or last");
    std::shared_ptr<const Regex> regex;
    try {
      regex = std::make_shared<const Regex>(pattern, ignore_case);
    } catch (const Error& failure) {
      throw object.error("pattern", failure.what());
    }
    int group = regex->num_groups() > 0 ? 1 : 0;
    if (const Json* const wanted = object.find("group")) {
      if (wanted->is_string()) {
        const auto number = regex->group_number(wanted->get<std::string>());
        if (!number) throw object.error("group", "the pattern has no group of that name");
        group = *number;
      } else if (wanted->is_number_integer()) {
        const auto number = wanted->get<std::int64_t>();
        if (number < 0 || number > regex->num_groups()) {
          throw object.error("group",
                             "the pattern has " + std::to_string(regex->num_groups()) + " groups");
        }
        group = static_cast<int>(number);
      } else {
        throw object.error("group", "must be a number or a name");
      }
    }
    extractor = [regex, group, last = take == "last"](
                    const ScoreRequest& request,
                    std::vector<std::string>& notes) -> std::optional<Extracted> {
      const std::string text = to_valid_utf8(request.response);
      std::optional<Extracted> found;
      Regex::Match match;
      for (std::size_t at = 0; at <= text.size();) {
        const Regex::Status status = regex->search(text, at, match);
        if (status == Regex::Status::kTooCostly) {
          notes.emplace_back("pattern-too-costly");
          break;
        }
        if (status == Regex::Status::kNoMatch) break;
        found = Extracted{std::string(match.groups[static_cast<std::size_t>(group)]), "regex"};
        if (!last) break;
        at = match.end > match.begin ? match.end : match.end + 1;
        while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
      }
      return found;
    };
  } else {
    throw object.error("name", "there is no extractor \"" + name +
                                   "\"\n  try: answer-letter, answer-line, boxed, boxed-integer, "
                                   "last-number, regex, json-field, exact");
  }
  object.refuse_others();
  return extractor;
}

std::string folded(std::string_view text, bool ignore_case, bool ignore_space) {
  std::string out;
  if (ignore_space) {
    for (const std::string_view word : python::split(text)) {
      if (!out.empty()) out += ' ';
      out += word;
    }
  } else {
    out = python::strip(text);
  }
  return ignore_case ? python::lower(out) : out;
}

// A number as people write it, exactly; commas between thousands are dropped.
std::optional<MathNumber> exact_number(std::string_view text) {
  std::string digits;
  for (const char c : python::strip(text)) {
    if (c != ',') digits += c;
  }
  bool negative = false;
  if (digits.starts_with('-') || digits.starts_with('+')) {
    negative = digits[0] == '-';
    digits.erase(0, 1);
  }
  if (digits.ends_with('.')) digits.pop_back();
  const auto value = parse_decimal(digits);
  if (!value) return std::nullopt;
  return negative ? negate(*value) : *value;
}

Judge read_scorer(JsonMembers& suite, bool has_choices) {
  const Json* const declared = suite.find("scorer");
  if (declared == nullptr) {
    throw suite.error("scorer", "is missing\n  try: choice, math, number, string");
  }
  const Json wrapped = declared->is_string() ? Json{{"name", *declared}} : *declared;
  JsonMembers object(wrapped, suite.path_of("scorer"));
  const std::string name = object.text("name");
  Judge judge;
  if (name == "choice") {
    if (!has_choices) throw object.error("name", "choice needs fields.choices");
    const bool ignore_case = object.flag("ignore_case", true);
    judge = [ignore_case](const ScoreRequest& request, std::string& answer, std::string&) {
      const std::string gold = gold_text(*request.sample, request.permutation);
      // The option's own text counts as its letter.
      const std::vector<int> order = displayed_order(*request.sample, request.permutation);
      for (std::size_t k = 0; k < order.size(); ++k) {
        const std::string& option = request.sample->choices[static_cast<std::size_t>(order[k])];
        const std::string letter = option_letter(static_cast<int>(k));
        if (folded(answer, ignore_case, false) == folded(letter, ignore_case, false) ||
            (answer.size() > 1 &&
             folded(answer, ignore_case, true) == folded(option, ignore_case, true))) {
          answer = letter;
          break;
        }
      }
      return answer == gold;
    };
  } else if (name == "number") {
    const double tolerance = object.number("tolerance", 0);
    const double relative = object.number("relative_tolerance", 0);
    judge = [tolerance, relative](const ScoreRequest& request, std::string& answer, std::string&) {
      const auto value = exact_number(answer);
      const auto gold = exact_number(request.sample->target);
      if (!gold) {
        throw Error(ErrorCode::kData, "sample " + request.sample->id + ": target \"" +
                                          excerpt(request.sample->target) +
                                          "\" is not a number, as the scorer needs");
      }
      if (!value) return false;
      if (value->is_integer()) answer = value->exact.str();  // 70.0 and 70 are one answer to count
      const MathNumber difference = subtract(*value, *gold);
      if (difference.is_zero()) return true;
      const Real size = abs(difference.to_real());
      return size <= tolerance || size <= relative * abs(gold->to_real());
    };
  } else if (name == "string") {
    const bool ignore_case = object.flag("ignore_case", false);
    const bool ignore_space = object.flag("ignore_space", false);
    judge = [ignore_case, ignore_space](const ScoreRequest& request, std::string& answer,
                                        std::string&) {
      return folded(answer, ignore_case, ignore_space) ==
             folded(request.sample->target, ignore_case, ignore_space);
    };
  } else if (name == "math") {
    math::EquivalenceOptions options;
    options.decimals_round = object.flag("decimals_round", true);
    judge = [options](const ScoreRequest& request, std::string& answer, std::string& how) {
      const math::Equivalence found =
          math::compare_answers(answer, request.sample->target, options);
      how = found.how;
      return found.is_equal();
    };
  } else {
    throw object.error("name",
                       "there is no scorer \"" + name + "\"\n  try: choice, math, number, string");
  }
  object.refuse_others();
  return judge;
}

datasets::FieldMap read_fields(JsonMembers& suite) {
  const Json* const declared = suite.find("fields");
  if (declared == nullptr) {
    throw suite.error("fields", "is missing: it says which columns hold question and answer");
  }
  JsonMembers object(*declared, suite.path_of("fields"));
  datasets::FieldMap fields;
  fields.id = object.texts("id");
  fields.question = object.texts("question");
  if (fields.question.empty()) throw object.error("question", "is missing");
  fields.choices = object.texts("choices");
  fields.answer = object.texts("answer");
  if (fields.answer.empty()) throw object.error("answer", "is missing");
  fields.cluster = object.texts("cluster");
  fields.answer_as = object.text_or("answer_as", "");
  if (!fields.answer_as.empty() && fields.answer_as != "choice" && fields.answer_as != "letter" &&
      fields.answer_as != "index" && fields.answer_as != "number") {
    throw object.error("answer_as", "must be choice, letter, index or number");
  }
  if (const Json* const metadata = object.find("metadata")) {
    if (!metadata->is_object()) throw object.error("metadata", "must be an object");
    for (const auto& [key, column] : metadata->items()) {
      if (!column.is_string()) throw object.error("metadata." + key, "must name a column");
      fields.metadata[key] = column.get<std::string>();
    }
  }
  object.refuse_others();
  return fields;
}

// What the prompts of a declared suite need at run time.
struct Prompts {
  std::string suite;
  PromptWording wording;
  std::map<std::string, std::string> variants;  // name -> template; always has "official"
};

std::string known_variants(const Prompts& prompts) {
  std::string names;
  for (const auto& [name, unused] : prompts.variants) names += name + ", ";
  return names + "few-shot-1 to few-shot-8, or the path of a template file";
}

std::vector<Message> render(const Prompts& prompts, const PromptRequest& request,
                            const PromptVariant& variant) {
  if (!variant.template_text.empty()) return render_prompt(prompts.wording, request, variant);
  std::vector<Message> messages;
  if (!prompts.wording.system.empty()) {
    messages.push_back(Message::from_text("system", prompts.wording.system));
  }
  auto chosen = prompts.variants.find(variant.name);
  if (variant.num_shots > 0) {
    chosen = prompts.variants.find("direct");
    if (chosen == prompts.variants.end()) chosen = prompts.variants.find("official");
  }
  if (chosen == prompts.variants.end()) {
    throw Error(ErrorCode::kUsage, "suite " + prompts.suite + " declares no prompt variant \"" +
                                       variant.name + "\"\n  try: " + known_variants(prompts));
  }
  const auto ask = [&](const datasets::Sample& sample, const std::vector<int>& order) {
    return render_template(prompts.wording, sample, order, chosen->second,
                           prompts.suite + ":" + chosen->first);
  };
  add_solved_examples(messages, prompts.wording, request.shots, variant.num_shots, ask);
  messages.push_back(ask(*request.sample, displayed_order(*request.sample, request.permutation)));
  return messages;
}

Prompts read_prompts(JsonMembers& suite, const std::string& name, bool has_choices) {
  Prompts prompts;
  prompts.suite = name;
  prompts.wording.system = suite.text_or("system", "");
  prompts.wording.choice_suffix = ") ";
  prompts.wording.answer_format = suite.text_or("answer_format", "");
  prompts.wording.answer_prefix = suite.text_or("answer_prefix", has_choices ? "Answer: " : "");
  prompts.wording.answer_suffix = suite.text_or("answer_suffix", "");
  const auto add = [&](const std::string& variant, const std::string& text,
                       const std::string& field) {
    check_template(text, suite.path_of(field));
    if (text.find("{{question}}") == std::string::npos) {
      throw suite.error(field, "does not hold {{question}}");
    }
    prompts.variants[variant] = text;
  };
  add("official", suite.text("prompt"), "prompt");
  if (const Json* const variants = suite.find("variants")) {
    if (!variants->is_object()) throw suite.error("variants", "must be an object");
    for (const auto& [variant, text] : variants->items()) {
      const std::string field = "variants." + variant;
      if (variant != "direct" && variant != "chain-of-thought") {
        throw suite.error(field, "unknown variant\n  try: direct, chain-of-thought");
      }
      if (text.is_object()) {
        JsonMembers object(text, suite.path_of(field));
        add(variant, object.text("prompt"), field + ".prompt");
        object.find("response_format");  // read by read_formats
        object.refuse_others();
        continue;
      }
      if (!text.is_string()) {
        throw suite.error(field, "must be a text, or {\"prompt\", \"response_format\"}");
      }
      add(variant, text.get<std::string>(), field);
    }
  }
  return prompts;
}

// Formats come from the declaration in the order it is written in: that of a schema's properties is
// the order in which a reply has them.
void read_formats(JsonMembers& suite, const OrderedJson& declaration, Profile& profile) {
  if (suite.find("response_format") != nullptr) {
    profile.response_format =
        read_response_format(declaration.at("response_format"), suite.path_of("response_format"));
  }
  const auto variants = declaration.find("variants");
  if (variants == declaration.end()) return;
  for (const auto& [variant, value] : variants->items()) {
    if (!value.is_object() || !value.contains("response_format")) continue;
    profile.variant_formats[variant] = read_response_format(
        value.at("response_format"), suite.path_of("variants." + variant + ".response_format"));
  }
}

}  // namespace

Suite declared_suite(const std::string& path) {
  const std::string text = read_file(path);
  const Json declaration = parse_json(text, path);
  JsonMembers object(declaration, path + ":");

  Suite suite;
  suite.name = object.text("name");
  for (const Suite& shipped : registered_suites()) {
    if (shipped.name == suite.name) {
      throw object.error("name", "\"" + suite.name + "\" is a suite of ours; choose another name");
    }
  }
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  if (!std::all_of(suite.name.begin(), suite.name.end(), allowed)) {
    throw object.error("name", "may hold letters, digits, -, _ and . only");
  }
  suite.title = object.text_or("title", suite.name);
  suite.data_kind = "table";
  const std::filesystem::path data = object.text("data");
  suite.default_data = data.is_absolute()
                           ? data.string()
                           : (std::filesystem::path(path).parent_path() / data).string();
  suite.fields = read_fields(object);
  const bool has_choices = !suite.fields.choices.empty();

  suite.breakdowns = object.texts("breakdowns");
  for (const std::string& breakdown : suite.breakdowns) {
    if (suite.fields.metadata.count(breakdown) == 0) {
      throw object.error("breakdowns", "\"" + breakdown + "\" is not a key of fields.metadata");
    }
  }
  if (const Json* const max_tokens = object.find("max_tokens")) {
    if (!max_tokens->is_number_integer() || max_tokens->get<std::int64_t>() < 1 ||
        max_tokens->get<std::int64_t>() > kMaxTokensLimit) {
      throw object.error("max_tokens",
                         "must be a whole number from 1 to " + std::to_string(kMaxTokensLimit));
    }
    suite.default_max_tokens = max_tokens->get<int>();
  }

  Profile profile;
  profile.name = "declared";
  profile.source = "declaration sha256:" + sha256_hex(text);
  profile.option_order =
      object.flag("shuffle_choices", true) ? OptionOrder::kHashed : OptionOrder::kFile;
  Prompts prompts = read_prompts(object, suite.name, has_choices);
  read_formats(object, parse_ordered_json(text, path), profile);
  // Judged by a model: extractor and scorer may stay away, and then no profile goes by rules.
  const Json* const judge_declared = object.find("judge");
  const bool has_rules = judge_declared == nullptr || object.find("extractor") != nullptr ||
                         object.find("scorer") != nullptr;
  const Extractor extract = has_rules ? read_extractor(object, has_choices) : Extractor();
  const Judge judge = has_rules ? read_scorer(object, has_choices) : Judge();
  object.refuse_others();

  if (has_choices) {
    profile.option_continuation = [prefix = prompts.wording.answer_prefix,
                                   suffix = prompts.wording.answer_suffix](int option) {
      return prefix + option_letter(option) + suffix;
    };
  }
  profile.prompt = [prompts = std::move(prompts)](const PromptRequest& request,
                                                  const PromptVariant& variant) {
    return render(prompts, request, variant);
  };
  profile.score = [extract, judge](const ScoreRequest& request) {
    const std::string gold = gold_text(*request.sample, request.permutation);
    std::vector<std::string> notes;
    Score score;
    std::optional<Extracted> found;
    if (!is_failure(request)) found = extract(request, notes);
    if (found) {
      std::string how;
      const bool is_right = judge(request, found->text, how);
      score = judged(std::move(found->text), found->rule, is_right, gold);
      if (!how.empty()) score.why += "; " + how;
    } else {
      score = without_answer(request, gold);
    }
    score.notes = std::move(notes);
    return score;
  };
  if (judge_declared == nullptr) {
    suite.profiles.push_back(std::move(profile));
    return suite;
  }
  // The judge's profile is the first; the rules stay behind it where they are declared.
  Suite judged_suite = suite;
  judged_suite.profiles.push_back(profile);
  judged_suite =
      with_judge(judged_suite, profile.name, read_judge(*judge_declared, object.path_of("judge")));
  if (has_rules) judged_suite.profiles.push_back(std::move(profile));
  return judged_suite;
}

}  // namespace peira::evals
