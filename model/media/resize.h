// Bicubic resizing with antialiasing, to the bit as the reference's libraries do it.
#pragma once

#include "model/media/image.h"

namespace peira::model {

// Both are Keys' cubic (a = -0.5) widened by the scale when shrinking, horizontal pass before
// vertical, 8 bits after each. They differ in the precision of the weights: torchvision (tensors;
// what transformers' default processors use) rounds them to 16 bits, Pillow to 23; single pixels
// may differ by one level.
enum class Resampler { kTorchvision, kPillow };

// `image` in height x width.
//
// throws Error(kInternal): an empty image or size.
// cost   about 4 max(1, scale) products a byte and pass.
// source PyTorch, aten/src/ATen/native/cpu/UpSampleKernel.cpp (antialiased uint8 path); Pillow,
// src/libImaging/Resample.c.
RgbImage resize_bicubic(const RgbImage& image, int height, int width, Resampler resampler);

}  // namespace peira::model
