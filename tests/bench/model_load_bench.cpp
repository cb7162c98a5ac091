// What loading a checkpoint costs: seconds until the engine stands and until its first token, and
// the memory it holds then, private (the copies of weights, cache, buffers) and of mapped files.
// The file is in the system's page cache, as on any second start.
//
//     model_load_bench THREADS [CHECKPOINT]
//
// Without a checkpoint: a random bf16 one of 1.9 GB, in a folder that goes afterwards. Each
// precision in a process of its own; a line of JSON each.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "model/checkpoint_files.h"
#include "model/engine.h"
#include "model/inspection.h"
#include "tests/bench/synthetic_checkpoint.h"

namespace peira::bench {
namespace {

// Of /proc/self/status, in bytes.
std::int64_t status_bytes(const std::string& wanted) {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with(wanted + ":")) return std::atoll(line.c_str() + wanted.size() + 1) * 1024;
  }
  return 0;
}

void load(const std::string& checkpoint, const std::string& precision, int num_threads) {
  const std::map<std::string, model::WeightPrecision> precisions{
      {"stored", model::WeightPrecision::kStored},
      {"int8", model::WeightPrecision::kInt8},
      {"int4", model::WeightPrecision::kInt4}};
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&start] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  model::EngineOptions options;
  options.num_threads = num_threads;
  options.weights = precisions.at(precision);
  options.max_kv_tokens = 1024;
  options.max_batch = 1;
  model::Engine engine(model::CheckpointFiles::at(checkpoint), options);
  const double loaded = seconds();
  model::TokenRequest request;
  request.tokens = {1, 2, 3};
  request.max_tokens = 1;
  engine.generate(std::array{request});
  const double first_token = seconds();
  const model::Inspection found = model::inspect(model::CheckpointFiles::at(checkpoint));
  std::printf(
      "{\"weights\": \"%s\", \"threads\": %d, \"loaded_s\": %.2f, \"first_token_s\": %.2f, "
      "\"copies_counted_mb\": %.0f, \"private_mb\": %.0f, \"peak_mb\": %.0f, "
      "\"mapped_mb\": %.0f}\n",
      precision.c_str(), num_threads, loaded, first_token,
      static_cast<double>(found.weights.value().copied_bytes(options.weights)) / 1e6,
      static_cast<double>(status_bytes("RssAnon")) / 1e6,
      static_cast<double>(status_bytes("VmHWM")) / 1e6,
      static_cast<double>(status_bytes("RssFile")) / 1e6);
}

// load() in a new process, which owns nothing of this one's memory.
bool load_apart(const std::string& checkpoint, const std::string& precision, int num_threads) {
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string threads = std::to_string(num_threads);
    ::execl("/proc/self/exe", "model_load_bench", "--load", checkpoint.c_str(), precision.c_str(),
            threads.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace
}  // namespace peira::bench

int main(int argc, char** argv) {
  using namespace peira::bench;
  if (argc == 5 && std::string(argv[1]) == "--load") {
    load(argv[2], argv[3], std::atoi(argv[4]));
    return 0;
  }
  const int num_threads = argc > 1 ? std::max(1, std::atoi(argv[1])) : 1;
  std::filesystem::path made;
  std::string checkpoint = argc > 2 ? argv[2] : "";
  if (checkpoint.empty()) {
    made =
        std::filesystem::temp_directory_path() / ("model_load_bench." + std::to_string(getpid()));
    SyntheticCheckpoint({2048, 10, 16, 4, 128, 8, 2, 1408, 32'000}).write_to(made);
    checkpoint = made.string();
  }
  bool is_done = true;
  for (const char* precision : {"stored", "int8", "int4"}) {
    is_done = load_apart(checkpoint, precision, num_threads) && is_done;
  }
  if (!made.empty()) std::filesystem::remove_all(made);
  return is_done ? 0 : 1;
}
