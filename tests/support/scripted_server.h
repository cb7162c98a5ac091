// An HTTP server on loopback whose replies are scripted to the byte, faults included: what a client
// must survive. One thread over epoll, so that a thousand connections are as easy as one.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace peira::test {

struct ServedRequest {
  std::string method, target;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::int64_t number = 0;  // of all requests, from 0
};

// What is done with a request: after `delay_ms`, `bytes` are sent as they are, at once or a few at
// a time; then the connection stays open, or not.
struct ServedReply {
  std::string bytes;
  int delay_ms = 0;
  int drip_bytes = 0;  // 0: all at once
  int drip_ms = 0;
  bool close = false;
  bool reset = false;  // closes with RST, without sending

  // A whole reply of HTTP/1.1 with its length.
  static ServedReply of(int status, const std::string& body,
                        const std::string& content_type = "application/json",
                        const std::string& more_headers = "");
};

// threads: the handler is called on the server's own.
class ScriptedServer {
 public:
  using Handler = std::function<ServedReply(const ServedRequest&)>;
  explicit ScriptedServer(Handler handler);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  int port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/v1"; }
  std::int64_t num_requests() const { return requests_; }
  std::int64_t most_connections() const { return most_connections_; }

 private:
  struct Connection;
  void serve();
  void read_from(Connection& connection);
  void take_requests(Connection& connection);
  void send_due(Connection& connection);
  void drop(int socket, bool reset);

  Handler handler_;
  int listener_ = -1, epoll_ = -1, stop_event_ = -1;
  int port_ = 0;
  std::atomic<std::int64_t> requests_{0}, most_connections_{0};
  std::map<int, std::unique_ptr<Connection>> connections_;
  std::thread thread_;
};

}  // namespace peira::test
