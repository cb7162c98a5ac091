// What GGUF files call the architectures, their metadata and their tensors.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "model/gguf/checkpoint.h"

namespace peira::model {

struct GgufArchitecture {
  std::string_view name;        // of general.architecture
  std::string_view model_type;  // of config.json
  std::string_view class_name;

  // Hands on the tensors that `stored` becomes: one, or one for each expert.
  void (*rename)(const GgufCheckpoint& checkpoint, const StoredTensor& stored,
                 const std::function<void(GgufTensor)>& add);
};

// The architecture of `checkpoint`. throws Error(kData): it is not supported (lists those that
// are).
const GgufArchitecture& architecture_of(const GgufCheckpoint& checkpoint);

// "blk.3.attn_q.weight" as layer 3 and "attn_q.weight"; layer -1 and the name itself when no
// layer's.
struct LayerTensorName {
  int layer = -1;
  std::string_view rest;
};
LayerTensorName layer_tensor_name(std::string_view name);

}  // namespace peira::model
