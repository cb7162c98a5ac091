// Reads the processors' JSON files: each value checked, each error naming file and key.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "model/media/image_features.h"

namespace peira::model {

class ProcessorJson {
 public:
  // where  named in errors.
  // throws Error(kData): not a JSON object.
  ProcessorJson(std::string_view text, std::string where);

  // A whole number from 1 to `max`; absent or null keeps `value`.
  void read(const char* key, std::int64_t max, std::int64_t& value) const;
  void read(const char* key, std::int64_t max, int& value) const;
  void read(const char* key, bool& value) const;
  void read_positive(const char* key, double& value) const;
  // min_pixels and max_pixels, or size.shortest_edge and size.longest_edge.
  void read_pixel_limits(std::int64_t& min_pixels, std::int64_t& max_pixels) const;
  // What pictures and videos share: patch sizes, mean, std, rescale_factor, resample.
  void read_shared(ImageProcessorConfig& config) const;
  [[noreturn]] void refuse(const std::string& problem) const;

 private:
  void read_in(const nlohmann::json& json, const char* key, std::int64_t max,
               std::int64_t& value) const;
  void read_channels(const char* key, bool positive, std::array<float, 3>& value) const;

  std::string where_;
  nlohmann::json json_;
};

}  // namespace peira::model
