// A file's run as its reader hands it on, and how it gets into the store.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "runner/exchange/exchange.h"
#include "runner/store.h"

namespace peira::runner::exchange {

// One run in a file. Read several times: to check it, and then to store it.
class RunSource {
 public:
  virtual ~RunSource() = default;

  // What the file says of the run as a whole. `manifest` holds what is known of its parts; a null
  // "dataset" is filled in from the samples, and epochs, num_rows and expected_answers of 0 are
  // counted.
  virtual RunInfo info() = 0;
  // Hands every answer on, in the file's order. A sample whose row is -1 gets the rank of its first
  // appearance; its digest stands for its content.
  // throws Error(kData).
  virtual void visit(const std::function<void(FinishedAnswer&&)>& take) = 0;

  std::string format;              // "inspect_ai 0.3.1", "peira csv": for the manifest
  std::vector<std::string> files;  // all that was read, for their names and digests
  std::vector<std::string> notes;
};

// The runs in a file of each kind.
std::vector<std::unique_ptr<RunSource>> open_table_runs(const std::filesystem::path& file,
                                                        Format format);
std::vector<std::unique_ptr<RunSource>> open_inspect_log(const std::filesystem::path& file,
                                                         const ImportOptions& options);
std::vector<std::unique_ptr<RunSource>> open_lm_eval(const std::filesystem::path& file,
                                                     const ImportOptions& options);

// Checks `source` and stores it.
ImportedRun store_run(Store& store, RunSource& source, const ImportOptions& options);

// SHA-256 of what a sample asks, each text preceded by its length.
std::string content_digest(const std::vector<std::string_view>& texts);

}  // namespace peira::runner::exchange
