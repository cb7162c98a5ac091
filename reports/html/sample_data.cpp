#include "reports/html/sample_data.h"

#include <algorithm>

#include "base/base64.h"
#include "base/json.h"
#include "reports/detail/text.h"
#include "reports/terminal_table.h"

namespace peira::reports::html {
namespace {

constexpr std::size_t kMostText = 100'000;  // characters of one reply or one part of a prompt

// JSON without "<": as an escape it means the same, and no text can end the block.
std::string inert(const OrderedJson& value) {
  const std::string json = value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
  std::string out;
  out.reserve(json.size() + json.size() / 16);
  for (std::size_t offset = 0; offset < json.size();) {
    const std::size_t next = std::min(json.find('<', offset), json.size());
    out.append(json, offset, next - offset);
    if (next < json.size()) out += "\\u003c";
    offset = next + 1;
  }
  return out;
}

// Lines of text for the page, cut where nobody would read on.
std::string shown(const std::string& text) {
  if (text.size() <= kMostText) return printable_lines(text);
  const std::string head = detail::shorten(std::string_view(text).substr(0, kMostText), kMostText);
  return printable_lines(head) + "\n[" + std::to_string(text.size() - kMostText) +
         " bytes more are not shown here; peira show has them]";
}

class PictureBudget {
 public:
  explicit PictureBudget(const PictureLimits& limits) : limits_(limits) {}

  // {"image": data URL}, or {"note": why there is none}.
  OrderedJson part(const Part& part) {
    static constexpr const char* kKinds[] = {"text", "image", "audio", "video"};
    const std::string kind = kKinds[static_cast<int>(part.kind)];
    if (part.bytes.empty()) return {{"note", kind + ": its bytes are not in the store"}};
    const std::string size =
        detail::format_number("%.0f", static_cast<double>(part.bytes.size()) / 1024.0) + " KiB";
    const auto type = part.kind == PartKind::kImage ? picture_type(part.bytes) : std::nullopt;
    if (!type) return {{"note", kind + ", " + size + ": no kind that this page shows"}};
    if (part.bytes.size() > limits_.each_bytes || part.bytes.size() > limits_.all_bytes - used_) {
      return {{"note", kind + ", " + size + ": too large for this page"}};
    }
    used_ += part.bytes.size();
    return {{"image", "data:" + *type + ";base64," + to_base64(part.bytes)}};
  }

 private:
  PictureLimits limits_;
  std::size_t used_ = 0;
};

OrderedJson prompt_json(const std::vector<Message>& prompt, PictureBudget& pictures) {
  OrderedJson messages = OrderedJson::array();
  for (const Message& message : prompt) {
    OrderedJson parts = OrderedJson::array();
    for (const Part& part : message.parts) {
      if (part.kind == PartKind::kText) {
        parts.push_back(OrderedJson{{"text", shown(part.text)}});
      } else {
        parts.push_back(pictures.part(part));
      }
    }
    messages.push_back(OrderedJson{{"role", printable(message.role)}, {"parts", std::move(parts)}});
  }
  return messages;
}

OrderedJson answer_json(const AnswerStory& answer, bool restricted) {
  OrderedJson out{{"epoch", answer.epoch},
                  {"value", answer.score.value},
                  {"state", evals::to_string(answer.score.state)}};
  if (restricted) return out;
  const auto add = [&out](const char* key, const std::string& text) {
    if (!text.empty()) out[key] = printable(text);
  };
  add("answer", answer.score.answer);
  add("gold", answer.gold);
  add("rule", answer.score.rule);
  add("why", answer.score.why);
  add("finish", answer.finish_reason);
  add("failure", answer.failure);
  if (!answer.reasoning.empty()) out["reasoning"] = shown(answer.reasoning);
  out["response"] = shown(answer.response);
  if (!answer.continuations.empty()) {
    OrderedJson rows = OrderedJson::array();
    for (std::size_t i = 0; i < answer.continuations.size(); ++i) {
      rows.push_back({printable(answer.continuations[i]),
                      i < answer.continuation_logprobs.size()
                          ? detail::format_number("%.4f", answer.continuation_logprobs[i])
                          : ""});
    }
    out["continuations"] = std::move(rows);
  }
  out["tokens"] = answer.completion_tokens;
  out["ms"] = static_cast<std::int64_t>(1000 * answer.latency_s + 0.5);
  return out;
}

bool is_same(const std::vector<Message>& a, const std::vector<Message>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Message& x, const Message& y) {
    return x.role == y.role && std::equal(x.parts.begin(), x.parts.end(), y.parts.begin(),
                                          y.parts.end(), [](const Part& p, const Part& q) {
                                            return p.kind == q.kind && p.text == q.text &&
                                                   p.bytes == q.bytes && p.path == q.path;
                                          });
  });
}

std::string sample_line(const SampleStory& sample, bool restricted, PictureBudget& pictures) {
  OrderedJson sides = OrderedJson::array();
  for (std::size_t i = 0; i < sample.sides.size(); ++i) {
    const SampleSide& side = sample.sides[i];
    OrderedJson answers = OrderedJson::array();
    for (const AnswerStory& answer : side.answers) {
      answers.push_back(answer_json(answer, restricted));
    }
    OrderedJson row{{"answers", std::move(answers)}};
    // Asked the same way: said once.
    if (!restricted && (i == 0 || !is_same(side.prompt, sample.sides[0].prompt))) {
      row["prompt"] = prompt_json(side.prompt, pictures);
    }
    sides.push_back(std::move(row));
  }
  OrderedJson out{{"sides", std::move(sides)}};
  if (!restricted && !sample.metadata.empty()) {
    OrderedJson metadata = OrderedJson::object();
    for (const auto& [key, value] : sample.metadata) {
      metadata[printable(key)] = printable(detail::shorten(value, 200));
    }
    out["metadata"] = std::move(metadata);
  }
  return inert(out);
}

// One side's answers in a word or two: "C", "(unparsed)", "C, A".
std::string answers_text(const SampleSide& side) {
  std::string text;
  for (std::size_t i = 0; i < side.answers.size() && i < 4; ++i) {
    const evals::Score& score = side.answers[i].score;
    if (i > 0) text += ", ";
    text += score.answer.empty() ? "(" + std::string(evals::to_string(score.state)) + ")"
                                 : detail::shorten(score.answer, 40);
  }
  return printable(side.answers.size() > 4 ? text + ", \u2026" : text);
}

OrderedJson index_of(const SampleSection& section) {
  OrderedJson rows = OrderedJson::array();
  for (const SampleStory& sample : section.samples) {
    OrderedJson row{printable(sample.id), outcome_of(sample)};
    OrderedJson answers = OrderedJson::array();
    std::string gold;
    for (const SampleSide& side : sample.sides) {
      answers.push_back(section.restricted ? std::string() : answers_text(side));
      if (gold.empty() && !side.answers.empty()) gold = side.answers[0].gold;
    }
    row.push_back(std::move(answers));
    row.push_back(section.restricted ? std::string() : printable(detail::shorten(gold, 40)));
    rows.push_back(std::move(row));
  }
  OrderedJson labels = OrderedJson::array();
  for (const std::string& label : section.labels) labels.push_back(printable(label));
  return {{"labels", labels}, {"restricted", section.restricted}, {"rows", std::move(rows)}};
}

}  // namespace

std::optional<std::string> picture_type(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\x89PNG\r\n\x1a\n"sv)) return "image/png";
  if (bytes.starts_with("\xff\xd8\xff"sv)) return "image/jpeg";
  if (bytes.starts_with("GIF87a"sv) || bytes.starts_with("GIF89a"sv)) return "image/gif";
  if (bytes.starts_with("RIFF"sv) && bytes.size() >= 12 && bytes.substr(8, 4) == "WEBP"sv) {
    return "image/webp";
  }
  return std::nullopt;
}

std::string sample_blocks(const std::vector<SampleSection>& sections, const PictureLimits& limits) {
  OrderedJson index = OrderedJson::array();
  for (const SampleSection& section : sections) index.push_back(index_of(section));
  std::string out =
      "<script type=\"application/json\" id=\"sample-index\">" + inert(index) + "</script>\n";
  PictureBudget pictures(limits);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    out += "<script type=\"application/json\" id=\"sample-lines-" + std::to_string(i) + "\">";
    bool is_first = true;
    for (const SampleStory& sample : sections[i].samples) {
      if (!is_first) out += '\n';
      is_first = false;
      out += sample_line(sample, sections[i].restricted, pictures);
    }
    out += "</script>\n";
  }
  return out;
}

}  // namespace peira::reports::html
