#include "runner/endpoints/server_sent_events.h"

#include "base/error.h"

namespace peira::runner {

void EventStream::feed(std::string_view piece,
                       const std::function<void(std::string_view)>& on_event) {
  for (const char c : piece) {
    if (after_return_) {
      after_return_ = false;
      if (c == '\n') continue;
    }
    if (c == '\n' || c == '\r') {
      after_return_ = c == '\r';
      end_line(on_event);
      continue;
    }
    line_.push_back(c);
    if (line_.size() + data_.size() > kMaxEventBytes) {
      throw Error(ErrorCode::kData, "an event of more than " + std::to_string(kMaxEventBytes) +
                                        " bytes in the stream");
    }
  }
}

void EventStream::end_line(const std::function<void(std::string_view)>& on_event) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  std::string_view line = line_;
  if (at_start_ && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  at_start_ = false;
  if (line.empty()) {
    if (has_data_) on_event(data_);
    data_.clear();
    has_data_ = false;
  } else {
    const std::size_t colon = line.find(':');
    std::string_view value =
        colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (line.substr(0, colon) == "data") {
      if (has_data_) data_ += '\n';
      data_ += value;
      has_data_ = true;
    }
  }
  line_.clear();
}

}  // namespace peira::runner
