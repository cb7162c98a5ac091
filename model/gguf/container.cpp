#include "model/gguf/container.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

#include "base/error.h"
#include "model/tensor.h"

namespace peira::model {
namespace {

static_assert(std::endian::native == std::endian::little,
              "numbers are read from the file as they lie in memory");

constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kMaxAlignment = std::uint64_t{1} << 20;
constexpr std::uint64_t kMaxKeyBytes = 65535;  // the format's own limit
// ggml's is 64; some writers go over it.
constexpr std::uint64_t kMaxTensorNameBytes = 255;
constexpr std::uint32_t kMaxRank = 4;

// Bytes of a number; 0 for texts and arrays.
std::uint64_t size_of(GgufType type) {
  switch (type) {
    case GgufType::kUint8:
    case GgufType::kInt8:
    case GgufType::kBool:
      return 1;
    case GgufType::kUint16:
    case GgufType::kInt16:
      return 2;
    case GgufType::kUint32:
    case GgufType::kInt32:
    case GgufType::kFloat32:
      return 4;
    case GgufType::kUint64:
    case GgufType::kInt64:
    case GgufType::kFloat64:
      return 8;
    case GgufType::kString:
    case GgufType::kArray:
      return 0;
  }
  return 0;
}

const char* name_of(GgufType type) {
  constexpr std::array kNames{"uint8",   "int8", "uint16", "int16",  "uint32", "int32",  "float32",
                              "boolean", "text", "array",  "uint64", "int64",  "float64"};
  return kNames[static_cast<std::size_t>(type)];
}

// What tensors may be stored as, and what else the format knows.
struct TensorType {
  std::uint32_t number;
  const char* name;
  std::optional<DType> dtype;
};
constexpr std::array kTensorTypes{TensorType{0, "F32", DType::kF32},
                                  TensorType{1, "F16", DType::kF16},
                                  TensorType{2, "Q4_0", DType::kQ4_0},
                                  TensorType{3, "Q4_1", {}},
                                  TensorType{6, "Q5_0", DType::kQ5_0},
                                  TensorType{7, "Q5_1", {}},
                                  TensorType{8, "Q8_0", DType::kQ8_0},
                                  TensorType{9, "Q8_1", {}},
                                  TensorType{10, "Q2_K", {}},
                                  TensorType{11, "Q3_K", {}},
                                  TensorType{12, "Q4_K", DType::kQ4_K},
                                  TensorType{13, "Q5_K", DType::kQ5_K},
                                  TensorType{14, "Q6_K", DType::kQ6_K},
                                  TensorType{15, "Q8_K", {}},
                                  TensorType{16, "IQ2_XXS", {}},
                                  TensorType{17, "IQ2_XS", {}},
                                  TensorType{18, "IQ3_XXS", {}},
                                  TensorType{19, "IQ1_S", {}},
                                  TensorType{20, "IQ4_NL", {}},
                                  TensorType{21, "IQ3_S", {}},
                                  TensorType{22, "IQ2_S", {}},
                                  TensorType{23, "IQ4_XS", {}},
                                  TensorType{24, "I8", {}},
                                  TensorType{25, "I16", {}},
                                  TensorType{26, "I32", {}},
                                  TensorType{27, "I64", {}},
                                  TensorType{28, "F64", {}},
                                  TensorType{29, "IQ1_M", {}},
                                  TensorType{30, "BF16", DType::kBF16},
                                  TensorType{34, "TQ1_0", {}},
                                  TensorType{35, "TQ2_0", {}},
                                  TensorType{39, "MXFP4", DType::kMXFP4},
                                  TensorType{40, "NVFP4", {}}};

std::string supported_types() {
  std::string list;
  for (const TensorType& type : kTensorTypes) {
    if (type.dtype) list += (list.empty() ? "" : ", ") + std::string(type.name);
  }
  return list;
}

[[noreturn]] void fail_at(const std::string& where, const std::string& what) {
  throw Error(ErrorCode::kData, where + ": " + what);
}

// Reads the file from its beginning; nothing reaches past the end.
class Reader {
 public:
  Reader(std::span<const std::byte> file, const std::string& where) : file_(file), where_(where) {}

  std::uint64_t offset() const { return offset_; }

  // place: what is being read, for messages.
  std::span<const std::byte> bytes(std::uint64_t count, const std::string& place) {
    if (count > file_.size() - offset_) {
      fail_at(where_, "truncated: " + place + " needs " + std::to_string(count) +
                          " bytes at byte " + std::to_string(offset_) + " but " +
                          std::to_string(file_.size() - offset_) + " follow");
    }
    const auto out = file_.subspan(offset_, count);
    offset_ += count;
    return out;
  }

  template <typename Number>
  Number number(const std::string& place) {
    Number out;
    std::memcpy(&out, bytes(sizeof(Number), place).data(), sizeof(Number));
    return out;
  }

  std::string_view text(std::uint64_t max_bytes, const std::string& place) {
    const auto length = number<std::uint64_t>(place);
    if (length > max_bytes) {
      fail_at(where_, place + " has " + std::to_string(length) + " bytes, over the limit of " +
                          std::to_string(max_bytes));
    }
    const auto chars = bytes(length, place);
    return {reinterpret_cast<const char*>(chars.data()), chars.size()};
  }

  GgufType type(const std::string& place) {
    const auto type = number<std::uint32_t>(place);
    if (type > static_cast<std::uint32_t>(GgufType::kFloat64)) {
      fail_at(where_, place + " has the unknown value type " + std::to_string(type));
    }
    return static_cast<GgufType>(type);
  }

  GgufValue value(const std::string& place) {
    GgufValue out;
    out.type = type(place);
    if (out.type == GgufType::kString) {
      const std::string_view chars = text(std::numeric_limits<std::uint64_t>::max(), place);
      out.bytes = std::as_bytes(std::span(chars.data(), chars.size()));
      return out;
    }
    if (out.type != GgufType::kArray) {
      out.bytes = bytes(size_of(out.type), place);
      if (out.type == GgufType::kBool && std::to_integer<int>(out.bytes[0]) > 1) {
        fail_at(where_, place + " is a boolean of value " +
                            std::to_string(std::to_integer<int>(out.bytes[0])));
      }
      return out;
    }
    out.element_type = type(place);
    if (out.element_type == GgufType::kArray) {
      fail_at(where_, place + " is an array of arrays, which is not supported");
    }
    out.count = number<std::uint64_t>(place);
    if (out.element_type == GgufType::kString) {
      const std::uint64_t begin = offset_;
      for (std::uint64_t i = 0; i < out.count; ++i) {
        text(std::numeric_limits<std::uint64_t>::max(), place);
      }
      out.bytes = file_.subspan(begin, offset_ - begin);
      return out;
    }
    std::uint64_t size_bytes = 0;
    if (__builtin_mul_overflow(out.count, size_of(out.element_type), &size_bytes)) {
      fail_at(where_, place + " has " + std::to_string(out.count) + " elements, which overflows");
    }
    out.bytes = bytes(size_bytes, place);
    return out;
  }

 private:
  std::span<const std::byte> file_;
  const std::string& where_;
  std::uint64_t offset_ = 0;
};

struct Placed {
  StoredTensor tensor;
  std::uint64_t begin = 0;
  std::uint64_t size_bytes = 0;
};

std::string ggml_shape(const std::vector<std::int64_t>& shape) {
  std::string out;
  for (const std::int64_t size : shape) out += (out.empty() ? "" : ", ") + std::to_string(size);
  return "[" + out + "]";
}

Placed read_tensor_info(Reader& reader, const std::string& where) {
  Placed out;
  out.tensor.name = reader.text(kMaxTensorNameBytes, "a tensor's name");
  const std::string place = "tensor " + shown_name(out.tensor.name);
  const auto rank = reader.number<std::uint32_t>(place);
  if (rank > kMaxRank) {
    fail_at(where, place + " has " + std::to_string(rank) + " dimensions; at most 4 are possible");
  }
  std::uint64_t elements = 1;
  for (std::uint32_t axis = 0; axis < rank; ++axis) {
    const auto size = reader.number<std::uint64_t>(place);
    if (size == 0 || __builtin_mul_overflow(elements, size, &elements) ||
        elements > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / 8) {
      fail_at(where, place + " has a dimension of " + std::to_string(size) +
                         (size == 0 ? "" : ", which overflows"));
    }
    out.tensor.shape.push_back(static_cast<std::int64_t>(size));
  }
  const auto number = reader.number<std::uint32_t>(place);
  const auto type = std::find_if(kTensorTypes.begin(), kTensorTypes.end(),
                                 [&](const TensorType& t) { return t.number == number; });
  if (type == kTensorTypes.end() || !type->dtype) {
    fail_at(where, place + " is of " +
                       (type == kTensorTypes.end() ? "the unknown type " + std::to_string(number)
                                                   : "type " + std::string(type->name)) +
                       "\n  supported: " + supported_types());
  }
  out.tensor.dtype = type->name;
  const DType dtype = *type->dtype;
  // Stored innermost first.
  const std::int64_t row = out.tensor.shape.empty() ? 1 : out.tensor.shape.front();
  std::reverse(out.tensor.shape.begin(), out.tensor.shape.end());
  if (row % block_elements(dtype) != 0) {
    fail_at(where, place + " has rows of " + std::to_string(row) + ", no whole number of " +
                       type->name + " blocks of " + std::to_string(block_elements(dtype)));
  }
  out.size_bytes = static_cast<std::uint64_t>(bytes_of(dtype, static_cast<std::int64_t>(elements)));
  out.begin = reader.number<std::uint64_t>(place);
  return out;
}

// A text's characters.
std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename Number>
Number number_at(const std::byte* at) {
  Number out;
  std::memcpy(&out, at, sizeof(Number));
  return out;
}

// A float32 as the decimal number that people wrote to get it: 1e-6, not 9.99999997e-7.
double as_written(float value) {
  std::array<char, 64> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  double out = value;
  std::from_chars(digits.data(), end, out);
  return out;
}

// The number at `at`; empty when `type` is none. Integers over 63 bits come back as doubles.
std::optional<double> number_of(GgufType type, const std::byte* at) {
  switch (type) {
    case GgufType::kUint8:
      return number_at<std::uint8_t>(at);
    case GgufType::kInt8:
      return number_at<std::int8_t>(at);
    case GgufType::kUint16:
      return number_at<std::uint16_t>(at);
    case GgufType::kInt16:
      return number_at<std::int16_t>(at);
    case GgufType::kUint32:
      return number_at<std::uint32_t>(at);
    case GgufType::kInt32:
      return number_at<std::int32_t>(at);
    case GgufType::kUint64:
      return static_cast<double>(number_at<std::uint64_t>(at));
    case GgufType::kInt64:
      return static_cast<double>(number_at<std::int64_t>(at));
    case GgufType::kFloat32:
      return as_written(number_at<float>(at));
    case GgufType::kFloat64:
      return number_at<double>(at);
    case GgufType::kBool:
      return number_at<std::uint8_t>(at);
    case GgufType::kString:
    case GgufType::kArray:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

GgufFile::GgufFile(std::span<const std::byte> file, std::string where) : where_(std::move(where)) {
  Reader reader(file, where_);
  if (file.size() < 4 || as_text(file.first(4)) != "GGUF") {
    fail("not a GGUF file: it does not begin with \"GGUF\"");
  }
  reader.bytes(4, "the header");
  const auto version = reader.number<std::uint32_t>("the header");
  if ((version & 0xFFFF) == 0 && version != 0) {
    fail("a big-endian GGUF file, which is not supported\n  try: its little-endian form");
  }
  if (version != 2 && version != 3) {
    fail("GGUF version " + std::to_string(version) + "; supported are 2 and 3");
  }
  const auto num_tensors = reader.number<std::uint64_t>("the header");
  const auto num_keys = reader.number<std::uint64_t>("the header");
  // No count is believed: an entry costs bytes, so the loops end with the file.
  for (std::uint64_t i = 0; i < num_keys; ++i) {
    const std::string_view key = reader.text(kMaxKeyBytes, "a metadata key");
    const GgufValue value = reader.value("metadata key " + shown_name(key));
    if (!metadata_.emplace(key, value).second) {
      fail("metadata key " + shown_name(key) + " is there twice");
    }
  }

  std::uint64_t alignment = kDefaultAlignment;
  if (const auto given = integer("general.alignment")) {
    alignment = static_cast<std::uint64_t>(*given);
    if (*given < 8 || alignment > kMaxAlignment || !std::has_single_bit(alignment)) {
      fail("general.alignment is " + std::to_string(*given) + ", not a power of two from 8 to " +
           std::to_string(kMaxAlignment));
    }
  }

  std::vector<Placed> placed;
  for (std::uint64_t i = 0; i < num_tensors; ++i) {
    placed.push_back(read_tensor_info(reader, where_));
  }
  if (placed.empty()) return;
  const std::uint64_t data_start = (reader.offset() + alignment - 1) / alignment * alignment;
  const std::uint64_t data_bytes = file.size() < data_start ? 0 : file.size() - data_start;
  for (Placed& entry : placed) {
    const std::string place = "tensor " + shown_name(entry.tensor.name);
    if (entry.begin % alignment != 0) {
      fail(place + " begins at data byte " + std::to_string(entry.begin) +
           ", which is no multiple of the alignment " + std::to_string(alignment));
    }
    if (entry.begin > data_bytes || entry.size_bytes > data_bytes - entry.begin) {
      fail(place + ": " + ggml_shape(entry.tensor.shape) + " of " + entry.tensor.dtype +
           " at data byte " + std::to_string(entry.begin) + " reaches past the file's " +
           std::to_string(data_bytes) + " bytes of data (truncated?)");
    }
    entry.tensor.bytes = file.subspan(data_start + entry.begin, entry.size_bytes);
  }
  std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
    return std::pair(a.tensor.name, a.begin) < std::pair(b.tensor.name, b.begin);
  });
  for (std::size_t i = 1; i < placed.size(); ++i) {
    if (placed[i].tensor.name == placed[i - 1].tensor.name) {
      fail("tensor " + shown_name(placed[i].tensor.name) + " is there twice");
    }
  }
  std::sort(placed.begin(), placed.end(),
            [](const Placed& a, const Placed& b) { return a.begin < b.begin; });
  std::uint64_t end = 0;
  for (const Placed& entry : placed) {
    const std::string place = "tensor " + shown_name(entry.tensor.name);
    if (entry.begin < end) {
      fail(place + " begins at data byte " + std::to_string(entry.begin) +
           ", inside the tensor before it, which ends at " + std::to_string(end));
    }
    if (entry.begin - end >= alignment) {
      fail(place + " begins at data byte " + std::to_string(entry.begin) +
           " and leaves a hole after " + std::to_string(end));
    }
    end = entry.begin + entry.size_bytes;
  }
  tensors_.reserve(placed.size());
  for (Placed& entry : placed) tensors_.push_back(std::move(entry.tensor));
}

void GgufFile::fail(const std::string& what) const { fail_at(where_, what); }

void GgufFile::fail_type(std::string_view key, const GgufValue& value, const char* wanted) const {
  fail("metadata key " + shown_name(key) + " is of type " + name_of(value.type) +
       (value.type == GgufType::kArray ? std::string(" of ") + name_of(value.element_type) : "") +
       ", not " + wanted);
}

const GgufValue* GgufFile::find(std::string_view key) const {
  const auto found = metadata_.find(key);
  return found == metadata_.end() ? nullptr : &found->second;
}

std::optional<std::int64_t> GgufFile::integer(std::string_view key) const {
  const GgufValue* const value = find(key);
  if (value == nullptr) return std::nullopt;
  const std::byte* const at = value->bytes.data();
  switch (value->type) {
    case GgufType::kUint64: {
      const auto number = number_at<std::uint64_t>(at);
      if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        fail("metadata key " + shown_name(key) + " is " + std::to_string(number) + ", too large");
      }
      return static_cast<std::int64_t>(number);
    }
    case GgufType::kInt64:
      return number_at<std::int64_t>(at);
    case GgufType::kUint8:
    case GgufType::kInt8:
    case GgufType::kUint16:
    case GgufType::kInt16:
    case GgufType::kUint32:
    case GgufType::kInt32:
      return static_cast<std::int64_t>(*number_of(value->type, at));
    default:
      fail_type(key, *value, "an integer");
  }
}

std::optional<double> GgufFile::number(std::string_view key) const {
  const GgufValue* const value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto number =
      value->type == GgufType::kBool ? std::nullopt : number_of(value->type, value->bytes.data());
  if (!number) fail_type(key, *value, "a number");
  return number;
}

std::optional<bool> GgufFile::flag(std::string_view key) const {
  const GgufValue* const value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != GgufType::kBool) fail_type(key, *value, "a boolean");
  return value->bytes[0] != std::byte{0};
}

std::optional<std::string_view> GgufFile::text(std::string_view key) const {
  const GgufValue* const value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != GgufType::kString) fail_type(key, *value, "a text");
  return as_text(value->bytes);
}

std::uint64_t GgufFile::each_text(std::string_view key,
                                  const std::function<void(std::string_view)>& visit) const {
  const GgufValue* const value = find(key);
  if (value == nullptr) return 0;
  if (value->type != GgufType::kArray || value->element_type != GgufType::kString) {
    fail_type(key, *value, "an array of texts");
  }
  // The constructor has walked over these lengths.
  std::span<const std::byte> rest = value->bytes;
  for (std::uint64_t i = 0; i < value->count; ++i) {
    const auto length = number_at<std::uint64_t>(rest.data());
    visit(as_text(rest.subspan(sizeof(length), length)));
    rest = rest.subspan(sizeof(length) + length);
  }
  return value->count;
}

std::uint64_t GgufFile::each_number(std::string_view key,
                                    const std::function<void(double)>& visit) const {
  const GgufValue* const value = find(key);
  if (value == nullptr) return 0;
  if (value->type != GgufType::kArray || size_of(value->element_type) == 0) {
    fail_type(key, *value, "an array of numbers");
  }
  const std::uint64_t size = size_of(value->element_type);
  for (std::uint64_t i = 0; i < value->count; ++i) {
    visit(*number_of(value->element_type, value->bytes.data() + i * size));
  }
  return value->count;
}

}  // namespace peira::model
