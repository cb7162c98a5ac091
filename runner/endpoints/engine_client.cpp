#include "runner/endpoints/engine_client.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "runner/quality.h"

namespace peira::runner {
namespace {

constexpr const char* kEngineVersion = PEIRA_VERSION;

// Digests of files on disk, kept from one start to the next: a large checkpoint takes minutes.
class DigestMemory {
 public:
  DigestMemory() : path_(user_cache_dir() / "weight-digests.json") {
    try {
      known_ = parse_json(read_file(path_), path_.string());
    } catch (const Error&) {
      known_ = Json::object();  // absent or damaged: digests are computed anew
    }
    if (!known_.is_object()) known_ = Json::object();
  }

  // The digest of `bytes`, remembered when they are the file `path` ("" when embedded).
  std::string digest(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    struct stat status {};
    std::error_code error;
    const std::filesystem::path whole = std::filesystem::canonical(path, error);
    if (path.empty() || error || stat(whole.c_str(), &status) != 0 ||
        bytes.size() < kWorthRemembering) {
      return sha256_hex(bytes);
    }
    const std::string key = whole.string() + "|" + std::to_string(status.st_size) + "|" +
                            std::to_string(status.st_mtim.tv_sec) + "." +
                            std::to_string(status.st_mtim.tv_nsec) + "|" +
                            std::to_string(status.st_ino);
    const auto found = known_.find(key);
    if (found != known_.end() && found->is_string()) return found->get<std::string>();
    std::string digest = sha256_hex(bytes);
    known_[key] = digest;
    changed_ = true;
    return digest;
  }

  void save() const noexcept {
    if (!changed_) return;
    try {
      std::filesystem::create_directories(path_.parent_path());
      write_file_atomic(path_, dump_json(known_));
    } catch (const std::exception&) {
      // Only time is lost: the next start digests again.
    }
  }

 private:
  static constexpr std::size_t kWorthRemembering = std::size_t{64} << 20U;
  std::filesystem::path path_;
  Json known_;
  bool changed_ = false;
};

// The local date, as 2026-11-26.
std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  char text[16];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
  return {text, size};
}

std::string refused_part(PartKind kind) {
  const std::string what = kind == PartKind::kImage   ? "a picture"
                           : kind == PartKind::kVideo ? "a video"
                                                      : "a sound";
  return "this model takes no such part, and the prompt has " + what;
}

bool has_media(const std::vector<Message>& messages) {
  return std::any_of(messages.begin(), messages.end(), [](const Message& message) {
    return std::any_of(message.parts.begin(), message.parts.end(),
                       [](const Part& part) { return part.kind != PartKind::kText; });
  });
}

ModelResponse failed(const Error& failure) {
  ModelResponse response;
  response.finish_reason = "error";
  const std::string text = failure.what();
  response.failure = text.substr(0, text.find('\n'));
  return response;
}

// The prompt's tokens in the engine's refusal of a request that is too long ("the prompt's 12
// tokens and max_tokens 1024 together exceed the model's 512 positions"); of others the most there
// is.
std::int64_t prompt_tokens_told(const std::string& failure) {
  constexpr std::string_view kBefore = "the prompt's ";
  std::int64_t count = std::numeric_limits<std::int64_t>::max();
  const std::size_t at = failure.find(kBefore);
  const bool is_too_long = failure.find(" together exceed the model's ") != std::string::npos;
  if (at == std::string::npos || !is_too_long) return count;
  std::from_chars(failure.data() + at + kBefore.size(), failure.data() + failure.size(), count);
  return count;
}

}  // namespace

std::string digest_of_weights(const model::CheckpointFiles& files) {
  DigestMemory memory;
  std::string listing;
  for (const std::string& file : files.list()) {
    // What a GGUF file's metadata stands for is in the file's own digest.
    const bool counts = files.gguf() != nullptr
                            ? file.ends_with(".gguf")
                            : file.ends_with(".safetensors") ||
                                  file.ends_with(".safetensors.index.json") ||
                                  file == "config.json" || file == "generation_config.json";
    if (!counts) continue;
    const std::optional<std::span<const std::byte>> bytes = files.open(file);
    if (!bytes) continue;
    listing += file + " " + memory.digest(files.path_of(file), *bytes) + "\n";
  }
  memory.save();
  return sha256_hex(listing);
}

EngineClient::EngineClient(const model::CheckpointFiles& files, std::string name,
                           const ModelOptions& options)
    : name_(std::move(name)),
      max_batch_(options.engine.max_batch),
      num_experts_per_tok_(options.engine.num_experts_per_tok),
      weights_(options.engine.weights),
      kv_dtype_(options.engine.kv_dtype),
      overflow_(options.overflow),
      video_sound_(options.video_sound),
      template_options_(options.template_options),
      weights_digest_(digest_of_weights(files)),
      model_(files, options.engine) {
  if (video_sound_ && !model_.takes(PartKind::kAudio)) {
    throw Error(ErrorCode::kUsage, "--video-sound: " + name_ +
                                       " hears no sounds\n  try: without it, or a model of "
                                       "qwen3_omni_moe");
  }
  if (!model_.has_tokenizer()) {
    throw Error(ErrorCode::kData, files.where("tokenizer.json") +
                                      ": absent, and questions are text\n  try: a folder with its "
                                      "tokenizer, or peira generate --tokens");
  }
  if (!options.template_date.empty()) model_.set_template_time(options.template_date);
  if (model_.template_tells_time()) {
    // Told once, so that all of a run's prompts agree and an equal manifest means equal prompts.
    if (options.template_date.empty()) opening_date_ = today();
    set_date(options.template_date.empty() ? opening_date_ : options.template_date);
  }
  backend_name_ = model_.engine().backend_name();
  notes_ = model_.engine().notes();
  if (num_experts_per_tok_ > 0) {
    name_ += "[experts=" + std::to_string(num_experts_per_tok_) + "]";
  }
  if (weights_ != model::WeightPrecision::kStored) {
    name_ += "[weights=" + name_of_weights(weights_) + "]";
  }
  if (kv_dtype_ != model::DType::kF32) name_ += "[kv=" + name_of_kv(kv_dtype_) + "]";
}

void EngineClient::set_date(const std::string& date) {
  model_.set_template_time(date);
  template_date_ = date;
}

Json EngineClient::identity() const {
  Json engine{{"kind", "engine"},
              {"backend", backend_name_},
              {"num_experts_per_tok",
               num_experts_per_tok_ > 0 ? Json(num_experts_per_tok_) : Json("checkpoint")},
              {"version", kEngineVersion}};
  if (weights_ != model::WeightPrecision::kStored) engine["weights"] = name_of_weights(weights_);
  if (kv_dtype_ != model::DType::kF32) engine["kv_dtype"] = name_of_kv(kv_dtype_);
  Json out{{"weights", {{"sha256", weights_digest_}}},
           {"tokenizer", {{"sha256", sha256_hex(model_.tokenizer_source())}}},
           {"template",
            {{"sha256", sha256_hex(model_.template_source())},
             {"options", Json(template_options_)},
             {"tokens", Json(model_.template_tokens())},
             {"date", template_date_.empty() ? Json(nullptr) : Json(template_date_)}}},
           {"engine", std::move(engine)}};
  if (const std::string settings = model_.media_settings(); !settings.empty()) {
    out["media"] = parse_json(settings, "media settings");
    out["media"]["overflow"] = overflow_ == model::Overflow::kFail ? "fail" : "keep-first";
    if (video_sound_) out["media"]["video_sound"] = true;
  }
  return out;
}

std::int64_t EngineClient::submit(ModelRequest request) {
  const std::int64_t ticket = next_ticket_++;
  if (!request.continuations.empty() && has_media(request.messages)) {
    ready_.push_back({ticket, failed(Error(ErrorCode::kUsage,
                                           "continuations are scored behind text alone, and this "
                                           "prompt has media"))});
    return ticket;
  }
  if (!request.continuations.empty()) {
    likelihoods_.push_back({ticket, std::move(request)});
    return ticket;
  }
  for (const Message& message : request.messages) {
    for (const Part& part : message.parts) {
      if (model_.takes(part.kind)) continue;
      ready_.push_back({ticket, failed(Error(ErrorCode::kUsage, refused_part(part.kind)))});
      return ticket;
    }
  }
  model::TextRequest text;
  text.messages = std::move(request.messages);
  text.template_options = template_options_;
  text.overflow = overflow_;
  text.video_sound = video_sound_;
  text.max_tokens = request.max_tokens;
  text.sampling = request.sampling;
  text.seed = request.seed;
  text.stop = std::move(request.stop);
  text.format = std::move(request.format);
  const int max_tokens = request.max_tokens;
  try {
    const std::int64_t engine_ticket = model_.submit(std::move(text));
    ours_[engine_ticket] = ticket;
    theirs_[ticket] = engine_ticket;
  } catch (const Error& failure) {
    // A prompt too long for the model, or one its template refuses: this sample's, not the run's.
    if (failure.code() == ErrorCode::kInternal || failure.code() == ErrorCode::kUnavailable) throw;
    ModelResponse response = failed(failure);
    // The engine's own advice speaks of a request; here a run's option is meant.
    const std::int64_t room =
        model_.engine().config().max_position_embeddings - prompt_tokens_told(response.failure);
    if (room > 0 && room < max_tokens) {
      response.failure += "; try: --max-tokens " + std::to_string(room);
    }
    ready_.push_back({ticket, std::move(response)});
  }
  return ticket;
}

ModelResponse EngineClient::likelihood_response(const ModelRequest& request) const {
  ModelResponse response;
  response.finish_reason = "stop";
  response.prompt_text = model_.render(request.messages, template_options_);
  response.prompt_tokens = model_.encode(response.prompt_text);
  response.num_prompt_tokens = static_cast<std::int64_t>(response.prompt_tokens.size());
  return response;
}

void EngineClient::run_likelihoods() {
  std::vector<Likelihood> batch;
  std::vector<model::LanguageModel::LikelihoodRequest> requests;
  while (!likelihoods_.empty() && static_cast<int>(requests.size()) < max_batch_) {
    for (const std::string& continuation : likelihoods_.front().request.continuations) {
      requests.push_back(
          {likelihoods_.front().request.messages, continuation, "", template_options_});
    }
    batch.push_back(std::move(likelihoods_.front()));
    likelihoods_.pop_front();
  }
  const auto finish = [&](const Likelihood& item,
                          std::span<const model::Engine::Likelihood> likelihoods) {
    ModelResponse response = likelihood_response(item.request);
    for (const auto& likelihood : likelihoods) {
      response.continuation_logprobs.push_back(likelihood.logprob);
    }
    ready_.push_back({item.ticket, std::move(response)});
  };
  const auto belongs_to_a_sample = [](const Error& failure) {
    return failure.code() == ErrorCode::kUsage || failure.code() == ErrorCode::kData;
  };
  try {
    const std::vector<model::Engine::Likelihood> all = model_.log_likelihood(requests);
    std::size_t begin = 0;
    for (const Likelihood& item : batch) {
      const std::size_t count = item.request.continuations.size();
      finish(item, std::span(all).subspan(begin, count));
      begin += count;
    }
  } catch (const Error& failure) {
    if (!belongs_to_a_sample(failure)) throw;
    // One of them cannot be: each by itself then, so that the others get their answers.
    for (const Likelihood& item : batch) {
      try {
        std::vector<model::LanguageModel::LikelihoodRequest> own;
        for (const std::string& continuation : item.request.continuations) {
          own.push_back({item.request.messages, continuation, "", template_options_});
        }
        finish(item, model_.log_likelihood(own));
      } catch (const Error& own_failure) {
        if (!belongs_to_a_sample(own_failure)) throw;
        ready_.push_back({item.ticket, failed(own_failure)});
      }
    }
  }
}

std::vector<ModelClient::Finished> EngineClient::poll() {
  if (!likelihoods_.empty()) run_likelihoods();
  if (!model_.idle()) {
    for (model::LanguageModel::Finished& finished : model_.step()) {
      const auto found = ours_.find(finished.ticket);
      if (found == ours_.end()) continue;
      const std::int64_t ticket = found->second;
      theirs_.erase(ticket);
      ours_.erase(found);
      model::TextResult& result = finished.result;
      ModelResponse response;
      switch (result.tokens.finish_reason) {
        case model::FinishReason::kStop:
          response.finish_reason = "stop";
          break;
        case model::FinishReason::kLength:
          response.finish_reason = "length";
          break;
        case model::FinishReason::kCancelled:
          response.finish_reason = "timeout";
          break;
      }
      response.text = std::move(result.text);
      response.reasoning = std::move(result.reasoning);
      response.prompt_text = std::move(result.prompt_text);
      response.num_prompt_tokens = static_cast<std::int64_t>(result.prompt_tokens.size());
      response.num_completion_tokens = static_cast<std::int64_t>(result.tokens.tokens.size());
      response.num_image_tokens = result.usage.image_tokens;
      response.num_audio_tokens = result.usage.audio_tokens;
      response.num_video_tokens = result.usage.video_tokens;
      response.num_media_left_out = static_cast<std::int64_t>(result.usage.left_out.size());
      response.prompt_tokens = std::move(result.prompt_tokens);
      response.tokens = std::move(result.tokens.tokens);
      ready_.push_back({ticket, std::move(response)});
    }
  }
  return std::exchange(ready_, {});
}

void EngineClient::cancel(std::int64_t ticket) {
  const auto found = theirs_.find(ticket);
  if (found != theirs_.end()) {
    model_.cancel(found->second);
    return;
  }
  const auto queued = std::find_if(likelihoods_.begin(), likelihoods_.end(),
                                   [&](const Likelihood& item) { return item.ticket == ticket; });
  if (queued == likelihoods_.end()) return;
  likelihoods_.erase(queued);
  ModelResponse response;
  response.finish_reason = "timeout";
  ready_.push_back({ticket, std::move(response)});
}

}  // namespace peira::runner
