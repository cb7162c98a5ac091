// A JSON object of a declaration: each key is asked for by name, and the rest is refused.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace peira::evals::detail {

// Failures are Error(kData) "path.key: what".
class JsonMembers {
 public:
  // value  must outlive this.
  // path   what failures begin with; ends with ":" where keys follow without a dot ("file:").
  // throws where it is no object.
  JsonMembers(const Json& value, std::string path);

  Error error(const std::string& key, const std::string& what) const;
  std::string path_of(const std::string& key) const;
  const Json* find(const std::string& key);
  // The text at `key`, which must be there and not be empty.
  std::string text(const std::string& key);
  std::string text_or(const std::string& key, const std::string& otherwise);
  bool flag(const std::string& key, bool otherwise);
  // 0 or more.
  double number(const std::string& key, double otherwise);
  // One text, or a list of them; empty where there is none.
  std::vector<std::string> texts(const std::string& key);
  // To be called when all known keys have been asked for.
  void refuse_others() const;

 private:
  const Json& value_;
  std::string path_;
  std::set<std::string> known_;
};

}  // namespace peira::evals::detail
