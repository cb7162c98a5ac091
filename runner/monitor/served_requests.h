// What the server tells of its requests, as a monitor keeps it.
#pragma once

#include "runner/monitor/request_record.h"
#include "runner/serve/metrics.h"

namespace peira::runner {

RequestRecord request_record_of(const ServedRequest& request);

}  // namespace peira::runner
