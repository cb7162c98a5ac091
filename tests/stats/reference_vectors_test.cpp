// Every reference number of the statistics specification, from tests/golden/stats/vectors.json
// (mpmath 1.2.1, R 4.2.2, SciPy 1.10.1, statsmodels 0.13.5 and others as each block's "oracle"
// says), through the procedure of its name.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "stats/procedures/procedure.h"

namespace peira::stats {
namespace {

struct Vector {
  std::string proc;
  std::size_t block = 0;
  std::size_t index = 0;
  double tolerance = 0;
  Json in, out;
};

void PrintTo(const Vector& vector, std::ostream* out) {
  *out << vector.proc << " of " << vector.in.dump().substr(0, 200);
}

std::vector<Vector> vectors_of(const std::string& file) {
  std::vector<Vector> found;
  const std::string path = std::string(PEIRA_SOURCE_DIR) + "/tests/golden/stats/" + file;
  const Json blocks = parse_json(read_file(path), path);
  for (std::size_t block = 0; block < blocks.size(); ++block) {
    const Json& list = blocks[block]["vectors"];
    for (std::size_t i = 0; i < list.size(); ++i) {
      found.push_back({.proc = blocks[block]["proc"],
                       .block = block,
                       .index = i,
                       .tolerance = blocks[block]["tol"],
                       .in = list[i]["in"],
                       .out = list[i]["out"]});
    }
  }
  return found;
}

double number_of(const Json& value) {
  if (value.is_string()) {
    const double infinity = std::numeric_limits<double>::infinity();
    return value.get<std::string>() == "+inf" ? infinity : -infinity;
  }
  return value.get<double>();
}

bool is_number(const Json& value) {
  return value.is_number() || value == "+inf" || value == "-inf";
}

// The reference tails of the studentized range were taken as 1 - P in doubles: that of q = 8.2,
// k = 5, df = 60 is off by 8e-15. mpmath (25 digits) gives 2.60538868277193e-6, as ours does.
double absolute_error_of(const std::string& name) {
  return name == "studentized_range.sf" ? 1e-14 : 0;
}

void expect_equal(const Json& expected, const Json& got, double tolerance,
                  const std::string& name) {
  if (expected.is_array()) {
    ASSERT_TRUE(got.is_array()) << name << " is " << got;
    ASSERT_EQ(expected.size(), got.size()) << name;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expect_equal(expected[i], got[i], tolerance, name + "[" + std::to_string(i) + "]");
    }
  } else if (expected.is_object()) {
    ASSERT_TRUE(got.is_object()) << name << " is " << got;
    for (const auto& [key, value] : expected.items()) {
      ASSERT_TRUE(got.contains(key)) << name << "." << key << " is not computed";
      expect_equal(value, got[key], tolerance, name + "." + key);
    }
  } else if (is_number(expected)) {
    ASSERT_TRUE(is_number(got)) << name << " is " << got;
    const double want = number_of(expected);
    const double have = number_of(got);
    if (std::isinf(want)) {
      EXPECT_EQ(want, have) << name;
    } else {
      const double relative = want == 0 ? tolerance : tolerance * std::abs(want);
      EXPECT_NEAR(want, have, std::max(relative, absolute_error_of(name))) << name;
    }
  } else {
    EXPECT_EQ(expected, got) << name;
  }
}

class ReferenceVector : public testing::TestWithParam<Vector> {};

TEST_P(ReferenceVector, IsMet) {
  const Vector& vector = GetParam();
  const Procedure* procedure = find_procedure(vector.proc);
  ASSERT_NE(procedure, nullptr) << vector.proc;
  const Json got(run_procedure(*procedure, vector.in));
  expect_equal(vector.out, got, vector.tolerance, vector.proc);
}

INSTANTIATE_TEST_SUITE_P(Specification, ReferenceVector,
                         testing::ValuesIn(vectors_of("vectors.json")),
                         [](const testing::TestParamInfo<Vector>& tested) {
                           return "block" + std::to_string(tested.param.block) + "_" +
                                  tested.param.proc + "_" + std::to_string(tested.param.index);
                         });

// Further vectors, from libraries that share no code with the specification:
// tests/golden/stats/make_independent_vectors.py.
INSTANTIATE_TEST_SUITE_P(Independent, ReferenceVector,
                         testing::ValuesIn(vectors_of("independent_vectors.json")),
                         [](const testing::TestParamInfo<Vector>& tested) {
                           return "block" + std::to_string(tested.param.block) + "_" +
                                  tested.param.proc + "_" + std::to_string(tested.param.index);
                         });

}  // namespace
}  // namespace peira::stats
