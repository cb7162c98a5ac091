// The 30 subjects of MMMU and the six disciplines they are of.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace peira::datasets {

struct MmmuDiscipline {
  std::string_view name;
  std::array<std::string_view, 7> subjects;  // the last may be ""
};

// In the order in which the official script prints them.
std::span<const MmmuDiscipline> mmmu_disciplines();

// The discipline of `subject` ("Art_Theory" is of "Art and Design"); "" for any other.
std::string_view mmmu_discipline(std::string_view subject);

// The subject in an id "validation_Art_Theory_12"; "" when it has fewer than three pieces.
std::string mmmu_subject(std::string_view id);

}  // namespace peira::datasets
