#include "datasets/mmmu_subjects.h"

namespace peira::datasets {

std::span<const MmmuDiscipline> mmmu_disciplines() {
  static constexpr std::array<MmmuDiscipline, 6> kDisciplines{{
      {"Art and Design", {"Art", "Art_Theory", "Design", "Music"}},
      {"Business", {"Accounting", "Economics", "Finance", "Manage", "Marketing"}},
      {"Science", {"Biology", "Chemistry", "Geography", "Math", "Physics"}},
      {"Health and Medicine",
       {"Basic_Medical_Science", "Clinical_Medicine", "Diagnostics_and_Laboratory_Medicine",
        "Pharmacy", "Public_Health"}},
      {"Humanities and Social Science", {"History", "Literature", "Sociology", "Psychology"}},
      {"Tech and Engineering",
       {"Agriculture", "Architecture_and_Engineering", "Computer_Science", "Electronics",
        "Energy_and_Power", "Materials", "Mechanical_Engineering"}},
  }};
  return kDisciplines;
}

std::string_view mmmu_discipline(std::string_view subject) {
  for (const MmmuDiscipline& discipline : mmmu_disciplines()) {
    for (const std::string_view name : discipline.subjects) {
      if (!name.empty() && name == subject) return discipline.name;
    }
  }
  return "";
}

std::string mmmu_subject(std::string_view id) {
  const std::size_t first = id.find('_');
  const std::size_t last = id.rfind('_');
  if (first == std::string_view::npos || last == first) return "";
  return std::string(id.substr(first + 1, last - first - 1));
}

}  // namespace peira::datasets
