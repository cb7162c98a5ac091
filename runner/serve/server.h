// The bundled engine as an OpenAI-compatible server.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "model/text/language_model.h"
#include "runner/serve/metrics.h"

namespace peira::runner {

struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 8000;               // 0: any that is free
  std::string model_name;        // as clients call it
  std::string api_key = {};      // "": none is asked for
  int most_requests = 256;       // taken or waiting at once; more are turned away with 429
  std::string fingerprint = {};  // of weights and engine, told as system_fingerprint
  // Called, from any thread, with each request of the two APIs as it ended.
  std::function<void(const ServedRequest&)> on_request = {};
  // How many of those could not be kept, for /metrics; {}: nobody keeps them.
  std::function<std::int64_t()> num_dropped = {};
};

// POST /v1/chat/completions and /v1/completions, streamed or whole; GET /v1/models, /health,
// /metrics; POST /tokenize and /detokenize. A request's answer does not depend on the others.
//
// threads: stop_accepting() and finish() from any thread.
class Server {
 public:
  // Binds the port; serve() then answers.
  // throws  Error(kUnavailable): the port is in use, or not this user's to bind.
  Server(model::LanguageModel& model, ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const;
  // Answers until finish().
  void serve();
  // New requests are turned away with 503; those that were taken go on.
  void stop_accepting();
  // Waits at most `grace_s` for the open requests, cancels what is left, and ends serve().
  // Returns whether all came to their end.
  bool finish(double grace_s);
  int num_open() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace peira::runner
