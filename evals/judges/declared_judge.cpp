#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "evals/detail/json_members.h"
#include "evals/judges/detail.h"
#include "evals/judges/judges.h"
#include "evals/scorers/judgement.h"

namespace peira::evals {
namespace {

using detail::JsonMembers;

// A prompt of the user's own, which must hold `needed`.
std::string prompt_of(JsonMembers& members, std::initializer_list<const char*> needed) {
  std::string text = members.text_or("prompt", "");
  for (const char* const placeholder : needed) {
    if (!text.empty() && text.find(placeholder) == std::string::npos) {
      throw members.error("prompt", std::string("does not hold ") + placeholder);
    }
  }
  return text;
}

std::vector<Criterion> read_criteria(JsonMembers& members) {
  std::vector<Criterion> criteria;
  const Json* const list = members.find("criteria");
  if (list == nullptr) return criteria;
  if (!list->is_array() || list->empty()) {
    throw members.error("criteria", "must be a list of criteria, not empty");
  }
  std::set<std::string> names;
  for (const Json& item : *list) {
    const std::string where =
        members.path_of("criteria") + "[" + std::to_string(criteria.size()) + "]";
    Criterion criterion;
    if (item.is_string()) {
      criterion.name = item.get<std::string>();
    } else {
      JsonMembers one(item, where);
      criterion.name = one.text_or("name", "");
      criterion.description = one.text_or("description", "");
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
  JsonMembers members(value, where);
  const std::string kind = members.text_or("kind", "");
  ModelJudge judge;
  if (kind == "rubric") {
    RubricSpec spec;
    spec.instructions = members.text_or("instructions", "");
    spec.criteria = read_criteria(members);
    spec.shows_reference = members.flag("shows_reference", false);
    spec.prompt = prompt_of(members, {"{{response}}"});
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
    spec.instructions = members.text_or("instructions", "");
    spec.prompt = prompt_of(members, {"{{response}}", "{{reference}}"});
    judge = reference_judge(spec);
  } else if (kind == "pairwise") {
    PairwiseSpec spec;
    spec.instructions = members.text_or("instructions", "");
    spec.shows_reference = members.flag("shows_reference", false);
    spec.prompt = prompt_of(members, {"{{response_a}}", "{{response_b}}"});
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
