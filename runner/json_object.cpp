#include "runner/json_object.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/error.h"
#include "base/nearest.h"

namespace peira::runner {
namespace {

std::string range(double low, double high) {
  char text[80];
  std::snprintf(text, sizeof text, high >= 1e15 ? " of at least %.10g" : " from %.10g to %.10g",
                low, high);
  return text;
}

// A value as written, cut where it is long.
std::string shown(const Json& value) {
  constexpr std::size_t kMost = 60;
  const std::string text = dump_json(value);
  return text.size() <= kMost ? text : text.substr(0, kMost) + " ...";
}

}  // namespace

std::string joined_words(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string kind_of(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_string()) return "a text";
  if (value.is_boolean()) return "true or false";
  if (value.is_number()) return "a number";
  if (value.is_array()) return value.empty() ? "an empty list" : "a list";
  return "an object";
}

std::string try_nearest(const std::string& word, const std::vector<std::string>& words) {
  const std::string nearest = nearest_name(word, words);
  return nearest.empty() ? "" : "\n  try: " + nearest;
}

JsonObject::JsonObject(const Json& value, std::string file, std::string path,
                       const std::vector<std::string>& allowed)
    : value_(&value), file_(std::move(file)), path_(std::move(path)) {
  if (!value.is_object()) fail("", "must be an object, is " + kind_of(value));
  for (const auto& item : value.items()) {
    if (std::find(allowed.begin(), allowed.end(), item.key()) != allowed.end()) continue;
    fail(item.key(),
         "no such key; allowed: " + joined_words(allowed) + try_nearest(item.key(), allowed));
  }
}

void JsonObject::fail(const std::string& key, const std::string& what) const {
  const std::string place = path_of(key);
  throw Error(ErrorCode::kData, file_ + ": " + (place.empty() ? "" : place + ": ") + what);
}

std::string JsonObject::path_of(const std::string& key) const {
  return path_ + (path_.empty() || key.empty() ? "" : ".") + key;
}

const Json* JsonObject::find(const std::string& key) const {
  const auto found = value_->find(key);
  return found == value_->end() ? nullptr : &*found;
}

std::string JsonObject::text(const std::string& key, const std::string& otherwise) const {
  const Json* const value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_string()) fail(key, "must be a text, is " + kind_of(*value));
  if (value->get_ref<const std::string&>().empty()) fail(key, "must not be empty");
  return value->get<std::string>();
}

std::string JsonObject::required_text(const std::string& key) const {
  std::string value = text(key, "");
  if (value.empty()) fail(key, "is missing; it must be a text");
  return value;
}

std::vector<std::string> JsonObject::texts(const std::string& key) const {
  const Json* const value = find(key);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->get<std::string>()};
  if (!value->is_array() || value->empty()) {
    fail(key, "must be a text or a list of texts, is " + kind_of(*value));
  }
  std::vector<std::string> list;
  for (std::size_t i = 0; i < value->size(); ++i) {
    const std::string place = key + "[" + std::to_string(i) + "]";
    if (!(*value)[i].is_string()) fail(place, "must be a text, is " + kind_of((*value)[i]));
    list.push_back((*value)[i].get<std::string>());
    if (std::count(list.begin(), list.end(), list.back()) > 1) {
      fail(place, "\"" + list.back() + "\" stands there twice");
    }
  }
  return list;
}

std::optional<bool> JsonObject::boolean(const std::string& key) const {
  const Json* const value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) fail(key, "must be true or false, is " + kind_of(*value));
  return value->get<bool>();
}

std::optional<double> JsonObject::number(const std::string& key, double low, double high) const {
  const Json* const value = find(key);
  if (value == nullptr) return std::nullopt;
  const bool good = value->is_number() && std::isfinite(value->get<double>()) &&
                    value->get<double>() >= low && value->get<double>() <= high;
  if (!good) fail(key, "must be a number" + range(low, high) + ", is " + shown(*value));
  return value->get<double>();
}

std::optional<std::int64_t> JsonObject::whole(const std::string& key, std::int64_t low,
                                              std::int64_t high) const {
  const Json* const value = find(key);
  if (value == nullptr) return std::nullopt;
  const bool is_huge =
      value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(high);
  const bool good = value->is_number_integer() && !is_huge && value->get<std::int64_t>() >= low &&
                    value->get<std::int64_t>() <= high;
  if (!good) {
    fail(key, "must be a whole number" +
                  range(static_cast<double>(low), static_cast<double>(high)) + ", is " +
                  shown(*value));
  }
  return value->get<std::int64_t>();
}

std::string JsonObject::word(const std::string& key, const std::string& otherwise,
                             const std::vector<std::string>& words) const {
  std::string value = text(key, otherwise);
  if (find(key) != nullptr) check_word(key, value, words);
  return value;
}

void JsonObject::check_word(const std::string& key, const std::string& word,
                            const std::vector<std::string>& words) const {
  if (std::find(words.begin(), words.end(), word) != words.end()) return;
  fail(key, "\"" + word.substr(0, 60) + "\" is none of: " + joined_words(words) +
                try_nearest(word, words));
}

std::vector<JsonObject> JsonObject::objects(const std::string& key,
                                            const std::vector<std::string>& allowed) const {
  const Json* const list = find(key);
  if (list == nullptr) return {};
  if (!list->is_array()) fail(key, "must be a list of objects, is " + kind_of(*list));
  std::vector<JsonObject> out;
  for (std::size_t i = 0; i < list->size(); ++i) {
    out.emplace_back((*list)[i], file_, path_of(key) + "[" + std::to_string(i) + "]", allowed);
  }
  return out;
}

}  // namespace peira::runner
