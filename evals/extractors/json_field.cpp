#include "evals/extractors/json_field.h"

#include <cstdint>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "evals/python_text.h"

namespace peira::evals {
namespace {

using Pointer = nlohmann::json_pointer<std::string>;

// Finds the text of the number at a place: a parsed value would have it rounded to a double.
class NumberReader : public nlohmann::json_sax<Json> {
 public:
  explicit NumberReader(const Pointer& target) : target_(target) {}
  const std::string& text() const { return text_; }

  bool null() override { return take(""); }
  bool boolean(bool) override { return take(""); }
  bool number_integer(number_integer_t value) override { return take(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return take(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& written) override { return take(written); }
  bool string(string_t&) override { return take(""); }
  bool binary(binary_t&) override { return take(""); }
  bool start_object(std::size_t) override { return open(false); }
  bool start_array(std::size_t) override { return open(true); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    open_.back().name = name;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  struct Level {
    bool is_array;
    std::size_t index = 0;
    std::string name = {};
  };

  bool take(const std::string& text) {
    Pointer here;
    for (const Level& level : open_) {
      if (level.is_array) {
        here /= std::to_string(level.index);
      } else {
        here /= level.name;
      }
    }
    if (here == target_) text_ = text;
    return advance();
  }
  bool open(bool is_array) {
    open_.push_back({is_array});
    return true;
  }
  bool close() {
    open_.pop_back();
    return advance();
  }
  bool advance() {
    if (!open_.empty() && open_.back().is_array) ++open_.back().index;
    return true;
  }

  const Pointer& target_;
  std::vector<Level> open_;
  std::string text_;
};

std::optional<std::string> value_at(const std::string& text, const Pointer& pointer) {
  Json reply;
  try {
    reply = parse_json(text, "reply");
  } catch (const Error&) {
    return std::nullopt;
  }
  if (!reply.contains(pointer)) return std::nullopt;
  const Json& value = reply.at(pointer);
  if (value.is_null()) return std::nullopt;
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) {
    NumberReader reader(pointer);
    Json::sax_parse(text, &reader);
    return reader.text();
  }
  return dump_json(value);
}

// What stands between the last two lines that begin with ```.
std::optional<std::string> last_block(std::string_view text) {
  constexpr std::string_view kFence = "```";
  std::vector<std::pair<std::size_t, std::size_t>> fences;  // where its line begins and ends
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    if (python::strip(line).starts_with(kFence)) fences.emplace_back(begin, end);
    begin = end + 1;
  }
  if (fences.size() < 2) return std::nullopt;
  // Marks come in pairs; one without its partner is that of a reply cut short.
  const std::size_t last = fences.size() - fences.size() % 2;
  const std::size_t begin = fences[last - 2].second;
  return std::string(text.substr(begin, fences[last - 1].first - begin));
}

}  // namespace

std::optional<JsonField> extract_json_field(std::string_view reply, const Pointer& pointer) {
  const std::string text = to_valid_utf8(reply);
  if (auto value = value_at(std::string(python::strip(text)), pointer)) {
    return JsonField{std::move(*value), "json-field"};
  }
  if (const auto block = last_block(text)) {
    if (auto value = value_at(*block, pointer)) {
      return JsonField{std::move(*value), "json-field-fenced"};
    }
  }
  return std::nullopt;
}

}  // namespace peira::evals
