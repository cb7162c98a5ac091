// base64 -> zlib -> a pickle of one text: the packing of LiveCodeBench's private tests.
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "base/error.h"
#include "datasets/program.h"

namespace peira::datasets {
namespace {

// The largest official tests come to some hundred megabytes; a bomb stops here.
constexpr std::size_t kMaxInflatedBytes = std::size_t{1} << 30;

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw Error(ErrorCode::kData,
              where + ": tests are not packed as the official files pack them: " + what +
                  "\n  try: the files of livecodebench/code_generation_lite as published");
}

// Ends the stream however its owner is left.
class Inflater {
 public:
  Inflater() : is_open_(inflateInit(&stream_) == Z_OK) {}
  ~Inflater() {
    if (is_open_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  std::string inflate_all(std::string_view bytes, const std::string& where) {
    if (!is_open_) throw Error(ErrorCode::kUnavailable, where + ": no memory to inflate tests");
    std::string out(std::clamp<std::size_t>(bytes.size() * 4, 4096, kMaxInflatedBytes), '\0');
    std::size_t written = 0;
    std::size_t read = 0;
    for (int status = Z_OK; status != Z_STREAM_END;) {
      if (written == out.size()) {
        if (out.size() == kMaxInflatedBytes) refuse(where, "more than 1 GiB when inflated");
        out.resize(std::min(out.size() * 2, kMaxInflatedBytes));
      }
      // zlib counts in 32 bits.
      constexpr std::size_t kStep = std::size_t{1} << 30;
      const std::size_t given = std::min(bytes.size() - read, kStep);
      const std::size_t room = std::min(out.size() - written, kStep);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + read));
      stream_.avail_in = static_cast<uInt>(given);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + written);
      stream_.avail_out = static_cast<uInt>(room);
      status = inflate(&stream_, Z_NO_FLUSH);
      read += given - stream_.avail_in;
      written += room - stream_.avail_out;
      if (status == Z_STREAM_END) break;
      if (status != Z_OK && status != Z_BUF_ERROR) {
        refuse(where, stream_.msg != nullptr ? std::string("zlib says: ") + stream_.msg
                                             : "no zlib stream");
      }
      if (read == bytes.size() && stream_.avail_out > 0) refuse(where, "the zlib stream is cut");
    }
    if (read != bytes.size()) refuse(where, "bytes follow the zlib stream");
    out.resize(written);
    return out;
  }

 private:
  z_stream stream_{};
  bool is_open_;
};

// Reads a pickle that is nothing but one text. An opcode outside of the few that such a pickle has
// ends the reading: there is no machine here that could carry it out.
class PickledText {
 public:
  PickledText(std::string_view bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  std::string_view text() {
    if (byte("protocol") != 0x80) refuse(where_, "no pickle");
    const unsigned version = byte("protocol");
    if (version < 2 || version > 5) {
      refuse(where_, "pickle protocol " + std::to_string(version) + "; 2 to 5 are known");
    }
    unsigned opcode = byte("text");
    if (opcode == 0x95) {
      const std::uint64_t frame_bytes = number(8, "frame");
      if (frame_bytes != bytes_.size() - at_) {
        refuse(where_, "a frame of " + std::to_string(frame_bytes) + " bytes where " +
                           std::to_string(bytes_.size() - at_) + " follow");
      }
      opcode = byte("text");
    }
    std::uint64_t num_bytes = 0;
    if (opcode == 0x8C) {
      num_bytes = number(1, "length");
    } else if (opcode == 'X') {
      num_bytes = number(4, "length");
    } else if (opcode == 0x8D) {
      num_bytes = number(8, "length");
    } else {
      refuse_opcode(opcode, "the opcode of a text");
    }
    if (num_bytes > bytes_.size() - at_) {
      refuse(where_, "a text of " + std::to_string(num_bytes) + " bytes where " +
                         std::to_string(bytes_.size() - at_) + " follow");
    }
    const std::string_view text = bytes_.substr(at_, static_cast<std::size_t>(num_bytes));
    at_ += static_cast<std::size_t>(num_bytes);
    opcode = byte("end");
    if (opcode == 0x94 || opcode == 'q' || opcode == 'r') {  // the text is remembered, for nobody
      number(opcode == 'q' ? 1 : opcode == 'r' ? 4 : 0, "memo");
      opcode = byte("end");
    }
    if (opcode != '.') refuse_opcode(opcode, "the end");
    if (at_ != bytes_.size()) refuse(where_, "bytes follow the pickle");
    return text;
  }

 private:
  unsigned byte(const char* what) { return static_cast<unsigned>(number(1, what)); }

  // Little-endian, of `num_bytes` bytes.
  std::uint64_t number(std::size_t num_bytes, const char* what) {
    if (num_bytes > bytes_.size() - at_) {
      refuse(where_, std::string("the pickle ends before its ") + what);
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < num_bytes; ++i) {
      value |= std::uint64_t{static_cast<unsigned char>(bytes_[at_ + i])} << (8 * i);
    }
    at_ += num_bytes;
    return value;
  }

  [[noreturn]] void refuse_opcode(unsigned opcode, const std::string& wanted) const {
    char hex[8];
    std::snprintf(hex, sizeof(hex), "0x%02x", opcode);
    refuse(where_, std::string("pickle opcode ") + hex + " stands where " + wanted + " belongs");
  }

  std::string_view bytes_;
  const std::string& where_;
  std::size_t at_ = 0;
};

}  // namespace

std::string unpack_tests(std::string_view packed, const std::string& where) {
  const std::optional<std::string> deflated =
      packed.empty() || packed.find_first_of(" \t\r\n\v\f") != std::string_view::npos
          ? std::nullopt
          : from_base64(packed);
  if (!deflated) refuse(where, "neither a JSON list nor base64");
  const std::string pickle = Inflater().inflate_all(*deflated, where);
  return std::string(PickledText(pickle, where).text());
}

}  // namespace peira::datasets
