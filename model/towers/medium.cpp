#include "model/towers/medium.h"

namespace peira::model {

const char* name_of(Modality modality) {
  switch (modality) {
    case Modality::kImage:
      return "image";
    case Modality::kVideo:
      return "video";
    case Modality::kAudio:
      return "audio";
  }
  return "?";
}

}  // namespace peira::model
