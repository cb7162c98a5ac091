// What decoding keeps from one token to the next.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace peira::model {

struct DecodeState {
  struct Stage {
    std::string held;       // text that may still change
    std::int64_t seen = 0;  // tokens or characters, as the stage counts
  };
  std::vector<Stage> stages;
};

}  // namespace peira::model
