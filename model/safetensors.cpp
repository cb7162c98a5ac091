#include "model/safetensors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "model/gguf/checkpoint.h"
#include "model/weight.h"

namespace peira::model {
namespace {

// The limit of the format's own reader.
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;

struct StoredType {
  std::string_view name;
  std::uint64_t size_bytes;
};
constexpr std::array<StoredType, 16> kStoredTypes{{{"BOOL", 1},
                                                   {"U8", 1},
                                                   {"I8", 1},
                                                   {"F8_E5M2", 1},
                                                   {"F8_E4M3", 1},
                                                   {"F8_E8M0", 1},
                                                   {"I16", 2},
                                                   {"U16", 2},
                                                   {"F16", 2},
                                                   {"BF16", 2},
                                                   {"I32", 4},
                                                   {"U32", 4},
                                                   {"F32", 4},
                                                   {"F64", 8},
                                                   {"I64", 8},
                                                   {"U64", 8}}};

[[noreturn]] void fail(const std::string& where, const std::string& what) {
  throw Error(ErrorCode::kData, where + ": " + what);
}

// The header as JSON, refusing a name that stands twice: parsers silently keep the last.
Json parse_header(std::string_view text, const std::string& where) {
  std::set<std::string, std::less<>> names;
  std::set<std::string, std::less<>> keys;
  std::string tensor;
  const auto callback = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > 3) fail(where, "the header nests deeper than any tensor entry");
    if (event == Json::parse_event_t::key && depth == 1) {
      tensor = parsed.get<std::string>();
      keys.clear();
      if (!names.insert(tensor).second) {
        fail(where, "tensor " + shown_name(tensor) + " is listed twice in the header");
      }
    } else if (event == Json::parse_event_t::key && depth == 2) {
      const auto key = parsed.get<std::string>();
      if (!keys.insert(key).second) {
        fail(where, "tensor " + shown_name(tensor) + " has the key " + shown_name(key) + " twice");
      }
    }
    return true;
  };
  try {
    return Json::parse(text, callback);
  } catch (const Json::parse_error& error) {
    fail(where, "the header is not valid JSON at its byte " + std::to_string(error.byte));
  } catch (const Json::exception&) {
    fail(where, "the header is not valid JSON");
  }
}

// `value` as an offset or size: a non-negative integer.
std::uint64_t unsigned_of(const Json& value, const std::string& what) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  fail(what, "is " + dump_json(value).substr(0, 40) + ", not a non-negative integer");
}

struct Placed {
  StoredTensor tensor;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

Placed parse_entry(const std::string& name, const Json& entry, std::span<const std::byte> data,
                   std::uint64_t data_start, const std::string& where) {
  const std::string place = where + ": tensor " + shown_name(name);
  if (!entry.is_object()) fail(place, "its header entry is not an object");
  for (const auto& [key, value] : entry.items()) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") {
      fail(place, "unknown key " + shown_name(key) + " in the header");
    }
  }
  const auto member = [&](const char* key) -> const Json& {
    const auto found = entry.find(key);
    if (found == entry.end()) fail(place, std::string(key) + " is missing");
    return *found;
  };

  Placed out;
  out.tensor.name = name;
  const Json& dtype = member("dtype");
  if (!dtype.is_string()) fail(place, "dtype is not a string");
  out.tensor.dtype = dtype.get<std::string>();
  const auto type = std::find_if(kStoredTypes.begin(), kStoredTypes.end(),
                                 [&](const StoredType& t) { return t.name == out.tensor.dtype; });
  if (type == kStoredTypes.end()) fail(place, "unknown dtype " + shown_name(out.tensor.dtype));

  const Json& shape = member("shape");
  if (!shape.is_array()) fail(place, "shape is not a list");
  std::uint64_t size_bytes = type->size_bytes;
  for (const Json& axis : shape) {
    const std::uint64_t size = unsigned_of(axis, place + ": a size in shape");
    if (__builtin_mul_overflow(size_bytes, size, &size_bytes) ||
        size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      fail(place, "shape " + dump_json(shape).substr(0, 100) + " overflows 64 bits");
    }
    out.tensor.shape.push_back(static_cast<std::int64_t>(size));
  }

  const Json& offsets = member("data_offsets");
  if (!offsets.is_array() || offsets.size() != 2) fail(place, "data_offsets is not [begin, end]");
  out.begin = unsigned_of(offsets[0], place + ": data_offsets");
  out.end = unsigned_of(offsets[1], place + ": data_offsets");
  const std::string range = "[" + std::to_string(out.begin) + ", " + std::to_string(out.end) + "]";
  if (out.begin > out.end) fail(place, "data_offsets " + range + " run backwards");
  if (out.end > data.size()) {
    fail(place, "data_offsets " + range + " reach past the file's " + std::to_string(data.size()) +
                    " bytes of data (truncated?)");
  }
  if (out.end - out.begin != size_bytes) {
    fail(place, "shape " + dump_json(shape).substr(0, 100) + " of " + out.tensor.dtype + " is " +
                    std::to_string(size_bytes) + " bytes but data_offsets " + range + " hold " +
                    std::to_string(out.end - out.begin));
  }
  if ((data_start + out.begin) % type->size_bytes != 0) {
    fail(place, "starts at byte " + std::to_string(data_start + out.begin) +
                    " of the file, which is not a multiple of its element size " +
                    std::to_string(type->size_bytes));
  }
  out.tensor.bytes = data.subspan(out.begin, out.end - out.begin);
  return out;
}

// The block formats, which GGUF files hold.
std::optional<DType> block_type(std::string_view dtype) {
  for (const DType type : {DType::kQ4_0, DType::kQ5_0, DType::kQ8_0, DType::kQ4_K, DType::kQ5_K,
                           DType::kQ6_K, DType::kMXFP4}) {
    if (dtype == name_of(type)) return type;
  }
  return std::nullopt;
}

std::optional<DType> weight_type(std::string_view dtype) {
  if (dtype == "BF16") return DType::kBF16;
  if (dtype == "F16") return DType::kF16;
  if (dtype == "F32") return DType::kF32;
  return std::nullopt;
}

std::string shape_text(const std::vector<std::int64_t>& shape) { return dump_json(Json(shape)); }

std::string first_few(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 4;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kMost); ++i) {
    out += (i > 0 ? ", " : "") + shown_name(names[i]);
  }
  if (names.size() > kMost) out += " and " + std::to_string(names.size() - kMost) + " more";
  return out;
}

}  // namespace

std::string shown_name(std::string_view name) {
  std::string out = dump_json(Json(std::string(name.substr(0, 200))));
  if (out.size() > 204) out = out.substr(0, 200) + "...\"";
  return out.size() >= 2 && out.find('\\') == std::string::npos ? out.substr(1, out.size() - 2)
                                                                : out;
}

std::vector<StoredTensor> parse_safetensors(std::span<const std::byte> file,
                                            const std::string& where) {
  constexpr std::uint64_t kLengthBytes = 8;
  if (file.size() < kLengthBytes) {
    fail(where,
         "truncated: " + std::to_string(file.size()) + " bytes are too few for a safetensors file");
  }
  std::uint64_t header_bytes = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) {
    header_bytes = header_bytes << 8 | std::to_integer<std::uint64_t>(file[i]);
  }
  if (header_bytes > kMaxHeaderBytes) {
    fail(where, "header length " + std::to_string(header_bytes) +
                    " is over the format's limit of 100000000 (not a safetensors file?)");
  }
  if (header_bytes > file.size() - kLengthBytes) {
    fail(where, "truncated: the header should have " + std::to_string(header_bytes) +
                    " bytes but only " + std::to_string(file.size() - kLengthBytes) + " follow");
  }
  const std::string_view header(reinterpret_cast<const char*>(file.data()) + kLengthBytes,
                                header_bytes);
  if (header.empty() || header.front() != '{') fail(where, "the header does not start with {");
  const Json parsed = parse_header(header, where);

  const std::uint64_t data_start = kLengthBytes + header_bytes;
  const std::span<const std::byte> data = file.subspan(data_start);
  std::vector<Placed> placed;
  for (const auto& [name, entry] : parsed.items()) {
    if (name != "__metadata__") {
      placed.push_back(parse_entry(name, entry, data, data_start, where));
      continue;
    }
    const bool is_text_map =
        entry.is_object() && std::all_of(entry.begin(), entry.end(),
                                         [](const Json& value) { return value.is_string(); });
    if (!is_text_map) fail(where, "__metadata__ is not an object of strings");
  }
  std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t expected = 0;
  for (const Placed& entry : placed) {
    const std::string place = where + ": tensor " + shown_name(entry.tensor.name);
    if (entry.begin < expected) {
      fail(place, "starts at data byte " + std::to_string(entry.begin) +
                      ", inside the tensor before it, which ends at " + std::to_string(expected));
    }
    if (entry.begin > expected) {
      fail(place, "starts at data byte " + std::to_string(entry.begin) +
                      " and leaves a hole after " + std::to_string(expected));
    }
    expected = entry.end;
  }
  if (expected != data.size()) {
    fail(where,
         std::to_string(data.size() - expected) + " bytes after the last tensor belong to none");
  }
  std::vector<StoredTensor> out;
  out.reserve(placed.size());
  for (Placed& entry : placed) out.push_back(std::move(entry.tensor));
  return out;
}

void CheckpointTensors::add_file(const CheckpointFiles& files, const std::string& file,
                                 const std::map<std::string, std::string>* weight_map) {
  const std::string where = files.where(file);
  for (StoredTensor& tensor : parse_safetensors(*files.open(file), where)) {
    if (weight_map != nullptr) {
      const auto placed = weight_map->find(tensor.name);
      if (placed == weight_map->end() || placed->second != file) {
        fail(where,
             "tensor " + shown_name(tensor.name) + " is here but model.safetensors.index.json " +
                 (placed == weight_map->end() ? "does not list it"
                                              : "places it in " + shown_name(placed->second)));
      }
    }
    std::string name = tensor.name;
    tensors_.emplace(std::move(name), Entry{.tensor = std::move(tensor), .where = where});
  }
}

CheckpointTensors::CheckpointTensors(const CheckpointFiles& files) : name_(files.name()) {
  if (files.gguf() != nullptr) {
    for (GgufTensor& renamed : files.gguf()->tensors()) {
      std::string name = renamed.tensor.name;
      const std::string where = renamed.where;
      const bool is_new = tensors_
                              .emplace(name, Entry{.tensor = std::move(renamed.tensor),
                                                   .where = where,
                                                   .interleaved_heads = renamed.interleaved_heads,
                                                   .offset = renamed.offset,
                                                   .is_negative_exp = renamed.is_negative_exp})
                              .second;
      if (!is_new) fail(where, "is one of two tensors that stand for " + shown_name(name));
    }
    return;
  }
  constexpr const char* kSingle = "model.safetensors";
  constexpr const char* kIndex = "model.safetensors.index.json";
  if (files.has(kSingle)) {
    add_file(files, kSingle, nullptr);
    return;
  }
  const std::optional<std::string_view> index_text = files.open_text(kIndex);
  if (!index_text) {
    std::string there;
    for (const std::string& file : files.list()) there += (there.empty() ? "" : ", ") + file;
    fail(name_, std::string("no weights: neither ") + kSingle + " nor " + kIndex +
                    "\n  the folder has " + there);
  }
  const std::string where = files.where(kIndex);
  const Json index = parse_json(*index_text, where);
  if (!index.is_object()) fail(where, "not a JSON object");
  const Json& listed = require(index, "weight_map", where);
  if (!listed.is_object()) fail(where, "weight_map is not an object");
  std::map<std::string, std::string> weight_map;
  std::set<std::string> shards;
  for (const auto& [name, file] : listed.items()) {
    if (!file.is_string())
      fail(where, "weight_map gives tensor " + shown_name(name) + " no file name");
    const auto shard = file.get<std::string>();
    if (!files.has(shard)) {
      fail(where, "tensor " + shown_name(name) + " should be in " + shown_name(shard) +
                      ", which is not there");
    }
    weight_map.emplace(name, shard);
    shards.insert(shard);
  }
  for (const std::string& shard : shards) add_file(files, shard, &weight_map);
  for (const auto& [name, shard] : weight_map) {
    if (!has(name)) {
      fail(files.where(shard),
           "tensor " + shown_name(name) +
               " is missing though model.safetensors.index.json places it here");
    }
  }
}

bool CheckpointTensors::has(std::string_view name) const {
  return tensors_.find(name) != tensors_.end();
}

Shape CheckpointTensors::shape_of(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end() || found->second.tensor.shape.size() > Shape::kMaxRank) return {};
  return Shape(found->second.tensor.shape);
}

// Undoes what the converter to GGUF did: rows of a head go from pairs back to halves, offsets off,
// -exp(x) back to x.
void CheckpointTensors::restore(const std::string& name, Entry& entry) {
  const std::vector<std::int64_t>& shape = entry.tensor.shape;
  const std::optional<DType> plain = weight_type(entry.tensor.dtype);
  const std::optional<DType> dtype = plain ? plain : block_type(entry.tensor.dtype);
  if (!dtype || shape.empty() || shape.size() > Shape::kMaxRank) return;
  if (entry.interleaved_heads > 0) {
    const std::int64_t rows = shape.front();
    if (rows % (2 * entry.interleaved_heads) != 0) {
      fail(entry.where, "has " + std::to_string(rows) + " rows, which " +
                            std::to_string(entry.interleaved_heads) +
                            " heads do not share in pairs");
    }
    const std::int64_t half = rows / entry.interleaved_heads / 2;
    owned_.push_back(host_tensor(*dtype, Shape(shape)));
    auto* const to = static_cast<std::byte*>(owned_.back().view().data);
    const std::size_t row_bytes = entry.tensor.bytes.size() / static_cast<std::size_t>(rows);
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t head = row / (2 * half);
      const std::int64_t inside = row % (2 * half);
      const std::int64_t stored = head * 2 * half + inside % half * 2 + inside / half;
      std::memcpy(to + static_cast<std::size_t>(row) * row_bytes,
                  entry.tensor.bytes.data() + static_cast<std::size_t>(stored) * row_bytes,
                  row_bytes);
    }
    entry.tensor.bytes = {to, entry.tensor.bytes.size()};
  }
  if (entry.offset != 0 || entry.is_negative_exp) {
    if (shape.size() != 1 || !plain) {
      fail(entry.where, "is " + entry.tensor.dtype + " of shape " + shape_text(shape) + " but " +
                            name + " is a plain vector");
    }
    owned_.push_back(host_tensor(DType::kF32, Shape(shape)));
    float* const to = owned_.back().view().f32();
    widen_row(ConstTensorView{entry.tensor.bytes.data(), *plain, {1, shape.front()}}, 0, to);
    for (std::int64_t i = 0; i < shape.front(); ++i) {
      if (entry.is_negative_exp && !(to[i] < 0)) {
        fail(entry.where, "holds " + std::to_string(to[i]) + ", which no -exp(x) is");
      }
      to[i] = entry.is_negative_exp ? std::log(-to[i]) : to[i] + entry.offset;
    }
    entry.tensor.dtype = name_of(DType::kF32);
    entry.tensor.bytes = std::as_bytes(std::span(to, static_cast<std::size_t>(shape.front())));
  }
  entry.interleaved_heads = 0;
  entry.offset = 0;
  entry.is_negative_exp = false;
}

const CheckpointTensors::Entry* CheckpointTensors::take_entry(const std::string& name,
                                                              const Shape& shape) {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    missing_.push_back(name);
    return nullptr;
  }
  Entry& entry = found->second;
  entry.is_taken = true;
  const std::vector<std::int64_t>& stored = entry.tensor.shape;
  if (stored.size() > Shape::kMaxRank || Shape(stored) != shape) {
    fail(entry.where + ": tensor " + shown_name(name),
         "has shape " + shape_text(stored) + " but config.json asks for " + shape.text());
  }
  restore(name, entry);
  return &entry;
}

ConstTensorView CheckpointTensors::take(const std::string& name, const Shape& shape) {
  const Entry* const entry = take_entry(name, shape);
  if (entry == nullptr) return {};
  const std::optional<DType> dtype = weight_type(entry->tensor.dtype);
  if (!dtype) {
    fail(entry->where + ": tensor " + shown_name(name),
         "is " + entry->tensor.dtype + "; supported are BF16, F16 and F32");
  }
  return {entry->tensor.bytes.data(), *dtype, shape};
}

ConstTensorView CheckpointTensors::take_matrix(const std::string& name, const Shape& shape) {
  const Entry* const entry = take_entry(name, shape);
  if (entry == nullptr) return {};
  const bool is_fp8 = entry->tensor.dtype == "F8_E4M3";
  std::optional<DType> dtype = is_fp8 ? DType::kF8E4M3 : weight_type(entry->tensor.dtype);
  if (!dtype) dtype = block_type(entry->tensor.dtype);
  if (!dtype) {
    fail(entry->where + ": tensor " + shown_name(name),
         "is " + entry->tensor.dtype + "; supported are BF16, F16, F32, F8_E4M3 and blocks");
  }
  return {entry->tensor.bytes.data(), *dtype, shape};
}

ConstTensorView CheckpointTensors::take_bytes(const std::string& name, const Shape& shape) {
  const Entry* const entry = take_entry(name, shape);
  if (entry == nullptr) return {};
  if (entry->tensor.dtype != "U8") {
    fail(entry->where + ": tensor " + shown_name(name),
         "is " + entry->tensor.dtype + " but packed values are U8");
  }
  return {entry->tensor.bytes.data(), DType::kU8, shape};
}

std::size_t CheckpointTensors::leave_out(std::string_view prefix) {
  std::size_t count = 0;
  for (auto found = tensors_.lower_bound(prefix);
       found != tensors_.end() && found->first.starts_with(prefix); ++found) {
    found->second.is_taken = true;
    ++count;
  }
  return count;
}

void CheckpointTensors::finish() const {
  if (!missing_.empty()) {
    fail(name_, std::to_string(missing_.size()) +
                    " of the model's tensors are missing: " + first_few(missing_));
  }
  std::vector<std::string> unused;
  for (const auto& [name, entry] : tensors_) {
    if (!entry.is_taken) unused.push_back(name);
  }
  if (!unused.empty()) {
    fail(name_,
         std::to_string(unused.size()) +
             " tensors are no part of the model that config.json describes: " + first_few(unused));
  }
}

std::int64_t CheckpointTensors::num_bytes() const {
  std::int64_t count = 0;
  for (const auto& [name, entry] : tensors_) {
    count += static_cast<std::int64_t>(entry.tensor.bytes.size());
  }
  return count;
}

std::int64_t CheckpointTensors::num_parameters() const {
  std::int64_t count = 0;
  for (const auto& [name, entry] : tensors_) {
    std::int64_t elements = 1;
    for (const std::int64_t size : entry.tensor.shape) elements *= size;
    count += elements;
  }
  return count;
}

}  // namespace peira::model
