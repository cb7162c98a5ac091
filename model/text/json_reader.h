// Reads a large JSON text in one pass without building a tree: for files of hundreds of thousands
// of entries, whose small members are then handed to base/json.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace peira::model {

// A cursor over one JSON text. Every function takes the next value and throws
// Error(kData) "where:line:column: ..." when it is not of that kind or not well formed.
// threads: one at a time.
class JsonReader {
 public:
  // `text` and `where` must outlive the reader.
  JsonReader(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  // First character of the next value, past white space; '\0' at the end.
  char peek();

  // Calls member(key) for each member of the object; it must read the value. The key is a view that
  // ends with the next read.
  template <typename Member>
  void object(Member member) {
    open('{');
    if (close('}')) return;
    do {
      const std::string_view key = string(key_buffer_);
      take(':');
      member(key);
    } while (more('}'));
  }

  // Calls element() for each element of the array; it must read it.
  template <typename Element>
  void array(Element element) {
    open('[');
    if (close(']')) return;
    do {
      element();
    } while (more(']'));
  }

  // The string's text: a view into the JSON text, or into `buffer` when it held escapes.
  std::string_view string(std::string& buffer);
  std::int64_t integer();
  // Any value, unread: its bytes, whose inner well-formedness is left to whoever parses them.
  std::string_view raw();
  // Only white space may be left.
  void end();

  [[noreturn]] void fail(const std::string& message) const { fail_at(at_, message); }
  // As fail(), about what was read up to an earlier position().
  [[noreturn]] void fail_at(std::size_t position, const std::string& message) const;
  std::size_t position() const { return at_; }
  const std::string& where() const { return where_; }

 private:
  void open(char bracket);
  bool close(char bracket);
  bool more(char bracket);
  void take(char expected);
  void append_escape(std::string& out);
  unsigned hex4();

  std::string_view text_;
  const std::string& where_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::string key_buffer_;
};

}  // namespace peira::model
