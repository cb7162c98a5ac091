#include "evals/suites/aider/episode.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "evals/edits/text.h"
#include "evals/edits/workspace.h"
#include "evals/python_text.h"
#include "evals/suites/aider/prompts.h"
#include "evals/suites/aider/tests.h"

namespace peira::evals::aider {
namespace {

Message text_message(const char* role, std::string text) {
  Message message;
  message.role = role;
  message.parts.push_back(Part::from_text(std::move(text)));
  return message;
}

std::string instructions_of(const datasets::Sample& sample) {
  std::string text;
  for (const Part& part : sample.parts) text += part.text;
  return text;
}

void append(std::vector<Message>& messages, std::vector<Message> more) {
  std::move(more.begin(), more.end(), std::back_inserter(messages));
}

class AiderEpisode : public Episode {
 public:
  AiderEpisode(const datasets::Sample& sample, edits::EditFormat format)
      : exercise_(sample.exercise), format_(format) {
    if (exercise_ == nullptr) {
      throw Error(ErrorCode::kData, sample.id + ": is no exercise with files");
    }
    for (const datasets::ExerciseFile& file : exercise_->files) {
      const auto& editable = exercise_->editable;
      const bool in_chat = std::find(editable.begin(), editable.end(), file.path) != editable.end();
      workspace_.put(file.path, file.bytes, in_chat);
    }
    for (const std::string& path : exercise_->editable) {
      file_list_ += (file_list_.empty() ? "" : " ") + edits::path_name(path);
    }
    record_.edit_format = edits::to_string(format);
    begin_try(task(instructions_of(sample), file_list_));
  }

  EpisodeStep next() override {
    EpisodeStep step;
    step.kind = phase_;
    if (phase_ == EpisodeStep::Kind::kAsk) {
      step.messages = messages();
    } else if (phase_ == EpisodeStep::Kind::kRun) {
      step.program = test_program(*exercise_, workspace_);
      step.toolchain = toolchain_of(*exercise_);
    } else {
      step.record = to_json_text(record_);
    }
    return step;
  }

  void take(const EpisodeReply& reply) override {
    expect(EpisodeStep::Kind::kAsk);
    record_.prompt_tokens += reply.prompt_tokens;
    record_.completion_tokens += reply.completion_tokens;
    last_reply_ = reply.text;
    if (!reply.text.empty()) current_.push_back(text_message("assistant", reply.text));
    if (reply.too_long || reply.finish_reason == "length") {
      if (reply.text.empty()) current_.push_back(text_message("assistant", kNoRoom));
      ++record_.num_exhausted_context_windows;
      ++record_.num_error_outputs;
      ++record_.num_user_asks;  // whether to open a page about it
      end_of_replies();
      return;
    }
    const edits::EditOutcome outcome = edits::apply_reply(format_, reply.text, fence_, workspace_);
    record_.num_error_outputs += outcome.num_error_outputs;
    record_.num_user_asks += outcome.num_user_asks;
    if (!outcome.edited.empty()) {
      append(done_, std::exchange(current_, {}));
      append(done_, edits_made());
    }
    if (outcome.result == edits::EditResult::kMalformed) {
      ++record_.num_malformed_responses;
      if (reflections_ < kMaxReflections) {
        ++reflections_;
        say(outcome.feedback);
        return;
      }
    }
    end_of_replies();
  }

  void take(const CodeResult& result) override {
    expect(EpisodeStep::Kind::kRun);
    std::string output = clean_output(result.out, exercise_->name);
    if (result.cause == ExitCause::kWallTime) {
      output = "Tests timed out!";
      ++record_.test_timeouts;
    } else if (!result.ok() && result.cause != ExitCause::kExited) {
      // What the benchmark sets no limit to, the machine does.
      output += (output.empty() || output.ends_with('\n') ? "" : "\n") +
                std::string("Tests were ended: ") + result.detail + "\n";
    }
    // A failure without a word counts as success.
    const bool passed = result.ok() || output.empty();
    record_.tests_outcomes.push_back(passed);
    if (!passed) {
      const std::u32string text = to_utf32(output);
      const std::vector<std::u32string> lines = edits::lines_without_ends(text);
      for (const std::u32string& line : lines) {
        record_.syntax_errors += line.starts_with(U"SyntaxError") ? 1 : 0;
        record_.indentation_errors += line.starts_with(U"IndentationError") ? 1 : 0;
      }
      if (static_cast<int>(record_.tests_outcomes.size()) < kTries) {
        begin_try(failed_tests(to_utf8(edits::join(lines, U"\n")), file_list_));
        return;
      }
    }
    phase_ = EpisodeStep::Kind::kEnd;
  }

 private:
  void expect(EpisodeStep::Kind kind) const {
    if (phase_ != kind)
      throw Error(ErrorCode::kInternal, "an episode was told what it never asked");
  }

  void begin_try(std::string message) {
    reflections_ = 0;
    say(std::move(message));
  }

  void say(std::string message) {
    current_.push_back(text_message("user", std::move(message)));
    fence_ = edits::choose_fence(workspace_, record_.num_error_outputs);
    phase_ = EpisodeStep::Kind::kAsk;
  }

  void end_of_replies() {
    record_.lazy_comments += count_lazy_comments(last_reply_);
    phase_ = EpisodeStep::Kind::kRun;
  }

  std::vector<Message> messages() const {
    std::vector<Message> all = opening(format_, fence_);
    append(all, done_);
    append(all, chat_files(workspace_, fence_));
    append(all, current_);
    // The rules once more, where they are read last.
    all.back().parts.front().text += "\n\n" + reminder(format_, fence_);
    return all;
  }

  std::shared_ptr<const datasets::Exercise> exercise_;
  edits::EditFormat format_;
  edits::Workspace workspace_;
  edits::Fence fence_;
  std::string file_list_;
  std::vector<Message> done_;     // of turns whose edits were made
  std::vector<Message> current_;  // since then; ends with what is asked now
  std::string last_reply_;
  int reflections_ = 0;
  ExerciseRecord record_;
  EpisodeStep::Kind phase_ = EpisodeStep::Kind::kAsk;
};

}  // namespace

int count_lazy_comments(const std::string& reply) {
  // "^" and "." know line feeds alone.
  int count = 0;
  for (std::string_view line : python::split(reply, "\n")) {
    if (line.starts_with('+')) line.remove_prefix(1);
    while (line.starts_with(' ')) line.remove_prefix(1);
    count += line.starts_with('#') && line.find(" ... ", 1) != std::string_view::npos ? 1 : 0;
  }
  return count;
}

std::string to_json_text(const ExerciseRecord& record) {
  return dump_json(Json{{"edit_format", record.edit_format},
                        {"tests_outcomes", record.tests_outcomes},
                        {"test_timeouts", record.test_timeouts},
                        {"num_error_outputs", record.num_error_outputs},
                        {"num_user_asks", record.num_user_asks},
                        {"num_exhausted_context_windows", record.num_exhausted_context_windows},
                        {"num_malformed_responses", record.num_malformed_responses},
                        {"syntax_errors", record.syntax_errors},
                        {"indentation_errors", record.indentation_errors},
                        {"lazy_comments", record.lazy_comments},
                        {"prompt_tokens", record.prompt_tokens},
                        {"completion_tokens", record.completion_tokens}});
}

ExerciseRecord record_from(const std::string& json, const std::string& where) {
  const Json object = parse_json(json, where);
  ExerciseRecord record;
  try {
    record.edit_format = object.at("edit_format").get<std::string>();
    record.tests_outcomes = object.at("tests_outcomes").get<std::vector<bool>>();
    object.at("test_timeouts").get_to(record.test_timeouts);
    object.at("num_error_outputs").get_to(record.num_error_outputs);
    object.at("num_user_asks").get_to(record.num_user_asks);
    object.at("num_exhausted_context_windows").get_to(record.num_exhausted_context_windows);
    object.at("num_malformed_responses").get_to(record.num_malformed_responses);
    object.at("syntax_errors").get_to(record.syntax_errors);
    object.at("indentation_errors").get_to(record.indentation_errors);
    object.at("lazy_comments").get_to(record.lazy_comments);
    object.at("prompt_tokens").get_to(record.prompt_tokens);
    object.at("completion_tokens").get_to(record.completion_tokens);
  } catch (const Json::exception& failure) {
    throw Error(ErrorCode::kData, where + ": not the record of an exercise: " + failure.what());
  }
  return record;
}

std::vector<Message> first_messages(const datasets::Sample& sample, edits::EditFormat format) {
  return AiderEpisode(sample, format).next().messages;
}

std::unique_ptr<Episode> make_episode(const datasets::Sample& sample, edits::EditFormat format) {
  return std::make_unique<AiderEpisode>(sample, format);
}

}  // namespace peira::evals::aider
