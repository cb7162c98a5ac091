#include "evals/prompt.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"
#include "base/files.h"
#include "evals/prompt_strategies.h"

namespace peira::evals {
namespace {

constexpr std::array<std::string_view, 3> kPlaceholders{"question", "choices", "answer_format"};
constexpr std::string_view kChoicePlaceholder = "choice_";
constexpr int kMaxShots = 8;

// The index behind "choice_B", or -1.
int choice_of(std::string_view placeholder) {
  if (!placeholder.starts_with(kChoicePlaceholder)) return -1;
  const std::string_view letter = placeholder.substr(kChoicePlaceholder.size());
  return letter.size() == 1 && letter[0] >= 'A' && letter[0] <= 'Z' ? letter[0] - 'A' : -1;
}

// Builds one message out of text and the question's own parts, joining neighbouring text.
class MessageBuilder {
 public:
  void add(std::string_view text) {
    if (text.empty()) return;
    if (parts_.empty() || parts_.back().kind != PartKind::kText) {
      parts_.push_back(Part::from_text(""));
    }
    parts_.back().text += text;
  }
  void add(const std::vector<Part>& parts) {
    for (const Part& part : parts) {
      if (part.kind == PartKind::kText) {
        add(part.text);
      } else {
        parts_.push_back(part);
      }
    }
  }
  Message message(std::string role) && { return {std::move(role), std::move(parts_)}; }

 private:
  std::vector<Part> parts_;
};

void add_choices(MessageBuilder& out, const PromptWording& wording, const datasets::Sample& sample,
                 const std::vector<int>& permutation) {
  for (std::size_t k = 0; k < permutation.size(); ++k) {
    if (k > 0) out.add("\n");
    out.add(wording.choice_prefix);
    out.add(option_letter(static_cast<int>(k)));
    out.add(wording.choice_suffix);
    out.add(sample.choices[static_cast<std::size_t>(permutation[k])]);
  }
}

Message render_body(const PromptWording& wording, const datasets::Sample& sample,
                    const std::vector<int>& permutation, std::string_view style) {
  MessageBuilder out;
  std::string_view body = wording.body;
  while (!body.empty()) {
    const std::size_t open = body.find('{');
    out.add(body.substr(0, open));
    if (open == std::string_view::npos) break;
    body.remove_prefix(open);
    if (body.starts_with("{question}")) {
      out.add(sample.parts);
      body.remove_prefix(std::string_view("{question}").size());
    } else if (body.starts_with("{choices}")) {
      add_choices(out, wording, sample, permutation);
      body.remove_prefix(std::string_view("{choices}").size());
    } else if (body.starts_with("{style}")) {
      out.add(style);
      body.remove_prefix(std::string_view("{style}").size());
    } else {
      out.add("{");
      body.remove_prefix(1);
    }
  }
  return std::move(out).message("user");
}

[[noreturn]] void unknown_variant(const std::string& text) {
  throw Error(
      ErrorCode::kUsage,
      "unknown prompt variant \"" + text +
          "\"\n  try: official, direct, chain-of-thought, few-shot-1 to few-shot-" +
          std::to_string(kMaxShots) +
          ", a strategy (peira optimize --help lists them), or the path of a template file");
}

}  // namespace

std::string_view five_steps() {
  return "Work in five numbered steps: 1. understand what is asked, 2. choose an approach, "
         "3. reason it through, 4. state the answer, 5. verify it.";
}

std::string option_letter(int index) {
  return index < 26 ? std::string(1, static_cast<char>('A' + index)) : std::to_string(index + 1);
}

void check_template(std::string_view text, const std::string& where) {
  for (std::size_t open = 0; (open = text.find("{{", open)) != std::string_view::npos;) {
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<long>(open), '\n');
    const std::string place = where + ":" + std::to_string(line) + ": ";
    const std::size_t close = text.find("}}", open);
    if (close == std::string_view::npos ||
        text.substr(open, close - open).find('\n') != std::string_view::npos) {
      throw Error(ErrorCode::kData, place + "\"{{\" is not closed by \"}}\" on its line");
    }
    const std::string_view name = text.substr(open + 2, close - open - 2);
    if (std::find(kPlaceholders.begin(), kPlaceholders.end(), name) == kPlaceholders.end() &&
        choice_of(name) < 0) {
      throw Error(ErrorCode::kData,
                  place + "unknown placeholder {{" + std::string(name) +
                      "}}\n  try: {{question}}, {{choices}}, {{choice_A}} to {{choice_Z}}, "
                      "{{answer_format}}");
    }
    open = close + 2;
  }
}

std::vector<int> displayed_order(const datasets::Sample& sample,
                                 const std::vector<int>& permutation) {
  if (!permutation.empty() || sample.choices.empty()) return permutation;
  std::vector<int> identity(sample.choices.size());
  for (std::size_t i = 0; i < identity.size(); ++i) identity[i] = static_cast<int>(i);
  return identity;
}

Message render_template(const PromptWording& wording, const datasets::Sample& sample,
                        const std::vector<int>& permutation, std::string_view text,
                        const std::string& where) {
  check_template(text, where);
  MessageBuilder out;
  while (true) {
    const std::size_t open = text.find("{{");
    out.add(text.substr(0, open));
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find("}}", open);
    const std::string_view name = text.substr(open + 2, close - open - 2);
    if (name == "question") {
      out.add(sample.parts);
    } else if (name == "choices") {
      add_choices(out, wording, sample, permutation);
    } else if (name == "answer_format") {
      out.add(wording.answer_format);
    } else {
      const auto index = static_cast<std::size_t>(choice_of(name));
      if (index >= permutation.size()) {
        throw Error(ErrorCode::kData, where + ": {{" + std::string(name) + "}}, but sample " +
                                          sample.id + " has " + std::to_string(permutation.size()) +
                                          " options");
      }
      out.add(sample.choices[static_cast<std::size_t>(permutation[index])]);
    }
    text.remove_prefix(close + 2);
  }
  return std::move(out).message("user");
}

void add_solved_examples(
    std::vector<Message>& messages, const PromptWording& wording,
    std::span<const datasets::Sample> shots, int num_shots,
    const std::function<Message(const datasets::Sample&, const std::vector<int>&)>& ask) {
  const auto wanted = static_cast<std::size_t>(num_shots);
  if (wanted > shots.size()) {
    throw Error(ErrorCode::kUsage,
                "few-shot-" + std::to_string(num_shots) + " needs " + std::to_string(num_shots) +
                    " solved examples, the dataset offers " + std::to_string(shots.size()));
  }
  for (const datasets::Sample& shot : shots.first(wanted)) {
    const std::vector<int> order =
        shot.choices.empty() ? std::vector<int>{}
                             : hashed_permutation(shot.id, static_cast<int>(shot.choices.size()),
                                                  /*seed=*/0, /*epoch=*/0);
    messages.push_back(ask(shot, order));
    messages.push_back(Message::from_text(
        "assistant", wording.answer_prefix + gold_text(shot, order) + wording.answer_suffix));
  }
}

std::vector<Message> render_prompt(const PromptWording& wording, const PromptRequest& request,
                                   const PromptVariant& variant) {
  const datasets::Sample& sample = *request.sample;
  const std::vector<int> permutation = displayed_order(sample, request.permutation);
  std::vector<Message> messages;
  if (!wording.system.empty()) messages.push_back(Message::from_text("system", wording.system));

  if (!variant.template_text.empty()) {
    messages.push_back(
        render_template(wording, sample, permutation, variant.template_text, variant.name));
    return messages;
  }
  std::string_view style = wording.style_direct;
  if (variant.name == "official") {
    style = wording.style_official;
  } else if (variant.name == "chain-of-thought") {
    style = wording.style_steps;
  } else if (variant.num_shots > 0) {
    add_solved_examples(messages, wording, request.shots, variant.num_shots,
                        [&](const datasets::Sample& shot, const std::vector<int>& order) {
                          return render_body(wording, shot, order, wording.style_direct);
                        });
  } else if (variant.name != "direct") {
    unknown_variant(variant.name);
  }
  messages.push_back(render_body(wording, sample, permutation, style));
  return messages;
}

PromptVariant parse_variant(const std::string& text) {
  PromptVariant variant;
  variant.name = text;
  if (text == "official" || text == "direct" || text == "chain-of-thought") return variant;
  constexpr std::string_view kFewShot = "few-shot-";
  if (text.starts_with(kFewShot)) {
    const char* const end = text.data() + text.size();
    const auto [parsed, error] =
        std::from_chars(text.data() + kFewShot.size(), end, variant.num_shots);
    if (error != std::errc() || parsed != end || variant.num_shots < 1 ||
        variant.num_shots > kMaxShots) {
      unknown_variant(text);
    }
    variant.name = std::string(kFewShot) + std::to_string(variant.num_shots);
    return variant;
  }
  if (const PromptStrategy* const strategy = find_strategy(text)) {
    variant.template_text = strategy->template_text;
    return variant;
  }
  const std::filesystem::path path = text;
  std::error_code ignored;
  if (text.empty() || !std::filesystem::exists(path, ignored)) unknown_variant(text);
  variant.name = "template:" + path.filename().string();
  variant.template_text = read_file(path);
  // Editors end a file with a newline that nobody means to send.
  if (variant.template_text.ends_with('\n')) variant.template_text.pop_back();
  if (variant.template_text.empty()) {
    throw Error(ErrorCode::kData, text + ": the template is empty");
  }
  check_template(variant.template_text, text);
  return variant;
}

}  // namespace peira::evals
