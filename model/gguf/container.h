// The GGUF container: typed metadata, tensor descriptions and tensor data in one file. Every byte
// is checked before it is believed: these files come from elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/stored_tensor.h"

namespace peira::model {

// Types of metadata values, numbered as the format does.
enum class GgufType : std::uint32_t {
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBool,
  kString,
  kArray,
  kUint64,
  kInt64,
  kFloat64,
};

// A metadata value where it lies in the file: nothing is copied until it is asked for.
struct GgufValue {
  GgufType type = GgufType::kUint8;
  GgufType element_type = GgufType::kUint8;  // of an array
  std::uint64_t count = 1;                   // of an array's elements
  // A number's bytes, a text's characters, an array's elements (texts each behind 8 bytes of
  // length).
  std::span<const std::byte> bytes;
};

// One file. It refers to the bytes it was made from, which must stay.
class GgufFile {
 public:
  // file    the whole file.
  // where   named in errors, e.g. "models/tiny.gguf".
  // throws  Error(kData), one line naming `where` and the key or tensor: not GGUF, a version other
  //         than 2 or 3, big-endian, truncated, unknown value types, arrays of arrays, a key or
  //         tensor twice, unsupported tensor types, sizes that overflow or are no whole number of
  //         blocks, offsets that are misaligned, overlap, leave holes or reach past the end.
  // source  github.com/ggml-org/ggml, docs/gguf.md.
  GgufFile(std::span<const std::byte> file, std::string where);

  const std::string& where() const { return where_; }
  // In the order of their bytes; shapes outermost first, as everywhere in the engine.
  const std::vector<StoredTensor>& tensors() const { return tensors_; }
  const std::map<std::string_view, GgufValue>& metadata() const { return metadata_; }
  bool has(std::string_view key) const { return metadata_.find(key) != metadata_.end(); }

  // The value of `key`; empty when absent. An integer of any width, signed or not, counts, as does
  // a float of either width.
  // throws  Error(kData): of another type (names key and type), or an integer over 63 bits.
  std::optional<std::int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> flag(std::string_view key) const;
  std::optional<std::string_view> text(std::string_view key) const;
  // Array elements one after the other; the number of elements. Absent arrays have none.
  std::uint64_t each_text(std::string_view key,
                          const std::function<void(std::string_view)>& visit) const;
  std::uint64_t each_number(std::string_view key, const std::function<void(double)>& visit) const;

  // throws Error(kData): "where: what".
  [[noreturn]] void fail(const std::string& what) const;

 private:
  const GgufValue* find(std::string_view key) const;
  [[noreturn]] void fail_type(std::string_view key, const GgufValue& value,
                              const char* wanted) const;

  std::string where_;
  std::map<std::string_view, GgufValue> metadata_;
  std::vector<StoredTensor> tensors_;
};

}  // namespace peira::model
