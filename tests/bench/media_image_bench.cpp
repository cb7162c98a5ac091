// Pictures a second from a file's bytes to patches: decoded, resized, normalised, cut, on one
// thread. PEIRA_IMAGES names a folder of files, of which each ending is timed by itself; without
// it, a photograph-like JPEG and PNG of 1280 x 960 and a chart-like PNG of 640 x 480 made here.
// tests/bench/beside_image_processor.py times the reference's processor on the same files.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/files.h"
#include "model/media/image.h"
#include "model/media/image_features.h"

namespace peira::model {
namespace {

namespace fs = std::filesystem;

// Slopes and a little noise, or bars of one colour.
RgbImage drawn(int height, int width, bool is_photograph) {
  RgbImage image{height, width, Buffer<std::uint8_t>(static_cast<std::size_t>(height * width * 3))};
  std::uint32_t state = 1;
  std::size_t at = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int channel = 0; channel < 3; ++channel) {
        state = state * 1664525U + 1013904223U;
        const int slope = (x * (channel + 1) + y * (3 - channel)) / 16 % 256;
        const int value = is_photograph ? slope + static_cast<int>(state >> 29U) - 4
                                        : x / 40 % 2 * (60 + 40 * channel) + 90;
        image.pixels.data()[at++] = static_cast<std::uint8_t>(std::min(255, std::max(0, value)));
      }
    }
  }
  return image;
}

using Files = std::map<std::string, std::vector<std::string>>;  // by name or ending: their bytes

const Files& files() {
  static const Files loaded = [] {
    Files out;
    if (const char* const folder = std::getenv("PEIRA_IMAGES")) {
      for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
        out[entry.path().extension().string()].push_back(read_file(entry.path()));
      }
      return out;
    }
    const RgbImage photograph = drawn(960, 1280, true);
    out["photograph.jpeg"] = {encode_jpeg(photograph, 90)};
    out["photograph.png"] = {encode_png(photograph)};
    out["chart.png"] = {encode_png(drawn(480, 640, false))};
    return out;
  }();
  return loaded;
}

void BM_ImageToPatches(benchmark::State& state, const std::vector<std::string>& images) {
  const ImageProcessorConfig config;
  std::int64_t num_patches = 0;
  for (auto _ : state) {
    for (const std::string& bytes : images) {
      const VisionFeatures features = image_features(decode_image(bytes, "image"), config, "image");
      num_patches += features.grid_t * features.grid_h * features.grid_w;
    }
  }
  state.counters["images/s"] = benchmark::Counter(static_cast<double>(images.size()),
                                                  benchmark::Counter::kIsIterationInvariantRate);
  state.counters["patches/s"] =
      benchmark::Counter(static_cast<double>(num_patches), benchmark::Counter::kIsRate);
}

}  // namespace
}  // namespace peira::model

int main(int argc, char** argv) {
  for (const auto& [name, images] : peira::model::files()) {
    benchmark::RegisterBenchmark(("BM_ImageToPatches/" + name).c_str(),
                                 [&images = images](benchmark::State& state) {
                                   peira::model::BM_ImageToPatches(state, images);
                                 })
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
