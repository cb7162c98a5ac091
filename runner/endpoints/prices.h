// What models cost, as their users say: prices change too often to be built in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace peira::runner {

struct Price {
  double input = 0, output = 0;  // dollars a million tokens
  std::string since = {};        // day from which it holds, "2026-01-31"; "": ever since

  double cost(std::int64_t input_tokens, std::int64_t output_tokens) const {
    return (static_cast<double>(input_tokens) * input +
            static_cast<double>(output_tokens) * output) /
           1e6;
  }
};

// A JSON object from names to prices:
//   {"gpt-x": {"input": 1.25, "output": 10},
//    "gpt-x@https://eu.example/v1": {"input": 1.5, "output": 12},
//    "gpt-y": [{"input": 3, "output": 15}, {"since": "2026-02-01", "input": 2, "output": 10}]}
// A name is a model's as after --model, with or without its "openai:" and its address; one with its
// address goes before one without.
class PriceTable {
 public:
  PriceTable() = default;
  // where   named in errors.
  // throws  Error(kData): not such an object.
  PriceTable(const Json& prices, const std::string& where);
  // throws  as the other, and Error(kUnavailable): the file cannot be read.
  static PriceTable read(const std::filesystem::path& path);

  bool empty() const { return prices_.empty(); }
  // The price of `model` ("openai:gpt-x", "gpt-x", "bundled") at the endpoint at `address`, "" for
  // none, on a day ("2026-11-26" or a time that begins so). Empty where the table has none.
  std::optional<Price> find(const std::string& model, const std::string& address,
                            const std::string& day) const;

 private:
  std::map<std::string, std::vector<Price>> prices_;  // each by `since`, rising
};

}  // namespace peira::runner
