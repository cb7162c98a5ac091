// Any bytes are either a GGUF checkpoint or an Error, also where its metadata becomes a
// configuration and a tokenizer; each tensor then lies inside the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "base/error.h"
#include "model/gguf/checkpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const peira::model::GgufCheckpoint checkpoint({{"fuzz", std::as_bytes(std::span(data, size))}});
    for (const char* const file :
         {"generation_config.json", "tokenizer.json", "tokenizer_config.json"}) {
      try {
        checkpoint.derived(file);
      } catch (const peira::Error& error) {
        if (error.code() != peira::ErrorCode::kData) std::abort();
      }
    }
    checkpoint.derived("config.json");
    unsigned sum = 0;
    for (const peira::model::GgufTensor& tensor : checkpoint.tensors()) {
      // Touching both ends lets AddressSanitizer judge the range.
      if (tensor.tensor.bytes.empty()) continue;
      sum += std::to_integer<unsigned>(tensor.tensor.bytes.front()) +
             std::to_integer<unsigned>(tensor.tensor.bytes.back());
    }
    volatile unsigned sink = sum;
    (void)sink;
  } catch (const peira::Error& error) {
    if (error.code() != peira::ErrorCode::kData) std::abort();
  }
  return 0;
}
