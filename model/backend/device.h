// Which devices this machine has and which one "auto" takes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace peira::model {

struct CudaDevice {
  int index = 0;
  std::string name;           // "NVIDIA H100 80GB HBM3"
  std::string architecture;   // "sm_90"
  bool is_supported = false;  // its architecture has kernels in this program
  std::int64_t free_bytes = 0;
  std::int64_t total_bytes = 0;
};

struct CudaDevices {
  std::vector<CudaDevice> devices;
  std::string problem;  // why there is none: "driver ...", "this program was built without CUDA"
};

// What the driver lists, in its order. Never throws for a machine without one.
CudaDevices find_cuda_devices();

struct DeviceChoice {
  std::string device;  // for BackendOptions
  // What "auto" chose and why, e.g. "auto: cuda:0 (NVIDIA H100, 78.6 GiB free; the model needs 12.3
  // GiB)"; empty where the device was named.
  std::string reason;
};

// `asked`, or for "auto" the supported CUDA device with the most free memory if the model fits,
// else "cpu".
//
// needed_bytes  weights and buffers, without the key-value cache, which takes what is left.
// devices       as find_cuda_devices() gives them; looked at for "auto" only.
DeviceChoice choose_device(const std::string& asked, std::int64_t needed_bytes,
                           const CudaDevices& devices);

}  // namespace peira::model
