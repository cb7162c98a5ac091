// The options that name a model and how it samples, shared by run, generate and tokenize.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/response_format.h"
#include "model/engine.h"
#include "runner/endpoints/open_model.h"
#include "runner/sampling_overrides.h"

namespace peira::runner::cli {

struct ModelFlags {
  std::string model = "bundled";
  model::EngineOptions engine;
  EndpointOptions endpoint;  // of openai:MODEL@URL
  std::string endpoint_extra;

  // throws Error(kUsage): --endpoint-extra is not a JSON object.
  ModelOptions options() const;
};

// --model and how it is executed.
void add_model_flags(CLI::App& app, ModelFlags& flags);

// How an openai: endpoint is asked.
void add_endpoint_flags(CLI::App& app, ModelFlags& flags);

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

// The form of answers, given as a file with a JSON Schema or as a pattern.
struct FormatFlags {
  std::string json_schema, regex;

  // Free text when neither is given. throws Error(kUsage): both are; Error(kUnavailable), (kData):
  // the file cannot be read, or is not JSON.
  ResponseFormat format() const;
};
void add_format_flags(CLI::App& app, FormatFlags& flags);

// Does `prepare`, which makes `format` ready. A pattern on the command line is the command's to
// mend (kUsage), a schema or a suite's pattern a file's (kData).
void prepare_format(const ResponseFormat& format, const std::function<void()>& prepare);

}  // namespace peira::runner::cli
