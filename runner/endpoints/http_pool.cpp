#include "runner/endpoints/http_pool.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <deque>
#include <exception>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/error.h"

namespace peira::runner {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxHeaders = 200;
constexpr std::chrono::milliseconds kBetweenSweeps{100};

HttpFailure failure_of(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return HttpFailure::kNone;
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
      return HttpFailure::kAddress;
    case CURLE_COULDNT_CONNECT:
      return HttpFailure::kConnect;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_ENGINE_NOTFOUND:
      return HttpFailure::kTls;
    case CURLE_OPERATION_TIMEDOUT:
      return HttpFailure::kTimeout;
    case CURLE_UNSUPPORTED_PROTOCOL:
      return HttpFailure::kProtocol;
    case CURLE_FILESIZE_EXCEEDED:
      return HttpFailure::kTooLarge;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_HTTP2:
      return HttpFailure::kProtocol;
    default:
      return HttpFailure::kBroken;
  }
}

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  return text;
}

struct HeaderList {
  explicit HeaderList(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
      curl_slist* const longer = curl_slist_append(list, line.c_str());
      if (longer == nullptr) {
        curl_slist_free_all(list);
        throw Error(ErrorCode::kUnavailable, "out of memory");
      }
      list = longer;
    }
  }
  ~HeaderList() { curl_slist_free_all(list); }
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  curl_slist* list = nullptr;
};

struct Exchange {
  Exchange(std::int64_t number, HttpRequest what)
      : id(number), request(std::move(what)), headers(request.headers) {}

  std::int64_t id;
  HttpRequest request;
  HeaderList headers;
  CURL* handle = nullptr;
  HttpReply reply;
  Clock::time_point started_at = Clock::now();
  std::int64_t num_received = 0;  // bytes, of headers too
  // What had come and gone when it was last looked at, and since when there was no more.
  std::int64_t num_moved = 0;
  Clock::time_point moved_at = started_at;
  std::array<char, CURL_ERROR_SIZE> reason{};
  bool too_large = false, ended_by_caller = false;
  std::exception_ptr thrown;
};

// libcurl's callbacks: nothing may be thrown through C frames.
std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) noexcept {
  auto& exchange = *static_cast<Exchange*>(user);
  exchange.num_received += static_cast<std::int64_t>(size);
  try {
    std::string_view line(data, size);
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) {  // after "100 Continue" and the like another block follows
      exchange.reply.headers.clear();
      return size;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || exchange.reply.headers.size() >= kMaxHeaders) {
      return size;
    }
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    exchange.reply.headers[std::move(name)] = std::string(value);
    return size;
  } catch (...) {
    exchange.thrown = std::current_exception();
    return 0;
  }
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) noexcept {
  auto& exchange = *static_cast<Exchange*>(user);
  exchange.num_received += static_cast<std::int64_t>(size);
  try {
    if (exchange.request.on_piece) {
      curl_easy_getinfo(exchange.handle, CURLINFO_RESPONSE_CODE, &exchange.reply.status);
      if (exchange.reply.status == 200) {
        exchange.ended_by_caller = !exchange.request.on_piece({data, size});
        return exchange.ended_by_caller ? 0 : size;
      }
    }
    if (exchange.reply.body.size() + size > exchange.request.max_body_bytes) {
      exchange.too_large = true;
      return 0;
    }
    exchange.reply.body.append(data, size);
    return size;
  } catch (...) {
    exchange.thrown = std::current_exception();
    return 0;
  }
}

}  // namespace

struct HttpPool::Impl {
  explicit Impl(int max_connections);
  ~Impl();

  CURL* take_handle();
  void begin(Exchange& exchange);
  void act(curl_socket_t socket, int events);
  void collect();
  void sweep();
  // What is done, at most one of each connection at a time.
  void hand_over(std::vector<Finished>& out);
  void finish(CURL* handle, CURLcode code);
  void release(Exchange& exchange);

  static int on_socket(CURL*, curl_socket_t socket, int what, void* user, void* known) noexcept;
  static int on_timer(CURLM*, long timeout_ms, void* user) noexcept;

  CURLM* multi = nullptr;
  int epoll = -1;
  std::optional<Clock::time_point> wake_at;  // libcurl's timer
  std::map<std::int64_t, std::unique_ptr<Exchange>> exchanges;
  std::map<std::int64_t, curl_socket_t> sockets;  // by connection, as last seen
  // libcurl gives a connection to the next exchange before anybody is told of the last. So replies
  // over one are handed over one by one, and those over one that was given up are none.
  struct Done {
    Finished finished;
    bool is_reused;  // the connection is older than the exchange
  };
  std::deque<Done> done;
  std::set<std::int64_t> retired;
  std::vector<CURL*> spare;
  std::int64_t next_id = 1;
  Clock::time_point swept_at{};
};

HttpPool::Impl::Impl(int max_connections) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  epoll = ::epoll_create1(EPOLL_CLOEXEC);
  multi = curl_multi_init();
  if (started != CURLE_OK || multi == nullptr || epoll < 0) {
    if (epoll >= 0) ::close(epoll);
    curl_multi_cleanup(multi);
    throw Error(ErrorCode::kUnavailable, "libcurl cannot be started");
  }
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(max_connections));
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(max_connections));
}

HttpPool::Impl::~Impl() {
  for (auto& [id, exchange] : exchanges) {
    curl_multi_remove_handle(multi, exchange->handle);
    curl_easy_cleanup(exchange->handle);
  }
  for (CURL* const handle : spare) curl_easy_cleanup(handle);
  curl_multi_cleanup(multi);
  ::close(epoll);
}

int HttpPool::Impl::on_socket(CURL*, curl_socket_t socket, int what, void* user,
                              void* known) noexcept {
  auto& self = *static_cast<Impl*>(user);
  if (what == CURL_POLL_REMOVE) {
    ::epoll_ctl(self.epoll, EPOLL_CTL_DEL, socket, nullptr);
    return 0;
  }
  epoll_event event{};
  event.data.fd = socket;
  if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
  if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
  const int deed = known != nullptr ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (::epoll_ctl(self.epoll, deed, socket, &event) != 0) {
    // A socket's number may come back before its removal is told.
    ::epoll_ctl(self.epoll, deed == EPOLL_CTL_ADD ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event);
  }
  if (known == nullptr) curl_multi_assign(self.multi, socket, &self);
  return 0;
}

int HttpPool::Impl::on_timer(CURLM*, long timeout_ms, void* user) noexcept {
  auto& self = *static_cast<Impl*>(user);
  if (timeout_ms < 0) {
    self.wake_at.reset();
  } else {
    self.wake_at = Clock::now() + std::chrono::milliseconds(timeout_ms);
  }
  return 0;
}

CURL* HttpPool::Impl::take_handle() {
  CURL* handle = nullptr;
  if (spare.empty()) {
    handle = curl_easy_init();
    if (handle == nullptr) throw Error(ErrorCode::kUnavailable, "out of memory");
  } else {
    handle = spare.back();
    spare.pop_back();
  }
  return handle;
}

void HttpPool::Impl::begin(Exchange& exchange) {
  CURL* const handle = exchange.handle = take_handle();
  const HttpRequest& request = exchange.request;
  // Small buffers: a thousand connections are open at once, and answers are short.
  constexpr long kBufferBytes = 8192;
  curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, exchange.headers.list);
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "peira/" PEIRA_VERSION);
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(request.connect_timeout.count()));
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, exchange.reason.data());
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_PRIVATE, &exchange);
  if (request.method == "POST") {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
  } else {
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  if (const CURLMcode code = curl_multi_add_handle(multi, handle); code != CURLM_OK) {
    throw Error(ErrorCode::kUnavailable, std::string("libcurl: ") + curl_multi_strerror(code));
  }
}

void HttpPool::Impl::act(curl_socket_t socket, int events) {
  int running = 0;
  const CURLMcode code = curl_multi_socket_action(multi, socket, events, &running);
  if (code != CURLM_OK && code != CURLM_BAD_SOCKET) {
    throw Error(ErrorCode::kUnavailable, std::string("libcurl: ") + curl_multi_strerror(code));
  }
}

void HttpPool::Impl::release(Exchange& exchange) {
  curl_multi_remove_handle(multi, exchange.handle);
  // At once, not when it is taken again: it points into the exchange, which ends here.
  curl_easy_reset(exchange.handle);
  spare.push_back(exchange.handle);
  exchanges.erase(exchange.id);
}

void HttpPool::Impl::finish(CURL* handle, CURLcode code) {
  void* user = nullptr;
  curl_easy_getinfo(handle, CURLINFO_PRIVATE, &user);
  auto& exchange = *static_cast<Exchange*>(user);
  const std::exception_ptr thrown = exchange.thrown;
  HttpReply reply = std::move(exchange.reply);
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &reply.status);
  curl_off_t first_byte_us = 0;
  curl_easy_getinfo(handle, CURLINFO_STARTTRANSFER_TIME_T, &first_byte_us);
  long port = 0;
  curl_easy_getinfo(handle, CURLINFO_LOCAL_PORT, &port);
  reply.connection = port;
  curl_socket_t socket = CURL_SOCKET_BAD;
  if (curl_easy_getinfo(handle, CURLINFO_ACTIVESOCKET, &socket) == CURLE_OK &&
      socket != CURL_SOCKET_BAD) {
    sockets[port] = socket;
  }
  reply.first_byte_seconds = static_cast<double>(first_byte_us) * 1e-6;
  reply.seconds = std::chrono::duration<double>(Clock::now() - exchange.started_at).count();
  long num_connects = 0;
  curl_easy_getinfo(handle, CURLINFO_NUM_CONNECTS, &num_connects);
  if (exchange.ended_by_caller) code = CURLE_OK;
  if (exchange.too_large) code = CURLE_FILESIZE_EXCEEDED;
  reply.failure = failure_of(code);
  if (exchange.too_large) {
    reply.reason =
        "a reply of more than " + std::to_string(exchange.request.max_body_bytes) + " bytes";
  } else if (code != CURLE_OK) {
    reply.reason =
        one_line(exchange.reason[0] != '\0' ? exchange.reason.data() : curl_easy_strerror(code));
    // Before a connection there is nothing that could be slow.
    curl_off_t connected_us = 0;
    curl_easy_getinfo(handle, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
    if (reply.failure == HttpFailure::kTimeout && connected_us == 0) {
      reply.failure = HttpFailure::kConnect;
    }
  }
  const std::int64_t id = exchange.id;
  release(exchange);
  if (thrown) std::rethrow_exception(thrown);
  done.push_back({{id, std::move(reply)}, num_connects == 0});
}

void HttpPool::Impl::hand_over(std::vector<Finished>& out) {
  std::set<std::int64_t> in_hand;
  std::deque<Done> kept;
  for (Done& one : done) {
    HttpReply& reply = one.finished.reply;
    if (reply.connection != 0 && !in_hand.insert(reply.connection).second) {
      kept.push_back(std::move(one));
      continue;
    }
    if (retired.contains(reply.connection)) {
      if (!one.is_reused) {
        retired.erase(reply.connection);  // its port is another connection's by now
      } else if (reply.failure == HttpFailure::kNone) {
        reply.failure = HttpFailure::kBroken;
        reply.reason = "a reply over a connection that was given up";
      }
    }
    out.push_back(std::move(one.finished));
  }
  done = std::move(kept);
}

void HttpPool::Impl::collect() {
  int left = 0;
  while (CURLMsg* const message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    finish(message->easy_handle, message->data.result);
  }
}

// Ends exchanges that stand still. libcurl's own limit compares a mean speed over six seconds, so
// that a reply which stops is held for that much longer than was asked for.
void HttpPool::Impl::sweep() {
  const Clock::time_point now = Clock::now();
  if (now - swept_at < kBetweenSweeps) return;
  swept_at = now;
  std::vector<Exchange*> still;
  for (const auto& [id, exchange] : exchanges) {
    curl_off_t connected_us = 0, sent = 0;
    curl_easy_getinfo(exchange->handle, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
    curl_easy_getinfo(exchange->handle, CURLINFO_SIZE_UPLOAD_T, &sent);
    const std::int64_t num_moved = exchange->num_received + sent;
    // What has no connection yet has a limit of its own.
    if (connected_us == 0 || num_moved != exchange->num_moved) {
      exchange->num_moved = num_moved;
      exchange->moved_at = now;
    } else if (now - exchange->moved_at >= exchange->request.idle_timeout) {
      still.push_back(exchange.get());
    }
  }
  for (Exchange* const exchange : still) {
    char reason[80];
    std::snprintf(reason, sizeof reason, "no byte for %.10g s",
                  std::chrono::duration<double>(exchange->request.idle_timeout).count());
    exchange->reason.fill(0);
    std::copy_n(reason, std::char_traits<char>::length(reason), exchange->reason.begin());
    finish(exchange->handle, CURLE_OPERATION_TIMEDOUT);
  }
}

HttpPool::HttpPool(int max_connections) : impl_(std::make_unique<Impl>(max_connections)) {}
HttpPool::~HttpPool() = default;

std::int64_t HttpPool::start(HttpRequest request) {
  const std::int64_t id = impl_->next_id++;
  auto exchange = std::make_unique<Exchange>(id, std::move(request));
  impl_->begin(*exchange);
  impl_->exchanges.emplace(id, std::move(exchange));
  return id;
}

std::vector<HttpPool::Finished> HttpPool::poll(std::chrono::milliseconds patience) {
  std::vector<Finished> out;
  Impl& self = *impl_;
  self.hand_over(out);
  if (!out.empty() || self.exchanges.empty()) return out;
  const Clock::time_point until = Clock::now() + patience;
  std::array<epoll_event, 256> events;
  do {
    const Clock::time_point now = Clock::now();
    Clock::time_point wake = until;
    if (self.wake_at) wake = std::min(wake, *self.wake_at);
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(wake - now).count();
    const int count =
        ::epoll_wait(self.epoll, events.data(), static_cast<int>(events.size()),
                     static_cast<int>(std::clamp<std::int64_t>(wait, 0, patience.count())));
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      int what = 0;
      if ((event.events & (EPOLLIN | EPOLLHUP)) != 0) what |= CURL_CSELECT_IN;
      if ((event.events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
      if ((event.events & EPOLLERR) != 0) what |= CURL_CSELECT_ERR;
      self.act(event.data.fd, what);
    }
    if (self.wake_at && Clock::now() >= *self.wake_at) {
      self.wake_at.reset();
      self.act(CURL_SOCKET_TIMEOUT, 0);
    }
    self.collect();
    self.sweep();
    self.hand_over(out);
  } while (out.empty() && !self.exchanges.empty() && Clock::now() < until);
  return out;
}

void HttpPool::cancel(std::int64_t id) {
  const auto found = impl_->exchanges.find(id);
  if (found != impl_->exchanges.end()) impl_->release(*found->second);
}

void HttpPool::retire(std::int64_t connection) {
  impl_->retired.insert(connection);
  const auto found = impl_->sockets.find(connection);
  if (found == impl_->sockets.end()) return;
  const curl_socket_t socket = found->second;
  impl_->sockets.erase(found);
  // libcurl may have closed it, and its number may be another's by now: its port tells.
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return;
  std::int64_t port = 0;
  if (address.ss_family == AF_INET) {
    port = ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  } else if (address.ss_family == AF_INET6) {
    port = ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  }
  // libcurl lets no one close a connection that it keeps; it finds this one at its end before it
  // would use it again.
  if (port == connection) ::shutdown(socket, SHUT_RDWR);
}

std::size_t HttpPool::in_flight() const { return impl_->exchanges.size(); }

}  // namespace peira::runner
