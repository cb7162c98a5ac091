// Unicode properties and normal forms, as the tokenizers and Python's str methods use them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace peira::model {

enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };

// `text`, valid UTF-8, in the normal form. cost: one scan when it holds nothing that could change.
std::string normalize(std::string_view text, NormalForm form);
// A quick look: true if `text` is in the form already, false if it may not be.
bool is_surely_normal(std::string_view text, NormalForm form);

// The general category as the standard abbreviates it: "Lu", "Nd", "Cn" ...
std::string_view general_category(char32_t code_point);
bool is_white_space(char32_t code_point);  // the White_Space property

// What the steps of tokenizers go by, which are written in Rust: its own tables are newer than
// utf8proc's, those of some of its packages older.
// \w of Unicode Technical Standard 18: alphabetic, marks, decimal digits, connectors, joiners.
bool is_word(char32_t code_point);
bool is_combining_mark(char32_t code_point);  // categories M*
bool is_punctuation(char32_t code_point);     // categories P*, and the symbols of ASCII
bool is_digit(char32_t code_point);           // categories N*
void append_lower_as_rust(std::string& out, char32_t code_point);

bool is_numeric(char32_t code_point);     // categories Nd, Nl, No
bool is_alphabetic(char32_t code_point);  // categories L*: Python's str.isalpha
bool is_decimal(char32_t code_point);     // category Nd
bool is_upper(char32_t code_point);       // has the Uppercase or Lowercase category: Lu, Lt / Ll
bool is_lower(char32_t code_point);
bool is_printable(char32_t code_point);  // Python's str.isprintable
// Where the white space that ends at `end` begins, and where that which begins at `begin` ends. The
// text is valid UTF-8.
std::size_t white_space_before(std::string_view text, std::size_t end);
std::size_t white_space_after(std::string_view text, std::size_t begin);
// The code point that ends just before `end` > 0.
char32_t code_point_before(std::string_view text, std::size_t end);

// Full case mappings of one code point, appended to `out` as UTF-8.
void append_upper(std::string& out, char32_t code_point);
void append_lower(std::string& out, char32_t code_point);
void append_title(std::string& out, char32_t code_point);

}  // namespace peira::model
