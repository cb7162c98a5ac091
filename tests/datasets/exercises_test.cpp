// Exercises in the layout of Aider-AI/polyglot-benchmark: invented ones, and the embedded sample.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "datasets/exercise.h"
#include "tests/datasets/support.h"
#include "tests/support/temporary_folder.h"

namespace peira::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

namespace fs = std::filesystem;

class Exercises : public testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) {
    const fs::path place = folder_.path() / path;
    fs::create_directories(place.parent_path());
    std::ofstream(place, std::ios::binary) << text;
  }
  // A whole exercise of one file, with `config` as its configuration.
  void write_exercise(const std::string& folder, const std::string& config) {
    write(folder + "/.meta/config.json", config);
    write(folder + "/.docs/instructions.md", "Do it.\n");
    write(folder + "/two_fer.py", "pass\n");
    write(folder + "/two_fer_test.py", "assert False\n");
    write(folder + "/.meta/example.py", "SECRET\n");
  }
  DatasetFile data() const { return find_dataset(folder_.path().string(), "exercises"); }
  std::string failure() {
    try {
      static_cast<void>(samples_of(data()));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  test::TemporaryFolder folder_;
};

constexpr const char* kConfig =
    R"({"files": {"solution": ["two_fer.py"], "test": ["two_fer_test.py"], "example": [".meta/example.py"]}})";

TEST_F(Exercises, AreReadWithoutWhatMustNotBeSeen) {
  write_exercise("python/exercises/practice/two-fer", kConfig);
  write("python/exercises/practice/two-fer/.docs/introduction.md", "First.\r\n");
  write("python/exercises/practice/two-fer/.docs/instructions.append.md", "Last.\n");
  write("python/exercises/practice/two-fer/__pycache__/x.pyc", "junk");
  write("README.md", "of the repository");

  const std::vector<Sample> samples = samples_of(data());

  ASSERT_EQ(samples.size(), 1U);
  const Sample& sample = samples[0];
  EXPECT_EQ(sample.id, "python/two-fer");
  EXPECT_EQ(sample.cluster, "two-fer");
  EXPECT_EQ(sample.metadata.at("language"), "python");
  EXPECT_EQ(sample.parts.at(0).text, "First.\nDo it.\nLast.\n");
  EXPECT_THAT(sample.exercise->editable, ElementsAre("two_fer.py"));
  EXPECT_THAT(sample.exercise->tests, ElementsAre("two_fer_test.py"));
  std::vector<std::string> paths;
  for (const ExerciseFile& file : sample.exercise->files) {
    paths.push_back(file.path);
    EXPECT_THAT(file.bytes, testing::Not(HasSubstr("SECRET")));
  }
  EXPECT_THAT(paths, ElementsAre("two_fer.py", "two_fer_test.py"));
}

// benchmarks.md E57.
TEST_F(Exercises, E57OneNameInTwoLanguagesIsTwoExercises) {
  write_exercise("python/exercises/practice/bowling", kConfig);
  write_exercise("go/exercises/practice/bowling", kConfig);

  const std::vector<Sample> samples = samples_of(data());

  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples[0].id, "go/bowling");
  EXPECT_EQ(samples[1].id, "python/bowling");
  EXPECT_EQ(samples[0].cluster, samples[1].cluster);
}

TEST_F(Exercises, BuildFilesAndTestsAreNotForEditing) {
  write_exercise(
      "rust/exercises/practice/x",
      R"({"files": {"solution": ["Cargo.toml", "two_fer.py", "two_fer_test.py", ".docs/instructions.md", "two_fer.py"], "test": ["two_fer_test.py"]}})");
  write("rust/exercises/practice/x/Cargo.toml", "[package]\n");

  const std::vector<Sample> samples = samples_of(data());

  EXPECT_THAT(samples.at(0).exercise->editable, ElementsAre("two_fer.py"));
}

TEST_F(Exercises, TheSameFilesHaveTheSameDigest) {
  write_exercise("python/exercises/practice/a", kConfig);
  const std::string before = digest_of(data());
  write("python/exercises/practice/a/target/debug/out", "built");
  EXPECT_EQ(digest_of(data()), before);
  write("python/exercises/practice/a/two_fer_test.py", "assert True\n");
  EXPECT_NE(digest_of(data()), before);
}

TEST_F(Exercises, PathsThatLeadOutAreRefused) {
  write_exercise("python/exercises/practice/a",
                 R"({"files": {"solution": ["../../x"], "test": ["t.py"]}})");
  EXPECT_THAT(failure(), HasSubstr("files.solution: \"../../x\" is no path inside"));
}

TEST_F(Exercises, WhatIsMissingIsNamed) {
  EXPECT_THAT(failure(), HasSubstr("holds no exercises"));
  write("python/exercises/practice/a/.meta/config.json", R"({"files": {"test": ["t.py"]}})");
  EXPECT_THAT(failure(), HasSubstr(".docs/instructions.md: is missing"));
  write("python/exercises/practice/a/.meta/config.json", R"({"files": {"test": []}})");
  EXPECT_THAT(failure(), HasSubstr("files.test: names no tests"));
  write("python/exercises/practice/a/.meta/config.json", "{");
  EXPECT_THAT(failure(), HasSubstr("config.json"));
  fs::remove(folder_.path() / "python/exercises/practice/a/.meta/config.json");
  write("python/exercises/practice/a/x.py", "");
  EXPECT_THAT(failure(), HasSubstr(".meta/config.json: is missing"));
}

TEST_F(Exercises, PackedTreesAreReadStrictly) {
  const auto packed = [&](const std::string& text) {
    write("packed.jsonl", text);
    DatasetFile file;
    file.name = "packed";
    file.kind = "exercises";
    file.path = folder_ / "packed.jsonl";
    try {
      static_cast<void>(samples_of(file));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(packed("{\"path\": \"a\"}\n"), HasSubstr("packed.jsonl:1: not a packed file"));
  EXPECT_THAT(packed("{\"path\": \"../a\", \"text\": \"\"}\n"), HasSubstr("leads out"));
  const std::string line = R"({"path": "go/exercises/practice/a/x.go", "text": ""})"
                           "\n";
  EXPECT_THAT(packed(line + line), HasSubstr("twice"));
}

TEST(ExerciseSample, HasEachTaskInSixLanguages) {
  const std::vector<Sample> samples = samples_of(find_dataset("aider-sample", "exercises"));
  std::set<std::string> languages, tasks;
  for (const Sample& sample : samples) {
    languages.insert(sample.metadata.at("language"));
    tasks.insert(sample.cluster);
    EXPECT_FALSE(sample.exercise->editable.empty()) << sample.id;
    EXPECT_NE(find_file(*sample.exercise, sample.exercise->tests.at(0)), nullptr) << sample.id;
    for (const ExerciseFile& file : sample.exercise->files) {
      EXPECT_FALSE(file.path.starts_with(".meta")) << sample.id;
    }
  }
  EXPECT_EQ(samples.size(), 18U);
  EXPECT_EQ(languages.size(), 6U);
  EXPECT_EQ(tasks.size(), 3U);
}

}  // namespace
}  // namespace peira::datasets
