// Any bytes are either a schema or pattern whose guide can be followed, or an Error. The first byte
// chooses: 'r' a pattern, else a schema; the rest is its text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "model/text/guided/guided_grammar.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peira::model;
  static const auto vocabulary = [] {
    std::vector<std::string> tokens;
    for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
    for (const char* const piece : {"{\"", "\":", "ab", "null", "12", "\xC3\xA9"}) {
      tokens.emplace_back(piece);
    }
    return std::make_shared<const guided::Vocabulary>(std::move(tokens));
  }();
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    const auto grammar = data[0] == 'r'
                             ? guided::compile_regex(text, vocabulary, "fuzz")
                             : guided::compile_json_schema(peira::parse_ordered_json(text, "fuzz"),
                                                           vocabulary, "fuzz");
    // The input's own bytes choose among what is allowed.
    const auto guide = grammar->start();
    for (std::size_t step = 0; step < 50 && !guide->must_end(); ++step) {
      const std::span<const std::uint64_t> mask = guide->allowed();
      std::vector<std::int32_t> allowed;
      for (std::size_t id = 0; id < vocabulary->size(); ++id) {
        if ((mask[id / 64] >> (id % 64) & 1) != 0) allowed.push_back(static_cast<std::int32_t>(id));
      }
      if (allowed.empty()) break;
      guide->accept(allowed[data[step % size] % allowed.size()]);
    }
  } catch (const peira::Error& error) {
    if (error.code() != peira::ErrorCode::kData) std::abort();
  }
  return 0;
}
