// Samples to run over, wherever they come from: a dataset file, or memory in tests and benchmarks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "datasets/dataset.h"
#include "datasets/date_window.h"
#include "evals/suite.h"

namespace peira::runner {

struct SampleSource {
  std::string name;  // for tables: "gpqa_diamond"
  Json identity;     // manifest value: {"kind", "sha256", ...}; never the file's place
  bool restricted = false;
  std::function<std::unique_ptr<datasets::SampleReader>()> open;
  std::function<std::int64_t()> count;  // the whole source
};

// `window` takes samples of those days only; it is part of the identity.
SampleSource source_of(const datasets::DatasetFile& file, const datasets::DateWindow& window = {});
// `data`, a file or a dataset's name, as `suite` reads it; "" takes the suite's own default.
SampleSource source_of(const evals::Suite& suite, const std::string& data,
                       const datasets::DateWindow& window = {});

// SHA-256 of a sample's content (question, options, target, metadata), hex.
std::string sample_digest(const datasets::Sample& sample);

}  // namespace peira::runner
