#include "model/backend/device.h"

#include <algorithm>

#include "model/memory_plan.h"

namespace peira::model {
namespace {

std::string version_text(int version) {  // 13000 is 13.0
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

}  // namespace

std::string cuda_problem(int driver_version, int needed_version, const std::string& reason) {
  if (driver_version <= 0) return "no NVIDIA driver is loaded";
  if (driver_version < needed_version) {
    return "the driver is too old: it supports CUDA " + version_text(driver_version) +
           ", this program needs " + version_text(needed_version);
  }
  return "driver for CUDA " + version_text(driver_version) + ": " + reason;
}

DeviceChoice choose_device(const std::string& asked, std::int64_t needed_bytes,
                           const CudaDevices& devices) {
  if (asked != "auto") return {asked, ""};
  const CudaDevice* best = nullptr;
  for (const CudaDevice& device : devices.devices) {
    if (!device.is_supported) continue;
    if (best == nullptr || device.free_bytes > best->free_bytes) best = &device;
  }
  if (best == nullptr) {
    const std::string why = devices.devices.empty() ? "no CUDA device: " + devices.problem
                                                    : devices.devices.front().name + " is " +
                                                          devices.devices.front().architecture +
                                                          ", sm_80 or newer is needed";
    return {"cpu", "auto: cpu (" + why + ")"};
  }
  const std::string found = best->name + ", " + shown_bytes(best->free_bytes) +
                            " free; the model needs " + shown_bytes(needed_bytes);
  const std::string device = "cuda:" + std::to_string(best->index);
  // A tenth stays for the cache: less than that is no use.
  if (needed_bytes > best->free_bytes / 10 * 9) {
    return {"cpu", "auto: cpu (too little memory on " + device + ": " + found + ")"};
  }
  return {device, "auto: " + device + " (" + found + ")"};
}

}  // namespace peira::model
