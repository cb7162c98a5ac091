#include "runner/cli/model_options.h"

#include <charconv>
#include <cstdint>
#include <map>

#include "base/error.h"
#include "base/files.h"

namespace peira::runner::cli {

void add_model_flags(CLI::App& app, ModelFlags& flags) {
  app.add_option(
         "--model", flags.model,
         "bundled (peira-mini, inside this binary), a folder in Hugging Face format, a GGUF file, "
         "or openai:MODEL@URL")
      ->capture_default_str()
      ->group("Model");
  app.add_option("--device", flags.engine.device,
                 "cpu, cuda, cuda:N, auto (says what it chose), or reference (plain loops, slow)")
      ->capture_default_str()
      ->group("Model");
  app.add_option("--threads", flags.engine.num_threads, "threads; 0 takes every core")
      ->capture_default_str()
      ->check(CLI::Range(0, 4096))
      ->group("Model");
  app.add_option("--batch", flags.engine.max_batch, "sequences decoded together")
      ->capture_default_str()
      ->check(CLI::Range(1, 65536))
      ->group("Model");
  app.add_option("--prefill-chunk", flags.engine.prefill_chunk,
                 "prompt tokens computed per step beside the sequences that generate")
      ->capture_default_str()
      ->check(CLI::Range(1, 1 << 20))
      ->group("Model");
  app.add_option("--max-kv-tokens", flags.engine.max_kv_tokens,
                 "tokens kept over all sequences; 0 plans with the device's memory")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40))
      ->group("Model");
  app.add_flag_callback(
         "--no-prefix-cache", [&flags] { flags.engine.prefix_cache = false; },
         "compute every prompt whole; prompts that begin alike share work otherwise, to the same "
         "bytes")
      ->group("Model");
  // Names as --help and a run's record have them.
  static const std::map<std::string, model::WeightPrecision> kWeights{
      {"stored", model::WeightPrecision::kStored},
      {"int8", model::WeightPrecision::kInt8},
      {"int4", model::WeightPrecision::kInt4}};
  static const std::map<std::string, model::DType> kKvTypes{
      {"f32", model::DType::kF32}, {"bf16", model::DType::kBF16}, {"int8", model::DType::kI8}};
  app.add_option("--weights", flags.engine.weights,
                 "stored, or quantised while loading: int8, int4 (changes results)")
      ->type_name("stored|int8|int4")
      ->default_str("stored")
      ->transform(CLI::Transformer(kWeights))
      ->group("Model");
  app.add_option("--kv-dtype", flags.engine.kv_dtype,
                 "cached keys and values: f32, bf16, int8 (changes results)")
      ->type_name("f32|bf16|int8")
      ->default_str("f32")
      ->transform(CLI::Transformer(kKvTypes))
      ->group("Model");
  app.add_option("--experts-per-token", flags.engine.num_experts_per_tok,
                 "route each token to N experts instead of the checkpoint's number")
      ->type_name("N")
      ->check(CLI::Range(1, 4096))
      ->group("Model");
}

void add_endpoint_flags(CLI::App& app, ModelFlags& flags) {
  static const std::map<std::string, OpenAiApi> kApis{{"chat", OpenAiApi::kChat},
                                                      {"completions", OpenAiApi::kCompletions}};
  EndpointOptions& endpoint = flags.endpoint;
  app.add_option("--endpoint-api", endpoint.api,
                 "chat, or completions (which gives log-likelihoods where the server echoes)")
      ->type_name("chat|completions")
      ->default_str("chat")
      ->transform(CLI::Transformer(kApis))
      ->group("Endpoint");
  app.add_option("--endpoint-concurrency", endpoint.max_in_flight,
                 "most requests in flight; how many there are adapts to the endpoint")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000))
      ->group("Endpoint");
  app.add_flag("--endpoint-stream", endpoint.stream,
               "have answers streamed, so that --endpoint-idle-timeout finds a stuck one early")
      ->group("Endpoint");
  app.add_option("--endpoint-connect-timeout", endpoint.connect_timeout_s, "seconds to connect")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 3600.0))
      ->group("Endpoint");
  app.add_option("--endpoint-idle-timeout", endpoint.idle_timeout_s,
                 "seconds without a byte; an answer that is not streamed comes at its end")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 86'400.0))
      ->group("Endpoint");
  app.add_option("--endpoint-key-env", endpoint.key_variable,
                 "environment variable with the API key [PEIRA_API_KEY, else OPENAI_API_KEY]; keys "
                 "are never stored")
      ->type_name("NAME")
      ->group("Endpoint");
  app.add_option("--endpoint-header", endpoint.headers, "one more header; sent, never stored")
      ->type_name("'NAME: VALUE'")
      ->allow_extra_args(false)
      ->group("Endpoint");
  app.add_option("--endpoint-extra", flags.endpoint_extra,
                 "more members of each request, as a JSON object: '{\"reasoning_effort\": "
                 "\"low\"}'; part of the manifest")
      ->type_name("JSON")
      ->group("Endpoint");
  app.add_option("--endpoint-omit", endpoint.omit,
                 "a member that the endpoint refuses: temperature, seed, ...; repeatable")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->group("Endpoint");
  app.add_option("--endpoint-video", endpoint.video,
                 "how videos are sent: part (whole, as vLLM takes them), frames:N or frames:N@SIDE "
                 "(as JPEG pictures, evenly spaced), auto (frames:32 to api.openai.com, else part)")
      ->type_name("HOW")
      ->capture_default_str()
      ->group("Endpoint");
  CLI::Option* const record =
      app.add_option("--endpoint-record", endpoint.record,
                     "write all requests and replies to FILE, without keys; goes on with one that "
                     "is there")
          ->type_name("FILE")
          ->group("Endpoint");
  app.add_option("--endpoint-replay", endpoint.replay,
                 "answer from such a FILE instead of asking the endpoint")
      ->type_name("FILE")
      ->excludes(record)
      ->group("Endpoint");
}

ModelOptions ModelFlags::options() const {
  ModelOptions out;
  out.engine = engine;
  out.endpoint = endpoint;
  if (endpoint_extra.empty()) return out;
  try {
    out.endpoint.extra = parse_ordered_json(endpoint_extra, "--endpoint-extra");
  } catch (const Error& failure) {
    throw Error(ErrorCode::kUsage, failure.what());
  }
  if (!out.endpoint.extra.is_object()) {
    throw Error(ErrorCode::kUsage, "--endpoint-extra: not a JSON object");
  }
  return out;
}

void add_template_flags(CLI::App& app, TemplateFlags& flags) {
  app.add_option("--template-options", flags.options,
                 "more variables for the chat template, as a JSON object: "
                 "'{\"enable_thinking\": false}'")
      ->type_name("JSON")
      ->group("Prompt");
  app.add_option("--template-date", flags.date,
                 "the date (2026-11-26, or 2026-11-26T15:04:05) that a template which asks for it "
                 "is told [today; a run that continues keeps its own]")
      ->type_name("DATE")
      ->group("Prompt");
}

OrderedJson TemplateFlags::variables() const {
  if (options.empty()) return OrderedJson::object();
  OrderedJson value;
  try {
    value = parse_ordered_json(options, "--template-options");
  } catch (const Error& failure) {
    throw Error(ErrorCode::kUsage, failure.what());
  }
  if (!value.is_object()) {
    throw Error(ErrorCode::kUsage,
                "--template-options: not a JSON object\n  try: --template-options "
                "'{\"enable_thinking\": false}'");
  }
  return value;
}

void add_sampling_flags(CLI::App& app, SamplingFlags& flags) {
  app.add_option("--temperature", flags.given.temperature,
                 "0 is greedy [the checkpoint's generation_config.json]")
      ->group("Sampling");
  app.add_option("--top-k", flags.given.top_k, "keep the K most likely tokens; 0: off")
      ->group("Sampling");
  app.add_option("--top-p", flags.given.top_p, "keep the smallest set of probability P; 1: off")
      ->group("Sampling");
  app.add_option("--min-p", flags.given.min_p, "drop tokens under P times the most likely; 0: off")
      ->group("Sampling");
  app.add_option("--repetition-penalty", flags.given.repetition_penalty,
                 "divide the logits of tokens seen before, in prompt or answer; 1: off")
      ->group("Sampling");
  app.add_option("--presence-penalty", flags.given.presence_penalty,
                 "subtract this from the logits of tokens in the answer so far; 0: off")
      ->group("Sampling");
  app.add_option("--frequency-penalty", flags.given.frequency_penalty,
                 "the same, times how often each occurred; 0: off")
      ->group("Sampling");
  app.add_option("--logit-bias", flags.logit_bias, "add BIAS to a token's logit; repeatable")
      ->type_name("TOKEN=BIAS")
      ->allow_extra_args(false)
      ->group("Sampling");
}

SamplingOverrides SamplingFlags::overrides() const {
  SamplingOverrides out = given;
  for (const std::string& text : logit_bias) {
    const char* const end = text.data() + text.size();
    std::int32_t token = 0;
    float bias = 0;
    auto [at, error] = std::from_chars(text.data(), end, token);
    bool is_read = error == std::errc() && at != end && *at == '=';
    if (is_read) {
      const auto [stop, bias_error] = std::from_chars(at + 1, end, bias);
      is_read = bias_error == std::errc() && stop == end;
    }
    if (!is_read) {
      throw Error(ErrorCode::kUsage,
                  "--logit-bias: \"" + text +
                      "\" is not TOKEN=BIAS\n  try: --logit-bias 151643=-100 (peira tokenize "
                      "gives token ids)");
    }
    out.logit_bias.emplace_back(token, bias);
  }
  return out;
}

void add_format_flags(CLI::App& app, FormatFlags& flags) {
  app.add_option("--json-schema", flags.json_schema,
                 "file with a JSON Schema that answers obey (draft 2020-12; what is not "
                 "supported is refused)")
      ->type_name("FILE")
      ->group("Sampling");
  app.add_option("--regex", flags.regex, "regular expression that whole answers match")
      ->type_name("PATTERN")
      ->group("Sampling");
}

ResponseFormat FormatFlags::format() const {
  using Kind = ResponseFormat::Kind;
  if (!json_schema.empty() && !regex.empty()) {
    throw Error(ErrorCode::kUsage, "give the form of answers once: --json-schema or --regex");
  }
  if (!json_schema.empty()) {
    return {.kind = Kind::kJsonSchema,
            .schema = parse_ordered_json(read_file(json_schema), json_schema),
            .where = json_schema};
  }
  if (!regex.empty()) return {.kind = Kind::kRegex, .pattern = regex, .where = "--regex"};
  return {};
}

void prepare_format(const ResponseFormat& format, const std::function<void()>& prepare) {
  try {
    prepare();
  } catch (const Error& error) {
    const bool is_from_command = format.where == "--regex" && error.code() == ErrorCode::kData &&
                                 std::string_view(error.what()).starts_with(format.where);
    if (!is_from_command) throw;
    throw Error(ErrorCode::kUsage, error.what());
  }
}

}  // namespace peira::runner::cli
