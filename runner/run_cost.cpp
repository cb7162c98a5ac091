#include "runner/run_cost.h"

#include "base/sqlite.h"

namespace peira::runner {
namespace {

std::string address_of(const RunInfo& run) {
  if (!run.manifest.is_object() || !run.manifest.contains("values")) return {};
  const Json weights = run.manifest["values"].value("weights", Json(nullptr));
  if (!weights.is_object() || !weights.contains("endpoint")) return {};
  return weights["endpoint"].is_string() ? weights["endpoint"].get<std::string>() : std::string();
}

}  // namespace

std::optional<Price> price_of(const RunInfo& run, const PriceTable& prices) {
  return prices.find(run.model, address_of(run), run.started_at);
}

std::optional<RunCost> run_cost(const Store& store, const RunInfo& run, const PriceTable& prices) {
  const std::optional<Price> price = price_of(run, prices);
  return price ? run_cost(store, run, *price) : std::nullopt;
}

std::optional<RunCost> run_cost(const Store& store, const RunInfo& run, const Price& price) {
  RunCost out;
  out.price = price;
  if (!run.rescored_from.empty()) return out;
  out.prompt_tokens = run.prompt_tokens;
  out.completion_tokens = run.completion_tokens;
  if (run.cached > 0) {
    const Database database(store.path(), Database::Mode::kReadOnly);
    Statement sums = database.prepare(
        "SELECT TOTAL(prompt_tokens), TOTAL(completion_tokens) FROM answers WHERE run = ? AND "
        "cached = 0");
    sums.bind(1, run.key);
    sums.step();
    out.prompt_tokens = static_cast<std::int64_t>(sums.real(0));
    out.completion_tokens = static_cast<std::int64_t>(sums.real(1));
  }
  const bool asked = run.answers > run.cached + run.failures;
  if (asked && out.prompt_tokens + out.completion_tokens == 0) return std::nullopt;
  out.dollars = price.cost(out.prompt_tokens, out.completion_tokens);
  return out;
}

PriceTable prices_for(const std::filesystem::path& store, const std::string& path) {
  if (!path.empty()) return PriceTable::read(path);
  const std::filesystem::path beside = store.parent_path() / "prices.json";
  return std::filesystem::exists(beside) ? PriceTable::read(beside) : PriceTable();
}

PriceTable prices_for(const Store& store, const std::string& path) {
  return prices_for(store.path(), path);
}

}  // namespace peira::runner
