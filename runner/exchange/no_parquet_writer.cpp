#include "base/error.h"
#include "runner/exchange/table_writer.h"

namespace peira::runner::exchange {

std::unique_ptr<TableWriter> make_parquet_writer(const std::filesystem::path& path) {
  throw Error(ErrorCode::kUnavailable,
              path.string() +
                  ": this build of Peira cannot write Parquet: Arrow was not there\n  try: "
                  "--format jsonl; or pip install pyarrow (or Arrow C++ with Parquet), configure "
                  "and build again");
}

}  // namespace peira::runner::exchange
