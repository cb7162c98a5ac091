// Python's str, over UTF-8: lengths and places count code points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/text/jinja/integer.h"

namespace peira::model::jinja {

std::string float_repr(double value);
std::string string_repr(std::string_view text);
// `text` as a JSON string, quotes included.
std::string json_string(std::string_view text, bool ascii_only);

std::size_t count_characters(std::string_view text);
// The byte where character `index` begins; text.size() past the end.
std::size_t byte_offset(std::string_view text, std::size_t index);
std::vector<std::string> characters(std::string_view text);

std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string capitalize(std::string_view text);
std::string title(std::string_view text);
std::string swap_case(std::string_view text);

enum class Side { kBoth, kLeft, kRight };
// Takes white space off, or the characters of `set` when given.
std::string_view strip(std::string_view text, Side side, std::optional<std::string_view> set = {});

// The first place of `needle` at or after `from`; npos when there is none. cost: linear.
std::size_t find(std::string_view text, std::string_view needle, std::size_t from = 0);
std::size_t count(std::string_view text, std::string_view needle);
// limit < 0: all.
std::string replace(std::string_view text, std::string_view from, std::string_view to,
                    std::int64_t limit, std::size_t max_size);
std::vector<std::string> split(std::string_view text, std::optional<std::string_view> separator,
                               std::int64_t limit);
std::vector<std::string> split_right(std::string_view text,
                                     std::optional<std::string_view> separator, std::int64_t limit);
std::vector<std::string> split_lines(std::string_view text, bool keep_ends);

// int(text) and float(text) as Python reads them; empty: it does not.
std::optional<BigInteger> parse_integer(std::string_view text, int base);
std::optional<double> parse_float(std::string_view text);

}  // namespace peira::model::jinja
