// Tables that lie in the store's file beside the runs and are read and written over connections of
// their own.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "base/sqlite.h"

namespace peira::runner {

bool has_table(const Database& database, std::string_view name);

// Opens the file for tables of `schema`; where it `writes`, they are made if they are absent. The
// run's own connection may write beside this one: they take turns.
// throws  as Database does.
std::unique_ptr<Database> open_side_tables(const std::filesystem::path& store, bool writes,
                                           const char* schema);

}  // namespace peira::runner
