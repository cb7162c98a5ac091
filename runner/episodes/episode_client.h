// A model that answers a question by a whole conversation: it is asked, programs are run, and what
// came of it all is the answer.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "evals/episode.h"
#include "evals/suite.h"
#include "runner/endpoints/model_client.h"
#include "runner/episodes/program_pool.h"
#include "runner/episodes/toolchains.h"
#include "runner/episodes/turn_store.h"

namespace peira::runner {

struct EpisodeOptions {
  bool use_cache = true;              // take replies that an earlier run got to the same
  std::vector<Toolchain> toolchains;  // what programs may use
  std::vector<std::string> notes;     // what people should know, e.g. what is left out
};

// Each request is one conversation (Profile::episode on ModelRequest::sample); the response's text
// is its record. Every turn is stored before the next begins: a conversation that ended early, with
// its process or by a failure of the model, goes on from its stored turns when it is asked for
// again, and no turn is asked twice.
//
// threads: one caller at a time; programs run on threads of its own.
class EpisodeClient : public ModelClient {
 public:
  // All must outlive it.
  EpisodeClient(ModelClient& model, evals::CodeRunner& programs, TurnStore& turns,
                const evals::Profile& profile, EpisodeOptions options);
  ~EpisodeClient() override;

  // The run whose turns are stored and taken up from here on.
  void set_run(std::int64_t run_key) { run_key_ = run_key; }

  std::string name() const override { return model_.name(); }
  // The model's, and as "episode" what programs are run in and with.
  Json identity() const override;
  std::vector<std::string> notes() const override;
  // Conversations whose programs run leave the model idle: some more than it prefers.
  int preferred_in_flight() const override;
  model::SamplingParams default_sampling() const override { return model_.default_sampling(); }
  void prepare(const ResponseFormat& format) override { model_.prepare(format); }
  std::string opening_date() const override { return model_.opening_date(); }
  void set_date(const std::string& date) override { model_.set_date(date); }
  std::int64_t submit(ModelRequest request) override;
  std::vector<Finished> poll() override;
  void cancel(std::int64_t ticket) override;

 private:
  struct Talk;
  void advance(std::int64_t ticket);
  void ask(std::int64_t ticket, Talk& talk, const std::string& digest, evals::EpisodeStep step);
  void take_reply(std::int64_t ticket, ModelResponse response);
  void take_program(ProgramPool::Done done);
  void keep(Talk& talk, Turn turn);
  void feed(Talk& talk, const std::string& kind, const Json& result);
  void finish(std::int64_t ticket, ModelResponse response);
  void fail(std::int64_t ticket, const std::string& failure);

  ModelClient& model_;
  evals::CodeRunner& programs_;
  TurnStore& turns_;
  const evals::Profile& profile_;
  EpisodeOptions options_;
  std::string model_identity_;
  std::int64_t run_key_ = 0;
  std::int64_t last_ticket_ = 0;
  std::map<std::int64_t, std::unique_ptr<Talk>> talks_;
  std::map<std::int64_t, std::int64_t> asked_;  // the model's ticket -> ours
  std::vector<Finished> finished_;
  ProgramPool pool_;  // last: its threads end first
};

}  // namespace peira::runner
