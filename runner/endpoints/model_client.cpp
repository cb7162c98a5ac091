#include "runner/endpoints/model_client.h"

#include "base/error.h"

namespace peira::runner {

void ModelClient::prepare(const ResponseFormat& format) {
  if (format.is_free()) return;
  throw Error(ErrorCode::kUsage,
              format.where + ": the answers of " + name() +
                  " cannot be held to a form\n  try: a checkpoint folder or bundled as --model, "
                  "or --no-response-format");
}

}  // namespace peira::runner
