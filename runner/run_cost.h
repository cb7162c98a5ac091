// What a run cost, as far as its tokens and a table of prices tell.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "runner/endpoints/prices.h"
#include "runner/store.h"

namespace peira::runner {

struct RunCost {
  double dollars = 0;
  std::int64_t prompt_tokens = 0, completion_tokens = 0;  // of what the model was asked for
  Price price;
};

// The price of the run's model, where it was asked, on the day it was begun; empty where the table
// has none.
std::optional<Price> price_of(const RunInfo& run, const PriceTable& prices);

// Of the answers that the model gave in this run; those from the response cache, and a rescored
// run's, cost nothing. What failed attempts cost is not known and not in it; a discount for prompts
// that the endpoint had cached is not taken off.
//
// returns  empty where the table has no price for the model, or answers came without token counts.
// cost     reads the run's answers where some came from the response cache, else nothing.
std::optional<RunCost> run_cost(const Store& store, const RunInfo& run, const PriceTable& prices);
// The same at a price that is known.
std::optional<RunCost> run_cost(const Store& store, const RunInfo& run, const Price& price);

// The table in `path`, or if that is "" in prices.json beside the store, or an empty one if that is
// not there either. throws as PriceTable::read.
PriceTable prices_for(const std::filesystem::path& store, const std::string& path);
PriceTable prices_for(const Store& store, const std::string& path);

}  // namespace peira::runner
