// From what a person writes after --model to something that answers.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "model/checkpoint_files.h"
#include "model/engine.h"
#include "model/text/language_model.h"
#include "runner/endpoints/model_client.h"
#include "runner/endpoints/openai_client.h"

namespace peira::runner {

struct ModelOptions {
  model::EngineOptions engine = {};
  OrderedJson template_options = OrderedJson::object();  // extra chat template variables
  // What a template that asks for the date is told, as JinjaTemplate::set_time(); "": today, which
  // the manifest then names, or the date of the run that is continued.
  std::string template_date = {};
  // Of the engine: when a prompt's media are more than the model's positions.
  model::Overflow overflow = model::Overflow::kFail;
  bool video_sound = false;  // see model::TextRequest
  EndpointOptions endpoint = {};
};

// bundled          peira-mini, inside the binary
// FOLDER           a checkpoint in Hugging Face format
// openai:MODEL@URL an OpenAI-compatible endpoint
// replay:FILE      stored responses, JSON lines {"id" or "row", "response", ["epoch",
//                  "finish_reason", "reasoning"]}
// instant          answers at once by a fixed rule; measures the harness
//
// throws Error(kUsage): none of these; Error(kData): a bad checkpoint or file;
//        Error(kUnavailable): not readable, device absent.
std::unique_ptr<ModelClient> open_model(const std::string& spec, const ModelOptions& options);

// The files of "bundled" or of a checkpoint folder, for commands that use the engine directly.
// throws Error(kUsage): neither; Error(kUnavailable): built without the bundled model.
model::CheckpointFiles open_checkpoint(const std::string& spec);
bool is_bundled(const std::string& spec);

}  // namespace peira::runner
