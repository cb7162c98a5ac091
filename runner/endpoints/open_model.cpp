#include "runner/endpoints/open_model.h"

#include <system_error>

#include "base/error.h"
#include "runner/endpoints/engine_client.h"
#include "runner/endpoints/instant_client.h"
#include "runner/endpoints/replay_client.h"

namespace peira {
std::span<const EmbeddedFile> embedded_peira_mini();
}  // namespace peira

namespace peira::runner {

bool is_bundled(const std::string& spec) { return spec == "bundled"; }

model::CheckpointFiles open_checkpoint(const std::string& spec) {
  if (is_bundled(spec)) {
    if (embedded_peira_mini().empty()) {
      throw Error(ErrorCode::kUnavailable,
                  "bundled: this peira was built without model/peira-mini\n  try: --model FOLDER "
                  "of a checkpoint in Hugging Face format");
    }
    return model::CheckpointFiles::embedded("bundled", embedded_peira_mini());
  }
  std::error_code error;
  if (!std::filesystem::exists(spec, error)) {
    throw Error(ErrorCode::kUsage, "--model '" + spec +
                                       "': no such file or folder\n  try: bundled, a folder in "
                                       "Hugging Face format, a .gguf file, "
                                       "openai:MODEL@URL, replay:FILE, or instant");
  }
  return model::CheckpointFiles::at(spec);
}

std::unique_ptr<ModelClient> open_model(const std::string& spec, const ModelOptions& options) {
  constexpr std::string_view kReplay = "replay:";
  constexpr std::string_view kOpenAi = "openai:";
  if (spec == "instant") return std::make_unique<InstantClient>();
  if (spec.starts_with(kReplay)) {
    return std::make_unique<ReplayClient>(spec.substr(kReplay.size()));
  }
  if (spec.starts_with(kOpenAi)) {
    EndpointOptions endpoint = options.endpoint;
    endpoint.video_sound = options.video_sound;
    return std::make_unique<OpenAiClient>(spec.substr(kOpenAi.size()), endpoint);
  }
  std::string name = spec;
  if (!is_bundled(spec)) {
    std::error_code error;
    const std::filesystem::path whole = std::filesystem::canonical(spec, error);
    if (!error && whole.has_filename()) name = whole.filename().string();
  }
  return std::make_unique<EngineClient>(open_checkpoint(spec), std::move(name), options);
}

}  // namespace peira::runner
