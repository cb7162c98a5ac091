// The loops over pixels, with run-time dispatch.
#pragma once

#include <cstdint>
#include <vector>

namespace peira::model {

// For each output position the input positions that make it: first[i] .. first[i] + count[i],
// weighted by weights[i * max_count ...] / 2^precision.
struct ResampleWeights {
  int max_count = 0;
  int precision = 0;
  std::vector<int> first = {};
  std::vector<int> count = {};
  std::vector<std::int32_t> weights = {};
};

// out[i] = clamp(round(sum_j weights[i][j] * in[first[i] + j] / 2^precision)), for rows of
// `row_bytes`.
//
// in   [num input rows, row_bytes].
// out  [first.size(), row_bytes].
void resample_rows(const std::uint8_t* in, std::int64_t row_bytes, const ResampleWeights& plan,
                   std::uint8_t* out);

// Swaps the axes of a picture: in [height, width, 3], out [width, height, 3].
void transpose_pixels(const std::uint8_t* in, std::int64_t height, std::int64_t width,
                      std::uint8_t* out);

// Per channel: value = (pixel - mean) / std, in float32.
struct PixelScale {
  float mean[3] = {};
  float std[3] = {};
};

// One line of one patch, `size` pixels of three channels, to three lines of floats `plane` floats
// apart.
void normalize_pixels(const std::uint8_t* in, std::int64_t size, const PixelScale& scale,
                      std::int64_t plane, float* out);

}  // namespace peira::model
