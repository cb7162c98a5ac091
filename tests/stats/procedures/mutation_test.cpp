// Every procedure on arguments a step away from its example: numbers swapped for extreme ones,
// elements dropped, doubled and exchanged. The answer is a result or a named error, and never a
// number that came out as none.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "stats/errors.h"
#include "stats/procedures/procedure.h"
#include "stats/random.h"

namespace peira::stats {
namespace {

constexpr int kMutants = 60;

// All numbers of `value`, and all lists.
void collect(Json& value, std::vector<Json*>& numbers, std::vector<Json*>& lists) {
  if (value.is_number()) numbers.push_back(&value);
  if (value.is_array()) lists.push_back(&value);
  if (value.is_structured()) {
    for (Json& member : value) collect(member, numbers, lists);
  }
}

void mutate(Json& in, Random& random) {
  static const Json extremes[] = {Json(0),     Json(1),     Json(-1),     Json(0.5),
                                  Json(2),     Json(1e100), Json(-1e100), Json(1e-100),
                                  Json(1e9),   Json(1e15),  Json(17),     Json(0.999999999999),
                                  Json(5e-324)};
  std::vector<Json*> numbers;
  std::vector<Json*> lists;
  collect(in, numbers, lists);
  if (!lists.empty() && random.below(3) == 0) {
    Json& list = *lists[random.below(lists.size())];
    if (list.empty()) return;
    const std::size_t at = random.below(list.size());
    switch (random.below(3)) {
      case 0:
        list.erase(at);
        break;
      case 1:
        list.push_back(list[at]);
        break;
      default:
        std::swap(list[at], list[random.below(list.size())]);
    }
  } else if (!numbers.empty()) {
    *numbers[random.below(numbers.size())] = extremes[random.below(std::size(extremes))];
  }
}

TEST(Procedures, SurviveMutatedArguments) {
  const std::set<std::string_view> names(error_names().begin(), error_names().end());
  std::uint64_t seed = 1;
  for (const Procedure& procedure : all_procedures()) {
    const Json example = parse_json(procedure.example, std::string(procedure.name));
    Random random(seed++);
    for (int mutant = 0; mutant < kMutants; ++mutant) {
      Json in = example;
      for (std::uint64_t step = random.below(4); step-- > 0;) mutate(in, random);
      SCOPED_TRACE(std::string(procedure.name) + " of " + in.dump());
      OrderedJson got;
      ASSERT_NO_THROW(got = answer(procedure, {{"in", in}}));
      if (got.contains("out")) continue;
      EXPECT_TRUE(names.contains(got["error"].get<std::string>())) << got;
      EXPECT_EQ(got["message"].get<std::string>().find("not a number"), std::string::npos) << got;
    }
  }
}

}  // namespace
}  // namespace peira::stats
