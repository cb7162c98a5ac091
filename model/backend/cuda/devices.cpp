#include "model/backend/cuda/check.h"
#include "model/backend/device.h"

namespace peira::model {

CudaDevices find_cuda_devices() {
  CudaDevices out;
  int num_devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&num_devices);
  if (status != cudaSuccess) {
    cudaGetLastError();  // an absent device is an answer here, not a failure of the next call
    int driver = 0;
    if (cudaDriverGetVersion(&driver) != cudaSuccess) driver = 0;
    out.problem = cuda_problem(driver, CUDART_VERSION, cudaGetErrorString(status));
    return out;
  }
  if (num_devices == 0) out.problem = "the driver lists none";
  for (int index = 0; index < num_devices; ++index) {
    cudaDeviceProp properties{};
    cuda::check(cudaGetDeviceProperties(&properties, index));
    CudaDevice& device = out.devices.emplace_back();
    device.index = index;
    device.name = properties.name;
    device.architecture =
        "sm_" + std::to_string(properties.major) + std::to_string(properties.minor);
    device.is_supported = properties.major >= 8;
    device.total_bytes = static_cast<std::int64_t>(properties.totalGlobalMem);
    std::size_t free_bytes = 0;
    std::size_t total_bytes = 0;
    // A device that others hold exclusively cannot be asked; it has nothing to give then.
    if (cudaSetDevice(index) == cudaSuccess &&
        cudaMemGetInfo(&free_bytes, &total_bytes) == cudaSuccess) {
      device.free_bytes = static_cast<std::int64_t>(free_bytes);
    } else {
      cudaGetLastError();
    }
  }
  return out;
}

}  // namespace peira::model
