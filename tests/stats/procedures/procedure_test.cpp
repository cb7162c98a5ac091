#include "stats/procedures/procedure.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/error.h"

namespace peira::stats {
namespace {

OrderedJson ask(std::string_view name, const std::string& request) {
  const Procedure* procedure = find_procedure(name);
  EXPECT_NE(procedure, nullptr) << name;
  return answer(*procedure, parse_json(request, "request"));
}

TEST(Procedures, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (const Procedure& procedure : all_procedures()) {
    EXPECT_TRUE(names.insert(procedure.name).second) << procedure.name;
    EXPECT_EQ(find_procedure(procedure.name), &procedure);
    EXPECT_FALSE(procedure.purpose.empty()) << procedure.name;
    EXPECT_FALSE(procedure.section.empty()) << procedure.name;
  }
  EXPECT_EQ(find_procedure("no_such_procedure"), nullptr);
}

TEST(Procedures, RunTheirExamples) {
  for (const Procedure& procedure : all_procedures()) {
    SCOPED_TRACE(procedure.name);
    const Json in = parse_json(procedure.example, std::string(procedure.name));
    OrderedJson got;
    EXPECT_NO_THROW(got = run_procedure(procedure, in));
    EXPECT_FALSE(got.empty());
  }
}

TEST(Procedures, RefuseArgumentsTheyDoNotTake) {
  for (const Procedure& procedure : all_procedures()) {
    SCOPED_TRACE(procedure.name);
    Json in = parse_json(procedure.example, std::string(procedure.name));
    in["note"] = "a remark";
    EXPECT_TRUE(answer(procedure, {{"in", in}}).contains("out"));
    in["no_such_argument"] = 1;
    const OrderedJson got = answer(procedure, {{"in", in}});
    EXPECT_EQ(got["error"], "InvalidArgument") << got;
    EXPECT_NE(got["message"].get<std::string>().find("no_such_argument"), std::string::npos);
  }
}

TEST(Procedures, RefuseWhatIsNoArguments) {
  for (const Procedure& procedure : all_procedures()) {
    SCOPED_TRACE(procedure.name);
    for (const Json& request : {Json(), Json(3), Json::array(), Json::object(), Json{{"in", 3}},
                                Json{{"in", Json::array()}}}) {
      EXPECT_EQ(answer(procedure, request)["error"], "InvalidArgument") << request;
    }
  }
}

// Every argument of every example, replaced by a value of another kind, gives an answer of ours.
TEST(Procedures, AnswerWrongKindsWithErrors) {
  const Json strange[] = {Json("text"),  Json(true),
                          Json::array(), Json::object(),
                          Json(-1),      Json(1e308),
                          Json(0),       Json("+inf"),
                          Json("1/0"),   Json::array({nullptr}),
                          Json(nullptr), Json::array({{}, 1}),
                          Json(0.5),     Json(9007199254740993)};
  for (const Procedure& procedure : all_procedures()) {
    const Json example = parse_json(procedure.example, std::string(procedure.name));
    for (const auto& [name, value] : example.items()) {
      for (const Json& replacement : strange) {
        SCOPED_TRACE(std::string(procedure.name) + " " + name + "=" + replacement.dump());
        Json in = example;
        in[name] = replacement;
        OrderedJson got;
        EXPECT_NO_THROW(got = answer(procedure, {{"in", in}}));
        EXPECT_TRUE(got.contains("out") || got.contains("error")) << got;
      }
    }
  }
}

TEST(Answer, EchoesTheIdAndWritesInfinities) {
  EXPECT_EQ(
      ask("t_test", R"({"id":"q7","in":{"a":[1,2,3],"b":[2,3,4],"alternative":"greater"}})")["id"],
      "q7");
  const auto got =
      ask("t_test", R"({"in":{"a":[1,2,3],"b":[2,3,4],"alternative":"greater"}})")["out"]["ci"];
  EXPECT_EQ(got[1], "+inf");
}

TEST(Answer, NamesTheArgumentAtFault) {
  const auto message = [](const std::string& request) {
    return ask("t_test", request)["message"].get<std::string>();
  };
  EXPECT_EQ(message(R"({"in":{"a":[1,2]}})"), "b is missing; the arguments are a");
  EXPECT_EQ(message(R"({"in":{"a":[1,"x"],"b":[1,2]}})"), "a[1] must be a number, not \"x\"");
  EXPECT_EQ(message(R"({"in":{"a":[1,2],"b":[1,2],"kind":"ratio"}})"),
            "kind must be one of welch, student, paired, one_sample, not \"ratio\"");
  EXPECT_EQ(ask("t_test", R"({"in":{"a":[1,2],"b":[1,2],"conf":95}})")["error"],
            "InvalidProbability");
  EXPECT_EQ(ask("t_test", R"({"in":{"a":[1,"+inf"],"b":[1,2]}})")["error"], "NonFiniteInput");
}

TEST(PairedProcedures, PairById) {
  const auto out = ask("t_test_paired", R"({"in":{"a":[1,2,3,9],"b":[5,3,2],
      "ids_a":["x","y","z","only a"],"ids_b":["z","y","only b"]}})")["out"];
  EXPECT_EQ(out["n"], 2);
  EXPECT_EQ(out["mean_diff"], 1.5);  // y: 3 - 2, z: 5 - 3
  EXPECT_EQ(out["unmatched_a"], (OrderedJson{"x", "only a"}));
  EXPECT_EQ(out["unmatched_b"], (OrderedJson{"only b"}));
  EXPECT_EQ(ask("t_test_paired",
                R"({"in":{"a":[1,2],"b":[1,2],"ids_a":["x","x"],"ids_b":["x","y"]}})")["error"],
            "InvalidArgument");
  EXPECT_EQ(ask("t_test_paired", R"({"in":{"a":[1,2],"b":[1,2,3]}})")["error"], "LengthMismatch");
}

TEST(PairedProcedures, DropPairsWithoutAValueOnlyWhenAsked) {
  EXPECT_EQ(ask("t_test_paired", R"({"in":{"a":[1,2,null],"b":[2,4,5]}})")["error"],
            "NonFiniteInput");
  const auto out =
      ask("t_test_paired", R"({"in":{"a":[1,2,null],"b":[2,4,5],"nan_policy":"omit"}})")["out"];
  EXPECT_EQ(out["dropped_pairs"], 1);
  EXPECT_EQ(out["mean_diff"], 1.5);
}

TEST(Answer, KeepsTheEstimateOfAnError) {
  const OrderedJson got = ask("t_test", R"({"in":{"a":[1,1],"b":[3,3]}})");
  EXPECT_EQ(got["error"], "ZeroVariance");
  EXPECT_EQ(got["estimate"], 2);
  EXPECT_FALSE(got.contains("out"));
}

TEST(ClusterProcedures, WarnOfFewClusters) {
  const auto out = ask("clustered_se", R"({"in":{"y":[1,0,1],"cluster":["p","q","p"]}})")["out"];
  EXPECT_EQ(out["warnings"], (OrderedJson{"few_clusters"}));
  const auto one = ask("clustered_se", R"({"in":{"y":[1,0],"cluster":[4,4]}})");
  EXPECT_EQ(one["error"], "TooFewObservations");
  EXPECT_EQ(one["estimate"], 0.5);
}

}  // namespace
}  // namespace peira::stats
