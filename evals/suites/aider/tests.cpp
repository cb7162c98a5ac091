#include "evals/suites/aider/tests.h"

#include <array>
#include <map>
#include <utility>

#include "base/utf8.h"
#include "evals/edits/text.h"
#include "evals/python_text.h"

namespace peira::evals::aider {
namespace {

// One language's way to run tests. Scripts stand in the exercise's folder and end with the tests'
// exit status.
struct Command {
  std::string_view suffix, toolchain, script;
};
constexpr std::array<Command, 6> kCommands{{
    {".py", "python", "exec pytest"},
    {".rs", "rust",
     // PEIRA_CARGO_HOME: crates, prepared.
     "if [ -n \"$PEIRA_CARGO_HOME\" ]; then\n"
     "  cp -r \"$PEIRA_CARGO_HOME\" /tmp/cargo || exit\n"
     "  export CARGO_HOME=/tmp/cargo\n"
     "fi\n"
     "exec cargo test -- --include-ignored"},
    {".go", "go", "exec go test ./..."},
    // PEIRA_NODE_MODULES: packages prepared beforehand, where the machine has them.
    {".js", "javascript",
     "set -e\n"
     "if [ ! -e node_modules ] && [ -n \"$PEIRA_NODE_MODULES\" ]; then\n"
     "  ln -s \"$PEIRA_NODE_MODULES\" node_modules\n"
     "fi\n"
     "sed -i 's/\\bxtest(/test(/g' *.spec.js\n"
     "exec npm run test"},
    {".cpp", "cpp",
     "set -e\n"
     "mkdir -p build\n"
     "cd build\n"
     "cmake -DEXERCISM_RUN_ALL_TESTS=1 -G \"Unix Makefiles\" ..\n"
     "exec make"},
    {".java", "java",
     // PEIRA_GRADLE_HOME: Gradle and libraries, prepared; it must be able to write there.
     "if [ -n \"$PEIRA_GRADLE_HOME\" ] && [ -d gradle/wrapper ]; then\n"
     "  cp -r \"$PEIRA_GRADLE_HOME\" /tmp/gradle || exit\n"
     "  export GRADLE_USER_HOME=/tmp/gradle\n"
     "  exec ./gradlew --offline --no-daemon test\n"
     "fi\n"
     "exec ./gradlew test"},
}};

const Command* command_for(const datasets::Exercise& exercise) {
  for (const Command& command : kCommands) {
    for (const std::string& test : exercise.tests) {
      if (test.ends_with(command.suffix)) return &command;
    }
  }
  return nullptr;
}

}  // namespace

std::string toolchain_of(const datasets::Exercise& exercise) {
  const Command* const command = command_for(exercise);
  return command == nullptr ? "" : std::string(command->toolchain);
}

CodeRequest test_program(const datasets::Exercise& exercise, const edits::Workspace& workspace) {
  std::map<std::string, CodeFile> files;
  for (const auto& [name, bytes] : workspace.files_inside()) {
    files[name] = {exercise.name + "/" + name, bytes, false};
  }
  for (const datasets::ExerciseFile& file : exercise.files) {
    const auto found = files.find(file.path);
    if (found != files.end()) found->second.executable = file.executable;
  }
  for (const std::string& test : exercise.tests) {
    const datasets::ExerciseFile* const file = datasets::find_file(exercise, test);
    if (file == nullptr) continue;
    const bool is_java = test.ends_with(".java");
    files[test] = {exercise.name + "/" + test,
                   is_java ? without_disabled(file->bytes) : file->bytes, file->executable};
  }
  CodeRequest request;
  const Command* const command = command_for(exercise);
  request.argv = {"sh", "-c",
                  "exec 2>&1\ncd \"$1\" || exit\n" +
                      std::string(command == nullptr ? "exit 1" : command->script),
                  "sh", exercise.name};
  for (auto& [name, file] : files) request.files.push_back(std::move(file));
  // Compilers and build tools need room; time is what the benchmark limits.
  request.limits.memory_bytes = std::int64_t{4} << 30;
  request.limits.cpu_time = std::chrono::minutes(20);
  request.limits.wall_time = kTestTime;
  request.limits.num_processes = 512;
  request.limits.file_size_bytes = std::int64_t{1} << 30;
  request.limits.folder_bytes = std::int64_t{2} << 30;
  request.limits.output_bytes = std::int64_t{4} << 20;
  request.loopback = true;  // Gradle talks to its own daemon
  return request;
}

std::string clean_output(std::string_view output, const std::string& exercise_name) {
  const std::u32string text = to_utf32(to_valid_utf8(output));
  const auto is_digit = [&](std::size_t i) {
    return i < text.size() && python::digit_value(text[i]) >= 0;
  };
  const auto is_word = [&](std::size_t i) { return i < text.size() && python::is_word(text[i]); };
  std::u32string kept;
  for (std::size_t i = 0; i < text.size();) {
    // "in 1.23s", a word on either side apart.
    if (text.compare(i, 3, U"in ") == 0 && (i == 0 || !is_word(i - 1)) && is_digit(i + 3)) {
      std::size_t end = i + 3;
      while (is_digit(end)) ++end;
      if (end < text.size() && text[end] == U'.' && is_digit(end + 1)) {
        ++end;
        while (is_digit(end)) ++end;
        if (end < text.size() && text[end] == U's' && !is_word(end + 1)) {
          i = end + 1;
          continue;
        }
      }
    }
    kept += text[i++];
  }
  return python::replace(to_utf8(kept), "/work/" + exercise_name, exercise_name);
}

std::string without_disabled(std::string_view source) {
  constexpr std::string_view kStart = "@Disabled(";
  std::string kept;
  std::size_t at = 0;
  while (at < source.size()) {
    const std::size_t start = source.find(kStart, at);
    if (start == std::string_view::npos) break;
    const std::size_t close = source.find(')', start + kStart.size());
    if (close == std::string_view::npos) break;
    // The blanks behind it, up to and with the last line feed among them.
    std::size_t end = close + 1;
    std::size_t blank = end;
    bool has_feed = false;
    while (blank < source.size()) {
      const DecodedCodePoint point = decode_utf8(source, blank);
      if (!point.valid || !python::is_space(point.code_point)) break;
      blank += point.size_bytes;
      if (point.code_point == U'\n') {
        has_feed = true;
        end = blank;
      }
    }
    kept += source.substr(at, start - at);
    if (has_feed) {
      at = end;
    } else {
      kept += kStart;
      at = start + kStart.size();
    }
  }
  kept += source.substr(at);
  return kept;
}

}  // namespace peira::evals::aider
