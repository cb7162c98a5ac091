// Reads lines "FILE RGB_OUT PATCHES_OUT" and writes the pixels and the patches of each picture,
// raw; or, with
// "--time FILE N", prints the seconds that one of N times decoding and cutting takes.
#include <chrono>
#include <fstream>
#include <iostream>
#include <string>

#include "base/error.h"
#include "base/files.h"
#include "model/media/image_features.h"

using namespace peira;

namespace {

void write(const std::string& path, const void* data, std::size_t size) {
  std::ofstream(path, std::ios::binary)
      .write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
}

double seconds_each(const std::string& path, int times) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < times; ++i)
    model::image_features(model::decode_image(read_file(path), path), {}, path);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / times;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 4 && std::string(argv[1]) == "--time") {
      std::cout << seconds_each(argv[2], std::stoi(argv[3])) << "\n";
      return 0;
    }
    std::string file, rgb_out, patches_out;
    while (std::cin >> file >> rgb_out >> patches_out) {
      const model::RgbImage image = model::decode_image(read_file(file), file);
      const model::VisionFeatures features = model::image_features(image, {}, file);
      write(rgb_out, image.pixels.data(), image.pixels.size());
      write(patches_out, features.patches.data(), features.patches.size() * sizeof(float));
    }
    return 0;
  } catch (const Error& error) {
    std::cerr << "error: " << error.what() << "\n";
    return error.exit_status();
  }
}
