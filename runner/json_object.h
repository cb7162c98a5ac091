// An object of a JSON file that a person wrote: keys that are not allowed are refused with the path
// to them, what is allowed, and the nearest of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace peira::runner {

// Failures throw Error(kData) "file: path.in.json: what".
class JsonObject {
 public:
  // value  must outlive this.
  // path   of the object inside its file: "rules[2]"; "" at the top.
  JsonObject(const Json& value, std::string file, std::string path,
             const std::vector<std::string>& allowed);

  const Json* find(const std::string& key) const;
  std::string text(const std::string& key, const std::string& otherwise) const;  // not empty
  std::string required_text(const std::string& key) const;
  // A text, or a list of texts that all differ; empty where there is none.
  std::vector<std::string> texts(const std::string& key) const;
  std::optional<bool> boolean(const std::string& key) const;
  std::optional<double> number(const std::string& key, double low, double high) const;
  std::optional<std::int64_t> whole(const std::string& key, std::int64_t low,
                                    std::int64_t high) const;
  // The text at `key`, which must be one of `words` where it is given.
  std::string word(const std::string& key, const std::string& otherwise,
                   const std::vector<std::string>& words) const;
  // throws where `word`, which stands at `key`, is none of `words`.
  void check_word(const std::string& key, const std::string& word,
                  const std::vector<std::string>& words) const;
  // The objects of a list. throws where it is none; a missing one is empty.
  std::vector<JsonObject> objects(const std::string& key,
                                  const std::vector<std::string>& allowed) const;

  [[noreturn]] void fail(const std::string& key, const std::string& what) const;
  std::string path_of(const std::string& key) const;

 private:
  const Json* value_;
  std::string file_, path_;
};

// What a value is, for messages: "a text", "an empty list".
std::string kind_of(const Json& value);

// "a, b, c".
std::string joined_words(const std::vector<std::string>& words);

// "\n  try: window", or "" where nothing is near.
std::string try_nearest(const std::string& word, const std::vector<std::string>& words);

}  // namespace peira::runner
