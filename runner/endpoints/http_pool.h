// Many HTTP requests in flight at once on one thread: libcurl's multi interface over epoll, so that
// a turn costs what happened in it and not how many connections are open.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace peira::runner {

struct HttpRequest {
  std::string method = "POST";
  std::string url;
  std::vector<std::string> headers = {};  // "Name: value"
  std::string body = {};
  std::chrono::milliseconds connect_timeout{10'000};
  // Without a byte, either way; a server that computes an answer before it sends any needs as long.
  std::chrono::milliseconds idle_timeout{600'000};
  std::chrono::milliseconds timeout{0};  // of the whole exchange; 0: none
  std::size_t max_body_bytes = std::size_t{64} << 20U;
  // Given, the body of a 200 reply goes there piece by piece instead of into HttpReply::body; false
  // ends the exchange, as complete.
  std::function<bool(std::string_view)> on_piece = {};
};

// How an exchange failed before its reply was whole.
enum class HttpFailure {
  kNone,
  kAddress,   // no such host, not an URL: asking again will not help
  kConnect,   // refused, unreachable, or not in time
  kTls,       // the certificate is not trusted, or no TLS
  kBroken,    // closed, reset, or the reply ended early
  kTimeout,   // no byte for too long, or not whole in time
  kTooLarge,  // past max_body_bytes
  kProtocol,  // what came is not HTTP
};

struct HttpReply {
  HttpFailure failure = HttpFailure::kNone;
  std::string reason = {};  // one line, of `failure`
  long status = 0;
  std::map<std::string, std::string> headers =
      {};  // names in lower case; of repeated ones the last
  std::string body = {};
  double seconds = 0;             // from start to end
  double first_byte_seconds = 0;  // to the first byte of the reply
  std::int64_t connection = 0;    // equal for exchanges over one connection

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

// What exchanges requests for replies: the network, or a recording of it.
//
// threads: one.
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;

  // throws  Error: the exchange cannot even begin.
  virtual std::int64_t start(HttpRequest request) = 0;
  struct Finished {
    std::int64_t id;
    HttpReply reply;
  };
  // Moves everything on, waiting at most `patience` for something to happen; at once where nothing
  // is in flight. What on_piece throws is rethrown here.
  virtual std::vector<Finished> poll(std::chrono::milliseconds patience) = 0;
  // Drops an exchange; it does not finish any more.
  virtual void cancel(std::int64_t id) = 0;
  // No further exchange goes over this connection (HttpReply::connection): what may still come over
  // it answers nothing.
  virtual void retire(std::int64_t connection) = 0;
};

// Redirects are replies like others: what a header authorises stays with the host it was meant for.
// Proxies are taken from the environment as curl does.
// threads: one.
class HttpPool : public HttpTransport {
 public:
  // max_connections  exchanges beyond it wait for a free connection.
  // throws  Error(kUnavailable): libcurl or epoll cannot be had.
  explicit HttpPool(int max_connections);
  ~HttpPool() override;
  HttpPool(const HttpPool&) = delete;
  HttpPool& operator=(const HttpPool&) = delete;

  std::int64_t start(HttpRequest request) override;
  std::vector<Finished> poll(std::chrono::milliseconds patience) override;
  void cancel(std::int64_t id) override;
  void retire(std::int64_t connection) override;
  std::size_t in_flight() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace peira::runner
