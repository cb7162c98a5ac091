#include "model/backend/cuda/kernels.h"

namespace peira::model::cuda {

void linear(const ConstTensorView& x, std::span<const LinearPart> parts, Stream& stream) {
  Matmul job;
  job.x = x.f32();
  job.num_inputs = static_cast<int>(x.shape[1]);
  job.num_rows = static_cast<int>(x.rows());
  const auto flush = [&] {
    matmul(job, stream);
    job.num_parts = 0;
  };
  for (const LinearPart& part : parts) {
    if (part.out.num_elements() == 0) continue;
    // One launch takes parts of one type.
    if (job.num_parts == kMaxMatmulParts ||
        (job.num_parts > 0 && job.parts[0].weight.dtype != part.weight.dtype())) {
      flush();
    }
    MatmulPart& own = job.parts[static_cast<std::size_t>(job.num_parts++)];
    own = {};
    own.weight.values = part.weight.values.data;
    own.weight.scales = part.weight.scales.f32();
    own.weight.dtype = part.weight.dtype();
    own.weight.num_outputs = static_cast<int>(part.out.shape[1]);
    own.bias = part.bias.data;
    own.bias_dtype = part.bias.dtype;
    own.out = part.out.f32();
  }
  flush();
}

}  // namespace peira::model::cuda
