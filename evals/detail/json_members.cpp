#include "evals/detail/json_members.h"

#include <utility>

namespace peira::evals::detail {
namespace {

std::string kind_of(const Json& value) { return value.type_name(); }

}  // namespace

JsonMembers::JsonMembers(const Json& value, std::string path)
    : value_(value), path_(std::move(path)) {
  if (!value_.is_object()) throw error("", "must be an object");
}

Error JsonMembers::error(const std::string& key, const std::string& what) const {
  const std::string dot = path_.ends_with(':') || key.empty() ? "" : ".";
  std::string place = path_ + dot + key;
  if (place.ends_with(':')) place.pop_back();
  return Error(ErrorCode::kData, place + ": " + what);
}

std::string JsonMembers::path_of(const std::string& key) const {
  return path_ + (path_.ends_with(':') ? "" : ".") + key;
}

const Json* JsonMembers::find(const std::string& key) {
  known_.insert(key);
  const auto found = value_.find(key);
  return found == value_.end() ? nullptr : &*found;
}

std::string JsonMembers::text(const std::string& key) {
  if (find(key) == nullptr) throw error(key, "is missing; it must be a text");
  std::string value = text_or(key, "");
  if (value.empty()) throw error(key, "must not be empty");
  return value;
}

std::string JsonMembers::text_or(const std::string& key, const std::string& otherwise) {
  const Json* const value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_string()) throw error(key, "must be a text, is " + kind_of(*value));
  return value->get<std::string>();
}

bool JsonMembers::flag(const std::string& key, bool otherwise) {
  const Json* const value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean()) throw error(key, "must be true or false, is " + kind_of(*value));
  return value->get<bool>();
}

double JsonMembers::number(const std::string& key, double otherwise) {
  const Json* const value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_number() || value->get<double>() < 0) {
    throw error(key, "must be a number, 0 or more");
  }
  return value->get<double>();
}

std::vector<std::string> JsonMembers::texts(const std::string& key) {
  const Json* const value = find(key);
  if (value == nullptr) return {};
  std::vector<std::string> list;
  if (value->is_string()) {
    list.push_back(value->get<std::string>());
  } else if (value->is_array()) {
    for (const Json& item : *value) {
      if (!item.is_string()) throw error(key, "must hold texts only, holds " + kind_of(item));
      list.push_back(item.get<std::string>());
    }
  } else {
    throw error(key, "must be a text or a list of texts, is " + kind_of(*value));
  }
  if (list.empty()) throw error(key, "must not be empty");
  return list;
}

void JsonMembers::refuse_others() const {
  for (const auto& [key, unused] : value_.items()) {
    if (known_.contains(key)) continue;
    std::string names;
    for (const std::string& name : known_) names += (names.empty() ? "" : ", ") + name;
    throw error(key, "unknown key\n  try: " + names);
  }
}

}  // namespace peira::evals::detail
