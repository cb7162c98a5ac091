#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "evals/judges/detail.h"
#include "evals/judges/judges.h"
#include "evals/scorers/judgement.h"

namespace peira::evals {
namespace {

// The members of an object, each asked for by name; the rest is refused.
class Members {
 public:
  Members(const Json& value, std::string where) : value_(value), where_(std::move(where)) {
    if (!value_.is_object()) throw Error(ErrorCode::kData, where_ + ": must be an object");
  }
  Error error(const std::string& key, const std::string& what) const {
    return Error(ErrorCode::kData, where_ + (key.empty() ? "" : "." + key) + ": " + what);
  }
  const Json* find(const std::string& key) {
    known_.insert(key);
    const auto found = value_.find(key);
    return found == value_.end() ? nullptr : &*found;
  }
  std::string text(const std::string& key) {
    const Json* const value = find(key);
    if (value == nullptr) return {};
    if (!value->is_string()) throw error(key, "must be a text");
    return value->get<std::string>();
  }
  bool flag(const std::string& key) {
    const Json* const value = find(key);
    if (value == nullptr) return false;
    if (!value->is_boolean()) throw error(key, "must be true or false");
    return value->get<bool>();
  }
  // A prompt of the user's own, which must hold `needed`.
  std::string prompt(std::initializer_list<const char*> needed) {
    std::string text_of_it = text("prompt");
    for (const char* const placeholder : needed) {
      if (!text_of_it.empty() && text_of_it.find(placeholder) == std::string::npos) {
        throw error("prompt", std::string("does not hold ") + placeholder);
      }
    }
    return text_of_it;
  }
  void refuse_others() const {
    for (const auto& [key, unused] : value_.items()) {
      if (known_.contains(key)) continue;
      std::string names;
      for (const std::string& name : known_) names += (names.empty() ? "" : ", ") + name;
      throw error(key, "unknown key\n  try: " + names);
    }
  }
  const std::string& where() const { return where_; }

 private:
  const Json& value_;
  std::string where_;
  std::set<std::string> known_;
};

std::vector<Criterion> read_criteria(Members& members) {
  std::vector<Criterion> criteria;
  const Json* const list = members.find("criteria");
  if (list == nullptr) return criteria;
  if (!list->is_array() || list->empty()) {
    throw members.error("criteria", "must be a list of criteria, not empty");
  }
  std::set<std::string> names;
  for (const Json& item : *list) {
    const std::string where =
        members.where() + ".criteria[" + std::to_string(criteria.size()) + "]";
    Criterion criterion;
    if (item.is_string()) {
      criterion.name = item.get<std::string>();
    } else {
      Members one(item, where);
      criterion.name = one.text("name");
      criterion.description = one.text("description");
      if (const Json* const weight = one.find("weight")) {
        if (!weight->is_number() || !(weight->get<double>() > 0) || weight->get<double>() > 1e6) {
          throw one.error("weight", "must be a number above 0");
        }
        criterion.weight = weight->get<double>();
      }
      one.refuse_others();
    }
    const bool plain = std::all_of(criterion.name.begin(), criterion.name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '-';
    });
    if (criterion.name.empty() || !plain || criterion.name == "reasoning") {
      throw Error(ErrorCode::kData, where + ": \"" + excerpt(criterion.name, 40) +
                                        "\" cannot name a criterion: letters, digits, _ and -, "
                                        "and not \"reasoning\"");
    }
    if (!names.insert(criterion.name).second) {
      throw Error(ErrorCode::kData, where + ": \"" + criterion.name + "\" is there twice");
    }
    criteria.push_back(std::move(criterion));
  }
  return criteria;
}

}  // namespace

std::shared_ptr<const ModelJudge> read_judge(const Json& value, const std::string& where) {
  Members members(value, where);
  const std::string kind = members.text("kind");
  ModelJudge judge;
  if (kind == "rubric") {
    RubricSpec spec;
    spec.instructions = members.text("instructions");
    spec.criteria = read_criteria(members);
    spec.shows_reference = members.flag("shows_reference");
    spec.prompt = members.prompt({"{{response}}"});
    if (const Json* const scale = members.find("scale")) {
      const bool is_range = scale->is_array() && scale->size() == 2 &&
                            (*scale)[0].is_number_integer() && (*scale)[1].is_number_integer();
      const auto at = [&](std::size_t i) { return (*scale)[i].get<std::int64_t>(); };
      if (!is_range || at(0) < -1000 || at(1) > 1000 || at(0) >= at(1)) {
        throw members.error("scale", "must be two whole numbers, the lower first: [1, 5]");
      }
      spec.low = static_cast<int>(at(0));
      spec.high = static_cast<int>(at(1));
    }
    judge = rubric_judge(spec);
  } else if (kind == "reference") {
    ReferenceSpec spec;
    spec.instructions = members.text("instructions");
    spec.prompt = members.prompt({"{{response}}", "{{reference}}"});
    judge = reference_judge(spec);
  } else if (kind == "pairwise") {
    PairwiseSpec spec;
    spec.instructions = members.text("instructions");
    spec.shows_reference = members.flag("shows_reference");
    spec.prompt = members.prompt({"{{response_a}}", "{{response_b}}"});
    judge = pairwise_judge(spec);
  } else {
    throw members.error("kind",
                        "is \"" + excerpt(kind, 40) + "\"\n  try: rubric, reference or pairwise");
  }
  members.refuse_others();
  return std::make_shared<const ModelJudge>(std::move(judge));
}

std::shared_ptr<const ModelJudge> judge_from_file(const std::string& path) {
  std::string text = read_file(path);
  if (path.ends_with(".json")) return read_judge(parse_json(text, path), path);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (text.empty()) throw Error(ErrorCode::kData, path + ": the rubric is empty");
  RubricSpec spec;
  spec.instructions = std::move(text);
  spec.low = 1;
  spec.high = 10;
  return std::make_shared<const ModelJudge>(rubric_judge(spec));
}

Suite with_judge(const Suite& suite, const std::string& profile,
                 std::shared_ptr<const ModelJudge> judge) {
  Suite judged = suite;
  Profile own = suite.profile(profile);
  own.name = own.name.substr(0, own.name.find('+')) + "+" + judge->name;
  own.judge = std::move(judge);
  own.score = [by = own.judge](const ScoreRequest& request) {
    if (std::optional<Score> score = by->settled(JudgeRequest(request))) return *score;
    return judge_failure("none was asked");
  };
  judged.profiles = {std::move(own)};
  return judged;
}

}  // namespace peira::evals
