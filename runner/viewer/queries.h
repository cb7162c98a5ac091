// What the viewer asks of a store, read only: rows of runs, lines and stories of answers, and text
// found in them. Whatever grows with a run is asked for by key, so that no query reads all of it.
#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/sqlite.h"
#include "runner/store.h"

namespace peira::runner::viewer {

// Where an answer stands in its run: the order of every list.
struct AnswerKey {
  std::int64_t row = 0;
  int epoch = 0;
  auto operator<=>(const AnswerKey&) const = default;
};

// What changes whenever a run gains, replaces or re-counts an answer.
struct RunStamp {
  std::int64_t answers = 0, failures = 0;
  double value_sum = 0;
  bool complete = false;
  std::string finished_at;
  bool operator==(const RunStamp&) const = default;
};

// A run as the table of runs shows it.
struct RunRow {
  std::string id, suite, profile, variant, model, dataset, method;
  std::string status;  // "complete", "stopped", "running", "incomplete"
  std::string why_stopped, started_at, finished_at, rescored_from;
  std::int64_t answers = 0, expected_answers = 0, failures = 0;
  std::optional<double> mean_score;  // plain mean over the answers that did not fail
  int epochs = 1;
  double wall_s = 0;
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
  std::vector<std::string> tags;
};

// One answer as a list shows it.
struct AnswerLine {
  AnswerKey key;
  std::string sample_id, state, answer, gold, rule, why, finish_reason, failure;
  double value = 0, latency_s = 0;
  std::int64_t completion_tokens = 0;
  // What was asked last, white space folded, from where the lines of one list begin to differ: a
  // suite's instructions are the same in each.
  std::string question;
};

// threads: one at a time.
class Queries {
 public:
  // throws Error as Store does.
  explicit Queries(const std::filesystem::path& path);

  const Store& store() const { return store_; }

  // All runs, newest first.
  std::vector<RunRow> runs();
  // Empty when there is no such run.
  std::optional<RunStamp> stamp(const std::string& run_id);
  // Lines of answers, in the order of `keys`; those that are gone are left out.
  std::vector<AnswerLine> lines(const RunInfo& run, const std::vector<AnswerKey>& keys);
  // Every epoch of one row, as lines without the question.
  std::vector<AnswerLine> epochs(const RunInfo& run, std::int64_t row);
  // One answer's story. Empty when there is no such answer.
  std::optional<SampleStory> story(const RunInfo& run, AnswerKey key);

 private:
  friend class TextSearch;
  AnswerLine line_from(const Statement& statement) const;

  Store store_;
  Database database_;
};

// Whether answers hold a text: in what was asked and said, the reasoning, the answer as read, the
// gold one, the sample's id or the failure. ASCII letters match in either case, all other bytes as
// they are. Nothing is indexed: keys asked for in order are read as one pass over the run.
// threads: one at a time; must not outlive its queries.
class TextSearch {
 public:
  TextSearch(Queries& queries, const RunInfo& run, std::string_view text, bool backward);

  // Whether the answer at `key` holds the text; keys must go one way, down for `backward`.
  bool holds(AnswerKey key);

 private:
  bool row_matches();
  bool in_messages(const std::string& messages);
  bool in_text(std::string_view text);

  Statement statement_;
  std::int64_t run_, transcripts_;
  std::string needle_;       // lower case
  std::string json_needle_;  // as it stands inside a JSON string
  std::string folded_;       // room for texts in lower case
  bool backward_;
  bool positioned_ = false;
  std::optional<AnswerKey> at_;  // of the statement's row; empty at the end
};

// The start of `text` in at most `max_bytes` of valid UTF-8, runs of white space as one space.
std::string snippet(std::string_view text, std::size_t max_bytes);

// The last message of a stored list of messages, as text; "" when there is none.
std::string last_question(const std::string& messages);

}  // namespace peira::runner::viewer
