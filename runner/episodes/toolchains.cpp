#include "runner/episodes/toolchains.h"

#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "evals/suites/aider/tests.h"

namespace peira::runner {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Where `program` is in PATH, links followed; empty when it is not.
fs::path find_program(const std::string& program) {
  const std::string path = environment("PATH");
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find(':', start), path.size());
    const fs::path candidate = fs::path(path.substr(start, end - start)) / program;
    if (end > start && access(candidate.c_str(), X_OK) == 0 && fs::is_regular_file(candidate)) {
      return candidate;
    }
    start = end + 1;
  }
  return {};
}

// What `command` prints, without the line feed at its end; empty when it fails. Commands are ours,
// their words quoted.
std::string output_of(const std::string& command) {
  struct Close {
    void operator()(FILE* file) const { pclose(file); }
  };
  FILE* const pipe = popen((command + " 2>/dev/null").c_str(), "re");
  if (pipe == nullptr) return {};
  std::string text;
  std::array<char, 4096> buffer{};
  for (std::size_t size = 0; (size = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    if (text.size() < (std::size_t{1} << 16U)) text.append(buffer.data(), size);
  }
  const bool failed = pclose(pipe) != 0;
  while (text.ends_with('\n')) text.pop_back();
  return failed ? std::string() : text;
}

std::string quoted(const fs::path& path) {
  std::string text = "'";
  for (const char c : path.string()) text += c == '\'' ? "'\\''" : std::string(1, c);
  return text + "'";
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

bool is_below_usr(const fs::path& path) { return path.string().starts_with("/usr/"); }

void add_folder(Toolchain& tools, const fs::path& folder) {
  if (folder.empty() || is_below_usr(folder) || !fs::is_directory(folder)) return;
  for (const evals::HostFolder& known : tools.read_only) {
    if (folder.string() == known.path || folder.string().starts_with(known.path + "/")) return;
  }
  tools.read_only.push_back({folder.string(), ""});
}

void put_first_in_path(Toolchain& tools, const fs::path& folder) {
  tools.environment.emplace_back("PATH", folder.string() + ":/usr/local/bin:/usr/bin:/bin");
}

fs::path prepared(const char* name) { return user_cache_dir() / "toolchains" / name; }

Toolchain detect_python() {
  Toolchain tools;
  tools.name = "python";
  const fs::path venv = prepared("python");
  for (const fs::path& python : {venv / "bin" / "python3", find_program("python3")}) {
    if (python.empty() || !fs::exists(python)) continue;
    const std::string told = output_of(
        quoted(python) +
        " -c 'import sys, pytest; print(sys.prefix); print(sys.base_prefix); "
        "print(\"Python %d.%d.%d, pytest %s\" % (*sys.version_info[:3], pytest.__version__))'");
    const std::size_t first = told.find('\n');
    const std::size_t second = told.find('\n', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const fs::path prefix = told.substr(0, first);
    if (!fs::exists(prefix / "bin" / "pytest")) continue;
    tools.version = told.substr(second + 1);
    add_folder(tools, prefix);
    add_folder(tools, told.substr(first + 1, second - first - 1));
    put_first_in_path(tools, prefix / "bin");
    return tools;
  }
  tools.missing = "no pytest: python3 -m venv " + quoted(venv) + " && " +
                  quoted(venv / "bin" / "pip") + " install pytest";
  return tools;
}

Toolchain detect_rust() {
  Toolchain tools;
  tools.name = "rust";
  const fs::path rustc = find_program("rustc");
  // rustup's own programs only choose a toolchain: its folder holds the real ones.
  const fs::path root = rustc.empty() ? "" : output_of(quoted(rustc) + " --print sysroot");
  if (root.empty() || !fs::exists(root / "bin" / "cargo")) {
    tools.missing = "no cargo: install Rust (https://rustup.rs, or apt-get install cargo)";
    return tools;
  }
  tools.version = first_line(output_of(quoted(root / "bin" / "cargo") + " --version"));
  add_folder(tools, root);
  put_first_in_path(tools, root / "bin");
  tools.environment.emplace_back("CARGO_NET_OFFLINE", "true");
  const fs::path registry = prepared("cargo");
  tools.has_packages = fs::exists(registry / "registry");
  if (tools.has_packages) {
    add_folder(tools, registry);
    tools.environment.emplace_back("PEIRA_CARGO_HOME", registry.string());
  }
  tools.packages = tools.has_packages
                       ? "crates in " + registry.string()
                       : "crates: CARGO_HOME=" + quoted(registry) + " cargo fetch in each exercise";
  return tools;
}

constexpr int kGoMinor = 21;

// 19 of "go version go1.19.8 linux/amd64"; of a later major or a development version, the newest.
int go_minor(const std::string& version) {
  constexpr std::string_view kMark = " go1.";
  const std::size_t at = version.find(kMark);
  if (at == std::string::npos) return std::numeric_limits<int>::max();
  int minor = 0;
  std::from_chars(version.data() + at + kMark.size(), version.data() + version.size(), minor);
  return minor;
}

Toolchain detect_go() {
  Toolchain tools;
  tools.name = "go";
  const fs::path go = find_program("go");
  const fs::path root = go.empty() ? "" : output_of(quoted(go) + " env GOROOT");
  if (root.empty()) {
    tools.missing = "no go: apt-get install golang-go, or https://go.dev/dl";
    return tools;
  }
  tools.version = output_of(quoted(go) + " version");
  // Aider's own container has 1.21.5; programs use what 1.21 brought (slices, maps, min, max).
  if (const int minor = go_minor(tools.version); minor < kGoMinor) {
    tools.missing = "go 1." + std::to_string(minor) + " is older than 1." +
                    std::to_string(kGoMinor) + ": https://go.dev/dl";
    tools.version.clear();
    return tools;
  }
  add_folder(tools, root);
  put_first_in_path(tools, root / "bin");
  for (const auto& [name, value] :
       std::initializer_list<std::pair<const char*, const char*>>{{"GOROOT", root.c_str()},
                                                                  {"GOPATH", "/tmp/go"},
                                                                  {"GOCACHE", "/tmp/go-build"},
                                                                  {"GOPROXY", "off"},
                                                                  {"GOTOOLCHAIN", "local"}}) {
    tools.environment.emplace_back(name, value);
  }
  return tools;
}

Toolchain detect_javascript() {
  Toolchain tools;
  tools.name = "javascript";
  const fs::path node = find_program("node");
  const fs::path npm = find_program("npm");
  if (node.empty() || npm.empty()) {
    tools.missing = "no node or npm: apt-get install nodejs npm, or https://nodejs.org";
    return tools;
  }
  tools.version = "node " + output_of(quoted(node) + " --version") + ", npm " +
                  output_of(quoted(npm) + " --version");
  const fs::path bin = fs::canonical(node).parent_path();
  add_folder(tools, bin.parent_path());
  put_first_in_path(tools, bin);
  const fs::path modules = prepared("npm") / "node_modules";
  tools.has_packages = fs::is_directory(modules);
  if (tools.has_packages) {
    add_folder(tools, modules);
    tools.environment.emplace_back("PEIRA_NODE_MODULES", modules.string());
  }
  tools.packages = tools.has_packages ? "npm packages in " + modules.string()
                                      : "npm packages: copy an exercise's package.json into " +
                                            quoted(prepared("npm")) + " and run npm install there";
  return tools;
}

Toolchain detect_java() {
  Toolchain tools;
  tools.name = "java";
  const fs::path javac = find_program("javac");
  if (javac.empty()) {
    tools.missing = "no javac: apt-get install default-jdk-headless";
    return tools;
  }
  const fs::path home = fs::canonical(javac).parent_path().parent_path();
  tools.version = first_line(output_of(quoted(javac) + " -version 2>&1"));
  add_folder(tools, home);
  put_first_in_path(tools, home / "bin");
  tools.environment.emplace_back("JAVA_HOME", home.string());
  const fs::path gradle = prepared("gradle");
  tools.has_packages = fs::is_directory(gradle / "wrapper");
  if (tools.has_packages) {
    add_folder(tools, gradle);
    tools.environment.emplace_back("PEIRA_GRADLE_HOME", gradle.string());
  }
  tools.packages = tools.has_packages ? "Gradle and libraries in " + gradle.string()
                                      : "Gradle and libraries: GRADLE_USER_HOME=" + quoted(gradle) +
                                            " ./gradlew --no-daemon test in one exercise";
  return tools;
}

Toolchain detect_cpp() {
  Toolchain tools;
  tools.name = "cpp";
  const fs::path cmake = find_program("cmake");
  const fs::path compiler = find_program("g++");
  if (cmake.empty() || compiler.empty() || find_program("make").empty()) {
    tools.missing = "no cmake, g++ or make: apt-get install cmake g++ make libboost-all-dev";
    return tools;
  }
  tools.version = first_line(output_of(quoted(cmake) + " --version")) + ", " +
                  first_line(output_of(quoted(compiler) + " --version"));
  const fs::path bin = fs::canonical(cmake).parent_path();
  if (!is_below_usr(bin)) {
    add_folder(tools, bin.parent_path());
    put_first_in_path(tools, bin);
  }
  // Two exercises ask CMake for Boost's date_time.
  const fs::path boost = output_of(quoted(compiler) + " -print-file-name=libboost_date_time.so");
  tools.has_packages = boost.is_absolute();
  tools.packages = tools.has_packages
                       ? "Boost in " + boost.parent_path().lexically_normal().string()
                       : "Boost: apt-get install libboost-date-time-dev";
  return tools;
}

bool needs_boost(const datasets::Exercise& exercise) {
  const datasets::ExerciseFile* const list = datasets::find_file(exercise, "CMakeLists.txt");
  return list != nullptr && list->bytes.find("find_package(Boost") != std::string::npos;
}

// Whether the JSON object in `package` has dependencies that npm would have to install.
bool needs_npm_packages(const datasets::Exercise& exercise) {
  const datasets::ExerciseFile* const package = datasets::find_file(exercise, "package.json");
  if (package == nullptr) return false;
  try {
    const Json json = parse_json(package->bytes, "package.json");
    for (const char* key : {"dependencies", "devDependencies"}) {
      if (json.is_object() && json.contains(key) && !json[key].empty()) return true;
    }
  } catch (const Error&) {
    return true;
  }
  return false;
}

bool needs_crates(const datasets::Exercise& exercise) {
  const datasets::ExerciseFile* const manifest = datasets::find_file(exercise, "Cargo.toml");
  if (manifest == nullptr) return false;
  const std::string& text = manifest->bytes;
  std::size_t at = text.find("dependencies]\n");
  if (at == std::string::npos) return false;
  at = text.find_first_not_of(" \t\r\n", at + 14);
  return at != std::string::npos && text[at] != '[' && text[at] != '#';
}

bool needs_gradle(const datasets::Exercise& exercise) {
  return datasets::find_file(exercise, "gradle/wrapper/gradle-wrapper.properties") != nullptr;
}

}  // namespace

std::vector<Toolchain> detect_toolchains() {
  std::vector<Toolchain> all{detect_cpp(),        detect_go(),     detect_java(),
                             detect_javascript(), detect_python(), detect_rust()};
  for (Toolchain& tools : all) {
    for (const evals::HostFolder& folder : tools.read_only) {
      for (const char* own : {"/tmp/", "/work/", "/dev/", "/proc/"}) {
        if (!folder.path.starts_with(own)) continue;
        tools.version.clear();
        tools.missing = folder.path + " is hidden from programs by their own " +
                        std::string(own, std::string_view(own).size() - 1) +
                        ": install it elsewhere";
      }
    }
  }
  return all;
}

std::string why_not(const datasets::Exercise& exercise, const std::vector<Toolchain>& toolchains) {
  const std::string name = evals::aider::toolchain_of(exercise);
  for (const Toolchain& tools : toolchains) {
    if (tools.name != name) continue;
    if (!tools.available()) return tools.missing;
    const bool needs_packages = (name == "javascript" && needs_npm_packages(exercise)) ||
                                (name == "java" && needs_gradle(exercise)) ||
                                (name == "cpp" && needs_boost(exercise)) ||
                                (name == "rust" && needs_crates(exercise));
    return needs_packages && !tools.has_packages ? "no " + tools.packages : "";
  }
  return "no known way to run its tests";
}

void equip(evals::CodeRequest& request, const std::string& name,
           const std::vector<Toolchain>& toolchains) {
  for (const Toolchain& tools : toolchains) {
    if (tools.name != name) continue;
    request.read_only = tools.read_only;
    for (const auto& variable : tools.environment) request.environment.push_back(variable);
  }
}

}  // namespace peira::runner
