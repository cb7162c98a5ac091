// The options that name a model and how it samples, shared by run, generate and tokenize.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/engine.h"
#include "runner/sampling_overrides.h"

namespace peira::runner::cli {

struct ModelFlags {
  std::string model = "bundled";
  model::EngineOptions engine;
};

// --model and how it is executed.
void add_model_flags(CLI::App& app, ModelFlags& flags);

// What the chat template is given besides the messages.
struct TemplateFlags {
  std::string date, options;

  // The variables of --template-options. throws Error(kUsage): not a JSON object.
  OrderedJson variables() const;
};
void add_template_flags(CLI::App& app, TemplateFlags& flags);

// Sampling as the user gave it: what is not given comes from the checkpoint.
struct SamplingFlags {
  SamplingOverrides given;
  std::vector<std::string> logit_bias;  // "TOKEN=BIAS"

  // throws Error(kUsage): a logit bias that is not TOKEN=BIAS.
  SamplingOverrides overrides() const;
};
void add_sampling_flags(CLI::App& app, SamplingFlags& flags);

}  // namespace peira::runner::cli
