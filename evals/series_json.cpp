// Judgements of nights as JSON and back, exact to the bit.
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "evals/series.h"

namespace peira::evals {
namespace {

constexpr std::pair<SeriesVerdict, std::string_view> kVerdicts[] = {
    {SeriesVerdict::kTooLittleHistory, "too little history"},
    {SeriesVerdict::kSteady, "steady"},
    {SeriesVerdict::kDropped, "dropped"},
    {SeriesVerdict::kDrifted, "drifted"},
    {SeriesVerdict::kImproved, "improved"},
    {SeriesVerdict::kUndecided, "undecided"}};

using Logs = std::array<double, kDriftBets.size()>;

// JSON has no infinity: null stands for the logarithm of nothing.
Json logs_json(const Logs& logs) {
  Json out = Json::array();
  for (const double value : logs) out.push_back(std::isinf(value) ? Json(nullptr) : Json(value));
  return out;
}

// Reads members of one object, each checked for its type.
class Reader {
 public:
  Reader(const Json& value, std::string where) : value_(value), where_(std::move(where)) {
    if (!value.is_object()) fail("not an object");
  }

  std::string text(const char* key) const {
    const Json& member = require(value_, key, where_);
    if (!member.is_string()) fail(std::string(key) + ": not a text");
    return member.get<std::string>();
  }
  bool flag(const char* key) const {
    const Json& member = require(value_, key, where_);
    if (!member.is_boolean()) fail(std::string(key) + ": not true or false");
    return member.get<bool>();
  }
  double number(const char* key) const {
    const Json& member = require(value_, key, where_);
    if (!member.is_number()) fail(std::string(key) + ": not a number");
    return member.get<double>();
  }
  std::int64_t whole(const char* key) const {
    const Json& member = require(value_, key, where_);
    if (!member.is_number_integer()) fail(std::string(key) + ": not a whole number");
    return member.get<std::int64_t>();
  }
  std::optional<double> optional_number(const char* key) const {
    if (value_.value(key, Json(nullptr)).is_null()) return std::nullopt;
    return number(key);
  }
  Logs logs(const char* key) const {
    const Json& member = require(value_, key, where_);
    if (!member.is_array() || member.size() != kDriftBets.size()) {
      fail(std::string(key) + ": not a list of " + std::to_string(kDriftBets.size()));
    }
    Logs out{};
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (member[i].is_null()) {
        out[i] = -std::numeric_limits<double>::infinity();
      } else if (member[i].is_number()) {
        out[i] = member[i].get<double>();
      } else {
        fail(std::string(key) + ": not a list of numbers");
      }
    }
    return out;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kData, where_ + ": " + what);
  }
  const Json& value_;
  std::string where_;
};

}  // namespace

std::string_view to_string(SeriesVerdict verdict) {
  return kVerdicts[static_cast<std::size_t>(verdict)].second;
}

SeriesVerdict series_verdict_from(std::string_view name) {
  for (const auto& [verdict, text] : kVerdicts) {
    if (text == name) return verdict;
  }
  throw Error(ErrorCode::kData, "\"" + std::string(name) + "\" is no verdict of a night");
}

Json to_json(const NightJudgement& j) {
  Json out{{"night", j.night},
           {"run_id", j.run_id},
           {"identity", j.identity},
           {"basis", j.basis},
           {"accepted_from", j.accepted_from},
           {"verdict", std::string(to_string(j.verdict))},
           {"sentence", j.sentence},
           {"counted", j.counted},
           {"green", j.green},
           {"begins", j.begins},
           {"num_questions", j.num_questions},
           {"estimate", j.estimate},
           {"level", j.level},
           {"reference_nights", j.reference_nights},
           {"sampling_error", j.sampling_error},
           {"down", logs_json(j.down)},
           {"up", logs_json(j.up)},
           {"log_alarm", j.log_alarm},
           {"drifting", j.drifting},
           {"alarm_night", j.alarm_night},
           {"recovery", j.recovery},
           {"recovery_from", j.recovery_from},
           {"recovered", j.recovered}};
  const auto put = [&](const char* key, const std::optional<double>& value) {
    if (value) out[key] = *value;
  };
  put("low", j.low);
  put("high", j.high);
  put("difference", j.difference);
  put("std_error", j.std_error);
  put("df", j.df);
  put("difference_low", j.difference_low);
  put("difference_high", j.difference_high);
  put("night_noise", j.night_noise);
  put("p", j.p);
  put("test_level", j.test_level);
  put("z", j.z);
  put("center", j.center);
  put("limit_low", j.limit_low);
  put("limit_high", j.limit_high);
  if (j.change) {
    out["change"] = {{"gradual", j.change->gradual},   {"night", j.change->night},
                     {"earliest", j.change->earliest}, {"latest", j.change->latest},
                     {"size", j.change->size},         {"low", j.change->low},
                     {"high", j.change->high}};
  }
  return out;
}

NightJudgement night_judgement_from(const Json& value, const std::string& where) {
  const Reader read(value, where);
  NightJudgement j;
  j.night = read.text("night");
  j.run_id = read.text("run_id");
  j.identity = read.text("identity");
  j.basis = read.text("basis");
  j.accepted_from = read.text("accepted_from");
  j.verdict = series_verdict_from(read.text("verdict"));
  j.sentence = read.text("sentence");
  j.counted = read.flag("counted");
  j.green = read.flag("green");
  j.begins = read.flag("begins");
  j.num_questions = read.whole("num_questions");
  j.estimate = read.number("estimate");
  j.level = read.number("level");
  j.reference_nights = read.whole("reference_nights");
  j.sampling_error = read.number("sampling_error");
  j.down = read.logs("down");
  j.up = read.logs("up");
  j.log_alarm = read.number("log_alarm");
  j.drifting = read.flag("drifting");
  j.alarm_night = read.text("alarm_night");
  j.recovery = read.number("recovery");
  j.recovery_from = read.text("recovery_from");
  j.recovered = read.flag("recovered");
  j.low = read.optional_number("low");
  j.high = read.optional_number("high");
  j.difference = read.optional_number("difference");
  j.std_error = read.optional_number("std_error");
  j.df = read.optional_number("df");
  j.difference_low = read.optional_number("difference_low");
  j.difference_high = read.optional_number("difference_high");
  j.night_noise = read.optional_number("night_noise");
  j.p = read.optional_number("p");
  j.test_level = read.optional_number("test_level");
  j.z = read.optional_number("z");
  j.center = read.optional_number("center");
  j.limit_low = read.optional_number("limit_low");
  j.limit_high = read.optional_number("limit_high");
  if (const auto change = value.find("change"); change != value.end()) {
    const Reader inner(*change, where + ".change");
    j.change = LevelChange{.gradual = inner.flag("gradual"),
                           .night = inner.text("night"),
                           .earliest = inner.text("earliest"),
                           .latest = inner.text("latest"),
                           .size = inner.number("size"),
                           .low = inner.number("low"),
                           .high = inner.number("high")};
  }
  return j;
}

}  // namespace peira::evals
