// Server-sent events read from pieces of a stream, however it is cut.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace peira::runner {

// Of each event only its data counts; comments, ids and event names are skipped, and an event that
// the stream's end cuts off is none.
// source  WHATWG HTML, section 9.2.6 "Interpreting an event stream".
class EventStream {
 public:
  static constexpr std::size_t kMaxEventBytes = std::size_t{16} << 20U;

  // Calls `on_event` with the data of each event that `piece` completes.
  // throws  Error(kData): an event of more than kMaxEventBytes.
  void feed(std::string_view piece, const std::function<void(std::string_view)>& on_event);

 private:
  void end_line(const std::function<void(std::string_view)>& on_event);

  std::string line_;
  std::string data_;
  bool has_data_ = false;
  bool after_return_ = false;  // the last byte was '\r': a '\n' belongs to it
  bool at_start_ = true;       // a byte order mark may stand there
};

}  // namespace peira::runner
