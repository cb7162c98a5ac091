#include "runner/viewer/server.h"

#include <httplib.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "base/embedded.h"
#include "base/error.h"
#include "runner/viewer/api.h"

namespace peira {
std::span<const EmbeddedFile> embedded_viewer();
}

namespace peira::runner::viewer {
namespace {

constexpr int kUsualPort = 7357;
constexpr int kPortsTried = 40;
constexpr int kNumThreads = 8;

constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// Addresses of pages. The script reads the rest of the address itself.
constexpr std::array<std::string_view, 7> kPages{"/",     "/run",         "/sample",    "/compare",
                                                 "/pair", "/experiments", "/experiment"};

const EmbeddedFile* find_asset(std::string_view name) {
  for (const EmbeddedFile& file : embedded_viewer()) {
    if (file.name == name) return &file;
  }
  return nullptr;
}

std::string asset_type(std::string_view name) {
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "text/html; charset=utf-8";
}

void send(const EmbeddedFile& file, httplib::Response& response) {
  response.set_content(reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size(),
                       asset_type(file.name));
}

bool is_loopback(const std::string& host) {
  return host == "127.0.0.1" || host == "::1" || host == "localhost";
}

}  // namespace

struct Server::State {
  State(const ServerOptions& given, const std::string& bound)
      : options(given), host(bound), api(given.store, given.experiments) {}

  void serve(const httplib::Request& request, httplib::Response& response);
  void accept_hosts() {
    const std::string end = ":" + std::to_string(port);
    hosts = {"127.0.0.1" + end, "localhost" + end, "[::1]" + end};
  }

  ServerOptions options;
  std::string host;  // an address
  int port = 0;
  std::set<std::string> hosts;  // that a request may name
  Api api;
  httplib::Server http;
};

void Server::State::serve(const httplib::Request& request, httplib::Response& response) {
  const auto refuse = [&](int status, const std::string& why) {
    response.status = status;
    response.set_content(why + "\n", "text/plain; charset=utf-8");
  };
  if (!hosts.contains(request.get_header_value("Host")) ||
      request.get_header_value_count("Host") != 1) {
    return refuse(403,
                  "this viewer answers under its own address only: http://" + *hosts.begin() + "/");
  }
  if (request.method != "GET" && request.method != "HEAD") {
    response.set_header("Allow", "GET, HEAD");
    return refuse(405, "the viewer only reads: GET and HEAD");
  }
  if (request.path.starts_with("/api/")) {
    Reply reply = api.get(request.path, Parameters(request.params.begin(), request.params.end()));
    response.status = reply.status;
    response.set_content(std::move(reply.body), reply.content_type);
    return;
  }
  constexpr std::string_view kAssets = "/assets/";
  if (request.path.starts_with(kAssets)) {
    if (const EmbeddedFile* file = find_asset(request.path.substr(kAssets.size()))) {
      return send(*file, response);
    }
  }
  for (const std::string_view page : kPages) {
    if (request.path == page) return send(*find_asset("index.html"), response);
  }
  refuse(404, "there is nothing here");
}

Server::Server(const ServerOptions& options) {
  if (!is_loopback(options.host)) {
    throw Error(ErrorCode::kUsage,
                "--host " + options.host +
                    ": the viewer shows transcripts to whoever reaches it, so it listens on this "
                    "machine only\n  try: --host 127.0.0.1, and from afar ssh -L "
                    "7357:127.0.0.1:7357 THIS_MACHINE");
  }
  const std::string address = options.host == "localhost" ? "127.0.0.1" : options.host;
  state_ = std::make_unique<State>(options, address);
  httplib::Server& http = state_->http;
  http.new_task_queue = [] { return new httplib::ThreadPool(kNumThreads); };
  // The library's own choice is SO_REUSEPORT, by which a second viewer would share the port and
  // take every other request.
  http.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
  http.set_tcp_nodelay(true);  // else a reply's head waits 40 ms for the acknowledgement
  http.set_keep_alive_timeout(2);
  http.set_keep_alive_max_count(1000);
  http.set_read_timeout(10);
  http.set_write_timeout(30);
  http.set_payload_max_length(1024);
  http.set_default_headers({{"Content-Security-Policy", kPolicy},
                            {"X-Content-Type-Options", "nosniff"},
                            {"X-Frame-Options", "DENY"},
                            {"Referrer-Policy", "no-referrer"},
                            {"Cross-Origin-Resource-Policy", "same-origin"},
                            {"Cross-Origin-Opener-Policy", "same-origin"},
                            {"Cache-Control", "no-store"}});
  // Everything is answered ahead of the library's routes, which match paths by regular expressions.
  http.set_pre_routing_handler(
      [state = state_.get()](const httplib::Request& request, httplib::Response& response) {
        state->serve(request, response);
        return httplib::Server::HandlerResponse::Handled;
      });

  const auto bind = [&](int port) {
    errno = 0;
    if (port == 0) {
      state_->port = http.bind_to_any_port(address);
      return state_->port > 0;
    }
    state_->port = port;
    return http.bind_to_port(address, port);
  };
  if (options.port) {
    if (*options.port < 0 || *options.port > 65535) {
      throw Error(ErrorCode::kUsage,
                  "--port " + std::to_string(*options.port) + ": ports go from 0 (any) to 65535");
    }
    if (!bind(*options.port)) {
      const bool not_permitted = errno == EACCES;
      throw Error(ErrorCode::kUnavailable,
                  address + ":" + std::to_string(*options.port) +
                      (not_permitted ? ": this port needs privileges" : ": the port is in use") +
                      "\n  try: leave --port out to take a free one");
    }
  } else {
    bool bound = false;
    for (int i = 0; i < kPortsTried && !bound; ++i) bound = bind(kUsualPort + i);
    if (!bound && !bind(0)) {
      throw Error(ErrorCode::kUnavailable, address + ": no port can be opened to listen on");
    }
  }
  state_->accept_hosts();
}

Server::~Server() = default;

int Server::port() const { return state_->port; }

std::string Server::url() const {
  const bool v6 = state_->host.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + state_->host + "]" : state_->host) + ":" +
         std::to_string(state_->port) + "/";
}

void Server::run() { state_->http.listen_after_bind(); }
void Server::stop() { state_->http.stop(); }

}  // namespace peira::runner::viewer
