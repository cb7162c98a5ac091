// The engine as a model client: a checkpoint folder or the bundled peira-mini.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/text/language_model.h"
#include "runner/endpoints/model_client.h"
#include "runner/endpoints/open_model.h"

namespace peira::runner {

// threads: one caller at a time.
class EngineClient : public ModelClient {
 public:
  // name  what tables call it. throws as LanguageModel's constructor, and Error(kData) for a
  //       checkpoint without tokenizer or chat template.
  EngineClient(const model::CheckpointFiles& files, std::string name, const ModelOptions& options);

  std::string name() const override { return name_; }
  Json identity() const override;
  std::vector<std::string> notes() const override { return notes_; }
  int preferred_in_flight() const override { return max_batch_; }
  model::SamplingParams default_sampling() const override { return model_.default_sampling(); }
  void prepare(const ResponseFormat& format) override { model_.prepare(format); }
  std::string opening_date() const override { return opening_date_; }
  void set_date(const std::string& date) override;
  std::optional<std::vector<std::int64_t>> frames_shown(std::int64_t total,
                                                        double fps) const override {
    return model_.frames_shown(total, fps);
  }
  std::int64_t submit(ModelRequest request) override;
  std::vector<Finished> poll() override;
  void cancel(std::int64_t ticket) override;

 private:
  struct Likelihood {
    std::int64_t ticket;
    ModelRequest request;
  };
  void run_likelihoods();
  ModelResponse likelihood_response(const ModelRequest& request) const;

  std::string name_;
  int max_batch_;
  int num_experts_per_tok_;
  model::WeightPrecision weights_;
  model::DType kv_dtype_;
  model::Overflow overflow_;
  bool video_sound_;
  OrderedJson template_options_;
  std::string template_date_;  // "" where the template does not ask for it
  std::string opening_date_;   // the same where nobody chose it
  std::string weights_digest_, backend_name_;
  std::vector<std::string> notes_;
  model::LanguageModel model_;
  std::int64_t next_ticket_ = 1;
  std::unordered_map<std::int64_t, std::int64_t> ours_;    // engine's ticket -> ours
  std::unordered_map<std::int64_t, std::int64_t> theirs_;  // and back
  std::deque<Likelihood> likelihoods_;
  std::vector<Finished> ready_;  // finished without a step
};

// SHA-256 over names and contents of the files that make a checkpoint's weights and behaviour:
// tensors, index, config.json, generation_config.json. Digests of large files in folders are
// remembered in the user's cache by path, size, modification time and inode.
std::string digest_of_weights(const model::CheckpointFiles& files);

}  // namespace peira::runner
