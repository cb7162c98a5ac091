#include "abtest/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

#include "abtest/self_check.h"
#include "abtest/summary_query.h"
#include "base/error.h"
#include "base/files.h"
#include "base/sqlite.h"
#include "tests/support/temporary_folder.h"

namespace peira::abtest {
namespace {

using testing::HasSubstr;

std::vector<ArmInput> arms() { return {{.key = "control"}, {.key = "new"}}; }
const std::vector<Metric> kQuality{{.name = "quality"}};

std::string error_of(const std::string& text, const std::vector<Metric>& metrics = kQuality) {
  try {
    read_summary(text, arms(), metrics, "s.csv");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    return error.what();
  }
  return "no error";
}

TEST(Summary, ReadsCsvAndJsonLinesAndMergesShards) {
  const std::string csv =
      "variant,metric,n,mean,m2,mean_x,m2_x,sxy\n"
      "control,,30,,,,,\nnew,,31,,,,,\n,,2,,,,,\n"
      "control,quality,10,2,9,1,4,3\ncontrol,quality,5,3,2,,,\n"
      "new,quality,12,4,8,1,3,2\nnew,other,1,1,0,,,\n";
  const AnalysisInput got = read_summary(csv, arms(), kQuality, "s.csv");
  EXPECT_EQ(got.num_crossovers, 2);
  EXPECT_EQ(got.arms[0].num_units, 30);
  const ArmData& control = got.arms[0].metrics.at("quality");
  EXPECT_EQ(control.num_units(), 15);
  EXPECT_EQ(control.values().known.a().count(), 10);
  // Merged by hand: mean (20 + 15) / 15; m2 = 9 + 2 + 1^2 * 10 * 5 / 15.
  EXPECT_DOUBLE_EQ(control.outcomes().mean(), 35.0 / 15);
  EXPECT_NEAR(control.outcomes().sum_squared_deviations(), 11 + 50.0 / 15, 1e-12);
  const std::string json = R"({"variant":"control","metric":"quality","n":2,"mean":1.5,"m2":0.5})"
                           "\n"
                           R"({"variant":"new","metric":"quality","n":2,"sum":5,"sum_squares":13})"
                           "\n";
  const AnalysisInput lines = read_summary(json, arms(), kQuality, "s.jsonl");
  EXPECT_DOUBLE_EQ(lines.arms[1].metrics.at("quality").outcomes().mean(), 2.5);
  EXPECT_DOUBLE_EQ(lines.arms[1].metrics.at("quality").outcomes().sum_squared_deviations(), 0.5);
  EXPECT_EQ(lines.arms[1].num_units, 2);  // not counted apart: those measured
}

TEST(Summary, SaysWhatIsWrong) {
  const std::string header = "variant,metric,n,mean,m2\n";
  EXPECT_THAT(error_of("variant,n\n"), HasSubstr("s.csv:1: no column 'metric'"));
  EXPECT_THAT(error_of(header + "other,quality,1,1,0\n"), HasSubstr("s.csv:2: variant 'other'"));
  EXPECT_THAT(error_of(header + "new,quality,2,nan,0\n"), HasSubstr("not a finite number"));
  EXPECT_THAT(error_of(header + "new,quality,2,1,-1\n"), HasSubstr("inconsistent aggregate"));
  EXPECT_THAT(error_of(header + "new,quality,1.5,1,1\n"), HasSubstr("whole number"));
  EXPECT_THAT(error_of(header + "new,quality,2,1,1\n"),
              HasSubstr("no row of metric 'quality' and variant 'control'"));
  EXPECT_THAT(error_of(header + "new,,1,,\nnew,quality,2,1,1\ncontrol,quality,2,1,1\n"),
              HasSubstr("1 exposed units but 2 measured"));
  EXPECT_THAT(error_of("variant,metric,n,sum,sum_squares\nnew,quality,2,10,5\n"),
              HasSubstr("inconsistent aggregate"));
  EXPECT_THAT(error_of("variant,metric,n,mean,m2,mean_x,m2_x,sxy\nnew,quality,3,1,1,1,1,5\n"),
              HasSubstr("inconsistent aggregate"));
  EXPECT_THAT(error_of(header + "new,quality,10,0.3,5\n",
                       {{.name = "quality", .type = MetricType::kProportion}}),
              HasSubstr("not those of zeros and ones"));
  EXPECT_THAT(error_of(R"({"variant":["new"],"metric":"quality","n":1})"), HasSubstr("neither"));
}

// Units, exposures and outcomes in tables; what the query adds up against the same sums made here.
struct Warehouse {
  std::vector<Metric> metrics;
  std::string inserts = {};
  std::vector<ArmInput> expected = arms();
  std::int64_t num_crossovers = 0;
};

std::string quoted(const std::string& text) { return "'" + text + "'"; }

Warehouse warehouse() {
  GeneratedUnits data = generated_units(200, 11);
  data.metrics.pop_back();  // the quantile
  data.metrics[1].missing_is_zero = true;
  data.metrics[2].cap = 4;
  Warehouse out{.metrics = data.metrics};
  out.inserts =
      "CREATE TABLE exposures (experiment TEXT, unit TEXT, variant TEXT, ts DOUBLE PRECISION);\n"
      "CREATE TABLE outcomes (unit TEXT, metric TEXT, value DOUBLE PRECISION, ts DOUBLE "
      "PRECISION);\n"
      "CREATE TABLE covariates (unit TEXT, metric TEXT, value DOUBLE PRECISION);\n";
  const auto exposure = [&out](const std::string& unit, const std::string& variant, int ts) {
    out.inserts += "INSERT INTO exposures VALUES ('e''x', " + quoted(unit) + ", " +
                   quoted(variant) + ", " + std::to_string(ts) + ");\n";
  };
  const auto outcome = [&out](const std::string& unit, const std::string& metric, double value,
                              int ts) {
    char number[40];
    std::snprintf(number, sizeof number, "%.17g", value);
    out.inserts += "INSERT INTO outcomes VALUES (" + quoted(unit) + ", " + quoted(metric) + ", " +
                   number + ", " + std::to_string(ts) + ");\n";
  };
  for (std::size_t i = 0; i < data.units.size(); ++i) {
    const MeasuredUnit& unit = data.units[i];
    const std::size_t arm = i % 2;
    exposure(unit.unit, out.expected[arm].key, 100);
    exposure(unit.unit, out.expected[arm].key, 50);  // the first one counts
    const bool crosses = i % 20 == 0;
    if (crosses) exposure(unit.unit, out.expected[1 - arm].key, 200);
    if (crosses) ++out.num_crossovers;
    if (!crosses) ++out.expected[arm].num_units;
    for (std::size_t m = 0; m < out.metrics.size(); ++m) {
      const Metric& metric = out.metrics[m];
      const UnitOutcome& found = unit.outcomes[m];
      outcome(unit.unit, metric.name, 1, 10);  // before the exposure
      const bool measured = i % 7 != 0;
      const bool known = i % 3 != 0;
      double value = *found.value;
      if (measured) {
        if (metric.type == MetricType::kMean) {
          // Two outcomes of the unit, whose mean is its value.
          outcome(unit.unit, metric.name, value - 0.5, 60);
          outcome(unit.unit, metric.name, value + 0.5, 61);
        } else {
          outcome(unit.unit, metric.name, value, 60);
        }
        if (metric.type == MetricType::kRatio) {
          outcome(unit.unit, metric.name + ":denominator", *found.other, 60);
        }
      }
      if (metric.type == MetricType::kMean && known) {
        char number[40];
        std::snprintf(number, sizeof number, "%.17g", *found.other);
        out.inserts += "INSERT INTO covariates VALUES (" + quoted(unit.unit) + ", " +
                       quoted(metric.name) + ", " + number + ");\n";
      }
      if (crosses) continue;
      ArmData& sums = out.expected[arm].metrics.try_emplace(metric.name, metric.type).first->second;
      if (!measured) {
        if (metric.missing_is_zero) sums.add(0);
        continue;
      }
      if (metric.cap) value = std::min(value, *metric.cap);
      if (metric.type == MetricType::kRatio) {
        sums.add_ratio(value, *found.other);
      } else if (metric.type == MetricType::kMean && known) {
        sums.add(value, *found.other);
      } else {
        sums.add(value);
      }
    }
  }
  return out;
}

void expect_near(double got, double want, const std::string& what) {
  EXPECT_NEAR(got, want, 1e-10 * std::max(1.0, std::abs(want))) << what;
}

void expect_equal(const AnalysisInput& got, const Warehouse& want) {
  EXPECT_EQ(got.num_crossovers, want.num_crossovers);
  for (std::size_t a = 0; a < 2; ++a) {
    EXPECT_EQ(got.arms[a].num_units, want.expected[a].num_units);
    for (const Metric& metric : want.metrics) {
      const ArmData& g = got.arms[a].metrics.at(metric.name);
      const ArmData& w = want.expected[a].metrics.at(metric.name);
      ASSERT_EQ(g.num_units(), w.num_units()) << metric.name;
      expect_near(g.outcomes().mean(), w.outcomes().mean(), metric.name);
      expect_near(g.outcomes().sum_squared_deviations(), w.outcomes().sum_squared_deviations(),
                  metric.name);
      EXPECT_EQ(g.values().known.a().count(), w.values().known.a().count()) << metric.name;
      expect_near(g.values().known.sum_of_products(), w.values().known.sum_of_products(),
                  metric.name);
      expect_near(g.ratio().sum_of_products(), w.ratio().sum_of_products(), metric.name);
      expect_near(g.ratio().b().mean(), w.ratio().b().mean(), metric.name);
    }
  }
}

const SummaryTables kTables{.exposures = "main.exposures", .covariates = "covariates"};

TEST(SummaryQuery, AddsUpInSqlite) {
  const Warehouse data = warehouse();
  const test::TemporaryFolder folder;
  Database database(folder.path() / "warehouse.db");
  database.execute("BEGIN;" + data.inserts + "COMMIT;");
  Statement query =
      database.prepare(summary_query("e'x", data.metrics, kTables, SqlDialect::kSqlite));
  std::string csv = "variant,metric,n,mean,m2,mean_x,m2_x,sxy\n";
  while (query.step()) {
    for (int column = 0; column < 8; ++column) {
      char number[40];
      std::snprintf(number, sizeof number, "%.17g", query.real(column));
      csv += column == 0 ? "" : ",";
      csv += column < 3 ? query.text(column) : query.is_null(column) ? "" : number;
    }
    csv += '\n';
  }
  expect_equal(read_summary(csv, arms(), data.metrics, "sqlite"), data);
}

// A server of its own in a temporary folder, reached through a socket there.
TEST(SummaryQuery, AddsUpInPostgres) {
  if (std::system("command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb "
                  ">/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "PostgreSQL is not installed";
  }
  Warehouse data = warehouse();
  const test::TemporaryFolder folder;
  SummaryTables tables = kTables;
  tables.exposures = "public.exposures";
  const auto write = [&folder](const std::string& name, const std::string& text) {
    std::ofstream(folder.path() / name) << text;
  };
  write("fill.sql", "BEGIN;\n" + data.inserts + "COMMIT;\n");
  std::string query = summary_query("e'x", data.metrics, tables, SqlDialect::kPostgres);
  query.erase(query.find_last_of(';'));
  write("query.sql", "COPY (" + query + ") TO STDOUT WITH (FORMAT csv, HEADER true);\n");
  const std::string path = folder.path().string();
  const std::string command = "sh '" + std::string(PEIRA_SOURCE_DIR) +
                              "/tests/abtest/postgres_query.sh' '" + path + "' 2>'" + path +
                              "/error.log'";
  ASSERT_EQ(std::system(command.c_str()), 0) << read_file(folder.path() / "error.log");
  expect_equal(
      read_summary(read_file(folder.path() / "rows.csv"), arms(), data.metrics, "postgres"), data);
}

TEST(SummaryQuery, QuotesNames) {
  const std::string query = summary_query("x'; DROP TABLE exposures; --", {{.name = "a'b"}},
                                          {.exposures = "s.\"odd\""}, SqlDialect::kPostgres);
  EXPECT_THAT(query, HasSubstr("'x''; DROP TABLE exposures; --'"));
  EXPECT_THAT(query, HasSubstr("'a''b'"));
  EXPECT_THAT(query, HasSubstr("\"s\".\"\"\"odd\"\"\""));
  EXPECT_THROW(summary_query("x", {}, {}, SqlDialect::kSqlite), Error);
  EXPECT_THROW(
      summary_query("x", {{.name = "q", .type = MetricType::kQuantile}}, {}, SqlDialect::kSqlite),
      Error);
}

}  // namespace
}  // namespace peira::abtest
