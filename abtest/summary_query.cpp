#include "abtest/summary_query.h"

#include <charconv>
#include <string_view>

#include "base/error.h"

namespace peira::abtest {
namespace {

void require_text(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) {
    throw Error(ErrorCode::kUsage, "a name holds a zero byte");
  }
}

std::string doubled(std::string_view text, char quote) {
  require_text(text);
  std::string out(1, quote);
  for (const char c : text) {
    out += c;
    if (c == quote) out += c;
  }
  return out + quote;
}

std::string literal(std::string_view text) { return doubled(text, '\''); }

std::string identifier(std::string_view name) {
  std::string out;
  while (true) {
    const std::size_t dot = name.find('.');
    out += doubled(name.substr(0, dot), '"');
    if (dot == std::string_view::npos) return out;
    out += '.';
    name.remove_prefix(dot + 1);
  }
}

// Shortest text that reads back the same double; both dialects take exponents.
std::string number(double value) {
  char text[40];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  static_cast<void>(error);  // 40 characters hold every double
  return {text, end};
}

const char* aggregate_of(MetricType type) {
  switch (type) {
    case MetricType::kProportion:
      return "MAX";
    case MetricType::kCount:
    case MetricType::kRatio:
      return "SUM";
    default:
      return "AVG";
  }
}

// SELECT of (unit, variant, metric, y, x) for one metric.
std::string unit_select(const Metric& metric, const SummaryTables& tables, SqlDialect dialect) {
  const std::string outcomes = identifier(tables.outcomes);
  std::string value = "CAST(o.value AS DOUBLE PRECISION)";
  if (metric.cap) {
    const std::string least = dialect == SqlDialect::kSqlite ? "MIN" : "LEAST";
    value = least + "(" + value + ", CAST(" + number(*metric.cap) + " AS DOUBLE PRECISION))";
  }
  const std::string aggregate = std::string(aggregate_of(metric.type)) + "(" + value + ")";
  const auto per_unit = [&](const std::string& name, const std::string& measure) {
    return "(SELECT o.unit, " + measure + " AS v FROM " + outcomes +
           " o JOIN kept k ON k.unit = o.unit AND o.ts >= k.ts WHERE o.metric = " + literal(name) +
           " AND o.value IS NOT NULL GROUP BY o.unit)";
  };
  const std::string y = metric.missing_is_zero ? "COALESCE(y.v, 0.0)" : "y.v";
  const std::string join = metric.missing_is_zero ? "LEFT JOIN " : "JOIN ";
  std::string select = "  SELECT k.unit, k.variant, CAST(" + literal(metric.name) +
                       " AS TEXT) AS metric, " + y + " AS y, ";
  if (metric.type == MetricType::kRatio) {
    return select + "x.v AS x\n  FROM kept k " + join + per_unit(metric.name, aggregate) +
           " y ON y.unit = k.unit JOIN " +
           per_unit(metric.name + ":denominator", "SUM(CAST(o.value AS DOUBLE PRECISION))") +
           " x ON x.unit = k.unit\n";
  }
  if (!tables.covariates) {
    return select + "CAST(NULL AS DOUBLE PRECISION) AS x\n  FROM kept k " + join +
           per_unit(metric.name, aggregate) + " y ON y.unit = k.unit\n";
  }
  return select + "x.v AS x\n  FROM kept k " + join + per_unit(metric.name, aggregate) +
         " y ON y.unit = k.unit LEFT JOIN (SELECT unit, AVG(CAST(value AS DOUBLE PRECISION)) AS v "
         "FROM " +
         identifier(*tables.covariates) + " WHERE metric = " + literal(metric.name) +
         " GROUP BY unit) x ON x.unit = k.unit\n";
}

}  // namespace

SqlDialect sql_dialect(const std::string& name) {
  if (name == "sqlite") return SqlDialect::kSqlite;
  if (name == "postgres") return SqlDialect::kPostgres;
  throw Error(ErrorCode::kUsage,
              "SQL dialect '" + name + "' is not known\n  try: sqlite, postgres");
}

std::string summary_query(const std::string& experiment, const std::vector<Metric>& metrics,
                          const SummaryTables& tables, SqlDialect dialect) {
  if (metrics.empty()) throw Error(ErrorCode::kUsage, "the experiment has no metric");
  std::string units;
  for (const Metric& metric : metrics) {
    check_metric(metric);
    if (metric.type == MetricType::kQuantile) {
      throw Error(ErrorCode::kUsage, "metric '" + metric.name +
                                         "': a quantile has no sufficient statistics\n  try: "
                                         "--metric for the others");
    }
    units += (units.empty() ? "" : "  UNION ALL\n") + unit_select(metric, tables, dialect);
  }
  return "WITH seen AS (\n  SELECT unit, MIN(ts) AS ts, MIN(variant) AS variant, "
         "COUNT(DISTINCT variant) AS num_variants\n  FROM " +
         identifier(tables.exposures) + " WHERE experiment = " + literal(experiment) +
         " GROUP BY unit\n),\nkept AS (\n  SELECT unit, ts, variant FROM seen WHERE num_variants = "
         "1\n),\nunits AS (\n" +
         units +
         "),\nmeans AS (\n  SELECT variant, metric, (x IS NOT NULL) AS has_x, AVG(y) AS mean, "
         "AVG(x) AS mean_x\n  FROM units GROUP BY variant, metric, (x IS NOT NULL)\n)\n"
         "SELECT u.variant AS variant, u.metric AS metric, COUNT(*) AS n, MIN(m.mean) AS mean,\n"
         "  SUM((u.y - m.mean) * (u.y - m.mean)) AS m2, MIN(m.mean_x) AS mean_x,\n"
         "  SUM((u.x - m.mean_x) * (u.x - m.mean_x)) AS m2_x,\n"
         "  SUM((u.y - m.mean) * (u.x - m.mean_x)) AS sxy\n"
         "FROM units u JOIN means m\n"
         "  ON m.variant = u.variant AND m.metric = u.metric AND m.has_x = (u.x IS NOT NULL)\n"
         "GROUP BY u.variant, u.metric, m.has_x\n"
         "UNION ALL\nSELECT variant, '', COUNT(*), NULL, NULL, NULL, NULL, NULL FROM kept GROUP BY "
         "variant\n"
         "UNION ALL\nSELECT '', '', COUNT(*), NULL, NULL, NULL, NULL, NULL FROM seen WHERE "
         "num_variants > 1\n"
         "ORDER BY 1, 2, 6;\n";
}

}  // namespace peira::abtest
