#include "tests/support/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <deque>
#include <stdexcept>
#include <utility>

namespace peira::test {
namespace {

using Clock = std::chrono::steady_clock;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

struct ScriptedServer::Connection {
  int socket = -1;
  std::string input;
  struct Pending {
    ServedReply reply;
    std::size_t sent = 0;
    Clock::time_point due;
  };
  std::deque<Pending> pending;
};

ServedReply ServedReply::of(int status, const std::string& body, const std::string& content_type,
                            const std::string& more_headers) {
  ServedReply out;
  out.bytes = "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: " + content_type +
              "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + more_headers +
              "\r\n" + body;
  return out;
}

ScriptedServer::ScriptedServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || ::bind(listener_, any, size) != 0 || ::listen(listener_, 4096) != 0 ||
      ::getsockname(listener_, any, &size) != 0) {
    throw std::runtime_error("no port on loopback");
  }
  port_ = ntohs(address.sin_port);
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  stop_event_ = ::eventfd(0, EFD_CLOEXEC);
  for (const int watched : {listener_, stop_event_}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = watched;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, watched, &event);
  }
  thread_ = std::thread([this] { serve(); });
}

ScriptedServer::~ScriptedServer() {
  const std::uint64_t one = 1;
  static_cast<void>(::write(stop_event_, &one, sizeof one) == sizeof one);
  thread_.join();
  for (const auto& [socket, connection] : connections_) ::close(socket);
  for (const int open : {listener_, epoll_, stop_event_}) ::close(open);
}

void ScriptedServer::serve() {
  std::array<epoll_event, 256> events;
  while (true) {
    Clock::time_point wake = Clock::now() + std::chrono::milliseconds(50);
    for (const auto& [socket, connection] : connections_) {
      if (!connection->pending.empty()) wake = std::min(wake, connection->pending.front().due);
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(wake - Clock::now()).count();
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                   static_cast<int>(std::clamp<std::int64_t>(wait, 0, 50)));
    for (int i = 0; i < count; ++i) {
      const int socket = events[static_cast<std::size_t>(i)].data.fd;
      if (socket == stop_event_) return;
      if (socket == listener_) {
        for (int accepted = 0; (accepted = ::accept4(listener_, nullptr, nullptr,
                                                     SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
          const int yes = 1;
          ::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
          epoll_event event{};
          event.events = EPOLLIN;
          event.data.fd = accepted;
          ::epoll_ctl(epoll_, EPOLL_CTL_ADD, accepted, &event);
          auto connection = std::make_unique<Connection>();
          connection->socket = accepted;
          connections_.emplace(accepted, std::move(connection));
          most_connections_ = std::max<std::int64_t>(most_connections_, std::ssize(connections_));
        }
        continue;
      }
      if (const auto found = connections_.find(socket); found != connections_.end()) {
        read_from(*found->second);
      }
    }
    std::vector<int> open;
    const Clock::time_point now = Clock::now();
    for (const auto& [socket, connection] : connections_) {
      if (!connection->pending.empty() && connection->pending.front().due <= now) {
        open.push_back(socket);
      }
    }
    for (const int socket : open) {
      if (const auto found = connections_.find(socket); found != connections_.end()) {
        send_due(*found->second);
      }
    }
  }
}

void ScriptedServer::read_from(Connection& connection) {
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t size = ::read(connection.socket, buffer.data(), buffer.size());
    if (size > 0) {
      connection.input.append(buffer.data(), static_cast<std::size_t>(size));
    } else if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
      break;
    } else {
      return drop(connection.socket, false);
    }
  }
  take_requests(connection);
}

void ScriptedServer::take_requests(Connection& connection) {
  while (true) {
    const std::size_t end = connection.input.find("\r\n\r\n");
    if (end == std::string::npos) return;
    ServedRequest request;
    std::size_t at = connection.input.find("\r\n");
    const std::string first = connection.input.substr(0, at);
    request.method = first.substr(0, first.find(' '));
    request.target = first.substr(request.method.size() + 1);
    request.target.resize(request.target.find(' '));
    while (at < end) {
      const std::size_t next = connection.input.find("\r\n", at + 2);
      const std::string line = connection.input.substr(at + 2, next - at - 2);
      const std::size_t colon = line.find(':');
      const std::size_t value = line.find_first_not_of(' ', colon + 1);
      if (colon != std::string::npos) {
        request.headers[lower(line.substr(0, colon))] =
            value == std::string::npos ? std::string() : line.substr(value);
      }
      at = next;
    }
    const auto length = request.headers.find("content-length");
    const std::size_t size =
        length == request.headers.end() ? 0 : static_cast<std::size_t>(std::stoul(length->second));
    if (connection.input.size() < end + 4 + size) return;
    request.body = connection.input.substr(end + 4, size);
    connection.input.erase(0, end + 4 + size);
    request.number = requests_++;
    Connection::Pending pending;
    pending.reply = handler_(request);
    pending.due = Clock::now() + std::chrono::milliseconds(pending.reply.delay_ms);
    connection.pending.push_back(std::move(pending));
  }
}

void ScriptedServer::send_due(Connection& connection) {
  const int socket = connection.socket;
  while (!connection.pending.empty() && connection.pending.front().due <= Clock::now()) {
    Connection::Pending& pending = connection.pending.front();
    if (pending.reply.reset) return drop(socket, true);
    const std::string& bytes = pending.reply.bytes;
    std::size_t most = bytes.size() - pending.sent;
    if (pending.reply.drip_bytes > 0) {
      most = std::min(most, static_cast<std::size_t>(pending.reply.drip_bytes));
    }
    const ssize_t sent = ::send(socket, bytes.data() + pending.sent, most, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return drop(socket, false);
    pending.sent += sent < 0 ? 0 : static_cast<std::size_t>(sent);
    if (pending.sent == bytes.size()) {
      if (pending.reply.close) return drop(socket, false);
      connection.pending.pop_front();
    } else {
      pending.due = Clock::now() +
                    std::chrono::milliseconds(sent < 0 ? 1 : std::max(pending.reply.drip_ms, 0));
    }
  }
}

void ScriptedServer::drop(int socket, bool reset) {
  if (reset) {
    const linger none{1, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  }
  ::close(socket);
  connections_.erase(socket);
}

}  // namespace peira::test
