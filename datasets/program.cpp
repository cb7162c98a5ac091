#include "datasets/program.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "base/error.h"

namespace peira::datasets {
namespace {

// Reads [{"input": "...", "output": "...", "testtype": "..."}, ...] and nothing else. A reader of
// its own because texts of Python may hold single surrogates, which other JSON readers refuse, and
// because there are gigabytes of it.
class TestListReader {
 public:
  TestListReader(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  void read(std::vector<ProgramTest>& tests) {
    skip_blanks();
    expect('[', "a JSON list of tests");
    skip_blanks();
    if (!take(']')) {
      do {
        ++number_;
        tests.push_back(read_test());
        skip_blanks();
      } while (take(','));
      expect(']', "\",\" or \"]\"");
    }
    skip_blanks();
    if (at_ != text_.size()) fail("text follows the list");
  }

 private:
  ProgramTest read_test() {
    skip_blanks();
    expect('{', "an object");
    std::optional<std::string> input, output, kind;
    skip_blanks();
    if (!take('}')) {
      do {
        skip_blanks();
        const std::string key = read_text();
        std::optional<std::string>* const slot = key == "input"      ? &input
                                                 : key == "output"   ? &output
                                                 : key == "testtype" ? &kind
                                                                     : nullptr;
        if (slot == nullptr) fail("a test has no \"" + key.substr(0, 40) + "\"");
        if (*slot) fail("\"" + key + "\" stands twice");
        skip_blanks();
        expect(':', "\":\"");
        skip_blanks();
        *slot = read_text();
        skip_blanks();
      } while (take(','));
      expect('}', "\",\" or \"}\"");
    }
    if (!input || !output || !kind) {
      fail(std::string("no \"") + (!input ? "input" : !output ? "output" : "testtype") + "\"");
    }
    if (*kind != "stdin" && *kind != "functional") {
      fail("testtype \"" + kind->substr(0, 40) + "\"; stdin and functional are known");
    }
    return {std::move(*input), std::move(*output)};
  }

  std::string read_text() {
    expect('"', "a text");
    std::string out;
    while (true) {
      const std::size_t begin = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= 0x20) {
        ++at_;
      }
      out.append(text_.substr(begin, at_ - begin));
      if (at_ == text_.size()) fail("a text is not closed");
      const char c = text_[at_++];
      if (c == '"') return out;
      if (c != '\\') fail("a control character in a text");
      read_escape(out);
    }
  }

  void read_escape(std::string& out) {
    if (at_ == text_.size()) fail("a text is not closed");
    const char c = text_[at_++];
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (const std::size_t index = kLetters.find(c); index != std::string_view::npos) {
      out += kMeanings[index];
      return;
    }
    if (c != 'u') fail("an unknown escape in a text");
    std::uint32_t point = read_hex();
    if (point >= 0xD800 && point < 0xDC00 && text_.substr(at_).starts_with("\\u")) {
      const std::size_t before = at_;
      at_ += 2;
      const std::uint32_t low = read_hex();
      if (low >= 0xDC00 && low < 0xE000) {
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
      } else {
        at_ = before;
      }
    }
    append_utf8(out, point);
  }

  std::uint32_t read_hex() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = at_ < text_.size() ? text_[at_++] : '\0';
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail("\\u without four hexadecimal digits");
      value = value * 16 + static_cast<std::uint32_t>(digit);
    }
    return value;
  }

  // Single surrogates too, by the same rule.
  static void append_utf8(std::string& out, std::uint32_t point) {
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (point < 0x80) {
      put(point);
    } else if (point < 0x800) {
      put(0xC0 | point >> 6);
      put(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
      put(0xE0 | point >> 12);
      put(0x80 | (point >> 6 & 0x3F));
      put(0x80 | (point & 0x3F));
    } else {
      put(0xF0 | point >> 18);
      put(0x80 | (point >> 12 & 0x3F));
      put(0x80 | (point >> 6 & 0x3F));
      put(0x80 | (point & 0x3F));
    }
  }

  void skip_blanks() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string::npos) {
      ++at_;
    }
  }

  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void expect(char c, const std::string& what) {
    if (!take(c)) fail(what + " is needed");
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kData,
                where_ + ": " + (number_ > 0 ? "test " + std::to_string(number_) + ": " : "") +
                    what + " (byte " + std::to_string(at_ + 1) + ")");
  }

  std::string_view text_;
  const std::string& where_;
  std::size_t at_ = 0;
  std::int64_t number_ = 0;
};

void append_tests(std::string_view cell, const std::string& where,
                  std::vector<ProgramTest>& tests) {
  const std::size_t first = cell.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && cell[first] == '[') {
    TestListReader(cell, where).read(tests);
    return;
  }
  const std::string text = unpack_tests(cell, where);
  TestListReader(text, where).read(tests);
}

}  // namespace

std::vector<ProgramTest> ProgramTask::tests() const {
  std::vector<ProgramTest> tests;
  tests.reserve(num_tests);
  append_tests(public_tests, "public tests", tests);
  append_tests(private_tests, "private tests", tests);
  return tests;
}

std::vector<ProgramTest> read_tests(std::string_view cell, const std::string& where) {
  std::vector<ProgramTest> tests;
  append_tests(cell, where, tests);
  return tests;
}

}  // namespace peira::datasets
