// Which devices this machine has, which one "auto" takes, and what work needs of one.
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

// Why CUDA is not there, in words for people.
//
// driver_version, needed_version  as 13000 for 13.0; 0: there is no driver.
// reason                          what CUDA says.
std::string cuda_problem(int driver_version, int needed_version, const std::string& reason);

// What the driver lists, in its order. Never throws for a machine without one.
CudaDevices find_cuda_devices();

// Sizes of a model and of its batches that say how much memory operations need beside their
// tensors.
struct WorkSizes {
  std::int64_t max_rows = 0;   // of a batch
  std::int64_t max_pages = 0;  // of a sequence, as batches are padded
  std::int64_t num_layers = 0;
  std::int64_t hidden_size = 0;
  std::int64_t num_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t num_experts = 0;
  std::int64_t num_experts_per_tok = 0;
  std::int64_t moe_intermediate_size = 0;
};

// Device memory that the CUDA backend uses beside tensors at most: between the kernels of an
// operation, and for recorded operations. It calls no library that has a workspace of its own.
std::int64_t cuda_working_bytes(const WorkSizes& sizes);

struct DeviceChoice {
  std::string device;  // for BackendOptions
  // What "auto" chose and why, e.g. "auto: cuda:0 (NVIDIA H100, 78.6 GiB free; the model needs 12.3
  // GiB)"; empty where the device was named.
  std::string reason;
};

// `asked`, or for "auto" the supported CUDA device with the most free memory if the model fits,
// else "cpu".
//
// needed_bytes  weights, buffers and cuda_working_bytes(), without the key-value cache, which takes
//               what is left.
// devices       as find_cuda_devices() gives them; looked at for "auto" only.
DeviceChoice choose_device(const std::string& asked, std::int64_t needed_bytes,
                           const CudaDevices& devices);

}  // namespace peira::model
