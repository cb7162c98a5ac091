// Inspect logs (.eval and .json, of Inspect's own making or ours) as runs.

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "runner/exchange/archive.h"
#include "runner/exchange/columns.h"
#include "runner/exchange/fields.h"
#include "runner/exchange/run_source.h"
#include "runner/manifest.h"

namespace peira::runner::exchange {
namespace {

constexpr const char* kAttachment = "attachment://";

// A log's header and samples, whichever file form.
class LogFile {
 public:
  virtual ~LogFile() = default;
  virtual Json header() = 0;
  // Calls `take(sample, where)` for each sample.
  virtual void visit(const std::function<void(const Json&, const std::string&)>& take) = 0;
};

class ZipLog final : public LogFile {
 public:
  explicit ZipLog(std::filesystem::path path) : path_(std::move(path)) {}

  Json header() override {
    // A log cut short has no header yet, but its start.
    Json header, start;
    read_zip(
        path_,
        [](std::string_view name) {
          return name == "header.json" || name == "_journal/start.json";
        },
        [&](const std::string& name, std::string_view content) {
          Json value = parse_python_json(content, path_.string() + ": " + name);
          (name == "header.json" ? header : start) = std::move(value);
        });
    if (header.is_null()) header = std::move(start);
    if (header.is_null()) {
      throw Error(ErrorCode::kData, path_.string() + ": has no header.json: not an Inspect log");
    }
    return header;
  }

  void visit(const std::function<void(const Json&, const std::string&)>& take) override {
    read_zip(
        path_,
        [](std::string_view name) {
          return name.starts_with("samples/") && name.ends_with(".json");
        },
        [&](const std::string& name, std::string_view content) {
          const std::string where = path_.string() + ": " + one_line(name);
          take(parse_python_json(content, where), where);
        });
  }

 private:
  std::filesystem::path path_;
};

// Bytes of a mapped document, with NaN, Infinity and -Infinity outside strings read as null.
class PythonJsonBytes {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  PythonJsonBytes(const char* at, const char* end) : at_(at), end_(end) { look(); }

  reference operator*() const { return word_ != nullptr ? *word_ : *at_; }
  PythonJsonBytes& operator++() {
    if (word_ != nullptr) {
      if (*++word_ != '\0') return *this;
      word_ = nullptr;
    } else {
      step();
    }
    look();
    return *this;
  }
  bool operator==(const PythonJsonBytes& other) const {
    return at_ == other.at_ && word_ == other.word_;
  }
  bool operator!=(const PythonJsonBytes& other) const { return !(*this == other); }

 private:
  void step() {
    if (in_string_ && !escaped_ && *at_ == '\\') {
      escaped_ = true;
    } else {
      if (*at_ == '"' && !escaped_) in_string_ = !in_string_;
      escaped_ = false;
    }
    ++at_;
  }

  void look() {
    if (in_string_ || at_ == end_ || (*at_ != 'N' && *at_ != 'I' && *at_ != '-')) return;
    const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
    for (const std::string_view constant : {"NaN", "Infinity", "-Infinity"}) {
      if (!rest.starts_with(constant)) continue;
      at_ += constant.size();
      word_ = "null";
      return;
    }
  }

  const char* at_;
  const char* end_;
  const char* word_ = nullptr;  // what is read in place of a constant
  bool in_string_ = false, escaped_ = false;
};

class JsonLog final : public LogFile {
 public:
  explicit JsonLog(std::filesystem::path path) : path_(std::move(path)) {}

  Json header() override {
    return parse([](const Json&, const std::string&) {});
  }
  void visit(const std::function<void(const Json&, const std::string&)>& take) override {
    static_cast<void>(parse(take));
  }

 private:
  // Parses the document, handing each sample on as soon as it is whole and keeping none.
  Json parse(const std::function<void(const Json&, const std::string&)>& take) const {
    constexpr int kDeepest = 512;
    const MappedFile file(path_);
    const std::string_view text = file.text();
    std::string key;
    std::int64_t sample = 0;
    const auto callback = [&](int depth, Json::parse_event_t event, Json& parsed) {
      if (depth > kDeepest) {
        throw Error(ErrorCode::kData, path_.string() + ": nests deeper than 512 levels");
      }
      if (event == Json::parse_event_t::key && depth == 1) key = parsed.get<std::string>();
      if (event == Json::parse_event_t::object_end && depth == 2 && key == "samples") {
        ++sample;
        take(parsed, path_.string() + ": sample " + std::to_string(sample));
        return false;
      }
      return true;
    };
    try {
      const PythonJsonBytes begin(text.data(), text.data() + text.size());
      const PythonJsonBytes end(text.data() + text.size(), text.data() + text.size());
      Json header = Json::parse(begin, end, callback);
      if (!header.is_object() || !header.contains("eval")) {
        throw Error(ErrorCode::kData, path_.string() + ": has no \"eval\": not an Inspect log");
      }
      return header;
    } catch (const Json::exception& error) {
      throw Error(ErrorCode::kData, path_.string() + ": " + one_line(error.what()));
    }
  }

  std::filesystem::path path_;
};

// A message's content: its text parts joined, with `reasoning` set apart.
std::string content_text(const Json& content, std::string* reasoning) {
  if (content.is_string()) return content.get<std::string>();
  std::string text;
  if (!content.is_array()) return text;
  for (const Json& part : content) {
    const Json& type = member(part, "type");
    if (type == "text" && member(part, "text").is_string()) {
      text += part["text"].get<std::string>();
    } else if (type == "reasoning" && member(part, "reasoning").is_string()) {
      if (reasoning != nullptr) *reasoning += part["reasoning"].get<std::string>();
    } else if (type.is_string()) {
      text += "[" + type.get<std::string>() + "]";
    }
  }
  return text;
}

// `text` with what the log keeps apart put back in place.
std::string with_attachments(std::string text, const Json& attachments) {
  std::size_t at = 0;
  while ((at = text.find(kAttachment, at)) != std::string::npos) {
    const std::size_t begin = at + std::string_view(kAttachment).size();
    std::size_t end = begin;
    while (end < text.size() && std::isxdigit(static_cast<unsigned char>(text[end])) != 0) ++end;
    const Json& attachment = member(attachments, text.substr(begin, end - begin));
    if (!attachment.is_string()) {
      at = end;
      continue;
    }
    const std::string whole = attachment.get<std::string>();
    text.replace(at, end - at, whole);
    at += whole.size();
  }
  return text;
}

std::string target_text(const Json& target) {
  if (target.is_string()) return target.get<std::string>();
  if (target.is_array() && target.size() == 1 && target[0].is_string()) {
    return target[0].get<std::string>();
  }
  return dump_json(target);
}

// Inspect's own reading of score values (inspect_ai.scorer.value_to_float): C, I, P, N, words,
// truths and numbers. Empty for what has no number, like NaN or a list.
std::optional<double> score_number(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_boolean()) return value.get<bool>() ? 1.0 : 0.0;
  if (!value.is_string()) return std::nullopt;
  std::string word = value.get<std::string>();
  if (word == "C") return 1.0;
  if (word == "I" || word == "N") return 0.0;
  if (word == "P") return 0.5;
  for (char& c : word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (word == "yes" || word == "true") return 1.0;
  if (word == "no" || word == "false") return 0.0;
  try {
    return to_real(word, "value", "score");
  } catch (const Error&) {
    return std::nullopt;
  }
}

class InspectRun final : public RunSource {
 public:
  InspectRun(const std::filesystem::path& path, std::unique_ptr<LogFile> log,
             const ImportOptions& options)
      : path_(path.string()), log_(std::move(log)), scorer_(options.scorer), scale_(options.scale) {
    files = {path_};
    header_ = log_->header();
    const Json& eval = object_at(header_, "eval", path_);
    const Json& ours = member(member(eval, "metadata"), "peira");
    if (ours.is_object()) {
      info_ = run_from_record(ours, path_ + ": eval.metadata.peira");
      info_.rescored_from = text_at(ours, "rescored_from", path_);
      is_ours_ = true;
      withheld_ = bool_at(ours, "withheld", path_);
      format = "peira inspect";
      if (withheld_) {
        notes.emplace_back("questions and replies were withheld when the file was written");
      }
      return;
    }
    choose_scorer(eval);
    read_header(eval);
  }

  RunInfo info() override { return info_; }

  void visit(const std::function<void(FinishedAnswer&&)>& take) override {
    log_->visit([&](const Json& sample, const std::string& where) {
      take(is_ours_ ? our_answer(sample, where) : answer_of(sample, where));
    });
  }

 private:
  void choose_scorer(const Json& eval) {
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) {
      if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) {
        names.push_back(name);
      }
    };
    const Json& results = object_at(header_, "results", path_);
    for (const Json& score : list_at(results, "scores", path_)) {
      add(text_at(score, "scorer", path_));
    }
    for (const Json& scorer : list_at(eval, "scorers", path_)) add(text_at(scorer, "name", path_));
    if (names.empty()) {
      // Only the samples tell; the first that has a score speaks for all.
      log_->visit([&](const Json& sample, const std::string& where) {
        if (!names.empty()) return;
        const Json& scores = object_at(sample, "scores", where);
        for (const auto& item : scores.items()) add(item.key());
      });
    }
    if (scorer_.empty() && !names.empty()) scorer_ = names.front();
    const std::string base = scorer_.substr(0, scorer_.find('.'));
    const bool is_there = std::find(names.begin(), names.end(), scorer_) != names.end() ||
                          std::find(names.begin(), names.end(), base) != names.end();
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + one_line(name);
    if (!scorer_.empty() && !is_there && !names.empty()) {
      throw Error(ErrorCode::kUsage,
                  "--scorer " + scorer_ + ": " + path_ + " has no such scorer\n  one of: " + list);
    }
    if (names.size() > 1) {
      notes.push_back("scores are those of " + scorer_ + "; the log has " + list +
                      " (--scorer chooses)");
    }
  }

  void read_header(const Json& eval) {
    const Json& dataset = object_at(eval, "dataset", path_);
    const Json& config = object_at(eval, "config", path_);
    const Json& packages = object_at(eval, "packages", path_);
    const Json& plan = object_at(header_, "plan", path_);
    const std::string version = text_at(packages, "inspect_ai", path_);
    format = "inspect_ai" + (version.empty() ? std::string() : " " + version);
    info_.id = text_at(eval, "run_id", path_);
    info_.suite = text_at(eval, "task", path_);
    if (info_.suite.empty()) info_.suite = "unknown";
    info_.profile = scorer_.empty() ? "unknown" : scorer_;
    info_.model = text_at(eval, "model", path_);
    info_.dataset = text_at(dataset, "name", path_);
    if (info_.dataset.empty()) info_.dataset = info_.suite;
    info_.method = "generate";
    info_.started_at = text_at(eval, "created", path_);
    const Json& stats = object_at(header_, "stats", path_);
    info_.finished_at = text_at(stats, "completed_at", path_);
    const std::int64_t epochs = integer_at(config, "epochs", path_, 1);
    if (epochs < 1 || epochs > 1'000'000'000) {
      throw Error(ErrorCode::kData, path_ + ": field \"epochs\": " + std::to_string(epochs));
    }
    info_.epochs = static_cast<int>(epochs);
    info_.limited = !member(config, "limit").is_null();
    const std::string status = text_at(header_, "status", path_);
    info_.complete = status == "success";
    if (!info_.complete) {
      info_.why_stopped = "the log's status is \"" + one_line(status) + "\"";
      const std::string message = text_at(object_at(header_, "error", path_), "message", path_);
      if (!message.empty()) info_.why_stopped += ": " + one_line(message);
    }

    std::string solvers;
    Json steps = Json::array();
    for (const Json& step : list_at(plan, "steps", path_)) {
      const std::string solver = text_at(step, "solver", path_);
      solvers += (solvers.empty() ? "" : "+") + solver;
      steps.push_back({{"solver", solver}, {"params", member(step, "params")}});
    }
    info_.variant = solvers.empty() ? "unknown" : solvers;
    Json values = Json::object();
    values["weights"] = {{"name", info_.model}};
    values["engine"] = {{"tool", format}};
    values["prompt"] = {{"task", info_.suite},
                        {"task_version", member(eval, "task_version")},
                        {"steps", std::move(steps)}};
    values["scorer"] = {{"tool", "inspect_ai"}, {"name", scorer_}};
    values["sampling"] = {{"model", member(eval, "model_generate_config")},
                          {"plan", member(plan, "config")}};
    values["epochs"] = epochs;
    values["limit"] = member(config, "limit");
    values["method"] = "generate";
    info_.manifest = make_manifest(values);
  }

  FinishedAnswer our_answer(const Json& sample, const std::string& where) const {
    const Json& columns = object_at(object_at(sample, "metadata", where), "peira", where);
    FinishedAnswer finished = answer_from(lookup_in(columns), where + ": metadata.peira");
    if (withheld_) return finished;
    const Json& choices = list_at(object_at(sample, "output", where), "choices", where);
    if (!choices.empty()) {
      finished.transcript.response =
          content_text(member(member(choices[0], "message"), "content"), nullptr);
    }
    if (finished.transcript.messages.empty()) {
      const Json& input = member(sample, "input");
      if (input.is_array()) {
        Json messages = Json::array();
        for (const Json& message : input) {
          messages.push_back({{"role", text_at(message, "role", where)},
                              {"content", content_text(member(message, "content"), nullptr)}});
        }
        finished.transcript.messages = dump_json(messages);
      }
    }
    return finished;
  }

  FinishedAnswer answer_of(const Json& sample, const std::string& where) const {
    if (!sample.is_object()) throw Error(ErrorCode::kData, where + ": not an object");
    FinishedAnswer finished;
    SampleRecord& record = finished.sample;
    AnswerRecord& answer = finished.answer;
    Transcript& transcript = finished.transcript;
    const Json& attachments = object_at(sample, "attachments", where);
    const auto text_of_content = [&](const Json& content, std::string* reasoning) {
      return with_attachments(content_text(content, reasoning), attachments);
    };

    const Json& id = member(sample, "id");
    if (!id.is_string() && !id.is_number_integer()) {
      throw Error(ErrorCode::kData, where +
                                        ": field \"id\": expected text or a whole number, got " +
                                        one_line(dump_json(id)));
    }
    record.id = id.is_string() ? id.get<std::string>() : dump_json(id);
    record.cluster = record.id;
    record.row = -1;
    const std::int64_t epoch = integer_at(sample, "epoch", where, 1);
    if (epoch < 1 || epoch > 1'000'000'000) {
      throw Error(ErrorCode::kData,
                  where + ": field \"epoch\": " + std::to_string(epoch) + " is not from 1");
    }
    answer.epoch = static_cast<int>(epoch - 1);
    answer.gold = target_text(member(sample, "target"));
    for (const auto& item : object_at(sample, "metadata", where).items()) {
      const Json& value = item.value();
      if (value.is_string()) record.metadata[item.key()] = value.get<std::string>();
      if (value.is_number() || value.is_boolean()) record.metadata[item.key()] = dump_json(value);
    }

    // What was asked: all messages before the last reply; without messages, the input.
    const Json& input = member(sample, "input");
    const Json& said = list_at(sample, "messages", where);
    std::size_t num_asked = said.size();
    for (std::size_t i = said.size(); i-- > 0;) {
      if (member(said[i], "role") != "assistant") continue;
      num_asked = i;
      break;
    }
    Json messages = Json::array();
    const auto add_message = [&](const Json& message) {
      messages.push_back({{"role", text_at(message, "role", where)},
                          {"content", text_of_content(member(message, "content"), nullptr)}});
    };
    for (std::size_t i = 0; i < num_asked; ++i) add_message(said[i]);
    if (messages.empty() && input.is_array()) {
      for (const Json& message : input) add_message(message);
    } else if (messages.empty()) {
      messages.push_back({{"role", "user"}, {"content", text_of_content(input, nullptr)}});
    }
    transcript.messages = dump_json(messages);
    // The question itself, whatever the solver made of it.
    std::string question = input.is_array() ? std::string() : text_of_content(input, nullptr);
    if (input.is_array()) {
      for (const Json& message : input) {
        question += text_of_content(member(message, "content"), nullptr) + "\n";
      }
    }
    record.digest =
        content_digest({record.id, question, dump_json(member(sample, "choices")), answer.gold});

    const Json& output = object_at(sample, "output", where);
    const Json& choices = list_at(output, "choices", where);
    std::string stop;
    if (!choices.empty()) {
      const Json& message = object_at(choices[0], "message", where);
      transcript.response = text_of_content(member(message, "content"), &transcript.reasoning);
      transcript.reasoning = with_attachments(transcript.reasoning, attachments);
      stop = text_at(choices[0], "stop_reason", where);
    }
    answer.finish_reason = stop == "max_tokens" || stop == "model_length" ? "length" : stop;
    const Json& usage = object_at(output, "usage", where);
    answer.prompt_tokens = integer_at(usage, "input_tokens", where);
    answer.completion_tokens = integer_at(usage, "output_tokens", where);
    answer.latency_s = real_at(sample, "total_time", where);
    judge(sample, answer, where);
    return finished;
  }

  // The score as the log has it. What was not scored counts as failed, with the reason.
  void judge(const Json& sample, AnswerRecord& answer, const std::string& where) const {
    evals::Score& score = answer.score;
    score.rule = scorer_;
    const auto fail = [&](const std::string& reason) {
      score.state = evals::AnswerState::kFailed;
      score.value = 0;
      score.why = reason;
      answer.failure = reason;
    };
    const Json& error = member(sample, "error");
    const Json& scores = object_at(sample, "scores", where);
    std::string key;
    const Json* given = &member(scores, scorer_);
    if (given->is_null() && scorer_.find('.') != std::string::npos) {
      key = scorer_.substr(scorer_.find('.') + 1);
      given = &member(scores, scorer_.substr(0, scorer_.find('.')));
    }
    if (given->is_null()) {
      const std::string message = error.is_null() ? "" : text_at(error, "message", where);
      return fail(error.is_null() ? "no score of \"" + scorer_ + "\" in the log"
                                  : one_line(message.empty() ? "error" : message));
    }
    const Json& whole = member(*given, "value");
    const Json& value = key.empty() ? whole : member(whole, key);
    if (value.is_null()) return fail("not scored: the log has no number for it");
    const std::optional<double> number = score_number(value);
    if (!number) {
      std::string hint;
      if (value.is_object() && !value.empty()) {
        hint = "\n  try: --scorer " + scorer_ + "." + one_line(value.begin().key());
      }
      throw Error(ErrorCode::kData, where + ": score of \"" + scorer_ + "\": " +
                                        one_line(dump_json(value)) + " has no number" + hint);
    }
    score.value = *number / scale_;
    if (!(score.value >= 0 && score.value <= 1)) {
      throw Error(ErrorCode::kData, where + ": score of \"" + scorer_ +
                                        "\": " + one_line(dump_json(value)) +
                                        " is outside [0, 1]\n  try: --scale MAX, which divides it");
    }
    score.state = evals::AnswerState::kScored;
    score.answer = text_at(*given, "answer", where);
    score.why = one_line(text_at(*given, "explanation", where));
  }

  std::string path_;
  std::unique_ptr<LogFile> log_;
  std::string scorer_;
  double scale_;
  Json header_;
  RunInfo info_;
  bool is_ours_ = false, withheld_ = false;
};

}  // namespace

std::vector<std::unique_ptr<RunSource>> open_inspect_log(const std::filesystem::path& file,
                                                         const ImportOptions& options) {
  std::unique_ptr<LogFile> log;
  if (file.extension() == ".json") {
    log = std::make_unique<JsonLog>(file);
  } else {
    log = std::make_unique<ZipLog>(file);
  }
  std::vector<std::unique_ptr<RunSource>> runs;
  runs.push_back(std::make_unique<InspectRun>(file, std::move(log), options));
  return runs;
}

}  // namespace peira::runner::exchange
