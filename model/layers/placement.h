// Moves a decoder's weights from host memory onto a device.
#pragma once

#include "model/layers/decoder.h"

namespace peira::model {

// `host` with every weight placed; tied ones once. Drops host.owned where the backend has copies.
// throws  Error(kUnavailable): the device has not enough memory.
DecoderWeights placed(Backend& backend, DecoderWeights host);

}  // namespace peira::model
