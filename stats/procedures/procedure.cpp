#include "stats/procedures/procedure.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "stats/errors.h"
#include "stats/procedures/tables.h"

namespace peira::stats {
namespace {

// JSON has neither infinity nor NaN: the first becomes a text, the second is never a result.
void make_printable(OrderedJson& value, const std::string& where) {
  if (value.is_structured()) {
    for (auto& [key, member] : value.items()) make_printable(member, where + "." + key);
  } else if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::isnan(number)) {
      throw StatsError("NoConvergence", where + " came out as not a number");
    }
    if (std::isinf(number)) value = number > 0 ? "+inf" : "-inf";
  }
}

}  // namespace

std::span<const Procedure> all_procedures() {
  static const std::vector<Procedure> procedures = [] {
    std::vector<Procedure> all;
    for (const auto table :
         {moments_procedures(), t_test_procedures(), proportion_procedures(),
          effect_size_procedures(), rank_procedures(), bootstrap_procedures(), cluster_procedures(),
          multiplicity_procedures(), power_procedures(), experiment_procedures(),
          sequential_procedures(), equivalence_procedures(), group_procedures(),
          bayesian_procedures(), judge_procedures(), pass_at_k_procedures(),
          calibration_procedures(), stream_procedures(), item_procedures()}) {
      all.insert(all.end(), table.begin(), table.end());
    }
    return all;
  }();
  return procedures;
}

const Procedure* find_procedure(std::string_view name) {
  const auto procedures = all_procedures();
  const auto found = std::ranges::find(procedures, name, &Procedure::name);
  return found == procedures.end() ? nullptr : &*found;
}

OrderedJson run_procedure(const Procedure& procedure, const Json& in) {
  OrderedJson out = procedure.run(in);
  make_printable(out, std::string(procedure.name));
  return out;
}

OrderedJson error_answer(const Error& error) {
  const std::string_view what = error.what();
  for (const std::string_view name : error_names()) {
    if (!what.starts_with(name) || !what.substr(name.size()).starts_with(": ")) continue;
    OrderedJson answer{{"error", name}, {"message", what.substr(name.size() + 2)}};
    const auto* named = dynamic_cast<const StatsError*>(&error);
    if (named != nullptr && named->estimate() && std::isfinite(*named->estimate())) {
      answer["estimate"] = *named->estimate();
    }
    return answer;
  }
  return {{"error", "InvalidArgument"}, {"message", what}};
}

OrderedJson answer(const Procedure& procedure, const Json& request) {
  OrderedJson result = OrderedJson::object();
  if (request.is_object() && request.contains("id")) {
    result["id"] = OrderedJson::parse(dump_json(request["id"]));
  }
  try {
    if (!request.is_object() || !request.contains("in")) {
      throw StatsError("InvalidArgument", "a request is an object {\"in\": {arguments}}");
    }
    result["out"] = run_procedure(procedure, request["in"]);
  } catch (const Error& error) {
    result.update(error_answer(error));
  }
  return result;
}

}  // namespace peira::stats
