// The viewer's queries on two runs of a million samples: how long each answer takes, p50 and max.
//   build/release/bench/runner_viewer_bench [SAMPLES]
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "runner/viewer/api.h"
#include "tests/bench/large_store.h"

namespace peira::runner::viewer {
namespace {

struct Times {
  std::vector<double> ms;
  void print(const char* name) {
    std::sort(ms.begin(), ms.end());
    std::printf("%-44s %7.1f %7.1f   %zu\n", name, ms[ms.size() / 2], ms.back(), ms.size());
    std::fflush(stdout);
  }
};

class Bench {
 public:
  explicit Bench(const std::filesystem::path& path) : api_(path) {}

  Json ask(const std::string& path, const Parameters& parameters, Times& times) {
    const auto begin = std::chrono::steady_clock::now();
    const Reply reply = api_.get(path, parameters);
    times.ms.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
            .count());
    if (reply.status != 200) {
      std::fprintf(stderr, "%s: %s\n", path.c_str(), reply.body.c_str());
      std::exit(1);
    }
    return parse_json(reply.body, path);
  }

  void repeat(const char* name, const std::string& path, const Parameters& parameters) {
    Times times;
    for (int i = 0; i < 20; ++i) ask(path, parameters, times);
    times.print(name);
  }

  // Asks until `done` of the reply, as a page does.
  template <typename Done>
  void until(const char* name, const std::string& path, const Parameters& parameters, Done done) {
    Times times;
    const auto begin = std::chrono::steady_clock::now();
    while (!done(ask(path, parameters, times))) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    const double whole =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    times.print(
        (std::string(name) + ", in all " + std::to_string(whole).substr(0, 4) + " s").c_str());
  }

  // One text looked for through the whole run, piece by piece.
  void search(const char* name, const std::string& text) {
    Times times;
    Parameters parameters{{"run", "a"}, {"text", text}};
    const auto begin = std::chrono::steady_clock::now();
    for (;;) {
      const Json reply = ask("/api/samples", parameters, times);
      if (reply["at_end"].get<bool>() || reply["resume"].is_null()) break;
      parameters.erase("after");
      parameters.emplace("after", reply["resume"].get<std::string>());
    }
    const double whole =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    times.print(
        (std::string(name) + ", in all " + std::to_string(whole).substr(0, 4) + " s").c_str());
  }

 private:
  Api api_;
};

void run(std::int64_t num_samples) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("peira-viewer-bench-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  make_large_store(folder / "peira.sqlite", num_samples);
  {
    Bench bench(folder / "peira.sqlite");
    const std::string middle = std::to_string(num_samples / 2);
    std::printf("%-44s %7s %7s   %s\n", "query", "p50 ms", "max ms", "requests");
    bench.repeat("runs", "/api/runs", {});
    bench.until("run page while it is counted", "/api/run", {{"run", "a"}},
                [](const Json& reply) { return !reply["record"].is_null(); });
    bench.repeat("run page", "/api/run", {{"run", "a"}});
    bench.repeat("samples, first page", "/api/samples", {{"run", "a"}});
    bench.repeat("samples, from the middle", "/api/samples",
                 {{"run", "a"}, {"after", middle + ".0"}});
    bench.repeat("wrong", "/api/samples", {{"run", "a"}, {"only", "wrong"}});
    bench.repeat(
        "wrong, one breakdown, page before the middle", "/api/samples",
        {{"run", "a"}, {"only", "wrong"}, {"where", "domain:7"}, {"before", middle + ".0"}});
    bench.repeat("failed (4 in a million)", "/api/samples", {{"run", "a"}, {"only", "failed"}});
    bench.repeat("sample story", "/api/sample", {{"run", "a"}, {"row", middle}});
    bench.search("text that is nowhere", "no such text");
    bench.search("text of one sample", "reply " + middle);
    bench.until("comparison while it is made", "/api/compare", {{"a", "a"}, {"b", "b"}},
                [](const Json& reply) { return reply["done"].get<bool>(); });
    bench.repeat("comparison", "/api/compare", {{"a", "a"}, {"b", "b"}});
    bench.repeat("flips, first page", "/api/pairs", {{"a", "a"}, {"b", "b"}});
    bench.repeat("flips, from the middle", "/api/pairs",
                 {{"a", "a"}, {"b", "b"}, {"after", middle}});
    bench.repeat("flipped samples", "/api/samples",
                 {{"run", "a"}, {"only", "flipped"}, {"against", "b"}});
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace peira::runner::viewer

int main(int argc, char** argv) {
  peira::runner::viewer::run(argc > 1 ? std::atoll(argv[1]) : 1'000'000);
  return 0;
}
