// The viewer's web server: pages out of the binary, data out of the API, to this machine only.
//
// What keeps transcripts private. It listens on a loopback address and refuses any other. A request
// must name that address and port as its Host, so that a foreign page whose name is made to resolve
// to this machine reads nothing. It only takes GET and HEAD. No part of a request is a path on
// disk: pages and scripts come by exact name out of the binary, data by run and row out of the
// store. What models wrote is sent as JSON, put on pages as text, and a policy allows scripts from
// here alone, so that none in it runs.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace peira::runner::viewer {

struct ServerOptions {
  std::filesystem::path store;
  std::filesystem::path experiments = {};  // their file; it need not exist
  std::string host = "127.0.0.1";          // or "::1", "localhost"
  std::optional<int> port;  // 0 takes any free one; empty the usual, or the next free one
};

// threads: stop() from any, all else by one.
class Server {
 public:
  // Binds.
  // throws Error(kUsage): a host that is not loopback; Error(kUnavailable): the port is in use or
  // not
  //        permitted; as Store does.
  explicit Server(const ServerOptions& options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const;
  std::string url() const;  // "http://127.0.0.1:7357/"

  // Serves until stop().
  void run();
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace peira::runner::viewer
