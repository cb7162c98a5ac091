// The safetensors format, and a checkpoint's tensors over one or more such files. Every byte is
// checked before it is believed: these files come from elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/checkpoint_files.h"
#include "model/stored_tensor.h"
#include "model/tensor.h"

namespace peira::model {

// The tensors of one safetensors file, in the order of their bytes.
//
// file    the whole file: 8 bytes header length (little-endian), JSON header, data.
// where   named in errors, e.g. "tiny/model.safetensors".
// throws  Error(kData), one line naming `where` and the tensor: truncated file, header length out
// of
//         range, header not JSON, duplicate names, unknown dtype, offsets out of range, misaligned,
//         overlapping or leaving holes, sizes that overflow or do not match dtype and shape.
// source  github.com/huggingface/safetensors, README "Format".
std::vector<StoredTensor> parse_safetensors(std::span<const std::byte> file,
                                            const std::string& where);

// All tensors of a checkpoint: model.safetensors, or the shards that model.safetensors.index.json
// names, or those of a GGUF file under their Hugging Face names. Taking a tensor marks it used;
// finish() fails unless the taken ones are all there are.
class CheckpointTensors {
 public:
  // throws Error(kData): no weights, a shard is missing, or index and shards disagree.
  explicit CheckpointTensors(const CheckpointFiles& files);

  // The checkpoint's, for messages.
  const std::string& name() const { return name_; }
  bool has(std::string_view name) const;
  // The shape of `name`; empty when it is absent or has more than Shape::kMaxRank axes.
  Shape shape_of(std::string_view name) const;
  // The tensor `name`, whose shape has to be `shape`. An absent one is noted for finish() and comes
  // back empty. throws Error(kData): another shape, or a dtype that is not BF16, F16 or F32.
  ConstTensorView take(const std::string& name, const Shape& shape);
  // The same for a matrix, which may also be F8_E4M3 or of a block format.
  ConstTensorView take_matrix(const std::string& name, const Shape& shape);
  // The same for a tensor of dtype U8: packed values and their scales.
  ConstTensorView take_bytes(const std::string& name, const Shape& shape);
  // Counts the tensors whose names start with `prefix` as taken: parts of the checkpoint that the
  // engine does not run. Returns how many there are.
  std::size_t leave_out(std::string_view prefix);
  // throws Error(kData): tensors were asked for and are missing, or are there and were not taken;
  //        names the first few of each.
  void finish() const;

  // Memory that taken tensors point into, where a GGUF file holds them in another layout.
  std::vector<Tensor> take_owned() { return std::move(owned_); }

  std::int64_t num_parameters() const;
  // Bytes of all tensors as stored.
  std::int64_t num_bytes() const;

 private:
  struct Entry {
    StoredTensor tensor;
    std::string where;  // its file; of a GGUF checkpoint its own name there too
    bool is_taken = false;
    std::int64_t interleaved_heads = 0;  // as in GgufTensor
    float offset = 0;
    bool is_negative_exp = false;
  };
  void add_file(const CheckpointFiles& files, const std::string& file,
                const std::map<std::string, std::string>* weight_map);
  void restore(const std::string& name, Entry& entry);
  // The entry `name`, now taken, after checking its shape; null, and noted, when absent.
  const Entry* take_entry(const std::string& name, const Shape& shape);

  std::string name_;
  std::map<std::string, Entry, std::less<>> tensors_;
  std::vector<std::string> missing_;
  std::vector<Tensor> owned_;
};

}  // namespace peira::model
