#include "runner/endpoints/prices.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/files.h"

namespace peira::runner {
namespace {

constexpr std::string_view kOpenAi = "openai:";

std::string without_prefix(const std::string& name) {
  return name.starts_with(kOpenAi) ? name.substr(kOpenAi.size()) : name;
}

bool is_day(const std::string& text) {
  if (text.size() != 10) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_dash = i == 4 || i == 7;
    if (is_dash ? text[i] != '-' : text[i] < '0' || text[i] > '9') return false;
  }
  return true;
}

Price price_from(const Json& given, const std::string& where) {
  if (!given.is_object()) {
    throw Error(ErrorCode::kData,
                where +
                    ": no price\n  try: {\"input\": 1.25, \"output\": 10}, in dollars a "
                    "million tokens");
  }
  for (const auto& [key, value] : given.items()) {
    if (key != "input" && key != "output" && key != "since") {
      throw Error(ErrorCode::kData,
                  where + ": \"" + key + "\" is not a key of a price: input, output, since");
    }
  }
  const auto dollars = [&](const char* key) {
    const Json& value = require(given, key, where);
    const double number = value.is_number() ? value.get<double>() : -1;
    if (!std::isfinite(number) || number < 0) {
      throw Error(ErrorCode::kData, where + ": \"" + key + "\" is " + dump_json(value) +
                                        ", not dollars of 0 or more");
    }
    return number;
  };
  Price price{dollars("input"), dollars("output")};
  if (const auto since = given.find("since"); since != given.end()) {
    if (!since->is_string() || !is_day(since->get<std::string>())) {
      throw Error(ErrorCode::kData, where + ": \"since\" is " + dump_json(*since) +
                                        ", not a day like \"2026-01-31\"");
    }
    price.since = since->get<std::string>();
  }
  return price;
}

}  // namespace

PriceTable::PriceTable(const Json& prices, const std::string& where) {
  if (!prices.is_object()) {
    throw Error(ErrorCode::kData, where + ": prices are an object from models' names to prices");
  }
  for (const auto& [name, given] : prices.items()) {
    const std::string place = where + ": \"" + name + "\"";
    std::vector<Price> of_model;
    if (given.is_array()) {
      for (const Json& one : given) of_model.push_back(price_from(one, place));
    } else {
      of_model.push_back(price_from(given, place));
    }
    std::sort(of_model.begin(), of_model.end(),
              [](const Price& a, const Price& b) { return a.since < b.since; });
    const auto same =
        std::adjacent_find(of_model.begin(), of_model.end(),
                           [](const Price& a, const Price& b) { return a.since == b.since; });
    if (same != of_model.end()) {
      throw Error(ErrorCode::kData,
                  place + ": two prices " +
                      (same->since.empty() ? "without \"since\"" : "since " + same->since));
    }
    std::string key = without_prefix(name);
    while (key.ends_with('/')) key.pop_back();
    if (!prices_.emplace(std::move(key), std::move(of_model)).second) {
      throw Error(ErrorCode::kData, place + ": the model has a price already under another name");
    }
  }
}

PriceTable PriceTable::read(const std::filesystem::path& path) {
  return PriceTable(parse_json(read_file(path), path.string()), path.string());
}

std::optional<Price> PriceTable::find(const std::string& model, const std::string& address,
                                      const std::string& day) const {
  const std::string name = without_prefix(model);
  auto found = prices_.find(name + "@" + address);
  if (address.empty() || found == prices_.end()) found = prices_.find(name);
  if (found == prices_.end()) return std::nullopt;
  std::optional<Price> out;
  for (const Price& price : found->second) {
    if (price.since <= day.substr(0, 10)) out = price;
  }
  return out;
}

}  // namespace peira::runner
