// Fuzz target: any bytes as alert rules, and as what models of every kind write. Rules are refused
// as errors of the data; of an answer nothing is lost, however it comes.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "runner/monitor/rules.h"
#include "runner/serve/tool_calls.h"

namespace {

using peira::runner::ToolCallReader;
using peira::runner::ToolDialect;

struct Said {
  std::string text, reasoning;
  std::size_t num_calls = 0;
  bool operator==(const Said&) const = default;
};

// In pieces of `size` bytes.
Said read(ToolDialect dialect, const std::string& text, std::size_t size) {
  ToolCallReader reader(dialect, {"f"});
  Said said;
  const auto add = [&](const ToolCallReader::Piece& piece) {
    said.text += piece.text;
    said.reasoning += piece.reasoning;
    said.num_calls += piece.calls.size();
  };
  for (std::size_t at = 0; at < text.size(); at += size)
    add(reader.push({text.substr(at, size), ""}));
  add(reader.finish());
  return said;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    static_cast<void>(peira::runner::parse_alert_rules(text, "rules.json"));
  } catch (const peira::Error& error) {
    if (error.code() != peira::ErrorCode::kData) __builtin_trap();
  }
  for (const ToolDialect dialect :
       {ToolDialect::kHermes, ToolDialect::kMistral, ToolDialect::kLlama, ToolDialect::kHarmony}) {
    const Said whole = read(dialect, text, text.size() + 1);
    if (!(read(dialect, text, 1) == whole) || !(read(dialect, text, 7) == whole)) __builtin_trap();
    if (dialect != ToolDialect::kHarmony && whole.num_calls == 0 && whole.text != text) {
      __builtin_trap();
    }
  }
  return 0;
}
