#include "runner/storage/side_tables.h"

namespace peira::runner {

bool has_table(const Database& database, std::string_view name) {
  Statement found =
      database.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?");
  found.bind(1, name);
  return found.step();
}

std::unique_ptr<Database> open_side_tables(const std::filesystem::path& store, bool writes,
                                           const char* schema) {
  auto database = std::make_unique<Database>(
      store, writes ? Database::Mode::kReadWriteCreate : Database::Mode::kReadOnly);
  database->execute("PRAGMA busy_timeout = 60000");
  if (writes) database->execute(schema);
  return database;
}

}  // namespace peira::runner
