// peira serve: the engine as an OpenAI-compatible server.

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/hash.h"
#include "model/text/language_model.h"
#include "runner/cli/command.h"
#include "runner/cli/model_options.h"
#include "runner/endpoints/engine_client.h"
#include "runner/endpoints/open_model.h"
#include "runner/monitor/alert_watch.h"
#include "runner/monitor/request_log.h"
#include "runner/monitor/served_requests.h"
#include "runner/serve/server.h"
#include "runner/store.h"

namespace peira::runner::cli {
namespace {

struct ServeFlags {
  ModelFlags model;
  std::string host = "127.0.0.1", name, key_variable, store, rules;
  bool monitor = false, no_monitor = false;
  int port = 8000, most_requests = 256;
  double grace_s = 30;
};

std::atomic<int> signals{0};
void count_signal(int) { ++signals; }

// Weights and engine: what answers depend on besides the request.
std::string fingerprint_of(const model::CheckpointFiles& files, model::LanguageModel& model,
                           const ModelFlags& flags) {
  return "peira-" +
         sha256_hex(digest_of_weights(files) + "|" + model.engine().backend_name() + "|" +
                    PEIRA_VERSION + "|" + std::to_string(static_cast<int>(flags.engine.weights)) +
                    "|" + std::to_string(static_cast<int>(flags.engine.kv_dtype)) + "|" +
                    std::to_string(flags.engine.num_experts_per_tok))
             .substr(0, 16);
}

// Where requests are recorded; null where that was not asked for and cannot be.
std::unique_ptr<RequestLog> open_request_log(const ServeFlags& flags, const std::string& model) {
  if (flags.no_monitor) return nullptr;
  try {
    return std::make_unique<RequestLog>(
        flags.store.empty() ? Store::default_path() : std::filesystem::path(flags.store),
        RequestLogOptions{.source = "serve", .model = model, .on_trouble = note});
  } catch (const Error& error) {
    if (flags.monitor || !flags.rules.empty() || !flags.store.empty()) throw;
    const std::string text = error.what();
    note("warning: requests are not recorded: " + text.substr(0, text.find('\n')));
    return nullptr;
  }
}

int serve(const ServeFlags& flags) {
  std::optional<AlertRules> rules;
  if (!flags.rules.empty()) {
    if (flags.no_monitor) {
      throw Error(ErrorCode::kUsage, "--rules and --no-monitor contradict each other");
    }
    rules = read_alert_rules(flags.rules);
  }
  ServerOptions options;
  options.host = flags.host;
  options.port = flags.port;
  options.most_requests = flags.most_requests;
  if (!flags.key_variable.empty()) {
    const char* const key = std::getenv(flags.key_variable.c_str());
    if (key == nullptr || *key == '\0') {
      throw Error(ErrorCode::kUnavailable,
                  "the environment variable " + flags.key_variable + " is not set");
    }
    options.api_key = key;
  }
  const bool is_local =
      flags.host == "127.0.0.1" || flags.host == "localhost" || flags.host == "::1";
  if (!is_local && options.api_key.empty()) {
    note("warning: anyone who reaches " + flags.host +
         " may use this server (--api-key-env asks for a key)");
  }
  const model::CheckpointFiles files = open_checkpoint(flags.model.model);
  model::LanguageModel model(files, flags.model.engine);
  if (!model.has_tokenizer()) {
    throw Error(ErrorCode::kData,
                files.where("tokenizer.json") + ": absent, and requests are text");
  }
  for (const std::string& line : model.engine().notes()) note(line);
  options.model_name = flags.name;
  if (options.model_name.empty()) {
    options.model_name = flags.model.model;
    std::error_code error;
    const std::filesystem::path whole = std::filesystem::canonical(flags.model.model, error);
    if (!is_bundled(flags.model.model) && !error) options.model_name = whole.filename().string();
  }
  options.fingerprint = fingerprint_of(files, model, flags.model);
  const std::unique_ptr<RequestLog> log = open_request_log(flags, options.model_name);
  if (log) {
    options.on_request = [&](const ServedRequest& request) {
      log->record(request_record_of(request));
    };
    options.num_dropped = [&] { return log->num_dropped(); };
  }
  Server server(model, options);
  std::optional<BackgroundWatch> watch;
  if (rules) {
    watch.emplace(std::move(*rules),
                  flags.store.empty() ? Store::default_path() : std::filesystem::path(flags.store),
                  note);
  }
  std::signal(SIGINT, count_signal);
  std::signal(SIGTERM, count_signal);
  note("serving " + options.model_name + " on " + model.engine().backend_name() + " at http://" +
       flags.host + ":" + std::to_string(server.port()) + "/v1");
  std::atomic<bool> ended{false};
  std::thread answering([&] {
    server.serve();
    ended = true;
  });
  const auto wait_for = [&](int count) {
    while (signals < count && !ended) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  };
  wait_for(1);
  bool all = true;
  if (!ended) {
    server.stop_accepting();
    note("stopping: " + std::to_string(server.num_open()) +
         " requests are answered to their end, for at most " +
         std::to_string(static_cast<int>(flags.grace_s)) + " s; a second signal stops at once");
    std::thread finishing([&] { all = server.finish(flags.grace_s); });
    wait_for(2);
    if (signals >= 2 && !ended) {
      if (log) log->flush(std::chrono::milliseconds(500));
      std::_Exit(kIncomplete);
    }
    finishing.join();
  }
  answering.join();
  return all ? kPassed : kIncomplete;
}

}  // namespace

Command add_serve(CLI::App& root) {
  CLI::App* app = add_subcommand(root, "serve", "Answer over the OpenAI protocol",
                                 R"(Examples  peira serve
          peira serve --model ./Qwen3-30B-A3B --host 0.0.0.0 --port 8080 --api-key-env SERVER_KEY
          curl http://127.0.0.1:8000/v1/chat/completions -H 'Content-Type: application/json' \
            -d '{"messages": [{"role": "user", "content": "What is 17 + 25?"}]}'
          peira run gpqa --model openai:bundled@http://127.0.0.1:8000/v1
          peira serve --rules default      tells when answers are slow or fail; peira monitor report
Paths     POST /v1/chat/completions, /v1/completions (echo with logprobs: lm-evaluation-harness's
          local-completions runs against it), /tokenize, /detokenize; GET /v1/models, /health,
          /metrics (Prometheus)
Sampling  what a request leaves out is the checkpoint's generation_config.json, greedy where that is
          silent; chats without max_tokens may fill the context
Media     parts of type image_url, input_audio, audio_url and video_url (data: URLs; nothing is
          fetched), for models that see, hear or watch; "mm_processor_kwargs":
          {"use_audio_in_video": true} lets videos come with their sound
Tools     "tools" of a chat reach the template, and calls that the model writes come as "tool_calls",
          for templates of the Hermes and Qwen, Llama 3, Mistral and gpt-oss kinds
Exit      0 stopped, every request answered; 4 the port is in use; 5 requests were cut off)");
  const auto flags = std::make_shared<ServeFlags>();
  add_model_flags(*app, flags->model);
  app->add_option("--host", flags->host, "address to listen on")
      ->capture_default_str()
      ->group("Server");
  app->add_option("--port", flags->port, "port; 0 takes a free one and says which")
      ->capture_default_str()
      ->check(CLI::Range(0, 65'535))
      ->group("Server");
  app->add_option("--name", flags->name, "the model's name for clients [its folder's]")
      ->group("Server");
  app->add_option("--max-requests", flags->most_requests,
                  "requests answered or waiting at once; more get 429")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000))
      ->group("Server");
  app->add_option("--api-key-env", flags->key_variable,
                  "environment variable with the key that clients must send")
      ->type_name("NAME")
      ->group("Server");
  app->add_option("--grace", flags->grace_s, "seconds that open requests have when it is stopped")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 86'400.0))
      ->group("Server");
  app->add_flag("--monitor", flags->monitor,
                "record every request's time, tokens and outcome in the store (never its text); on "
                "by itself where the store can be written")
      ->group("Monitor");
  app->add_flag("--no-monitor", flags->no_monitor, "record nothing")
      ->excludes("--monitor")
      ->group("Monitor");
  app->add_option("--rules", flags->rules,
                  "alert rules to watch (peira monitor rules), or \"default\"")
      ->type_name("FILE")
      ->group("Monitor");
  app->add_option("--store", flags->store, "the file requests are kept in [the user's data folder]")
      ->group("Monitor");
  return {app, [flags] { return serve(*flags); }};
}

}  // namespace peira::runner::cli
