#include "model/media/processor_json.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"

namespace peira::model {

namespace {

constexpr std::int64_t kMostPixels = std::int64_t{1} << 40;
constexpr int kPilBicubic = 3;

}  // namespace

ProcessorJson::ProcessorJson(std::string_view text, std::string where)
    : where_(std::move(where)), json_(nlohmann::json::parse(text, nullptr, false)) {
  if (!json_.is_object()) refuse("expected a JSON object");
}

void ProcessorJson::refuse(const std::string& problem) const {
  throw Error(ErrorCode::kData, where_ + ": " + problem);
}

void ProcessorJson::read_in(const nlohmann::json& json, const char* key, std::int64_t max,
                            std::int64_t& value) const {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return;
  if (!found->is_number_integer() || found->get<std::int64_t>() < 1 ||
      found->get<std::int64_t>() > max) {
    refuse(std::string(key) + " is " + found->dump() + ", expected a whole number from 1 to " +
           std::to_string(max));
  }
  value = found->get<std::int64_t>();
}

void ProcessorJson::read(const char* key, std::int64_t max, std::int64_t& value) const {
  read_in(json_, key, max, value);
}

void ProcessorJson::read(const char* key, std::int64_t max, int& value) const {
  std::int64_t wide = value;
  read_in(json_, key, max, wide);
  value = static_cast<int>(wide);
}

void ProcessorJson::read(const char* key, bool& value) const {
  const auto found = json_.find(key);
  if (found == json_.end() || found->is_null()) return;
  if (!found->is_boolean())
    refuse(std::string(key) + " is " + found->dump() + ", expected true or false");
  value = found->get<bool>();
}

void ProcessorJson::read_positive(const char* key, double& value) const {
  const auto found = json_.find(key);
  if (found == json_.end() || found->is_null()) return;
  if (!found->is_number() || !(found->get<double>() > 0)) {
    refuse(std::string(key) + " is " + found->dump() + ", expected a number above 0");
  }
  value = found->get<double>();
}

void ProcessorJson::read_channels(const char* key, bool positive,
                                  std::array<float, 3>& value) const {
  const auto found = json_.find(key);
  if (found == json_.end() || found->is_null()) return;
  const auto fits = [&](const nlohmann::json& entry) {
    return entry.is_number() && std::isfinite(entry.get<double>()) &&
           (!positive || entry.get<double>() > 0);
  };
  if (!found->is_array() || found->size() != 3 ||
      !std::all_of(found->begin(), found->end(), fits)) {
    refuse(std::string(key) + " is " + found->dump() + ", expected three numbers" +
           (positive ? " above 0" : ""));
  }
  for (std::size_t c = 0; c < 3; ++c) value[c] = (*found)[c].get<float>();
}

void ProcessorJson::read_pixel_limits(std::int64_t& min_pixels, std::int64_t& max_pixels) const {
  read_in(json_, "min_pixels", kMostPixels, min_pixels);
  read_in(json_, "max_pixels", kMostPixels, max_pixels);
  if (const auto size = json_.find("size"); size != json_.end() && size->is_object()) {
    read_in(*size, "shortest_edge", kMostPixels, min_pixels);
    read_in(*size, "longest_edge", kMostPixels, max_pixels);
  }
  if (min_pixels > max_pixels) {
    refuse("the fewest pixels are " + std::to_string(min_pixels) + ", the most only " +
           std::to_string(max_pixels));
  }
}

void ProcessorJson::read_shared(ImageProcessorConfig& config) const {
  read("patch_size", 256, config.patch_size);
  read("temporal_patch_size", 16, config.temporal_patch_size);
  read("merge_size", 16, config.merge_size);
  read_channels("image_mean", false, config.image_mean);
  read_channels("image_std", true, config.image_std);
  read_positive("rescale_factor", config.rescale_factor);
  const auto filter = json_.find("resample");
  if (filter != json_.end() && filter->is_number() && *filter != kPilBicubic) {
    refuse("resample is " + filter->dump() + "\n  supported: 3 (bicubic)");
  }
}

}  // namespace peira::model
