#include <algorithm>

#include "model/backend/reference/kernels.h"

namespace peira::model::reference {

void embedding(const ConstTensorView& tokens, const Weight& table, float scale,
               const TensorView& out) {
  const std::int64_t size = table.shape()[1];
  for (std::int64_t t = 0; t < tokens.shape[0]; ++t) {
    float* const row = out.f32() + t * size;
    widen_row(table, tokens.i32()[t], row);
    for (std::int64_t h = 0; h < size; ++h) row[h] *= scale;
  }
}

void gather_rows(const ConstTensorView& x, const ConstTensorView& rows, const TensorView& out) {
  const std::int64_t size = x.shape[1];
  for (std::int64_t i = 0; i < rows.shape[0]; ++i) {
    std::copy_n(x.f32() + rows.i32()[i] * size, size, out.f32() + i * size);
  }
}

}  // namespace peira::model::reference
