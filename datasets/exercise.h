// A programming exercise: files that a model may change, and files that tell whether it did well.
#pragma once

#include <string>
#include <vector>

namespace peira::datasets {

struct ExerciseFile {
  std::string path;  // relative to the exercise's folder
  std::string bytes;
  bool executable = false;
};

struct Exercise {
  std::string language;  // "cpp", "go", "java", "javascript", "python" or "rust"
  std::string name;      // "two-fer"; other languages may have it too
  // All files but what must never be seen: reference solutions, and documents that are part of the
  // question. Sorted by path.
  std::vector<ExerciseFile> files;
  std::vector<std::string> editable;  // paths that a model is shown and asked to change
  std::vector<std::string> tests;     // paths of tests, put back before each time they run
};

// The file of `exercise` at `path`, or null.
const ExerciseFile* find_file(const Exercise& exercise, const std::string& path);

}  // namespace peira::datasets
