#include "model/media/resize.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/error.h"
#include "model/media/pixel_kernels.h"

namespace peira::model {

namespace {

// Keys (1981), the cubic convolution kernel with a = -0.5, in the order of operations of both
// libraries.
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

// The finest precision at which the largest weight still fits 16 bits with its sign.
int torchvision_precision(double largest) {
  int precision = 0;
  while (precision < 22 && static_cast<int>(0.5 + largest * (1 << (precision + 1))) < (1 << 15))
    ++precision;
  return precision;
}

constexpr int kPillowPrecision = 32 - 8 - 2;

ResampleWeights weights_for(int input, int output, Resampler resampler) {
  const double scale = static_cast<double>(input) / output;
  const double filter_scale = std::max(scale, 1.0);
  const double support = 2.0 * filter_scale;
  const double inverse = 1.0 / filter_scale;
  ResampleWeights plan;
  plan.max_count = static_cast<int>(std::ceil(support)) * 2 + 1;
  const std::size_t stride = static_cast<std::size_t>(plan.max_count);
  std::vector<double> weights(static_cast<std::size_t>(output) * stride);
  double largest = 0;
  for (int i = 0; i < output; ++i) {
    const double center = scale * (i + 0.5);
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int end = std::min(static_cast<int>(center + support + 0.5), input);
    const int count = std::clamp(end - first, 0, plan.max_count);
    double* const row = &weights[static_cast<std::size_t>(i) * stride];
    double total = 0;
    for (int j = 0; j < count; ++j) {
      row[j] = cubic((j + first - center + 0.5) * inverse);
      total += row[j];
    }
    for (int j = 0; j < count; ++j) {
      // Pillow multiplies by the reciprocal.
      row[j] = resampler == Resampler::kPillow ? row[j] * (1.0 / total) : row[j] / total;
      largest = std::max(largest, row[j]);
    }
    plan.first.push_back(first);
    plan.count.push_back(count);
  }
  plan.precision =
      resampler == Resampler::kPillow ? kPillowPrecision : torchvision_precision(largest);
  const double one = static_cast<double>(1 << plan.precision);
  plan.weights.reserve(weights.size());
  for (const double weight : weights) {
    plan.weights.push_back(
        static_cast<std::int32_t>(weight < 0 ? weight * one - 0.5 : weight * one + 0.5));
  }
  return plan;
}

}  // namespace

RgbImage resize_bicubic(const RgbImage& image, int height, int width, Resampler resampler) {
  if (image.height <= 0 || image.width <= 0 || height <= 0 || width <= 0) {
    throw Error(ErrorCode::kInternal, "resize_bicubic: " + std::to_string(image.width) + "x" +
                                          std::to_string(image.height) + " to " +
                                          std::to_string(width) + "x" + std::to_string(height));
  }
  const Buffer<std::uint8_t>* pixels = &image.pixels;
  Buffer<std::uint8_t> narrow;
  if (width != image.width) {
    // Along rows the kernel runs over whole lines: so the picture is laid on its side.
    Buffer<std::uint8_t> side(image.pixels.size());
    transpose_pixels(image.pixels.data(), image.height, image.width, side.data());
    const std::int64_t row_bytes = std::int64_t{image.height} * 3;
    Buffer<std::uint8_t> narrow_side(static_cast<std::size_t>(row_bytes * width));
    resample_rows(side.data(), row_bytes, weights_for(image.width, width, resampler),
                  narrow_side.data());
    narrow.resize(narrow_side.size());
    transpose_pixels(narrow_side.data(), width, image.height, narrow.data());
    pixels = &narrow;
  }
  RgbImage out;
  out.height = height;
  out.width = width;
  if (height == image.height) {
    out.pixels = *pixels;
    return out;
  }
  const std::int64_t row_bytes = std::int64_t{width} * 3;
  out.pixels.resize(static_cast<std::size_t>(row_bytes * height));
  resample_rows(pixels->data(), row_bytes, weights_for(image.height, height, resampler),
                out.pixels.data());
  return out;
}

}  // namespace peira::model
