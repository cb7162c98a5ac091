// Any bytes are either a tokenizer or an Error; a tokenizer encodes and decodes whatever comes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"
#include "model/text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const peira::model::Tokenizer tokenizer(text, "fuzz");
    const std::string_view sample = text.substr(0, 200);
    std::vector<std::int32_t> ids = tokenizer.encode(sample, true);
    for (const char c : sample.substr(0, 40)) ids.push_back(static_cast<unsigned char>(c));
    for (const bool skip_special : {false, true}) {
      peira::model::StreamDecoder stream(tokenizer, skip_special);
      std::string streamed;
      for (const std::int32_t id : ids) {
        const std::string piece = stream.push(id);
        if (!peira::is_valid_utf8(piece)) std::abort();
        streamed += piece;
      }
      streamed += stream.finish();
      if (streamed != tokenizer.decode(ids, skip_special)) std::abort();
      if (!peira::is_valid_utf8(streamed)) std::abort();
    }
  } catch (const peira::Error& error) {
    if (error.code() != peira::ErrorCode::kData) std::abort();
  }
  return 0;
}
