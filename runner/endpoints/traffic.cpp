#include "runner/endpoints/traffic.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/utf8.h"

namespace peira::runner {
namespace {

constexpr std::string_view kHeaderLine = "{\"peira_traffic\": 1}";
constexpr std::size_t kLeastSecretBytes = 8;

constexpr std::array<std::pair<HttpFailure, std::string_view>, 8> kFailures{
    {{HttpFailure::kNone, ""},
     {HttpFailure::kAddress, "address"},
     {HttpFailure::kConnect, "connect"},
     {HttpFailure::kTls, "tls"},
     {HttpFailure::kBroken, "broken"},
     {HttpFailure::kTimeout, "timeout"},
     {HttpFailure::kTooLarge, "too large"},
     {HttpFailure::kProtocol, "protocol"}}};

std::string_view word_of(HttpFailure failure) {
  for (const auto& [value, word] : kFailures) {
    if (value == failure) return word;
  }
  throw Error(ErrorCode::kInternal, "a failure without a word");
}

// Read by the client, or by people who look for a request in the endpoint's log.
bool is_kept(const std::string& header) {
  return header == "content-type" || header == "retry-after" || header == "retry-after-ms" ||
         header == "location" || header == "x-request-id" || header.starts_with("x-ratelimit-");
}

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    out += kDigits[value >> 4U];
    out += kDigits[value & 15U];
  }
  return out;
}

std::optional<std::string> bytes_of(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  const bool is_hex = std::all_of(hex.begin(), hex.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (!is_hex || hex.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    out += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  }
  return out;
}

void put_body(OrderedJson& object, const std::string& body) {
  if (is_valid_utf8(body)) {
    object["body"] = body;
  } else {
    object["body_hex"] = hex_of(body);
  }
}

std::string body_of(const Json& object, const std::string& where) {
  const auto hex = object.find("body_hex");
  if (hex == object.end()) {
    const Json& body = require(object, "body", where);
    if (!body.is_string()) throw Error(ErrorCode::kData, where + ": \"body\" is no text");
    return body.get<std::string>();
  }
  std::optional<std::string> bytes;
  if (hex->is_string()) bytes = bytes_of(hex->get<std::string>());
  if (!bytes) throw Error(ErrorCode::kData, where + ": \"body_hex\" is not pairs of 0-9a-f");
  return *std::move(bytes);
}

std::string text_of(const Json& object, const char* key, const std::string& where) {
  const Json& value = require(object, key, where);
  if (!value.is_string()) {
    throw Error(ErrorCode::kData, where + ": \"" + key + "\" is no text");
  }
  return value.get<std::string>();
}

std::int64_t integer_of(const Json& object, const char* key, const std::string& where) {
  const Json& value = require(object, key, where);
  if (!value.is_number_integer()) {
    throw Error(ErrorCode::kData, where + ": \"" + key + "\" is no whole number");
  }
  return value.get<std::int64_t>();
}

double seconds_of(const Json& object, const char* key, const std::string& where) {
  const Json& value = require(object, key, where);
  if (!value.is_number() || !(value.get<double>() >= 0)) {
    throw Error(ErrorCode::kData, where + ": \"" + key + "\" is no time");
  }
  return value.get<double>();
}

std::string digest_of(const std::string& method, const std::string& url, const std::string& body) {
  return sha256_hex(method + " " + url + "\n" + body);
}

// Calls visit(line, begin, number of the line) for each whole line.
template <typename Visit>
void each_line(std::string_view text, Visit visit) {
  std::int64_t number = 1;
  for (std::size_t begin = 0; begin < text.size(); ++number) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) return;
    visit(text.substr(begin, end - begin), begin, number);
    begin = end + 1;
  }
}

[[noreturn]] void fail_to_write(const std::string& path) {
  throw Error(ErrorCode::kUnavailable,
              path + ": the recording cannot be written: " + std::strerror(errno));
}

void write_all(int file, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail_to_write(path);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Bytes of `path` that are whole lines of a recording, and the highest number among them.
std::pair<std::size_t, std::int64_t> extent_of(const std::filesystem::path& path) {
  const MappedFile mapped(path);
  std::size_t end = 0;
  std::int64_t highest = 0;
  each_line(mapped.text(), [&](std::string_view line, std::size_t begin, std::int64_t number) {
    end = begin + line.size() + 1;
    if (number == 1) {
      if (line == kHeaderLine) return;
      throw Error(ErrorCode::kUsage, path.string() + ": is there and is no recording of traffic");
    }
    const std::string where = path.string() + ":" + std::to_string(number);
    highest = std::max(highest, integer_of(parse_json(line, where), "number", where));
  });
  if (end == 0 && !kHeaderLine.starts_with(mapped.text())) {
    throw Error(ErrorCode::kUsage, path.string() + ": is there and is no recording of traffic");
  }
  return {end, highest};
}

}  // namespace

RecordingTransport::RecordingTransport(std::unique_ptr<HttpTransport> inner,
                                       const std::filesystem::path& path,
                                       std::vector<std::string> secrets)
    : inner_(std::move(inner)), path_(path.string()), secrets_(std::move(secrets)) {
  std::erase_if(secrets_, [](const std::string& text) { return text.size() < kLeastSecretBytes; });
  std::size_t size = 0;
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored) &&
      std::filesystem::file_size(path, ignored) > 0) {
    std::int64_t highest = 0;
    std::tie(size, highest) = extent_of(path);
    next_number_ = highest + 1;
  }
  file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file_ < 0) fail_to_write(path_);
  try {
    // What follows would be glued to half a line.
    if (::ftruncate(file_, static_cast<off_t>(size)) != 0) fail_to_write(path_);
    if (size == 0) write_all(file_, std::string(kHeaderLine) + "\n", path_);
  } catch (...) {
    ::close(file_);
    throw;
  }
}

RecordingTransport::~RecordingTransport() { ::close(file_); }

std::string RecordingTransport::without_secrets(std::string text) const {
  constexpr std::string_view kStandIn = "[key]";
  for (const std::string& secret : secrets_) {
    for (std::size_t at = text.find(secret); at != std::string::npos;
         at = text.find(secret, at + kStandIn.size())) {
      text.replace(at, secret.size(), kStandIn);
    }
  }
  return text;
}

std::int64_t RecordingTransport::start(HttpRequest request) {
  Exchange exchange;
  exchange.method = request.method;
  exchange.url = request.url;
  exchange.body = request.body;
  if (request.on_piece) {
    exchange.pieces = std::make_shared<std::vector<std::string>>();
    request.on_piece = [pieces = exchange.pieces,
                        take = std::move(request.on_piece)](std::string_view piece) {
      pieces->emplace_back(piece);
      return take(piece);
    };
  }
  const std::int64_t id = inner_->start(std::move(request));
  exchange.number = next_number_++;
  exchanges_.emplace(id, std::move(exchange));
  return id;
}

void RecordingTransport::write(const Exchange& exchange, const HttpReply& reply) {
  OrderedJson request{{"method", exchange.method}, {"url", without_secrets(exchange.url)}};
  put_body(request, without_secrets(exchange.body));
  OrderedJson headers = OrderedJson::object();
  for (const auto& [name, value] : reply.headers) {
    if (is_kept(name)) headers[name] = without_secrets(value);
  }
  OrderedJson told{{"status", reply.status}, {"headers", std::move(headers)}};
  if (exchange.pieces && !exchange.pieces->empty()) {
    const std::string whole =
        std::accumulate(exchange.pieces->begin(), exchange.pieces->end(), std::string());
    const std::string clean = without_secrets(whole);
    put_body(told, clean);
    OrderedJson sizes = OrderedJson::array();
    if (clean == whole) {
      for (const std::string& piece : *exchange.pieces) sizes.push_back(piece.size());
    } else {
      sizes.push_back(clean.size());  // where the cuts were says nothing of what is left
    }
    told["pieces"] = std::move(sizes);
  } else {
    put_body(told, without_secrets(reply.body));
  }
  told["failure"] = word_of(reply.failure);
  told["reason"] = without_secrets(reply.reason);
  told["seconds"] = reply.seconds;
  told["first_byte_seconds"] = reply.first_byte_seconds;
  told["connection"] = reply.connection;
  write_all(file_,
            dump_json(OrderedJson{{"number", exchange.number},
                                  {"request", std::move(request)},
                                  {"reply", std::move(told)}}) +
                "\n",
            path_);
}

std::vector<HttpTransport::Finished> RecordingTransport::poll(std::chrono::milliseconds patience) {
  std::vector<Finished> finished = inner_->poll(patience);
  for (const Finished& one : finished) {
    const auto found = exchanges_.find(one.id);
    write(found->second, one.reply);
    exchanges_.erase(found);
  }
  return finished;
}

void RecordingTransport::cancel(std::int64_t id) {
  inner_->cancel(id);
  exchanges_.erase(id);
}

ReplayTransport::ReplayTransport(const std::filesystem::path& path)
    : file_(path), path_(path.string()) {
  bool any = false;
  each_line(file_.text(), [&](std::string_view text, std::size_t begin, std::int64_t line) {
    any = true;
    const std::string where = path_ + ":" + std::to_string(line);
    if (line == 1) {
      if (text == kHeaderLine) return;
      throw Error(ErrorCode::kData, where + ": no recording of traffic: its first line is not " +
                                        std::string(kHeaderLine));
    }
    const Json exchange = parse_json(text, where);
    const Json& request = require(exchange, "request", where);
    const std::string url = text_of(request, "url", where);
    if (example_url_.empty()) example_url_ = url;
    const std::string digest =
        digest_of(text_of(request, "method", where), url, body_of(request, where));
    replies_[digest].lines.push_back(
        {integer_of(exchange, "number", where), begin, text.size(), line});
  });
  if (!any)
    throw Error(ErrorCode::kData, path_ + ": no recording of traffic: it has no whole line");
  for (auto& [digest, replies] : replies_) {
    std::stable_sort(replies.lines.begin(), replies.lines.end(),
                     [](const Line& a, const Line& b) { return a.number < b.number; });
  }
}

std::int64_t ReplayTransport::start(HttpRequest request) {
  const auto found = replies_.find(digest_of(request.method, request.url, request.body));
  if (found == replies_.end()) {
    throw Error(ErrorCode::kData,
                path_ + ": has no reply to this " + request.method + " " + request.url +
                    (example_url_.empty()          ? ": it is empty"
                     : example_url_ == request.url ? ": no recorded request has its body"
                                                   : ": it was recorded of " + example_url_));
  }
  Replies& replies = found->second;
  if (replies.used == replies.lines.size()) {
    throw Error(ErrorCode::kData, path_ + ": has " + std::to_string(replies.lines.size()) +
                                      (replies.lines.size() == 1 ? " reply" : " replies") +
                                      " to a request that is made once more");
  }
  const Line& line = replies.lines[replies.used++];
  const std::int64_t id = next_id_++;
  due_.emplace(line.begin, Due{id, std::move(request), line});
  return id;
}

HttpReply ReplayTransport::reply_at(const Line& line, const HttpRequest& request) const {
  const std::string where = path_ + ":" + std::to_string(line.line);
  const Json exchange = parse_json(file_.text().substr(line.begin, line.size), where);
  const Json& told = require(exchange, "reply", where);
  HttpReply reply;
  reply.status = static_cast<long>(integer_of(told, "status", where));
  const Json& headers = require(told, "headers", where);
  if (!headers.is_object()) throw Error(ErrorCode::kData, where + ": \"headers\" is no object");
  for (const auto& [name, value] : headers.items()) {
    if (!value.is_string()) {
      throw Error(ErrorCode::kData, where + ": header \"" + name + "\" is no text");
    }
    reply.headers[name] = value.get<std::string>();
  }
  const std::string word = text_of(told, "failure", where);
  const auto* const failure = std::find_if(kFailures.begin(), kFailures.end(),
                                           [&](const auto& row) { return row.second == word; });
  if (failure == kFailures.end()) {
    throw Error(ErrorCode::kData, where + ": there is no failure called \"" + word + "\"");
  }
  reply.failure = failure->first;
  reply.reason = text_of(told, "reason", where);
  reply.seconds = seconds_of(told, "seconds", where);
  reply.first_byte_seconds = seconds_of(told, "first_byte_seconds", where);
  reply.connection = integer_of(told, "connection", where);
  std::string body = body_of(told, where);
  const auto pieces = told.find("pieces");
  if (pieces == told.end() || !request.on_piece) {
    reply.body = std::move(body);
    return reply;
  }
  if (!pieces->is_array()) throw Error(ErrorCode::kData, where + ": \"pieces\" is no list");
  std::string_view left = body;
  for (const Json& size : *pieces) {
    if (!size.is_number_unsigned() || size.get<std::size_t>() > left.size()) {
      throw Error(ErrorCode::kData, where + ": \"pieces\" are not sizes of parts of the body");
    }
    const std::string_view piece = left.substr(0, size.get<std::size_t>());
    left.remove_prefix(piece.size());
    if (!request.on_piece(piece)) break;
  }
  return reply;
}

std::vector<HttpTransport::Finished> ReplayTransport::poll(std::chrono::milliseconds) {
  std::vector<Finished> out;
  for (const auto& [place, due] : std::exchange(due_, {})) {
    out.push_back({due.id, reply_at(due.line, due.request)});
  }
  return out;
}

void ReplayTransport::cancel(std::int64_t id) {
  std::erase_if(due_, [&](const auto& item) { return item.second.id == id; });
}

}  // namespace peira::runner
