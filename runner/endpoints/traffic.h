// Recordings of HTTP traffic: what an endpoint said once, said again without it.
//
// A recording is JSON lines: {"peira_traffic": 1}, then an exchange a line:
//   {"number": 3, "request": {"method", "url", "body"},
//    "reply": {"status", "headers", "body", "failure", "reason", "seconds", "first_byte_seconds",
//              "connection"}}
// "number" counts requests as they were started. A body that is not UTF-8 stands as "body_hex";
// "pieces", in a reply that was streamed, are the sizes in which it came. Requests' headers are not
// kept, replies' only as far as the client reads them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/files.h"
#include "runner/endpoints/http_pool.h"

namespace peira::runner {

// Passes exchanges on and writes each down when it has ended, with one write: a recording that was
// cut off ends in half a line at worst. Exchanges that were dropped are not in it.
//
// threads: one.
class RecordingTransport : public HttpTransport {
 public:
  // path     made, for its owner alone, or continued where it is a recording.
  // secrets  replaced by "[key]" wherever they stand; those of under 8 bytes are words like others.
  // throws   Error(kUsage): a file that is no recording is there; Error(kUnavailable): it cannot be
  //          written.
  RecordingTransport(std::unique_ptr<HttpTransport> inner, const std::filesystem::path& path,
                     std::vector<std::string> secrets);
  ~RecordingTransport() override;
  RecordingTransport(const RecordingTransport&) = delete;
  RecordingTransport& operator=(const RecordingTransport&) = delete;

  std::int64_t start(HttpRequest request) override;
  // throws  as the inner one, and Error(kUnavailable): the recording cannot be written.
  std::vector<Finished> poll(std::chrono::milliseconds patience) override;
  void cancel(std::int64_t id) override;
  void retire(std::int64_t connection) override { inner_->retire(connection); }

 private:
  struct Exchange {
    std::int64_t number = 0;
    std::string method, url, body;
    std::shared_ptr<std::vector<std::string>> pieces;  // of a streamed reply
  };
  void write(const Exchange& exchange, const HttpReply& reply);
  std::string without_secrets(std::string text) const;

  std::unique_ptr<HttpTransport> inner_;
  std::string path_;
  std::vector<std::string> secrets_;
  int file_ = -1;
  std::int64_t next_number_ = 1;
  std::map<std::int64_t, Exchange> exchanges_;  // by the inner one's ids
};

// Answers from a recording, byte for byte and in the pieces it came in: the first time that a
// request is made with its first reply, the second time with its second. Requests are the same if
// method, URL and body are. Replies come at once, the earliest of the recording first.
//
// threads: one.
class ReplayTransport : public HttpTransport {
 public:
  // The file stays on disk: only places of lines are kept. Half a line at its end is passed over.
  // throws  Error(kUnavailable): unreadable; Error(kData) "file:line: ...": no recording.
  explicit ReplayTransport(const std::filesystem::path& path);

  // throws  Error(kData): the recording has no reply, or no further one, to this request.
  std::int64_t start(HttpRequest request) override;
  std::vector<Finished> poll(std::chrono::milliseconds patience) override;
  void cancel(std::int64_t id) override;
  void retire(std::int64_t) override {}  // there are none

 private:
  struct Line {
    std::int64_t number;  // of the request
    std::size_t begin, size;
    std::int64_t line;
  };
  struct Replies {
    std::vector<Line> lines;  // in the order in which the requests were started
    std::size_t used = 0;
  };
  struct Due {
    std::int64_t id;
    HttpRequest request;
    Line line;
  };
  HttpReply reply_at(const Line& line, const HttpRequest& request) const;

  MappedFile file_;
  std::string path_;
  std::unordered_map<std::string, Replies>
      replies_;                     // by the digest of the request; looked up only
  std::map<std::size_t, Due> due_;  // by place in the recording
  std::string example_url_;
  std::int64_t next_id_ = 1;
};

}  // namespace peira::runner
