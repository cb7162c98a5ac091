// A run of a million samples out to each format and in again: seconds, the most memory, file size.
//   build/release/bench/runner_exchange_bench [SAMPLES [FORMAT...]]
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/sqlite.h"
#include "runner/exchange/exchange.h"
#include "tests/bench/large_store.h"

namespace peira::runner::exchange {
namespace {

struct Cost {
  bool done = false;
  double seconds = 0;
  double memory_mb = 0;  // the most, without the pages of files that are mapped
};

// What the process holds that no file holds.
double anonymous_mb(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/status");
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("RssAnon:")) return std::atof(line.c_str() + 8) / 1024;
  }
  return 0;
}

// In a process of its own, so that its memory is its own.
Cost measured(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      work();
      ::_exit(0);
    } catch (const Error& error) {
      std::fprintf(stderr, "%s\n", error.what());
      ::_exit(error.exit_status());
    }
  }
  int status = 0;
  Cost cost;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    cost.memory_mb = std::max(cost.memory_mb, anonymous_mb(child));
    ::usleep(20'000);
  }
  cost.done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  cost.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return cost;
}

double size_mb(const std::filesystem::path& path) {
  std::uintmax_t size = 0;
  if (std::filesystem::is_regular_file(path)) {
    size = std::filesystem::file_size(path);
  } else {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (entry.is_regular_file()) size += entry.file_size();
    }
  }
  return static_cast<double>(size) / 1e6;
}

// What of `path` is given to import_file: of a folder its results.
std::filesystem::path to_import(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return path;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.path().filename().string().starts_with("results")) return entry.path();
  }
  return path;
}

// What the answers of a run (of the only one) come to.
std::string sums(const std::filesystem::path& path, const std::string& run) {
  const Database database(path, Database::Mode::kReadOnly);
  Statement statement = database.prepare(
      "SELECT COUNT(*), TOTAL(a.value), TOTAL(a.completion_tokens), SUM(a.state = 'failed'), "
      "TOTAL(LENGTH(t.response)), COUNT(DISTINCT a.answer) FROM answers a JOIN transcripts t USING "
      "(run, row, epoch) JOIN runs r ON r.key = a.run WHERE r.id = ?1 OR ?1 = ''");
  statement.bind(1, run);
  statement.step();
  std::string text;
  for (int column = 0; column < 6; ++column) text += std::to_string(statement.real(column)) + " ";
  return text;
}

std::string text_of(const Cost& cost) {
  char text[64];
  if (!cost.done) return "           failed";
  std::snprintf(text, sizeof text, "%8.1f %8.0f", cost.seconds, cost.memory_mb);
  return text;
}

void run(std::int64_t num_samples, const std::vector<std::string>& formats) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("peira-exchange-bench-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const std::filesystem::path path = folder / "peira.sqlite";
  measured([&] { make_large_store(path, num_samples); });
  std::printf("%-8s %8s %8s %8s %8s %8s   %s\n", "format", "file MB", "export s", "most MB",
              "import s", "most MB", "equal");
  for (const std::string& name : formats) {
    const std::optional<Format> format = format_from(name);
    if (!format) throw Error(ErrorCode::kUsage, name + ": no such format");
    const std::filesystem::path out =
        folder / (*format == Format::kInspect  ? "log.eval"
                  : *format == Format::kLmEval ? std::string("results")
                                               : "samples." + name);
    const Cost exported = measured([&] {
      const Store store(path, Store::Access::kReadOnly);
      export_runs(store, {"a"}, *format, out);
    });
    const std::filesystem::path into = folder / (name + ".sqlite");
    const Cost imported = measured([&] {
      Store store(into);
      import_file(store, to_import(out), {});
    });
    bool is_equal = false;
    if (exported.done && imported.done) {
      is_equal = sums(path, "a") == sums(into, "");
    }
    std::printf("%-8s %8.0f%s%s   %s\n", name.c_str(), size_mb(out), text_of(exported).c_str(),
                text_of(imported).c_str(), is_equal ? "yes" : "NO");
    std::fflush(stdout);
    std::filesystem::remove_all(out);
    std::filesystem::remove(into);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace peira::runner::exchange

int main(int argc, char** argv) {
  std::vector<std::string> formats(argv + std::min(argc, 2), argv + argc);
  if (formats.empty()) formats = {"csv", "jsonl", "parquet", "inspect", "lm-eval"};
  try {
    peira::runner::exchange::run(argc > 1 ? std::atoll(argv[1]) : 1'000'000, formats);
  } catch (const peira::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_status();
  }
  return 0;
}
