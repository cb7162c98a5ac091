// Where runs are kept: one SQLite file. Small columns that tables and statistics read lie apart
// from transcripts (prompts and replies), so that a store of 200,000 samples opens and lists at
// once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/sqlite.h"
#include "evals/run_record.h"
#include "evals/suite.h"
#include "runner/endpoints/model_client.h"

namespace peira::runner {

// A run as the table of runs shows it. Counters are kept up to date by every batch, so that reading
// one touches no answer.
struct RunInfo {
  std::int64_t key = 0;  // number inside this store
  std::string id;        // "gpqa-20261123-141503-3f9a"
  std::string identity;  // SHA-256 over the manifest's digests: equal for runs of equal manifests
  std::string suite, profile, variant, model, dataset;
  std::string method;  // "generate" or "loglikelihood"
  Json manifest;       // {"digests": {part: hex}, "values": {part: json}}
  int epochs = 1;
  std::uint64_t seed = 0;
  std::int64_t num_rows = 0;          // of the whole data file
  std::int64_t expected_answers = 0;  // samples x epochs asked for
  bool limited = false;
  bool restricted = false;
  bool complete = false;    // every expected answer is there and failures are within the limit
  bool running = false;     // a living process is writing it (asked of the lock, never stale)
  std::string why_stopped;  // one line when not complete: "interrupted", "7 failures ..."
  std::string started_at, finished_at;  // UTC, ISO 8601
  double wall_s = 0;                    // over all its sittings
  std::int64_t answers = 0, failures = 0, cached = 0;
  double value_sum = 0;  // of all answers; / answers is the plain mean score
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
  std::vector<std::string> warnings;
  std::vector<std::string> breakdowns;  // metadata fields that reports break results down by
  std::string rescored_from;  // id of the run whose replies were judged again; "" for asked runs
  std::int64_t transcript_key = 0;  // run that holds the replies: `key`, or the rescored run's
  std::optional<evals::StopDecision> decision;  // of a finished run with --stop-when

  // "complete", "stopped" (early, its decision made), "running" or "incomplete".
  std::string status() const;
};

// What a run knows of one sample, whatever the epoch.
struct SampleRecord {
  std::int64_t row = 0;
  std::string id;
  std::string cluster;
  std::string digest;  // SHA-256 of the sample's content, hex
  std::map<std::string, std::string> metadata;
};

// One judged answer: the columns.
struct AnswerRecord {
  std::int64_t row = 0;
  int epoch = 0;
  std::vector<int> permutation;  // of the options as shown; empty for open questions
  std::string gold;              // as shown: "C", or "70"
  evals::Score score;
  std::string finish_reason;
  std::string failure;  // one line; "" when the model answered
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
  double latency_s = 0;
  int attempts = 1;     // how often it was asked
  bool cached = false;  // taken from the response cache
};

// One answer's long part.
struct Transcript {
  std::string messages;     // JSON list of {"role", "content"} as asked
  std::string prompt_text;  // rendered bytes; "" when the model does not tell
  std::vector<std::int32_t> prompt_tokens;
  std::string response;
  std::string reasoning;
  std::vector<std::int32_t> tokens;
  std::vector<std::string> continuations;  // method loglikelihood
  std::vector<double> continuation_logprobs;
  std::vector<std::string> shots;  // ids of the few-shot examples shown
  std::uint64_t seed = 0;          // the request's
};

struct FinishedAnswer {
  SampleRecord sample;
  AnswerRecord answer;
  Transcript transcript;
  std::string cache_key;  // 64 hex digits; "" keeps it out of the response cache
};

// One sample's whole story, for `peira show`.
struct SampleStory {
  SampleRecord sample;
  AnswerRecord answer;
  Transcript transcript;
};

// Outcomes of one run in the order of (row, epoch), read as they are asked for.
// threads: one at a time; must not outlive its store.
class OutcomeReader {
 public:
  std::optional<evals::SampleOutcome> next();

 private:
  friend class Store;
  explicit OutcomeReader(Statement statement, bool scores_only = false)
      : statement_(std::move(statement)), scores_only_(scores_only) {}
  Statement statement_;
  bool scores_only_;
  bool done_ = false;
  std::int64_t metadata_row_ = -1;
  std::map<std::string, std::string> metadata_;
};

// Stories of one run in the order of (row, epoch), read as they are asked for.
class StoryReader {
 public:
  std::optional<SampleStory> next();

 private:
  friend class Store;
  explicit StoryReader(Statement statement) : statement_(std::move(statement)) {}
  Statement statement_;
  bool done_ = false;
};

// The right to write one run, held by one process at a time. The kernel gives it up when the holder
// dies in whatever way, so that no lock is ever stale. Move-only.
class RunLock {
 public:
  RunLock() = default;
  ~RunLock();
  RunLock(RunLock&& other) noexcept;
  RunLock& operator=(RunLock&& other) noexcept;
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;
  explicit operator bool() const { return file_ >= 0; }

 private:
  friend class Store;
  explicit RunLock(int file) : file_(file) {}
  int file_ = -1;
};

// Durability: WAL with synchronous=FULL, one transaction a batch. NORMAL would save the one fsync a
// batch and lose the last batches at a power cut; with a batch a second (or every 256 answers) that
// fsync costs well under 0.1 ms a sample, so the safe setting is the only one.
//
// Several processes may use one store: readers never wait, writers of different runs take turns
// batch by batch, a second writer of one run is refused.
//
// threads: one at a time. Do not use across fork().
class Store {
 public:
  enum class Access { kReadWrite, kReadOnly };

  // $PEIRA_DATA_DIR/peira.sqlite or the user's data folder's.
  static std::filesystem::path default_path();

  // Opens the store; kReadWrite makes the file and its folder when absent.
  // throws Error(kData): `path` is no database, another program's, or of another schema version
  //        (nothing is changed); Error(kUnavailable): absent (kReadOnly), no permission, disk full.
  explicit Store(const std::filesystem::path& path, Access access = Access::kReadWrite);
  ~Store();

  const std::filesystem::path& path() const { return path_; }

  // ---- reading ----

  // All runs, newest first.
  std::vector<RunInfo> runs() const;
  // One run by its full id. throws Error(kUsage): no such run.
  RunInfo run(const std::string& id) const;

  // The full id meant by "latest", "latest~2" (the second before it), a full id or a prefix of just
  // one. throws Error(kUsage) listing the candidates (several) or the newest runs (none).
  std::string resolve_run(const std::string& reference) const;

  // Samples in the data file whose manifest digest is `dataset_digest`, when a run counted them.
  std::optional<std::int64_t> known_num_rows(const std::string& dataset_digest) const;

  OutcomeReader outcomes(const std::string& run_id) const;
  // The same with row, epoch, state, value, answer, gold, sample id and cluster alone: all that a
  // comparison reads, at a third of the time.
  OutcomeReader scores(const std::string& run_id) const;
  StoryReader stories(const std::string& run_id) const;

  // The stories of one sample, an epoch each. `sample` is an id, a unique prefix of one, or "#12"
  // for row 12. throws Error(kUsage): no such sample in the run.
  std::vector<SampleStory> story(const std::string& run_id, const std::string& sample) const;

  // ---- writing: used by the executor and by rescore ----

  // Which run a command means.
  struct OpenedRun {
    RunInfo info;
    bool resumed = false;
    RunLock lock;
  };
  // Begins a new run: fills in key and, where they are empty, the id and started_at of `info`;
  // locks it. throws Error(kUsage): the id is taken, or not of letters, digits, ".", "_" and "-".
  OpenedRun create_run(RunInfo info);
  // Continues the newest incomplete run of equal identity and kind, or begins a new one.
  // throws Error(kUnavailable): such a run is being written by another process (names it).
  OpenedRun resume_or_create_run(RunInfo info);
  // Continues the run called `info.id` as resume_run() does, or begins it.
  OpenedRun resume_or_create_named(RunInfo info);
  // Continues the run `id`. throws Error(kUsage) naming each part of the manifest that differs from
  // `info.manifest` with both values; Error(kUnavailable): another process is writing it.
  OpenedRun resume_run(const std::string& id, const RunInfo& info);

  // Calls `visit(row, epoch, failed)` for each stored answer, in order, reading columns only.
  void visit_finished(std::int64_t run_key,
                      const std::function<void(std::int64_t, int, bool)>& visit) const;

  // Commits a batch in one transaction: answers, transcripts, samples, cache keys and the run's
  // counters. An answer already there is replaced (a failed one asked again). `add_wall_s` is added
  // to the run's wall time. throws Error(kUnavailable): disk full, ...; nothing of the batch is
  // kept.
  void commit(const RunInfo& run, std::span<const FinishedAnswer> batch, double add_wall_s = 0);

  // How a sitting of a run ends: complete or not, why not, and what its stop rule came to.
  struct Ending {
    const RunInfo& run;
    bool complete = false;
    std::string why_stopped;
    std::vector<std::string> warnings;
    std::optional<evals::StopDecision> decision = {};
    std::string finished_at = {};  // "": now
  };
  // Ends sittings in one transaction: the arms of one decision end together or not at all.
  void finish_runs(std::span<const Ending> endings);
  void finish_run(const RunInfo& run, bool complete, const std::string& why_stopped,
                  const std::vector<std::string>& warnings);

  // ---- response cache ----

  // The reply stored under `key` (64 hex digits), if it is still there.
  std::optional<ModelResponse> find_cached(const std::string& key) const;

  // Bounds the file to `pages` pages: how tests make a disk full.
  void limit_pages(std::int64_t pages);

 private:
  struct Statements;
  bool is_running(std::int64_t run_key) const;
  RunLock lock_run(std::int64_t run_key, const std::string& id);
  RunInfo insert_run(RunInfo info);
  RunInfo run_from(const Statement& statement) const;
  std::string run_columns() const;

  std::filesystem::path path_;
  Access access_;
  bool has_decisions_ = false;  // stores made before --stop-when have no table of decisions
  std::unique_ptr<Database> database_;
  std::unique_ptr<Statements> statements_;  // prepared once, used by every batch
};

}  // namespace peira::runner
